"""Intervals of confidence for counted outcomes."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a probability of which `k` in `n` were seen.

    Parameters
    ----------
    k
        How often the outcome was seen, from 0 to `n`.
    n
        How often it could have been seen; with 0 nothing is known.
    confidence
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Lower and upper end, within 0 and 1.

    Raises
    ------
    ValueError
        If `k` is not between 0 and `n`.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]

    References
    ----------
    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    if not 0 <= k <= n:
        raise ValueError(f"k must be between 0 and n, not {k} of {n}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if k == 0 else middle - half
    high = 1.0 if k == n else middle + half
    return low, high
