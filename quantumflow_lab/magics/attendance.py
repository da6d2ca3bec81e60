"""A cell that waits for its run: ticks, Cancel, Interrupt, Detach, and how it ends."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from quantumflow_lab.errors import RunCancelled, ServiceError
from quantumflow_lab.magics.tracebacks import as_the_cell_s

if TYPE_CHECKING:
    from quantumflow_lab.magics.view import View
    from quantumflow_lab.run import Run

TICK = 0.05
"""Seconds between looks at the run; an Interrupt is noticed at the next one."""
LAST_WORD = 0.2
"""Seconds that a cancelled run has to end before its cell goes on without it."""


class Attendance:
    """One cell and its run.

    Buttons and interrupts only set a flag and wake whoever waits; the waiting side does
    the rest. After Detach, or when a cancelled run takes long to stop, a thread goes on
    showing the run and the cell is free.
    """

    def __init__(self, run: Run, view: View):
        self._run = run
        self._view = view
        self._detached = False
        self._deadline: float | None = None
        self._wake: Callable[[], None] = _nothing
        view.open(self.receive)
        run.when_done(lambda: self._wake())

    # Called from any thread.

    def receive(self, message: dict[str, Any]) -> None:
        """Act on a button of the widget."""
        with _refusals_told():
            match message:
                case {"type": "cancel", "step": str(step)}:
                    self._run.cancel(step)
                case {"type": "cancel"}:
                    self.cancel()
                case {"type": "detach"}:
                    self.detach()
                case {"type": "pause"}:
                    self._run.pause()
                case {"type": "resume"}:
                    self._run.resume()

    def cancel(self) -> None:
        """Stop the run; the cell waits a moment for its last word."""
        with _refusals_told():
            self._run.cancel()
            self._deadline = monotonic() + LAST_WORD
        self._wake()

    def detach(self) -> None:
        """Give the notebook back; the run goes on."""
        self._detached = True
        self._wake()

    # Three ways to wait.

    async def wait(self) -> None:
        """Wait in an event loop, which other tasks share."""
        wake, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = _waker(loop, wake)
        while not self._over():
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), TICK)
            wake.clear()
            self._view.tick()
        self._leave()

    def block(self) -> None:
        """Wait where nothing can await; Ctrl-C cancels the run."""
        wake = Event()
        self._wake = wake.set
        while not self._over():
            try:
                wake.wait(TICK)
                wake.clear()
                self._view.tick()
            except KeyboardInterrupt:
                self.cancel()
        self._leave()

    def follow(self) -> None:
        """Go on showing the run in a thread, whose output belongs to this cell."""
        context = contextvars.copy_context()
        Thread(
            target=context.run, args=(self._follow,), name="qflow-view", daemon=True
        ).start()

    def error(self) -> Exception | None:
        """What the cell is to raise; points that failed alone are told on stderr."""
        if self._detached:
            return None
        try:
            self._run.raise_failure()
            if self._run.state == "cancelled" or self._deadline is not None:
                return RunCancelled(f"run '{self._run.name}' was cancelled")
            failures = self._run.failures()
        except BaseException as error:  # noqa: BLE001  # a step may raise anything
            return as_the_cell_s(error)
        for line in failures:
            sys.stderr.write(f"{line}\n")
        return None

    def _over(self) -> bool:
        late = self._deadline is not None and monotonic() > self._deadline
        return self._run.done or self._detached or late

    def _leave(self) -> None:
        self._wake = _nothing
        if self._run.done:
            self._view.close()
        else:
            self.follow()

    def _follow(self) -> None:
        wake = Event()
        self._wake = wake.set
        while not self._run.done:
            wake.wait(2 * TICK)
            wake.clear()
            self._view.tick()
        self._view.close()


class Attended(asyncio.Future[None]):
    """What a cell awaits; awaiting it leaves no frame of ours in tracebacks.

    An interrupt cancels what a cell awaits. Here that stops the run, and the cell ends
    when the run has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._attendance: Attendance | None = None

    def attend(self, attendance: Attendance) -> None:
        """Resolve when `attendance` is over."""
        self._attendance = attendance
        self._task = asyncio.get_running_loop().create_task(attendance.wait())
        self._task.add_done_callback(self._ended)

    def cancel(self, msg: object = None) -> bool:
        """Stop the run."""
        if self._attendance is not None and not self.done():
            self._attendance.cancel()
        return not self.done()

    def _ended(self, task: asyncio.Task[None]) -> None:
        assert self._attendance is not None, "the task is made by attend()"
        error = task.exception() or self._attendance.error()
        if error is None:
            self.set_result(None)
        else:
            self.set_exception(error)


@contextmanager
def _refusals_told() -> Iterator[None]:
    """A service may refuse what a button asks for; nobody could catch that."""
    try:
        yield
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")


def _nothing() -> None:
    """Nobody waits."""


def _waker(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> Callable[[], None]:
    def woken() -> None:
        # The loop of a kernel that shuts down is closed already.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(wake.set)

    return woken
