"""Where units run, and what keeps a lane from being used: ``rust/core/src/lane.rs``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.queue import Queue
from quantumflow_lab._fallback.terms import (
    FOREVER,
    NO_GUARD,
    NO_LIMIT,
    Guard,
    Weight,
)

if TYPE_CHECKING:
    from quantumflow_lab._fallback.tables import Unit

LONGEST_REST = 4
"""Rests double up to this many times the first one, as a power of two."""


@dataclass(slots=True, eq=False)
class Lane:
    """The python lane, or one backend."""

    number: int
    name: int
    slots: int = 0
    used: int = 0
    up: bool = False
    guard: Guard = NO_GUARD
    limits: Weight = NO_LIMIT
    queue: Queue = field(default_factory=Queue)
    resume: deque[Unit] = field(default_factory=deque)
    forming: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    full: int = 0
    """When the token bucket is full again."""
    patience: int = 0
    """Before this nothing starts: a backend has asked for patience."""
    failures: int = 0
    rests: int = 0
    rest: int | None = None
    """End of the rest; after it one job at a time shows whether the lane works."""

    def has_room(self) -> bool:
        """True if a slot is free."""
        slots = self.slots if self.rest is None else min(self.slots, 1)
        return self.up and self.used < slots

    def opens(self) -> int:
        """When the next start may come, as far as slots are not the matter."""
        spare = min(self.guard.period * (self.guard.burst - 1), FOREVER)
        return max(self.full - spare, self.patience, self.rest or 0)

    def is_usable(self, now: int) -> bool:
        """True if work for this lane may wait here rather than go elsewhere."""
        return self.up and (self.rest is None or self.rest <= now)

    def take_token(self, now: int) -> None:
        """Something starts."""
        if self.guard.period > 0:
            self.full = min(max(self.full, now) + self.guard.period, FOREVER)

    def set_guard(self, guard: Guard) -> None:
        """Change how the lane is spared."""
        self.guard = guard
        if guard.period == 0:
            self.full = 0
        if guard.trip == 0:
            self.succeeded()

    def succeeded(self) -> None:
        """A job gave a result."""
        self.failures = self.rests = 0
        self.rest = None

    def failed(self, now: int) -> bool:
        """A job gave nothing; True if the lane begins to rest."""
        probing = self.rest is not None and self.rest <= now
        self.failures += 1
        tired = self.rest is None and 0 < self.guard.trip <= self.failures
        if not probing and not tired:
            return False
        rest = min(self.guard.rest << min(self.rests, LONGEST_REST), FOREVER)
        self.rests += 1
        self.rest = min(now + rest, FOREVER)
        return True
