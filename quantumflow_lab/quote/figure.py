"""A figure of a quote: how much, how sure, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from quantumflow_lab.amounts import is_unit

Bound = Literal["exact", "estimate", "at least", "at most", "unknown"]


@dataclass(frozen=True, slots=True)
class Figure:
    """How much, from where to where, and how that is known.

    Examples
    --------
    >>> print(Figure(12.5, 10.0, 16.0, "USD"), Figure.exact(3, "jobs"))
    12.50 USD (10.00-16.00) 3
    """

    value: float | None
    """None if nobody knows."""
    low: float | None
    high: float | None
    unit: str
    """``s``, a currency, ``jobs``, ``circuits``, ``shots``; empty for a part of 1."""
    how: str = ""
    """The formula with its numbers."""
    source: str = ""
    dated: str = ""
    """Of the source, ISO 8601."""
    bound: Bound = "estimate"

    @classmethod
    def exact(cls, value: float, unit: str, how: str = "", source: str = "") -> Figure:
        """A figure without doubt."""
        return cls(value, value, value, unit, how, source, "", "exact")

    @classmethod
    def unknown(cls, unit: str, why: str, most: float | None = None) -> Figure:
        """A figure that nobody knows, with what it cannot exceed if something holds it.

        Examples
        --------
        >>> print(Figure.unknown("USD", "a loop", 20.0), Figure.unknown("s", "a loop"))
        unknown, at most 20.00 USD unknown
        """
        return cls(None, None, most, unit, why, bound="unknown")

    def __str__(self) -> str:
        if self.value is None:
            if self.high is None:
                return "unknown"
            return f"unknown, at most {amount(self.high, self.unit)}"
        text = amount(self.value, self.unit)
        if self.bound in ("at least", "at most"):
            return f"{self.bound} {text}"
        low, high = self.low, self.high
        if self.bound == "exact" or low is None or high is None or low == high:
            return text
        return f"{text} ({number(low, self.unit)}-{number(high, self.unit)})"

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def total(figures: Iterable[Figure], unit: str) -> Figure:
    """The sum of figures of one unit.

    Ends add to ends, which is wider than the sum of independent intervals and right if
    they err together, as figures of one device do. What nobody knows leaves a lower
    bound.

    Examples
    --------
    >>> print(total([Figure(1.0, 0.5, 2.0, "s"), Figure(3.0, 3.0, 3.0, "s")], "s"))
    4 s (3.5-5)
    >>> print(total([Figure(1.0, 1.0, 1.0, "s"), Figure.unknown("s", "a loop")], "s"))
    at least 1 s
    """
    listed = list(figures)
    known = [each for each in listed if each.value is not None]
    if not known:
        return (
            Figure.unknown(unit, "no part of it is known")
            if listed
            else (Figure.exact(0, unit))
        )
    value = sum(each.value or 0.0 for each in known)
    low = sum(each.low or 0.0 for each in known)
    high = sum(each.high or 0.0 for each in known)
    how = "the sum of its parts"
    if len(known) < len(listed) or any(each.bound == "at least" for each in known):
        return Figure(low, low, None, unit, how, bound="at least")
    exact = all(each.bound == "exact" for each in known)
    return Figure(value, low, high, unit, how, bound="exact" if exact else "estimate")


def amount(value: float, unit: str) -> str:
    """A number with its unit, as people write it.

    Examples
    --------
    >>> amount(0.25, ""), amount(90, "s"), amount(5400, "s"), amount(1.5, "USD")
    ('25 %', '90 s', '1.5 h', '1.50 USD')
    """
    if unit == "s" and value >= 120:
        divisor, name = (60, "min") if value < 5400 else (3600, "h")
        return f"{value / divisor:.3g} {name}"
    if unit == "":
        return f"{number(value, unit)} %"
    if unit in ("jobs", "circuits", "shots"):
        return number(value, unit)
    return f"{number(value, unit)} {unit}"


def number(value: float, unit: str) -> str:
    """A number alone, with as many digits as its unit has use for."""
    if unit in ("jobs", "circuits", "shots"):
        return f"{value:,.0f}"
    if unit == "":
        return f"{100 * value:.3g}"
    if unit == "s" or is_unit(unit):
        return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,.2f}" if value == 0 or value >= 0.01 else f"{value:.2g}"
