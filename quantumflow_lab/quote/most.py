"""The most that a step may cost on a backend: what the scheduler will keep back for it.

A budget of that much never stops the run, unless something fails and is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quantumflow_lab.amounts import micro
from quantumflow_lab.planning.bounds import kept_back
from quantumflow_lab.planning.modes import session_bound, session_seconds
from quantumflow_lab.planning.plan import Plan
from quantumflow_lab.planning.policy import hold_s
from quantumflow_lab.ports import BackendFacts, MemberForecast
from quantumflow_lab.price import Price
from quantumflow_lab.quote.figure import Figure
from quantumflow_lab.quote.rows import Load, jobs_of
from quantumflow_lab.runner.foresight import most_extra
from quantumflow_lab.runner.live import Task


def most_of(
    plan: Plan,
    places: Sequence[BackendFacts],
    load: Load,
    tasks: Sequence[Task],
    forecasts: Sequence[MemberForecast],
) -> Figure:
    """The most that a step may cost on a backend, or where that is stood in for.

    Parameters
    ----------
    places
        The backend, then those that would stand in for it.
    load
        What the step would send.
    tasks
        The same in its parts; empty where earlier runs tell what it would send.
    forecasts
        Of some of the tasks; a price that counts time or gates needs one at least.
    """
    prices = [
        price for f in places if (price := f.price) is not None and not price.free
    ]
    units = {price.currency for price in prices}
    if len(units) != 1:
        why = f"its prices are in {', '.join(sorted(units))}"
        return Figure.unknown("", why) if units else Figure.exact(0, "USD")
    (unit,) = units
    if load.circuits is None or load.shots is None:
        return Figure.unknown(unit, load.unknown)
    if why := _untold(plan, prices, load, forecasts):
        return Figure.unknown(unit, why)
    dear = _extras(places, tasks, forecasts) if forecasts else 0
    found = [_most(plan, facts, load, tasks, dear) for facts in places]
    most, jobs = max(found)
    how = f"kept back for {jobs:,} job{'s' * (jobs != 1)}"
    return Figure.exact(float(most), unit, how)


def _untold(
    plan: Plan,
    prices: Sequence[Price],
    load: Load,
    forecasts: Sequence[MemberForecast],
) -> str:
    """Why nobody knows the most that it may cost, if so."""
    timed = any(price.timed for price in prices)
    if plan.mode == "session" and timed and plan.deadline is None:
        return "no --deadline ends its session"
    needed = load.circuits and any(price.needs_forecast for price in prices)
    timeless = timed and any(each.busy_s is None for each in forecasts)
    if needed and (timeless or not forecasts):
        return "its price counts what circuits become on the device"
    return ""


def _most(
    plan: Plan, facts: BackendFacts, load: Load, tasks: Sequence[Task], dear: int
) -> tuple[Decimal, int]:
    """What is kept back on one backend, and for how many jobs."""
    price, kept = facts.price, kept_back(facts.price)
    jobs = _jobs(plan, facts, load, tasks)
    circuits, shots = load.circuits or 0, load.shots or 0
    most = kept.of(jobs=jobs, circuits=circuits, shots=shots, extra=dear)
    session = plan.mode == "session" and "session" in facts.modes
    if session and price is not None and price.timed:
        # A session is kept back beside its jobs, the longest of which may run on.
        most += most + session_bound(price, session_seconds(plan.deadline))
    return most, jobs


def _extras(
    places: Sequence[BackendFacts],
    tasks: Sequence[Task],
    forecasts: Sequence[MemberForecast],
) -> int:
    """Millionths for time and gates; tasks that nobody looked at are as the dearest."""
    found = [micro(most_extra(places, None, each)) for each in forecasts]
    return sum(found) + (len(tasks) - len(found)) * max(found)


def _jobs(plan: Plan, facts: BackendFacts, load: Load, tasks: Sequence[Task]) -> int:
    """Jobs in which a step goes at most."""
    if load.jobs is not None:
        return load.jobs
    if not tasks:
        return jobs_of(facts, load)
    if plan.deadline is not None or hold_s(plan.policy, 1.0, billed=True) is not None:
        # Each may leave before the next has come.
        return len(tasks)
    return packed(facts, tasks)


def packed(facts: BackendFacts, tasks: Sequence[Task]) -> int:
    """Jobs that tasks become when each is filled in order, as the scheduler does it."""
    limits = facts.limits
    circuits = min(limits.circuits or facts.max_circuits, facts.max_circuits)
    most = circuits, limits.shots, limits.payload
    jobs, members, load = 0, 0, (0, 0, 0)
    for task in tasks:
        own = task.circuits, task.shots, task.payload
        load = (load[0] + own[0], load[1] + own[1], load[2] + own[2])
        full = members >= facts.max_circuits
        full |= any(m is not None and a > m for a, m in zip(load, most, strict=True))
        if not jobs or full:
            jobs, members, load = jobs + 1, 0, own
        members += 1
    return jobs
