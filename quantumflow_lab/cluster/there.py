"""What runs on a worker of a cluster. Only called there, by Dask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from queue import SimpleQueue
from typing import Any, NoReturn, cast

from distributed import get_worker

from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.cluster.parcels import (
    Answer,
    Answers,
    Group,
    Key,
    Part,
    PartEnded,
    Point,
    pack,
    pack_error,
    unpack,
)
from quantumflow_lab.errors import NotInStep
from quantumflow_lab.ports import JobEvent, Lost, Progress, Settled, Stopped
from quantumflow_lab.runner import console
from quantumflow_lab.runner.context import StepContext, StepPort, entered
from quantumflow_lab.runner.own import own
from quantumflow_lab.workers import StepThreads, WorkerPool

MOST_KEPT = 64
"""Functions, and backends, that a worker keeps."""
Code = tuple[Callable[..., Any], Mapping[str, Any]]


@dataclass
class _Place:
    """What this process keeps between calls."""

    threads: StepThreads = field(default_factory=lambda: StepThreads(64))
    codes: OrderedDict[str, Code] = field(default_factory=OrderedDict)
    specs: OrderedDict[str, BackendSpec] = field(default_factory=OrderedDict)
    current: dict[Key, Key] = field(default_factory=dict)
    """The point that each group has come to; groups by sender and number."""
    stopped: set[tuple[int, Key]] = field(default_factory=set)
    """Points that are not to run, or not on, by sender."""
    jobs: dict[Key, int] = field(default_factory=dict)
    """Job of the pool that each part became."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    pool: WorkerPool | None = None


_place = _Place()
_numbers = count(1)


# Steps.


def run_group(data: bytes) -> bytes:
    """Run points of a step, in a thread where they can be stopped."""
    began = time.perf_counter()
    group: Group = unpack(data)
    try:
        code = _known(_place.codes, group.code, group.payload)
    except Exception as error:  # noqa: BLE001 - unpickling runs foreign code
        return pack(Answers((), 0.0, broken=pack_error(error)))
    if code is None:
        return pack(Answers((), 0.0, unknown=True))
    answers: list[Answer] = []
    ended: SimpleQueue[object] = SimpleQueue()
    where = group.sender, group.number
    console.catch()
    try:
        _place.threads.start(
            where,
            lambda: _run_points(group, code, answers),
            lambda *end: ended.put(end),
        )
        ended.get()
    finally:
        console.release()
        _forget(group)
    return pack(Answers(tuple(answers), time.perf_counter() - began))


async def stop_points(sender: int, keys: Iterable[Key]) -> None:
    """Let points not run, or stop in their middle; on the loop of the worker."""
    with _place.lock:
        _place.stopped.update((sender, key) for key in keys)
        groups = [
            group
            for group, point in _place.current.items()
            if group[0] == sender and (sender, point) in _place.stopped
        ]
        for group in groups:
            _place.threads.stop(group)


def _run_points(group: Group, code: Code, answers: list[Answer]) -> None:
    where = group.sender, group.number
    for point in group.points:
        with _place.lock:
            if (group.sender, point.key) in _place.stopped:
                continue
            _place.current[where] = point.key
        # A stop ends the group; the client sends again what has no answer.
        answers.append(_answer(code, point))


def _answer(code: Code, point: Point) -> Answer:
    function, shared = code
    told = _Told()
    context = StepContext(
        port=cast("StepPort", told),
        run=point.run,
        step=point.step,
        unit=point.unit,
        attempt=point.attempt,
        point=point.point,
        backend=point.backend,
    )
    value = error = None
    try:
        arguments = {n: own(v) for n, v in {**shared, **point.arguments}.items()}
        with entered(context):
            value = pack(function(**arguments))
    except Stopped:
        raise
    except BaseException as raised:  # noqa: BLE001 - all of it is the answer
        error = pack_error(raised)
    console.finish(context)
    metrics, outputs = tuple(told.metrics), tuple(told.outputs)
    return Answer(point.unit, point.attempt, value, error, metrics, outputs)


def _forget(group: Group) -> None:
    with _place.lock:
        _place.current.pop((group.sender, group.number), None)
        keys = {(group.sender, point.key) for point in group.points}
        _place.stopped -= keys


class _Told:
    """What a step says while it runs, kept until it has ended; a ``StepPort``."""

    def __init__(self) -> None:
        self.metrics: list[tuple[str, float]] = []
        self.outputs: list[tuple[str, Any]] = []

    def log(self, _context: StepContext, name: str, value: float) -> None:
        self.metrics.append((name, float(value)))

    def emit(self, _context: StepContext, mime: str, data: Any) -> None:
        self.outputs.append((mime, data))

    def call(self, context: StepContext, *_: Any, **__: Any) -> NoReturn:
        raise NotInStep(
            f"step '{context.step}' runs on a cluster, where no lab is; let it ask for "
            "'sampler' or 'estimator' as a parameter, then it runs beside the lab",
            what="a quantum call",
        )

    rest = go_on = call


# Simulators.


def run_part(data: bytes) -> bytes:
    """Run members of a job in a child process of this worker."""
    part: Part = unpack(data)
    spec = _known(_place.specs, part.key, part.spec)
    if spec is None:
        return pack(PartEnded((), unknown=True))
    request = unpack(part.request)
    number, where = next(_numbers), (part.sender, part.number)
    events: SimpleQueue[JobEvent] = SimpleQueue()
    pool = _pool(get_worker().state.nthreads)
    with _place.lock:
        if (part.sender, (part.number, 0)) in _place.stopped:
            lost = Lost(request.job, "cancelled")
            return pack(PartEnded((lost,)))
        _place.jobs[where] = number
    heard: list[JobEvent] = []
    try:
        pool.submit(replace(request, job=number, site=""), events.put, spec=spec)
        while not heard or not isinstance(heard[-1], Settled | Lost):
            event = events.get()
            if type(event).__name__ not in _NOISE:
                heard.append(replace(event, job=request.job))
    finally:
        with _place.lock:
            _place.jobs.pop(where, None)
    return pack(PartEnded(tuple(heard)))


_NOISE = ("Accepted", Progress.__name__)


async def stop_parts(sender: int, numbers: Iterable[int]) -> None:
    """Kill the children that have these parts of jobs; any others never start."""
    with _place.lock:
        _place.stopped.update((sender, (number, 0)) for number in numbers)
        jobs = [_place.jobs.get((sender, number)) for number in numbers]
    for job in jobs:
        if job is not None and _place.pool is not None:
            _place.pool.cancel(job)


def _pool(threads: int) -> WorkerPool:
    """Children of this worker, as many as it has threads: each waits for one."""
    with _place.lock:
        if _place.pool is None:
            _place.pool = WorkerPool(size=max(1, threads))
        return _place.pool


def _known(kept: OrderedDict[str, Any], key: str, payload: bytes | None) -> Any:
    """What goes by a key here, or has just arrived; None if it is not here."""
    with _place.lock:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    if payload is None:
        return None
    value = unpack(payload)
    with _place.lock:
        kept[key] = value
        if len(kept) > MOST_KEPT:
            kept.popitem(last=False)
    return value
