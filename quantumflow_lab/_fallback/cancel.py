"""``cancel.rs``: units that nobody wants any more, with what they had asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from quantumflow_lab._fallback import deadline, jobs, moves
from quantumflow_lab._fallback.states import (
    BLOCKED,
    CANCELLED,
    PARKED,
    RUNNING,
    SENT,
    STOPPING,
)
from quantumflow_lab._fallback.tables import Run, Unit
from quantumflow_lab._fallback.timers import UNIT
from quantumflow_lab._words import Cause, CommandCode, Scope

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def cancel_scope(machine: Scheduler, scope: int, name: int, number: int) -> None:
    """CANCEL."""
    run = machine.run_names[name]
    if scope == Scope.UNIT:
        cancel(machine, [machine.units[number]])
    elif scope == Scope.STEP:
        steps = [cls for cls in run.classes if cls.step == number]
        cancel(machine, (unit for cls in steps for unit in cls.units))
    elif not run.ended:
        run.cancelled = True
        machine.ending.add(run.number)
        cancel_run(machine, run)


def cancel_run(machine: Scheduler, run: Run) -> None:
    """Cancel whatever of a run is not final."""
    cancel(machine, (unit for cls in run.classes for unit in cls.units))


def cancel_children(machine: Scheduler, parent: Unit) -> None:
    """Cancel what a unit asked for, if that has not finished."""
    if children := machine.children.pop(parent.number, None):
        cancel(machine, children)


def cancel(machine: Scheduler, chosen: Iterable[Unit]) -> None:
    """Cancel units and their descendants, in the order of their numbers."""
    units = with_descendants(machine, chosen)
    leaving: dict[int, int] = {}
    for unit in units:
        if unit.state == SENT and unit.job:
            leaving[unit.job.number] = leaving.get(unit.job.number, 0) + 1
    stops = {n for n in sorted(leaving) if machine.jobs[n].live == leaving[n]}
    asked = {job.number for unit in units if (job := jobs.asking_job(unit))}
    for unit in units:
        cancel_one(machine, unit, unit.job is not None and unit.job.number in stops)
    for number in sorted(stops):
        jobs.stop_job(machine, machine.jobs[number])
    for number in sorted(asked):
        job = machine.jobs[number]
        if not any(jobs.members(job, BLOCKED)):
            machine.say(CommandCode.STOP_JOB, number)
            jobs.close_question(machine, job)
            jobs.never_was(machine, job)


def with_descendants(machine: Scheduler, chosen: Iterable[Unit]) -> list[Unit]:
    """Open units and their open descendants, each once, ascending."""
    units = list(chosen)
    for unit in units:  # grows while it is read
        if unit.state < STOPPING:
            units.extend(machine.children.pop(unit.number, []))
    found = {unit.number: unit for unit in units if unit.state < STOPPING}
    return [found[number] for number in sorted(found)]


def cancel_one(machine: Scheduler, unit: Unit, job_stops: bool) -> None:
    """Cancel a unit; whether its job stops with it is decided already."""
    if unit.state == RUNNING:
        unit.in_slot = True
        ask_to_stop(machine, unit)
    elif unit.state == PARKED:
        moves.leave_parked(unit)
        ask_to_stop(machine, unit)
    elif unit.state == SENT and job_stops and unit.job:
        unit.job.live -= 1
        moves.set_state(machine, unit, STOPPING)
    elif unit.number in unit.cls.broke:
        moves.finish(machine, unit, CANCELLED, Cause.BUDGET)
    else:
        if unit.state == SENT and unit.job:
            unit.job.left = True
        moves.finish(machine, unit, CANCELLED, deadline.why(unit))


def ask_to_stop(machine: Scheduler, unit: Unit) -> None:
    """Command the stop of a unit."""
    machine.say(CommandCode.STOP, unit.number, unit.attempt)
    moves.set_state(machine, unit, STOPPING)
    machine.timers.set((UNIT, unit.number), machine.later(machine.grace))
