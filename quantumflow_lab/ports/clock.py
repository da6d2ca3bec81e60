"""Time, as an argument."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time, as an argument."""

    def now_us(self) -> int:
        """Monotonic microseconds."""

    def wall(self) -> float:
        """Seconds since the epoch, UTC."""
