"""How runs end: by themselves, cancelled, or with the lab."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from quantumflow_lab.core import Outcome
from quantumflow_lab.ports import Clock
from quantumflow_lab.runner import console, records
from quantumflow_lab.runner.fetching import Fetching
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.telling import cancel_pressed
from quantumflow_lab.runner.views import Views

log = logging.getLogger(__name__)


@dataclass
class Ending:
    """Ends runs. Belongs to the runner's thread.

    Parameters
    ----------
    secure
        Brings everything noted to the disk; False if that failed.
    """

    going: Going
    schedule: Schedule
    sessions: Sessions
    fetching: Fetching
    recorder: Recorder
    views: Views
    clock: Clock
    secure: Callable[[], bool]

    def cancel(
        self, live: LiveRun, step: str | None = None, point: int | None = None
    ) -> None:
        """Stop a run, one of its steps, or one point of a step."""
        if live not in self.going:
            return
        kind, words = "cancelled", cancel_pressed(live, step, point)
        live.watch.story.tell(kind, words, self.clock.wall())
        live.cancelled = live.cancelled or step is None
        if live.cancelled:
            self.fetching.stop(live)
        self.schedule.cancel(live, step, point)

    def give_up(self, live: LiveRun, failure: Exception) -> None:
        """Cancel a run for what has gone wrong with all of it."""
        if live in self.going:
            live.error = failure
            self.cancel(live)

    def ended(self, live: LiveRun, outcome: Outcome) -> None:
        """Nothing of it is out any more; what it has opened is closed first."""
        self.fetching.stop(live)
        self.sessions.end(live, lambda: self._over(live, outcome))

    def drop(self) -> None:
        """Wait no longer: runs that have not ended by now are cancelled."""
        for live in self.going:
            self.refuse(live)
        self.going.numbered.clear()

    def refuse(self, live: LiveRun) -> None:
        """End a run that a closing lab does not begin, or waits for no longer."""
        live.state = "cancelled"
        self._finish(live)

    def refuse_late(self) -> None:
        """End the runs that came behind the last turn."""
        for live in list(self.going.named.values()):
            self.refuse(live)

    def break_off(self, error: Exception) -> None:
        """End every run with a bug's error: the schedule cannot be trusted any more."""
        for live in self.going:
            # Not recorded any more, but a session is billed until it is closed.
            try:
                self.sessions.end(live, lambda: None)
            except Exception:  # perhaps the very bug, and the run has to end
                log.exception("sessions of run %s may be open", live.id)
            live.state, live.error = "failed", error
            live.ended_us = self.clock.now_us()
            self._finish(live)
        self.going.numbered.clear()

    def _over(self, live: LiveRun, outcome: Outcome) -> None:
        if live not in self.going:
            return  # a closing lab has waited long enough
        if live.paused:
            live.paused, live.message = False, None
        live.state = outcome.name.lower()
        if live.short and outcome is Outcome.DONE:
            live.state = "paused"
        if live.error is not None:
            live.state = "failed"
        live.ended_us = self.clock.now_us()
        wall = (live.ended_us - live.started_us) / 1e6
        self.recorder.note(records.ended(live, self.clock.wall(), wall))
        self.secure()
        if live.error is not None:
            live.state, live.message = "failed", str(live.error)
        self.views.renew(live)
        del self.going.numbered[live.number]
        self._finish(live)

    def _finish(self, live: LiveRun) -> None:
        """Let go of a run, and of whoever waits for it."""
        console.release()
        self.schedule.forget(live)
        self.sessions.forget(live)
        self.going.named.pop(live.id, None)
        # Else it would hold the run before it, and that the one before.
        live.keeping, live.replays = None, {}
        if live.cluster is not None:
            for code in live.codes.values():
                live.cluster.forget(code)
        live.let_go()
        live.finished.set_result(None)
