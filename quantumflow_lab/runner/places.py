"""Where the points of a run stand in the pictures of its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, cast

from quantumflow_lab.runner.drawing import Spot
from quantumflow_lab.runner.records import plain

_EXACT = 2**53
"""Largest integer up to which floats know all of them."""
_TOO_LONG = 300
"""Letters of a name of a point."""


@dataclass(slots=True)
class Places:
    """Places the points of a run, each along the longest axis that has numbers.

    Parameters
    ----------
    axes
        Values of each axis.
    units
        Unit of each axis that has one.
    numeric
        Whether the values of an axis are numbers, as far as that is known already: an
        axis may be long.
    """

    axes: Mapping[str, Sequence[Any]]
    units: Mapping[str, str | None]
    numeric: dict[str, bool] = field(default_factory=dict)

    def spot(self, point: int, coordinates: Mapping[str, Any]) -> Spot:
        """Where a point is, from its number and its value on each axis of its step."""
        here = {name: plain(value) for name, value in coordinates.items()}
        label = ", ".join(f"{name} {value}" for name, value in here.items())
        drawn = [n for n in here if n != "backend" and self._is_numeric(n)]
        axis = max(drawn, key=lambda name: len(self.axes[name]), default=None)
        return Spot(
            point,
            label[:_TOO_LONG],
            None if axis is None else float(here[axis]),
            axis,
            None if axis is None else self.units.get(axis),
            {n: str(value)[:_TOO_LONG] for n, value in here.items() if n != axis},
            here.get("backend"),
        )

    def _is_numeric(self, axis: str) -> bool:
        if axis not in self.numeric:
            self.numeric[axis] = all(map(_has_place, self.axes[axis]))
        return self.numeric[axis]


def _has_place(value: object) -> bool:
    """Whether it is a number that a picture has a place for."""
    kind = type(value)
    if kind is int:
        return abs(cast("int", value)) <= _EXACT
    if kind is float:
        return isfinite(cast("float", value))
    told = plain(value)
    return type(told) in (int, float) and _has_place(told)
