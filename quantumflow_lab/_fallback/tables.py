"""Units, and what they have in common: ``rust/core/src/{unit,tables}.rs``."""

from __future__ import annotations

from dataclasses import dataclass, field

from quantumflow_lab._fallback.lane import Lane
from quantumflow_lab._fallback.states import BACKOFF, WAITING
from quantumflow_lab._fallback.terms import FOREVER, NOTHING, Terms, Weight, fills
from quantumflow_lab._words import UnitState


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
    deadline: int = -1
    late: bool = False
    paused: bool = False
    open_units: int = 0
    active: int = 0
    open_jobs: int = 0
    questions: int = 0
    reserved: int = 0
    spent: int = 0
    spent_before: int = 0
    classes: list[Class] = field(default_factory=list)
    broke: set[int] = field(default_factory=set)
    """Numbers of classes with units that the cap keeps from starting."""

    def stands_still(self) -> bool:
        """Only held units can bring this run forward."""
        return self.sealed and self.active == 0

    def is_over(self) -> bool:
        """Nothing of this run can happen any more, except a late bill."""
        busy = self.open_units or self.open_jobs or self.questions or self.reserved
        return (self.sealed or self.cancelled or self.late) and not busy


@dataclass(slots=True, eq=False)
class Way:
    """A backend where a class may run."""

    lane: Lane
    terms: Terms
    spent: bool = False


@dataclass(slots=True, eq=False)
class Class:
    """What units of one step share."""

    number: int
    name: int
    run: Run
    step: int
    attempts: int
    backoff: int
    backoff_cap: int
    priority: int
    rank: int
    expected: int
    ways: list[Way]
    way: int = 0
    counts: list[int] = field(init=False, default_factory=lambda: [0] * len(UnitState))
    units: list[Unit] = field(init=False, default_factory=list)
    forming: set[int] = field(init=False, default_factory=set)
    load: Weight = field(init=False, default=NOTHING)
    job_limit: int = field(init=False)
    since: int = field(init=False, default=0)
    flush: bool = field(init=False, default=False)
    due: bool = field(init=False, default=False)
    broke: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.job_limit = self.terms.job_limit

    @property
    def terms(self) -> Terms:
        """Terms of the present lane."""
        return self.ways[self.way].terms

    @property
    def lane(self) -> Lane:
        """The present lane."""
        return self.ways[self.way].lane

    def hold_over(self) -> int | None:
        """When the forming job leaves even if it is not full."""
        times = []
        if self.terms.hold >= 0:
            times.append(min(self.since + self.terms.hold, FOREVER))
        if self.run.deadline >= 0:
            times.append(self.run.deadline - self.rank)
        return min(times, default=None)

    def is_due(self, now: int) -> bool:
        """Whether the forming job should leave now."""
        if not self.forming:
            return False
        joinable = self.counts[WAITING] + self.counts[BACKOFF]
        if len(self.forming) >= self.job_limit or joinable == 0 or self.flush:
            return True
        over = self.hold_over()
        return fills(self.load, self.lane.limits) or (over is not None and now >= over)

    def tries(self) -> int:
        """Tries of a unit in all: each way given up grants as many again."""
        return self.attempts * (1 + sum(way.spent for way in self.ways))


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
    way: int
    lane: Lane
    members: list[Unit]
    live: int
    reserve: int
    state: str = "intended"
    stopped: bool = False
    left: bool = False
    good: bool = False
    bad: bool = False
    bill: int | None = None
    question: int = -1

    def is_unwanted(self) -> bool:
        """It goes on only for members that were cancelled alone."""
        return self.has_slot() and not self.live and self.left and not self.stopped

    def has_slot(self) -> bool:
        """True while it takes a slot of its lane."""
        return self.state not in {"asked", "settled"}
