"""The journal of ``rust/journal`` in Python: same files, same errors, less speed.

It serves where no compiled module loads, and tells the tests what the compiled one
must do.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path

from quantumflow_lab.errors import HomeNotWritable, JournalFull, StoreError

_LINE = re.compile(rb'\{"c":"(.{8})","e":(.*)\}', re.DOTALL)
_EID = re.compile(rb'\{"eid":"[^"]*-([0-9]+)"')
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RIGHT = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}


def write_error(error: OSError, *, path: str, written: int = 0) -> StoreError:
    """What to raise when the system refuses a write to the lab's home.

    Parameters
    ----------
    error
        The system's answer; it becomes the cause.
    path
        File that was written to.
    written
        Records of the batch that are in the file all the same.
    """
    why = error.strerror or str(error)
    kind, advice = StoreError, "; see 'df' and 'dmesg'"
    if error.errno in _NO_ROOM:
        kind, advice = (
            JournalFull,
            "; free some space: what is unwritten waits in memory",
        )
    elif error.errno in _NO_RIGHT:
        kind, advice = HomeNotWritable, "; choose another home with QFLOW_HOME=<folder>"
    raised = kind(f"cannot write {path}: {why}{advice}", path=path, written=written)
    raised.__cause__ = error
    return raised


def frame(writer: str, seq: int, payload: bytes) -> bytes:
    """One record as one line, its ``eid`` in front of what the payload holds."""
    rest = payload[1:] if payload == b"{}" else b"," + payload[1:]
    body = b'{"eid":"%s-%d"%s' % (writer.encode(), seq, rest)
    return b'{"c":"%08x","e":%s}\n' % (zlib.crc32(body), body)


class Journal:
    """Appends the records of one writer; see ``_core.pyi``."""

    def __init__(
        self, path: Path, writer: str, max_bytes: int = 64 << 20, header: bytes = b"{}"
    ) -> None:
        self._dir = Path(path)
        self._writer = writer
        self._max_bytes = max_bytes
        self._header = header
        self._owner = os.getpid()
        self._files = 0
        self._fd = -1
        self._len = self._synced = 0
        self._torn = False
        self._closed = False
        self.path: Path | None = None
        self.seq: int | None = 0

    def append(self, payloads: Sequence[bytes], sync: bool = False) -> None:
        """Add records in one write call."""
        self._check(payloads)
        if payloads:
            self._make_room()
            self._write_lines(payloads)
        if sync:
            self.sync()

    def sync(self) -> None:
        """Return once everything appended is on the disk."""
        self._check(())
        if self._synced == self._len:
            return
        try:
            os.fsync(self._fd)
            if self._synced == 0:
                sync_path(self._dir)
        except OSError as error:
            raise write_error(error, path=str(self.path)) from error
        self._synced = self._len

    def close(self) -> None:
        """Sync and close; closing twice is harmless."""
        if not self._closed:
            self.sync()
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._closed, self.path, self.seq = -1, True, None, None

    def _check(self, payloads: Sequence[bytes]) -> None:
        if self._closed:
            raise ValueError("the journal is closed")
        if os.getpid() != self._owner:
            raise RuntimeError(
                f"this journal belongs to process {self._owner};"
                " open another one after a fork"
            )
        for index, payload in enumerate(payloads):
            whole = payload[:1] == b"{" and payload[-1:] == b"}"
            if not whole or b"\n" in payload:
                raise ValueError(f"payload {index} is not a JSON object on one line")

    def _make_room(self) -> None:
        if self._fd >= 0:
            if self._len < self._max_bytes:
                return
            self.sync()
        path = self._dir / f"{self._writer}-{self._files:05d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        try:
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise write_error(error, path=str(path)) from error
        before = self._fd, self.path, self._len, self._synced
        self._fd, self.path, self._len, self._synced = fd, path, 0, 0
        try:
            self._write_lines([self._head()])
        except StoreError:
            os.close(fd)
            path.unlink()
            self._fd, self.path, self._len, self._synced = before
            raise
        if before[0] >= 0:
            os.close(before[0])
        self._files += 1

    def _head(self) -> bytes:
        given = self._header.strip().lstrip(b"{")
        head = b'{"kind":"header","v":1,"file":%d' % self._files
        return head + (b"" if given == b"}" else b",") + given

    def _write_lines(self, payloads: Sequence[bytes]) -> None:
        first = self.seq or 0
        lines = [frame(self._writer, first + i, p) for i, p in enumerate(payloads)]
        refused = self._mend()
        done = 0
        if refused is None:
            done, refused = _write_all(self._fd, b"".join(lines))
        # Whole lines stay: a reader may have taken them already.
        written = 0
        while written < len(lines) and len(lines[written]) <= done:
            done -= len(lines[written])
            self._len += len(lines[written])
            written += 1
        self.seq = first + written
        self._torn = self._torn or done > 0
        mended = self._mend()
        if error := refused or mended:
            raise write_error(error, path=str(self.path), written=written) from error

    def _mend(self) -> OSError | None:
        """Cut off the part of a line that a short write left behind."""
        if self._torn:
            try:
                os.ftruncate(self._fd, self._len)
            except OSError as error:
                return error
            self._torn = False
        return None


def _write_all(fd: int, data: bytes) -> tuple[int, OSError | None]:
    """Bytes that went out, and what stopped the rest."""
    done, block = 0, memoryview(data)
    while done < len(block):
        try:
            done += os.write(fd, block[done:])
        except OSError as error:
            return done, error
    return done, None


def sync_path(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def unframe(line: bytes) -> tuple[bytes, int]:
    """The payload of a line without its newline, and its sequence number.

    Raises
    ------
    ValueError
        If the line cannot be believed, saying why.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("the line is not a record")
    if found[1] != b"%08x" % zlib.crc32(found[2]):
        raise ValueError("the checksum does not match")
    eid = _EID.match(found[2])
    if eid is None:
        raise ValueError("the record has no eid")
    return found[2], int(eid[1])


def read_journal(
    path: Path, offset: int = 0, max_bytes: int = 16 << 20, seq: int | None = None
) -> tuple[bytes, bytes, int, int | None, tuple[int, str] | None]:
    """Read verified records; see ``_core.pyi``."""
    payloads: list[bytes] = []
    bounds = array("i", [0])
    damage: tuple[int, str] | None = None
    for line in _read_lines(Path(path), offset, max_bytes):
        try:
            payload, found = unframe(line)
        except ValueError as error:
            damage = len(line) + 1, str(error)
            break
        if seq is not None and found != seq:
            damage = 0, f"record {found} follows where record {seq} was expected"
            break
        payloads.append(payload)
        bounds.append(bounds[-1] + len(payload))
        offset += len(line) + 1
        seq = found + 1
    return b"".join(payloads), bounds.tobytes(), offset, seq, damage


def _read_lines(path: Path, offset: int, max_bytes: int) -> list[bytes]:
    """Lines from ``offset`` to the last newline in the limit, or the first beyond."""
    block, want = b"", max(max_bytes, 1)
    with path.open("rb") as file:
        file.seek(offset)
        while b"\n" not in block:
            more = file.read(want)
            block += more
            if len(more) < want:
                break
            want = len(block)
    return block.split(b"\n")[:-1]
