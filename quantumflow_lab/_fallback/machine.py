"""The machine: ``rust/core/src/{scheduler,define,answer,job,money,cancel}.rs``."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.admit import Draft, at_least, known
from quantumflow_lab._fallback.backoff import MASK, delay, mix
from quantumflow_lab._fallback.states import (
    ABANDONED,
    ACTIVE,
    AWAITING,
    BACKOFF,
    BLOCKED,
    CANCELLED,
    DONE,
    EARLY,
    FAILED,
    HELD,
    PARKED,
    READY,
    RUNNING,
    SENT,
    SKIPPED,
    STOPPING,
    WAITING,
)
from quantumflow_lab._fallback.tables import FOREVER, Class, Job, Lane, Run, Unit
from quantumflow_lab._fallback.timers import CLASS, JOB, UNIT, Timers
from quantumflow_lab._fallback.words import parse, read_words
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
from quantumflow_lab.errors import SchedulerBug

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
        # A job may take as long as its members together.
        timeout = job.cls.timeout * len(job.members)
        if timeout >= 0:
            self.timers.set((JOB, job.number), self.later(timeout))

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
