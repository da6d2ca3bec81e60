"""Tasks that do nothing, in graphs of ten thousand: what scheduling itself costs.

The core is driven through its words, as the runner does it: batches of up to 128 tasks
on two threads, small batches on the thread that decides. Its peer is `graphlib` with a
`ThreadPoolExecutor` of two, the floor a Python loop that passes results along. All
build their plan from the same lists of needs, in turns, in one process.

``python -m benchmarks.scheduler --quick`` does a tenth; it also prints the rows of
``benchmarks.core``, a million tasks in the core alone. Build with ``maturin develop
--release`` first: a debug build is about ten times slower.
"""

from __future__ import annotations

import argparse
from array import array
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from queue import SimpleQueue
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import core
from benchmarks.__main__ import table
from benchmarks.row import Row, ratio
from quantumflow_lab._words import CommandCode, EventCode
from quantumflow_lab.core import Events, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Needs = list[list[int]]
    Results = dict[int, int]

BATCH = 128
"""Slots of the lane: tasks that are out at once."""
ALONE = 16
"""Batches below this are not worth a second thread."""
THREADS = 2
TASKS, TURNS = 10_000, 9


def layered(tasks: int) -> Needs:
    """Layers of a hundred; each task needs two or three of the layer before."""
    rng, width = Random(0), 100
    layers = [range((i // width - 1) * width, i // width * width) for i in range(tasks)]
    return [rng.sample(la, rng.choice((2, 3))) if la[0] >= 0 else [] for la in layers]


def chain(tasks: int) -> Needs:
    """Each task needs the one before."""
    return [[], *([i] for i in range(tasks - 1))]


def fan(tasks: int) -> Needs:
    """All need the first, the last needs all."""
    middle = range(1, tasks - 1)
    return [[], *([0] for _ in middle), [*middle]]


def task(*_needs: int) -> int:
    """What every task does: nothing."""
    return 0


def by_the_core(needs: Needs) -> Results:
    """Words in, words out; half of each large batch on a second thread."""
    scheduler = Scheduler(seed=1)
    results: Results = {}

    def work(units: list[int]) -> None:
        for unit in units:
            results[unit] = task(*[results[need] for need in needs[unit]])

    events = Events().lane(0, slots=BATCH).run(0, seed=7)
    events.define_class(0, run=0, step=0, lane=0)
    events.define(run=0, cls=0, first=0, needs=needs).seal(0)
    with ThreadPoolExecutor(THREADS - 1) as pool:
        units = started(scheduler.handle(events, 0))
        while units:
            half = len(units) // 2 if len(units) >= ALONE else 0
            other = pool.submit(work, units[:half]) if half else None
            work(units[half:])
            if other:
                other.result()
            done = array("q", (EventCode.DONE, 0, 1) * len(units))
            done[1::3] = array("q", units)
            units = started(scheduler.handle(done, 0))
    return results


def started(commands: bytes) -> list[int]:
    """Units to run. A batch of answers gives finals first, then starts."""
    words = memoryview(commands).cast("q").tolist()
    at = 0
    while at < len(words) and words[at] == CommandCode.FINAL:
        at += 5
    return words[at + 1 :: 3] if words[at:] and words[at] == CommandCode.RUN else []


def by_graphlib(needs: Needs) -> Results:
    """`graphlib` decides, a pool of two works: the best of the standard library."""
    sorter = TopologicalSorter(dict(enumerate(needs)))
    sorter.prepare()
    finished: SimpleQueue[int] = SimpleQueue()
    results: Results = {}

    def work(unit: int) -> None:
        results[unit] = task(*[results[need] for need in needs[unit]])
        finished.put(unit)

    with ThreadPoolExecutor(THREADS) as pool:
        while sorter.is_active():
            for unit in sorter.get_ready():
                pool.submit(work, unit)
            sorter.done(finished.get())
    return results


def by_a_loop(needs: Needs) -> Results:
    """The tasks are in a good order already: no scheduler at all."""
    results: Results = {}
    for unit, mine in enumerate(needs):
        results[unit] = task(*[results[need] for need in mine])
    return results


def seconds(run: Callable[[Needs], Results], needs: Needs) -> float:
    """How long one way takes for the whole graph."""
    start = perf_counter()
    results = run(needs)
    took = perf_counter() - start
    if len(results) != len(needs):
        raise ValueError(f"{run.__name__} ran {len(results)} of {len(needs)} tasks")
    return took


def measure(*, tasks: int = TASKS, turns: int = TURNS) -> Iterator[Row]:
    """Each shape against the peer and against the floor."""
    marks = {layered: (4.0, 8.0), chain: (20.0, 50.0), fan: (None, None)}
    for shape, (gate, stretch) in marks.items():
        needs = shape(tasks)
        ways = (by_the_core, by_graphlib, by_a_loop)
        took = [[seconds(way, needs) for way in ways] for _ in range(turns)]
        ours, pool, loop = (list(column) for column in zip(*took, strict=True))
        what = f"{shape.__name__} of {tasks}, core and 2 threads"
        yield ratio(
            what,
            ours=ours,
            against="graphlib + pool",
            theirs=pool,
            gate=gate,
            stretch=stretch,
        )
        yield ratio(what, ours=ours, against="bare loop", theirs=loop)
        each = sorted(one / tasks * 1e6 for one in ours)
        middle = each[turns // 2]
        yield Row(f"{what}, a task", "", middle, each[0], each[-1], "µs", "lower")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduler")
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    if parser.parse_args().quick:
        print(table(list(measure(tasks=TASKS // 10, turns=5))))
    else:
        print(table([*measure(), *core.measure()]))
