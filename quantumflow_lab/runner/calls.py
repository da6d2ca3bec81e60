"""Quantum calls that a loop step makes while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from threading import Event, Lock
from typing import Any, Literal

from quantumflow_lab.errors import TooManyCalls
from quantumflow_lab.ports import Known, Stopped
from quantumflow_lab.runner import records
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.live import LiveRun, Part, StepState, Task
from quantumflow_lab.runner.schedule import Schedule


@dataclass(eq=False)
class Waiting:
    """What a step waits for, its slot given back."""

    parent: StepContext
    """The step."""
    results: tuple[Any, ...] | None = None
    error: Exception | None = None
    stopped: bool = False
    why: Exception | None = None
    """Why it was stopped, if that is not its own business."""
    woken: Event = field(default_factory=Event)

    def answered(self) -> bool:
        """Whether results or an error are here."""
        return self.results is not None or self.error is not None

    def done(self) -> bool:
        """Whether it is answered or stopped."""
        return self.answered() or self.stopped

    def wake(self) -> None:
        """Let the waiting thread go on."""
        self.woken.set()

    def stop(self) -> None:
        """Let the waiting thread end with ``Stopped``."""
        self.stopped = True
        self.woken.set()


@dataclass(eq=False, kw_only=True)
class PendingCall(Waiting):
    """One call: PUBs on their way, and the thread that waits for them."""

    tag: str
    task: Task
    backend: str
    kind: Literal["sample", "estimate"]
    park: Callable[[PendingCall], None]
    """Tells the runner that the step waits for this call."""
    withdraw: Callable[[PendingCall], None]
    """Tells the runner that nobody wants the answer any more."""
    key: str | None = None
    """What it asks, if that has a key."""
    number: int = 0
    """How many equal calls the loop has made before."""
    unit: int = -1
    """Scheduler number, once the runner has defined it."""

    def cancel(self) -> None:
        """Ask for the call to be stopped."""
        if not self.done():
            self.withdraw(self)

    def wait(self) -> tuple[Any, ...]:
        """Block until answered; the step's slot is free for others meanwhile."""
        if not self.done():
            self.park(self)
            self.woken.wait()
        if self.error is not None:
            raise self.error
        if self.results is None:
            raise Stopped
        return self.results


def call_record(
    live: LiveRun, call: PendingCall, value: Mapping[str, Any] | None, now: float
) -> records.Record:
    """The record of a call, with where its answer is stored once it has one."""
    where = call.parent.step, call.parent.point
    return records.call(live, *where, call.key, call.number, value, now)


_MOST_PARKED = 64
"""Steps that may give their slot away while they wait."""


class Calls:
    """All calls on their way, and the steps that wait for them.

    Everything but :meth:`count` and :meth:`number` belongs to the runner's thread.
    """

    def __init__(self, schedule: Schedule):
        self._schedule = schedule
        self._lock = Lock()
        self._made: dict[tuple[int, int], Iterator[int]] = {}
        self._equal: dict[tuple[int, int], Counter[str]] = {}
        self._pending: dict[int, PendingCall] = {}
        self._waiting: dict[tuple[int, int], list[Waiting]] = {}
        self._parked: set[tuple[int, int]] = set()

    def count(self, context: StepContext, cap: int | None) -> int:
        """Number of the call a step is about to make, from 0.

        Raises
        ------
        TooManyCalls
            If the step has used up its ``calls=``.
        """
        key = context.unit, context.attempt
        # A step may call from several threads: both operations are atomic.
        made = next(self._made.setdefault(key, count()))
        if cap is not None and made >= cap:
            raise TooManyCalls(
                f"step '{context.step}' has made its {cap} quantum calls and asks for "
                f"one more; give it calls={2 * cap} if the loop needs them",
                step=context.step,
                calls=cap,
            )
        return made

    def number(self, context: StepContext, key: str) -> int:
        """How many equal calls an attempt of a step has made before this one."""
        attempt = context.unit, context.attempt
        with self._lock:
            seen = self._equal.setdefault(attempt, Counter())
            seen[key] += 1
            return seen[key] - 1

    def find(self, unit: int) -> PendingCall | None:
        """The call that a unit runs, if it runs one."""
        return self._pending.get(unit)

    def define(
        self, live: LiveRun, call: PendingCall, extra: Decimal = Decimal(0)
    ) -> None:
        """Give a call its unit; `extra` is what its time and gates may cost."""
        state = live.steps[call.parent.step]
        state.calls += 1
        call.unit = self._schedule.define_call(
            live,
            state,
            call.backend,
            call.kind,
            parent=call.parent.unit,
            point=call.parent.point,
        )
        self._schedule.weigh(call.unit, call.task, extra)
        self._pending[call.unit] = call

    def found(
        self,
        live: LiveRun,
        state: StepState,
        origin: Known | None,
        part: Part | None,
    ) -> None:
        """A call was answered by what other runs have taken."""
        state.calls += 1
        state.take_note(origin, part)
        live.dirty = True

    def park(self, call: Waiting) -> None:
        """A step waits for something: its slot is free until it goes on."""
        if call.done():
            call.wake()
            return
        key = call.parent.unit, call.parent.attempt
        if self._schedule.final(call.parent.unit):
            call.stop()
            return
        self._waiting.setdefault(key, []).append(call)
        # A parked step keeps its thread, so only so many give their slot away.
        if key not in self._parked and len(self._parked) < _MOST_PARKED:
            self._parked.add(key)
            self._schedule.events.parked(*key)

    def blame(self, live: LiveRun) -> None:
        """Calls of steps that ran out of money are about to be stopped: say why."""
        for call in self._pending.values():
            if call.parent.run == live.id:
                call.why = live.short.get(call.parent.step)

    def withdraw(self, call: PendingCall) -> None:
        """Nobody wants the answer any more."""
        if call.unit in self._pending:
            live, _, _ = self._schedule.find(call.unit)
            self._schedule.events.cancel_unit(live.number, call.unit)

    def end(
        self,
        unit: int,
        results: tuple[Any, ...] | None,
        error: Exception | None,
    ) -> None:
        """A call is final, with results or an error, or with neither if cancelled."""
        call = self._pending.pop(unit)
        call.results, call.error = results, error
        if results is None and error is None:
            call.stop()
        self.release(call)

    def release(self, call: Waiting) -> None:
        """What a step waited for is here: it goes on once it has a slot."""
        key = call.parent.unit, call.parent.attempt
        if call not in self._waiting.get(key, []):
            return
        if key in self._parked:
            self._schedule.events.unparked(*key)
        else:
            self._waiting[key].remove(call)
            call.wake()

    def resume(self, unit: int, attempt: int) -> None:
        """A step has its slot again: whoever has an answer goes on."""
        self._parked.discard((unit, attempt))
        for call in self._waiting.pop((unit, attempt), []):
            self.park(call)

    def stop(self, unit: int, attempt: int) -> None:
        """A step is to stop: whoever waits in it ends."""
        self._parked.discard((unit, attempt))
        for call in self._waiting.pop((unit, attempt), []):
            call.stop()

    def forget(self, unit: int, attempt: int) -> None:
        """An attempt of a step has ended; threads it left behind wait for nothing."""
        self.stop(unit, attempt)
        self._made.pop((unit, attempt), None)
        self._equal.pop((unit, attempt), None)
