"""``check.rs``, the sums only: what is kept twice, compared as equalities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab._fallback.states import DONE, READY, RUNNING
from quantumflow_lab.errors import SchedulerBug

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def check(machine: Scheduler) -> None:
    """Compare the sums the machine keeps with their parts."""
    for lane in machine.lanes:
        units = [unit for unit in machine.units if unit.cls.lane is lane]
        used = sum(unit.state == RUNNING or unit.in_slot for unit in units)
        used += sum(j.has_slot() for j in machine.jobs if j.lane is lane)
        equal(f"slots of lane {lane.name}", lane.used, used)
        ready = sorted(u.number for u in units if u.state == READY)
        equal(f"queue of lane {lane.name}", sorted(lane.queue.units()), ready)
    for run in machine.runs:
        units = [unit for unit in machine.units if unit.cls.run is run]
        still_open = sum(unit.state < DONE for unit in units)
        equal(f"open units of run {run.name}", run.open_units, still_open)
        jobs = [job for job in machine.jobs if job.cls.run is run]
        reserved = sum(job.reserve for job in jobs if job.bill is None)
        equal(f"reserved by run {run.name}", run.reserved, reserved)
        spent = run.spent_before + sum(job.bill or 0 for job in jobs)
        equal(f"spent by run {run.name}", run.spent, spent)
        equal(f"run {run.name} ended", run.ended, run.is_over())


def equal(what: str, kept: object, counted: object) -> None:
    """Raise unless two sides are equal."""
    if kept != counted:
        raise SchedulerBug(f"{what}: {kept}, but counted {counted}")
