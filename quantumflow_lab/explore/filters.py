"""Which runs a person wants to see, and what each chart asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

WIDTHS = (
    *(60, 300, 900, 3600, 4 * 3600, 12 * 3600),
    *(86400, 3 * 86400, 7 * 86400, 28 * 86400, 91 * 86400, 364 * 86400),
)
"""Seconds that a bin of the time axis may have."""
BINS = 60
"""Most bins that hold runs, but for one at an end."""
FEWEST = 12
"""Bins that the axis has at least, so that a single run is no wall."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What runs and steps have to be; None for anything."""

    since: float | None = None
    """Begun at this time or later, seconds since 1970."""
    until: float | None = None
    """Begun before."""
    name: str | None = None
    """Name of the workflow."""
    state: str | None = None
    """How the run ended."""
    backend: str | None = None
    kind: str | None = None
    """Kind of step."""

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Filter:
        """The filter that a message names."""
        return cls(**{each.name: message.get(each.name) for each in fields(cls)})

    def without(self, *names: str) -> Filter:
        """The filter as it is for the chart that sets these dimensions."""
        return replace(self, **dict.fromkeys(names))

    def document(self) -> dict[str, Any]:
        """The dimensions that say something, for JSON."""
        return {name: value for name, value in self._all().items() if value is not None}

    def params(self) -> dict[str, Any]:
        """Parameters of a query that knows every dimension."""
        return self._all()

    def _all(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


SETS = {
    "time": ("since", "until"),
    "states": ("state",),
    "names": ("name",),
    "backends": ("backend",),
    "kinds": ("kind",),
    "kind_costs": ("kind",),
}
"""The dimension that a chart sets; it shows what there is to choose from, whatever is
chosen there."""


def questions(given: Filter, width: float) -> dict[str, tuple[str, dict[str, Any]]]:
    """The named query of each chart, with its parameters."""
    asked = {}
    for chart in (*SETS, "quoted", "failures", "runs"):
        own = SETS.get(chart, ())
        params = {k: v for k, v in given.params().items() if k not in own}
        if chart == "time":
            params["width"] = width
        if chart == "runs":
            params["limit"] = 100
        asked[chart] = f"explore_{chart}", params
    return asked


def axis_of(first: float, last: float) -> tuple[float, float, float]:
    """Begin, end and width of bins of the time axis, for runs between two times.

    Examples
    --------
    >>> axis_of(130.0, 130.0)
    (-540.0, 180.0, 60.0)
    >>> begin, end, width = axis_of(0.0, 86400 * 30)
    >>> (end - begin) / width, width
    (61.0, 43200.0)
    """
    width = width_of(last - first)
    end = (last // width + 1) * width
    begin = min(first // width * width, end - FEWEST * width)
    return begin, end, width


def width_of(span: float) -> float:
    """Seconds of a bin, so that so many seconds have at most 60 of them.

    Examples
    --------
    >>> width_of(0), width_of(86400 * 30), width_of(86400 * 365 * 80)
    (60.0, 43200.0, 62899200.0)
    """
    for width in WIDTHS:
        if span <= BINS * width:
            return float(width)
    years = -(-span // (BINS * WIDTHS[-1]))
    return float(years * WIDTHS[-1])
