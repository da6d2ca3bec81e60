"""Connections to DuckDB, and its answers as our errors."""

from __future__ import annotations

import gc
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from quantumflow_lab.errors import BadQuery, StoreError, StoreLocked

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

T = TypeVar("T")

_CLOSED: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "enable_external_access": False,
    "python_enable_replacements": False,
}
"""Nothing comes in from files or the network: records arrive as Arrow tables."""

_READER: dict[str, Any] = {
    **_CLOSED,
    "memory_limit": "2GB",
    "lock_configuration": True,
}

FORMAT = "v1.5.0"
"""Storage version, the oldest that every supported DuckDB reads and writes."""


@contextmanager
def connected(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database file, for a moment.

    Raises
    ------
    StoreLocked
        If a foreign program holds it, naming the program.
    StoreError
        If the file is not one that DuckDB reads.
    """
    import duckdb

    options = (
        _READER if read_only else {**_CLOSED, "storage_compatibility_version": FORMAT}
    )
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=options)
    except duckdb.Error as error:
        raise _refusal(path, error) from error
    with connection:
        yield connection


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Around what changes the database file.

    Raises
    ------
    StoreError
        If the disk has no room for it, or it is damaged.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise StoreError(
            f"{path} cannot be written: {_one_line(str(error))} (the records are in the"
            " journals, and come in when it can)",
            path=str(path),
        ) from error


def copy(path: Path, draft: Path) -> None:
    """Write what is in a database to a new file, which has room for nothing else.

    Raises
    ------
    StoreLocked
        If a foreign program holds it, naming the program.
    StoreError
        If the file is not one that DuckDB reads, or the disk has no room for two.
    """
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(f"ATTACH '{_quoted(path)}' AS old (READ_ONLY)")
        except duckdb.Error as error:
            raise _refusal(path, error) from error
        try:
            connection.execute(
                f"ATTACH '{_quoted(draft)}' AS new (STORAGE_VERSION '{FORMAT}')"
            )
            connection.execute("COPY FROM DATABASE old TO new")
        except duckdb.Error as error:
            raise StoreError(
                f"cannot write {draft}: {_one_line(str(error))}; {path} stays as it is",
                path=str(draft),
            ) from error


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def in_memory() -> duckdb.DuckDBPyConnection:
    """A database without a file, for when the file cannot be had."""
    import duckdb

    return duckdb.connect(":memory:", config=_CLOSED)


def _refusal(path: Path, error: Exception) -> StoreError:
    text = str(error)
    holder = re.search(r"held in (.*?) \(PID (\d+)\)", text)
    if holder:
        program, pid = Path(holder[1]).name, int(holder[2])
        return StoreLocked(
            f"{path} is held open by {program} (PID {pid}); close it there"
            " (recording goes on meanwhile)",
            path=str(path),
            program=program,
            pid=pid,
        )
    if re.search("different configuration|already (open|attached)", text, re.I):
        return StoreLocked(
            f"{path} is held open by this very process; close that connection"
            " (recording goes on meanwhile)",
            path=str(path),
            program="this process",
            pid=os.getpid(),
        )
    if "set lock" in text:
        return StoreLocked(
            f"{path} is held open by another program; close it there",
            path=str(path),
            program=None,
            pid=None,
        )
    return StoreError(
        f"{path} does not open: {_one_line(text)};"
        " delete it, the next question makes it anew from the journals",
        path=str(path),
    )


def table(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    params: Sequence[Any] | Mapping[str, Any] = (),
) -> pa.Table:
    """The answer to one SELECT as an Arrow table.

    Raises
    ------
    BadQuery
        In one line, with DuckDB's own hint.
    """
    with _answers(query):
        return _interruptible(
            connection, lambda: _asked(connection, query, params).to_arrow_table()
        )


def _interruptible(connection: duckdb.DuckDBPyConnection, ask: Callable[[], T]) -> T:
    """Ask in a thread, so that Ctrl-C reaches who waits, and through it the query."""
    with ThreadPoolExecutor(1, thread_name_prefix="qflow-sql") as pool:
        answer = pool.submit(ask)
        try:
            return answer.result()
        except KeyboardInterrupt:
            # Again, as long as the query has not begun and so cannot hear it.
            while not answer.done():
                connection.interrupt()
                wait([answer], 0.05)
            raise


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The answer to one SELECT as dictionaries, JSON columns read."""
    with _answers(query):
        found = _asked(connection, query, params)
        names = found.columns
        texts = [str(kind) == "JSON" for kind in found.types]
        table = found.to_arrow_table()
    with _collected_later():
        columns = [
            _parsed(column) if is_text else column.to_pylist()
            for column, is_text in zip(table.columns, texts, strict=True)
        ]
        return [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]


@contextmanager
def _collected_later() -> Iterator[None]:
    """Without garbage collection, which would look at 100,000 rows again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _parsed(column: pa.ChunkedArray) -> list[Any]:
    """JSON texts, read at once: one after the other takes three times as long."""
    texts = ",".join(text or "null" for text in column.to_pylist())
    read: list[Any] = json.loads(f"[{texts}]")
    return read


@contextmanager
def _answers(query: str) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise BadQuery(_one_line(str(error)), query=query) from error


def _asked(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    params: Sequence[Any] | Mapping[str, Any],
) -> duckdb.DuckDBPyRelation:
    found = connection.sql(query, params=_params(params))
    if found is None:
        raise BadQuery("this SQL gives no rows; write a SELECT", query=query)
    return found


def _params(params: Sequence[Any] | Mapping[str, Any]) -> Any:
    return dict(params) if isinstance(params, Mapping) else list(params)


def _one_line(text: str) -> str:
    """DuckDB's message and hint without the excerpt of the query below them."""
    told = text.split("\n\nLINE ")[0]
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return " ".join(lines)
