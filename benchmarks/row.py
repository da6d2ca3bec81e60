"""One line of the benchmark table."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with its spread, what it is compared with, and what it should be."""

    what: str
    """What was measured, as a reader of the table says it."""
    against: str
    """Peer or floor that a ratio refers to; empty for plain figures."""
    value: float
    """The figure: a median, or the percentile that ``what`` names."""
    low: float
    """Least of the repetitions."""
    high: float
    """Greatest of the repetitions."""
    unit: str
    """``×`` for ratios, else ``ms``, ``µs``, ``KB``, …"""
    better: Literal["higher", "lower"]
    """Which way is good."""
    gate: float | None = None
    """What must hold, in the same unit."""
    stretch: float | None = None
    """What we are after, in the same unit."""

    @property
    def verdict(self) -> Literal["stretch", "gate", "missed", ""]:
        """The better of the two marks that the figure reaches.

        Examples
        --------
        >>> row = Row("chain", "pool", 30.0, 28.0, 31.0, "×", "higher", 20.0, 50.0)
        >>> row.verdict
        'gate'
        """
        if self.stretch is not None and self._reaches(self.stretch):
            return "stretch"
        if self.gate is None:
            return ""
        return "gate" if self._reaches(self.gate) else "missed"

    def _reaches(self, mark: float) -> bool:
        return self.value >= mark if self.better == "higher" else self.value <= mark


def ratio(
    what: str,
    *,
    ours: Sequence[float],
    against: str,
    theirs: Sequence[float],
    gate: float | None = None,
    stretch: float | None = None,
) -> Row:
    """How many times faster ours is, from seconds measured in turns.

    The ratio is taken within each turn, so that a slow moment of the machine strikes
    both sides; the row has the median and the spread of these ratios.

    Examples
    --------
    >>> row = ratio("chain", ours=[1, 2, 1], against="pool", theirs=[10, 24, 11])
    >>> (row.value, row.low, row.high)
    (11.0, 10.0, 12.0)
    """
    turns = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    return Row(
        what=what,
        against=against,
        value=median(turns),
        low=turns[0],
        high=turns[-1],
        unit="×",
        better="higher",
        gate=gate,
        stretch=stretch,
    )
