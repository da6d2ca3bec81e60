"""The scheduler, compiled or not, and the words to talk to it.

`Scheduler` is a pure state machine: events and the time go in, commands come out. It is
compiled from ``rust/core``; where no compiled module loads, the same machine in Python
serves, with one warning. ``docs/scheduler.md`` explains its states.

>>> events = Events().lane(0, slots=1).run(0, seed=7)
>>> events = events.define_class(0, run=0, step=0, lane=0)
>>> events = events.define(run=0, cls=0, first=0, needs=[[], [0]]).seal(0)
>>> scheduler = Scheduler(seed=1)
>>> list(decode(scheduler.handle(events, 0)))
[Run(unit=0, attempt=1)]
>>> for command in decode(scheduler.handle(Events().done(0, 1), 10)):
...     print(command)
Final(unit=0, state=<UnitState.DONE: 9>, attempt=1, cause=<Cause.ANSWER: 0>)
Run(unit=1, attempt=1)

Where the contract of the words leaves a choice, these are the rules:

- Units are numbered from 0 in the order of definition over all runs of a scheduler; a
  unit may need any earlier unit of its run, also of its own definition. Jobs and
  questions are numbered from 0 by the scheduler, attempts from 1.
- A batch is taken whole or refused whole: after `SchedulerError` nothing has changed.
- In a batch events come first, then timers, then the ends of runs, then starts: an
  answer that came in time wins over its timeout, and a definition in the batch of the
  last answer keeps its run open. Time never runs backwards.
- Unparked units go first. Runs share a lane by expected time: the one that had least is
  next. Within a run larger priorities start sooner, and jobs before plain units.
- A job may take as long as the timeouts of its members together.
- ``LOST`` is tried again like ``TRANSIENT``. After ``TOO_BIG`` a job of several members
  is cut in half. After ``REFUSED``, or when the attempts are used up, a class gives its
  way up for the next one; each way grants the attempts anew. Without another way the
  unit has failed.
- ``retry_after`` of a member keeps the whole lane from starting anything.
- A class leaves a way whose lane is down or rests, or that is too expensive, as soon as
  another one is open, and stays there until the same happens again. Jobs that are out
  stay where they are.
- A job is full at its limit of members or when it reaches a limit of its lane; a single
  member may pass them.
- A timed-out unit has failed at once and leaves its slot; ``Stop`` is sent along.
- Members of a stopped job that have not answered when the grace is over are abandoned,
  and the job is closed; its reserve stays until the bill.
- What an attempt has asked for (its children) is cancelled when the attempt fails, is
  stopped or is cancelled. Children of a finished parent go on; children defined for an
  attempt that is over are born cancelled.
- The forming job of a class begins when its first member joins, or when the job before
  it leaves; `hold` counts from there.
- A job that was not found and not resubmitted gives its reserve back; a bill that
  arrives later still counts as spent.
- A unit cancelled while the cap keeps it from starting has the cause ``BUDGET``.
- A run that was cancelled ends without ``seal``.
"""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, Self, cast

from quantumflow_lab._words import (
    UNIT_STATES,
    Cause,
    Choice,
    CommandCode,
    EventCode,
    Outcome,
    Reason,
    Scope,
    UnitState,
)

try:
    from quantumflow_lab._core import ScheduleLog, Scheduler, replay_log
except ImportError as _reason:
    # The same interfaces: the differential tests hold them together.
    from quantumflow_lab._fallback import (  # type: ignore[assignment]  # see above
        ScheduleLog,
        Scheduler,
        replay_log,
    )

    warnings.warn(
        f"the compiled scheduler does not load ({_reason}); a slower one runs instead",
        RuntimeWarning,
        stacklevel=2,
    )

__all__ = [
    "UNIT_STATES",
    "Ask",
    "Cause",
    "Choice",
    "Command",
    "Ended",
    "Events",
    "Final",
    "Find",
    "Moved",
    "Outcome",
    "Reason",
    "Rest",
    "Resume",
    "Retry",
    "Run",
    "ScheduleLog",
    "Scheduler",
    "Scope",
    "Short",
    "Stop",
    "StopJob",
    "Submit",
    "UnitState",
    "decode",
    "read_counts",
    "replay_log",
]


if TYPE_CHECKING:
    _Words = array[int]
else:
    _Words = array  # not subscriptable before Python 3.12


class Events(_Words):
    """A batch of events, itself the buffer of words that ``Scheduler.handle`` takes.

    Every method appends one event and returns the batch. Times are microseconds, money
    is micro-units, -1 stands for "none".
    """

    def __new__(cls) -> Self:
        """Make an empty batch."""
        return cast("Self", super().__new__(cls, "q"))

    def _add(self, *words: int) -> Self:
        # Made first, so that a number that does not fit leaves the batch as it was.
        self.extend(array("q", words))
        return self

    def run(self, run: int, *, seed: int, cap: int = -1) -> Self:
        """Open a run; `cap` is the most that may be spent and reserved together."""
        return self._add(EventCode.RUN, run, seed, cap)

    def lane(self, lane: int, *, slots: int, up: bool = True) -> Self:
        """Make or change a lane. While it is down, nothing starts on it."""
        return self._add(EventCode.LANE, lane, slots, up)

    def define_class(
        self,
        cls: int,
        *,
        run: int,
        step: int,
        lane: int,
        attempts: int = 1,
        backoff: int = 0,
        backoff_cap: int = 0,
        priority: int = 0,
        rank: int = 0,
        expected: int = 0,
        job_limit: int = 0,
        hold: int = -1,
        timeout: int = -1,
        reserve: int = 0,
        per_circuit: int = 0,
        per_shot: int = 0,
        per_extra: int = 0,
    ) -> Self:
        """Say how the units of a class run.

        Parameters
        ----------
        attempts
            Tries in all on one lane, at least 1.
        backoff, backoff_cap
            Wait after the first attempt, doubled with each further one up to the cap.
        priority
            Larger starts sooner, among the units of the run.
        rank
            Expected time from the start of such a unit to the end of the run. A job
            that a deadline leaves no more than that waits for nobody.
        expected
            Expected time of a unit in a slot; runs share a lane by it.
        job_limit
            0 for plain units, else the most members of one job.
        hold
            How long a forming job waits for more members; -1: until nothing else can
            join.
        timeout
            From the command to the answer, for each member of a job.
        reserve, per_circuit, per_shot, per_extra
            Upper bound of what a job costs: for itself, each circuit, each shot, and
            each micro-unit of the ``extra`` of its members.
        """
        self._add(EventCode.CLASS, cls, run, step, attempts, backoff, backoff_cap)
        self._add(priority, rank, expected, lane, job_limit, hold, timeout)
        return self._add(reserve, per_circuit, per_shot, per_extra)

    def other_way(
        self,
        cls: int,
        lane: int,
        *,
        job_limit: int,
        hold: int = -1,
        timeout: int = -1,
        reserve: int = 0,
        per_circuit: int = 0,
        per_shot: int = 0,
        per_extra: int = 0,
    ) -> Self:
        """Let a class go another way, on these terms, when it cannot go its own.

        For units that run in jobs; ``job_limit`` is at least 1. The class itself names
        way 0; the others count from 1 and are tried in their order. ``Moved`` tells
        when it happens. Several ways may lead to one lane.
        """
        self._add(EventCode.OTHER, cls, lane, job_limit, hold, timeout)
        return self._add(reserve, per_circuit, per_shot, per_extra)

    def guard(
        self,
        lane: int,
        *,
        burst: int = 1,
        period: int = 0,
        trip: int = 0,
        rest: int = 0,
    ) -> Self:
        """Say how a lane is spared.

        Parameters
        ----------
        burst, period
            `burst` starts may come at once, further ones one each `period`; 0 for no
            limit.
        trip, rest
            After `trip` failed jobs in a row the lane rests, then takes one job at a
            time until one succeeds. Each failure doubles the rest, up to 16 times. 0
            for never.
        """
        return self._add(EventCode.GUARD, lane, burst, period, trip, rest)

    def limits(
        self, lane: int, *, circuits: int = -1, shots: int = -1, payload: int = -1
    ) -> Self:
        """Most circuits, shots over all of them, and bytes in one job of a lane."""
        return self._add(EventCode.LIMITS, lane, circuits, shots, payload, -1)

    def weight(
        self,
        unit: int,
        *,
        circuits: int = 1,
        shots: int = 0,
        payload: int = 0,
        extra: int = 0,
    ) -> Self:
        """Say what a unit adds to its job; before it has started.

        `extra` is the most that it costs on way 0 beside the terms of its class, which
        say with ``per_extra`` what becomes of it elsewhere.
        """
        return self._add(EventCode.WEIGHT, unit, circuits, shots, payload, extra)

    def define(
        self,
        *,
        run: int,
        cls: int,
        first: int,
        needs: Sequence[Sequence[int]],
        parent: int = -1,
        collect: bool = False,
    ) -> Self:
        """Add ``len(needs)`` units; unit `first` + i needs the units ``needs[i]``.

        They run even if a need failed when `collect`, once all needs are final.
        """
        self._add(EventCode.DEFINE, run, cls, first, len(needs), parent, collect, 0)
        self.extend(accumulate(map(len, needs)))
        self.extend(chain.from_iterable(needs))
        return self

    def define_alike(
        self,
        *,
        run: int,
        cls: int,
        first: int,
        count: int,
        needs: Sequence[int],
        parent: int = -1,
        collect: bool = False,
    ) -> Self:
        """Add `count` units with equally many needs; as :meth:`define`.

        `needs` has those of one unit after those of the other: for many units this
        makes no list for each.
        """
        self._add(EventCode.DEFINE, run, cls, first, count, parent, collect, 0)
        each = len(needs) // count
        self.extend(range(each, each * count + 1, each) if each else repeat(0, count))
        self.extend(needs)
        return self

    def seal(self, run: int) -> Self:
        """Say that only definitions with a parent may follow."""
        return self._add(EventCode.SEAL, run)

    def known(self, unit: int) -> Self:
        """The result is there without running; ignored once the unit has started."""
        return self._add(EventCode.KNOWN, unit)

    def began(self, unit: int, attempt: int) -> Self:
        """The body began. For the record: the schedule does not depend on it."""
        return self._add(EventCode.BEGAN, unit, attempt)

    def done(self, unit: int, attempt: int) -> Self:
        """The attempt has its result."""
        return self._add(EventCode.DONE, unit, attempt)

    def failed(
        self, unit: int, attempt: int, reason: Reason, *, retry_after: int = -1
    ) -> Self:
        """The attempt has none; a retry waits at least `retry_after`."""
        return self._add(EventCode.FAILED, unit, attempt, reason, retry_after)

    def parked(self, unit: int, attempt: int) -> Self:
        """The body waits for its own calls; its slot is free."""
        return self._add(EventCode.PARKED, unit, attempt)

    def unparked(self, unit: int, attempt: int) -> Self:
        """The calls are answered; ``Resume`` says when the body may go on."""
        return self._add(EventCode.UNPARKED, unit, attempt)

    def stopped(self, unit: int, attempt: int) -> Self:
        """The attempt ended without result because it was stopped."""
        return self._add(EventCode.STOPPED, unit, attempt)

    def sent(self, job: int) -> Self:
        """The provider took the job."""
        return self._add(EventCode.SENT, job)

    def doubt(self, job: int) -> Self:
        """Nobody knows whether the provider took the job."""
        return self._add(EventCode.DOUBT, job)

    def found(self, job: int) -> Self:
        """A job in doubt is with the provider."""
        return self._add(EventCode.FOUND, job)

    def not_found(self, job: int) -> Self:
        """A job in doubt was looked for and is not there."""
        return self._add(EventCode.NOT_FOUND, job)

    def settled(self, job: int) -> Self:
        """The last word on a job; members without an answer are lost."""
        return self._add(EventCode.SETTLED, job)

    def bill(self, job: int, micro: int) -> Self:
        """The final bill of a job; the first one counts."""
        return self._add(EventCode.BILL, job, micro)

    def cap(self, run: int, micro: int) -> Self:
        """Change what a run may spend."""
        return self._add(EventCode.CAP, run, micro)

    def spent(self, run: int, micro: int) -> Self:
        """What a run had spent before this scheduler began."""
        return self._add(EventCode.SPENT, run, micro)

    def adopt(
        self,
        cls: int,
        way: int,
        *,
        members: Sequence[tuple[int, int]],
        doubtful: bool = False,
        reserve: int = 0,
    ) -> Self:
        """Take over a job that was submitted before this scheduler began.

        It gets the next job number. Members, unit and attempt, that are final by now do
        not belong to it any more; if no other is left, the job is stopped.
        """
        self._add(EventCode.ADOPT, cls, way, doubtful, reserve, len(members))
        return self._add(*chain.from_iterable(members))

    def pause(self, run: int, *, paused: bool = True) -> Self:
        """Let nothing of a run start, or go on with it. What runs is not touched."""
        return self._add(EventCode.PAUSE, run, paused)

    def deadline(self, run: int, at: int) -> Self:
        """Set when a run has to have ended; -1 for never.

        What is not final then is cancelled with the cause ``DEADLINE``, and the run has
        failed.
        """
        return self._add(EventCode.DEADLINE, run, at)

    def answer(self, question: int, choice: Choice) -> Self:
        """The user's answer to ``Ask``."""
        return self._add(EventCode.ANSWER, question, choice)

    def cancel_run(self, run: int) -> Self:
        """Cancel a run with all its units."""
        return self._add(EventCode.CANCEL, Scope.RUN, run, 0)

    def cancel_step(self, run: int, step: int) -> Self:
        """Cancel the units of a step and what they asked for."""
        return self._add(EventCode.CANCEL, Scope.STEP, run, step)

    def cancel_unit(self, run: int, unit: int) -> Self:
        """Cancel a unit and what it asked for."""
        return self._add(EventCode.CANCEL, Scope.UNIT, run, unit)

    def tick(self) -> Self:
        """Nothing but the time: for ``Scheduler.next_wake``."""
        return self._add(EventCode.TICK)


@dataclass(frozen=True, slots=True)
class Run:
    """Start a plain unit; it has a slot."""

    unit: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a parked unit go on; it has its slot back."""

    unit: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Submit:
    """Submit a job."""

    job: int
    lane: int
    members: tuple[tuple[int, int], ...]
    """Unit and attempt of each member, by ascending unit."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look for a job in doubt; answer with ``found`` or ``not_found``."""

    job: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a plain unit."""

    unit: int
    attempt: int


@dataclass(frozen=True, slots=True)
class StopJob:
    """Stop a job: no member is wanted any more."""

    job: int


@dataclass(frozen=True, slots=True)
class Final:
    """A unit is final. Sent exactly once for every unit."""

    unit: int
    state: UnitState
    attempt: int
    """The last attempt; 0 if it never started."""
    cause: Cause


@dataclass(frozen=True, slots=True)
class Retry:
    """An attempt failed; the unit starts again after `wake_us`."""

    unit: int
    attempt: int
    """The attempt that failed."""
    wake_us: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the user: a job in doubt was not found; resubmit or give up."""

    question: int
    run: int
    job: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A run is over."""

    run: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Moved:
    """What a class has not started goes another way."""

    cls: int
    way: int


@dataclass(frozen=True, slots=True)
class Rest:
    """After failures in a row a lane starts nothing for a while."""

    lane: int
    until_us: int
    """-1 when a job has succeeded again."""


@dataclass(frozen=True, slots=True)
class Short:
    """A job costs more than the cap leaves, whatever bills are still to come."""

    run: int
    cls: int
    price: int
    """Upper bound of what the job costs, in micro-units."""


Command = (
    Run
    | Resume
    | Submit
    | Find
    | Stop
    | StopJob
    | Final
    | Retry
    | Ask
    | Ended
    | Moved
    | Rest
    | Short
)

_STATES = tuple(UnitState)
_CAUSES = tuple(Cause)
_OUTCOMES = tuple(Outcome)


def _final(unit: int, state: int, attempt: int, cause: int) -> Final:
    return Final(unit, _STATES[state], attempt, _CAUSES[cause])


def _ended(run: int, outcome: int) -> Ended:
    return Ended(run, _OUTCOMES[outcome])


_FIXED: dict[int, tuple[int, Callable[..., Command]]] = {
    CommandCode.RUN: (2, Run),
    CommandCode.RESUME: (2, Resume),
    CommandCode.FIND: (1, Find),
    CommandCode.STOP: (2, Stop),
    CommandCode.STOP_JOB: (1, StopJob),
    CommandCode.FINAL: (4, _final),
    CommandCode.RETRY: (3, Retry),
    CommandCode.ASK: (3, Ask),
    CommandCode.ENDED: (2, _ended),
    CommandCode.MOVED: (2, Moved),
    CommandCode.REST: (2, Rest),
    CommandCode.SHORT: (3, Short),
}
"""Commands of fixed length: the number of their words after the code."""


def decode(commands: bytes) -> Iterator[Command]:
    """Read the words that ``Scheduler.handle`` returned, in order."""
    words = memoryview(commands).cast("q").tolist()
    at = 0
    while at < len(words):
        code = words[at]
        if code == CommandCode.SUBMIT:
            job, lane, count = words[at + 1 : at + 4]
            end = at + 4 + 2 * count
            members = zip(words[at + 4 : end : 2], words[at + 5 : end : 2], strict=True)
            yield Submit(job, lane, tuple(members))
        else:
            size, make = _FIXED[code]
            end = at + 1 + size
            yield make(*words[at + 1 : end])
        at = end


def read_counts(counts: bytes) -> dict[int, dict[str, int]]:
    """Read what ``Scheduler.counts`` returned: units by step and name of the state."""
    words = memoryview(counts).cast("q").tolist()
    size = 1 + len(UNIT_STATES)
    rows = [words[at : at + size] for at in range(0, len(words), size)]
    return {row[0]: dict(zip(UNIT_STATES, row[1:], strict=True)) for row in rows}
