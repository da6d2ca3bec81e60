"""A cell whose run does not stop when told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from quantumflow_lab.errors import RunCancelled
from quantumflow_lab.magics.attendance import Attendance, Attended

PATIENCE = 2.0
"""Seconds, of which a free machine needs 0.2."""


class StuckRun:
    """A run that goes on whatever one does."""

    name, state, done = "stuck", "running", False

    def cancel(self, step: str | None = None) -> None:
        """Change nothing."""

    def when_done(self, act: Callable[[], None]) -> None:
        """Never call."""

    def raise_failure(self) -> None:
        """Have none."""


class Eye:
    closed = False

    def open(self, on_message: Callable[[dict[str, Any]], None]) -> None:
        self.press = on_message

    def tick(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def stuck() -> tuple[StuckRun, Eye, Attendance]:
    run, eye = StuckRun(), Eye()
    return run, eye, Attendance(cast("Any", run), eye)


def test_cancel_frees_the_cell_and_a_thread_sees_the_run_to_its_end() -> None:
    run, eye, attendance = stuck()
    eye.press({"type": "cancel"})
    began = time.monotonic()
    attendance.block()
    assert time.monotonic() - began < PATIENCE
    assert str(attendance.error()) == "run 'stuck' was cancelled"
    assert not eye.closed
    run.done = True
    while not eye.closed and time.monotonic() - began < 2 * PATIENCE:
        time.sleep(0.01)
    assert eye.closed


def test_an_interrupt_of_what_the_cell_awaits_cancels_and_is_told() -> None:
    run, _, attendance = stuck()

    async def cell() -> None:
        attended = Attended()
        attended.attend(attendance)
        await attended

    async def interrupted() -> BaseException | None:
        task = asyncio.ensure_future(cell())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        return task.exception()

    error = asyncio.run(interrupted())
    run.done = True
    assert isinstance(error, RunCancelled)
