"""What a quote says of the way in which a device takes jobs."""

from __future__ import annotations

from dataclasses import replace

from quantumflow_lab.amounts import Money
from quantumflow_lab.planning.bounds import rate_of
from quantumflow_lab.planning.modes import session_bound, whole_seconds
from quantumflow_lab.planning.plan import Plan
from quantumflow_lab.ports import BackendFacts, Mode
from quantumflow_lab.quote.rows import StepQuote


def told(mode: Mode, deadline: float | None) -> str:
    """What a mode is and changes, as the rest of a sentence.

    Examples
    --------
    >>> print(told("session", 600))
    session: billed by the clock from its first job until it is closed, also while \
nothing runs, for at most 600 s.
    """
    if mode == "job":
        return "job: each is queued and billed by itself."
    if mode == "batch":
        return (
            "batch: they are queued together, and each is billed as if it were alone."
        )
    end = ", and has no end of its own" if deadline is None else ""
    most = f", for at most {deadline:g} s" if deadline is not None else ""
    return (
        "session: billed by the clock from its first job until it is closed, also "
        f"while nothing runs{most}{end}."
    )


def by_the_clock(row: StepQuote, facts: BackendFacts, plan: Plan) -> StepQuote:
    """A row as a session would bill it: its jobs at least, and what is between them."""
    price, cost = facts.price, row.cost
    timed = plan.mode == "session" and price is not None and rate_of(price)
    if not timed or price is None or cost.value in (None, 0):
        return row
    how, most = f"{cost.how}, of the device alone: a session bills the clock", None
    if plan.deadline is not None:
        most = session_bound(price, whole_seconds(plan.deadline))
        how += f", at most {Money(most, price.currency)} by the deadline"
    high = None if most is None else max(float(most), cost.value or 0.0)
    value = cost.low or cost.value
    least = replace(cost, value=value, low=value, high=high, how=how, bound="at least")
    return replace(row, cost=least)
