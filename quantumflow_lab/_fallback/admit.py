"""Checks a whole batch before any of it is applied: ``rust/core/src/admit.rs``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.terms import FOREVER, Terms
from quantumflow_lab._words import EventCode, Scope
from quantumflow_lab.errors import SchedulerError

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler
    from quantumflow_lab._fallback.words import Event

MANY = (1 << 32) - 1
"""What is kept in 32 bits stays below this."""
MODEST = 1 << 31
"""What is added up or multiplied stays below this."""


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


def modest(what: str, value: int) -> None:
    """Refuse what is added up or multiplied and is too large for it."""
    at_least(what, value, 0)
    if value >= MODEST:
        raise SchedulerError(f"{what} cannot be {value}")


def admit_weight(weight: Sequence[int], least: int) -> None:
    """Refuse impossible circuits, shots, bytes and costs."""
    parts = "circuits", "shots", "payload", "extra"
    for what, value in zip(parts, weight, strict=True):
        if value != least:
            modest(what, value)


def admit_terms(terms: Terms) -> None:
    """Refuse impossible terms of a lane."""
    at_least("job_limit", terms.job_limit, 0)
    at_least("hold", terms.hold, -1)
    at_least("timeout", terms.timeout, -1)
    at_least("reserve", terms.reserve, 0)
    modest("per_circuit", terms.per_circuit)
    modest("per_shot", terms.per_shot)
    modest("per_extra", terms.per_extra)
    prices = terms.reserve, terms.per_circuit, terms.per_shot, terms.per_extra
    price = max(prices)
    if terms.job_limit == 0 and price > 0:
        raise SchedulerError(f"price of a plain unit cannot be {price}")


class Draft:
    """Checks a whole batch before any of it is applied.

    It knows the scheduler as it will be after the events seen so far.
    """

    def __init__(self, base: Scheduler) -> None:
        self.base = base
        self.runs: set[int] = set()
        self.lanes: set[int] = set()
        self.sealed: set[int] = set()
        self.classes: dict[int, tuple[int, int, int]] = {}
        """Run, step and job limit of each new class."""
        self.ways: dict[int, int] = {}
        """Ways that classes have got, beside those they had."""
        self.new_units: list[int] = []
        """Class of each new unit."""

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

    def class_of(self, cls: int) -> tuple[int, int, int]:
        """Run, step and job limit of a class; refuse an unknown one."""
        if old := self.base.class_names.get(cls):
            return old.run.name, old.step, old.ways[0].terms.job_limit
        if cls not in self.classes:
            raise SchedulerError(f"no class {cls}")
        return self.classes[cls]

    def known_lane(self, lane: int) -> None:
        """Refuse an unknown lane."""
        if lane not in self.base.lane_names and lane not in self.lanes:
            raise SchedulerError(f"no lane {lane}")

    def ways_of(self, cls: int) -> int:
        """How many ways a class may go."""
        old = self.base.class_names.get(cls)
        return (len(old.ways) if old else 0) + self.ways.get(cls, 0)

    def new_class(self, cls: int, run: int, step: int, *rest: int) -> None:
        """Admit CLASS."""
        attempts, backoff, cap, _priority, rank, expected, *terms = rest
        at_least("class", cls, 0)
        at_least("step", step, 0)
        self.run(run)
        self.known_lane(terms[0])
        if cls in self.base.class_names or cls in self.classes:
            raise SchedulerError(f"class {cls} is defined already")
        at_least("attempts", attempts, 1)
        small("attempts", attempts)
        at_least("backoff", backoff, 0)
        at_least("backoff_cap", cap, 0)
        at_least("rank", rank, 0)
        modest("expected", expected)
        admit_terms(Terms(*terms))
        self.ways[cls] = 1
        self.classes[cls] = run, step, terms[1]

    def other(self, cls: int, *terms: int) -> None:
        """Admit OTHER."""
        _, _, limit = self.class_of(cls)
        lane, job_limit = terms[:2]
        self.known_lane(lane)
        if 0 in (limit, job_limit):
            raise SchedulerError("job_limit of a class with several ways cannot be 0")
        admit_terms(Terms(*terms))
        self.ways[cls] = self.ways.get(cls, 0) + 1

    def adopt(
        self, cls: int, way: int, _doubtful: bool, reserve: int, members: list[int]
    ) -> None:
        """Admit ADOPT."""
        run, _, limit = self.class_of(cls)
        if limit == 0:
            raise SchedulerError("job_limit of an adopted job cannot be 0")
        known("way", way, self.ways_of(cls))
        at_least("reserve", reserve, 0)
        old = self.base.run_names.get(run)
        if old and old.ended:
            raise SchedulerError(f"run {run} has ended")
        for unit, attempt in zip(members[::2], members[1::2], strict=True):
            known("unit", unit, self.count())
            if self.class_of_unit(unit) != cls:
                raise SchedulerError(f"unit {unit} does not belong to class {cls}")
            at_least("attempt", attempt, 1)
            small("attempt", attempt)

    def guard(self, lane: int, burst: int, period: int, trip: int, rest: int) -> None:
        """Admit GUARD."""
        self.known_lane(lane)
        at_least("burst", burst, 1)
        at_least("period", period, 0)
        if period * burst > FOREVER:
            raise SchedulerError(f"period cannot be {period}")
        at_least("trip", trip, 0)
        at_least("rest", rest, 0)

    def limits(self, lane: int, *limits: int) -> None:
        """Admit LIMITS."""
        self.known_lane(lane)
        admit_weight(limits, -1)

    def weight(self, unit: int, *weight: int) -> None:
        """Admit WEIGHT."""
        known("unit", unit, self.count())
        admit_weight(weight, 0)

    def pause(self, run: int, _paused: int) -> None:
        """Admit PAUSE."""
        self.run(run)

    def deadline(self, run: int, at: int) -> None:
        """Admit DEADLINE."""
        self.run(run)
        at_least("deadline", at, -1)

    def spent(self, run: int, micro: int) -> None:
        """Admit SPENT."""
        self.run(run)
        at_least("spent", micro, 0)

    def class_of_unit(self, unit: int) -> int:
        """Name of the class of a defined unit."""
        new = unit - len(self.base.units)
        return self.new_units[new] if new >= 0 else self.base.units[unit].cls.name

    def run_of(self, unit: int) -> int:
        """Name of the run of a defined unit."""
        return self.class_of(self.class_of_unit(unit))[0]

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
        if self.class_of(cls)[0] != run:
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
        self.new_units.extend([cls] * (len(offsets) - 1))

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
            new = (cls[:2] for cls in self.classes.values())
            if (run, number) not in {*old, *new}:
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
    EventCode.GUARD: Draft.guard,
    EventCode.LIMITS: Draft.limits,
    EventCode.OTHER: Draft.other,
    EventCode.WEIGHT: Draft.weight,
    EventCode.PAUSE: Draft.pause,
    EventCode.DEADLINE: Draft.deadline,
    EventCode.ADOPT: Draft.adopt,
    EventCode.SPENT: Draft.spent,
}
