"""Amounts that a person types: durations and money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation

_SECONDS = {
    "ms": 0.001,
    "s": 1,
    "sec": 1,
    "min": 60,
    "m": 60,
    "h": 3600,
    "d": 86400,
}
_LONGEST_S = 10 * 365 * 86400
_MICRO = Decimal("1e6")
_MOST = Decimal("1e9")


def seconds(value: object) -> float | None:
    """A duration in seconds, or None if it is none.

    Examples
    --------
    >>> [seconds(text) for text in ("90", "10 min", "1.5h", 2e-5, "soon", -1)]
    [90.0, 600.0, 5400.0, 2e-05, None, None]
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value)
    found = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([a-z]*)\s*", str(value))
    if not found or (found[2] or "s") not in _SECONDS:
        return None
    try:
        duration = float(found[1]) * _SECONDS[found[2] or "s"]
    except ValueError:
        return None
    return duration if 0 < duration <= _LONGEST_S else None


_CENT = Decimal("0.01")
_UNLIMITED = "unlimited"
_UNITS = ("s", "credits")


def is_unit(text: str) -> bool:
    """Whether providers count in it although it is no currency.

    Examples
    --------
    >>> is_unit("s"), is_unit("USD")
    (True, False)
    """
    return text in _UNITS


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency, or in what a provider counts instead."""

    amount: Decimal
    currency: str
    """Three capital letters; ``s`` for seconds of quantum hardware, or ``credits``."""

    @property
    def unlimited(self) -> bool:
        """Whether somebody said that there is no end to it."""
        return not self.amount.is_finite()

    def __str__(self) -> str:
        if self.unlimited:
            return _UNLIMITED
        amount = self.amount
        if amount >= _CENT:
            amount = round(amount, 4)
        return f"{amount.normalize():f} {self.currency}"

    @property
    def micro(self) -> int:
        """Millionths of the currency's unit; what is less is dropped."""
        return int(self.amount * _MICRO)


def money(text: object) -> Money | None:
    """An amount of money, of seconds or of credits, or None if it is none.

    Examples
    --------
    >>> print(money("20 USD"), money("0.50 eur"), money("20"), money("-1 USD"))
    20 USD 0.5 EUR None None
    >>> print(money("2 min"), money("30 credits"), money("unlimited"))
    120 s 30 credits unlimited
    """
    if isinstance(text, Money):
        return text if _is_most(text.amount) else None
    if str(text).strip() == _UNLIMITED:
        return Money(Decimal("Infinity"), "")
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]+)\s*", str(text))
    if not found:
        return None
    try:
        amount = Decimal(found[1])
    except InvalidOperation:
        return None
    unit = found[2]
    if unit in _SECONDS:
        amount, unit = amount * Decimal(str(_SECONDS[unit])), "s"
    elif not is_unit(unit):
        if len(unit) != 3:
            return None
        unit = unit.upper()
    return Money(amount, unit) if amount <= _MOST else None


def _is_most(amount: object) -> bool:
    """Whether an amount that a program gave can be the most of anything."""
    if not isinstance(amount, Decimal) or amount.is_nan():
        return False
    return 0 <= amount <= _MOST or amount == Decimal("Infinity")


def cap(text: object) -> Money | None:
    """What a budget holds a run to; None if nothing does.

    Examples
    --------
    >>> print(cap("20 USD"), cap("unlimited"), cap(None))
    20 USD None None
    """
    found = None if text is None else money(text)
    return None if found is None or found.unlimited else found


def rounded_up(amount: float) -> str:
    """An amount with two digits that is no less.

    Examples
    --------
    >>> rounded_up(105.03), rounded_up(0.0123), rounded_up(20)
    ('110', '0.013', '20')
    """
    exact = Decimal(repr(amount))
    if not exact:
        return "0"
    step = Decimal(1).scaleb(exact.adjusted() - 1)
    steps = (exact / step).to_integral_value(ROUND_CEILING)
    return f"{(steps * step).normalize():f}"


def micro(amount: Decimal) -> int:
    """An upper bound in millionths: what is less than one counts as one.

    Examples
    --------
    >>> micro(Decimal("0.0000001"))
    1
    """
    return int((amount * _MICRO).to_integral_value(ROUND_CEILING))
