"""``scheduler.rs``: the data of the machine, and the loop of one batch."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from quantumflow_lab._fallback import (
    answers,
    cancel,
    check,
    deadline,
    define,
    jobs,
    money,
    moves,
    ways,
)
from quantumflow_lab._fallback.admit import Draft, at_least, known
from quantumflow_lab._fallback.backoff import MASK
from quantumflow_lab._fallback.lane import Lane
from quantumflow_lab._fallback.states import ABANDONED, BACKOFF, STOPPING
from quantumflow_lab._fallback.tables import Class, Job, Run, Unit
from quantumflow_lab._fallback.terms import FOREVER, Weight
from quantumflow_lab._fallback.timers import CLASS, JOB, LANE, RUN, Timers
from quantumflow_lab._fallback.words import parse, read_words
from quantumflow_lab._words import Cause, CommandCode, EventCode, Outcome, UnitState

if TYPE_CHECKING:
    from typing_extensions import Buffer


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
        self.unwanted: set[int] = set()
        self.choosy: set[int] = set()
        self.stranded: set[int] = set()
        self.ways_changed = False
        self.weights: dict[int, Weight] = {}
        self.out: list[int] = []

    def handle(self, events: Buffer, now_us: int) -> bytes:
        """Take a batch of events, and start whatever can start."""
        batch = list(parse(read_words(events)))
        draft = Draft(self)
        for event in batch:
            draft.event(event)
        self.now = max(self.now, now_us)
        for event in batch:
            APPLY[event[0]](self, *event[1:])
            moves.spread(self)
        while (key := self.timers.pop(self.now)) is not None:
            self.fire(*key)
            moves.spread(self)
        jobs.stop_unwanted(self)
        ways.review_ways(self)
        jobs.review_forming(self)
        self.end_runs()
        self.poll_all()
        commands = array("q", self.out).tobytes()
        self.out.clear()
        return commands

    def poll_all(self) -> None:
        """Start what can start, lane by lane, until no class goes elsewhere."""
        while True:
            for lane in self.lanes:
                while self.start_next(lane):
                    pass
            if not self.ways_changed:
                return
            ways.review_ways(self)
            jobs.review_forming(self)

    def start_next(self, lane: Lane) -> bool:
        """Start one unit or job on a lane; False if nothing can start there."""
        if not lane.has_room():
            return False
        resumed = next((u for u in lane.resume if not u.cls.run.paused), None)
        if resumed:
            moves.resume(self, resumed)
            return True
        start = lane.queue.next() if lane.opens() <= self.now else None
        if start is None:
            return False
        is_job, number = start
        if is_job:
            jobs.submit(self, self.classes[number])
        else:
            moves.start(self, self.units[number])
        return True

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
            jobs.job_timer(self, self.jobs[number])
        elif kind == LANE:
            self.ways_changed = True
            ways.time_lane(self, self.lanes[number])
        elif kind == RUN:
            deadline.deadline_passed(self, self.runs[number])
        elif self.units[number].state == BACKOFF:
            moves.release(self, self.units[number])
        elif self.units[number].state == STOPPING:
            moves.finish(self, self.units[number], ABANDONED, Cause.GRACE_OVER)
        else:
            answers.timed_out(self, self.units[number])

    def later(self, wait: int) -> int:
        """Now and a while."""
        return min(self.now + wait, FOREVER)

    def say(self, code: CommandCode, *words: int) -> None:
        """Command something."""
        self.out.append(code)
        self.out.extend(words)

    def end_runs(self) -> None:
        """Say which runs are over."""
        for number in sorted(self.ending):
            run = self.runs[number]
            if run.ended or not run.is_over():
                continue
            run.ended = True
            self.timers.clear((RUN, run.number))
            for lane in self.lanes:
                lane.queue.forget(run.number)
            outcome = Outcome.FAILED if run.failed else Outcome.DONE
            if run.cancelled:
                outcome = Outcome.CANCELLED
            self.say(CommandCode.ENDED, run.name, outcome)
        self.ending.clear()

    def check(self) -> None:
        """Compare the sums the machine keeps with their parts."""
        check.check(self)


APPLY: dict[int, Callable[..., None]] = {
    EventCode.RUN: define.add_run,
    EventCode.LANE: define.set_lane,
    EventCode.CLASS: define.add_class,
    EventCode.DEFINE: define.define,
    EventCode.SEAL: define.seal,
    EventCode.KNOWN: define.known,
    EventCode.BEGAN: answers.ignore,
    EventCode.DONE: answers.done,
    EventCode.FAILED: answers.failed,
    EventCode.PARKED: answers.parked,
    EventCode.UNPARKED: answers.unparked,
    EventCode.SENT: jobs.arrived,
    EventCode.DOUBT: jobs.doubt,
    EventCode.FOUND: jobs.arrived,
    EventCode.NOT_FOUND: jobs.not_found,
    EventCode.SETTLED: jobs.settled,
    EventCode.BILL: money.bill,
    EventCode.CAP: money.set_cap,
    EventCode.ANSWER: jobs.answer,
    EventCode.CANCEL: cancel.cancel_scope,
    EventCode.STOPPED: answers.stopped,
    EventCode.TICK: answers.ignore,
    EventCode.GUARD: ways.set_guard,
    EventCode.LIMITS: ways.set_limits,
    EventCode.OTHER: ways.add_way,
    EventCode.WEIGHT: define.weigh,
    EventCode.PAUSE: deadline.pause,
    EventCode.DEADLINE: deadline.set_deadline,
    EventCode.ADOPT: jobs.adopt,
    EventCode.SPENT: money.spent_before,
}
