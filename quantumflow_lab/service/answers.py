"""What the store says of runs: asked once for all who want it, and before they do.

To take new records into the database costs a tenth of a second of a processor, and to
open it a fiftieth. So a thread does it now and then while somebody asks or runs end,
and looks up then what will be asked: the newest runs, and what those took that have
ended. What goes on in this process is told from memory and never late; what
others do may be told :data:`STALE_S` late.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from quantumflow_lab.grid import text_of
from quantumflow_lab.lab import Lab
from quantumflow_lab.run import Run
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.service.logs import log
from quantumflow_lab.service.newest import Newest, Row
from quantumflow_lab.service.together import Together
from quantumflow_lab.store.lease import held_runs

FRESH_S = 1.0
"""Seconds after which the store is asked anew, while the old answer is still given."""
PAUSE_S = 0.4
"""Seconds between two rounds of the thread, so that it does not keep a processor."""
STALE_S = 3.0
"""Seconds after which the list is too old to be given."""
LATEST_S = 15.0
"""The same while the store is being asked, which takes long on a busy machine."""
KEPT_S = 60.0
"""Seconds for which what an ended run took is remembered."""
NEWEST = 500
"""Runs that are looked up beforehand."""
AT_ONCE = 64
"""Ended runs that are looked up together; so many take hardly longer than one."""
MOST = 256
"""Runs of which it is remembered what they took."""
PARTS = ("timeline", "jobs", "cost")
"""Named queries of what a run took. Each has one of several runs, ``jobs_of_runs``."""

Took = dict[str, list[dict[str, Any]]]
"""Rows of the named queries :data:`PARTS` of a run."""
Asked = tuple[str, bool]
"""A run, and whether it has ended, so that none of its records may be missing."""


class Answers:
    """Answers about runs; may be used by any thread.

    Parameters
    ----------
    lab
        Whose store is asked.
    own
        Gives the runs of this process that the store may not know yet, as they are.
    """

    def __init__(self, lab: Lab, own: Callable[[], Sequence[Row]]) -> None:
        self._lab = lab
        self._own = own
        self._newest: tuple[Newest, float] | None = None
        """The newest runs, and when the store was asked for them."""
        self._took: OrderedDict[Asked, tuple[Took, float]] = OrderedDict()
        """What runs took, and until when that may be told."""
        self._ended: list[str] = []
        """Runs that have ended and will be asked for."""
        self._ended_at: OrderedDict[str, float] = OrderedDict()
        """When they were heard to have ended: what is taken in later has all of it."""
        self._together: Together[Asked, Took] = Together(self._ask)
        self._asking = threading.Lock()
        """Held by who looks up what will be asked."""
        self._paging = threading.Lock()
        """Held by who asks for a page that was not looked up."""
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def runs(
        self,
        *,
        name: str | None = None,
        state: str | None = None,
        before: str | None = None,
        limit: int,
        **more: Any,
    ) -> list[Row]:
        """Runs, newest first.

        Parameters
        ----------
        name, state, before, limit
            As :meth:`Newest.page` takes them.
        **more
            ``backend``, ``since`` and ``find`` of :meth:`Lab.runs`, for which the store
            is asked.
        """
        own = self._own()
        known = {row["run"]: row for row in own}
        filtered = any(more.values())
        asked: dict[str, Any] = {
            "name": name,
            "state": state,
            "before": before,
            "limit": limit,
        }
        if not filtered:
            page = self._looked_up().page(own, **asked)
            if page is not None:
                return page
        # Not all at once, of whom there may be many.
        with self._paging:
            rows = self._lab.runs(**asked, **more)
        if not filtered and before is None:
            page = Newest(rows, complete=len(rows) < limit).page(own, **asked)
            if page is not None:
                return page
        return [{**row, **_state_of(known.get(row["run"]))} for row in rows]

    def took(self, run: Run) -> Took:
        """What a run took so far."""
        # First: what is told after that is all there is. Of a run that is not done and
        # not of this process, others may know more.
        asked = run.id, run.done and (
            isinstance(run.data, LiveRun) or run.state == "done"
        )
        if (known := self._known(asked)) is not None:
            return known
        took = self._together.of(asked)
        self._keep(asked, took)
        return took

    def begun(self, run_id: str) -> None:
        """A run has begun, or goes on: what is known of an end of it is past."""
        with self._lock:
            self._forget_end(run_id)

    def ended(self, run_id: str) -> None:
        """A run has ended, and somebody will ask what it took."""
        with self._lock:
            self._forget_end(run_id)
            self._ended.append(run_id)
            self._ended_at[run_id] = time.monotonic()
            while len(self._ended_at) > MOST:
                self._ended_at.popitem(last=False)
        self._want()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _looked_up(self) -> Newest:
        found = self._newest
        now = time.monotonic()
        # Where the store takes long, nobody waits for what is being looked up anyhow.
        most = LATEST_S if self._asking.locked() else STALE_S
        if found is not None and now - found[1] < most:
            if now - found[1] >= FRESH_S:
                self._want()
            return found[0]
        with self._asking:
            # Whoever asked before us has it.
            if (again := self._newest) is not None and again is not found:
                return again[0]
            return self._look_up()

    def _look_up(self) -> Newest:
        """Ask the store for all that will be asked; one at a time."""
        ended = self._pending()
        now = time.monotonic()
        held = sorted(held_runs(self._lab.store.home / "runs"))
        asked = [
            ("history", {"limit": NEWEST + 1, "held": held}),
            *_of_runs(ended),
        ]
        rows, *rest = self._lab.store.queries(asked)
        newest = Newest(rows[:NEWEST], complete=len(rows) <= NEWEST)
        self._newest = newest, now
        for run, took in _by_run(ended, rest).items():
            self._keep((run, True), took)
        return newest

    def _ask(self, asked: Sequence[Asked]) -> dict[Asked, Took]:
        # What is taken in for one that has ended is there for the others, too.
        others = self._pending() if any(ended for _, ended in asked) else []
        everything = [*asked, *((run, True) for run in others)]
        runs = list(dict.fromkeys(run for run, _ in everything))
        late = min(self._late_for(*each) for each in everything)
        took = _by_run(runs, self._lab.store.queries(_of_runs(runs), late=late))
        for run in others:
            self._keep((run, True), took[run])
        return {each: took[each[0]] for each in asked}

    def _pending(self) -> list[str]:
        """Runs that have ended and were not looked up, which the caller does now."""
        with self._lock:
            ended, self._ended = self._ended[:AT_ONCE], self._ended[AT_ONCE:]
        return ended

    def _late_for(self, run: str, ended: bool) -> float:
        """Seconds by which what is told of a run may be behind."""
        if not ended:
            return FRESH_S
        with self._lock:
            since = self._ended_at.get(run)
        return 0.0 if since is None else time.monotonic() - since

    def _forget_end(self, run_id: str) -> None:
        self._ended_at.pop(run_id, None)
        self._took.pop((run_id, True), None)

    def _want(self) -> None:
        """Have the thread look up, which is started when it is needed first."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(
                    target=self._rounds, name="qflow-answers", daemon=True
                )
                self._thread.start()
        self._wanted.set()

    def _rounds(self) -> None:
        while self._wanted.wait() and not self._closing.is_set():
            self._wanted.clear()
            try:
                with self._asking:
                    self._look_up()
            except Exception as error:  # noqa: BLE001 - it is logged
                # Who asks next waits for an answer of his own, and hears of it.
                log.warning("the store does not answer", why=text_of(error))
            with self._lock:
                if self._ended:
                    self._wanted.set()
            self._closing.wait(PAUSE_S)

    def _known(self, asked: Asked) -> Took | None:
        with self._lock:
            found = self._took.get(asked)
        return found[0] if found is not None and time.monotonic() < found[1] else None

    def _keep(self, asked: Asked, took: Took) -> None:
        until = time.monotonic() + (KEPT_S if asked[1] else FRESH_S)
        with self._lock:
            self._took[asked] = took, until
            self._took.move_to_end(asked)
            while len(self._took) > MOST:
                self._took.popitem(last=False)


def _of_runs(runs: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """What to ask for all that runs took, if there are any."""
    return [(f"{part}_of_runs", {"runs": [*runs]}) for part in PARTS if runs]


def _by_run(
    runs: Sequence[str], found: Sequence[list[dict[str, Any]]]
) -> dict[str, Took]:
    took: dict[str, Took] = {run: {part: [] for part in PARTS} for run in runs}
    for part, rows in zip(PARTS if runs else (), found, strict=True):
        for row in rows:
            took[row.pop("run")][part].append(row)
    return took


def _state_of(own: Row | None) -> dict[str, Any]:
    return {} if own is None else {"state": own["state"]}
