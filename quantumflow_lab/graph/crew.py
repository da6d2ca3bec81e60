"""The threads of one call: they run what the scheduler starts, and tell it the results.

Whoever has run what was ready asks the scheduler for more, so no thread decides alone
and none waits for a thread that decides. Ready units lie in one queue; a thread takes
one at a time, so none keeps work from another.

How many units are out at once follows the time they take. Long ones are as many as
there are threads, and each result is reported at once. Brief ones are reported in
batches by one thread, the *lead*, because handing over would cost more than they do;
the others only watch that the lead does not get stuck in a long one.
"""

from __future__ import annotations

from array import array
from collections import deque
from contextvars import copy_context
from functools import partial
from itertools import chain
from threading import Condition, Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any

from quantumflow_lab._words import CommandCode, EventCode
from quantumflow_lab.core import Events, Scheduler
from quantumflow_lab.graph.threads import inside

if TYPE_CHECKING:
    from quantumflow_lab.graph.plan import Plan
    from quantumflow_lab.graph.threads import Threads

MOST = 256
"""Units that are out at once, at most."""
TURN = 200e-6
"""Seconds of work that a thread should have between two reports."""
BRIEF = 30e-6
"""Seconds below which a unit is not worth another thread."""
WATCH = 1e-3
"""Seconds without a report after which a watching thread helps."""
FADE = 7 / 8
"""How much of what was measured still counts at the next report."""
LOOK = 0.1
"""Seconds until an interrupt is noticed, at most."""
FINAL_WORDS = 5


class Crew:
    """What the threads of one call share.

    Parameters
    ----------
    plan
        Units to run, at least one.
    threads
        Where the threads come from, and how many.
    """

    def __init__(self, plan: Plan, threads: Threads) -> None:
        self.plan = plan
        self.threads = threads
        self.results: list[Any] = [None] * len(plan.calls)
        """By unit; None again once nobody needs it."""
        self.error: BaseException | None = None
        self._ready: deque[int] = deque()
        self._hurry = False
        """Whether someone waits for a report."""
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._ended = Lock()
        self._ended.acquire()
        self._over = False
        self._hired = self._idle = self._turns = 0
        self._slots = threads.count
        self._brief = False
        self._spent = self._ran = 0.0
        self._context = copy_context()
        self._scheduler = Scheduler(seed=0)

    def run(self) -> list[Any]:
        """Run all units; the results that the caller wants are in the list.

        Raises
        ------
        BaseException
            The first one that a task raised.
        """
        events = Events().lane(0, slots=self._slots).run(0, seed=0)
        events.define_class(0, run=0, step=0, lane=0)
        events.define(run=0, cls=0, first=0, needs=self.plan.needs).seal(0)
        along = inside(self.threads)
        try:
            with self._lock:
                self._hired = int(along)
                self._tell(events, 0)
            if along:
                self._work(lead=True)
            # A signal that comes just before a wait does not end it: look now and then.
            while not self._ended.acquire(timeout=LOOK):
                pass
        finally:
            self._stop()
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # else error, traceback and crew hold each other
        return self.results

    def _work(self, *, lead: bool) -> None:
        """Run what is ready until all is done: the loop of every thread."""
        calls, needs, results = self.plan.calls, self.plan.needs, self.results
        take, result = self._ready.popleft, results.__getitem__
        done: list[int] = []
        began = 0.0
        try:
            while self._turn(done, perf_counter() - began, lead=lead):
                done = []
                began = perf_counter()
                until = began + TURN
                while True:
                    try:
                        unit = take()
                    except IndexError:
                        break
                    results[unit] = calls[unit](*map(result, needs[unit]))
                    done.append(unit)
                    if self._hurry or perf_counter() > until:
                        break
        except BaseException as error:  # noqa: BLE001  # the caller raises it
            self._fail(error)

    def _turn(self, done: list[int], took: float, *, lead: bool) -> bool:
        """Report what is done, and wait for something to do; False when all is over."""
        with self._lock:
            if done and not self._over:
                self._turns += 1
                self._hurry = self._idle > 0
                self._release(done)
                events = array("q", (EventCode.DONE, 0, 1) * len(done))
                events[1::3] = array("q", done)
                events.extend(self._pace(len(done), took))
                self._tell(events, len(done))
            while not self._over:
                if self._brief and not lead:
                    if self._watch():
                        break
                elif self._ready:
                    break
                else:
                    self._idle += 1
                    self._hurry = True
                    self._changed.wait()
                    self._idle -= 1
            return not self._over

    def _watch(self) -> bool:
        """Look whether the lead is stuck in a unit that is not brief."""
        turns = self._turns
        self._changed.wait(WATCH)
        if not self._ready or (self._brief and turns != self._turns):
            return False
        self._hurry = True
        return True

    def _release(self, done: list[int]) -> None:
        """Forget the results that nobody needs any more."""
        needs, uses, results = self.plan.needs, self.plan.uses, self.results
        for need in chain.from_iterable(map(needs.__getitem__, done)):
            left = uses[need] - 1
            uses[need] = left
            if not left:
                results[need] = None

    def _pace(self, ran: int, took: float) -> Events:
        """Change the number of slots if the units are of another length than before.

        There is always room for units that have just become ready: they may be the last
        to need a result, and go before what waits in the queue.
        """
        self._spent = self._spent * FADE + took
        self._ran = self._ran * FADE + ran
        each = self._spent / self._ran
        self._brief = each < BRIEF
        threads = self.threads.count
        slots = threads * max(1, int(TURN / max(each, 1e-7)))
        slots = max(min(MOST, slots, 4 * self._slots), len(self._ready) + threads)
        if slots == self._slots or self._slots / 2 < slots < self._slots > threads:
            return Events()
        self._slots = slots
        return Events().lane(0, slots=slots)

    def _tell(self, events: array[int], answered: int) -> None:
        """Hand events to the scheduler and queue what it starts."""
        commands = memoryview(self._scheduler.handle(events, 0)).cast("q")
        rest = commands[FINAL_WORDS * answered :]
        if rest and rest[0] == CommandCode.ENDED:
            self._end()
        elif rest:
            self._queue(rest[1::3].tolist())
        if self._idle and self._ready:
            self._changed.notify_all()

    def _queue(self, started: list[int]) -> None:
        """Add units in ascending order, and hire whom they can occupy."""
        ready = self._ready
        while ready:
            try:
                started.append(ready.popleft())
            except IndexError:
                break
        started.sort()
        ready.extend(started)
        most = min(2, self.threads.count) if self._brief else self.threads.count
        while self._hired < min(len(started), most):
            self._hired += 1
            work = partial(self._work, lead=self._hired == 1)
            self.threads.start(partial(self._context.copy().run, work), self._fail)

    def _fail(self, error: BaseException) -> None:
        """Stop because of an error, the first of which counts."""
        with self._lock:
            if not self._over:
                self.error = error
                self._end()

    def _stop(self) -> None:
        """Stop for whatever reason: no thread takes another unit."""
        with self._lock:
            if not self._over:
                self._end()

    def _end(self) -> None:
        self._over = True
        self.plan.stop.append(True)
        self._ready.clear()
        self._changed.notify_all()
        self._ended.release()
