"""What the journal is told, record by record; fields as in ``docs/store.md``."""

from __future__ import annotations

import json
import os
import platform
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from quantumflow_lab.amounts import money, seconds
from quantumflow_lab.grid import Failed
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.planning.billing import NOTHING, Bill
from quantumflow_lab.planning.timing import Estimate
from quantumflow_lab.ports import BackendFacts, JobMetrics, JobRequest, Known, Sent
from quantumflow_lab.runner.left import LeftMember, packed_batches
from quantumflow_lab.runner.live import LiveRun, Output, StepState

Record = dict[str, Any]

_PACKAGES = ("quantumflow-lab", "qiskit", "qiskit-aer", "qiskit-ibm-runtime", "numpy")


def started(
    live: LiveRun,
    asked: Asked,
    axes: Mapping[str, Mapping[str, Any] | None],
    inputs: Mapping[str, Mapping[str, Any] | None],
    options: Mapping[str, Any],
    defined: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Record:
    """The run as it was asked for, written before its first step.

    `axes` and `inputs` tell where the store keeps the values of those that it can keep,
    `defined` how inputs that are code came about.
    """
    workflow = live.bound.workflow
    return {
        "v": 1,
        "kind": "run",
        "run": live.id,
        "ts": live.started,
        "name": live.plan.name,
        "source": workflow.source,
        "document": workflow.to_document(),
        "options": {**options, **options_of(asked), "plan": _plan(live, axes)},
        "keys": live.keys,
        "backend_keys": live.backend_keys,
        "epoch": live.epoch,
        "seed": live.seed,
        "inputs": [
            {
                "name": i.name,
                "kind": i.kind,
                "fingerprint": i.fingerprint,
                "summary": i.summary,
                "kept": inputs.get(i.name),
                "defined": defined.get(i.name),
            }
            for i in live.bound.inputs
        ],
        "versions": versions(),
        "backends": sorted(
            {b for s in live.plan.steps for b in (*s.backends, *s.others)}
        ),
        "cwd": str(Path.cwd()),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result, found out once."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def options_of(asked: Asked) -> dict[str, Any]:
    """The options of a run as they are recorded."""
    return {
        "backend": [str(getattr(b, "name", b)) for b in asked.backend],
        "among": [str(getattr(b, "name", b)) for b in asked.among],
        "policy": asked.policy,
        "mode": asked.mode,
        "deadline": None if asked.deadline is None else seconds(asked.deadline),
        "budget": None if asked.budget is None else str(money(asked.budget)),
        "shots": asked.shots,
        "precision": asked.precision,
        "seed": asked.seed,
        "set": {name: _set(value) for name, value in asked.set.items()},
        "executor": asked.executor,
        # Of these only a text is left, which another process cannot go on with.
        "set_as_text": [n for n, value in asked.set.items() if not _is_json(value)],
    }


def _set(value: object) -> Any:
    return value if _is_json(value) else plain(value)


def _is_json(value: object) -> bool:
    """Whether a value comes back from JSON as it went."""
    try:
        back = json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return False
    # A tuple comes back as a list, a number as a name as a text.
    return repr(back) == repr(value)


def _plan(
    live: LiveRun, axes: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Axes and dimensions, so that a stored run can be read without its source.

    `axes` tells where the store keeps the values of an axis, for those it can keep.
    """
    return {
        "usual_shots": live.plan.usual_shots,
        "steps": [
            {"name": s.name, "kind": s.kind, "dims": list(s.dims)}
            for s in live.plan.steps
        ],
        "axes": {
            name: {
                "values": [plain(v) for v in values],
                "kept": axes.get(name),
                "unit": live.plan.units.get(name),
            }
            for name, values in live.axes.items()
        },
    }


def calibration(live: LiveRun, facts: BackendFacts, data: Mapping[str, Any]) -> Record:
    """What a device said of its qubits and gates when a run began."""
    return {
        "v": 1,
        "kind": "calibration",
        "run": live.id,
        "ts": live.started,
        "backend": facts.name,
        "calibrated": facts.calibrated,
        "num_qubits": facts.num_qubits,
        "data": data,
    }


def point(
    live: LiveRun, state: StepState, index: int, final: str, attempt: int, now: float
) -> Record:
    """One point of one step in its final state."""
    made, began, ended = state.kept.get(index), state.began.get(index), now
    if made is not None:
        began, ended = made.began, made.origin.made
    value = state.values[index]
    failed = value if isinstance(value, Failed) else None
    return {
        "v": 1,
        "kind": "unit",
        "run": live.id,
        "ts": now,
        **place(live, state, index),
        "attempt": attempt,
        "state": final,
        "reason": failed.reason if failed else None,
        "error": failed.message if failed else None,
        "started": began,
        "ended": ended,
        "wall_s": None if began is None else ended - began,
        "value": state.refs.get(index),
        "origin": made.origin.run if made else state.origins.get(index),
        "kept": made is not None,
    }


def place(live: LiveRun, state: StepState, index: int) -> Record:
    """Which point of which step a record is about."""
    at = live.index_of(state, index)
    here = zip(state.plan.dims, at, strict=True)
    return {
        "step": state.name,
        "step_kind": state.plan.kind,
        "unit": index,
        "point": {name: plain(live.axes[name][i]) for name, i in here},
        "index": at,
    }


def fetched(
    live: LiveRun,
    member: LeftMember,
    ref: Mapping[str, Any] | None,
    origin: Known | None,
    now: float,
) -> Record:
    """What became of a point, or a call, whose job an earlier process had sent."""
    if member.call is not None:
        where = member.place["step"], member.place["unit"]
        return call(live, *where, *member.call, ref, now)
    return {
        "v": 1,
        "kind": "unit",
        "run": live.id,
        "ts": now,
        **member.place,
        "attempt": member.attempt,
        "state": "done",
        "reason": None,
        "error": None,
        "started": member.began,
        "ended": now,
        "wall_s": None if member.began is None else now - member.began,
        "value": ref,
        "origin": origin.run if origin else None,
        "kept": False,
    }


def step(live: LiveRun, state: StepState, final: str, now: float) -> Record:
    """One step when its last point is final."""
    began = state.started if state.started is not None else now
    if live.taken_up and len(state.kept) == state.size:
        # It had ended before, and only its last word may be missing.
        made = state.kept.values()
        began = min(each.began or each.origin.made for each in made)
        now = max(each.origin.made for each in made)
    return {
        "v": 1,
        "kind": "step",
        "run": live.id,
        "ts": now,
        "step": state.name,
        "step_kind": state.plan.kind,
        "backend": ",".join(sorted(state.used) or state.plan.backends) or None,
        "state": final,
        "points": state.size,
        "done": state.done,
        "failed": state.failed,
        "started": began,
        "ended": now,
        "wall_s": now - began - state.rested,
        "cached": state.cached,
        "kept": len(state.kept),
        "origin": state.origin.run if state.origin else None,
    }


def job(
    live: LiveRun,
    state: StepState,
    request: JobRequest,
    stage: str,
    *,
    submitted: float,
    now: float,
    metrics: JobMetrics | None = None,
    batches: Mapping[int, Sent] = MappingProxyType({}),
    error: str | None = None,
    billed: Bill = NOTHING,
    quoted: tuple[Decimal, Decimal, Decimal] | None = None,
    answered: int = 0,
    device: bool = False,
    currency: str | None = None,
    asked: Mapping[str, Any] | None = None,
    predicted: Estimate | None = None,
) -> Record:
    """One provider job at one stage; the latest record of a job counts."""
    m = metrics or JobMetrics()
    names = [sent.job for sent in batches.values()]
    ended = stage in ("settled", "lost", "cancelled")
    return {
        "v": 1,
        "kind": "job",
        "run": live.id,
        "ts": now,
        "step": state.name,
        "job": request.job,
        "backend": request.backend,
        "state": stage,
        "tag": request.tag,
        "attempt": max(member.attempt for member in request.members),
        "members": len(request.members),
        "circuits": m.circuits,
        "shots": m.shots,
        "queue_s": m.queue_s,
        "transpile_s": m.transpile_s,
        "run_s": m.run_s,
        "wall_s": now - submitted if ended else None,
        "depth": m.depth,
        "two_qubit_gates": m.two_qubit_gates,
        "qubits": m.qubits,
        "peak_memory_mb": m.peak_memory_mb,
        "answered": answered,
        "usage": None if m.usage is None else asdict(m.usage),
        "qpu_s": m.qpu_s,
        "provider": m.provider,
        "quoted_low": None if quoted is None else float(quoted[0]),
        "quoted": None if quoted is None else float(quoted[1]),
        "quoted_high": None if quoted is None else float(quoted[2]),
        "cost": float(billed.amount),
        "rule": str(billed.rule),
        "currency": currency,
        "machine_s": m.machine_s(device=device),
        "work": None if m.work is None else m.work.document(),
        "busy_s": m.busy_s,
        **_predicted(predicted),
        "provider_job": ", ".join(filter(None, names)) or m.provider_job,
        "sent_as": None if ended else packed_batches(batches),
        "error": error,
        "submitted": submitted,
        "ended": now if ended else None,
        "asked": asked,
    }


def _predicted(estimate: Estimate | None) -> Record:
    if estimate is None:
        return {}
    return {
        "predicted_s": estimate.value,
        "predicted_low_s": estimate.low,
        "predicted_high_s": estimate.high,
        "predicted_from": estimate.jobs,
    }


def tag(run: str, epoch: int, job: int | str) -> str:
    """Name of a job or session for its provider and the store, which no other has.

    A run that is taken up counts its jobs anew, so that its epoch is part of it.

    Examples
    --------
    >>> tag("r7", 1, 0), tag("r7", 2, 0)
    ('r7.0', 'r7.2.0')
    """
    return f"{run}.{job}" if epoch == 1 else f"{run}.{epoch}.{job}"


def session(
    run: str,
    about: Mapping[str, Any],
    state: str,
    billed: Bill,
    now: float,
    seconds: float | None = None,
) -> Record:
    """A session or batch that is open or closed; the latest record of one counts.

    `about` are ``tag``, ``backend``, ``mode``, ``session`` (the provider's id),
    ``most_s``, ``opened`` and ``currency``; `seconds` are those that it is billed.
    """
    return {
        **about,
        "v": 1,
        "kind": "session",
        "run": run,
        "ts": now,
        "state": state,
        "seconds": seconds,
        "cost": float(billed.amount),
        "rule": str(billed.rule),
        "closed": now if state == "closed" else None,
    }


def closed(run: str, job: Mapping[str, Any], why: str, now: float) -> Record:
    """A job without a last record, a row of ``open_jobs``, that nobody asks for."""
    return {
        **{
            name: value
            for name, value in job.items()
            if name not in ("asked", "sent_as")
        },
        "v": 1,
        "kind": "job",
        "run": run,
        "ts": now,
        "state": "lost",
        "error": why,
        "ended": now,
    }


def call(
    live: LiveRun,
    step: str,
    point: int,
    key: str | None,
    number: int,
    value: Mapping[str, Any] | None,
    now: float,
) -> Record:
    """A call of a loop: that it is made, and later what it was answered."""
    return {
        "v": 1,
        "kind": "call",
        "run": live.id,
        "ts": now,
        "step": step,
        "unit": point,
        "key": key,
        "number": number,
        "state": "asked" if value is None else "answered",
        "value": value,
    }


def metric(
    live: LiveRun,
    step_name: str,
    unit: int,
    name: str,
    value: float,
    n: int,
    now: float,
) -> Record:
    """One value a step logged."""
    return {
        "v": 1,
        "kind": "metric",
        "run": live.id,
        "ts": now,
        "step": step_name,
        "unit": unit,
        "name": name,
        "value": value,
        "n": n,
    }


def output(live: LiveRun, shown: Output, now: float) -> Record:
    """Something a step printed."""
    return {
        "v": 1,
        "kind": "output",
        "run": live.id,
        "ts": now,
        "step": shown.step,
        "unit": shown.point,
        "mime": shown.mime,
        "text": shown.data,
    }


def ended(live: LiveRun, now: float, wall_s: float) -> Record:
    """The last record of a run."""
    return {
        "v": 1,
        "kind": "end",
        "run": live.id,
        "ts": now,
        "state": live.state,
        "error": None if live.error is None else str(live.error),
        "wall_s": wall_s,
    }


def plain(value: object) -> Any:
    """An axis value as a JSON scalar, or as text."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return repr(value)
