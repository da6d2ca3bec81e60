"""The scheduler in Python: the same machine as ``rust/core``, word for word.

It serves where no compiled module loads, and the differential test drives both with the
same events. Method by method it follows the Rust files, which explain the rules; change
neither without the other.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from quantumflow_lab._words import (
    Cause,
    Choice,
    CommandCode,
    EventCode,
    Outcome,
    Reason,
    Scope,
    UnitState,
)
from quantumflow_lab.errors import SchedulerBug, SchedulerError

if TYPE_CHECKING:
    from typing_extensions import Buffer

WAITING, READY, HELD, RUNNING, PARKED, SENT, BACKOFF = map(int, tuple(UnitState)[:7])
BLOCKED, STOPPING, DONE, FAILED, SKIPPED, CANCELLED, ABANDONED = map(
    int, tuple(UnitState)[7:]
)
ACTIVE = frozenset((READY, RUNNING, SENT, BACKOFF, STOPPING))
"""States of which something will come without help from outside or from held units."""
AWAITING = frozenset((RUNNING, PARKED, SENT, STOPPING))
"""States in which an answer of the current attempt counts."""
EARLY = frozenset((WAITING, READY, HELD, BACKOFF, BLOCKED))
"""States in which a known result is taken."""

MASK = (1 << 64) - 1
FOREVER = (1 << 63) - 1
MANY = (1 << 32) - 1
Event = tuple[Any, ...]


# --- back-off: rust/core/src/backoff.rs --------------------


def mix(value: int) -> int:
    """Scramble 64 bits (the finaliser of splitmix64)."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def delay(seed: int, unit: int, attempt: int, base: int, cap: int) -> int:
    """Wait after an attempt: doubled with each one up to `cap`, its upper half at random.

    Examples
    --------
    >>> [delay(7, 3, attempt, base=100, cap=500) for attempt in (1, 2, 3, 4)]
    [80, 183, 288, 304]
    """
    full = min(base << min(max(attempt - 1, 0), 62), cap)
    half = full // 2
    draw = mix(mix(seed ^ unit) ^ attempt)
    return half + draw % (full - half + 1)


# --- tables: rust/core/src/{unit,tables,lane,timer}.rs -----


@dataclass(slots=True, eq=False)
class Run:
    """A run, and what it still waits for."""

    number: int
    name: int
    seed: int
    cap: int
    sealed: bool = False
    cancelled: bool = False
    failed: bool = False
    ended: bool = False
    open_units: int = 0
    active: int = 0
    open_jobs: int = 0
    questions: int = 0
    reserved: int = 0
    spent: int = 0
    classes: list[Class] = field(default_factory=list)
    broke: set[int] = field(default_factory=set)
    """Numbers of classes with units that the cap keeps from starting."""

    def stands_still(self) -> bool:
        """Only held units can bring this run forward."""
        return self.sealed and self.active == 0

    def is_over(self) -> bool:
        """Nothing of this run can happen any more, except a late bill."""
        busy = self.open_units or self.open_jobs or self.questions or self.reserved
        return (self.sealed or self.cancelled) and not busy


@dataclass(slots=True, eq=False)
class Class:
    """What units of one step and backend share."""

    number: int
    run: Run
    lane: Lane
    step: int
    attempts: int
    timeout: int
    backoff: int
    backoff_cap: int
    priority: int
    job_limit: int
    hold: int
    reserve: int
    counts: list[int] = field(init=False, default_factory=lambda: [0] * len(UnitState))
    units: list[Unit] = field(init=False, default_factory=list)
    forming: set[int] = field(init=False, default_factory=set)
    since: int = field(init=False, default=0)
    flush: bool = field(init=False, default=False)
    due: bool = field(init=False, default=False)
    broke: set[int] = field(init=False, default_factory=set)

    def hold_over(self) -> int | None:
        """When the forming job leaves even if it is not full."""
        return min(self.since + self.hold, FOREVER) if self.hold >= 0 else None

    def is_due(self, now: int) -> bool:
        """Whether the forming job should leave now."""
        if not self.forming:
            return False
        joinable = self.counts[WAITING] + self.counts[BACKOFF]
        if len(self.forming) >= self.job_limit or joinable == 0 or self.flush:
            return True
        over = self.hold_over()
        return over is not None and now >= over


@dataclass(slots=True, eq=False)
class Unit:
    """One unit."""

    number: int
    cls: Class
    collect: bool
    state: int = WAITING
    attempt: int = 0
    open: int = 0
    job: Job | None = None
    in_slot: bool = False
    """Stopping, and still in its slot."""
    wants: bool = False
    """Parked, and waiting for a slot to go on."""
    dependents: list[Unit] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Job:
    """A batch of units submitted together."""

    number: int
    cls: Class
    members: list[Unit]
    live: int
    reserve: int
    state: str = "intended"
    stopped: bool = False
    bill: int | None = None
    question: int = -1

    def has_slot(self) -> bool:
        """True while it takes a slot of its lane."""
        return self.state not in {"asked", "settled"}


class Lowest:
    """A set of numbers that gives its lowest first."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._set: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._set)

    def __iter__(self) -> Iterator[int]:
        return iter(self._set)

    def add(self, number: int) -> None:
        """Add a number that is not in it."""
        self._set.add(number)
        heappush(self._heap, number)

    def remove(self, number: int) -> None:
        """Remove a number; its place in the heap is skipped later."""
        self._set.remove(number)

    def lowest(self) -> int:
        """The lowest number."""
        while self._heap[0] not in self._set:
            heappop(self._heap)
        return self._heap[0]


class Startable:
    """What one run could start at one priority."""

    def __init__(self) -> None:
        self.jobs = Lowest()
        self.units = Lowest()

    def __bool__(self) -> bool:
        return bool(self.jobs or self.units)


class Queue:
    """Who may start, by priority and then by run, in turns."""

    def __init__(self) -> None:
        self._levels: dict[int, dict[int, Startable]] = {}
        """By priority; each level holds its runs in the order of their turns."""

    def __bool__(self) -> bool:
        return bool(self._levels)

    def _startable(self, cls: Class) -> Startable:
        level = self._levels.setdefault(cls.priority, {})
        return level.setdefault(cls.run.number, Startable())

    def add_unit(self, unit: Unit) -> None:
        """Queue a ready unit."""
        self._startable(unit.cls).units.add(unit.number)

    def add_job(self, cls: Class) -> None:
        """Queue the forming job of a class."""
        self._startable(cls).jobs.add(cls.number)

    def remove_unit(self, unit: Unit) -> None:
        """Take a unit out before its turn."""
        self._startable(unit.cls).units.remove(unit.number)
        self._drop_empty(unit.cls)

    def remove_job(self, cls: Class) -> None:
        """Take a class out that is no longer due."""
        self._startable(cls).jobs.remove(cls.number)
        self._drop_empty(cls)

    def _drop_empty(self, cls: Class) -> None:
        level = self._levels[cls.priority]
        if not level[cls.run.number]:
            del level[cls.run.number]
        if not level:
            del self._levels[cls.priority]

    def pop(self) -> tuple[bool, int] | None:
        """What starts next: whether it is a job, and the number of the class or unit.

        The turn passes to the next run. A class stays queued until it is not due.
        """
        if not self._levels:
            return None
        priority = max(self._levels)
        level = self._levels[priority]
        run = next(iter(level))
        startable = level.pop(run)
        is_job = bool(startable.jobs)
        if is_job:
            number = startable.jobs.lowest()
        else:
            number = startable.units.lowest()
            startable.units.remove(number)
        if startable:
            level[run] = startable
        if not level:
            del self._levels[priority]
        return is_job, number

    def units(self) -> list[int]:
        """All queued units."""
        runs = [run for level in self._levels.values() for run in level.values()]
        return [unit for run in runs for unit in run.units]


@dataclass(slots=True, eq=False)
class Lane:
    """Where units run."""

    name: int
    slots: int = 0
    used: int = 0
    up: bool = False
    queue: Queue = field(default_factory=Queue)
    resume: deque[Unit] = field(default_factory=deque)
    forming: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)

    def has_room(self) -> bool:
        """True if something may start."""
        return self.up and self.used < self.slots


UNIT, JOB, CLASS = range(3)
Key = tuple[int, int]
"""Whose timer: a unit's, a job's or a class's, and its number."""


class Timers:
    """At most one timer per unit, job and class."""

    def __init__(self) -> None:
        self.at: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def set(self, key: Key, at: int) -> None:
        """Set or move a timer."""
        self.at[key] = at
        heappush(self._heap, (at, key))

    def clear(self, key: Key) -> None:
        """Remove a timer if there is one."""
        self.at.pop(key, None)

    def next(self) -> int | None:
        """Time of the earliest timer."""
        while self._heap and self.at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: int) -> Key | None:
        """Take the earliest timer that is due."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heappop(self._heap)[1]
        del self.at[key]
        return key


# --- words: rust/core/src/words.rs -------------------------

SIZES = {
    EventCode.RUN: 3,
    EventCode.LANE: 3,
    EventCode.CLASS: 12,
    EventCode.SEAL: 1,
    EventCode.KNOWN: 1,
    EventCode.BEGAN: 2,
    EventCode.DONE: 2,
    EventCode.FAILED: 4,
    EventCode.PARKED: 2,
    EventCode.UNPARKED: 2,
    EventCode.SENT: 1,
    EventCode.DOUBT: 1,
    EventCode.FOUND: 1,
    EventCode.NOT_FOUND: 1,
    EventCode.SETTLED: 1,
    EventCode.BILL: 2,
    EventCode.CAP: 2,
    EventCode.ANSWER: 2,
    EventCode.CANCEL: 3,
    EventCode.STOPPED: 2,
    EventCode.TICK: 0,
}
CHOICES = {
    EventCode.LANE: (3, "up", 2),
    EventCode.FAILED: (3, "reason", len(Reason)),
    EventCode.ANSWER: (2, "choice", len(Choice)),
    EventCode.CANCEL: (1, "scope", len(Scope)),
}
"""Fields that are a small choice: position in the event, name, number of choices."""


def read_words(events: Buffer) -> list[int]:
    """Words out of any buffer of signed 64-bit integers or of bytes."""
    view = memoryview(events)
    if view.format == "B":
        if view.nbytes % 8:
            raise SchedulerError(f"{view.nbytes} bytes are not whole 8-byte words")
        return view.cast("q").tolist()
    if view.itemsize != 8 or view.format.lstrip("@=<") not in {"q", "l"}:
        raise TypeError("events are a buffer of int64 words or bytes")
    return view.tolist()


def parse(words: list[int]) -> Iterator[Event]:
    """Read a batch of events, each a tuple of its code and fields."""
    at = 0
    while at < len(words):
        code = words[at]
        if code == EventCode.DEFINE:
            event, at = parse_definition(words, at)
        elif code not in SIZES:
            raise SchedulerError(f"no event has code {code} (word {at})")
        else:
            event, at = parse_fixed(words, at, 1 + SIZES[EventCode(code)])
        yield event


def parse_fixed(words: list[int], at: int, size: int) -> tuple[Event, int]:
    """An event of known size, and the position after it."""
    event = tuple(words[at : at + size])
    position, what, choices = CHOICES.get(EventCode(event[0]), (0, "", MANY))
    if len(event) > position and not 0 <= event[position] < choices:
        raise SchedulerError(f"{what} cannot be {event[position]}")
    if len(event) < size:
        raise SchedulerError(f"the event at word {at} is cut short")
    return event, at + size


def parse_definition(words: list[int], at: int) -> tuple[Event, int]:
    """``(code, run, class, first, parent, collect, offsets, needs)``."""
    short = SchedulerError(f"the event at word {at} is cut short")
    head = words[at + 1 : at + 7]
    if len(head) < 6:
        raise short
    run, cls, first, count, parent, collect = head
    for what, value, fits in (
        ("collect", collect, collect in (0, 1)),
        ("count", count, count >= 0),
    ):
        if not fits:
            raise SchedulerError(f"{what} cannot be {value}")
    offsets = words[at + 7 : at + 8 + count]
    if len(offsets) < count + 1:
        raise short
    for before, after in pairwise(offsets):
        if before > after:
            raise SchedulerError(f"offsets cannot be {after}")
    if offsets[0] != 0:
        raise SchedulerError(f"offsets cannot be {offsets[0]}")
    end = at + 8 + count + offsets[-1]
    if end > len(words):
        raise short
    needs = words[at + 8 + count : end]
    return (words[at], run, cls, first, parent, bool(collect), offsets, needs), end


# --- admission: rust/core/src/admit.rs ---------------------


def at_least(what: str, value: int, least: int) -> None:
    """Refuse a number that is too small."""
    if value < least:
        raise SchedulerError(f"{what} cannot be {value}")


def small(what: str, value: int) -> None:
    """Refuse a number that does not fit in 32 bits."""
    if value >= MANY:
        raise SchedulerError(f"{what} cannot be {value}")


def known(what: str, number: int, count: int) -> None:
    """Refuse a number that was not given out."""
    if not 0 <= number < count:
        raise SchedulerError(f"no {what} {number}")


class Draft:
    """Checks a whole batch before any of it is applied.

    It knows the scheduler as it will be after the events seen so far.
    """

    def __init__(self, base: Scheduler) -> None:
        self.base = base
        self.runs: set[int] = set()
        self.lanes: set[int] = set()
        self.sealed: set[int] = set()
        self.classes: dict[int, tuple[int, int]] = {}
        self.new_units: list[int] = []
        """Run of each new unit."""

    def event(self, event: Event) -> None:
        """Refuse an event that no correct runner sends."""
        code = event[0]
        if code in UNIT_EVENTS:
            known("unit", event[1], self.count())
            if code == EventCode.FAILED:
                at_least("retry_after", event[4], -1)
        elif code in JOB_EVENTS:
            known("job", event[1], len(self.base.jobs))
            if code == EventCode.BILL:
                at_least("bill", event[2], 0)
        elif code == EventCode.ANSWER:
            known("question", event[1], len(self.base.questions))
        elif code in ADMIT:
            ADMIT[code](self, *event[1:])

    def count(self) -> int:
        """Units so far."""
        return len(self.base.units) + len(self.new_units)

    def run(self, run: int) -> None:
        """Refuse an unknown run."""
        if run not in self.base.run_names and run not in self.runs:
            raise SchedulerError(f"no run {run}")

    def new_run(self, run: int, _seed: int, cap: int) -> None:
        """Admit RUN."""
        at_least("run", run, 0)
        at_least("cap", cap, -1)
        if run in self.base.run_names or run in self.runs:
            raise SchedulerError(f"run {run} is defined already")
        self.runs.add(run)

    def lane(self, lane: int, slots: int, _up: int) -> None:
        """Admit LANE."""
        at_least("lane", lane, 0)
        at_least("slots", slots, 0)
        self.lanes.add(lane)

    def cap(self, run: int, micro: int) -> None:
        """Admit CAP."""
        self.run(run)
        at_least("cap", micro, -1)

    def seal(self, run: int) -> None:
        """Admit SEAL."""
        self.run(run)
        self.sealed.add(run)

    def class_of(self, cls: int) -> tuple[int, int] | None:
        """Run and step of a class."""
        if old := self.base.class_names.get(cls):
            return old.run.name, old.step
        return self.classes.get(cls)

    def new_class(self, cls: int, run: int, step: int, lane: int, *rest: int) -> None:
        """Admit CLASS."""
        at_least("class", cls, 0)
        at_least("step", step, 0)
        self.run(run)
        if lane not in self.base.lane_names and lane not in self.lanes:
            raise SchedulerError(f"no lane {lane}")
        if self.class_of(cls):
            raise SchedulerError(f"class {cls} is defined already")
        attempts, timeout, backoff, cap, _priority, limit, hold, reserve = rest
        at_least("attempts", attempts, 1)
        small("attempts", attempts)
        at_least("timeout", timeout, -1)
        at_least("backoff", backoff, 0)
        at_least("backoff_cap", cap, 0)
        at_least("job_limit", limit, 0)
        at_least("hold", hold, -1)
        at_least("reserve", reserve, 0)
        if limit == 0 and reserve > 0:
            raise SchedulerError(f"reserve of a plain unit cannot be {reserve}")
        self.classes[cls] = run, step

    def run_of(self, unit: int) -> int:
        """Name of the run of a defined unit."""
        new = unit - len(self.base.units)
        return self.new_units[new] if new >= 0 else self.base.units[unit].cls.run.name

    def same_run(self, what: str, unit: int, run: int) -> None:
        """Refuse a unit of another run."""
        if self.run_of(unit) != run:
            raise SchedulerError(f"{what} {unit} does not belong to run {run}")

    def define(
        self,
        run: int,
        cls: int,
        first: int,
        parent: int,
        _collect: bool,
        offsets: list[int],
        needs: list[int],
    ) -> None:
        """Admit DEFINE."""
        self.run(run)
        owner = self.class_of(cls)
        if owner is None:
            raise SchedulerError(f"no class {cls}")
        if owner[0] != run:
            raise SchedulerError(f"class {cls} does not belong to run {run}")
        if first != self.count():
            raise SchedulerError(f"the next unit is {self.count()}, not {first}")
        self.parent(run, parent)
        small("unit", first + len(offsets) - 1)
        for unit in range(first, first + len(offsets) - 1):
            for need in needs[offsets[unit - first] : offsets[unit - first + 1]]:
                if not 0 <= need < unit:
                    raise SchedulerError(
                        f"unit {unit} needs {need}, which is not defined before it"
                    )
                if need < first:
                    self.same_run("need", need, run)
        self.new_units.extend([run] * (len(offsets) - 1))

    def parent(self, run: int, parent: int) -> None:
        """Refuse an unknown parent, and definitions without one after SEAL."""
        at_least("parent", parent, -1)
        if parent >= 0:
            known("unit", parent, self.count())
            self.same_run("parent", parent, run)
            return
        old = self.base.run_names.get(run)
        if run in self.sealed or (old and old.sealed):
            raise SchedulerError(
                f"run {run} is sealed; only definitions with a parent may follow"
            )

    def cancel(self, scope: int, run: int, number: int) -> None:
        """Admit CANCEL."""
        self.run(run)
        if scope == Scope.UNIT:
            known("unit", number, self.count())
            self.same_run("unit", number, run)
        elif scope == Scope.STEP:
            old = ((cls.run.name, cls.step) for cls in self.base.classes)
            if (run, number) not in {*old, *self.classes.values()}:
                raise SchedulerError(f"no step {number}")


UNIT_EVENTS = frozenset(
    (
        EventCode.KNOWN,
        EventCode.BEGAN,
        EventCode.DONE,
        EventCode.FAILED,
        EventCode.PARKED,
        EventCode.UNPARKED,
        EventCode.STOPPED,
    )
)
JOB_EVENTS = frozenset(
    (
        EventCode.SENT,
        EventCode.DOUBT,
        EventCode.FOUND,
        EventCode.NOT_FOUND,
        EventCode.SETTLED,
        EventCode.BILL,
    )
)
ADMIT: dict[int, Callable[..., None]] = {
    EventCode.RUN: Draft.new_run,
    EventCode.LANE: Draft.lane,
    EventCode.CLASS: Draft.new_class,
    EventCode.DEFINE: Draft.define,
    EventCode.SEAL: Draft.seal,
    EventCode.CAP: Draft.cap,
    EventCode.CANCEL: Draft.cancel,
}


class Scheduler:
    """See ``_core.pyi``: the two classes are interchangeable."""

    def __init__(self, seed: int, grace_us: int = 150_000) -> None:
        at_least("grace", grace_us, 0)
        self.seed = seed & MASK
        self.grace = grace_us
        self.now = 0
        self.units: list[Unit] = []
        self.runs: list[Run] = []
        self.lanes: list[Lane] = []
        self.classes: list[Class] = []
        self.jobs: list[Job] = []
        self.questions: list[tuple[Job, bool]] = []
        """Job, and whether the question is open."""
        self.run_names: dict[int, Run] = {}
        self.lane_names: dict[int, Lane] = {}
        self.class_names: dict[int, Class] = {}
        self.children: dict[int, list[Unit]] = {}
        self.timers = Timers()
        self.spreading: deque[Unit] = deque()
        self.changed: set[int] = set()
        self.quiet: set[int] = set()
        self.ending: set[int] = set()
        self.out: list[int] = []

    # --- the batch: scheduler.rs -------------------------------

    def handle(self, events: Buffer, now_us: int) -> bytes:
        """Take a batch of events, and start whatever can start."""
        batch = list(parse(read_words(events)))
        draft = Draft(self)
        for event in batch:
            draft.event(event)
        self.now = max(self.now, now_us)
        for event in batch:
            APPLY[event[0]](self, *event[1:])
            self.spread()
        while (key := self.timers.pop(self.now)) is not None:
            self.fire(*key)
            self.spread()
        self.review_forming()
        self.end_runs()
        for lane in self.lanes:
            self.poll(lane)
        commands = array("q", self.out).tobytes()
        self.out.clear()
        return commands

    def poll(self, lane: Lane) -> None:
        """Start what can start on one lane."""
        while lane.has_room():
            if lane.resume:
                self.resume(lane.resume.popleft())
                continue
            start = lane.queue.pop()
            if start is None:
                return
            is_job, number = start
            if not is_job:
                self.start(self.units[number])
            elif self.affordable(self.classes[number]):
                self.submit(self.classes[number])
            else:
                self.block_for_budget(self.classes[number])

    def next_wake(self) -> int | None:
        """Time at which `handle` has to be called without any event."""
        return self.timers.next()

    def unit_state(self, unit: int) -> int:
        """Position of a unit's state in ``UNIT_STATES``."""
        known("unit", unit, len(self.units))
        return self.units[unit].state

    def counts(self, run: int) -> bytes:
        """How many units of each step are in each state."""
        known("run", run, run + 1 if run in self.run_names else 0)
        steps: dict[int, list[int]] = {}
        for cls in self.run_names[run].classes:
            before = steps.setdefault(cls.step, [0] * len(UnitState))
            steps[cls.step] = [a + b for a, b in zip(before, cls.counts, strict=True)]
        words = [word for step in sorted(steps) for word in (step, *steps[step])]
        return array("q", words).tobytes()

    def money(self, run: int) -> tuple[int, int]:
        """Micro-units spent by bills, and reserved for jobs without one."""
        known("run", run, run + 1 if run in self.run_names else 0)
        return self.run_names[run].spent, self.run_names[run].reserved

    def fire(self, kind: int, number: int) -> None:
        """A timer is due."""
        if kind == CLASS:
            self.changed.add(number)
        elif kind == JOB:
            self.job_timer(self.jobs[number])
        elif self.units[number].state == BACKOFF:
            self.release(self.units[number])
        elif self.units[number].state == STOPPING:
            self.finish(self.units[number], ABANDONED, Cause.GRACE_OVER)
        else:
            self.timed_out(self.units[number])

    def later(self, wait: int) -> int:
        """Now and a while."""
        return min(self.now + wait, FOREVER)

    def say(self, code: CommandCode, *words: int) -> None:
        """Command something."""
        self.out.append(code)
        self.out.extend(words)

    # --- moves: scheduler.rs -----------------------------------

    def set(self, unit: Unit, to: int) -> None:
        """Change the state and the counts, and nothing else."""
        cls, run, before = unit.cls, unit.cls.run, unit.state
        unit.state = to
        cls.counts[before] -= 1
        cls.counts[to] += 1
        if cls.job_limit > 0:
            self.changed.add(cls.number)
        run.active += (to in ACTIVE) - (before in ACTIVE)
        if run.active == 0:
            self.quiet.add(run.number)

    def go(self, unit: Unit, to: int) -> None:
        """Take a unit from where its state keeps it, and change the state."""
        if leave := LEAVE.get(unit.state):
            leave(self, unit)
        self.timers.clear((UNIT, unit.number))
        self.set(unit, to)

    def leave_ready(self, unit: Unit) -> None:
        """Out of the lane's queue."""
        unit.cls.lane.queue.remove_unit(unit)

    def leave_running(self, unit: Unit) -> None:
        """Out of its slot."""
        unit.cls.lane.used -= 1

    def leave_parked(self, unit: Unit) -> None:
        """Out of the resume queue."""
        if unit.wants:
            unit.wants = False
            unit.cls.lane.resume.remove(unit)

    def leave_blocked(self, unit: Unit) -> None:
        """Away from whatever blocked it."""
        unit.job = None
        unit.cls.lane.blocked.discard(unit.number)
        if unit.number in unit.cls.broke:
            unit.cls.broke.remove(unit.number)
            if not unit.cls.broke:
                unit.cls.run.broke.remove(unit.cls.number)

    def leave_stopping(self, unit: Unit) -> None:
        """Out of its slot if it was still there."""
        unit.job = None
        if unit.in_slot:
            unit.in_slot = False
            unit.cls.lane.used -= 1

    def finish(self, unit: Unit, state: int, cause: Cause) -> None:
        """Make a unit final; `spread` tells its dependents and children."""
        self.go(unit, state)
        run = unit.cls.run
        run.open_units -= 1
        run.failed |= state == FAILED
        self.ending.add(run.number)
        self.say(CommandCode.FINAL, unit.number, state, unit.attempt, cause)
        self.spreading.append(unit)

    def spread(self) -> None:
        """Tell dependents and children, until nothing new becomes final."""
        while self.spreading:
            unit = self.spreading.popleft()
            done = unit.state == DONE
            for dependent in unit.dependents:
                self.need_final(dependent, done)
            if not done:
                self.cancel_children(unit)

    def need_final(self, unit: Unit, done: bool) -> None:
        """One of its needs is final."""
        unit.open -= 1
        if unit.state != WAITING:
            return
        if not done and not unit.collect:
            self.finish(unit, SKIPPED, Cause.NEED_FAILED)
        elif unit.open == 0:
            self.release(unit)

    def release(self, unit: Unit) -> None:
        """Let a unit go on whose needs are final."""
        lane = unit.cls.lane
        if not lane.up:
            self.go(unit, BLOCKED)
            lane.blocked.add(unit.number)
        elif unit.cls.job_limit > 0:
            self.go(unit, HELD)
            self.join_forming(unit)
        else:
            self.go(unit, READY)
            lane.queue.add_unit(unit)

    def start(self, unit: Unit) -> None:
        """Give a ready unit its slot."""
        self.set(unit, RUNNING)
        unit.attempt += 1
        unit.cls.lane.used += 1
        if unit.cls.timeout >= 0:
            self.timers.set((UNIT, unit.number), self.later(unit.cls.timeout))
        self.say(CommandCode.RUN, unit.number, unit.attempt)

    def resume(self, unit: Unit) -> None:
        """Give an unparked unit its slot back."""
        unit.wants = False
        self.set(unit, RUNNING)
        unit.cls.lane.used += 1
        self.say(CommandCode.RESUME, unit.number, unit.attempt)

    def end_runs(self) -> None:
        """Say which runs are over."""
        for number in sorted(self.ending):
            run = self.runs[number]
            if run.ended or not run.is_over():
                continue
            run.ended = True
            outcome = Outcome.FAILED if run.failed else Outcome.DONE
            if run.cancelled:
                outcome = Outcome.CANCELLED
            self.say(CommandCode.ENDED, run.name, outcome)
        self.ending.clear()

    # --- what is new: define.rs --------------------------------

    def add_run(self, name: int, seed: int, cap: int) -> None:
        """RUN."""
        run = Run(len(self.runs), name, mix(self.seed) ^ (seed & MASK), cap)
        self.runs.append(run)
        self.run_names[name] = run

    def seal(self, name: int) -> None:
        """SEAL."""
        run = self.run_names[name]
        run.sealed = True
        self.quiet.add(run.number)
        self.ending.add(run.number)

    def set_lane(self, name: int, slots: int, up: int) -> None:
        """LANE: down blocks what has not started, up releases it."""
        if name not in self.lane_names:
            self.lane_names[name] = Lane(name)
            self.lanes.append(self.lane_names[name])
        lane = self.lane_names[name]
        lane.slots, lane.up = slots, bool(up)
        if up:
            for number in sorted(lane.blocked):
                self.release(self.units[number])
            return
        units = lane.queue.units()
        for cls in lane.forming:
            units.extend(self.classes[cls].forming)
        for number in sorted(units):
            self.go(self.units[number], BLOCKED)
        lane.blocked.update(units)

    def add_class(self, name: int, run: int, step: int, lane: int, *spec: int) -> None:
        """CLASS."""
        owner = self.run_names[run]
        number = len(self.classes)
        cls = Class(number, owner, self.lane_names[lane], step, *spec)
        self.classes.append(cls)
        self.class_names[name] = cls
        owner.classes.append(cls)

    def define(
        self,
        run: int,
        cls: int,
        first: int,
        parent: int,
        collect: bool,
        offsets: list[int],
        needs: list[int],
    ) -> None:
        """DEFINE: units of a parent or run that is gone are born cancelled."""
        owner, kind = self.run_names[run], self.class_names[cls]
        units = [Unit(first + i, kind, collect) for i in range(len(offsets) - 1)]
        kind.counts[WAITING] += len(units)
        kind.units.extend(units)
        owner.open_units += len(units)
        stillborn = owner.cancelled or owner.ended
        if parent >= 0:
            stillborn = stillborn or not self.may_have_children(self.units[parent])
            if not stillborn and units:
                self.children.setdefault(parent, []).extend(units)
        self.units.extend(units)
        for i, unit in enumerate(units):
            self.place_new(unit, needs[offsets[i] : offsets[i + 1]], stillborn)

    def place_new(self, unit: Unit, needs: list[int], stillborn: bool) -> None:
        """Link a unit to its needs, and put it where it belongs."""
        need_failed = False
        for need in (self.units[number] for number in needs):
            if need.state < DONE:
                need.dependents.append(unit)
                unit.open += 1
            elif need.state != DONE:
                need_failed = True
        if stillborn:
            self.finish(unit, CANCELLED, Cause.CANCELLED)
        elif need_failed and not unit.collect:
            self.finish(unit, SKIPPED, Cause.NEED_FAILED)
        elif unit.open == 0:
            self.release(unit)
        elif unit.cls.job_limit > 0:
            self.changed.add(unit.cls.number)

    def may_have_children(self, parent: Unit) -> bool:
        """False once the attempt that could have asked for children is over."""
        if parent.state in {RUNNING, PARKED, SENT, DONE}:
            return True
        return parent.state < STOPPING and parent.attempt == 0

    def known(self, number: int) -> None:
        """KNOWN: ignored once the unit has started or is in doubt."""
        unit = self.units[number]
        if unit.state in EARLY and self.asking_job(unit) is None:
            self.finish(unit, DONE, Cause.ANSWER)

    # --- answers: answer.rs ------------------------------------

    def awaits(self, unit: Unit, attempt: int) -> bool:
        """An answer counts only if it is the current attempt's and is awaited."""
        return unit.attempt == attempt and unit.state in AWAITING

    def ignore(self, *_words: int) -> None:
        """BEGAN and TICK change nothing."""

    def done(self, number: int, attempt: int) -> None:
        """DONE."""
        if self.awaits(self.units[number], attempt):
            self.finish(self.units[number], DONE, Cause.ANSWER)

    def stopped(self, number: int, attempt: int) -> None:
        """STOPPED."""
        if self.awaits(self.units[number], attempt):
            self.finish(self.units[number], CANCELLED, Cause.CANCELLED)

    def failed(self, number: int, attempt: int, reason: int, retry_after: int) -> None:
        """FAILED: transient and lost are tried again while attempts are left."""
        unit = self.units[number]
        if not self.awaits(unit, attempt):
            return
        if unit.state == STOPPING:
            self.finish(unit, CANCELLED, Cause.CANCELLED)
        elif reason not in {Reason.TRANSIENT, Reason.LOST}:
            self.finish(unit, FAILED, Cause.ANSWER)
        elif attempt >= unit.cls.attempts:
            self.finish(unit, FAILED, Cause.ATTEMPTS_USED)
        else:
            self.retry(unit, retry_after)

    def retry(self, unit: Unit, retry_after: int) -> None:
        """Send a unit to back-off; what its attempt had asked for is cancelled."""
        cls = unit.cls
        wait = delay(
            cls.run.seed, unit.number, unit.attempt, cls.backoff, cls.backoff_cap
        )
        wake = self.later(max(wait, retry_after))
        self.go(unit, BACKOFF)
        self.timers.set((UNIT, unit.number), wake)
        self.say(CommandCode.RETRY, unit.number, unit.attempt, wake)
        self.cancel_children(unit)

    def parked(self, number: int, attempt: int) -> None:
        """PARKED."""
        unit = self.units[number]
        if self.awaits(unit, attempt) and unit.state == RUNNING:
            unit.cls.lane.used -= 1
            self.set(unit, PARKED)

    def unparked(self, number: int, attempt: int) -> None:
        """UNPARKED."""
        unit = self.units[number]
        if self.awaits(unit, attempt) and unit.state == PARKED and not unit.wants:
            unit.wants = True
            unit.cls.lane.resume.append(unit)

    def timed_out(self, unit: Unit) -> None:
        """A running or parked unit took too long."""
        self.say(CommandCode.STOP, unit.number, unit.attempt)
        self.finish(unit, FAILED, Cause.TIMEOUT)

    # --- jobs: job.rs ------------------------------------------

    def join_forming(self, unit: Unit) -> None:
        """Into the forming job of its class."""
        cls = unit.cls
        cls.forming.add(unit.number)
        if len(cls.forming) == 1:
            cls.lane.forming.add(cls.number)
            self.begin_hold(cls)

    def leave_forming(self, unit: Unit) -> None:
        """Out of the forming job of its class."""
        cls = unit.cls
        cls.forming.remove(unit.number)
        if not cls.forming:
            cls.lane.forming.remove(cls.number)
            self.timers.clear((CLASS, cls.number))

    def begin_hold(self, cls: Class) -> None:
        """A new job begins to form."""
        cls.since = self.now
        cls.flush = False
        self.timers.clear((CLASS, cls.number))
        over = cls.hold_over()
        if over is not None and over > self.now:
            self.timers.set((CLASS, cls.number), over)

    def review_forming(self) -> None:
        """Find out which forming jobs should leave now."""
        for number in self.quiet:
            if self.runs[number].stands_still():
                self.changed.update(cls.number for cls in self.runs[number].classes)
        self.quiet.clear()
        for number in sorted(self.changed):
            cls = self.classes[number]
            cls.flush |= bool(cls.forming) and cls.run.stands_still()
            self.queue_job(cls, cls.is_due(self.now))
        self.changed.clear()

    def queue_job(self, cls: Class, due: bool) -> None:
        """Queue or unqueue the forming job of a class."""
        if cls.due == due:
            return
        cls.due = due
        if due:
            cls.lane.queue.add_job(cls)
        else:
            cls.lane.queue.remove_job(cls)

    def submit(self, cls: Class) -> None:
        """Submit the lowest members of the forming job."""
        members = [self.units[n] for n in sorted(cls.forming)[: cls.job_limit]]
        job = Job(len(self.jobs), cls, members, len(members), cls.reserve)
        self.jobs.append(job)
        pairs = []
        for unit in members:
            self.go(unit, SENT)
            unit.job = job
            unit.attempt += 1
            pairs += [unit.number, unit.attempt]
        cls.run.reserved += cls.reserve
        self.take_slot(job)
        if cls.forming:
            self.begin_hold(cls)
        self.review_forming()
        self.say(CommandCode.SUBMIT, job.number, cls.lane.name, len(members), *pairs)

    def take_slot(self, job: Job) -> None:
        """A job opens."""
        job.cls.lane.used += 1
        job.cls.run.open_jobs += 1
        if job.cls.timeout >= 0:
            self.timers.set((JOB, job.number), self.later(job.cls.timeout))

    def give_slot(self, job: Job) -> None:
        """A job closes."""
        job.cls.lane.used -= 1
        job.cls.run.open_jobs -= 1
        self.ending.add(job.cls.run.number)
        self.timers.clear((JOB, job.number))

    def leave_job(self, unit: Unit) -> None:
        """Out of its job."""
        assert unit.job is not None
        unit.job.live -= 1
        unit.job = None

    def members(self, job: Job, state: int) -> Iterator[Unit]:
        """Members that are still this job's and in this state, judged one by one."""
        for unit in job.members:
            if unit.job is job and unit.state == state:
                yield unit

    def arrived(self, number: int) -> None:
        """SENT and FOUND."""
        job = self.jobs[number]
        if job.state in {"sent", "settled"}:
            return
        if job.state == "asked":
            self.close_question(job)
            self.take_slot(job)
            for unit in self.members(job, BLOCKED):
                self.set(unit, SENT)
                job.live += 1
        job.state = "sent"

    def doubt(self, number: int) -> None:
        """DOUBT."""
        job = self.jobs[number]
        if job.state == "intended":
            job.state = "doubtful"
            self.say(CommandCode.FIND, number)

    def not_found(self, number: int) -> None:
        """NOTFOUND: ask, unless nobody waits for the job any more."""
        job = self.jobs[number]
        if job.state != "doubtful":
            return
        self.give_slot(job)
        for unit in self.members(job, STOPPING):
            self.finish(unit, CANCELLED, Cause.CANCELLED)
        if job.live == 0:
            self.never_was(job)
            return
        job.state = "asked"
        job.live = 0
        for unit in self.members(job, SENT):
            self.set(unit, BLOCKED)
        job.question = len(self.questions)
        self.questions.append((job, True))
        job.cls.run.questions += 1
        self.say(CommandCode.ASK, job.question, job.cls.run.name, number)

    def close_question(self, job: Job) -> None:
        """The question of a job is answered or pointless."""
        self.questions[job.question] = job, False
        job.question = -1
        job.cls.run.questions -= 1
        self.ending.add(job.cls.run.number)

    def answer(self, question: int, choice: int) -> None:
        """ANSWER."""
        job, is_open = self.questions[question]
        if not is_open:
            return
        self.close_question(job)
        for unit in self.members(job, BLOCKED):
            if choice == Choice.RESUBMIT:
                self.release(unit)
            else:
                self.finish(unit, FAILED, Cause.GIVEN_UP)
        self.never_was(job)

    def never_was(self, job: Job) -> None:
        """Close a job that nobody has or wants."""
        job.state = "settled"
        self.free_reserve(job)

    def settled(self, number: int) -> None:
        """SETTLED: members without an answer are lost."""
        job = self.jobs[number]
        if job.state == "settled":
            return
        self.arrived(number)
        for unit in self.members(job, STOPPING):
            self.finish(unit, CANCELLED, Cause.CANCELLED)
        for unit in self.members(job, SENT):
            self.failed(unit.number, unit.attempt, Reason.LOST, -1)
        self.close(job)

    def close(self, job: Job) -> None:
        """The last word of a job."""
        self.give_slot(job)
        job.state = "settled"

    def stop_job(self, job: Job) -> None:
        """Command the stop of a job."""
        self.say(CommandCode.STOP_JOB, job.number)
        job.stopped = True
        self.timers.set((JOB, job.number), self.later(self.grace))

    def job_timer(self, job: Job) -> None:
        """The grace or the time of a job is over."""
        if job.stopped:
            for unit in self.members(job, STOPPING):
                self.finish(unit, ABANDONED, Cause.GRACE_OVER)
            self.close(job)
            return
        self.stop_job(job)
        for unit in self.members(job, SENT):
            self.finish(unit, FAILED, Cause.TIMEOUT)

    # --- money: money.rs ---------------------------------------

    def affordable(self, cls: Class) -> bool:
        """Another job of this class stays within the cap."""
        run = cls.run
        if cls.reserve == 0 or run.cap < 0:
            return True
        return run.spent + run.reserved + cls.reserve <= run.cap

    def block_for_budget(self, cls: Class) -> None:
        """Keep all held units of a class from starting."""
        units = sorted(cls.forming)
        for number in units:
            self.go(self.units[number], BLOCKED)
        cls.broke.update(units)
        cls.run.broke.add(cls.number)
        self.review_forming()

    def bill(self, number: int, micro: int) -> None:
        """BILL: the first one is final."""
        job = self.jobs[number]
        if job.bill is None:
            job.bill = micro
            job.cls.run.spent += micro
            self.free_reserve(job)

    def free_reserve(self, job: Job) -> None:
        """Keep nothing back for a job any more."""
        run = job.cls.run
        run.reserved -= job.reserve
        job.reserve = 0
        self.ending.add(run.number)
        self.release_affordable(run)

    def set_cap(self, name: int, micro: int) -> None:
        """CAP."""
        self.run_names[name].cap = micro
        self.release_affordable(self.run_names[name])

    def release_affordable(self, run: Run) -> None:
        """Let units go on that the cap need not keep back any more."""
        for number in sorted(run.broke):
            if self.affordable(self.classes[number]):
                for unit in sorted(self.classes[number].broke):
                    self.release(self.units[unit])

    # --- cancellation: cancel.rs -------------------------------

    def cancel_scope(self, scope: int, name: int, number: int) -> None:
        """CANCEL."""
        run = self.run_names[name]
        if scope == Scope.UNIT:
            self.cancel([self.units[number]])
        elif scope == Scope.STEP:
            steps = [cls for cls in run.classes if cls.step == number]
            self.cancel(unit for cls in steps for unit in cls.units)
        elif not run.ended:
            run.cancelled = True
            self.ending.add(run.number)
            self.cancel(unit for cls in run.classes for unit in cls.units)

    def cancel_children(self, parent: Unit) -> None:
        """Cancel what a unit asked for, if that has not finished."""
        if children := self.children.pop(parent.number, None):
            self.cancel(children)

    def cancel(self, chosen: Iterable[Unit]) -> None:
        """Cancel units and their descendants, in the order of their numbers."""
        units = self.with_descendants(chosen)
        leaving: dict[int, int] = {}
        for unit in units:
            if unit.state == SENT and unit.job:
                leaving[unit.job.number] = leaving.get(unit.job.number, 0) + 1
        stops = [n for n in sorted(leaving) if self.jobs[n].live == leaving[n]]
        asked = {job.number for unit in units if (job := self.asking_job(unit))}
        for unit in units:
            self.cancel_one(unit, unit.job is not None and unit.job.number in stops)
        for number in stops:
            self.stop_job(self.jobs[number])
        for number in sorted(asked):
            job = self.jobs[number]
            if not any(self.members(job, BLOCKED)):
                self.say(CommandCode.STOP_JOB, number)
                self.close_question(job)
                self.never_was(job)

    def with_descendants(self, chosen: Iterable[Unit]) -> list[Unit]:
        """Open units and their open descendants, each once, ascending."""
        units = list(chosen)
        for unit in units:  # grows while it is read
            if unit.state < STOPPING:
                units.extend(self.children.pop(unit.number, []))
        found = {unit.number: unit for unit in units if unit.state < STOPPING}
        return [found[number] for number in sorted(found)]

    def cancel_one(self, unit: Unit, job_stops: bool) -> None:
        """Cancel a unit; whether its job stops with it is decided already."""
        if unit.state == RUNNING:
            unit.in_slot = True
            self.ask_to_stop(unit)
        elif unit.state == PARKED:
            self.leave_parked(unit)
            self.ask_to_stop(unit)
        elif unit.state == SENT and job_stops and unit.job:
            unit.job.live -= 1
            self.set(unit, STOPPING)
        elif unit.number in unit.cls.broke:
            self.finish(unit, CANCELLED, Cause.BUDGET)
        else:
            self.finish(unit, CANCELLED, Cause.CANCELLED)

    def ask_to_stop(self, unit: Unit) -> None:
        """Command the stop of a unit."""
        self.say(CommandCode.STOP, unit.number, unit.attempt)
        self.set(unit, STOPPING)
        self.timers.set((UNIT, unit.number), self.later(self.grace))

    def asking_job(self, unit: Unit) -> Job | None:
        """The job that asks about a blocked unit, if that is why it is blocked."""
        if unit.state == BLOCKED and unit.job and unit.job.state == "asked":
            return unit.job
        return None

    # --- equalities: check.rs, the sums only -------------------

    def check(self) -> None:
        """Compare the sums the machine keeps with their parts."""
        for lane in self.lanes:
            units = [unit for unit in self.units if unit.cls.lane is lane]
            used = sum(unit.state == RUNNING or unit.in_slot for unit in units)
            used += sum(j.has_slot() for j in self.jobs if j.cls.lane is lane)
            equal(f"slots of lane {lane.name}", lane.used, used)
            ready = sorted(u.number for u in units if u.state == READY)
            equal(f"queue of lane {lane.name}", sorted(lane.queue.units()), ready)
        for run in self.runs:
            units = [unit for unit in self.units if unit.cls.run is run]
            still_open = sum(unit.state < DONE for unit in units)
            equal(f"open units of run {run.name}", run.open_units, still_open)
            jobs = [job for job in self.jobs if job.cls.run is run]
            reserved = sum(job.reserve for job in jobs if job.bill is None)
            equal(f"reserved by run {run.name}", run.reserved, reserved)
            spent = sum(job.bill or 0 for job in jobs)
            equal(f"spent by run {run.name}", run.spent, spent)
            equal(f"run {run.name} ended", run.ended, run.is_over())


def equal(what: str, kept: object, counted: object) -> None:
    """Raise unless two sides are equal."""
    if kept != counted:
        raise SchedulerBug(f"{what}: {kept}, but counted {counted}")


LEAVE: dict[int, Callable[[Scheduler, Unit], None]] = {
    READY: Scheduler.leave_ready,
    HELD: Scheduler.leave_forming,
    RUNNING: Scheduler.leave_running,
    PARKED: Scheduler.leave_parked,
    SENT: Scheduler.leave_job,
    BLOCKED: Scheduler.leave_blocked,
    STOPPING: Scheduler.leave_stopping,
}
APPLY: dict[int, Callable[..., None]] = {
    EventCode.RUN: Scheduler.add_run,
    EventCode.LANE: Scheduler.set_lane,
    EventCode.CLASS: Scheduler.add_class,
    EventCode.DEFINE: Scheduler.define,
    EventCode.SEAL: Scheduler.seal,
    EventCode.KNOWN: Scheduler.known,
    EventCode.BEGAN: Scheduler.ignore,
    EventCode.DONE: Scheduler.done,
    EventCode.FAILED: Scheduler.failed,
    EventCode.PARKED: Scheduler.parked,
    EventCode.UNPARKED: Scheduler.unparked,
    EventCode.SENT: Scheduler.arrived,
    EventCode.DOUBT: Scheduler.doubt,
    EventCode.FOUND: Scheduler.arrived,
    EventCode.NOT_FOUND: Scheduler.not_found,
    EventCode.SETTLED: Scheduler.settled,
    EventCode.BILL: Scheduler.bill,
    EventCode.CAP: Scheduler.set_cap,
    EventCode.ANSWER: Scheduler.answer,
    EventCode.CANCEL: Scheduler.cancel_scope,
    EventCode.STOPPED: Scheduler.stopped,
    EventCode.TICK: Scheduler.ignore,
}
