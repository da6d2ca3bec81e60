"""One session or batch of a run on a device: what is known of it, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from quantumflow_lab.amounts import Money
from quantumflow_lab.planning.billing import Bill, Rule
from quantumflow_lab.planning.bounds import SECOND, rate_of
from quantumflow_lab.planning.modes import session_bound, session_cost
from quantumflow_lab.ports import Mode
from quantumflow_lab.price import Price
from quantumflow_lab.runner.live import LiveRun

Wants = Callable[["str | Exception"], None]
"""Takes the provider's id, or why there is none."""
Then = Callable[[], None]


@dataclass(eq=False)
class Session:
    """A session or batch of one run on one device."""

    live: LiveRun
    backend: str
    mode: Mode
    tag: str
    """What the store and the ledger know it by."""
    most_s: int | None
    """Seconds after which its provider closes it."""
    price: Price | None
    """What a second of it costs; None if nobody bills its time."""
    beside: Price | None
    """Likewise in money, where the run counts seconds."""
    opened: float
    """When its provider was asked, seconds since the epoch."""
    longest_s: int = 0
    """Most seconds of any job in it: one may run on when it is closed."""
    name: str | None = None
    """The provider's id."""
    counted: Decimal = Decimal(0)
    """What the run counts of it as spent already."""
    known_most: Decimal | None = None
    """The most that it may cost, where an earlier process had worked that out."""
    waiting: list[Wants] = field(default_factory=list)
    """Jobs that are to be sent in it."""
    jobs: int = 0
    """Jobs that were, and are not over."""
    shut: bool = False
    """Whether it is known to take no more jobs."""
    left: bool = False
    """Whether an earlier process has opened it."""
    finishing: bool = False
    """Whether its provider is asked to close it, and what it is billed."""
    ending: list[Then] = field(default_factory=list)
    """Called once nothing more will be heard of it."""

    @property
    def most(self) -> Decimal | None:
        """The most that it may cost; None if nothing ends it."""
        if self.price is None:
            return Decimal(0)
        if self.known_most is not None:
            return self.known_most
        if self.most_s is None:
            return None
        return session_bound(self.price, self.most_s + self.longest_s)

    def bill(self, seconds: float | None, now: float) -> Bill:
        """What it costs when it is closed, in all.

        By its provider's word; without it as if it had been billed since it was asked
        for, or the most that it may cost if that is less.
        """
        if self.price is None:
            return Bill(Decimal(0), Rule.FREE)
        if seconds is not None:
            return Bill(session_cost(self.price, seconds), Rule.USAGE)
        lasted = Decimal(repr(round(max(now - self.opened, 0.0), 3))) + SECOND
        cost = session_cost(self.price, float(lasted))
        most = self.most
        return Bill(cost if most is None else min(cost, most), Rule.AT_MOST)

    def amounts(self, amount: Decimal) -> list[Money]:
        """An amount in all that it counts in; of seconds, what they cost too."""
        price, money = self.price, self.beside
        if price is None:
            return []
        found = [Money(amount, price.currency)]
        if money is not None:
            cost = amount / rate_of(price) * rate_of(money)
            found.append(Money(cost, money.currency))
        return found
