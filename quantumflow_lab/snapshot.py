"""What a run looks like at one moment, as plain JSON for widgets and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumflow_lab.live import LiveRun, StepState

Counts = Mapping[int, Mapping[str, int]]
"""For each scheduler step, the number of units in each state."""

_SHOWN_VALUES = 500
_BUSY = ("running", "parked", "stopping", "held", "sent", "backoff", "blocked")


def snapshot(live: LiveRun, counts: Counts, now_us: int) -> dict[str, Any]:
    """Describe a run.

    Parameters
    ----------
    live
        The run.
    counts
        Unit states by scheduler step, see :data:`Counts`.
    now_us
        Monotonic microseconds.
    """
    end = live.ended_us if live.ended_us is not None else now_us
    return {
        "name": live.plan.name,
        "run": live.id,
        "state": live.state,
        "started": live.started,
        "elapsed": (end - live.started_us) / 1e6,
        "message": live.message,
        "steps": [_step(live, s, counts) for s in live.steps.values()],
        "inputs": [{"name": i.name, "summary": i.summary} for i in live.bound.inputs],
        "metrics": [
            {
                "step": step,
                "name": name,
                "values": values[-_SHOWN_VALUES:],
                "first": max(0, len(values) - _SHOWN_VALUES),
            }
            for (step, name), values in live.metrics.items()
        ],
        "cost": {"machine_s": live.machine_s},
    }


def _step(live: LiveRun, state: StepState, counts: Counts) -> dict[str, Any]:
    points = _points(state, counts)
    known = [d for d in state.plan.dims if d in live.axes]
    error = state.error()
    return {
        "name": state.name,
        "kind": state.plan.kind,
        "needs": list(state.plan.needs),
        "inputs": [
            i.name for i in live.bound.inputs if i.name in state.plan.parameters
        ],
        "dims": [[d, len(live.axes[d])] for d in known],
        "backend": ", ".join(state.plan.backends) or None,
        "total": state.size,
        "counts": points,
        "state": _state(live, state, points),
        "phase": str(state.phase) if state.phase else None,
        "seconds": _seconds(state),
        "error": None if error is None else f"{type(error).__name__}: {error}",
        "jobs": state.jobs,
        "calls": state.calls or None,
    }


def _points(state: StepState, counts: Counts) -> dict[str, int]:
    """Points in each state; a point of a quantum step is two units."""
    body = counts.get(2 * state.index, {})
    exec_ = counts.get(2 * state.index + 1, {})
    busy = sum(body.get(name, 0) + exec_.get(name, 0) for name in _BUSY)
    running = min(busy, state.open)
    found = {
        "done": state.done,
        "failed": state.failed,
        "skipped": state.skipped,
        "cancelled": state.cancelled,
        "running": running,
        "waiting": state.open - running,
    }
    return {name: n for name, n in found.items() if n}


def _state(live: LiveRun, state: StepState, points: Mapping[str, int]) -> str:
    if not state.final:
        if live.state != "running":
            return "cancelled"
        return "running" if points.get("running") or state.done else "waiting"
    return final_state(state)


def final_state(state: StepState) -> str:
    """State of a step whose points are all final."""
    if state.done == state.size:
        return "done"
    if state.done:
        return "partial"
    if state.failed:
        return "failed"
    return "skipped" if state.skipped else "cancelled"


def _seconds(state: StepState) -> float | None:
    if state.started is None or state.ended is None:
        return None
    return state.ended - state.started
