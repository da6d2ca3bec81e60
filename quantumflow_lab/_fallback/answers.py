"""``answer.rs``: what workers say of units, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab._fallback import cancel, deadline, moves, ways
from quantumflow_lab._fallback.backoff import delay
from quantumflow_lab._fallback.states import (
    AWAITING,
    BACKOFF,
    CANCELLED,
    DONE,
    FAILED,
    PARKED,
    RUNNING,
    STOPPING,
)
from quantumflow_lab._fallback.tables import Job, Unit
from quantumflow_lab._fallback.timers import UNIT
from quantumflow_lab._words import Cause, CommandCode, Reason

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def awaits(unit: Unit, attempt: int) -> bool:
    """An answer counts only if it is the current attempt's and is awaited."""
    return unit.attempt == attempt and unit.state in AWAITING


def ignore(machine: Scheduler, *_words: int) -> None:
    """BEGAN and TICK change nothing."""


def done(machine: Scheduler, number: int, attempt: int) -> None:
    """DONE."""
    unit = machine.units[number]
    if awaits(unit, attempt):
        if unit.job:
            unit.job.good = True
        moves.finish(machine, unit, DONE, Cause.ANSWER)


def stopped(machine: Scheduler, number: int, attempt: int) -> None:
    """STOPPED."""
    unit = machine.units[number]
    if awaits(unit, attempt):
        moves.finish(machine, unit, CANCELLED, deadline.why(unit))


def failed(
    machine: Scheduler, number: int, attempt: int, reason: int, retry_after: int
) -> None:
    """FAILED: tried again later, in a smaller job, on another lane, or never."""
    unit = machine.units[number]
    if not awaits(unit, attempt):
        return
    if unit.state == STOPPING:
        moves.finish(machine, unit, CANCELLED, deadline.why(unit))
        return
    retryable = reason in {Reason.TRANSIENT, Reason.LOST}
    if unit.job and retryable:
        unit.job.bad = True
        if retry_after > 0:
            ways.wait_for_lane(machine, unit.job.lane, retry_after)
    if retryable:
        if attempt < unit.cls.tries() or go_elsewhere(machine, unit):
            retry(machine, unit, back_off(unit, retry_after))
        else:
            moves.finish(machine, unit, FAILED, Cause.ATTEMPTS_USED)
    elif (reason == Reason.TOO_BIG and halve(unit.job)) or (
        reason in {Reason.TOO_BIG, Reason.REFUSED} and go_elsewhere(machine, unit)
    ):
        retry(machine, unit, 0)
    else:
        moves.finish(machine, unit, FAILED, Cause.ANSWER)


def halve(job: Job | None) -> bool:
    """Make the next jobs smaller than this one; False if it cannot be cut."""
    if job is None:
        return False
    count = len(job.members)
    if count > 1 and job.cls.way == job.way:
        job.cls.job_limit = min(job.cls.job_limit, count // 2)
    return count > 1


def go_elsewhere(machine: Scheduler, unit: Unit) -> bool:
    """Give up the way where a member failed; False if there is no other one."""
    return unit.job is not None and ways.give_up(machine, unit.cls, unit.job.way)


def back_off(unit: Unit, retry_after: int) -> int:
    """How long to wait after an attempt that failed for reasons of the backend."""
    cls = unit.cls
    seed = cls.run.seed
    wait = delay(seed, unit.number, unit.attempt, cls.backoff, cls.backoff_cap)
    return max(wait, retry_after)


def retry(machine: Scheduler, unit: Unit, wait: int) -> None:
    """Send a unit to back-off; what its attempt had asked for is cancelled."""
    wake = machine.later(wait)
    moves.go(machine, unit, BACKOFF)
    machine.timers.set((UNIT, unit.number), wake)
    machine.say(CommandCode.RETRY, unit.number, unit.attempt, wake)
    cancel.cancel_children(machine, unit)


def parked(machine: Scheduler, number: int, attempt: int) -> None:
    """PARKED."""
    unit = machine.units[number]
    if awaits(unit, attempt) and unit.state == RUNNING:
        unit.cls.lane.used -= 1
        moves.set_state(machine, unit, PARKED)


def unparked(machine: Scheduler, number: int, attempt: int) -> None:
    """UNPARKED."""
    unit = machine.units[number]
    if awaits(unit, attempt) and unit.state == PARKED and not unit.wants:
        unit.wants = True
        unit.cls.lane.resume.append(unit)


def timed_out(machine: Scheduler, unit: Unit) -> None:
    """A running or parked unit took too long."""
    machine.say(CommandCode.STOP, unit.number, unit.attempt)
    moves.finish(machine, unit, FAILED, Cause.TIMEOUT)
