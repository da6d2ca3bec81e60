"""A run for the calls of samplers and estimators that live outside of any step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


_TICK_S = 0.1
"""Seconds between two looks whether a run may end."""


@dataclass(eq=False)
class _Shift:
    """One run of a desk, from its first call to its last."""

    step: StepContext
    rest: Rest
    calls: list[Call] = field(default_factory=list)
    last: float = field(default_factory=time.monotonic)
    """When the last call came, monotonic seconds."""
    closing: bool = False
    """True if it takes no further call."""


class Desk:
    """Takes calls from anywhere and makes them in a step of a run.

    The run begins with the first call and ends, its calls answered, when the desk is
    closed or nobody has called for a while; the next call begins another one. While
    nobody calls, it holds no slot.

    Parameters
    ----------
    begin
        Begins a run of :data:`SOURCE` with this desk as its input.
    ready
        Returns once another run may begin.
    idle_s
        Seconds without a call after which a run ends.
    """

    def __init__(
        self,
        begin: Callable[[Desk], Begun],
        ready: Callable[[], None] = lambda: None,
        *,
        idle_s: float = 30.0,
    ):
        self._begin = begin
        self._ready = ready
        self._idle_s = idle_s
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._shift: _Shift | None = None
        """What takes calls now."""
        self._beginning: object | None = None
        """Stands for the run that has begun and does not serve yet."""
        self._closing = False
        """True if that run is to end as soon as its calls are answered."""
        self._making = 0
        """Calls on their way to the runner."""

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
        with self._lock:
            begins = self._shift is None and self._beginning is None
        if begins:
            # Not under the lock, which runs that are to end need.
            self._ready()
        with self._lock:
            self._making += 1
        try:
            shift = self._opened()
            made = shift.step.port.call(shift.step, kind, backend, pubs, options)
            with self._lock:
                open_calls = [each for each in shift.calls if not each.done()]
                shift.calls = [*open_calls, made]
                shift.last = time.monotonic()
            return made
        except Stopped:
            raise RunCancelled("the run of this handle has been cancelled") from None
        finally:
            # Last, so that the run never looks idle between the two.
            with self._lock:
                self._making -= 1

    def close(self) -> None:
        """End the run, if there is one, once its calls are answered."""
        with self._lock:
            shift, self._shift = self._shift, None
            if shift is not None:
                shift.closing = True
            elif self._beginning is not None:
                self._closing = True

    # The step.

    def serve(self) -> None:
        """Be there for calls; the body of the step."""
        step = running_context()
        assert step is not None, "only the step serves"
        shift = _Shift(step, step.port.rest(step))
        with self._changed:
            self._shift, self._beginning = shift, None
            shift.closing, self._closing = self._closing, False
            self._changed.notify_all()
        try:
            while not shift.rest.woken.wait(_TICK_S) and not self._over(shift):
                pass
            if not shift.rest.woken.is_set():
                step.port.go_on(shift.rest)
                shift.rest.woken.wait()
            if shift.rest.stopped:
                raise Stopped
        finally:
            self._left(shift)

    def _over(self, shift: _Shift) -> bool:
        """Whether a run may end; then it takes no call any more."""
        with self._lock:
            if self._making or any(not call.done() for call in shift.calls):
                return False
            if not shift.closing and time.monotonic() - shift.last < self._idle_s:
                return False
            self._left(shift)
            return True

    def _left(self, shift: _Shift) -> None:
        with self._lock:
            if self._shift is shift:
                self._shift = None

    def _opened(self) -> _Shift:
        """What takes calls, begun if need be."""
        with self._changed:
            if self._shift is None and self._beginning is None:
                beginning = self._beginning = object()
                try:
                    run = self._begin(self)
                except BaseException:
                    self._not_begun(beginning)
                    raise
                run.when_done(partial(self._not_begun, beginning))
            self._changed.wait_for(lambda: self._shift or not self._beginning)
            if self._shift is None:
                raise RunCancelled("the run of this handle was cancelled at its start")
            return self._shift

    def _not_begun(self, beginning: object) -> None:
        """A run has ended, perhaps before its step began."""
        with self._changed:
            if self._beginning is beginning:
                self._beginning = None
                self._changed.notify_all()
