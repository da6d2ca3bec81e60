"""Tasks that do nothing, in graphs of ten thousand: what scheduling itself costs.

What is timed is a whole call of `qf.graph.get` with two threads: reading the graph,
deciding, running, and the results. Its peers get the same graph: `graphlib` with a
`ThreadPoolExecutor` of two, which is the best of the standard library; Dask with
threads, and with a client in this process; joblib with one `Parallel` a layer. The
floor is a Python loop that only passes results along. All take turns in one process.

``python -m benchmarks.scheduler`` prints the table, with the rows of
``benchmarks.core``; ``--quick`` does a tenth. Build with ``maturin develop --release``
first: a debug build is about ten times slower.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from queue import SimpleQueue
from random import Random
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

import dask.threaded
from distributed import Client
from joblib import Parallel, delayed

from benchmarks import core
from benchmarks.__main__ import table
from benchmarks.row import Row, ratio
from quantumflow_lab import graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Needs = list[list[int]]

THREADS = 2
TASKS, TURNS = 10_000, 9
SLOW_TURNS = 5
"""Turns of the peers that take seconds."""
NAPS, NAP = 200, 1e-3


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


@dataclass(frozen=True, slots=True)
class Work:
    """One graph in the forms that the ways take."""

    needs: Needs
    """By task, the tasks before it that it needs."""
    dsk: dict[str, Any]
    """The same for Dask."""
    ends: list[str]
    """Keys that nothing needs."""
    layers: list[int]
    """How many tasks can run side by side, one after the other."""


def work(needs: Needs) -> Work:
    """Build all forms, outside of what is timed."""
    used = {need for mine in needs for need in mine}
    depth: list[int] = []
    for mine in needs:
        depth.append(1 + max((depth[need] for need in mine), default=-1))
    return Work(
        needs,
        {f"t{i}": (task, *[f"t{j}" for j in mine]) for i, mine in enumerate(needs)},
        [f"t{i}" for i in range(len(needs)) if i not in used],
        [depth.count(level) for level in range(max(depth) + 1)],
    )


def by_us(work: Work) -> None:
    """`qf.graph.get`, from the mapping to the results."""
    graph.get(work.dsk, work.ends, num_workers=THREADS)


def by_graphlib(work: Work) -> None:
    """`graphlib` decides, a pool of two works."""
    needs = work.needs
    sorter = TopologicalSorter(dict(enumerate(needs)))
    sorter.prepare()
    finished: SimpleQueue[int] = SimpleQueue()
    results: dict[int, int] = {}

    def run(unit: int) -> None:
        results[unit] = task(*[results[need] for need in needs[unit]])
        finished.put(unit)

    with ThreadPoolExecutor(THREADS) as pool:
        while sorter.is_active():
            for unit in sorter.get_ready():
                pool.submit(run, unit)
            sorter.done(finished.get())


def by_dask(work: Work) -> None:
    """Dask's scheduler for threads."""
    dask.threaded.get(work.dsk, work.ends, num_workers=THREADS)


def by_joblib(work: Work) -> None:
    """joblib, which has no graphs: a parallel loop for each layer."""
    with Parallel(n_jobs=THREADS, backend="threading") as parallel:
        for width in work.layers:
            parallel(delayed(task)() for _ in range(width))


def by_a_loop(work: Work) -> None:
    """The tasks are in a good order already: no scheduler at all."""
    results: dict[int, int] = {}
    for unit, mine in enumerate(work.needs):
        results[unit] = task(*[results[need] for need in mine])


@contextmanager
def a_client() -> Iterator[Callable[[Work], None]]:
    """Dask's distributed scheduler, with one worker of two threads in this process."""
    options = {"n_workers": 1, "threads_per_worker": THREADS, "processes": False}
    with Client(**options, dashboard_address=None) as client:
        yield lambda work: client.get(work.dsk, work.ends)


def seconds(way: Callable[[Work], None], work: Work) -> float:
    """How long one way takes for the whole graph."""
    start = perf_counter()
    way(work)
    return perf_counter() - start


def against(
    what: str,
    work: Work,
    peer: str,
    way: Callable[[Work], None],
    turns: int,
    gate: float | None = None,
    stretch: float | None = None,
) -> Row:
    """Take turns with a peer."""
    by_us(work)
    took = [(seconds(by_us, work), seconds(way, work)) for _ in range(turns)]
    ours, theirs = ([*column] for column in zip(*took, strict=True))
    return ratio(
        what, ours=ours, against=peer, theirs=theirs, gate=gate, stretch=stretch
    )


def measure(*, tasks: int = TASKS, turns: int = TURNS) -> Iterator[Row]:
    """Each shape against the peers and the floor."""
    pool, threads = "graphlib + pool", "dask.threaded.get"
    marks: dict[tuple[str, str], tuple[float, float]] = {
        ("layered", pool): (4.0, 8.0),
        ("layered", threads): (30.0, 60.0),
        ("chain", pool): (20.0, 50.0),
    }
    for shape in (layered, chain, fan):
        name, todo = shape.__name__, work(shape(tasks))
        what = f"{name} of {tasks}"
        peers = {
            pool: (by_graphlib, turns),
            threads: (by_dask, SLOW_TURNS),
            "joblib, a layer at a time": (by_joblib, SLOW_TURNS),
            "bare loop": (by_a_loop, turns),
        }
        if shape is chain:
            del peers["joblib, a layer at a time"]
        for peer, (way, count) in peers.items():
            gate, stretch = marks.get((name, peer), (None, None))
            yield against(what, todo, peer, way, count, gate, stretch)
        each = sorted(seconds(by_us, todo) / tasks * 1e6 for _ in range(turns))
        middle = each[turns // 2]
        yield Row(f"{what}, a task", "", middle, each[0], each[-1], "µs", "lower")
    yield from by_a_client(tasks // 10)
    yield side_by_side()


def by_a_client(tasks: int) -> Iterator[Row]:
    """Against Dask's distributed scheduler, with fewer tasks: it takes seconds."""
    with a_client() as client:
        for shape in (layered, chain, fan):
            what = f"{shape.__name__} of {tasks}"
            yield against(what, work(shape(tasks)), "dask.distributed", client, 3)


def side_by_side() -> Row:
    """Tasks of a millisecond that leave the interpreter: two threads against one."""
    naps = {f"t{i}": (sleep, NAP) for i in range(NAPS)}

    def nap(threads: int) -> float:
        start = perf_counter()
        graph.get(naps, [*naps], num_workers=threads)
        return perf_counter() - start

    took = [(nap(THREADS), nap(1)) for _ in range(SLOW_TURNS)]
    ours, theirs = ([*column] for column in zip(*took, strict=True))
    what = f"{NAPS} tasks of 1 ms, 2 threads"
    return ratio(what, ours=ours, against="1 thread", theirs=theirs, gate=1.8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduler")
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    if parser.parse_args().quick:
        print(table([*measure(tasks=TASKS // 10, turns=5)]))
    else:
        print(table([*measure(), *core.measure()]))
