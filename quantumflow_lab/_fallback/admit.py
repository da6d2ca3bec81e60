"""Checks a whole batch before any of it is applied: ``rust/core/src/admit.rs``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from quantumflow_lab._words import EventCode, Scope
from quantumflow_lab.errors import SchedulerError

if TYPE_CHECKING:
    from quantumflow_lab._fallback.machine import Scheduler
    from quantumflow_lab._fallback.words import Event

MANY = (1 << 32) - 1
"""What is kept in 32 bits stays below this."""


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
