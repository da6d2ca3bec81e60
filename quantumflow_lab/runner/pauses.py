"""Runs that stand still for a while."""

from __future__ import annotations

from dataclasses import dataclass

from quantumflow_lab.ports import Clock
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.snapshot import is_busy


@dataclass
class Pauses:
    """Pauses runs, and lets them go on. Belongs to the runner's thread."""

    schedule: Schedule
    sessions: Sessions
    clock: Clock

    def pause(self, live: LiveRun, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it."""
        if live.paused == paused:
            return
        live.paused, live.dirty = paused, True
        if paused:
            live.paused_at = self.clock.wall()
        else:
            self.rest(live)
        live.message = f"paused; run.resume() or %qflow resume {live.name} goes on"
        if not paused:
            live.message = None
        kind = "paused" if paused else "resumed"
        live.watch.story.tell(kind, live.message or kind, self.clock.wall())
        self.schedule.events.pause(live.number, paused=paused)
        if paused:
            self.sessions.pause(live)

    def rest(self, live: LiveRun, only: StepState | None = None) -> None:
        """Count a pause that ends out of the time of the steps that stood still."""
        counts, now = self.schedule.counts(live), self.clock.wall()
        for state in live.steps.values() if only is None else [only]:
            if state.started is None or state.ended is not None:
                continue
            if not is_busy(state, counts):
                since = max(live.paused_at, state.started, state.latest)
                state.rested += max(now - since, 0.0)
