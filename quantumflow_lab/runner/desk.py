"""A run for the calls of samplers and estimators that live outside of any step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol

from quantumflow_lab.errors import RunCancelled
from quantumflow_lab.ports import Stopped
from quantumflow_lab.runner.context import Call, Rest, StepContext, running_context

SOURCE = """\
@qf.step
def calls(desk):
    desk.serve()
"""
"""Cell of such a run: one step, to which the calls belong."""


class Begun(Protocol):
    """A run that goes on."""

    def when_done(self, act: Callable[[], None]) -> None:
        """Call `act` once it has ended."""


class Desk:
    """Takes calls from anywhere and makes them in a step of a run.

    The run begins with the first call and ends when the desk is closed or nobody has
    called for a while; the next call begins another one. While nobody calls, it holds
    no slot.

    Parameters
    ----------
    begin
        Begins a run of :data:`SOURCE` with this desk as its input.
    idle_s
        Seconds without a call after which a run ends.
    """

    def __init__(self, begin: Callable[[Desk], Begun], *, idle_s: float = 30.0):
        self._begin = begin
        self._idle_s = idle_s
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._step: StepContext | None = None
        self._rest: Rest | None = None
        self._beginning: object | None = None
        """Stands for the run that has begun and does not serve yet."""
        self._making = 0
        """Calls on their way to the runner."""
        self._calls: list[Call] = []
        self._last = 0.0
        """When the last call came, monotonic seconds."""

    def __deepcopy__(self, memo: object) -> Desk:
        # Runs copy their inputs; this one is a place, not a value.
        return self

    def call(
        self,
        kind: Literal["sample", "estimate"],
        backend: str | None,
        pubs: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Call:
        """Send PUBs through the scheduler.

        Raises
        ------
        RunCancelled
            If the run is cancelled before it takes the call.
        """
        step, made = self._opened(), []
        try:
            made = [step.port.call(step, kind, backend, pubs, options)]
        except Stopped:
            raise RunCancelled("the run of this handle has been cancelled") from None
        finally:
            # At once, so that the run never looks idle between the two.
            with self._lock:
                self._making -= 1
                open_calls = [each for each in self._calls if not each.done()]
                self._calls = open_calls + made
                self._last = time.monotonic()
        return made[0]

    def close(self) -> None:
        """End the run, if there is one."""
        with self._lock:
            step, rest = self._step, self._rest
            self._step = None
        if step is not None and rest is not None:
            step.port.go_on(rest)

    # The step.

    def serve(self) -> None:
        """Be there for calls; the body of the step."""
        step = running_context()
        assert step is not None, "only the step serves"
        rest = step.port.rest(step)
        with self._changed:
            self._step, self._rest, self._beginning = step, rest, None
            self._last = time.monotonic()
            self._changed.notify_all()
        try:
            while not rest.woken.wait(self._idle_s) and not self._quiet(step):
                pass
            if not rest.woken.is_set():
                step.port.go_on(rest)
                rest.woken.wait()
            if rest.stopped:
                raise Stopped
        finally:
            self._left(step)

    def _quiet(self, step: StepContext) -> bool:
        """Whether nobody has called for long; then no call is taken any more."""
        with self._lock:
            if self._making or any(not call.done() for call in self._calls):
                return False
            if time.monotonic() - self._last < self._idle_s:
                return False
            if self._step is step:
                self._step = None
            return True

    def _left(self, step: StepContext) -> None:
        with self._lock:
            if self._step is step:
                self._step = None

    def _opened(self) -> StepContext:
        """The step of the run, begun if need be."""
        with self._changed:
            if self._step is None and self._beginning is None:
                beginning = self._beginning = object()
                try:
                    run = self._begin(self)
                except BaseException:
                    self._not_begun(beginning)
                    raise
                run.when_done(partial(self._not_begun, beginning))
            self._changed.wait_for(lambda: self._step or not self._beginning)
            if self._step is None:
                raise RunCancelled("the run of this handle was cancelled at its start")
            self._making += 1
            return self._step

    def _not_begun(self, beginning: object) -> None:
        """A run has ended, perhaps before its step began."""
        with self._changed:
            if self._beginning is beginning:
                self._beginning = None
                self._changed.notify_all()
