"""Circuits are read in a process of their own, which this starts and keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quantumflow_lab import errors
from quantumflow_lab.errors import CircuitSourceError, CircuitTooLarge, ParserLost
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.sources.text import Place
from quantumflow_lab.workers.messages import TooSlow, receive, send
from quantumflow_lab.workers.pipes import Theirs, with_pipes
from quantumflow_lab.workers.process import child_environment

_MODULE = "quantumflow_lab.workers.parse"
_START = 60.0
"""Seconds that a child may take to start."""
IDLE = 60.0
"""Seconds without work after which a child ends by itself."""
_CLOCK = 3.0
"""Seconds by the clock for each second of processor time, on a busy machine."""
_ANSWER = 64
"""Bytes of QPY taken for each instruction and bit that the limits allow."""
_ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_KINDS = {
    kind.slug: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CircuitSourceError)
}


class CircuitParser:
    """Reads sources in a child process, one at a time; may be used by any thread.

    The child is started by the first source, used again by the next, and killed when a
    source reaches a limit. It ends by itself after a minute without work.

    Parameters
    ----------
    idle
        Seconds without work after which it ends instead.
    """

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._lock = threading.Lock()
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child that waits for the next source, if there is one."""
        child = self._child
        return None if child is None else child.process.pid

    def read(self, data: bytes, form: str, file: str, limits: Limits) -> bytes:
        """The circuits of a source, as QPY of this Qiskit's version.

        Parameters
        ----------
        data
            Content of the source.
        form
            Its format, ``qasm2``, ``qasm3`` or ``qpy``.
        file
            What to call it in messages.
        limits
            What it may be and take.

        Raises
        ------
        CircuitSourceError
            If it does not parse, is beyond a limit, or takes the child with it.
        """
        asked = {"format": form, "file": file, "limits": asdict(limits)}
        with self._lock:
            for _ in range(2):
                child, fresh = self._ready(limits)
                answer = self._ask(child, fresh, asked, data, limits)
                if answer is not None:
                    return _opened(*answer, file)
        raise ParserLost("the process that reads circuits ends as soon as it starts")

    def close(self, patience: float = -1) -> None:
        """End the child, if there is one.

        Parameters
        ----------
        patience
            Seconds to wait for a source that is being read; after that the child is
            left to end with this process.
        """
        if self._lock.acquire(timeout=patience):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _ready(self, limits: Limits) -> tuple[_Child, bool]:
        child = self._child
        if child is not None and child.memory_mb == limits.memory_mb and child.alive:
            return child, False
        self._drop()
        self._child = _Child(limits.memory_mb, self._idle)
        return self._child, True

    def _ask(
        self,
        child: _Child,
        fresh: bool,
        asked: dict[str, Any],
        data: bytes,
        limits: Limits,
    ) -> tuple[bytes, bytes] | None:
        """The answer; None if the child had ended before it took the source."""
        kept = False
        try:
            answer = child.ask(json.dumps(asked).encode(), data, limits)
            kept = True
            return answer
        except TooSlow:
            if not child.started:
                raise _no_start(f"within {_START:g} s") from None
            raise _too_long(asked["file"], limits) from None
        except ValueError as error:
            raise ParserLost(
                f"{asked['file']} makes {error}, more than its limits allow"
            ) from error
        except (EOFError, BrokenPipeError) as error:
            status = child.process.wait()
            if not child.started:
                raise _no_start(f"(status {status})") from error
            if status == 0 and not fresh:
                return None
            raise _died(asked["file"], status, limits) from error
        finally:
            if not kept:
                self._drop()

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _Child:
    """A process that has given up files, sockets and most of its memory."""

    def __init__(self, memory_mb: int, idle: float):
        self.memory_mb = memory_mb
        self.started = False
        """Whether it has said that it is ready."""
        self.process, self._pipes = with_pipes(lambda fds: _start(fds, memory_mb, idle))
        # A child that does not read must not hold the thread that writes.
        os.set_blocking(self._pipes.output, False)

    @property
    def alive(self) -> bool:
        """False once it has ended."""
        return self.process.poll() is None

    def ask(self, head: bytes, data: bytes, limits: Limits) -> tuple[bytes, bytes]:
        """Send a source and wait for the answer."""
        if not self.started:
            receive(self._pipes.input, limit=0, deadline=time.monotonic() + _START)
            self.started = True
        deadline = time.monotonic() + limits.seconds * _CLOCK
        send(self._pipes.output, head, data, deadline=deadline)
        most = 2**20 + _ANSWER * (limits.instructions + limits.qubits + limits.clbits)
        most += 4 * limits.size
        return receive(self._pipes.input, limit=most, deadline=deadline)

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        self._pipes.close()


def _start(fds: Theirs, memory_mb: int, idle: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE, *map(str, (*fds, memory_mb, idle))],
        pass_fds=fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Each thread of a numeric library would take address space of its own.
        env={**child_environment(), **dict.fromkeys(_ONE_THREAD, "1")},
    )


def _opened(kind: bytes, body: bytes, file: str) -> bytes:
    if kind == b"Q":
        return body
    told = json.loads(body)
    found = _KINDS.get(told["kind"])
    if found is None:
        raise ParserLost(
            f"{file} cannot be read: {told['message']}; write it in a simpler form"
        )
    where = told.get("where")
    place = None if where is None else Place(file, where[0], where[2], where[1])
    raise found(told["message"], where=place, **told.get("facts", {}))


def _no_start(how: str) -> ParserLost:
    return ParserLost(
        f"the process that reads circuits does not start {how}; see why with"
        f" {Path(sys.executable).name} -m {_MODULE}"
    )


def _too_long(file: str, limits: Limits) -> CircuitTooLarge:
    return CircuitTooLarge(
        f"reading {file} takes more than {limits.seconds:g} s; if you trust it, raise"
        " QFLOW_PARSE_SECONDS",
        what="seconds",
        limit=limits.seconds,
    )


def _died(file: str, status: int, limits: Limits) -> CircuitSourceError:
    if status == -signal.SIGXCPU:
        return _too_long(file, limits)
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return ParserLost(
        f"the process that reads circuits died on {file} ({how}), as it does when it"
        f" needs more than {limits.memory_mb} MiB or is nested too deeply; write it"
        " smaller, or raise QFLOW_PARSE_MEMORY_MB if you trust it",
        status=status,
    )
