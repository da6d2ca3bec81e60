"""What one process asks of the run of another: to end.

A wish is an empty file beside the lease of a run. Who holds the lease looks for it now
and then, so nothing has to listen on a port, and it works from a terminal, from another
notebook and from JupyterLab's sidebar alike.
"""

from __future__ import annotations

from pathlib import Path

from quantumflow_lab._fallback_journal import write_error
from quantumflow_lab.store.lease import WISH, is_held


def ask_to_cancel(folder: Path, run: str) -> bool:
    """Leave the wish that a run ends; False if no process holds it.

    Parameters
    ----------
    folder
        Where leases are.
    run
        Id of the run.

    Raises
    ------
    HomeNotWritable
        If the folder cannot be written.
    """
    if is_held(folder, run) is None:
        return False
    try:
        _wish(folder, run).touch(mode=0o600)
    except OSError as error:
        raise write_error(error, path=str(folder)) from error
    return True


def is_asked_to_cancel(folder: Path, run: str) -> bool:
    """Whether somebody wishes that a run ends; no if that cannot be seen."""
    try:
        return _wish(folder, run).exists()
    except OSError:
        return False


def forget_wish(folder: Path, run: str) -> None:
    """Take the wish away: it has been heard, or the run has ended.

    Raises
    ------
    HomeNotWritable
        If the folder cannot be written.
    """
    try:
        _wish(folder, run).unlink(missing_ok=True)
    except OSError as error:
        raise write_error(error, path=str(folder)) from error


def _wish(folder: Path, run: str) -> Path:
    return folder / f"{run}{WISH}"
