"""Where the cost of work depends on its circuits, and what a forecast says of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import PriceUnknown
from quantumflow_lab.planning.bounds import extra, rate_of, watched
from quantumflow_lab.ports import BackendFacts, MemberForecast
from quantumflow_lab.runner.live import Task


def is_wanted(places: Iterable[BackendFacts], budget: Money | None) -> bool:
    """Whether the cost on one of some backends depends on circuits there."""
    prices = (watched(facts, budget) for facts in places)
    return any(price is not None and price.needs_forecast for price in prices)


def most_extra(
    places: Iterable[BackendFacts], budget: Money | None, forecast: MemberForecast
) -> Decimal:
    """The most that time and gates of a task may cost, wherever it goes."""
    most = Decimal(0)
    for facts in places:
        price = watched(facts, budget)
        if price is not None and price.needs_forecast:
            most = max(most, extra(price, facts, forecast))
    return most


def take(
    task: Task,
    facts: BackendFacts,
    budget: Money | None,
    answer: MemberForecast | Exception,
) -> MemberForecast:
    """Keep what a task will take on its backend.

    Raises
    ------
    QuantumFlowError
        Why it cannot run there.
    PriceUnknown
        If its budget could not be watched.
    """
    if isinstance(answer, Exception):
        raise answer
    price = watched(facts, budget)
    timed = price is not None and rate_of(price)
    if timed and answer.busy_s is None and budget is not None:
        raise PriceUnknown(_timeless(facts, budget), backend=task.backend)
    task.forecast = answer
    return answer


def _timeless(facts: BackendFacts, budget: Money) -> str:
    """Why no budget is kept where circuits take nobody knows how long."""
    own = facts.price
    says = f"a budget in {budget.currency} cannot be kept: "
    if own is not None and not own.timed and own.currency != budget.currency:
        return (
            f"{says}the target of '{facts.name}' does not tell how long circuits take; "
            f"write --budget in {own.currency}, in which its price is"
        )
    return (
        f"{says}'{facts.name}' is billed by time, and its target does not tell how "
        "long circuits take; run it without a budget, or give it a price by shots"
    )
