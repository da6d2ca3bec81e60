"""Values of a step over the axes it ran on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from quantumflow_lab.charts.roles import (
    Dims,
    Roles,
    numeric,
    panel_places,
    roles_of,
)
from quantumflow_lab.charts.style import (
    below,
    canvas,
    entitle,
    nothing,
    plain,
    whole_numbers,
)
from quantumflow_lab.colours import PALETTE, colour_of

MARKERS = "osD^vPX*"

Values = NDArray[np.float64]
Units = Mapping[str, str | None]


def sweep(
    dims: Dims,
    values: ArrayLike,
    errors: ArrayLike | None = None,
    *,
    quantity: str = "value",
    unit: str | None = None,
    units: Units | None = None,
    title: str | None = None,
) -> Figure:
    """Values on a grid: one axis as a line, two as a heat map.

    An axis of names, such as ``backend``, becomes one line for each. So does the
    shorter of two axes if there are errors to draw. Further axes become panels.

    Parameters
    ----------
    dims
        Coordinates of each axis, in the order of the dimensions of `values`.
    values
        Real numbers of shape ``(len(axis), ...)``; NaN leaves a gap.
    errors
        One standard deviation of each value, or None.
    quantity, unit
        What the values are.
    units
        Units of the axes that have one.
    title
        What was run.

    Raises
    ------
    ValueError
        If the shapes do not match, or the grid has no axis or too many for a figure.
    """
    grid = np.asarray(values, dtype=float)
    spread = np.full(grid.shape, np.nan)
    if errors is not None:
        spread = np.asarray(errors, dtype=float)
    _check(dims, grid, spread)
    if not np.isfinite(grid).any():
        return nothing(title, "no values yet")
    roles = roles_of(dims, with_errors=errors is not None)
    label = _with_unit(quantity, unit)
    picture = _Picture(dims, roles, grid, spread, label, units or {})
    return picture.figure(title)


def _check(dims: Dims, grid: Values, spread: Values) -> None:
    shape = tuple(len(axis) for axis in dims.values())
    if not shape:
        raise ValueError("a single value has no axis to draw it over; print it instead")
    if grid.shape != shape or spread.shape != shape:
        raise ValueError(
            f"axes of lengths {shape} do not fit values of shape {grid.shape} "
            f"with errors of shape {spread.shape}"
        )


@dataclass(frozen=True, slots=True)
class _Picture:
    """A sweep on its way into a figure."""

    dims: Dims
    roles: Roles
    grid: Values
    spread: Values
    """Errors of the shape of `grid`; NaN where there are none."""
    label: str
    """Quantity and unit of the values."""
    units: Units = field(default_factory=dict)

    def figure(self, title: str | None) -> Figure:
        places = panel_places(self.dims, self.roles)
        figure, axes = canvas(6.6, 1.2 + 2.4 * len(places), len(places), sharex=True)
        grid, spread = self._ordered(self.grid), self._ordered(self.spread)
        handles: list[Any] = []
        for one, place in zip(axes, places, strict=True):
            if self.roles.heat:
                self._heat(one, grid[place])
            else:
                handles = self._lines(one, grid[place], spread[place])
            self._name_panel(one, place)
        _name_ticks(axes[-1], self.dims[self.roles.x])
        axes[-1].set_xlabel(self._axis_label(self.roles.x))
        entitle(axes[0], title)
        if handles and self.roles.second is not None:
            name = plain(self.roles.second)
            lines = self.dims[self.roles.second]
            below(axes[0], handles, [f"{name} {_short(v)}" for v in lines])
        return figure

    def _ordered(self, values: Values) -> Values:
        """The values with panels first, then lines, then x."""
        kept = [n for n in (self.roles.second, self.roles.x) if n is not None]
        names = list(self.dims)
        return values.transpose([names.index(n) for n in (*self.roles.panels, *kept)])

    def _lines(self, axes: Axes, grid: Values, spread: Values) -> list[Any]:
        axes.set_ylabel(self.label)
        roles, xs = self.roles, self.dims[self.roles.x]
        if roles.second is None and not numeric(xs):
            return _dots(axes, roles.x, xs, grid, spread)
        names = [None] if roles.second is None else list(self.dims[roles.second])
        rows = zip(np.atleast_2d(grid), np.atleast_2d(spread), strict=True)
        return [
            _line(axes, _positions(xs), ys, errors, _colour(roles.second, name, i), i)
            for i, (name, (ys, errors)) in enumerate(zip(names, rows, strict=True))
        ]

    def _heat(self, axes: Axes, grid: Values) -> None:
        second = str(self.roles.second)
        x, y = _positions(self.dims[self.roles.x]), _positions(self.dims[second])
        low, high = float(np.nanmin(self.grid)), float(np.nanmax(self.grid))
        mesh = axes.pcolormesh(
            *(_edges(x), _edges(y), grid[np.argsort(y)][:, np.argsort(x)]),
            cmap="viridis",
            vmin=low,
            vmax=high if high > low else low + 1,
        )
        axes.grid(visible=False)
        axes.set_ylabel(self._axis_label(second))
        if not numeric(self.dims[second]):
            names = [plain(_short(v), 20) for v in self.dims[second]]
            axes.set_yticks(range(len(names)), names)
        bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02)
        bar.set_label(self.label)
        bar.outline.set_visible(False)

    def _name_panel(self, axes: Axes, place: tuple[int, ...]) -> None:
        words = [
            f"{name} = {_short(self.dims[name][i])}"
            for name, i in zip(self.roles.panels, place, strict=True)
        ]
        if words:
            text, at = plain(", ".join(words), 60), axes.transAxes
            axes.text(1, 1.02, text, transform=at, ha="right", fontsize="small")

    def _axis_label(self, name: str) -> str:
        return _with_unit(name, self.units.get(name))


def _dots(
    axes: Axes, x: str, names: Sequence[Any], grid: Values, spread: Values
) -> list[Any]:
    """Values over names: one mark each, in its own colour."""
    for i, name in enumerate(names):
        one = slice(i, i + 1)
        at = np.array([float(i)])
        _line(axes, at, grid[one], spread[one], _colour(x, name, 0), 0)
    return []


def _line(
    axes: Axes, xs: Values, values: Values, errors: Values, colour: str, index: int
) -> Any:
    return axes.errorbar(
        xs,
        values,
        yerr=errors if np.isfinite(errors).any() else None,
        color=colour,
        marker=MARKERS[index % len(MARKERS)],
        markersize=4.5,
        linewidth=1.2,
        elinewidth=1.1,
        capsize=2.5,
    )


def _colour(axis: str | None, name: object, index: int) -> str:
    if axis == "backend":
        return colour_of(str(name))
    return PALETTE[index % len(PALETTE)]


def _edges(centres: Values) -> Values:
    """Borders of cells around the sorted centres; one cell is one wide."""
    ordered = np.sort(centres)
    if len(ordered) == 1:
        return np.array([ordered[0] - 0.5, ordered[0] + 0.5])
    middle = (ordered[1:] + ordered[:-1]) / 2
    first, last = 2 * ordered[0] - middle[0], 2 * ordered[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _positions(axis: Sequence[Any]) -> Values:
    """Where the values of an axis lie: themselves, or 0, 1, 2 … for names."""
    return np.asarray(axis if numeric(axis) else range(len(axis)), dtype=float)


def _name_ticks(axes: Axes, axis: Sequence[Any]) -> None:
    if not numeric(axis):
        axes.set_xticks(range(len(axis)), [plain(_short(v), 20) for v in axis])
        axes.set_xlim(-0.6, len(axis) - 0.4)
    elif all(float(v).is_integer() for v in axis):
        whole_numbers(axes)


def _with_unit(name: str, unit: str | None) -> str:
    return f"{plain(name)} ({plain(unit)})" if unit else plain(name)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else plain(value)
