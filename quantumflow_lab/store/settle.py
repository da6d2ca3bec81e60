"""What the records of runs come to, kept beside them: no question need add it up."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

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
        UNION ALL SELECT run FROM rec_step
        UNION ALL SELECT run FROM rec_run
    )
    WHERE run IS NOT NULL
    GROUP BY run
)
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
    connection.execute(sql())


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
