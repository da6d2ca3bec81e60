"""Units, and what they have in common: ``rust/core/src/{unit,tables,lane}.rs``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from quantumflow_lab._fallback.states import BACKOFF, WAITING
from quantumflow_lab._words import UnitState

FOREVER = (1 << 63) - 1
"""The latest time there is."""


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
