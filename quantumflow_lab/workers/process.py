"""A child process, as the process that started it sees it."""

from __future__ import annotations

import os
import select
import site
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from quantumflow_lab.workers.forked import (
    UNHEARD,
    ForkedProcess,
    can_fork,
    fork,
)
from quantumflow_lab.workers.frames import Hello, Ready, receive, send
from quantumflow_lab.workers.pipes import Theirs, with_pipes

_COMMAND = (sys.executable, "-P", "-m", "quantumflow_lab.workers.child")
_LINES = 20
START_S = 120.0
"""Seconds after which a worker that is not ready is given up."""
PROVEN_S = 10.0
"""Seconds of waiting after which a worker that dies is replaced before a job comes."""


class _Process(Protocol):
    """A process that was started, as :class:`subprocess.Popen` has it."""

    pid: int

    @property
    def stdout(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...
    def terminate(self) -> None: ...


class ChildProcess:
    """A child, its pipes, and the last lines it printed.

    Parameters
    ----------
    start
        Starts it with the ends that are its own, as :func:`spawn` does.
    on_end
        Called in a thread of its own when the child has ended, and not at all if a
        process that it has started keeps its output open.
    """

    who = "child"
    """What messages call it."""

    def __init__(
        self,
        start: Callable[[Theirs], _Process],
        on_end: Callable[[], None] = lambda: None,
    ):
        self._on_end = on_end
        self._printed: deque[str] = deque(maxlen=_LINES)
        self._ended: str | None = None
        self._process, self._pipes = with_pipes(start)
        self._readable = select.poll()
        self._readable.register(self._pipes.input, select.POLLIN)
        self._reader = threading.Thread(target=self._drain, daemon=True, name="printed")
        try:
            self._reader.start()
        except RuntimeError:  # no more threads
            self._process.kill()
            self._process.wait()
            self._pipes.close()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def wait(self, until: float | None = None) -> None:
        """Wait until it has written something.

        Raises
        ------
        EOFError
            It is gone.
        TimeoutError
            It had written nothing at `until`, in seconds of the monotonic clock.
        """
        # A process that the child forked may hold the pipe open after its death.
        while not self._readable.poll(500):
            if not self.alive:
                raise EOFError(f"the {self.who} is gone")
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"the {self.who} says nothing")

    def kill(self) -> None:
        """End it now. May be called from any thread, also twice."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask it to end. May be called from any thread, also twice."""
        self._process.terminate()

    def bury(self) -> str:
        """Wait for its end, close the pipes, say how it ended. May be repeated."""
        if self._ended is None:
            if self._deaf():
                self._process.kill()
            status = self._process.wait()
            self._reader.join(timeout=1)
            self._pipes.close()
            self._ended = _epitaph(self.who, status, list(self._printed))
        return self._ended

    def _deaf(self) -> bool:
        """Whether it closed its pipe yet lives.

        As when an exit handler hangs, or it closed all files.
        """
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _drain(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                self._printed.append(line[:500].decode(errors="replace").rstrip())
        if not self._deaf():
            self._on_end()


class WorkerProcess(ChildProcess):
    """A child that runs jobs.

    Parameters
    ----------
    memory_mb
        Memory the child may take beside its own, in MiB, or None.
    cache
        Where it keeps ISA circuits that took long, or None.
    on_end
        As :class:`ChildProcess` has it.
    """

    who = "worker"

    def __init__(
        self,
        memory_mb: int | None = None,
        cache: Path | None = None,
        on_end: Callable[[], None] = lambda: None,
    ):
        self.backends: set[str] = set()
        """Content keys of the backends it holds."""
        self.environ = child_environment()
        """The environment variables it has."""
        self.ready_at: float | None = None
        """When it could take a job, in seconds of the monotonic clock."""
        self.served = False
        """Whether it has said something of a job."""
        start = self._fork if can_fork() else spawn(_COMMAND, self.environ)
        super().__init__(start, on_end)
        hello = Hello(_import_path(), memory_mb, cache)
        # The pipe takes this at once, so starting does not wait for the child.
        with suppress(BrokenPipeError):  # if it has ended already, it will be told
            self.send(hello)

    def _fork(self, theirs: Theirs) -> ForkedProcess:
        # What has changed since the server began comes with the first job.
        process, self.environ = fork(self.environ, theirs)
        return process

    def send(self, message: object) -> None:
        """Send a frame. Raises ``BrokenPipeError`` if the child is gone."""
        send(self._pipes.output, message)

    @property
    def proven(self) -> bool:
        """Whether it has worked, or waited for a job for :data:`PROVEN_S`."""
        since = self.ready_at
        waited = since is not None and time.monotonic() - since > PROVEN_S
        return self.served or waited

    def wait_ready(self) -> None:
        """Wait until it can take a job, or has ended; one that hangs is killed."""
        try:
            self.wait(time.monotonic() + START_S)
            if receive(self._pipes.input) == Ready():
                self.ready_at = time.monotonic()
        except EOFError:
            pass  # who gives it a job hears how it ended
        except TimeoutError:
            self._printed.append(f"it was not ready within {START_S:g} s")
            self.kill()

    def receive(self) -> Any:
        """Wait for a frame. Raises ``EOFError`` if the child is gone."""
        self.wait()
        return receive(self._pipes.input)


def spawn(
    command: Sequence[str], environment: Mapping[str, str]
) -> Callable[[Theirs], subprocess.Popen[bytes]]:
    """Start a program whose last arguments are the numbers of its pipes."""
    return lambda fds: subprocess.Popen(
        [*command, *map(str, fds)],
        pass_fds=fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )


def child_environment() -> dict[str, str]:
    """The kernel's environment, in which the child finds this package."""
    environment = dict(os.environ)
    root = str(Path(__file__).parents[2])
    if root not in {*site.getsitepackages(), site.getusersitepackages()}:
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{before}{os.pathsep}{root}" if before else root
    return environment


def _import_path() -> list[str]:
    # An empty entry means the working directory, which the child shares.
    return [entry or str(Path.cwd()) for entry in sys.path]


def _epitaph(who: str, status: int, printed: list[str]) -> str:
    if status == UNHEARD:
        text = f"{who} ended, and nobody heard how"
    elif status < 0:
        text = f"{who} killed by signal {-status}"
    else:
        text = f"{who} exited with status {status}"
    last = next((line for line in reversed(printed) if line.strip()), None)
    return text if last is None else f"{text}: {last.strip()}"
