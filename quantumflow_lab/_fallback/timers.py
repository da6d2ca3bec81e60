"""Timers, each cleared the moment it lost its reason: ``rust/core/src/timer.rs``."""

from __future__ import annotations

from heapq import heappop, heappush

UNIT, JOB, CLASS, LANE, RUN = range(5)
Key = tuple[int, int]
"""Whose timer: a unit's, a job's, a class's, a lane's or a run's, and its number."""


class Timers:
    """At most one timer per unit, job, class, lane and run."""

    def __init__(self) -> None:
        self.at: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def set(self, key: Key, at: int) -> None:
        """Set or move a timer."""
        self.at[key] = at
        heappush(self._heap, (at, key))

    def clear(self, key: Key) -> None:
        """Remove a timer if there is one."""
        self.at.pop(key, None)

    def next(self) -> int | None:
        """Time of the earliest timer."""
        while self._heap and self.at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: int) -> Key | None:
        """Take the earliest timer that is due."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heappop(self._heap)[1]
        del self.at[key]
        return key
