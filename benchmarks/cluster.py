"""Points on a Dask cluster against plain Dask, and where one scheduler has enough.

The same function runs on the same cluster of two processes: once as a mapped step of
the lab, with its journal, once as ``client.map`` and ``gather``. In turns, and each
time over values that are new, so that nothing is remembered.

The second part has no cluster: a thousand workers that only pretend. Each point that
the scheduler starts ends some time later on a virtual clock, and what is measured is
how many the scheduler can start and end in a second of real time. A cluster of a
thousand threads is busy as long as its points take longer than a thousand divided by
that.
"""

from __future__ import annotations

from heapq import heappop, heappush
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from distributed import Client, LocalCluster

from benchmarks.row import Row, ratio
from quantumflow_lab import core
from quantumflow_lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTS, PLAIN = 100_000, 5_000
"""Mapped points, and how many of them plain Dask gets to do: it takes a second each
thousand, and its time is in proportion."""
TURNS = 3
WORKERS, FAKES = 1_000, 200_000
"""Pretended workers of a thread each, and points for them."""
CELL = """
x = qf.axis(values)

@qf.step
def cube(x):
    return x * x * x
"""


def measure() -> Iterator[Row]:
    """Both parts."""
    yield from against_plain_dask()
    yield from pretended()


def against_plain_dask() -> Iterator[Row]:
    """Seconds of a thousand points, ours and plain Dask's, in turns."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        TemporaryDirectory() as home,
        LocalCluster(**options) as cluster,
        Client(cluster) as client,
    ):
        lab = Lab(home)
        try:
            by_us(lab, 1_000, 0)
            by_dask(client, 1_000, 0)
            took = [
                (by_us(lab, POINTS, turn + 1), by_dask(client, PLAIN, turn + 1))
                for turn in range(TURNS)
            ]
        finally:
            lab.close()
    ours, theirs = ([*column] for column in zip(*took, strict=True))
    yield ratio(
        f"{POINTS:,} mapped points on a cluster of 2 processes, a point",
        ours=ours,
        against=f"client.map, {PLAIN:,} points",
        theirs=theirs,
        gate=1.0,
        stretch=3.0,
    )
    each = sorted(1e6 * seconds for seconds in ours)
    what = f"{POINTS:,} mapped points on a cluster, a point with its journal"
    yield Row(what, "", median(each), each[0], each[-1], "µs", "lower")


def by_us(lab: Lab, points: int, turn: int) -> float:
    """Seconds for a point, as a step of a run."""
    values = list(range(turn * points, (turn + 1) * points))
    start = perf_counter()
    run = lab.run(CELL, name="cubes", inputs={"values": values}, executor="dask")
    took = perf_counter() - start
    assert run.state == "done"
    return took / points


def by_dask(client: Client, points: int, turn: int) -> float:
    """Seconds for a point, as a task of Dask."""
    values = list(range(turn * points, (turn + 1) * points))
    start = perf_counter()
    found = client.gather(client.map(_cube, values, pure=False))
    took = perf_counter() - start
    assert len(found) == points
    return took / points


def _cube(x: int) -> int:
    return x * x * x


def pretended() -> Iterator[Row]:
    """A thousand workers that only wait, on a virtual clock."""
    rates = sorted(_drive() for _ in range(TURNS))
    middle = median(rates)
    what = f"points that the scheduler starts and ends, {WORKERS:,} workers"
    yield Row(f"{what}, a second", "", middle, rates[0], rates[-1], "", "higher", 2e4)
    bounds = sorted(1e3 * WORKERS / rate for rate in rates)
    what = f"shortest point with which {WORKERS:,} workers stay busy"
    yield Row(what, "", median(bounds), bounds[0], bounds[-1], "ms", "lower", 50)


def _drive(points: int = FAKES, duration_us: int = 100_000) -> float:
    """Points a second of real time through the Rust scheduler, its answers decoded."""
    scheduler, events = core.Scheduler(0), core.Events()
    events.lane(0, slots=WORKERS).run(1, seed=1)
    events.define_class(1, run=1, step=0, lane=0, attempts=3)
    events.define(run=1, cls=1, first=0, needs=[[] for _ in range(points)]).seal(1)
    out: list[tuple[int, int, int]] = []
    now = ended = 0
    start = perf_counter()
    while True:
        for command in core.decode(scheduler.handle(events.tick(), now)):
            if isinstance(command, core.Run):
                # Not all alike, or they would end in waves.
                due = now + duration_us * (500 + command.unit * 7919 % 1000) // 1000
                heappush(out, (due, command.unit, command.attempt))
            elif isinstance(command, core.Ended):
                assert ended == points
                return points / (perf_counter() - start)
        events = core.Events()
        now = out[0][0]
        # What ends within a millisecond arrives together, as it does in the lab.
        while out and out[0][0] <= now + 1_000:
            now, unit, attempt = heappop(out)
            events.done(unit, attempt)
            ended += 1


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table([*measure()]))
