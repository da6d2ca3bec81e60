"""The journal: how long one append of a record of half a kilobyte takes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.row import Row
from quantumflow_lab.store.journals import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator

APPENDS, TURNS = 20_000, 5
RECORD = b'{"kind": "unit", "step": "counts", "state": "done", "value": "%s"}' % (
    b"x" * 400
)


def measure() -> Iterator[Row]:
    """99th percentile of an append without fsync, over a few turns."""
    with tempfile.TemporaryDirectory() as folder:
        p99 = [_append(Path(folder), f"turn-{turn}") for turn in range(TURNS)]
    yield Row(
        what="journal append, p99",
        against="",
        value=sorted(p99)[TURNS // 2],
        low=min(p99),
        high=max(p99),
        unit="ms",
        better="lower",
        gate=0.2,
    )


def _append(folder: Path, writer: str) -> float:
    """Milliseconds of all but the slowest hundredth of the appends."""
    journal = Journal(folder, writer)
    times = []
    for _ in range(APPENDS):
        start = perf_counter()
        journal.append([RECORD])
        times.append(perf_counter() - start)
    journal.close()
    return float(np.percentile(times, 99)) * 1e3
