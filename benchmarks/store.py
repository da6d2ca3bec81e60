"""The store: appending and putting, three processes at once, ingest, and questions.

``python -m benchmarks store`` prints the table of all; ``python -m benchmarks.store
--quick`` takes a tenth of the records; ``python -m benchmarks.store --size 10_000_000``
makes a store of so many points and asks it, which takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks import _size
from benchmarks.__main__ import table
from benchmarks.row import Row, ratio
from quantumflow_lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = 1_700_000_000.0
QUERIES = ("history", "steps", "timeline", "metrics", "cost", "units")

WRITER = """
import json, sys, time
from quantumflow_lab.store import Store
store, times = Store(sys.argv[1]), []
for n in range(int(sys.argv[3])):
    record = {"kind": "metric", "run": sys.argv[2], "step": "s", "name": "m", "n": n}
    began = time.perf_counter()
    store.append([{**record, "n": 10 * n + i, "value": 0.5} for i in range(10)])
    times.append(time.perf_counter() - began)
    if n % 100 == 99:
        store.ingest()
store.close()
print(json.dumps(times))
"""
"""Records batches of ten, and takes all there is into the database now and then."""


def unit(index: int) -> dict[str, Any]:
    """A record of a point, of the usual size."""
    return {
        "kind": "unit",
        "run": f"r{index % 20}",
        "ts": T + index * 1e-3,
        "step": f"s{index % 5}",
        "step_kind": "step",
        "unit": index // 20,
        "point": {"delay": index * 1e-6, "backend": "aer"},
        "index": [index // 20, 0],
        "attempt": 1,
        "state": "done" if index % 50 else "failed",
        "reason": None,
        "error": None,
        "started": T + index * 1e-3,
        "ended": T + index * 1e-3 + 0.5,
        "wall_s": 0.5,
        "value": {"ref": f"json:{index / 7}", "media": "application/json", "bytes": 18},
    }


def run(index: int) -> dict[str, Any]:
    """A record of a run."""
    name = f"name{index % 4}"
    return {"kind": "run", "run": f"r{index}", "ts": T + index, "name": name}


def job(index: int) -> dict[str, Any]:
    """A record of a settled job."""
    return {
        "kind": "job",
        "run": f"r{index % 20}",
        "ts": T + index,
        "step": f"s{index % 5}",
        "job": index,
        "tag": f"t{index}",
        "backend": ("aer", "fake_manila")[index % 2],
        "state": "settled",
        "submitted": T + index,
        "ended": T + index + 0.5,
        "shots": 1000,
        "machine_s": 0.5,
        "cost": 0.0,
    }


def timed(calls: int, act: Callable[[], object]) -> list[float]:
    """Milliseconds of each of so many calls."""
    times = []
    for _ in range(calls):
        began = perf_counter()
        act()
        times.append((perf_counter() - began) * 1e3)
    return times


def at(
    share: float, what: str, times: Sequence[float], gate: float | None = None
) -> Row:
    """The row of a quantile of some times."""
    ordered = sorted(times)
    value = ordered[round(share * (len(ordered) - 1))]
    return Row(what, "", value, ordered[0], ordered[-1], "ms", "lower", gate)


def appends(home: Path, scale: int) -> Iterator[Row]:
    """One record at a time, without and with fdatasync, and a small value."""
    with Store(home) as store:
        plain = timed(500 * scale, lambda: store.append([unit(7)]))
        yield at(0.5, "store append, p50", plain)
        yield at(0.99, "store append, p99", plain, gate=0.2)
        synced = timed(20 * scale, lambda: store.append([unit(7)], sync=True))
        yield at(0.5, "store append, synced, p50", synced)
        yield at(0.99, "store append, synced, p99", synced)
        yield at(0.5, "put a number, p50", timed(500 * scale, lambda: store.put(0.25)))


def together(home: Path, scale: int) -> Iterator[Row]:
    """Three processes record and ingest at once; every record must be there."""
    batches = 100 * scale
    command = [sys.executable, "-c", WRITER, str(home)]
    children = [
        subprocess.Popen(
            [*command, f"r{i}", str(batches)], stdout=subprocess.PIPE, text=True
        )
        for i in range(3)
    ]
    times = [t for child in children for t in json.loads(child.communicate()[0])]
    with Store(home) as store:
        found = store.sql("SELECT count(*) AS n FROM qf_metrics").to_pylist()[0]["n"]
    lost = float(3 * batches * 10 - found)
    milliseconds = [1e3 * t for t in times]
    yield at(0.99, "three at once, append of 10, p99", milliseconds)
    what = "three at once, records lost"
    yield Row(what, "", lost, lost, lost, "", "lower", 0.0)


def filled(home: Path, scale: int) -> Iterator[Row]:
    """Ingest of many records and of one, and the named queries on what is there."""
    points = 30_000 * scale
    with Store(home) as store:
        store.append([run(i) for i in range(20)] + [job(i) for i in range(200)])
        for start in range(0, points, 1000):
            store.append([unit(i) for i in range(start, start + 1000)])
        store.sync()
        what = f"ingest of {points // 1000}k points"
        ours, theirs = [], []
        for _ in range(5):
            theirs += timed(1, lambda: floor(home))
            ours += timed(1, store.rebuild)
        speeds = sorted(points / each for each in ours)
        yield Row(what, "", speeds[2], speeds[0], speeds[-1], "k/s", "higher", 300.0)
        yield ratio(what, ours=ours, against="read_json of the bytes", theirs=theirs)
        yield at(0.5, "ingest of one record", timed(5, lambda: one_more(store)))
        for name in QUERIES:
            yield at(0.5, f"query {name}, {points // 1000}k points", asked(store, name))


def floor(home: Path) -> None:
    """Have DuckDB read the journals as any JSON, which checks and settles nothing."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE lines AS FROM read_json(?, format='newline_delimited')",
            [str(home / "journal" / "*.jsonl")],
        )


def one_more(store: Store) -> None:
    store.append([run(99)])
    store.ingest()


def asked(store: Store, name: str) -> list[float]:
    """Milliseconds of a few askings of one named query, warm."""
    about = {} if name == "history" else {"run": "r3"}
    return timed(6, lambda: store.query(name, **about))[1:]


def measure(scale: int = 10) -> Iterator[Row]:
    """All rows of the store."""
    for part in (appends, together, filled):
        with tempfile.TemporaryDirectory() as folder:
            yield from part(Path(folder) / "home", scale)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    parser.add_argument(
        "--size", type=int, metavar="POINTS", help="ask a store of so many points"
    )
    chosen = parser.parse_args()
    if chosen.size:
        print(table(list(_size.measure(chosen.size))))
    else:
        print(table(list(measure(1 if chosen.quick else 10))))
