"""How many points travel together: a decision about times that were measured."""

from __future__ import annotations

from dataclasses import dataclass

GROUP_S = 0.1
"""Seconds that a group is to take: a hundred times what Dask takes for a task."""
MOST = 1000
"""Points in a group."""
_SLOW_S = 0.05
"""Seconds from which on a worker gets its next group only when it has ended one."""
_WEIGHT = 0.5
"""Of what was measured last."""


@dataclass(slots=True)
class Pace:
    """How long points of one step take.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.size  # nobody knows: one by one
    1
    >>> pace.heard(points=1, seconds=0.001)
    >>> pace.size
    100
    """

    seconds: float | None = None
    """Of one point; None before any has ended."""

    def heard(self, points: int, seconds: float) -> None:
        """A group has ended."""
        if points < 1:
            return
        one = seconds / points
        before = one if self.seconds is None else self.seconds
        self.seconds = _WEIGHT * one + (1 - _WEIGHT) * before

    @property
    def size(self) -> int:
        """Points that a group may have."""
        if self.seconds is None:
            return 1
        return max(1, min(MOST, int(GROUP_S / max(self.seconds, 1e-9))))

    @property
    def slow(self) -> bool:
        """Whether waiting for the next one costs nothing beside the point itself."""
        return self.seconds is None or self.seconds > _SLOW_S

    def take(self, waiting: int, threads: int) -> int:
        """Points for the next group, so that the last ones are spread as well."""
        share = -(-waiting // max(1, threads))
        return max(1, min(self.size, share))

    def points(self, threads: int) -> int:
        """Points that may be out at once.

        If they are quick, two groups for each thread, and one that fills up here.
        """
        return threads if self.slow else 3 * threads * self.size
