"""The shape of the database: forward migrations, then what is made from the records."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from quantumflow_lab.errors import StoreTooNew
from quantumflow_lab.store import settle
from quantumflow_lab.store.ingest import take_waiting

if TYPE_CHECKING:
    import duckdb

_FILES = resources.files("quantumflow_lab.store")


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Number, name and SQL of each migration, in order."""
    found = []
    for file in (_FILES / "migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append((int(number), name, file.read_text()))
    return tuple(sorted(found))


@cache
def views() -> str:
    """SQL that makes the public views anew."""
    return (_FILES / "views.sql").read_text()


def _derived() -> str:
    """All that is made from the records: when it changes, it is made anew."""
    return views() + settle.sql()


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring a database to this version's shape; does nothing to one that has it.

    Raises
    ------
    StoreTooNew
        If a newer version of the lab wrote it.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migration"
        " (version INTEGER, name VARCHAR, views VARCHAR, applied TIMESTAMPTZ)"
    )
    done = connection.execute(
        "SELECT coalesce(max(version), 0), arg_max(views, applied)"
        " FROM schema_migration"
    ).fetchone()
    version, seen = done if done is not None else (0, None)
    newest = migrations()[-1][0]
    if version > newest:
        raise StoreTooNew(
            f"a newer quantumflow-lab wrote this store (schema {version}, this version"
            f" knows {newest}); pip install -U quantumflow-lab",
            found=version,
            known=newest,
        )
    if version < newest or seen != _derived():
        _migrate(connection, version)


def _migrate(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    connection.begin()
    for number, _, sql in migrations():
        if number > version:
            connection.execute(sql)
    take_waiting(connection)
    connection.execute(views())
    settle.settle_all(connection)
    number, name, _ = migrations()[-1]
    connection.execute(
        "INSERT INTO schema_migration VALUES (?, ?, ?, now())",
        [number, name, _derived()],
    )
    connection.commit()
    # Changes of the schema that only lie in the write-ahead log are the ones that have
    # made databases unreadable after a crash.
    connection.execute("CHECKPOINT")
