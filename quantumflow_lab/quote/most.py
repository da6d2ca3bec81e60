"""The most that a step may cost on a backend: what the scheduler will keep back for it.

A budget of that much never stops the run, unless something fails and is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence

from quantumflow_lab.amounts import micro
from quantumflow_lab.planning.bounds import extra, kept_back
from quantumflow_lab.planning.modes import session_bound, session_seconds
from quantumflow_lab.planning.plan import Plan
from quantumflow_lab.planning.policy import hold_s
from quantumflow_lab.ports import BackendFacts, MemberForecast
from quantumflow_lab.price import Price
from quantumflow_lab.quote.figure import Figure
from quantumflow_lab.quote.rows import Load, jobs_of
from quantumflow_lab.runner.live import Task


def most_of(
    plan: Plan,
    facts: BackendFacts,
    load: Load,
    tasks: Sequence[Task],
    forecasts: Sequence[MemberForecast],
) -> Figure:
    """The most that a step may cost on a backend, in money.

    Parameters
    ----------
    load
        What the step would send.
    tasks
        The same in its parts; empty where earlier runs tell what it would send.
    forecasts
        Of some of the tasks; a price that counts time or gates needs one at least.
    """
    price = facts.price
    if price is None or price.free:
        return Figure.exact(0, "USD" if price is None else price.currency)
    if load.circuits is None or load.shots is None:
        return Figure.unknown(price.currency, load.unknown)
    clock = plan.mode == "session" and "session" in facts.modes and price.timed
    if clock and plan.deadline is None:
        return Figure.unknown(price.currency, "a session that no --deadline ends")
    kept, dear = kept_back(price), 0
    if kept.per_extra and load.circuits:
        timeless = price.timed and any(each.busy_s is None for each in forecasts)
        if timeless or not forecasts:
            why = "its price counts what circuits become on the device"
            return Figure.unknown(price.currency, why)
        dear = _extras(price, facts, tasks, forecasts)
    jobs = _jobs(plan, facts, load, tasks)
    most = kept.of(jobs=jobs, circuits=load.circuits, shots=load.shots, extra=dear)
    if clock:
        # A session is kept back beside its jobs, the longest of which may run on.
        most += most + session_bound(price, session_seconds(plan.deadline))
    how = f"kept back for {jobs:,} job{'s' * (jobs != 1)}"
    return Figure.exact(float(most), price.currency, how)


def _extras(
    price: Price,
    facts: BackendFacts,
    tasks: Sequence[Task],
    forecasts: Sequence[MemberForecast],
) -> int:
    """Millionths for time and gates; tasks that nobody looked at are as the dearest."""
    found = [micro(extra(price, facts, each)) for each in forecasts]
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
