"""What a run looks like at one moment, as plain JSON for widgets and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from quantumflow_lab.amounts import Money
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.blame import Blame, blame
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.places import Places
from quantumflow_lab.runner.records import plain

Counts = Mapping[int, Mapping[str, int]]
"""For each scheduler step, the number of units in each state."""

_SHOWN_VALUES = 500
_SHOWN_IN_ALL = 2400
"""Values of all lines together, about 50 kB."""
_SHOWN_LINES = 24
_SHOWN_TRACEBACKS = 24_000
"""Letters of the tracebacks of all steps together."""
_RUNS = ("running", "sent", "stopping")
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
    lines = list(islice(live.metrics.items(), _SHOWN_LINES))
    each = min(_SHOWN_VALUES, _SHOWN_IN_ALL // max(len(lines), 1))
    return {
        "name": live.plan.name,
        "run": live.id,
        "state": live.state,
        "paused": live.paused,
        "started": live.started,
        "elapsed": (end - live.started_us) / 1e6,
        "message": live.message,
        "steps": _steps(live, counts),
        "inputs": [{"name": i.name, "summary": i.summary} for i in live.bound.inputs],
        "metrics": [
            metric_line(step, name, _point(live, step, point), values, each)
            for (step, point, name), values in lines
        ],
        "cost": {
            "machine_s": live.machine_s,
            "money": money_text(live.plan.budget, live.spent),
            "budget": budget_bar(live.plan.budget, live.spent, live.reserved),
        },
        "events": live.watch.story.told(live.started),
        "trouble": trouble(live.watch.story.counts),
        "jobs": live.watch.traces.told(live.started),
        "jobs_total": live.watch.traces.total,
    }


def metric_line(
    step: str,
    name: str,
    point: str,
    values: Sequence[float],
    most: int = _SHOWN_VALUES,
) -> dict[str, Any]:
    """One logged metric as a line: its newest values, and the number of the first."""
    return {
        "step": step,
        "name": f"{name} ({point})" if point else name,
        "values": list(values[-most:]),
        "first": max(0, len(values) - most),
    }


def _point(live: LiveRun, step: str, point: int) -> str:
    here = live.coordinates(live.steps[step], point)
    return ", ".join(f"{name} {plain(value)}" for name, value in here.items())


def _steps(live: LiveRun, counts: Counts) -> list[dict[str, Any]]:
    places = Places(live.axes, live.plan.units, live.watch.numeric)
    results = live.watch.results(
        lambda step, point: live.steps[step].values[point],
        lambda step, point: places.spot(
            point, live.coordinates(live.steps[step], point)
        ),
        final=live.ended_us is not None,
    )
    room = _SHOWN_TRACEBACKS
    found = []
    for state in live.steps.values():
        failure = _first_failure(state)
        traceback = failure and failure.traceback
        room -= len(traceback or "")
        step = _step(live, state, counts)
        step["error"] = failure and failure.words
        step["traceback"] = traceback if room >= 0 else None
        step["results"] = results.get(state.name)
        found.append(step)
    return found


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
        "began": _since(live, state.started),
        "ended": _since(live, state.ended),
        "unit": live.plan.units.get(known[0]) if len(known) == 1 else None,
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
    part = state.part and state.part.told()
    return {"count": state.cached, "name": origin.name, "age": age, "part": part}


def money_text(budget: Money | None, spent: Mapping[str, Decimal]) -> str | None:
    """What was spent, and of how much; None for a run that costs nothing."""
    if budget is not None:
        amount = spent.get(budget.currency, Decimal(0))
        return f"{Money(amount, budget.currency)} of {budget}"
    return " + ".join(str(Money(a, c)) for c, a in spent.items()) or None


def budget_bar(
    budget: Money | None, spent: Mapping[str, Decimal], reserved: Decimal
) -> dict[str, Any] | None:
    """What was spent and is kept back of a budget; None without one.

    Examples
    --------
    >>> budget_bar(Money(Decimal(20), "USD"), {"USD": Decimal("0.4")}, Decimal(1))
    {'spent': 0.4, 'reserved': 1.0, 'cap': 20.0, 'unit': 'USD'}
    """
    if budget is None:
        return None
    return {
        "spent": float(spent.get(budget.currency, Decimal(0))),
        "reserved": float(reserved),
        "cap": float(budget.amount),
        "unit": budget.currency,
    }


def trouble(counts: Mapping[str, int]) -> str | None:
    """Retries and the like in words; None if there were none.

    Examples
    --------
    >>> trouble({"retried": 3, "moved": 1, "settled": 9})
    'retried 3 times, moved to another backend once'
    """
    said = [
        f"{words} {_times(counts[kind])}"
        for kind, words in _TROUBLE.items()
        if counts.get(kind)
    ]
    return ", ".join(said) or None


_TROUBLE = {
    "retried": "retried",
    "lost": "lost a job",
    "moved": "moved to another backend",
    "rests": "let a failing backend rest",
}


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n:,} times")


def _first_failure(state: StepState) -> Blame | None:
    if not state.exceptions:
        return None
    point = min(state.exceptions)
    if point not in state.blames:
        value = state.values[point]
        assert isinstance(value, Failed), "an exception stands for a missing value"
        told = blame(state.exceptions[point], value.reason, value.message)
        state.blames = {point: told}
    return state.blames[point]


def _points(state: StepState, counts: Counts) -> dict[str, int]:
    """Points in each state; a point of a quantum step is two units."""
    busy = _units(state, counts, _BUSY)
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


def _units(state: StepState, counts: Counts, names: Sequence[str]) -> int:
    body = counts.get(2 * state.index, {})
    exec_ = counts.get(2 * state.index + 1, {})
    return sum(body.get(name, 0) + exec_.get(name, 0) for name in names)


def is_busy(state: StepState, counts: Counts) -> bool:
    """Whether anything of a step runs now, here or on a device."""
    return _units(state, counts, _RUNS) > 0 or state.phase is not None


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


def _since(live: LiveRun, moment: float | None) -> float | None:
    """Seconds since the start of the run."""
    return None if moment is None else round(max(moment - live.started, 0.0), 3)


def _seconds(state: StepState) -> float | None:
    if state.started is None or state.ended is None:
        return None
    return state.ended - state.started - state.rested
