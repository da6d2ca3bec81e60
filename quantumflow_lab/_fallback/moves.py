"""``moves.rs``: how a unit changes its state, and tells those that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab._fallback import cancel, jobs, ways
from quantumflow_lab._fallback.lane import Lane
from quantumflow_lab._fallback.states import (
    ACTIVE,
    BLOCKED,
    DONE,
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
from quantumflow_lab._fallback.tables import Run, Unit
from quantumflow_lab._fallback.timers import UNIT
from quantumflow_lab._words import Cause, CommandCode

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def set_state(machine: Scheduler, unit: Unit, to: int) -> None:
    """Change the state and the counts, and nothing else."""
    cls, run, before = unit.cls, unit.cls.run, unit.state
    unit.state = to
    cls.counts[before] -= 1
    cls.counts[to] += 1
    if cls.terms.job_limit > 0:
        machine.changed.add(cls.number)
    machine.ways_changed |= len(cls.ways) > 1
    run.active += (to in ACTIVE) - (before in ACTIVE)
    if run.active == 0:
        machine.quiet.add(run.number)


def go(machine: Scheduler, unit: Unit, to: int) -> None:
    """Take a unit from where its state keeps it, and change the state."""
    state = unit.state
    if state == READY:
        unit.cls.lane.queue.remove_unit(unit)
    elif state == HELD:
        jobs.leave_forming(machine, unit)
    elif state == RUNNING:
        unit.cls.lane.used -= 1
    elif state == PARKED:
        leave_parked(unit)
    elif state == SENT:
        jobs.leave_job(machine, unit)
    elif state == BLOCKED:
        leave_blocked(unit)
    elif state == STOPPING:
        leave_stopping(unit)
    machine.timers.clear((UNIT, unit.number))
    set_state(machine, unit, to)


def leave_parked(unit: Unit) -> None:
    """Out of the resume queue."""
    if unit.wants:
        unit.wants = False
        unit.cls.lane.resume.remove(unit)


def leave_blocked(unit: Unit) -> None:
    """Away from whatever blocked it."""
    unit.job = None
    unit.cls.lane.blocked.discard(unit.number)
    if unit.number in unit.cls.broke:
        unit.cls.broke.remove(unit.number)
        if not unit.cls.broke:
            unit.cls.run.broke.remove(unit.cls.number)


def leave_stopping(unit: Unit) -> None:
    """Out of its slot if it was still there."""
    unit.job = None
    if unit.in_slot:
        unit.in_slot = False
        unit.cls.lane.used -= 1


def finish(machine: Scheduler, unit: Unit, state: int, cause: Cause) -> None:
    """Make a unit final; `spread` tells its dependents and children."""
    go(machine, unit, state)
    machine.weights.pop(unit.number, None)
    run = unit.cls.run
    run.open_units -= 1
    run.failed |= state == FAILED
    machine.ending.add(run.number)
    machine.say(CommandCode.FINAL, unit.number, state, unit.attempt, cause)
    machine.spreading.append(unit)


def spread(machine: Scheduler) -> None:
    """Tell dependents and children, until nothing new becomes final."""
    while machine.spreading:
        unit = machine.spreading.popleft()
        done = unit.state == DONE
        for dependent in unit.dependents:
            need_final(machine, dependent, done)
        if not done:
            cancel.cancel_children(machine, unit)


def need_final(machine: Scheduler, unit: Unit, done: bool) -> None:
    """One of its needs is final."""
    unit.open -= 1
    if unit.state != WAITING:
        return
    if not done and not unit.collect:
        finish(machine, unit, SKIPPED, Cause.NEED_FAILED)
    elif unit.open == 0:
        release(machine, unit)


def release(machine: Scheduler, unit: Unit) -> None:
    """Let a unit go on whose needs are final."""
    lane = unit.cls.lane
    closed = unit.cls.ways[unit.cls.way].spent
    if closed:
        machine.stranded.add(unit.cls.number)
    if closed or not lane.up:
        go(machine, unit, BLOCKED)
        lane.blocked.add(unit.number)
    elif unit.cls.terms.job_limit > 0:
        go(machine, unit, HELD)
        jobs.join_forming(machine, unit)
    else:
        go(machine, unit, READY)
        lane.queue.add_unit(unit)


def start(machine: Scheduler, unit: Unit) -> None:
    """Give a ready unit its slot."""
    go(machine, unit, RUNNING)
    unit.attempt += 1
    unit.cls.lane.used += 1
    take_start(machine, unit.cls.lane, unit.cls.run, unit.cls.expected)
    if unit.cls.terms.timeout >= 0:
        machine.timers.set((UNIT, unit.number), machine.later(unit.cls.terms.timeout))
    machine.say(CommandCode.RUN, unit.number, unit.attempt)


def take_start(machine: Scheduler, lane: Lane, run: Run, expected: int) -> None:
    """A start on a lane counts for its run, and takes a token."""
    lane.queue.charge(run.number, expected)
    lane.take_token(machine.now)
    ways.time_lane(machine, lane)


def resume(machine: Scheduler, unit: Unit) -> None:
    """Give an unparked unit its slot back."""
    leave_parked(unit)
    set_state(machine, unit, RUNNING)
    unit.cls.lane.used += 1
    machine.say(CommandCode.RESUME, unit.number, unit.attempt)
