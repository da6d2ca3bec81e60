"""How long to wait before another attempt: ``rust/core/src/backoff.rs``."""

from __future__ import annotations

MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """Scramble 64 bits (the finaliser of splitmix64)."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def delay(seed: int, unit: int, attempt: int, base: int, cap: int) -> int:
    """Wait after an attempt: doubled each time up to `cap`, the upper half at random.

    Examples
    --------
    >>> [delay(7, 3, attempt, base=100, cap=500) for attempt in (1, 2, 3, 4)]
    [67, 137, 339, 493]
    """
    full = min(base << min(max(attempt - 1, 0), 62), cap)
    half = full // 2
    draw = mix(mix(seed ^ unit) ^ attempt)
    return half + draw % (full - half + 1)
