"""``job.rs``: jobs that form, are intended, sent, in doubt, and settled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from quantumflow_lab._fallback import answers, deadline, money, moves, ways
from quantumflow_lab._fallback.states import (
    ABANDONED,
    BLOCKED,
    CANCELLED,
    EARLY,
    FAILED,
    HELD,
    SENT,
    STOPPING,
)
from quantumflow_lab._fallback.tables import Class, Job, Unit
from quantumflow_lab._fallback.terms import FOREVER, NOTHING, ONE, Weight, exceeds, plus
from quantumflow_lab._fallback.timers import CLASS, JOB
from quantumflow_lab._words import Cause, Choice, CommandCode, Reason

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def weight(machine: Scheduler, number: int) -> Weight:
    """What a unit adds to its job."""
    return machine.weights.get(number, ONE)


def join_forming(machine: Scheduler, unit: Unit) -> None:
    """Into the forming job of its class."""
    cls = unit.cls
    cls.forming.add(unit.number)
    cls.load = plus(cls.load, weight(machine, unit.number))
    if len(cls.forming) == 1:
        cls.lane.forming.add(cls.number)
        begin_hold(machine, cls)


def leave_forming(machine: Scheduler, unit: Unit) -> None:
    """Out of the forming job of its class."""
    cls = unit.cls
    cls.forming.remove(unit.number)
    cls.load = plus(cls.load, weight(machine, unit.number), -1)
    if not cls.forming:
        cls.lane.forming.remove(cls.number)
        machine.timers.clear((CLASS, cls.number))


def begin_hold(machine: Scheduler, cls: Class) -> None:
    """A new job begins to form."""
    cls.since = machine.now
    cls.flush = False
    time_hold(machine, cls)


def time_hold(machine: Scheduler, cls: Class) -> None:
    """Set the timer of the forming job."""
    over = cls.hold_over()
    if cls.forming and over is not None and over > machine.now:
        machine.timers.set((CLASS, cls.number), over)
    else:
        machine.timers.clear((CLASS, cls.number))


def review_forming(machine: Scheduler) -> None:
    """Find out which forming jobs should leave now."""
    for number in machine.quiet:
        if machine.runs[number].stands_still():
            machine.changed.update(cls.number for cls in machine.runs[number].classes)
    machine.quiet.clear()
    for number in sorted(machine.changed):
        cls = machine.classes[number]
        cls.flush |= bool(cls.forming) and cls.run.stands_still()
        queue_job(cls, cls.is_due(machine.now))
    machine.changed.clear()


def queue_job(cls: Class, due: bool) -> None:
    """Queue or unqueue the forming job of a class."""
    if cls.due == due:
        return
    cls.due = due
    if due:
        cls.lane.queue.add_job(cls)
    else:
        cls.lane.queue.remove_job(cls)


def fill(
    machine: Scheduler, units: Iterable[int], most: int, limits: Weight
) -> tuple[list[int], Weight]:
    """Choose the first units that fit into one job, at least one; weigh them."""
    members: list[int] = []
    load = NOTHING
    for number in sorted(units)[:most]:
        more = plus(load, weight(machine, number))
        if members and exceeds(more, limits):
            break
        members.append(number)
        load = more
    return members, load


def submit(machine: Scheduler, cls: Class) -> None:
    """Submit the lowest members of the forming job, or block it for its price."""
    lane = cls.lane
    numbers, load = fill(machine, cls.forming, cls.job_limit, lane.limits)
    price = cls.terms.price(load)
    if not money.fits_cap(cls.run, price):
        money.block_for_budget(machine, cls, price)
        return
    members = [(machine.units[n], machine.units[n].attempt + 1) for n in numbers]
    job = open_job(machine, cls, cls.way, "intended", price, members)
    moves.take_start(
        machine, lane, cls.run, min(max(cls.expected, 1) * len(members), FOREVER)
    )
    if cls.forming:
        begin_hold(machine, cls)
    review_forming(machine)
    pairs = [word for unit, attempt in members for word in (unit.number, attempt)]
    machine.say(CommandCode.SUBMIT, job.number, lane.name, len(members), *pairs)


def open_job(
    machine: Scheduler,
    cls: Class,
    way: int,
    state: str,
    reserve: int,
    members: list[tuple[Unit, int]],
) -> Job:
    """Make a job of units, which are sent now."""
    units = [unit for unit, _ in members]
    lane = cls.ways[way].lane
    job = Job(len(machine.jobs), cls, way, lane, units, len(units), reserve, state)
    for unit, attempt in members:
        moves.go(machine, unit, SENT)
        unit.job = job
        unit.attempt = attempt
    machine.jobs.append(job)
    cls.run.reserved += reserve
    take_slot(machine, job)
    return job


def adopt(
    machine: Scheduler,
    name: int,
    way: int,
    doubtful: bool,
    reserve: int,
    words: list[int],
) -> None:
    """ADOPT: a job of an earlier scheduler, with what is still open of it."""
    attempts: dict[int, int] = {}
    for number, attempt in sorted(zip(words[::2], words[1::2], strict=True)):
        unit = machine.units[number]
        free = unit.state == HELD
        free |= unit.state == BLOCKED and asking_job(unit) is None
        if free and unit.attempt < attempt:
            attempts.setdefault(number, attempt)
    members = [(machine.units[n], attempt) for n, attempt in attempts.items()]
    state = "intended" if doubtful else "sent"
    cls = machine.class_names[name]
    job = open_job(machine, cls, way, state, reserve, members)
    count_tries(machine, words)
    job.left = not members or 2 * len(members) < len(words)
    machine.unwanted.add(job.number)
    if doubtful:
        doubt(machine, job.number)


def count_tries(machine: Scheduler, words: list[int]) -> None:
    """Whoever does not belong to an adopted job any more has had its attempt."""
    for number, attempt in zip(words[::2], words[1::2], strict=True):
        unit = machine.units[number]
        if unit.state in EARLY:
            unit.attempt = max(unit.attempt, attempt)


def stop_unwanted(machine: Scheduler) -> None:
    """Stop jobs that go on for nobody."""
    for number in sorted(machine.unwanted):
        if machine.jobs[number].is_unwanted():
            stop_job(machine, machine.jobs[number])
    machine.unwanted.clear()


def take_slot(machine: Scheduler, job: Job) -> None:
    """A job opens."""
    job.lane.used += 1
    job.cls.run.open_jobs += 1
    # A job may take as long as its members together.
    timeout = job.cls.ways[job.way].terms.timeout * max(len(job.members), 1)
    if timeout >= 0:
        machine.timers.set((JOB, job.number), machine.later(timeout))


def give_slot(machine: Scheduler, job: Job) -> None:
    """A job closes."""
    job.lane.used -= 1
    job.cls.run.open_jobs -= 1
    machine.ending.add(job.cls.run.number)
    machine.timers.clear((JOB, job.number))


def leave_job(machine: Scheduler, unit: Unit) -> None:
    """Out of its job."""
    assert unit.job is not None
    unit.job.live -= 1
    machine.unwanted.add(unit.job.number)
    unit.job = None


def members(job: Job, state: int) -> Iterator[Unit]:
    """Members that are still this job's and in this state, judged one by one."""
    for unit in job.members:
        if unit.job is job and unit.state == state:
            yield unit


def arrived(machine: Scheduler, number: int) -> None:
    """SENT and FOUND."""
    job = machine.jobs[number]
    if job.state in {"sent", "settled"}:
        return
    if job.state == "asked":
        close_question(machine, job)
        take_slot(machine, job)
        for unit in members(job, BLOCKED):
            moves.set_state(machine, unit, SENT)
            job.live += 1
    job.state = "sent"


def doubt(machine: Scheduler, number: int) -> None:
    """DOUBT."""
    job = machine.jobs[number]
    if job.state == "intended":
        job.state = "doubtful"
        machine.say(CommandCode.FIND, number)


def not_found(machine: Scheduler, number: int) -> None:
    """NOTFOUND: ask, unless nobody waits for the job any more."""
    job = machine.jobs[number]
    if job.state == "settled":
        money.free_reserve(machine, job)
    if job.state != "doubtful":
        return
    give_slot(machine, job)
    for unit in members(job, STOPPING):
        moves.finish(machine, unit, CANCELLED, deadline.why(unit))
    if job.live == 0:
        never_was(machine, job)
        return
    job.state = "asked"
    job.live = 0
    for unit in members(job, SENT):
        moves.set_state(machine, unit, BLOCKED)
    job.question = len(machine.questions)
    machine.questions.append((job, True))
    job.cls.run.questions += 1
    machine.say(CommandCode.ASK, job.question, job.cls.run.name, number)


def close_question(machine: Scheduler, job: Job) -> None:
    """The question of a job is answered or pointless."""
    machine.questions[job.question] = job, False
    job.question = -1
    job.cls.run.questions -= 1
    machine.ending.add(job.cls.run.number)


def answer(machine: Scheduler, question: int, choice: int) -> None:
    """ANSWER."""
    job, is_open = machine.questions[question]
    if not is_open:
        return
    close_question(machine, job)
    for unit in members(job, BLOCKED):
        if choice == Choice.RESUBMIT:
            moves.release(machine, unit)
        else:
            moves.finish(machine, unit, FAILED, Cause.GIVEN_UP)
    never_was(machine, job)


def never_was(machine: Scheduler, job: Job) -> None:
    """Close a job that nobody has or wants."""
    job.state = "settled"
    money.free_reserve(machine, job)


def settled(machine: Scheduler, number: int) -> None:
    """SETTLED: members without an answer are lost."""
    job = machine.jobs[number]
    if job.state == "settled":
        return
    arrived(machine, number)
    for unit in members(job, STOPPING):
        moves.finish(machine, unit, CANCELLED, deadline.why(unit))
    for unit in members(job, SENT):
        answers.failed(machine, unit.number, unit.attempt, Reason.LOST, -1)
    close(machine, job)


def close(machine: Scheduler, job: Job) -> None:
    """The last word of a job."""
    give_slot(machine, job)
    job.state = "settled"
    ways.judge_lane(machine, job)


def stop_job(machine: Scheduler, job: Job) -> None:
    """Command the stop of a job."""
    machine.say(CommandCode.STOP_JOB, job.number)
    job.stopped = True
    machine.timers.set((JOB, job.number), machine.later(machine.grace))


def job_timer(machine: Scheduler, job: Job) -> None:
    """The grace or the time of a job is over."""
    if job.stopped:
        for unit in members(job, STOPPING):
            moves.finish(machine, unit, ABANDONED, Cause.GRACE_OVER)
        close(machine, job)
        return
    job.bad = True
    stop_job(machine, job)
    for unit in members(job, SENT):
        moves.finish(machine, unit, FAILED, Cause.TIMEOUT)


def asking_job(unit: Unit) -> Job | None:
    """The job that asks about a blocked unit, if that is why it is blocked."""
    if unit.state == BLOCKED and unit.job and unit.job.state == "asked":
        return unit.job
    return None
