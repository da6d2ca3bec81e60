"""``money.rs``: the cap of a run, what is reserved and what was billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab._fallback import jobs, moves, ways
from quantumflow_lab._fallback.states import BLOCKED
from quantumflow_lab._fallback.tables import Class, Job, Run
from quantumflow_lab._fallback.terms import FOREVER
from quantumflow_lab._words import CommandCode

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def fits_cap(run: Run, price: int) -> bool:
    """A job of this price stays within the cap."""
    if price == 0 or run.cap < 0:
        return True
    return run.spent + run.reserved + price <= run.cap


def block_for_budget(machine: Scheduler, cls: Class, price: int) -> None:
    """Keep all held units of a class from starting: their job costs too much."""
    run = cls.run
    if not ways.could_pay(machine, cls, cls.forming):
        say_short(machine, cls, price)
    units = sorted(cls.forming)
    for number in units:
        moves.go(machine, machine.units[number], BLOCKED)
    cls.broke.update(units)
    run.broke.add(cls.number)
    jobs.review_forming(machine)


def say_short(machine: Scheduler, cls: Class, price: int) -> None:
    """No bill to come leaves enough for this price."""
    price = min(price, FOREVER)
    machine.say(CommandCode.SHORT, cls.run.name, cls.name, price)


def spent_before(machine: Scheduler, name: int, micro: int) -> None:
    """SPENT."""
    run = machine.run_names[name]
    run.spent += micro
    run.spent_before += micro
    machine.ways_changed = True
    machine.stranded |= machine.choosy


def bill(machine: Scheduler, number: int, micro: int) -> None:
    """BILL: the first one is final."""
    job = machine.jobs[number]
    if job.bill is None:
        job.bill = micro
        job.cls.run.spent += micro
        free_reserve(machine, job)


def free_reserve(machine: Scheduler, job: Job) -> None:
    """Keep nothing back for a job any more."""
    run = job.cls.run
    run.reserved -= job.reserve
    job.reserve = 0
    machine.ending.add(run.number)
    release_affordable(machine, run)


def set_cap(machine: Scheduler, name: int, micro: int) -> None:
    """CAP."""
    machine.run_names[name].cap = micro
    release_affordable(machine, machine.run_names[name])


def release_affordable(machine: Scheduler, run: Run) -> None:
    """Let units form jobs again; what still costs too much is blocked again."""
    machine.ways_changed = True
    machine.stranded |= machine.choosy
    for number in sorted(run.broke):
        for unit in sorted(machine.classes[number].broke):
            moves.release(machine, machine.units[unit])
