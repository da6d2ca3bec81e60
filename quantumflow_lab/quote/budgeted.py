"""Whether what a run would cost stays within its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab.quote.figure import amount

if TYPE_CHECKING:
    from quantumflow_lab.amounts import Money
    from quantumflow_lab.quote.figure import Figure
    from quantumflow_lab.quote.quote import Quote


def above_budget(quote: Quote) -> str | None:
    """What to say beside the button that starts it; None if the budget is enough.

    A budget in another unit than the cost is not compared with it.
    """
    budget = quote.plan.budget
    cost = None if budget is None else quote.cost.get(budget.currency)
    return None if budget is None or cost is None else above(cost, budget)


def above(cost: Figure, budget: Money) -> str | None:
    """The same for one cost.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quantumflow_lab.amounts import Money
    >>> from quantumflow_lab.quote.figure import Figure
    >>> above(Figure(12.5, 11.0, 16.0, "USD"), Money(Decimal(10), "USD"))
    'costs 11.00 USD or more, above the budget of 10 USD: it would stop on the way'
    >>> above(Figure(9.0, 8.0, 12.0, "USD"), Money(Decimal(10), "USD"))
    'may cost up to 12.00 USD, above the budget of 10 USD: it may stop on the way'
    >>> above(Figure(9.0, 8.0, 10.0, "USD"), Money(Decimal(10), "USD"))
    """
    most = float(budget.amount)
    low = cost.low if cost.low is not None else cost.value
    high = cost.high if cost.high is not None else cost.value
    if low is not None and low > most:
        said = f"costs {amount(low, cost.unit)} or more"
        return f"{said}, above the budget of {budget}: it would stop on the way"
    if high is not None and high > most:
        said = f"may cost up to {amount(high, cost.unit)}"
        return f"{said}, above the budget of {budget}: it may stop on the way"
    return None
