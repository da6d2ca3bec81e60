"""What a job weighs and costs: ``Terms``, ``Weight`` and ``Guard`` of ``event.rs``."""

from __future__ import annotations

from typing import NamedTuple

FOREVER = (1 << 63) - 1
"""The latest time there is."""

Weight = tuple[int, int, int, int]
"""Circuits, shots, bytes, and what it costs on way 0 beside the terms."""

NOTHING: Weight = (0, 0, 0, 0)
ONE: Weight = (1, 0, 0, 0)
NO_LIMIT: Weight = (-1, -1, -1, -1)


def plus(load: Weight, more: Weight, times: int = 1) -> Weight:
    """Add a weight, or take it away."""
    circuits, shots, payload, extra = more
    return (
        load[0] + times * circuits,
        load[1] + times * shots,
        load[2] + times * payload,
        load[3] + times * extra,
    )


def exceeds(load: Weight, limits: Weight) -> bool:
    """Whether any part is beyond its limit; a negative limit is none."""
    return any(part > most >= 0 for part, most in zip(load, limits, strict=True))


def fills(load: Weight, limits: Weight) -> bool:
    """Whether any part has reached its limit."""
    return any(part >= most >= 0 for part, most in zip(load, limits, strict=True))


class Terms(NamedTuple):
    """Where a class may run, and on what terms."""

    lane: int
    job_limit: int
    hold: int
    timeout: int
    reserve: int
    per_circuit: int
    per_shot: int
    per_extra: int

    def price(self, load: Weight) -> int:
        """Upper bound of what a job of this weight costs."""
        linear = self.reserve + self.per_circuit * load[0] + self.per_shot * load[1]
        return linear + self.per_extra * load[3]


class Guard(NamedTuple):
    """How a lane is spared."""

    burst: int = 1
    period: int = 0
    trip: int = 0
    rest: int = 0


NO_GUARD = Guard()
