"""What a person wants to end or to pause, whichever process has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quantumflow_lab.backends import Registry
from quantumflow_lab.clock import SystemClock
from quantumflow_lab.closing import close_left
from quantumflow_lab.launch.going import RunsHere
from quantumflow_lab.ports import Ledger
from quantumflow_lab.runner.runner import Runner
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import refuse_held
from quantumflow_lab.store.wishes import ask_to_cancel


@dataclass
class Stopping:
    """Ends and pauses runs.

    Parameters
    ----------
    leases
        The folder that tells which process has a run.
    """

    runs: RunsHere
    runner: Runner
    leases: Path
    backends: Registry
    store: Store
    ledger: Ledger
    clock: SystemClock

    def cancel(self, run_id: str, step: str | None, point: int | None) -> None:
        """Stop a run, a step or a point; a run that has ended stays as it is.

        A run of another process is asked to end. A session that a process which is
        gone has left open is closed.

        Raises
        ------
        RunIsHeld
            For a step or a point of a run that goes on in another process.
        """
        if self.cancel_here(run_id, step, point):
            return
        if step is not None:
            refuse_held(self.leases, run_id)
        elif ask_to_cancel(self.leases, run_id):
            return
        close_left(
            self.store, self.backends, self.ledger, self.clock, run=run_id, besides=()
        )

    def cancel_here(
        self, run_id: str, step: str | None = None, point: int | None = None
    ) -> bool:
        """Stop a run of this process; False if it has none of that id."""
        live = self.runs.find(run_id)
        if live is not None:
            self.runner.cancel(live, step, point)
        return live is not None

    def pause(self, run_id: str, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it.

        Raises
        ------
        RunIsHeld
            If another process has it.
        """
        live = self.runs.find(run_id)
        if live is None:
            refuse_held(self.leases, run_id)
        else:
            self.runner.pause(live, paused=paused)
