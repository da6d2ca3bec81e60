"""What a person feels of a kernel: does it breathe, when does a cell show and stop.

A real ipykernel is driven over its own protocol; what JupyterLab and the browser add is
in the figures of ``benchmarks/browser.py``.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.row import Row
from tests.kernel.cells import AER, BELL, PATIENT, STUBBORN
from tests.kernel.driver import Cell, Kernel

BEAT = """
import asyncio, time
gaps = []
async def beat():
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.005)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
task = asyncio.create_task(beat())
"""
"""Turns of the kernel's own event loop, 5 ms apart when nothing holds it up."""


def measure(*, seconds: float = 20, turns: int = 7) -> Iterator[Row]:
    """Heartbeat in a long Aer job, time to the first widget, from Cancel to idle."""
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(dict(os.environ), Path(folder))
        try:
            for code in ("%load_ext quantumflow_lab", BELL, BEAT):
                kernel.run(code)
            yield from _heartbeat(kernel, seconds)
            yield _row("first widget sent after Run", _widgets(kernel, turns), 500, 300)
            for what, code in (
                ("Cancel in an Aer job to idle", AER),
                ("Cancel in a Python loop to idle", PATIENT),
                ("Cancel in a call that cannot stop to idle", STUBBORN),
            ):
                pressed = [
                    kernel.pressed(code, 1.5, type="cancel") for _ in range(turns)
                ]
                yield _row(what, _to_idle(pressed), 250, 100)
            stopped = [kernel.interrupted(AER, 1.5) for _ in range(turns)]
            yield _row("Interrupt in an Aer job to idle", _to_idle(stopped), 250, 100)
        finally:
            kernel.close()


def _heartbeat(kernel: Kernel, seconds: float) -> Iterator[Row]:
    kernel.run("gaps.clear()")
    request = kernel.send(AER)
    time.sleep(seconds)
    kernel.interrupt()
    kernel.collect(request)
    gaps = [1e3 * gap for gap in kernel.value("sorted(gaps)")]
    for what, share, gate, stretch in (
        ("p50", 0.5, None, None),
        ("p99", 0.99, 50.0, 20.0),
        ("longest", 1.0, None, None),
    ):
        value = gaps[min(int(share * len(gaps)), len(gaps) - 1)]
        label = f"heartbeat gap in a {seconds:.0f} s Aer job, {what}"
        yield Row(label, "", value, gaps[0], gaps[-1], "ms", "lower", gate, stretch)


def _widgets(kernel: Kernel, turns: int) -> list[float]:
    """Milliseconds from the request until its first display is there."""
    found = []
    for _ in range(turns):
        shown: list[float] = []

        def seen(message: dict[str, object], shown: list[float] = shown) -> None:
            if message["msg_type"] == "display_data":
                shown.append(time.monotonic())

        cell = kernel.collect(kernel.send(BELL), seen=seen)
        found.append(1e3 * (shown[0] - cell.sent))
    return found


def _to_idle(cells: Sequence[Cell]) -> list[float]:
    return [1e3 * (cell.idle - cell.sent) for cell in cells]


def _row(what: str, times: Sequence[float], gate: float, stretch: float) -> Row:
    low, high = min(times), max(times)
    return Row(what, "", median(times), low, high, "ms", "lower", gate, stretch)
