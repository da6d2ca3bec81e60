"""What a job is billed, by the rules of its provider.

A figure that the provider tells counts first, then its rule for a job that came to
nothing, then the formula of the price. Where nobody knows, a job counts as the most it
may cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from quantumflow_lab.price import Price, Usage


class Ended(StrEnum):
    """What became of a job, as far as its bill depends on that."""

    NEVER = "never taken"
    """Its provider has not taken it."""
    DONE = "done"
    FAILED = "failed"
    """There, after it was taken."""
    CANCELLED = "cancelled"
    PART = "in part"
    """Some of it came to nothing, or could not be read."""
    UNKNOWN = "unknown"
    """It goes on, or nobody could be asked."""


class Rule(StrEnum):
    """By what a bill was made."""

    FREE = "no price"
    NOT_TAKEN = "not taken"
    NOT_CHARGED = "not charged"
    """The provider charges nothing for a job that ended so."""
    USAGE = "usage"
    """The price of what the provider says was used."""
    FORMULA = "formula"
    """The price of what was sent."""
    SESSION = "session"
    """Its time is billed with the session that it ran in."""
    AT_MOST = "at most"
    """Nobody knows: the most that it may have cost."""


@dataclass(frozen=True, slots=True)
class Uncharged:
    """A sort of end for which a provider charges nothing, whatever was used."""

    provider: str
    ended: Ended
    source: str
    dated: str
    """When the source was read or published, ISO 8601."""


UNCHARGED = (
    Uncharged(
        "braket",
        Ended.FAILED,
        "amazon-braket-sdk 1.127.5, braket/tracking/tracker.py",
        "2026-11",
    ),
    Uncharged("ionq", Ended.FAILED, "docs.ionq.com, job cost, API v0.4", "2026-04"),
    Uncharged("ionq", Ended.CANCELLED, "docs.ionq.com, job cost, API v0.4", "2026-04"),
)
"""IBM is not here: it charges what was used unless the fault was its own, and then says
that nothing was used. Of a cancelled task Braket charges the shots done, and says how
many those were."""

METERED = frozenset({"ibm"})
"""Providers that bill the time that they have measured: where they do not tell it, what
was forecast is only a guess at the bill."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a job costs, and why so much."""

    amount: Decimal
    rule: Rule


NOTHING = Bill(Decimal(0), Rule.FREE)


def bill(
    price: Price,
    ended: Ended,
    *,
    most: Decimal,
    ran: Usage,
    used: Usage | None = None,
    provider: str | None = None,
) -> Bill:
    """Work out what a job costs.

    Parameters
    ----------
    price
        Of its backend.
    ended
        What became of it.
    most
        The most that it may cost.
    ran
        What it has used by what was sent, and by forecasts of time and gates.
    used
        What its provider says was used; None if it says nothing.
    provider
        Whose rules hold, such as ``ibm``; None if that is unknown.

    Examples
    --------
    >>> price = Price("USD", per_job="0.30", per_shot="0.001")
    >>> sent = Usage(circuits=1, shots=100)
    >>> most = price.of(sent)
    >>> print(bill(price, Ended.DONE, most=most, ran=sent).amount)
    0.400
    >>> print(bill(price, Ended.FAILED, most=most, ran=sent).amount)
    0.400
    >>> print(bill(price, Ended.FAILED, most=most, ran=sent, provider="braket").amount)
    0
    """
    if ended is Ended.NEVER:
        return Bill(Decimal(0), Rule.NOT_TAKEN)
    if any((each.provider, each.ended) == (provider, ended) for each in UNCHARGED):
        return Bill(Decimal(0), Rule.NOT_CHARGED)
    if used is not None and ended is not Ended.UNKNOWN:
        if used == Usage():
            return Bill(Decimal(0), Rule.USAGE)
        return Bill(price.of(_filled(used, ran)), Rule.USAGE)
    guessed = price.needs_forecast and provider in METERED
    if ended is Ended.DONE and not guessed:
        return Bill(price.of(ran), Rule.FORMULA)
    return Bill(most, Rule.AT_MOST)


def _filled(used: Usage, ran: Usage) -> Usage:
    """What was used, and what was expected where the provider does not tell."""
    return Usage(
        circuits=used.circuits,
        shots=used.shots,
        seconds=used.seconds or ran.seconds,
        one_qubit=used.one_qubit or ran.one_qubit,
        two_qubit=used.two_qubit or ran.two_qubit,
        measured=used.measured or ran.measured,
    )
