"""How often somebody may ask: a bucket that fills with time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

MOST = 10_000
"""Buckets that are remembered; the one that was used longest ago goes first."""


class Rates:
    """Buckets by who asks and for what; may be used by any thread.

    Examples
    --------
    >>> rates = Rates()
    >>> [rates.wait("alice", 2, now=0.0) for _ in range(3)]
    [0.0, 0.0, 30.0]
    >>> rates.wait("alice", 2, now=30.0)
    0.0
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, key: Hashable, per_minute: int, *, now: float) -> float:
        """Seconds until one more may be asked; 0 if this one was counted.

        Parameters
        ----------
        key
            Whose bucket it is.
        per_minute
            What it holds, and what it gains in a minute.
        now
            Seconds of a clock that never goes back.
        """
        with self._lock:
            level = self._level(key, per_minute, now)
            if level >= 1:
                self._keep(key, level - 1, now)
                return 0.0
            self._keep(key, level, now)
            return (1 - level) * 60 / per_minute

    def _level(self, key: Hashable, per_minute: int, now: float) -> float:
        level, at = self._buckets.get(key, (float(per_minute), now))
        return min(float(per_minute), level + (now - at) * per_minute / 60)

    def _keep(self, key: Hashable, level: float, now: float) -> None:
        self._buckets[key] = level, now
        self._buckets.move_to_end(key)
        while len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
