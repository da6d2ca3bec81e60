"""The writing side of a store: this process's own journal."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from quantumflow_lab.errors import JournalDamaged, StoreError
from quantumflow_lab.store.journals import Journal, reading, refuse_gone
from quantumflow_lab.store.packing import Using, host_mark
from quantumflow_lab.store.payload import payload

_BLOCK = 16 << 20
"""Bytes that are read at once."""


class Recorder:
    """Appends records to a journal that belongs to this process alone.

    Parameters
    ----------
    folder
        Where journals are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Using()
        self._open()

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add records in one write; what does not fit waits for the next call."""
        self._start_over_in_a_fork()
        now = time.time()
        self._unwritten.extend(payload(record, now) for record in records)
        self._flush()

    def begin(self, record: Mapping[str, Any]) -> None:
        """Add a record that is on the disk on return, or not kept at all."""
        self._start_over_in_a_fork()
        self._refuse_deleted()
        self._flush()
        self._journal.append([payload(record, time.time())])
        self._lock.use(self._journal.path)
        self._journal.sync()

    def sync(self) -> None:
        """Bring everything appended to the disk."""
        self._start_over_in_a_fork()
        self._refuse_deleted()
        self._flush()
        self._journal.sync()

    def close(self) -> None:
        """Sync, and write no more."""
        if self._owner == os.getpid():
            self._flush()
            self._journal.close()
            self._lock.close()

    def _refuse_deleted(self) -> None:
        """What goes to a file without a name is lost when this process ends."""
        if self._lock.is_deleted:
            path = self._journal.path
            refuse_gone(self._folder)
            self._open()
            raise StoreError(
                f"the journal {path} was deleted, and what it had is lost; from now on "
                "records go to another one, so run the cell again",
                path=str(path),
            )

    def _open(self) -> None:
        self._owner = os.getpid()
        self._unwritten: list[bytes] = []
        self.writer = uuid.uuid4().hex
        self._journal = Journal(self._folder, self.writer, header=_header())
        self._lock.close()
        self._lock = Using()

    def _start_over_in_a_fork(self) -> None:
        """What the parent has not written yet is the parent's to write."""
        if self._owner != os.getpid():
            self._open()

    def _flush(self) -> None:
        batch, self._unwritten = self._unwritten, []
        if not batch:
            return
        try:
            self._journal.append(batch)
        except StoreError as error:
            written = error.facts.get("written", 0)
            self._unwritten = batch[written:] if isinstance(written, int) else batch
            raise
        self._lock.use(self._journal.path)


def _header() -> bytes:
    """Who wrote a journal: enough to tell processes apart, without the host's name."""
    who = {"app": _version(), "host": host_mark(), "pid": os.getpid()}
    return json.dumps({**who, "started": time.time()}).encode()


def _version() -> str | None:
    try:
        return version("quantumflow-lab")
    except PackageNotFoundError:
        return None


def verify(journal: Path) -> int:
    """Read one file of a journal from its start; returns the number of records.

    Raises
    ------
    JournalDamaged
        At the first record that fails its checksum or is missing.
    """
    offset, count = 0, 0
    seq: int | None = None
    with reading(journal) as read:
        while True:
            start = offset
            _, bounds, offset, seq, damage = read(offset, _BLOCK, seq)
            count += len(bounds) // 4 - 1
            if damage is not None:
                raise JournalDamaged(
                    f"{journal} is damaged at byte {offset}: {damage[1]};"
                    " the records around it are kept",
                    file=str(journal),
                    offset=offset,
                )
            if offset == start:
                return count
