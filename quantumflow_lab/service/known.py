"""Runs that somebody began or looked at, so that the store need not be asked again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from quantumflow_lab.errors import UnknownRun
from quantumflow_lab.lab import Lab
from quantumflow_lab.run import Run
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.service.answers import LATEST_S
from quantumflow_lab.service.newest import Row, row_of
from quantumflow_lab.store.lease import is_held
from quantumflow_lab.stored import StoredRun

RECENT = 128
"""Runs that have ended and are remembered, beside those that have ended just now."""
FRESH_S = 1.0
"""Seconds for which a run that may have changed is told as the store had it."""
KEPT_S = 60.0
"""The same of a run that is done, which does not change any more."""
OWN_S = LATEST_S + 5
"""Seconds after which the store surely knows of a run that has ended here."""


class KnownRuns:
    """Finds runs; may be used by any thread.

    Parameters
    ----------
    lab
        Whose runs they are.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._runs: OrderedDict[str, tuple[Run, float]] = OrderedDict()
        """Each with the moment until which it is as it was."""
        self._asking = threading.Lock()
        self._lock = threading.Lock()

    def of(self, run_id: str) -> Run:
        """A run by its id.

        Raises
        ------
        UnknownRun
            If there is none.
        """
        with self._lock:
            if (known := self._fresh(run_id)) is not None:
                return known
        for live in self._lab.live():
            if live.id == run_id:
                return live
        # First: one that has ended since then is told with its end.
        held = is_held(self._lab.store.home / "runs", run_id) is not None
        with self._asking:
            run = self._lab.load(run_id)
        if run.id != run_id:
            raise UnknownRun(f"there is no run {run_id}", run=run_id)
        if held and isinstance(run.data, StoredRun):
            stored = StoredRun(run.data.record, run.data.shelf, held=True)
            run = Run(stored, self._lab)
        with self._lock:
            # It may have been taken up while the store was asked.
            if (known := self._fresh(run_id)) is not None:
                return known
            self._keep(run, KEPT_S if run.state == "done" else FRESH_S)
        return run

    def add(self, run: Run) -> None:
        """Remember a run that has just begun, or ended."""
        with self._lock:
            self._keep(run, KEPT_S)

    def own(self) -> list[Row]:
        """Runs of this process that go on, or have ended a moment ago."""
        with self._lock:
            held = [run for run, _ in self._runs.values()]
        every = {run.id: run for run in (*held, *self._lab.live())}.values()
        lives = [run.data for run in every if _is_news(run)]
        return [row_of(live) for live in lives if isinstance(live, LiveRun)]

    def clear(self) -> None:
        """Forget them all; who asks next asks the store."""
        with self._lock:
            self._runs.clear()

    def _fresh(self, run_id: str) -> Run | None:
        """A run that is remembered, unless the store may have news of it."""
        if run_id not in self._runs:
            return None
        run, until = self._runs[run_id]
        if run.done and not _is_news(run):
            # Another process may have resumed one of ours that has not come to its end.
            ended = isinstance(run.data, LiveRun) and run.state != "done"
            if ended or time.monotonic() >= until:
                return None
        self._runs.move_to_end(run_id)
        return run

    def _keep(self, run: Run, seconds: float) -> None:
        self._runs[run.id] = run, time.monotonic() + seconds
        self._runs.move_to_end(run.id)
        old = [
            key
            for key, (each, _) in self._runs.items()
            if each.done and not _is_news(each)
        ]
        for key in old[: max(len(old) - RECENT, 0)]:
            del self._runs[key]


def _is_news(run: Run) -> bool:
    """Whether the store may not know yet how a run of this process ended."""
    live = run.data
    if not isinstance(live, LiveRun):
        return False
    # By the clock of runs.
    since = (time.monotonic() - OWN_S) * 1e6
    return live.ended_us is None or live.ended_us >= since
