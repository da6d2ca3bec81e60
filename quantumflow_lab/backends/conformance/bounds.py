"""When a count is too unlikely to be chance.

Exact binomial tails, no normal approximation. Devices are noisy, so a probability is
only known to lie between two bounds, and a count is wrong if it is improbable at every
probability between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from quantumflow_lab.backends.conformance.finding import Answer, failed, passed

FALSE_ALARM = 1e-6
"""Most probability that one check fails a backend that is right."""

LEAST = 1e-99
"""Smaller chances are told as this one."""


def tail(hits: int, shots: int, low: float, high: float) -> float:
    """Probability of a count as far out, at the bound that it has left behind.

    Parameters
    ----------
    hits
        Shots with the outcome, of `shots`.
    low, high
        Bounds of the probability of the outcome, 0 to 1.

    Returns
    -------
    float
        One-sided; 1 for a count between the bounds.

    Examples
    --------
    >>> tail(0, 100, 0.9, 1.0) < 1e-90
    True
    >>> tail(95, 100, 0.9, 1.0)
    1.0
    """
    # A tenth of a second, which only who examines a backend has to wait.
    from scipy.special import bdtr, bdtrc

    if hits < shots * low:
        return float(bdtr(hits, shots, low))
    if hits > shots * high:
        return float(bdtrc(hits - 1, shots, high))
    return 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A count, and what it should have been."""

    label: str
    hits: int
    shots: int
    low: float
    """Least probability of a hit."""
    high: float
    """Most probability of a hit."""

    @property
    def tail(self) -> float:
        """How improbable it is."""
        return tail(self.hits, self.shots, self.low, self.high)

    def __str__(self) -> str:
        wanted = f"{self.low:.3g} to {self.high:.3g}"
        if self.high - self.low < 1e-9:
            wanted = f"{self.low:.3g}"
        return f"{self.label}: {self.hits} of {self.shots} shots, expected {wanted}"


@dataclass
class Tally:
    """The comparisons of one check; all together raise a false alarm in 1e-6."""

    comparisons: list[Comparison] = field(default_factory=list)

    def expect(
        self, label: str, hits: int, shots: int, probability: float, allowance: float
    ) -> None:
        """Compare a count with a probability that noise moves by up to `allowance`."""
        low = max(0.0, probability - allowance)
        high = min(1.0, probability + allowance)
        self.comparisons.append(Comparison(label, int(hits), int(shots), low, high))

    def answer(self, text: str) -> Answer:
        """Pass with `text`, or fail with the most improbable comparison."""
        worst = min(self.comparisons, key=lambda comparison: comparison.tail)
        numbers = {
            "comparisons": len(self.comparisons),
            "shots": sum(comparison.shots for comparison in self.comparisons),
            "least_tail": worst.tail,
        }
        # Either side may be left, and any comparison may be the unlucky one.
        if worst.tail < FALSE_ALARM / (2 * len(self.comparisons)):
            chance = max(worst.tail, LEAST)
            return failed(f"{worst} (chance ≤ {chance:.0e})", **numbers)
        return passed(text, **numbers)
