"""Journals that nobody writes any more, compressed in their place.

========================  ==============================================================
left behind by a kill     what counts
========================  ==============================================================
``x.jsonl``               that
… and ``x.jsonl.gz.part`` the plain one; the draft is removed by the next call
… and ``x.jsonl.gz``      the plain one; both hold the same bytes, the next call goes on
``x.jsonl.gz``            that
========================  ==============================================================
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast
from zlib import crc32

from quantumflow_lab.errors import StoreError
from quantumflow_lab.store.journals import packed, read_journal

_DRAFT = ".part"


class Using:
    """A lock on the file a process writes, which the system lets go of when it ends."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: int | None = None

    def use(self, path: str | Path | None) -> None:
        """Keep others from packing this file; the one before has been left."""
        if path is None or self._path == Path(path):
            return
        self.close()
        self._path = Path(path)
        self._file = os.open(path, os.O_RDONLY)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    @property
    def is_deleted(self) -> bool:
        """Whether somebody has deleted the file; one that was moved is still there."""
        return self._file is not None and os.fstat(self._file).st_nlink == 0

    def close(self) -> None:
        """Let go of it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def host_mark() -> str:
    """What tells machines apart without naming them."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]


def pack(folder: Path) -> list[tuple[int, int]]:
    """Compress the journals that are closed; their sizes before and after.

    Those are the files a writer has followed by another, and those of writers that are
    gone: no such process on this machine, and nobody holds the file. Nothing is lost:
    a plain file goes when the packed one is on the disk and unpacks to the same bytes.

    Raises
    ------
    StoreError
        If the system refuses, or a packed file does not unpack to the same.
    """
    try:
        for draft in folder.glob(f"*{_DRAFT}"):
            draft.unlink(missing_ok=True)
        return [_pack(path) for path in _closed(folder)]
    except OSError as error:
        raise StoreError(
            f"cannot pack the journals in {folder}: {error.strerror or error};"
            " they are all there",
            path=str(folder),
        ) from error


def _closed(folder: Path) -> Iterator[Path]:
    files = sorted(folder.glob("*.jsonl"))
    for path, following in zip(files, [*files, None][1:], strict=True):
        writer = path.stem.rpartition("-")[0]
        followed = following and following.stem.rpartition("-")[0] == writer
        if followed or _is_gone(path):
            yield path


def _is_gone(path: Path) -> bool:
    """Whether the writer of the last file of a journal has ended for certain."""
    payloads, bounds, *_ = read_journal(path, 0, 1)
    try:
        header = json.loads(payloads[: memoryview(bounds).cast("i")[1]])
        host, pid = header["host"], int(header["pid"])
    except (ValueError, KeyError, TypeError, IndexError):
        return False
    if host != host_mark() or is_alive(pid):
        return False
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def is_alive(pid: int) -> bool:
    """Whether this machine has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pack(path: Path) -> tuple[int, int]:
    before = path.stat().st_size
    with path.open("rb") as source:
        write_packed(path, iter(lambda: source.read(1 << 20), b""))
    path.unlink()
    return before, packed(path).stat().st_size


def write_packed(path: Path, blocks: Iterable[bytes]) -> None:
    """Put the packed form of a journal in its place once it is whole.

    Raises
    ------
    StoreError
        If it does not unpack to the same.
    """
    target = packed(path)
    draft = target.with_name(target.name + _DRAFT)
    total = 0
    with _created(draft) as file:
        with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as into:
            for block in blocks:
                into.write(block)
                total = crc32(block, total)
        file.flush()
        os.fsync(file.fileno())
    with gzip.open(draft) as read:
        if total != _sum(cast("IO[bytes]", read)):
            raise StoreError(
                f"{draft} does not unpack to {path}, which stays; check the disk",
                path=str(path),
            )
    draft.replace(target)
    _sync(path.parent)


def _created(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _sum(file: IO[bytes]) -> int:
    total = 0
    while block := file.read(1 << 20):
        total = crc32(block, total)
    return total


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
