"""What providers say of jobs that are final: how long they waited, what they used.

Each tells it in words of its own. They are read here and nowhere else; what somebody
says in another way counts as not said.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from quantumflow_lab.backends.facts import is_elsewhere
from quantumflow_lab.backends.jobs import rest
from quantumflow_lab.price import Usage

LOOKS_S = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each look for a figure that is not final yet."""
LEAST_SIMULATED_S = 3.0
"""Least seconds that Braket bills for a task on a simulator (``braket.tracking``)."""
_PACKAGES = {
    "qiskit_ibm_runtime": "ibm",
    "qiskit_braket_provider": "braket",
    "qiskit_ionq": "ionq",
    "iqm": "iqm",
}
"""Whose jobs the classes of a package are."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider says of one job, or of all; None where it says nothing."""

    provider: str | None = None
    """Whose rules it is billed by, such as ``ibm``."""
    shots: int | None = None
    """Shots that were run, over all circuits."""
    seconds: float | None = None
    """Seconds that are billed."""
    qpu_s: float | None = None
    """Those of them in which a quantum processor was held."""
    queue_s: float | None = None
    run_s: float | None = None

    def usage(self, circuits: int, shots: int) -> Usage | None:
        """What was used of so many circuits and shots; None if it is not told.

        Examples
        --------
        >>> Told(seconds=0.0).usage(1, 100) == Usage()
        True
        """
        if self.seconds is None and self.shots is None:
            return None
        if self.seconds == 0.0 or self.shots == 0:
            return Usage()  # nothing was run
        told = shots if self.shots is None else self.shots
        return Usage(circuits=circuits, shots=told, seconds=self.seconds or 0.0)


def together(parts: Iterable[Told | None]) -> Told:
    """What is said of several jobs as one; a sum only where each has its part.

    Examples
    --------
    >>> together([Told("ibm", seconds=2.0), Told("ibm", seconds=3.0)]).seconds
    5.0
    >>> together([Told("ibm", seconds=2.0), None]).seconds
    """
    told = [part or Told() for part in parts]
    names = {part.provider for part in told if part.provider}
    sums: dict[str, Any] = {}
    for name in ("shots", "seconds", "qpu_s", "queue_s", "run_s"):
        values = [getattr(part, name) for part in told]
        sums[name] = None if not told or None in values else sum(values)
    return Told(names.pop() if len(names) == 1 else None, **sums)


def ibm(metrics: Mapping[str, Any]) -> Told:
    """What ``job.metrics()`` of IBM's client says.

    Examples
    --------
    >>> ibm({"usage": {"quantum_seconds": 2.35, "status": "final"}}).qpu_s
    2.35
    >>> ibm({"usage": {"quantum_seconds": 0, "status": "pending"}}).qpu_s
    """
    usage, times = (_mapping(metrics.get(n)) for n in ("usage", "timestamps"))
    names = ("qpu_charge_time_seconds", "quantum_seconds", "seconds")
    found = [_number(usage.get(name)) for name in names]
    seconds = next((each for each in found if each is not None), None)
    # Until it is final the figure is zero, which is no figure.
    status = usage.get("status", "final" if seconds else "pending")
    if status == "pending":
        seconds = None
    created, running, finished = (
        _time(times.get(name)) for name in ("created", "running", "finished")
    )
    return Told(
        provider="ibm",
        seconds=seconds,
        qpu_s=seconds,
        queue_s=_between(created, running),
        run_s=_between(running, finished),
    )


def braket(tasks: Iterable[Mapping[str, Any]]) -> Told:
    """What Amazon says of the tasks of a job, as :mod:`..workers` has asked for it.

    Parameters
    ----------
    tasks
        For each ``status``, ``shots``, ``successful`` (shots that were run),
        ``created`` and ``ended`` (ISO 8601), and ``ms`` that a simulator took.

    Examples
    --------
    >>> braket([{"status": "COMPLETED", "shots": 100, "ms": 40}]).seconds
    3.0
    >>> braket([{"status": "CANCELLED", "shots": 100, "successful": 7}]).shots
    7
    """
    parts = together(map(_task, tasks))
    return replace(parts, provider="braket")


def _task(task: Mapping[str, Any]) -> Told:
    ms, successful = _number(task.get("ms")), _number(task.get("successful"))
    asked = _number(task.get("shots")) if task.get("status") == "COMPLETED" else None
    shots = asked if successful is None else successful
    whole = None if shots is None else int(shots)
    if ms is None:
        return Told(shots=whole)
    run = ms / 1000
    life = _between(_time(task.get("created")), _time(task.get("ended")))
    return Told(
        shots=whole,
        seconds=max(run, LEAST_SIMULATED_S),
        queue_s=None if life is None else max(life - run, 0.0),
        run_s=run,
    )


def elsewhere(said: Mapping[str, Any]) -> Told:
    """What the process of another environment says of a job there."""
    provider = _PACKAGES.get(str(said.get("client")))
    if provider == "ibm":
        return ibm(_mapping(said.get("metrics")))
    tasks = said.get("tasks")
    if provider == "braket" and isinstance(tasks, list):
        return braket(map(_mapping, tasks))
    return Told(provider, run_s=_number(said.get("time_taken")))


def ask(job: Any, wanted: Callable[[], bool], result: Any = None) -> Told:
    """Ask for what a job has used, once it is final; never raises but ``Stopped``.

    Parameters
    ----------
    job
        The job.
    wanted
        Asked while a figure is waited for that is not final yet.
    result
        What it came to, if anything.
    """
    provider, told = _provider(job), Told()
    try:
        if isinstance(used := getattr(job, "used", None), Mapping):
            told = elsewhere(used)
        elif provider == "ibm":
            told = _by_metrics(job, wanted)
    except Exception:  # noqa: BLE001 - a job that is done has not failed for this
        _log.debug("a provider did not say what a job has used", exc_info=True)
    if told.run_s is None:
        told = replace(told, run_s=_number(getattr(result, "time_taken", None)))
    return replace(told, provider=told.provider or provider)


def _provider(job: Any) -> str | None:
    """Whose job it is, also if it is of another environment that does not answer."""
    kinds = [type(job).__module__]
    backend: Any = getattr(job, "_backend", None)
    if is_elsewhere(backend):
        kinds += backend.kinds
    found = (_PACKAGES.get(re.split("[.:]", kind)[0]) for kind in kinds)
    return next(filter(None, found), None)


def _by_metrics(job: Any, wanted: Callable[[], bool]) -> Told:
    told = Told()
    for pause in LOOKS_S:
        rest(pause, wanted)
        metrics = _mapping(job.metrics())
        told = ibm(metrics)
        if told.seconds is not None or not metrics.get("usage"):
            break
    return told


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    """A number from zero, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def _time(value: object) -> datetime | None:
    """A moment in ISO 8601 with its zone, or None."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _between(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max((end - start).total_seconds(), 0.0)
