"""How runs begin: what an earlier process has left of one comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from quantumflow_lab.amounts import micro
from quantumflow_lab.ports import Clock
from quantumflow_lab.runner.away import on_its_way
from quantumflow_lab.runner.ending import Ending
from quantumflow_lab.runner.fetching import Fetching
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.rooms import Rooms
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.steps import Steps


@dataclass
class Beginning:
    """Brings runs to their first step. Belongs to the runner's thread.

    Parameters
    ----------
    post
        Hands a function to that thread.
    secure
        Brings everything noted to the disk; False if that failed.
    """

    going: Going
    schedule: Schedule
    sessions: Sessions
    fetching: Fetching
    rooms: Rooms
    steps: Steps
    ending: Ending
    clock: Clock
    post: Callable[[Callable[[], None]], None]
    secure: Callable[[], bool]

    def start(self, live: LiveRun) -> None:
        """Tell the scheduler of a run, then settle what is left of it."""
        self.going.numbered[live.number] = live
        if live.cluster is not None:
            self.rooms.watch(live.cluster)
            live.watch.story.tell("cluster", on_its_way(live), self.clock.wall())
        budget = live.plan.budget
        cap = -1 if budget is None else budget.micro
        self.schedule.events.run(live.number, seed=live.seed, cap=cap)
        if live.plan.deadline is not None:
            self.schedule.events.deadline(live.number, live.deadline_us)
        self.sessions.shut(live, live.left_sessions, lambda: self._fetch(live))

    def _fetch(self, live: LiveRun) -> None:
        """What an earlier process has left takes no more jobs: fetch what it took."""
        if live not in self.going or live.cancelled:
            return
        if live.left:
            self.fetching.begin(live, lambda failure: self._fetched(live, failure))
        else:
            self._settle(live)

    def _fetched(self, live: LiveRun, failure: Exception | None) -> None:
        """The jobs that an earlier process has left are settled, or one cannot be."""
        if live not in self.going or live.cancelled:
            return
        if failure is not None:
            self.ending.give_up(live, failure)
        elif self.secure():
            threading.Thread(target=self._renew, args=(live,), daemon=True).start()

    def _renew(self, live: LiveRun) -> None:
        """Let a run see what was fetched; in a thread, as it asks the store."""
        try:
            live.renew()
        except Exception as error:  # noqa: BLE001  # ends this run, and no other
            failure = error
            self.post(lambda: self.ending.give_up(live, failure))
        else:
            self.post(lambda: self._settle(live))

    def _settle(self, live: LiveRun) -> None:
        """Once it is known what was spent before, begin."""
        if live in self.going:
            self.sessions.settle(live, lambda: self._begin(live))

    def _begin(self, live: LiveRun) -> None:
        """Tell the scheduler what the run has spent by now, and what it can count."""
        if live not in self.going or live.cancelled:
            return
        budget = live.plan.budget
        if budget is not None and (spent := live.spent.get(budget.currency)):
            self.schedule.events.spent(live.number, micro(spent))
        self.steps.define(live)
