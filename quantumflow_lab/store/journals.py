"""The journals of a home: those that are written, and those that have been packed."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from quantumflow_lab.errors import JournalDamaged, StoreError

try:
    from quantumflow_lab._core import Journal, read_journal
except ImportError:
    from quantumflow_lab._fallback_journal import (  # type: ignore[assignment]  # twins
        Journal,
        read_journal,
    )

__all__ = [
    "Journal",
    "length",
    "lines",
    "listed",
    "packed",
    "read_journal",
    "reading",
    "refuse_gone",
]

Chunk = tuple[bytes, bytes, int, int | None, tuple[int, str] | None]
"""Payloads, bounds, next offset, next sequence number, damage."""

_PACKED = ".gz"


def listed(folder: Path) -> list[Path]:
    """Every file of every journal, by the name it had when it was written.

    Whether it is packed is for :func:`reading` to see: that may change meanwhile.
    """
    try:
        entries = [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        raise _gone(folder) from None
    names = {name.removesuffix(_PACKED) for name in entries}
    return [folder / name for name in sorted(names) if name.endswith(".jsonl")]


def refuse_gone(folder: Path) -> None:
    """Refuse a folder of journals that is not there any more.

    Raises
    ------
    StoreError
        Saying what to do.
    """
    if not folder.is_dir():
        raise _gone(folder)


def _gone(folder: Path) -> StoreError:
    return StoreError(
        f"{folder} is gone: was the home renamed or removed? Put it back, or restart "
        "this process",
        path=str(folder),
    )


def packed(path: Path) -> Path:
    """Where a journal lies once it is packed."""
    return path.with_name(path.name + _PACKED)


def length(path: Path) -> int:
    """Bytes of a journal, as it was written."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        # The last four bytes of a gzip file are the length of what is in it.
        with packed(path).open("rb") as file:
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(4), "little")


@contextmanager
def reading(path: Path) -> Iterator[Callable[[int, int, int | None], Chunk]]:
    """What reads a journal from an offset on, as ``read_journal`` does.

    Offsets are those of the journal as it was written, packed or not; it may be packed
    in between.

    Raises
    ------
    JournalDamaged
        By what is given, if a packed journal cannot be unpacked.
    """
    with ExitStack() as stack:
        where = path

        def read(offset: int, limit: int, seq: int | None) -> Chunk:
            nonlocal where
            try:
                return read_journal(where, offset, limit, seq)
            except FileNotFoundError:
                if where != path:
                    raise
            # A packed journal is whole before its plain file goes.
            where = stack.enter_context(_unpacked(path))
            return read_journal(where, offset, limit, seq)

        yield read


def lines(path: Path) -> Iterator[bytes]:
    """Every line of a journal, packed or not, as it stands there.

    Raises
    ------
    JournalDamaged
        If a packed journal cannot be unpacked.
    """
    with ExitStack() as stack:
        try:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
        except FileNotFoundError:
            source = stack.enter_context(gzip.open(packed(path)))
            file = cast("IO[bytes]", source)
        with _unpacking(path):
            yield from file


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="qflow-", suffix=".jsonl") as file:
        with _unpacking(path), gzip.open(packed(path)) as source:
            shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        yield Path(file.name)


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise JournalDamaged(
            f"{packed(path)} does not unpack: {error}; put it back from a backup",
            file=str(packed(path)),
            offset=0,
        ) from error
