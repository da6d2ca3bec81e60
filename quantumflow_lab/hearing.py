"""Runs of this process that others wish to end.

How they wish it is told in :mod:`quantumflow_lab.store.wishes`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from quantumflow_lab.errors import StoreError
from quantumflow_lab.store.wishes import forget_wish, is_asked_to_cancel

EVERY_S = 0.25
"""How often it looks, in seconds; a look costs some microseconds for each run."""


class Hearing:
    """Looks for wishes while runs go on, in a thread that lives as long as they do.

    Parameters
    ----------
    folder
        Where leases are.
    cancel
        Called with the id of a run that is to end, in a thread of the hearing, once.
    """

    def __init__(self, folder: Path, cancel: Callable[[str], object]) -> None:
        self._folder = folder
        self._cancel = cancel
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._runs: set[str] = set()
        self._thread: threading.Thread | None = None

    def listen(self, run: str) -> None:
        """Hear what is wished of a run since its lease was taken."""
        with self._lock:
            self._runs.add(run)
            # The thread may have been told that it can end, and goes on.
            self._changed.clear()
            # In the child of a fork the thread of its parent is not alive.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._loop, name="qflow-hearing", daemon=True
                )
                self._thread.start()

    def stop(self, run: str) -> None:
        """The run has ended; what was wished of it is forgotten."""
        with self._lock:
            if run not in self._runs:
                return
            self._runs.discard(run)
            if not self._runs:
                self._changed.set()
        self._forget(run)

    def _loop(self) -> None:
        while self._go_on():
            with self._lock:
                runs = sorted(self._runs)
            for run in runs:
                if is_asked_to_cancel(self._folder, run):
                    self._forget(run)
                    self._cancel(run)
            self._changed.wait(EVERY_S)

    def _go_on(self) -> bool:
        with self._lock:
            if not self._runs:
                self._thread = None
            return bool(self._runs)

    def _forget(self, run: str) -> None:
        # In a home that has become read-only nobody can wish anything either.
        with suppress(StoreError):
            forget_wish(self._folder, run)
