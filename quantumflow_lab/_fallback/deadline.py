"""``deadline.rs``: runs that have to be over by a time, or rest for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab._fallback import cancel, jobs
from quantumflow_lab._fallback.tables import Run, Unit
from quantumflow_lab._fallback.timers import RUN
from quantumflow_lab._words import Cause

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def set_deadline(machine: Scheduler, name: int, at: int) -> None:
    """DEADLINE."""
    run = machine.run_names[name]
    if run.ended or run.late:
        return
    run.deadline = at
    if at >= 0:
        machine.timers.set((RUN, run.number), at)
    else:
        machine.timers.clear((RUN, run.number))
    for cls in run.classes:
        jobs.time_hold(machine, cls)
        machine.changed.add(cls.number)


def deadline_passed(machine: Scheduler, run: Run) -> None:
    """Whatever is not final comes too late."""
    run.late = run.failed = True
    machine.ending.add(run.number)
    cancel.cancel_run(machine, run)


def why(unit: Unit) -> Cause:
    """Why units of this run are cancelled."""
    return Cause.DEADLINE if unit.cls.run.late else Cause.CANCELLED


def pause(machine: Scheduler, name: int, paused: int) -> None:
    """PAUSE."""
    run = machine.run_names[name]
    if run.ended:
        return
    run.paused = bool(paused)
    for lane in machine.lanes:
        lane.queue.pause(run.number, run.paused)
