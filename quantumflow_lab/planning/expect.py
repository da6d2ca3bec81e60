"""How long jobs and steps take, before anything has run and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.ports import BackendFacts


@dataclass(frozen=True, slots=True)
class Timing:
    """What jobs of a step take on one backend, in seconds."""

    setup_s: float
    """Of a job, whatever is in it: queue, transpiling, transport."""
    circuit_s: float
    """Of each circuit."""


@dataclass(frozen=True, slots=True)
class History:
    """What earlier runs of a workflow took."""

    jobs: Mapping[tuple[str, str], Timing] = field(default_factory=dict)
    """By step and backend."""
    circuits: Mapping[str, float] = field(default_factory=dict)
    """Circuits of a point, or of a call, by step."""
    shots: Mapping[str, float] = field(default_factory=dict)
    """Shots of a circuit, by step."""
    calls: Mapping[str, float] = field(default_factory=dict)
    """Points and calls that one run sent, by step."""
    bodies: Mapping[str, float] = field(default_factory=dict)
    """Seconds that the function of a step takes for one point."""


def history_of(rows: Sequence[Mapping[str, Any]]) -> History:
    """Read the rows of the named query ``timings``."""
    jobs = [row for row in rows if row["what"] == "job"]
    return History(
        jobs={
            (row["step"], row["backend"]): Timing(row["setup_s"], row["circuit_s"])
            for row in jobs
        },
        circuits={row["step"]: float(row["circuits"]) for row in jobs},
        shots={row["step"]: float(row["shots"]) for row in jobs},
        calls={row["step"]: float(row["calls"]) for row in jobs},
        bodies={row["step"]: row["circuit_s"] for row in rows if row["what"] == "body"},
    )


IDEAL, NOISY, DEVICE = Timing(0.05, 0.002), Timing(0.1, 0.03), Timing(30.0, 1.0)
"""What is assumed until a run is on record: ideal and noisy simulators, devices."""
BODY_S = 0.01
"""What the function of a step is assumed to take."""


def timing(history: History, step: str, facts: BackendFacts) -> Timing:
    """What jobs of a step take on a backend, from history or by its kind.

    Examples
    --------
    >>> from quantumflow_lab.backends import Registry
    >>> timing(History(), "counts", Registry().facts("aer"))
    Timing(setup_s=0.05, circuit_s=0.002)
    """
    known = history.jobs.get((step, facts.name))
    if known is not None:
        return known
    if not facts.simulator:
        return DEVICE
    return NOISY if facts.noisy else IDEAL
