"""The scheduler alone: a million tasks planned and drained through ``handle``.

A layered graph: 100 layers of 10,000 units, each needing two of the layer before. The
events go in and the commands come out as flat arrays, as the runner does it; what is
timed is ``handle``, what is weighed is the process.
"""

from __future__ import annotations

import os
from statistics import median
from tempfile import TemporaryFile
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import psutil

from benchmarks.row import Row
from quantumflow_lab._words import CommandCode, EventCode
from quantumflow_lab.core import Events, ScheduleLog, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

LAYERS, WIDTH, TURNS = 100, 10_000, 5
UNITS = LAYERS * WIDTH
FINAL_WORDS, RUN_WORDS = 5, 3


def measure() -> Iterator[Row]:
    """Seconds and bytes a task, over a few turns."""
    turns = [_turn() for _ in range(TURNS)]
    spent = [seconds / UNITS * 1e6 for seconds, _ in turns]
    yield Row(
        what="1M tasks, plan and drain in the core, a task",
        against="",
        value=median(spent),
        low=min(spent),
        high=max(spent),
        unit="µs",
        better="lower",
        gate=1.0,
        stretch=0.3,
    )
    # Only the first turn grows the process; the later ones find its pages.
    weight = turns[0][1] / UNITS / 1000
    yield Row(
        what="1M tasks, memory of the core, a task",
        against="",
        value=weight,
        low=weight,
        high=weight,
        unit="KB",
        better="lower",
        gate=0.15,
    )

    logged = [_logged() / UNITS * 1e6 for _ in range(TURNS)]
    yield Row(
        what="the same with every batch in the log on disk, a task",
        against="",
        value=median(logged),
        low=min(logged),
        high=max(logged),
        unit="µs",
        better="lower",
        stretch=5.0,
    )


def _logged() -> float:
    """Seconds in ``handle`` and for its log, which is on the disk in the end."""
    log = ScheduleLog(1)
    with TemporaryFile(buffering=0) as file:
        seconds, _ = _turn(lambda words: file.write(log.append(words, 0)))
        start = perf_counter()
        os.fsync(file.fileno())
        return seconds + perf_counter() - start


def _turn(write: Callable[[memoryview], object] | None = None) -> tuple[float, int]:
    """Seconds in ``handle``, and the most bytes by which the process grew."""
    scheduler = Scheduler(seed=1)
    graph = _graph()
    process = psutil.Process()
    before = process.memory_info().rss
    start = perf_counter()
    if write:
        write(graph.data)
    commands = scheduler.handle(graph.data, 0)
    seconds = perf_counter() - start
    most = process.memory_info().rss
    answered = finished = 0
    while finished < UNITS:
        units = _started(commands, answered)
        answered = len(units)
        events = np.empty((answered, 3), dtype=np.int64)
        events[:, 0], events[:, 1], events[:, 2] = EventCode.DONE, units, 1
        start = perf_counter()
        if write:
            write(events.ravel().data)
        commands = scheduler.handle(events.ravel().data, 0)
        seconds += perf_counter() - start
        finished += answered
        most = max(most, process.memory_info().rss)
    return seconds, most - before


def _graph() -> NDArray[np.int64]:
    """The events that define all units, as one array."""
    head = Events().lane(0, slots=WIDTH).run(0, seed=7)
    head.define_class(0, run=0, step=0, lane=0)
    first = np.arange(UNITS) >= WIDTH
    offsets = np.concatenate([[0], np.cumsum(np.where(first, 2, 0))])
    units = np.arange(WIDTH, UNITS)
    layer = units // WIDTH * WIDTH - WIDTH
    needs = np.stack([layer + units % WIDTH, layer + (units + 1) % WIDTH], axis=1)
    define = [EventCode.DEFINE, 0, 0, 0, UNITS, -1, 0]
    seal = [EventCode.SEAL, 0]
    return np.concatenate([head, define, offsets, needs.ravel(), seal]).astype(np.int64)


def _started(commands: bytes, answered: int) -> NDArray[np.int64]:
    """Units to run: the words are one FINAL for each answer, then the RUNs."""
    words = np.frombuffer(commands, dtype=np.int64)[FINAL_WORDS * answered :]
    runs = words.reshape(-1, RUN_WORDS)
    if not (runs[:, 0] == CommandCode.RUN).all():
        raise ValueError("commands came in another order than finals, then starts")
    return runs[:, 1]
