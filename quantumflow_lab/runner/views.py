"""What widgets see of runs, renewed at most ten times a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from quantumflow_lab.ports import Clock
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.snapshot import snapshot

_SNAPSHOT_US = 100_000
"""Shortest time between two snapshots of a run."""
_STILL_US = 2_000_000
"""Longest time, so that a view can tell a quiet run from a kernel that has gone."""


@dataclass
class Views:
    """Makes the snapshots. Belongs to the runner's thread."""

    going: Going
    schedule: Schedule
    sessions: Sessions
    clock: Clock

    def due(self) -> Iterator[int]:
        """When each run wants a new snapshot, monotonic microseconds."""
        return map(_due, self.going)

    def refresh(self) -> None:
        """Renew those that are due."""
        now = self.clock.now_us()
        for live in self.going:
            if now >= _due(live):
                live.view_due = now + _SNAPSHOT_US
                self.renew(live)

    def renew(self, live: LiveRun) -> None:
        """Renew what widgets see of a run."""
        counts = self.schedule.counts(live)
        live.reserved = self.schedule.reserved(live) + self.sessions.held(live)
        live.view = snapshot(live, counts, self.clock.now_us())
        live.dirty = False


def _due(live: LiveRun) -> int:
    return live.view_due if live.dirty else live.view_due + _STILL_US
