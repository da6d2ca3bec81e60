"""What each axis of a sweep does in its figure: x, lines, heat map or panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

LINES = 8
"""Most lines in one panel, where a heat map can do instead."""
PANELS = 6
"""Most panels in one figure."""

Dims = Mapping[str, Sequence[Any]]
"""Coordinates of each axis, in the order of the dimensions of the values."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What each axis of the grid does in the figure."""

    x: str
    """Runs along the horizontal axis."""
    second: str | None
    """One line for each of its values, or the vertical axis of a heat map."""
    panels: tuple[str, ...]
    """One panel for each combination of these."""
    heat: bool


def roles_of(dims: Dims, *, with_errors: bool) -> Roles:
    """The longest axis of numbers runs along x, names and short axes make lines."""
    by_length = sorted(dims, key=lambda n: (not numeric(dims[n]), -len(dims[n])))
    x, rest = by_length[0], by_length[1:]
    if not rest:
        return Roles(x, None, (), heat=False)
    named = [n for n in rest if not numeric(dims[n]) and len(dims[n]) <= LINES]
    short = [n for n in rest if len(dims[n]) <= LINES]
    if len(rest) == 1 and not named and not (with_errors and short):
        return Roles(x, rest[0], (), heat=numeric(dims[x]))
    second = (named or short or rest)[-1]
    panels = tuple(n for n in dims if n not in (x, second))
    lines = len(dims[second]) <= LINES or not numeric(dims[second])
    return Roles(x, second, panels, heat=not lines)


def panel_places(dims: Dims, roles: Roles) -> list[tuple[int, ...]]:
    """Indices of each panel along the axes that became panels.

    Raises
    ------
    ValueError
        If there are too many for one figure.
    """
    places = list(product(*(range(len(dims[name])) for name in roles.panels)))
    if len(places) > PANELS:
        raise ValueError(
            f"a figure of {len(places)} panels is too much; take a part of the grid "
            f"first, such as grid.sel({roles.panels[0]}=...)"
        )
    return places


def numeric(axis: Sequence[Any]) -> bool:
    """Finite, distinct real numbers."""
    if not all(isinstance(v, int | float | np.number) for v in axis):
        return False
    numbers = np.asarray(axis, dtype=float)
    return bool(np.isfinite(numbers).all()) and len(set(numbers.tolist())) == len(axis)
