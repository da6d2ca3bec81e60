"""Who a run belongs to: one process at a time.

A lease is a lock on a file that the owner keeps open. The system lets go of it when
the process ends, however it ends: a lease never outlives its owner, and no number of a
process has to be believed. What stands in the file is for messages, and for homes on a
network, where the lock of another machine may not be seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
import weakref
from dataclasses import asdict, dataclass
from pathlib import Path

from quantumflow_lab._fallback_journal import write_error
from quantumflow_lab.errors import RunIsHeld
from quantumflow_lab.store.packing import is_alive

WISH = ".cancel"
"""Suffix of the file by which others wish that a run ends."""
GLANCE_S = 0.05
"""Longest time that somebody who only looks may keep a lease from its owner."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a run, or held it last."""

    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Lease:
    """A run that this process holds, until :meth:`release` or its end."""

    def __init__(self, path: Path, file: int, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self._file: int | None = file
        _HELD.add(self)

    def release(self) -> None:
        """Let others have the run; it has ended."""
        file, self._file = self._file, None
        if file is not None:
            # A home that has become read-only keeps the file, which holds nothing.
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            os.close(file)

    def leave(self) -> None:
        """Let others have the run, which has not ended."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


_HELD: weakref.WeakSet[Lease] = weakref.WeakSet()


def _after_fork() -> None:
    """A child shares the open file, and with it the lock, and would keep it alive."""
    for lease in tuple(_HELD):
        lease.leave()


os.register_at_fork(after_in_child=_after_fork)


def take(folder: Path, run: str, *, steal: bool = False) -> Lease:
    """Take a run for this process.

    Parameters
    ----------
    folder
        Where leases are; made if missing.
    run
        Id of the run.
    steal
        Take it also if another machine held it last.

    Raises
    ------
    RunIsHeld
        If another process has it, or another machine may have.
    HomeNotWritable
        If the folder cannot be written.
    JournalFull
        If the disk is full.
    """
    try:
        return _taken(folder, run, steal=steal)
    except OSError as error:
        raise write_error(error, path=str(folder)) from error


def _taken(folder: Path, run: str, *, steal: bool) -> Lease:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{run}.lease"
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _lock(file, GLANCE_S):
                raise _held(run, read(path))
            if not _is_still(file, path):
                os.close(file)
                continue  # its owner has ended the run in this moment
            before = _holder(os.pread(file, 4096, 0))
            here = socket.gethostname()
            if before is not None and before.host != here and not steal:
                raise RunIsHeld(
                    f"run {run} was left by {before}, which may still be alive: type "
                    f"%qflow resume {run} --steal if you know that it is not",
                    run=run,
                    host=before.host,
                    pid=before.pid,
                )
            holder = Holder(here, os.getpid())
            text = json.dumps(asdict(holder)).encode()
            os.ftruncate(file, 0)
            os.pwrite(file, text, 0)
            # What was wished of whoever had it before is not meant for us.
            path.with_suffix(WISH).unlink(missing_ok=True)
        except (RunIsHeld, OSError):
            os.close(file)
            raise
        return Lease(path, file, holder)


def read(path: Path) -> Holder | None:
    """Who stands in the file of a lease."""
    try:
        return _holder(path.read_bytes())
    except OSError:
        return None


def is_held(folder: Path, run: str) -> Holder | None:
    """The process that holds a run now; None if nobody does."""
    path = folder / f"{run}.lease"
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        # Shared, or two that look at once would take one another for an owner.
        free = _lock(file, how=fcntl.LOCK_SH)
        return None if free else read(path) or Holder("?", 0)
    finally:
        os.close(file)


def held_runs(folder: Path) -> frozenset[str]:
    """Ids of all runs that a process holds now, as far as this machine can see."""
    ids = [path.stem for path in folder.glob("*.lease")]
    return frozenset(run for run in ids if is_held(folder, run) is not None)


def refuse_held(folder: Path, run: str) -> None:
    """Refuse what only the process that has a run can do.

    Raises
    ------
    RunIsHeld
        Naming it.
    """
    if (holder := is_held(folder, run)) is not None:
        raise _held(run, holder)


def any_held(folder: Path) -> bool:
    """Whether a run goes on, or may go on on another machine."""
    here = socket.gethostname()
    for path in folder.glob("*.lease"):
        holder = read(path)
        if holder is None or holder.host != here or is_alive(holder.pid):
            return True
        # Its number says nothing in another container.
        if is_held(folder, path.stem):
            return True
    return False


def _lock(file: int, patience: float = 0.0, how: int = fcntl.LOCK_EX) -> bool:
    """Lock a file; whoever asks in :func:`is_held` has it for some microseconds."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(GLANCE_S / 10)
        else:
            return True


def _is_still(file: int, path: Path) -> bool:
    """Whether the open file is the one of that name: an owner may have removed it."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _holder(text: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _held(run: str, holder: Holder | None) -> RunIsHeld:
    return RunIsHeld(
        f"run {run} goes on in {holder or 'another process'}: wait for it, cancel it "
        f"with %qflow cancel {run}, or run another one with --fresh",
        run=run,
        pid=holder.pid if holder else None,
    )
