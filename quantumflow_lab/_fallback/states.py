"""The states as plain numbers, and sets of them: ``rust/core/src/state.rs``."""

from __future__ import annotations

from quantumflow_lab._words import UnitState

WAITING, READY, HELD, RUNNING, PARKED, SENT, BACKOFF = map(int, tuple(UnitState)[:7])
BLOCKED, STOPPING, DONE, FAILED, SKIPPED, CANCELLED, ABANDONED = map(
    int, tuple(UnitState)[7:]
)
ACTIVE = frozenset((READY, RUNNING, SENT, BACKOFF, STOPPING))
"""States of which something will come without help from outside or from held units."""
AWAITING = frozenset((RUNNING, PARKED, SENT, STOPPING))
"""States in which an answer of the current attempt counts."""
EARLY = frozenset((WAITING, READY, HELD, BACKOFF, BLOCKED))
"""States in which a known result is taken."""
