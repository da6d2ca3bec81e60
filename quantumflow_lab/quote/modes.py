"""What a quote says of the way in which a device takes jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quantumflow_lab.amounts import Money
from quantumflow_lab.planning.bounds import rate_of
from quantumflow_lab.planning.modes import LONGEST_S, session_bound, session_seconds
from quantumflow_lab.planning.plan import Plan
from quantumflow_lab.ports import BackendFacts, Mode
from quantumflow_lab.quote.rows import StepQuote


def told(mode: Mode, deadline: float | None, apart: Sequence[str] = ()) -> str:
    """What a mode is and changes, as the rest of a sentence.

    Parameters
    ----------
    apart
        Simulators of the plan, which take no part in it.

    Examples
    --------
    >>> print(told("session", 600))
    session: billed by the clock from its first job until it is closed, also while \
nothing runs, for at most 600 s.
    """
    beside = ""
    if apart:
        names = ", ".join(f"'{name}'" for name in apart)
        beside = (
            f" {names} on this machine take{'s' * (len(apart) == 1)} no part in it."
        )
    if mode == "job":
        return "job: each is queued and billed by itself."
    if mode == "batch":
        return (
            "batch: they are queued together, and each is billed as if it were alone."
            f"{beside}"
        )
    end = " unless --deadline says else" if deadline is None else ""
    return (
        "session: billed by the clock from its first job until it is closed, also "
        f"while nothing runs, for at most {deadline or LONGEST_S:g} s{end}.{beside}"
    )


def by_the_clock(row: StepQuote, facts: BackendFacts, plan: Plan) -> StepQuote:
    """A row as a session would bill it: its jobs at least, and what is between them."""
    price, cost = facts.price, row.cost
    session = plan.mode == "session" and plan.mode in facts.modes
    timed = session and price is not None and rate_of(price)
    if not timed or price is None or cost.value in (None, 0):
        return row
    most = session_bound(price, session_seconds(plan.deadline))
    end = "an hour" if plan.deadline is None else "the deadline"
    how = f"{cost.how}, of the device alone: a session bills the clock, "
    how += f"at most {Money(most, price.currency)} by {end}"
    high = max(float(most), cost.value or 0.0)
    value = cost.low or cost.value
    least = replace(cost, value=value, low=value, high=high, how=how, bound="at least")
    return replace(row, cost=least)
