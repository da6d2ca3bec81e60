"""The latest points of a step as plain JSON, in the order of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.runner.glimpse import (
    HISTOGRAMS,
    Estimates,
    Glimpse,
    Histogram,
    is_number,
)

MOST_SERIES = 8
"""Lines that are told apart in one picture."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a point of a step is."""

    index: int
    """Among all points, in the order of the axes."""
    label: str = ""
    x: float | None = None
    """Its place on the axis that is drawn along; None if no axis has numbers."""
    axis: str | None = None
    """The name of that axis."""
    unit: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    """Where it is on the other axes, in words."""
    backend: str | None = None
    """Its place on the axis of backends, if there is one."""


Seen = Sequence[tuple[Spot, Glimpse]]
"""Points that were looked at, in the order in which they ended."""


def drawn(points: Seen, total: int | None = None) -> dict[str, Any] | None:
    """What a view draws; None if there is nothing.

    Parameters
    ----------
    points
        The points, the newest last.
    total
        How many have ended, if these are only the latest of them.

    Returns
    -------
    dict
        ``{"counts": [...]}`` with the newest histograms, or ``{"series": [...]}`` with
        a line for each backend and each place on axes that are not drawn along; its
        ``values`` are rows ``[x, value, standard error]``, None where a number is not
        finite.
    """
    if not points:
        return None
    spot, newest = points[-1]
    if isinstance(newest, tuple):
        return {"counts": _counts(points)}
    if not is_number(newest):
        rows = [[float(i), *pair] for i, pair in enumerate(newest.values)]
        one = {"label": spot.label, "backend": spot.backend, "values": rows}
        return _picture(spot, [one], "first", newest.total, placed=False)
    numbers = sorted(
        ((s, g) for s, g in points if isinstance(g, Estimates) and is_number(g)),
        key=lambda pair: pair[0].index,
    )
    whole = max(total or 0, len(numbers))
    placed = all(each.x is not None and each.axis == spot.axis for each, _ in numbers)
    lines = _lines(numbers) if placed else []
    if placed and len(lines) <= MOST_SERIES:
        return _picture(spot, lines, "latest", whole, placed=True)
    return _picture(spot, _ranked(numbers), "latest", whole, placed=False)


def _picture(
    spot: Spot, series: list[dict[str, Any]], which: str, total: int, *, placed: bool
) -> dict[str, Any]:
    return {
        "series": series,
        "axis": spot.axis if placed else None,
        "unit": spot.unit if placed else None,
        "point": spot.label,
        "which": which,
        "total": total,
        "placed": placed,
    }


def _lines(numbers: Sequence[tuple[Spot, Estimates]]) -> list[dict[str, Any]]:
    """A line for each place on the other axes, along the axis that is drawn."""
    lines: dict[str, dict[str, Any]] = {}
    for spot, found in numbers:
        label = ", ".join(
            where if name == "backend" else f"{name} {where}"
            for name, where in spot.others.items()
        )
        line = lines.setdefault(label, _line(label, spot))
        line["values"].append([spot.x, *found.values[0]])
    for line in lines.values():
        line["values"].sort(key=lambda row: row[0])
    return list(lines.values())


def _ranked(numbers: Sequence[tuple[Spot, Estimates]]) -> list[dict[str, Any]]:
    """The points one after the other, in the colours of their backends."""
    lines: dict[str | None, dict[str, Any]] = {}
    for rank, (spot, found) in enumerate(numbers):
        line = lines.setdefault(spot.backend, _line(spot.backend or "", spot))
        line["values"].append([float(rank), *found.values[0]])
    return list(lines.values())


def _line(label: str, spot: Spot) -> dict[str, Any]:
    return {"label": label, "backend": spot.backend, "values": []}


def _counts(points: Seen) -> list[dict[str, Any]]:
    """The newest histograms, in the order of the axes."""
    newest = [
        (spot, one)
        for spot, seen in reversed(points)
        if isinstance(seen, tuple)
        for one in seen
    ][:HISTOGRAMS]
    newest.sort(key=lambda pair: pair[0].index)
    return [_told(spot, one) for spot, one in newest]


def _told(spot: Spot, one: Histogram) -> dict[str, Any]:
    return {
        "label": ", ".join(filter(None, (spot.label, one.label))),
        "backend": spot.backend,
        "shots": one.shots,
        "outcomes": one.outcomes,
        "counts": sorted(one.counts.items()),
    }
