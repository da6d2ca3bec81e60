"""What to say of a run that would cost something and has no budget."""

from __future__ import annotations

from collections.abc import Sequence

from quantumflow_lab.errors import BudgetNeeded
from quantumflow_lab.ports import BackendFacts
from quantumflow_lab.quote.figure import total
from quantumflow_lab.quote.quote import Quote


def budget_needed(quote: Quote, billed: Sequence[str]) -> BudgetNeeded:
    """The error that stops a run at its quote, with the line to type.

    Parameters
    ----------
    billed
        Backends that cost something.
    """
    name = quote.plan.name
    rows = [row for row in quote.steps if row.backend in billed]
    units = dict.fromkeys(row.cost.unit for row in rows if row.cost.value != 0)
    costs = [total([r.cost for r in rows if r.cost.unit == u], u) for u in units]
    where = ", ".join(f"'{each}'" for each in billed)
    known = [cost for cost in costs if cost.value is not None]
    about = ", ".join(map(str, known)) or "nobody knows how much"
    most = quote.enough or "20 USD"
    write = f'%%qflow {name} --budget "{most}"'
    error = BudgetNeeded(
        f"'{name}' would cost {about} on {where}; write {write} for the most that it "
        'may cost, or "unlimited"',
        name=name,
        backends=tuple(billed),
    )
    error.quote = quote
    return error


def calls_need_budget(facts: BackendFacts, name: str) -> BudgetNeeded:
    """The same of the calls of a sampler or an estimator, which nobody can count."""
    price = facts.price
    cost = "an unknown price" if price is None else price.formula
    unit = "USD" if price is None else price.currency
    backend = facts.name
    return BudgetNeeded(
        f"calls of '{backend}' cost {cost}; write "
        f'lab.{name}({backend!r}, budget="20 {unit}") for the most that they may cost, '
        'or "unlimited"',
        name=name,
        backends=(backend,),
    )
