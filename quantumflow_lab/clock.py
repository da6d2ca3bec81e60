"""The machine's clocks, as records can rely on them."""

from __future__ import annotations

import threading
import time


class SystemClock:
    """Time that never goes back, since of two records the later one counts.

    A clock of the machine that is set back is not followed. One that is set forward is,
    as after a night in which the machine slept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = float("-inf")
        """How far the time since the epoch is ahead of the monotonic clock, at most."""

    def now_us(self) -> int:
        """Monotonic microseconds."""
        return time.monotonic_ns() // 1000

    def wall(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._at_least(time.time())

    def go_on_from(self, moment: float) -> None:
        """Be no earlier than a record that was written, perhaps by another machine."""
        self._at_least(moment)

    def _at_least(self, moment: float) -> float:
        # Read after the moment: a thread that has to wait in between adds nothing.
        ticks = time.monotonic()
        with self._lock:
            self._ahead = max(self._ahead, moment - ticks)
            return ticks + self._ahead
