"""Workers that are forked, as the process that wants them sees them."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import IO

from quantumflow_lab.workers.pipes import Theirs

_MODULE = "quantumflow_lab.workers.fork_server"
Environ = dict[str, str]
NUMBER = struct.Struct("<i")
"""What the server reports of a worker: process id or ``-errno``, then its status."""
NAME = "qflow-worker"
"""What ``ps`` and ``top`` call a forked worker."""
START_S = 120.0
"""Seconds after which a server that forks nothing is given up."""
REPORT_S = 2.0
"""Seconds that the server has to tell how a worker ended."""
UNHEARD = 256
"""Status of a worker of whose end the server told nothing; no process exits with it."""


class ServerGone(OSError):
    """A worker was not forked, since who forks them is dead."""


class ForkedProcess:
    """A worker that is no child of ours; has what :class:`subprocess.Popen` has.

    Parameters
    ----------
    pid
        Process id.
    handle
        Descriptor of the process, by which it is killed, and seen to end.
    report
        Where the server tells its status.
    stdout
        What it prints.
    """

    def __init__(self, pid: int, handle: int, report: int, stdout: IO[bytes]):
        self.pid = pid
        self.stdout = stdout
        self._handle = handle
        self._report = report
        self._status: int | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        # Not sooner, nor at exit: a thread may wait for one of them.
        weakref.finalize(self, _close_fds, handle, report).atexit = False

    def poll(self) -> int | None:
        """Its status, as :meth:`wait` has it; None while it lives."""
        try:
            return self.wait(0)
        except TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end: its exit code, ``-signal``, or :data:`UNHEARD`.

        Raises
        ------
        subprocess.TimeoutExpired
            It still lives.
        """
        if not _readable(self._handle, timeout):
            raise TimeoutExpired(f"worker {self.pid}", timeout or 0)
        with self._lock:
            if self._status is None:
                self._status = self._told()
        return self._status

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self._owner == os.getpid():  # not from a process that ours has forked
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def _told(self) -> int:
        told = os.read(self._report, 4) if _readable(self._report, REPORT_S) else b""
        if not told:
            return UNHEARD
        return os.waitstatus_to_exitcode(*NUMBER.unpack(told))


class ForkServer:
    """The process that forks workers; it imports while one goes on.

    Parameters
    ----------
    environ
        Its environment variables, and those of the workers.
    """

    def __init__(self, environ: Mapping[str, str]):
        self.environ = dict(environ)
        self._gone = False
        self._printed = os.fdopen(os.memfd_create("printed"), "w+b")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        held = (self._control, self._printed)
        try:
            with theirs:
                self._process = self._begun(theirs.fileno())
        except OSError:
            _close_all(held)
            raise
        weakref.finalize(self, _end, self._process, os.getpid(), held)

    def _begun(self, socket: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, str(socket)],
            pass_fds=[socket],
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            env=self.environ,
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def serves(self) -> bool:
        """Whether it lives, as far as is known."""
        return not self._gone and self._process.poll() is None

    def fork(self, theirs: Theirs) -> ForkedProcess:
        """Start a worker that has these ends of its pipes; waits for the server.

        Raises
        ------
        ServerGone
            The server has died.
        OSError
            There is none, as where the system has no memory.
        """
        report, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        read, write = os.pipe()
        stdout = os.fdopen(read, "rb")
        try:
            with told, os.fdopen(write, "wb"):
                fds = [*theirs, write, told.fileno()]
                socket.send_fds(self._control, [os.fsencode(_folder())], fds)
            pid, handle = self._answer(report)
        except OSError as error:
            stdout.close()
            report.close()
            if isinstance(error, ConnectionError):
                self._gone = True  # which the system may take a moment to tell
                raise ServerGone(self._epitaph()) from error
            raise
        return ForkedProcess(pid, handle, report.detach(), stdout)

    def _answer(self, report: socket.socket) -> tuple[int, int]:
        report.settimeout(START_S)
        try:
            told, handles, _, _ = socket.recv_fds(report, NUMBER.size, 1)
        except TimeoutError:
            self._process.kill()
            raise OSError(f"none was forked within {START_S:g} s") from None
        report.settimeout(None)
        if not told:
            raise ConnectionError
        (number,) = NUMBER.unpack(told)
        if number <= 0:
            raise OSError(-number, os.strerror(-number))
        return number, handles[0]

    def _epitaph(self) -> str:
        self._printed.seek(0)
        lines = self._printed.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "no word of it")
        return f"the process that forks them is gone: {last}"


_shared: ForkServer | None = None
_parents: ForkServer | None = None
"""That of the process which has forked this one: not ours to use, nor to end."""
_sharing = threading.Lock()


def _after_fork() -> None:
    global _shared, _parents, _sharing
    _shared, _parents, _sharing = None, _shared, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def fork(environ: Mapping[str, str], theirs: Theirs) -> tuple[ForkedProcess, Environ]:
    """Start a worker that has these ends of its pipes, and the variables it has.

    Waits for the server; if that has died since it forked the last one, for another.

    Raises
    ------
    OSError
        There is none, as where the system has no memory or servers die at once.
    """
    try:
        server = fork_server(environ)
        return server.fork(theirs), server.environ
    except ServerGone:
        server = fork_server(environ)
        return server.fork(theirs), server.environ


def fork_server(environ: Mapping[str, str]) -> ForkServer:
    """The server of this process, started if there is none that serves.

    One for all labs of a process: what it has imported is the same for each.
    """
    global _shared
    with _sharing:
        if _shared is None or not _shared.serves:
            _shared = ForkServer(environ)
        return _shared


def can_fork() -> bool:
    """Whether workers are forked: on Linux, where the system knows pidfds (5.3).

    Elsewhere frameworks of the system start threads that a fork would lose.
    """
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # an older kernel, or a sandbox without this call
        return False
    return True


def _close_fds(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _close_all(held: Sequence[IO[bytes] | socket.socket]) -> None:
    for each in held:
        each.close()


def _end(
    process: subprocess.Popen[bytes],
    owner: int,
    held: Sequence[IO[bytes] | socket.socket],
) -> None:
    _close_all(held)
    if owner == os.getpid():  # as above
        process.kill()
        process.wait()


def _readable(fd: int, timeout: float | None) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "."
