"""Shows a run while it goes on, from a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from quantumflow_lab.run import Run

TICK = 0.1
"""Seconds between looks at the run."""


def follow(run: Run, tell: Callable[[dict[str, Any]], None]) -> threading.Thread:
    """Tell each new snapshot of a run, the last one for certain, and then end.

    Parameters
    ----------
    tell
        Called on the thread.
    """
    ended = threading.Event()
    run.when_done(ended.set)

    def look() -> None:
        shown: dict[str, Any] | None = None
        while True:
            last = ended.wait(TICK)
            snapshot = run.snapshot()
            if snapshot is not shown:
                tell(snapshot)
                shown = snapshot
            if last:
                return

    thread = threading.Thread(target=look, name="qflow-composer", daemon=True)
    thread.start()
    return thread
