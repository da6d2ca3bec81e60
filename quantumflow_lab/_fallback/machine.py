"""The machine: ``scheduler.rs`` and what it consists of, in ``rust/core/src``."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Set
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.admit import Draft, at_least, known
from quantumflow_lab._fallback.backoff import MASK, delay, mix
from quantumflow_lab._fallback.lane import Lane
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
from quantumflow_lab._fallback.tables import Class, Job, Run, Unit, Way
from quantumflow_lab._fallback.terms import (
    FOREVER,
    NOTHING,
    ONE,
    Guard,
    Terms,
    Weight,
    exceeds,
    plus,
)
from quantumflow_lab._fallback.timers import CLASS, JOB, LANE, RUN, UNIT, Timers
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
        self.unwanted: set[int] = set()
        self.choosy: set[int] = set()
        self.stranded: set[int] = set()
        self.ways_changed = False
        self.weights: dict[int, Weight] = {}
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
        self.stop_unwanted()
        self.review_ways()
        self.review_forming()
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
            self.review_ways()
            self.review_forming()

    def start_next(self, lane: Lane) -> bool:
        """Start one unit or job on a lane; False if nothing can start there."""
        if not lane.has_room():
            return False
        resumed = next((u for u in lane.resume if not u.cls.run.paused), None)
        if resumed:
            self.resume(resumed)
            return True
        start = lane.queue.next() if lane.opens() <= self.now else None
        if start is None:
            return False
        is_job, number = start
        if is_job:
            self.submit(self.classes[number])
        else:
            self.start(self.units[number])
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
            self.job_timer(self.jobs[number])
        elif kind == LANE:
            self.ways_changed = True
            self.time_lane(self.lanes[number])
        elif kind == RUN:
            self.deadline_passed(self.runs[number])
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
        if cls.terms.job_limit > 0:
            self.changed.add(cls.number)
        self.ways_changed |= len(cls.ways) > 1
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
        self.weights.pop(unit.number, None)
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
        closed = unit.cls.ways[unit.cls.way].spent
        if closed:
            self.stranded.add(unit.cls.number)
        if closed or not lane.up:
            self.go(unit, BLOCKED)
            lane.blocked.add(unit.number)
        elif unit.cls.terms.job_limit > 0:
            self.go(unit, HELD)
            self.join_forming(unit)
        else:
            self.go(unit, READY)
            lane.queue.add_unit(unit)

    def start(self, unit: Unit) -> None:
        """Give a ready unit its slot."""
        self.go(unit, RUNNING)
        unit.attempt += 1
        unit.cls.lane.used += 1
        self.take_start(unit.cls.lane, unit.cls.run, unit.cls.expected)
        if unit.cls.terms.timeout >= 0:
            self.timers.set((UNIT, unit.number), self.later(unit.cls.terms.timeout))
        self.say(CommandCode.RUN, unit.number, unit.attempt)

    def take_start(self, lane: Lane, run: Run, expected: int) -> None:
        """A start on a lane counts for its run, and takes a token."""
        lane.queue.charge(run.number, expected)
        lane.take_token(self.now)
        self.time_lane(lane)

    def resume(self, unit: Unit) -> None:
        """Give an unparked unit its slot back."""
        self.leave_parked(unit)
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
            self.timers.clear((RUN, run.number))
            for lane in self.lanes:
                lane.queue.forget(run.number)
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
            new = self.lane_names[name] = Lane(len(self.lanes), name)
            self.lanes.append(new)
            for run in self.runs:
                if run.paused:
                    new.queue.pause(run.number, paused=True)
        self.ways_changed = True
        lane = self.lane_names[name]
        lane.slots, lane.up = slots, bool(up)
        if up:
            for number in sorted(lane.blocked):
                self.release(self.units[number])
            return
        units = lane.queue.units()
        for cls in lane.forming:
            units.extend(self.classes[cls].forming)
        self.block(lane, units)

    def block(self, lane: Lane, units: Iterable[int]) -> None:
        """Keep units from starting until their lane is up, or they go elsewhere."""
        for number in sorted(units):
            self.go(self.units[number], BLOCKED)
            lane.blocked.add(number)

    def weigh(self, number: int, *weight: int) -> None:
        """WEIGHT."""
        unit = self.units[number]
        if unit.state >= DONE:
            return
        self.ways_changed = True
        before = self.weights.get(number, ONE)
        self.weights[number] = after = (weight[0], weight[1], weight[2], weight[3])
        if unit.state == HELD:
            unit.cls.load = plus(plus(unit.cls.load, before, -1), after)
            self.changed.add(unit.cls.number)

    def add_class(self, name: int, run: int, step: int, *rest: int) -> None:
        """CLASS."""
        owner = self.run_names[run]
        terms = Terms(*rest[6:])
        ways = [Way(self.lane_names[terms.lane], terms)]
        number = len(self.classes)
        attempts, backoff, cap, priority, rank, expected = rest[:6]
        cls = Class(
            number,
            name,
            owner,
            step,
            attempts,
            backoff,
            cap,
            priority,
            rank,
            expected,
            ways,
        )
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
        stillborn = owner.cancelled or owner.late or owner.ended
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
            self.finish(unit, CANCELLED, self.why(unit))
        elif need_failed and not unit.collect:
            self.finish(unit, SKIPPED, Cause.NEED_FAILED)
        elif unit.open == 0:
            self.release(unit)
        elif unit.cls.terms.job_limit > 0:
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
        unit = self.units[number]
        if self.awaits(unit, attempt):
            if unit.job:
                unit.job.good = True
            self.finish(unit, DONE, Cause.ANSWER)

    def stopped(self, number: int, attempt: int) -> None:
        """STOPPED."""
        unit = self.units[number]
        if self.awaits(unit, attempt):
            self.finish(unit, CANCELLED, self.why(unit))

    def failed(self, number: int, attempt: int, reason: int, retry_after: int) -> None:
        """FAILED: tried again later, in a smaller job, on another lane, or never."""
        unit = self.units[number]
        if not self.awaits(unit, attempt):
            return
        if unit.state == STOPPING:
            self.finish(unit, CANCELLED, self.why(unit))
            return
        retryable = reason in {Reason.TRANSIENT, Reason.LOST}
        if unit.job and retryable:
            unit.job.bad = True
            if retry_after > 0:
                self.wait_for_lane(unit.job.lane, retry_after)
        if retryable:
            if attempt < unit.cls.tries() or self.go_elsewhere(unit):
                self.retry(unit, self.back_off(unit, retry_after))
            else:
                self.finish(unit, FAILED, Cause.ATTEMPTS_USED)
        elif (reason == Reason.TOO_BIG and self.halve(unit.job)) or (
            reason in {Reason.TOO_BIG, Reason.REFUSED} and self.go_elsewhere(unit)
        ):
            self.retry(unit, 0)
        else:
            self.finish(unit, FAILED, Cause.ANSWER)

    def halve(self, job: Job | None) -> bool:
        """Make the next jobs smaller than this one; False if it cannot be cut."""
        if job is None:
            return False
        count = len(job.members)
        if count > 1 and job.cls.way == job.way:
            job.cls.job_limit = min(job.cls.job_limit, count // 2)
        return count > 1

    def go_elsewhere(self, unit: Unit) -> bool:
        """Give up the way where a member failed; False if there is no other one."""
        return unit.job is not None and self.give_up(unit.cls, unit.job.way)

    def back_off(self, unit: Unit, retry_after: int) -> int:
        """How long to wait after an attempt that failed for reasons of the backend."""
        cls = unit.cls
        seed = cls.run.seed
        wait = delay(seed, unit.number, unit.attempt, cls.backoff, cls.backoff_cap)
        return max(wait, retry_after)

    def retry(self, unit: Unit, wait: int) -> None:
        """Send a unit to back-off; what its attempt had asked for is cancelled."""
        wake = self.later(wait)
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

    def weight(self, number: int) -> Weight:
        """What a unit adds to its job."""
        return self.weights.get(number, ONE)

    def join_forming(self, unit: Unit) -> None:
        """Into the forming job of its class."""
        cls = unit.cls
        cls.forming.add(unit.number)
        cls.load = plus(cls.load, self.weight(unit.number))
        if len(cls.forming) == 1:
            cls.lane.forming.add(cls.number)
            self.begin_hold(cls)

    def leave_forming(self, unit: Unit) -> None:
        """Out of the forming job of its class."""
        cls = unit.cls
        cls.forming.remove(unit.number)
        cls.load = plus(cls.load, self.weight(unit.number), -1)
        if not cls.forming:
            cls.lane.forming.remove(cls.number)
            self.timers.clear((CLASS, cls.number))

    def begin_hold(self, cls: Class) -> None:
        """A new job begins to form."""
        cls.since = self.now
        cls.flush = False
        self.time_hold(cls)

    def time_hold(self, cls: Class) -> None:
        """Set the timer of the forming job."""
        over = cls.hold_over()
        if cls.forming and over is not None and over > self.now:
            self.timers.set((CLASS, cls.number), over)
        else:
            self.timers.clear((CLASS, cls.number))

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

    def fill(
        self, units: Iterable[int], most: int, limits: Weight
    ) -> tuple[list[int], Weight]:
        """Choose the first units that fit into one job, at least one; weigh them."""
        members: list[int] = []
        load = NOTHING
        for number in sorted(units)[:most]:
            more = plus(load, self.weight(number))
            if members and exceeds(more, limits):
                break
            members.append(number)
            load = more
        return members, load

    def submit(self, cls: Class) -> None:
        """Submit the lowest members of the forming job, or block it for its price."""
        lane = cls.lane
        numbers, load = self.fill(cls.forming, cls.job_limit, lane.limits)
        price = cls.terms.price(load)
        if not self.fits_cap(cls.run, price):
            self.block_for_budget(cls, price)
            return
        members = [(self.units[n], self.units[n].attempt + 1) for n in numbers]
        job = self.open_job(cls, cls.way, "intended", price, members)
        self.take_start(
            lane, cls.run, min(max(cls.expected, 1) * len(members), FOREVER)
        )
        if cls.forming:
            self.begin_hold(cls)
        self.review_forming()
        pairs = [word for unit, attempt in members for word in (unit.number, attempt)]
        self.say(CommandCode.SUBMIT, job.number, lane.name, len(members), *pairs)

    def open_job(
        self,
        cls: Class,
        way: int,
        state: str,
        reserve: int,
        members: list[tuple[Unit, int]],
    ) -> Job:
        """Make a job of units, which are sent now."""
        units = [unit for unit, _ in members]
        lane = cls.ways[way].lane
        job = Job(len(self.jobs), cls, way, lane, units, len(units), reserve, state)
        for unit, attempt in members:
            self.go(unit, SENT)
            unit.job = job
            unit.attempt = attempt
        self.jobs.append(job)
        cls.run.reserved += reserve
        self.take_slot(job)
        return job

    def adopt(
        self, name: int, way: int, doubtful: bool, reserve: int, words: list[int]
    ) -> None:
        """ADOPT: a job of an earlier scheduler, with what is still open of it."""
        attempts: dict[int, int] = {}
        for number, attempt in sorted(zip(words[::2], words[1::2], strict=True)):
            unit = self.units[number]
            free = unit.state == HELD
            free |= unit.state == BLOCKED and self.asking_job(unit) is None
            if free and unit.attempt < attempt:
                attempts.setdefault(number, attempt)
        members = [(self.units[n], attempt) for n, attempt in attempts.items()]
        state = "intended" if doubtful else "sent"
        cls = self.class_names[name]
        job = self.open_job(cls, way, state, reserve, members)
        self.count_tries(words)
        job.left = not members or 2 * len(members) < len(words)
        self.unwanted.add(job.number)
        if doubtful:
            self.doubt(job.number)

    def count_tries(self, words: list[int]) -> None:
        """Whoever does not belong to an adopted job any more has had its attempt."""
        for number, attempt in zip(words[::2], words[1::2], strict=True):
            unit = self.units[number]
            if unit.state in EARLY:
                unit.attempt = max(unit.attempt, attempt)

    def stop_unwanted(self) -> None:
        """Stop jobs that go on for nobody."""
        for number in sorted(self.unwanted):
            if self.jobs[number].is_unwanted():
                self.stop_job(self.jobs[number])
        self.unwanted.clear()

    def take_slot(self, job: Job) -> None:
        """A job opens."""
        job.lane.used += 1
        job.cls.run.open_jobs += 1
        # A job may take as long as its members together.
        timeout = job.cls.ways[job.way].terms.timeout * max(len(job.members), 1)
        if timeout >= 0:
            self.timers.set((JOB, job.number), self.later(timeout))

    def give_slot(self, job: Job) -> None:
        """A job closes."""
        job.lane.used -= 1
        job.cls.run.open_jobs -= 1
        self.ending.add(job.cls.run.number)
        self.timers.clear((JOB, job.number))

    def leave_job(self, unit: Unit) -> None:
        """Out of its job."""
        assert unit.job is not None
        unit.job.live -= 1
        self.unwanted.add(unit.job.number)
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
        if job.state == "settled":
            self.free_reserve(job)
        if job.state != "doubtful":
            return
        self.give_slot(job)
        for unit in self.members(job, STOPPING):
            self.finish(unit, CANCELLED, self.why(unit))
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
            self.finish(unit, CANCELLED, self.why(unit))
        for unit in self.members(job, SENT):
            self.failed(unit.number, unit.attempt, Reason.LOST, -1)
        self.close(job)

    def close(self, job: Job) -> None:
        """The last word of a job."""
        self.give_slot(job)
        job.state = "settled"
        self.judge_lane(job)

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
        job.bad = True
        self.stop_job(job)
        for unit in self.members(job, SENT):
            self.finish(unit, FAILED, Cause.TIMEOUT)

    # --- money: money.rs ---------------------------------------

    def fits_cap(self, run: Run, price: int) -> bool:
        """A job of this price stays within the cap."""
        if price == 0 or run.cap < 0:
            return True
        return run.spent + run.reserved + price <= run.cap

    def block_for_budget(self, cls: Class, price: int) -> None:
        """Keep all held units of a class from starting: their job costs too much."""
        run = cls.run
        if not self.could_pay(cls, cls.forming):
            self.say_short(cls, price)
        units = sorted(cls.forming)
        for number in units:
            self.go(self.units[number], BLOCKED)
        cls.broke.update(units)
        run.broke.add(cls.number)
        self.review_forming()

    def say_short(self, cls: Class, price: int) -> None:
        """No bill to come leaves enough for this price."""
        price = min(price, FOREVER)
        self.say(CommandCode.SHORT, cls.run.name, cls.name, price)

    def spent_before(self, name: int, micro: int) -> None:
        """SPENT."""
        run = self.run_names[name]
        run.spent += micro
        run.spent_before += micro
        self.ways_changed = True
        self.stranded |= self.choosy

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
        """Let units form jobs again; what still costs too much is blocked again."""
        self.ways_changed = True
        self.stranded |= self.choosy
        for number in sorted(run.broke):
            for unit in sorted(self.classes[number].broke):
                self.release(self.units[unit])

    # --- lanes: ways.rs ----------------------------------------

    def set_guard(self, name: int, *guard: int) -> None:
        """GUARD."""
        lane = self.lane_names[name]
        lane.set_guard(Guard(*guard))
        self.time_lane(lane)
        self.ways_changed = True

    def set_limits(self, name: int, *limits: int) -> None:
        """LIMITS."""
        lane = self.lane_names[name]
        self.ways_changed = True
        lane.limits = (limits[0], limits[1], limits[2], limits[3])
        self.changed |= lane.forming

    def time_lane(self, lane: Lane) -> None:
        """Set the timer of a lane that rests, or starts nothing before some time."""
        # Its rest may be over before its timer has fired.
        self.ways_changed |= lane.rest is not None
        times = [time for time in (lane.rest, lane.opens()) if time is not None]
        due = [time for time in times if time > self.now]
        if due:
            self.timers.set((LANE, lane.number), min(due))
        else:
            self.timers.clear((LANE, lane.number))

    def add_way(self, name: int, *terms: int) -> None:
        """OTHER."""
        cls = self.class_names[name]
        cls.ways.append(Way(self.lane_names[terms[0]], Terms(*terms)))
        self.choosy.add(cls.number)
        self.ways_changed = True

    def give_up(self, cls: Class, way: int) -> bool:
        """Nothing of a class goes this way any more; False if it has no other."""
        if all(one.spent or number == way for number, one in enumerate(cls.ways)):
            return False
        cls.ways[way].spent = True
        self.ways_changed = True
        if cls.way == way:
            self.block(cls.lane, set(cls.forming))
        return True

    def review_ways(self) -> None:
        """Let classes go elsewhere whose way is of no use to them."""
        if not self.ways_changed:
            return
        self.ways_changed = False
        stranded, self.stranded = self.stranded, set()
        for number in sorted(self.choosy):
            cls = self.classes[number]
            if cls.run.ended:
                self.choosy.remove(number)
            elif (way := self.better_way(cls)) is not None:
                self.take_way(cls, way)
            elif number in stranded:
                self.review_stranded(cls)

    def better_way(self, cls: Class) -> int | None:
        """Find the first way that a class could go, if it cannot go its own."""
        usable = [not w.spent and w.lane.is_usable(self.now) for w in cls.ways]
        stays = usable[cls.way] and not cls.broke
        other = any(usable[: cls.way] + usable[cls.way + 1 :])
        if stays or not other or not any(cls.counts[state] for state in EARLY):
            return None
        stuck = self.stuck(cls)
        for position, way in enumerate(cls.ways):
            if position != cls.way and usable[position]:
                _, load = self.fill(stuck, way.terms.job_limit, way.lane.limits)
                if self.fits_cap(cls.run, way.terms.price(load if stuck else ONE)):
                    return position
        return None

    def stuck(self, cls: Class) -> Set[int]:
        """Units that are held, or blocked by the lane or the price."""
        return cls.forming | cls.broke | set(self.blocked_units(cls))

    def review_stranded(self, cls: Class) -> None:
        """Say so if a class whose way was given up can never pay for another one."""
        if not cls.ways[cls.way].spent or cls.run.cap < 0:
            return
        stuck = self.stuck(cls)
        if stuck and not self.could_pay(cls, stuck):
            prices = self.prices(cls, stuck)
            if prices:
                self.say_short(cls, min(prices))

    def prices(self, cls: Class, units: Set[int]) -> list[int]:
        """What the next job of these units would cost, on each way that is left."""
        found = []
        for way in cls.ways:
            _, load = self.fill(units, way.terms.job_limit, way.lane.limits)
            if not way.spent:
                found.append(way.terms.price(load))
        return found

    def could_pay(self, cls: Class, units: Set[int]) -> bool:
        """Bills to come may leave enough for the next job, on some way."""
        prices = self.prices(cls, units)
        if not cls.ways[cls.way].spent and cls.job_limit < cls.terms.job_limit:
            _, load = self.fill(units, cls.job_limit, cls.lane.limits)
            prices.append(cls.terms.price(load))
        return any(cls.run.spent + price <= cls.run.cap for price in prices)

    def blocked_units(self, cls: Class) -> list[int]:
        """Units of a class that its lane blocks."""
        mine = (number for number in cls.lane.blocked if self.units[number].cls is cls)
        return sorted(mine)

    def take_way(self, cls: Class, way: int) -> None:
        """Send what a class has not started another way."""
        waiting = self.blocked_units(cls)
        self.queue_job(cls, due=False)
        cls.lane.forming.discard(cls.number)
        cls.lane.blocked.difference_update(waiting)
        cls.way = way
        cls.job_limit = cls.terms.job_limit
        broke = sorted(cls.broke)
        if cls.forming:
            cls.lane.forming.add(cls.number)
            self.begin_hold(cls)
        self.changed.add(cls.number)
        self.say(CommandCode.MOVED, cls.name, way)
        for number in (*waiting, *broke):
            self.release(self.units[number])

    def judge_lane(self, job: Job) -> None:
        """What a closed job tells about its lane."""
        lane = job.lane
        if job.good:
            self.grow(job)
            if lane.rest is not None:
                self.ways_changed = True
                self.say(CommandCode.REST, lane.name, -1)
            lane.succeeded()
        elif job.bad and lane.failed(self.now):
            self.ways_changed = True
            self.say(CommandCode.REST, lane.name, lane.rest or 0)
        self.time_lane(lane)

    def grow(self, job: Job) -> None:
        """After a good job the next may be larger by one, up to the terms."""
        cls = job.cls
        if cls.way == job.way and cls.job_limit < cls.terms.job_limit:
            cls.job_limit += 1
            self.changed.add(cls.number)

    def wait_for_lane(self, lane: Lane, wait: int) -> None:
        """A backend asked for patience."""
        lane.patience = max(lane.patience, self.later(wait))
        self.time_lane(lane)

    # --- time: deadline.rs -------------------------------------

    def set_deadline(self, name: int, at: int) -> None:
        """DEADLINE."""
        run = self.run_names[name]
        if run.ended or run.late:
            return
        run.deadline = at
        if at >= 0:
            self.timers.set((RUN, run.number), at)
        else:
            self.timers.clear((RUN, run.number))
        for cls in run.classes:
            self.time_hold(cls)
            self.changed.add(cls.number)

    def deadline_passed(self, run: Run) -> None:
        """Whatever is not final comes too late."""
        run.late = run.failed = True
        self.ending.add(run.number)
        self.cancel(unit for cls in run.classes for unit in cls.units)

    def why(self, unit: Unit) -> Cause:
        """Why units of this run are cancelled."""
        return Cause.DEADLINE if unit.cls.run.late else Cause.CANCELLED

    def pause(self, name: int, paused: int) -> None:
        """PAUSE."""
        run = self.run_names[name]
        if run.ended:
            return
        run.paused = bool(paused)
        for lane in self.lanes:
            lane.queue.pause(run.number, run.paused)

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
        stops = {n for n in sorted(leaving) if self.jobs[n].live == leaving[n]}
        asked = {job.number for unit in units if (job := self.asking_job(unit))}
        for unit in units:
            self.cancel_one(unit, unit.job is not None and unit.job.number in stops)
        for number in sorted(stops):
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
            if unit.state == SENT and unit.job:
                unit.job.left = True
            self.finish(unit, CANCELLED, self.why(unit))

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
            used += sum(j.has_slot() for j in self.jobs if j.lane is lane)
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
            spent = run.spent_before + sum(job.bill or 0 for job in jobs)
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
    EventCode.GUARD: Scheduler.set_guard,
    EventCode.LIMITS: Scheduler.set_limits,
    EventCode.OTHER: Scheduler.add_way,
    EventCode.WEIGHT: Scheduler.weigh,
    EventCode.PAUSE: Scheduler.pause,
    EventCode.DEADLINE: Scheduler.set_deadline,
    EventCode.ADOPT: Scheduler.adopt,
    EventCode.SPENT: Scheduler.spent_before,
}
