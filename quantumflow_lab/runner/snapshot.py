"""What a run looks like at one moment, as plain JSON for widgets and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from quantumflow_lab.amounts import Money
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.records import plain

Counts = Mapping[int, Mapping[str, int]]
"""For each scheduler step, the number of units in each state."""

_SHOWN_VALUES = 500
_SHOWN_LINES = 24
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
            metric_line(step, name, _point(live, step, point), values)
            for (step, point, name), values in islice(
                live.metrics.items(), _SHOWN_LINES
            )
        ],
        "cost": {
            "machine_s": live.machine_s,
            "money": money_text(live.plan.budget, live.spent),
        },
    }


def metric_line(
    step: str, name: str, point: str, values: Sequence[float]
) -> dict[str, Any]:
    """One logged metric as a line: its newest values, and the number of the first."""
    return {
        "step": step,
        "name": f"{name} ({point})" if point else name,
        "values": list(values[-_SHOWN_VALUES:]),
        "first": max(0, len(values) - _SHOWN_VALUES),
    }


def _point(live: LiveRun, step: str, point: int) -> str:
    here = live.coordinates(live.steps[step], point)
    return ", ".join(f"{name} {plain(value)}" for name, value in here.items())


def _step(live: LiveRun, state: StepState, counts: Counts) -> dict[str, Any]:
    points = _points(state, counts)
    known = [d for d in state.plan.dims if d in live.axes]
    return {
        "name": state.name,
        "kind": state.plan.kind,
        "needs": list(state.plan.needs),
        "inputs": [
            i.name for i in live.bound.inputs if i.name in state.plan.parameters
        ],
        "dims": [[d, len(live.axes[d])] for d in known],
        "backend": ", ".join(sorted(state.used) or state.plan.backends) or None,
        "total": state.size,
        "counts": points,
        "state": _state(live, state, points),
        "phase": str(state.phase) if state.phase else None,
        "seconds": _seconds(state),
        "error": _first_failure(state),
        "jobs": state.jobs,
        "calls": state.calls or None,
        "cached": _cached(live, state),
        "kept": _kept(live, state),
    }


def _kept(live: LiveRun, state: StepState) -> dict[str, Any] | None:
    """How many points an earlier run has made, and which was the newest.

    None also for points that the run itself had made before it was taken up.
    """
    origins = [each.origin for each in state.kept.values()]
    others = [origin for origin in origins if origin.run != live.id]
    if not others:
        return None
    newest = max(others, key=lambda origin: origin.made)
    age = max(live.started - newest.made, 0.0)
    return {"count": len(others), "number": newest.number, "age": age}


def _cached(live: LiveRun, state: StepState) -> dict[str, Any] | None:
    """How many points or calls took results of other runs, and which was the newest.

    Its age is that at the start of the run, so that what is saved stays true.
    """
    origin = state.origin
    if origin is None:
        return None
    age = max(live.started - origin.taken, 0.0)
    return {"count": state.cached, "name": origin.name, "age": age}


def money_text(budget: Money | None, spent: Mapping[str, Decimal]) -> str | None:
    """What was spent, and of how much; None for a run that costs nothing."""
    if budget is not None:
        amount = spent.get(budget.currency, Decimal(0))
        return f"{Money(amount, budget.currency)} of {budget}"
    return " + ".join(str(Money(a, c)) for c, a in spent.items()) or None


def _first_failure(state: StepState) -> str | None:
    if not state.exceptions:
        return None
    value = state.values[min(state.exceptions)]
    assert isinstance(value, Failed), "an exception stands for a point without a value"
    return f"{value.reason}: {value.message}"


def _points(state: StepState, counts: Counts) -> dict[str, int]:
    """Points in each state; a point of a quantum step is two units."""
    body = counts.get(2 * state.index, {})
    exec_ = counts.get(2 * state.index + 1, {})
    busy = sum(body.get(name, 0) + exec_.get(name, 0) for name in _BUSY)
    # Steps that share a job are counted together, under the first of them.
    running = min(max(busy, int(state.phase is not None)), state.open)
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
