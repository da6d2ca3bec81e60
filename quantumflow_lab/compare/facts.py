"""What is known of a run, as far as two runs are compared by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.workflow import Workflow

Reference = Mapping[str, Any]
"""Where the store keeps a value; equal ones stand for equal values."""
Coordinates = tuple[tuple[tuple[str, Any], ...], int]
"""Axis and value pairs of a point, and its number among points that share them."""


@dataclass(frozen=True, slots=True)
class PointFacts:
    """One point of a step."""

    state: str
    """``done``, ``failed``, ``skipped``, ``cancelled`` or ``abandoned``."""
    value: Reference | None
    """Its value, or None if it lived in memory only."""
    made: str | None
    """Run in which the value was made, or of which it took results."""
    kept: bool = False
    """Whether an earlier run of the workflow made it."""
    reason: str | None = None
    """Class of the error, if it failed."""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step of a run."""

    name: str
    kind: str
    points: Mapping[Coordinates, PointFacts]
    """Final points, in axis order."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """Its row of the query ``steps``: jobs, shots, cost, depth and others."""
    calls: Sequence[Reference] = ()
    """Answers that its loops had."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run, read from the store."""

    run: str
    """Its id."""
    label: str
    """What the comparison calls it, such as ``bell:3``."""
    state: str
    started: float
    """Seconds since 1970."""
    wall_s: float | None
    seed: int
    seed_given: bool
    """False if it was drawn."""
    workflow: Workflow
    options: Mapping[str, Any]
    """As they were asked for: backend, shots, precision, set and others."""
    inputs: Sequence[Mapping[str, Any]]
    """Notebook values: name, kind, fingerprint, summary."""
    versions: Mapping[str, str]
    """Of Python and packages, and the host."""
    backends: Sequence[str]
    contents: Mapping[str, str]
    """Content keys of those backends that have one, by name."""
    calibrations: Sequence[Mapping[str, Any]]
    """Rows of the query ``calibrations``, of these backends, oldest first."""
    steps: Mapping[str, StepFacts]
    get: Callable[[Reference], Any]
    """Reads a value; raises ``StoreError`` if it is gone."""
    ancestors: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The runs whose results it, and each run before it, had; see :mod:`.lineage`."""


def coordinates(points: Sequence[Mapping[str, Any]]) -> list[Coordinates]:
    """Keys by which points of two runs find each other, whatever their position.

    Numbers are rounded to nine digits, for axes that were computed in two ways. Points
    at one place, as of an axis that repeats a value, are numbered.

    Examples
    --------
    >>> coordinates([{"x": 0.1 + 0.2}, {"x": 0.3}])
    [((('x', 0.3),), 0), ((('x', 0.3),), 1)]
    """
    seen: dict[tuple[tuple[str, Any], ...], int] = {}
    keys = []
    for point in points:
        place = tuple(sorted((name, _rounded(v)) for name, v in point.items()))
        number = seen.get(place, 0)
        seen[place] = number + 1
        keys.append((place, number))
    return keys


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value
