"""How the kernel talks to the process that reads circuits: two byte strings a message.

Never pickle: what comes back was made from somebody else's text.
"""

from __future__ import annotations

import os
import select
import struct
import time

_LENGTHS = struct.Struct("<QQ")
_CHUNK = 1 << 16
_HEAD = 1 << 20
"""Bytes that the first part of a message may have."""


class TooSlow(Exception):
    """The deadline has passed."""


def send(fd: int, head: bytes, data: bytes, *, deadline: float | None = None) -> None:
    """Write a message. Raises ``BrokenPipeError`` if nobody reads, or `TooSlow`."""
    view = memoryview(_LENGTHS.pack(len(head), len(data)) + head + data)
    while view:
        _wait(fd, select.POLLOUT, deadline)
        view = view[os.write(fd, view[:_CHUNK]) :]


def receive(
    fd: int, *, limit: int | None = None, deadline: float | None = None
) -> tuple[bytes, bytes]:
    """Read a message.

    Parameters
    ----------
    fd
        Pipe.
    limit
        Bytes of its data that are taken; a longer message is a ``ValueError``.
    deadline
        Monotonic time by which all must be there.

    Raises
    ------
    EOFError
        If the other side is gone.
    TooSlow
        If the deadline passes.
    """
    head, data = _LENGTHS.unpack(_read(fd, _LENGTHS.size, deadline))
    if head > _HEAD or (limit is not None and data > limit):
        raise ValueError(f"a message of {head + data} bytes")
    return _read(fd, head, deadline), _read(fd, data, deadline)


def _read(fd: int, count: int, deadline: float | None) -> bytes:
    parts = []
    while count:
        _wait(fd, select.POLLIN, deadline)
        part = os.read(fd, min(count, _CHUNK))
        if not part:
            raise EOFError("the pipe is closed")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _wait(fd: int, event: int, deadline: float | None) -> None:
    if deadline is None:
        return
    ready = select.poll()
    ready.register(fd, event)
    # In short turns, so that a thread that is to stop notices.
    while not ready.poll(min(100.0, max(0.0, deadline - time.monotonic()) * 1000)):
        if time.monotonic() >= deadline:
            raise TooSlow
