"""What the records of runs come to, kept beside them: no question need add it up."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from quantumflow_lab.store.payload import OUTLIVE

if TYPE_CHECKING:
    import duckdb

_CHUNK = 1_000_000
"""Points that are looked at together, which bounds the memory it takes."""

_EVERY = """
CREATE OR REPLACE TEMP TABLE every AS
SELECT run, (sum(records) OVER (ORDER BY run) // ?)::BIGINT AS chunk
FROM (
    SELECT run, count(*) AS records
    FROM (
        SELECT run FROM rec_unit
        UNION ALL SELECT run FROM rec_metric
        UNION ALL SELECT run FROM rec_job
        UNION ALL SELECT run FROM rec_session
        UNION ALL SELECT run FROM rec_step
        UNION ALL SELECT run FROM rec_run
        UNION ALL SELECT run FROM rec_forget
    )
    WHERE run IS NOT NULL
    GROUP BY run
)
"""
_FORGOTTEN = """
CREATE OR REPLACE TEMP TABLE forgotten AS
SELECT DISTINCT run FROM rec_forget WHERE run IN (FROM touched)
"""
_TABLES = """
SELECT table_name FROM duckdb_columns()
WHERE starts_with(table_name, 'rec_') AND column_name = 'run'
    AND NOT list_contains(?, table_name.replace('rec_', ''))
"""
_FORGET = "DELETE FROM {table} WHERE run IN (FROM forgotten)"
_OTHERS = """
DELETE FROM rec_other
WHERE CASE WHEN json_valid(record) THEN record ->> '$.run' END IN (FROM forgotten)
"""


@cache
def sql() -> str:
    """SQL that settles the runs in the table ``touched``."""
    return (resources.files("quantumflow_lab.store") / "settle.sql").read_text()


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Note from now on, in the table ``touched``, the runs that get records."""
    connection.execute("CREATE OR REPLACE TEMP TABLE touched (run VARCHAR)")


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring the tables ``current_*`` up to the records of the runs in ``touched``."""
    _forget(connection)
    connection.execute(sql())


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete the records of the runs in ``touched`` that were to be forgotten."""
    connection.execute(_FORGOTTEN)
    if connection.execute("FROM forgotten LIMIT 1").fetchone() is None:
        return
    for (table,) in connection.execute(_TABLES, [OUTLIVE]).fetchall():
        connection.execute(_FORGET.format(table=table))
    connection.execute(_OTHERS)


def settle_all(connection: duckdb.DuckDBPyConnection) -> None:
    """The same for every run there is."""
    connection.execute(_EVERY, [_CHUNK])
    chunks = connection.execute("SELECT DISTINCT chunk FROM every ORDER BY chunk")
    for (chunk,) in chunks.fetchall():
        begin(connection)
        connection.execute(
            "INSERT INTO touched SELECT run FROM every WHERE chunk = ?", [chunk]
        )
        settle(connection)
    connection.execute("DROP TABLE every")
