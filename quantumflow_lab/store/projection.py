"""The asking side of a store: the database that is made from the journals."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quantumflow_lab.errors import StoreError, StoreLocked
from quantumflow_lab.store import database, schema
from quantumflow_lab.store.erasing import erase
from quantumflow_lab.store.ingest import ingest, is_ahead, read_from
from quantumflow_lab.store.journals import length, listed
from quantumflow_lab.store.lock import held, holder
from quantumflow_lab.store.packing import pack
from quantumflow_lab.store.sweeping import sweep

if TYPE_CHECKING:
    import duckdb

PATIENCE = 2.0
"""Seconds to wait for another lab that is just taking records in."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compacting has come to."""

    database: tuple[int, int]
    """Bytes of the database file, before and after."""
    journals: list[tuple[int, int]]
    """The same of each file of a journal that was packed."""
    erased: int = 0
    """Records of forgotten runs that were erased from packed journals."""
    values: tuple[int, int] = (0, 0)
    """Files of values that nothing refers to any more, and their bytes."""


class Projection:
    """A DuckDB file that is opened for moments, and can always be made anew.

    Parameters
    ----------
    path
        The file.
    journals
        The folder it is made from.
    """

    def __init__(self, path: Path, journals: Path) -> None:
        self.path = path
        self._journals = journals
        self._lock_file = path.with_name("ingest.lock")
        self._seen: tuple[dict[str, int], tuple[int, int] | None] | None = None
        """Journals as they were last taken in, and the file that has them."""
        self._taken_at = float("-inf")
        """When everything was taken in last, monotonic seconds."""
        self._memory: tuple[int, duckdb.DuckDBPyConnection] | None = None

    def take(self, wait: float = 0.0, *, late: float = 0.0) -> int | None:
        """Take new records in; None if other labs had the file for ``wait`` seconds.

        Those of the last ``late`` seconds may be missing.
        """
        asked = time.monotonic()
        if self._seen == (self.sizes(), self._stamp()):
            self._taken_at = asked
            return 0
        with held(self._lock_file, exclusive=True, wait=wait) as mine:
            if not mine:
                return None
            now, sizes = time.monotonic(), self.sizes()
            # Another thread may have taken in what this one needs.
            if self._taken_at >= asked - late and self._is_filled():
                return 0
            taken = self._fill(self.path)
            self._seen, self._taken_at = (sizes, self._stamp()), now
        return taken

    def _is_filled(self) -> bool:
        """Whether the file is the one that this process has filled last."""
        return self._seen is not None and self._seen[1] == self._stamp()

    @contextmanager
    def reading(
        self, wait: float = PATIENCE, *, late: float = 0.0
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Everything that was recorded before this call, for questions only.

        Parameters
        ----------
        wait
            Seconds to wait for other labs.
        late
            Seconds by which records may be missing, since taking them in takes longer
            than to ask.

        Raises
        ------
        StoreLocked
            If somebody else holds the file.
        """
        is_recent = time.monotonic() - self._taken_at <= late and self.path.exists()
        if not is_recent and self.take(wait, late=late) is None:
            raise self._busy()
        with held(self._lock_file, exclusive=False, wait=wait) as mine:
            if not mine:
                raise self._busy()
            with database.connected(self.path, read_only=True) as connection:
                yield connection

    def in_memory(self) -> duckdb.DuckDBPyConnection:
        """The same without the file; slower, as it reads all journals once."""
        # A connection does not survive a fork.
        if self._memory is None or self._memory[0] != os.getpid():
            self._memory = os.getpid(), database.in_memory()
        connection = self._memory[1]
        schema.prepare(connection)
        ingest(connection, self._journals)
        return connection

    def rebuild(self, *, force: bool = False) -> int:
        """Make the file anew; returns the number of records.

        Parameters
        ----------
        force
            Also if the file has records of journals that are gone.

        Raises
        ------
        StoreError
            If it has, and would lose them.
        StoreLocked
            If somebody else holds the file.
        """
        with held(self._lock_file, exclusive=True, wait=PATIENCE) as mine:
            if not mine:
                raise self._busy()
            self._refuse_if_locked()
            if not force and (gone := self._gone()):
                raise StoreError(
                    f"{self.path} has records of {len(gone)} journals that are gone, "
                    f"such as {gone[0]}, and would lose them: keep them by qflow store "
                    "export FOLDER, then type qflow store rebuild --force",
                    path=str(self.path),
                )
            draft = self.path.with_suffix(".draft")
            _remove(draft)
            taken = self._fill(draft)
            # A write-ahead log belongs to the file it was written for.
            _remove(self.path)
            draft.replace(self.path)
        return taken

    def compact(self) -> Compacted:
        """Give back the room that nothing uses; see :meth:`Store.compact`."""
        if self.take(PATIENCE) is None:
            raise self._busy()
        with held(self._lock_file, exclusive=True, wait=PATIENCE) as mine:
            if not mine:
                raise self._busy()
            self._refuse_if_locked()
            before = self.path.stat().st_size
            draft = self.path.with_suffix(".draft")
            _remove(draft)
            database.copy(self.path, draft)
            _remove(self.path)
            draft.replace(self.path)
            journals = pack(self._journals)
            erased, values = self._remove(self._forgotten())
        sizes = before, self.path.stat().st_size
        return Compacted(sizes, journals, erased, values)

    def _forgotten(self) -> set[str]:
        with database.connected(self.path, read_only=True) as connection:
            rows = connection.execute("SELECT DISTINCT run FROM rec_forget").fetchall()
        return {run for (run,) in rows}

    def _remove(self, runs: set[str]) -> tuple[int, tuple[int, int]]:
        """Remove what is left of forgotten runs; see :class:`Compacted`."""
        if not runs:
            return 0, (0, 0)
        return erase(self._journals, runs), sweep(self._journals.parent)

    def _refuse_if_locked(self) -> None:
        """A program that has the file open would go on with one that nobody sees."""
        try:
            if self.path.exists():
                with database.connected(self.path, read_only=False):
                    pass
        except StoreLocked:
            raise
        except StoreError:
            pass  # what is damaged is to be replaced

    def _gone(self) -> list[str]:
        """Journals that the file has read and that are not there any more."""
        if not self.path.exists():
            return []
        there = {path.name for path in listed(self._journals)}
        try:
            with database.connected(self.path, read_only=True) as connection:
                return [each for each in read_from(connection) if each not in there]
        except StoreError:
            return []  # damaged: it has nothing to lose

    def close(self) -> None:
        """Let go of the memory."""
        if self._memory is not None and self._memory[0] == os.getpid():
            self._memory[1].close()
        self._memory = None

    def _fill(self, path: Path) -> int:
        if not path.exists():
            _remove(path)  # its log, if someone deleted the file but not that
        with (
            database.written(path),
            database.connected(path, read_only=False) as connection,
        ):
            schema.prepare(connection)
            if not is_ahead(connection, self._journals):
                return ingest(connection, self._journals)
        _remove(path)
        return self._fill(path)

    def sizes(self) -> dict[str, int]:
        """Size of each journal: what grew since has news."""
        return {path.name: length(path) for path in listed(self._journals)}

    def _stamp(self) -> tuple[int, int] | None:
        """Which file it is: another process may have begun it anew, and died."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _busy(self) -> StoreLocked:
        pid = holder(self._lock_file)
        who = "another lab" if pid is None else f"another lab (PID {pid})"
        return StoreLocked(
            f"{who} is busy with {self.path}; try again in a moment"
            " (recording goes on meanwhile)",
            path=str(self.path),
            program="another lab",
            pid=pid,
        )


def _remove(path: Path) -> None:
    for file in (path, Path(f"{path}.wal")):
        file.unlink(missing_ok=True)
