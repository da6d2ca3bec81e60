"""The views of the store as files that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from quantumflow_lab.errors import StoreError

if TYPE_CHECKING:
    import duckdb

_ROWS = 100_000
"""Rows held in memory at once."""


def to_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write each view ``qf_*`` as ``<name>.parquet``; rows by name.

    A file takes the place of an older one once it is whole.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    names = connection.sql(
        "SELECT view_name FROM duckdb_views() "
        "WHERE view_name LIKE 'qf!_%' ESCAPE '!' ORDER BY view_name"
    ).fetchall()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {name: _write(connection, name, folder) for (name,) in names}
    except OSError as error:
        raise StoreError(
            f"cannot export to {folder}: {error.strerror or error}; name a folder that "
            "can be written",
            path=str(folder),
        ) from error


def _write(connection: duckdb.DuckDBPyConnection, view: str, folder: Path) -> int:
    from pyarrow import parquet

    path = folder / f"{view}.parquet"
    draft = path.with_suffix(".part")
    rows = 0
    try:
        found = connection.view(view).to_arrow_reader(_ROWS)
        with parquet.ParquetWriter(draft, found.schema, compression="zstd") as writer:
            for batch in found:
                writer.write_batch(batch)
                rows += batch.num_rows
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return rows
