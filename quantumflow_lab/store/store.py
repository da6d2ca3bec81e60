"""The store of one home: append, ask, and values by content."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from quantumflow_lab.errors import (
    BadQuery,
    HomeNotWritable,
    NotStorable,
    StoreError,
    StoreLocked,
    StoreTooNew,
    UnknownRun,
    did_you_mean,
)
from quantumflow_lab.store import database
from quantumflow_lab.store.export import to_parquet
from quantumflow_lab.store.home import database_path, prepare_home
from quantumflow_lab.store.journals import listed
from quantumflow_lab.store.projection import PATIENCE, Compacted, Projection
from quantumflow_lab.store.recorder import Recorder, verify
from quantumflow_lab.store.results import Results
from quantumflow_lab.store.shown import names_in, pruned, with_values
from quantumflow_lab.store.values import Values

if TYPE_CHECKING:
    import pyarrow as pa

_QUERIES = resources.files("quantumflow_lab.store") / "queries"


class Store:
    """Journals, database and values under one home; safe to use from several threads.

    Parameters
    ----------
    home
        Folder of the lab, as :func:`find_home` gives it; created if missing. One that
        can only be read is asked as any other; it takes no record.

    Raises
    ------
    HomeNotWritable
        If the folder can neither be written nor asked.
    """

    def __init__(self, home: str | Path) -> None:
        self.home = Path(home).expanduser().absolute()
        folder = self.home / "journal"
        self._writable = True
        try:
            prepare_home(self.home)
        except HomeNotWritable:
            if not os.access(folder, os.R_OK | os.X_OK):
                raise
            self._writable = False
        self._lock = threading.RLock()
        self._recorder = Recorder(folder)
        self._projection = Projection(database_path(self.home), folder)
        self._values = Values(self.home / "values")
        self._patience = PATIENCE
        """Seconds that a named query waits for other labs before it reads journals."""
        self._names: set[str] = set()
        """Names of which there is a run, as far as is known."""
        self._others: dict[str, int] = {}
        """Sizes of the journals of other processes when they were last read."""
        self.results = Results(self.home / "cache" / "results.jsonl")

    @property
    def database(self) -> Path:
        """The DuckDB file; made anew from the journals whenever it is missing."""
        return self._projection.path

    def append(
        self, records: Sequence[Mapping[str, Any]], *, sync: bool = False
    ) -> None:
        """Add records in one write; with ``sync`` they are on the disk on return.

        Raises
        ------
        JournalFull
            If the disk is full. What was not written stays in memory and goes first
            with the next call that finds room.
        """
        with self._lock:
            self._recorder.append(records)
            if sync:
                self.sync()

    def begin(self, record: Mapping[str, Any]) -> None:
        """Add the first record of a run: on the disk on return, or not kept at all.

        So are the values that it refers to.

        Raises
        ------
        JournalFull
            If the disk is full; then there is no such run.
        HomeNotWritable
            If nothing can be recorded there.
        """
        self.check_writable()
        with self._lock:
            self._values.sync()
            self._recorder.begin(record)
            self._names.add(str(record["name"]))

    def sync(self) -> None:
        """Bring everything appended and put so far to the disk."""
        with self._lock:
            # Values first: a record on the disk refers to nothing that is not.
            self._values.sync()
            self._recorder.sync()

    def put(self, value: object) -> dict[str, Any] | None:
        """Store a value by content.

        Returns
        -------
        dict or None
            ``{"ref", "media", "bytes"}`` for a record; None if the codec has no place
            for the value, which then lives in memory only.

        Raises
        ------
        HomeNotWritable
            If nothing can be kept there.
        """
        self.check_writable()
        try:
            return self._values.put(value)
        except NotStorable:
            return None

    def check_writable(self) -> None:
        """Refuse what a home that can only be read cannot keep; cheap for any other.

        Raises
        ------
        HomeNotWritable
            Naming the folder.
        """
        if not self._writable:
            prepare_home(self.home)
            self._writable = True

    def get(self, reference: Mapping[str, Any]) -> object:
        """The value behind what :meth:`put` returned."""
        return self._values.get(reference)

    def ingest(self) -> int:
        """Take new records of all journals into the database; returns how many.

        Never waits: 0 if another lab or a foreign program holds the database. The
        records are safe in the journals and come in another time.

        Raises
        ------
        StoreTooNew
            If a newer version of the lab wrote the database.
        """
        try:
            return self._projection.take() or 0
        except StoreLocked:
            return 0

    def sql(
        self, query: str, params: Sequence[Any] | Mapping[str, Any] = ()
    ) -> pa.Table:
        """Ask the views ``qf_*`` in SQL; nothing can be changed, no file be read.

        Parameters
        ----------
        query
            One SELECT, with ``?`` or ``$name`` where parameters go.
        params
            Their values.

        Raises
        ------
        BadQuery
            If DuckDB refuses it, in one line with its hint.
        StoreLocked
            If a foreign program holds the database; it names the program.
        """
        with self._projection.reading() as connection:
            return database.table(connection, query, params)

    def query(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """Rows of a named query of ``store/queries``; times in seconds since 1970.

        A database that a foreign program holds, or for which the disk has no room, does
        not matter here: the journals are read into memory instead.
        """
        return self.queries([(name, params)])[0]

    def queries(
        self, asked: Sequence[tuple[str, Mapping[str, Any]]], *, late: float = 0.0
    ) -> list[list[dict[str, Any]]]:
        """Rows of several named queries with their parameters, as of one moment.

        The database is opened once for all of them; otherwise as :meth:`query`. Records
        of the last ``late`` seconds may be missing.
        """
        questions = [_question(name, params) for name, params in asked]
        try:
            with self._projection.reading(self._patience, late=late) as connection:
                found = [database.rows(connection, *each) for each in questions]
        except (BadQuery, StoreTooNew):
            raise
        except StoreError:
            # Who kept it so long may keep it for hours, like a process that is stopped.
            self._patience = 0.0
            with self._lock:
                connection = self._projection.in_memory()
                return [database.rows(connection, *each) for each in questions]
        self._patience = PATIENCE
        with self._lock:
            self._projection.close()
        return found

    def shown(self, name: str, /, **params: Any) -> str:
        """A named query as SQL that :meth:`sql` takes, its parameters filled in."""
        _refuse_unknown(name, params)
        return with_values(_named(name), params)

    def knows(self, name: str) -> bool:
        """Whether anybody has begun a run of that name.

        Cheap while only this process records, since the database stays closed.
        """
        with self._lock:
            others = self.others()
            if others and others != self._others:
                self._names |= {row["name"] for row in self.query("names")}
            self._others = others
            return name in self._names

    def others(self) -> dict[str, int]:
        """Journals of other processes and their sizes: equal ones have no news."""
        return {
            journal: size
            for journal, size in self._projection.sizes().items()
            if not journal.startswith(self._recorder.writer)
        }

    def latest_run(self, name: str) -> str | None:
        """Id of the run of that name that started last, or None."""
        found = self.query("latest_run", name=name)
        return found[0]["run"] if found else None

    def run_record(self, run_id: str) -> dict[str, Any]:
        """What a run was asked to do, with its ``number``, ``state`` and ``error``."""
        found = self.query("run_record", run=run_id)
        if not found:
            raise UnknownRun(f"the store has no run {run_id!r}; see '%qflow history'")
        return found[0]

    def units(self, run_id: str) -> list[dict[str, Any]]:
        """The latest record of each point of a run, by step and point.

        Its coordinates and the reference of its value are JSON texts, to be read when
        they are needed.
        """
        return self.query("units", run=run_id)

    def verify(self) -> int:
        """Read every journal from the start; returns the number of records.

        Raises
        ------
        JournalDamaged
            At the first record that fails its checksum or is missing, with ``file`` and
            ``offset``.
        """
        return sum(verify(path) for path in listed(self.home / "journal"))

    def rebuild(self, *, force: bool = False) -> int:
        """Make the database anew from the journals; returns the number of records.

        Raises
        ------
        StoreError
            If it has records of journals that are gone, unless to be forced.
        StoreLocked
            If somebody else has it open.
        """
        return self._projection.rebuild(force=force)

    def compact(self) -> Compacted:
        """Give back the room on the disk that nothing uses; no record is lost.

        The database is copied into a new file. Files of journals that nobody writes any
        more are packed with gzip, in their place. If runs were forgotten, their records
        are erased there, and values that nothing refers to any more are deleted, unless
        a run goes on.

        Raises
        ------
        StoreLocked
            If another lab or a foreign program holds the database.
        StoreError
            If the disk has no room for a second copy.
        """
        return self._projection.compact()

    def export(self, folder: Path | str) -> dict[str, int]:
        """Write every view ``qf_*`` to a folder, as ``<name>.parquet``.

        Returns
        -------
        dict
            Rows by name of the view.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        StoreLocked
            If a foreign program holds the database; it names the program.
        """
        with self._projection.reading() as connection:
            return to_parquet(connection, Path(folder))

    def close(self) -> None:
        """Sync and let go of everything; the store cannot append afterwards."""
        with self._lock:
            self._values.sync()
            self._recorder.close()
            self._projection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()


@cache
def _named(name: str) -> str:
    known = [f.name.removesuffix(".sql") for f in _QUERIES.iterdir()]
    if name not in known:
        raise BadQuery(f"no named query {name!r}" + did_you_mean(name, known))
    return (_QUERIES / f"{name}.sql").read_text()


def _question(name: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The SQL of a named query and every parameter of it; those not given are None."""
    _refuse_unknown(name, params)
    sql = pruned(_named(name), params)
    return sql, {key: params.get(key) for key in names_in(sql)}


def _refuse_unknown(name: str, params: Mapping[str, Any]) -> None:
    wanted = names_in(_named(name))
    for given in params:
        if given not in wanted:
            raise BadQuery(
                f"query {name!r} has no parameter {given!r}"
                + did_you_mean(given, wanted)
            )
