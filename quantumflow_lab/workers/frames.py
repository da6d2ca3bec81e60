"""How the kernel and its workers talk: length-prefixed pickles over two pipes.

Both ends are processes of one user started by one another, so pickle is safe here; it
must never read anything else.
"""

from __future__ import annotations

import copyreg
import os
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
from qiskit.circuit import CASE_DEFAULT

from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.ports import JobRequest

_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20

# Qiskit knows the default of a switch by identity, which pickle would lose: it goes by
# name. QPY would keep it too, but costs every circuit its fast path.
copyreg.pickle(type(CASE_DEFAULT), lambda _: "CASE_DEFAULT")


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame a worker gets."""

    path: list[str]
    """The kernel's ``sys.path``, so that local modules import."""
    memory_mb: int | None = None
    """Memory the worker may take beside its own, in MiB; None for no limit."""
    cache: Path | None = None
    """Folder for ISA circuits that took long; None keeps none."""


@dataclass(frozen=True, slots=True)
class Ready:
    """First frame of a worker: it has imported what jobs need."""


@dataclass(frozen=True, slots=True)
class Work:
    """One job for a worker."""

    payload: bytes
    """The pickled ``JobRequest``; apart, so that a fault in it can be answered."""
    job: int
    """Number of the job."""
    key: str
    """Content key of the backend."""
    spec: BackendSpec | None
    """The backend, unless the worker has it already."""
    threads: int
    """Threads the simulation may use."""
    environ: dict[str, str] | None = None
    """The kernel's environment variables, if they have changed."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A worker waits for a frame that says whether it may send a batch to a device."""

    batch: int
    """Number of the batch."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Answer to a job that could not even be read: every member fails with this."""

    job: int
    """Number of the job."""
    error: Exception
    """Why."""


def pack_request(request: JobRequest) -> bytes:
    """Pickle a job; classes and functions of the notebook travel by value.

    Plain pickle is twice as fast, but sends what the notebook defines by name only.
    """
    try:
        payload = pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError):
        payload = b"__main__"
    if b"__main__" in payload:
        payload = cloudpickle.dumps(request)
    return payload


def send(fd: int, message: object) -> None:
    """Write one frame. Raises ``BrokenPipeError`` if nobody reads."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    view = memoryview(_LENGTH.pack(len(body)) + body)
    while view:
        view = view[os.write(fd, view[:_CHUNK]) :]


def receive(fd: int) -> Any:
    """Read one frame. Raises ``EOFError`` if the other side is gone."""
    (length,) = _LENGTH.unpack(_read(fd, _LENGTH.size))
    return pickle.loads(_read(fd, length))  # noqa: S301 - our own process wrote it


def _read(fd: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(fd, min(count, _CHUNK))
        if not part:
            raise EOFError("the pipe is closed")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
