"""Who may use the database file now: one lab that writes, or any number that read.

DuckDB has a lock of its own, but it says no at once. Labs wait for each other here, so
that what DuckDB still refuses is a foreign program.
"""

from __future__ import annotations

import fcntl
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quantumflow_lab._fallback_journal import write_error


class _Turns:
    """Threads of this process: one that writes, or any number that read.

    Two connections of one process with different options refuse each other, as those
    of two processes do; with the same options, they share what is open.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reading = 0
        self._writing = False
        self._to_write = 0
        """Threads that wait to write; nobody begins to read before them."""

    def begin(self, *, exclusive: bool, wait: float) -> bool:
        """Whether it is this thread's turn before ``wait`` seconds have passed."""
        with self._changed:
            if not exclusive:
                free = self._changed.wait_for(
                    lambda: not self._writing and not self._to_write, wait
                )
                self._reading += free
                return free
            self._to_write += 1
            try:
                free = self._changed.wait_for(
                    lambda: not self._writing and not self._reading, wait
                )
                self._writing |= free
            finally:
                self._to_write -= 1
                self._changed.notify_all()
            return free

    def end(self, *, exclusive: bool) -> None:
        """Let others have it."""
        with self._changed:
            if exclusive:
                self._writing = False
            else:
                self._reading -= 1
            self._changed.notify_all()


_OF_THIS_PROCESS: defaultdict[str, _Turns] = defaultdict(_Turns)


@contextmanager
def held(path: Path, *, exclusive: bool, wait: float) -> Iterator[bool]:
    """Hold the lock file ``path``; yields False if others kept it all of ``wait`` s.

    Raises
    ------
    HomeNotWritable
        If its folder cannot be written.
    """
    deadline = time.monotonic() + wait
    inner = _OF_THIS_PROCESS[str(path)]
    if not inner.begin(exclusive=exclusive, wait=wait):
        yield False
        return
    try:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise write_error(error, path=str(path)) from error
        try:
            yield _take(fd, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, deadline)
        finally:
            os.close(fd)
    finally:
        inner.end(exclusive=exclusive)


def _take(fd: int, how: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            # Jitter, or processes that meet once meet again each time.
            time.sleep(random.uniform(0.002, 0.02))
        else:
            return True


def holder(path: Path, locks: Path = Path("/proc/locks")) -> int | None:
    """Process that holds a lock file, where the system tells; it may be this one."""
    try:
        file = path.stat()
        lines = locks.read_text().splitlines()
    except OSError:
        return None
    device = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}"
    for line in lines:
        # 1: FLOCK  ADVISORY  WRITE 4242 fe:00:9986623 0 EOF
        words = line.split()
        if words[1] == "FLOCK" and words[5] == f"{device}:{file.st_ino}":
            return int(words[4])
    return None
