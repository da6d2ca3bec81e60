"""A worker ends when its kernel ends, however that happens.

The kernel holds the write end of a pipe and never writes. When it dies, the system
closes it; whoever waits at the read end then ends the process.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading


def watch_parent(fd: int) -> None:
    """End this process as soon as the pipe at `fd` closes; returns at once.

    The compiled module does this in a thread of its own, outside the interpreter. The
    fallback asks the system for SIGIO, which ends the process by default, because a
    Python thread would wait for Aer to release the interpreter.
    """
    try:
        from quantumflow_lab._core import watch_parent as watch
    except ImportError:
        watch = watch_without_core
    watch(fd)


def watch_without_core(fd: int) -> None:
    """:func:`watch_parent` where no compiled module loads."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC)
    # Covers a kernel that was gone before, and systems whose pipes send no signal.
    threading.Thread(target=_wait, args=(fd,), daemon=True, name="watch").start()


def _wait(fd: int) -> None:
    while os.read(fd, 1):
        continue
    os._exit(0)
