"""From journals to tables: verified records, each exactly once.

The offset up to which a journal has been read is committed together with the rows.
"""

from __future__ import annotations

import json
import logging
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantumflow_lab.store import settle
from quantumflow_lab.store.journals import length, listed, reading
from quantumflow_lab.store.payload import BLANK, VERSION

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_log = logging.getLogger(__name__)

# Filled with names from our own tables, never with anything from a record.
_TOLD = """
SELECT CASE WHEN told[1] = ? THEN told[2] END AS kind, told[2] AS named, told[3] AS run
FROM (
    SELECT json_extract_string({line}, ['$.v', '$.kind', '$.run']) AS told FROM arriving
)
"""
_TOUCHED = """
INSERT INTO touched SELECT DISTINCT run FROM arriving WHERE run IS NOT NULL
EXCEPT FROM touched
"""
_KEEP = """
INSERT INTO rec_{kind} BY NAME
SELECT writer, seq, unnest(json_transform(line, '{shape}')) FROM arriving WHERE kind = ?
"""
_OTHER = """
INSERT INTO rec_other SELECT writer, seq, named, line FROM arriving
WHERE (kind IS NULL OR NOT list_contains(?, kind)) AND named IS DISTINCT FROM ?
"""
_VALID = "CASE WHEN json_valid(line) THEN line END"
"""A line can have its checksum right and not be JSON, if not we wrote it."""

_BLOCK = 4 << 20
"""Bytes that are read at once; DuckDB's threads take one block each."""
_BATCH = 128 << 20
"""Bytes of records that go to DuckDB together, which bounds the memory it takes. With
half as many, each batch leaves half a row group, and the database is twice as large."""
_TRANSACTION = 512 << 20
"""Bytes of records in one transaction, after which runs are settled once."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Records that lie one after another in a journal."""

    writer: str
    first: int
    """Sequence number of the first."""
    payloads: bytes
    bounds: bytes
    """Where each payload starts and the last one ends, as native 32-bit integers."""

    def __len__(self) -> int:
        return len(self.bounds) // 4 - 1


@dataclass(frozen=True, slots=True)
class _Damage:
    journal: str
    offset: int
    length: int
    reason: str


@dataclass(slots=True)
class _Batch:
    """What one transaction brings in."""

    blocks: list[_Block] = field(default_factory=list)
    damages: list[_Damage] = field(default_factory=list)
    offsets: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """Journal, then where to read on and the sequence number expected there."""

    @property
    def size(self) -> int:
        return sum(len(block.payloads) for block in self.blocks)


def ingest(connection: duckdb.DuckDBPyConnection, journals: Path) -> int:
    """Take in what the journals have and the tables do not.

    Damaged lines are passed over, once: they are listed in ``journal_damage``, logged,
    and stay in the journal.

    Returns
    -------
    int
        Number of records taken.
    """
    import duckdb

    taken, line = 0, "line"
    while True:
        try:
            came, more = _transaction(connection, journals, line)
        except duckdb.InvalidInputException:
            if line == _VALID:
                raise
            line = _VALID
            continue
        taken += came
        if not more:
            return taken


def take_waiting(connection: duckdb.DuckDBPyConnection) -> None:
    """Give records of kinds that were not known before to the tables there are now."""
    waiting = connection.sql("SELECT writer, seq, record AS line FROM rec_other")
    table = waiting.to_arrow_table()
    if table.num_rows:
        connection.execute("DELETE FROM rec_other")
        settle.begin(connection)
        _insert(connection, table, _VALID)


def _transaction(
    connection: duckdb.DuckDBPyConnection, journals: Path, line: str
) -> tuple[int, bool]:
    """Take in so much; the number of records, and whether there may be more."""
    import duckdb

    rows = connection.execute(
        'SELECT journal, "offset", seq FROM ingest_offset'
    ).fetchall()
    known: dict[str, tuple[int, int | None]] = {j: (o, s) for j, o, s in rows}
    taken, size, more = 0, 0, False
    damages: list[_Damage] = []
    connection.begin()
    try:
        settle.begin(connection)
        for batch in _batches(journals, known):
            _store(connection, batch, line)
            taken += sum(len(block) for block in batch.blocks)
            damages += batch.damages
            size += batch.size
            if more := size >= _TRANSACTION:
                break
        if taken:
            settle.settle(connection)
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # a full disk has ended it already
            connection.rollback()
        raise
    for damage in damages:
        _log.warning(
            "%s is damaged at byte %d: %s; the records around it are kept",
            journals / damage.journal,
            damage.offset,
            damage.reason,
        )
    return taken, more


def read_from(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Journals whose records are in the tables."""
    rows = connection.execute("SELECT journal FROM ingest_offset ORDER BY journal")
    return [journal for (journal,) in rows.fetchall()]


def is_ahead(connection: duckdb.DuckDBPyConnection, journals: Path) -> bool:
    """Whether the tables have records that a power cut has taken from the journals."""
    rows = connection.execute('SELECT journal, "offset" FROM ingest_offset').fetchall()
    sizes = {path.name: length(path) for path in listed(journals)}
    return any(sizes.get(journal, offset) < offset for journal, offset in rows)


def _batches(
    journals: Path, known: dict[str, tuple[int, int | None]]
) -> Iterator[_Batch]:
    batch = _Batch()
    for path in listed(journals):
        offset, seq = known.get(path.name, (0, None))
        size = length(path)
        if offset >= size:
            continue
        with reading(path) as read:
            while offset < size:
                start, came_from = offset, seq
                payloads, bounds, offset, seq, damage = read(offset, _BLOCK, seq)
                count = len(bounds) // 4 - 1
                if count:
                    first = (seq or 0) - count
                    batch.blocks.append(_Block(_writer(path), first, payloads, bounds))
                if damage is not None:
                    skipped, reason = damage
                    batch.damages.append(_Damage(path.name, offset, skipped, reason))
                    # What comes next is believed: the sequence is broken here.
                    offset, seq = offset + skipped, None
                elif (offset, seq) == (start, came_from):
                    break
                batch.offsets[path.name] = offset, seq
                if batch.size >= _BATCH:
                    yield batch
                    batch = _Batch()
    if batch.offsets:
        yield batch


def _writer(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def _store(connection: duckdb.DuckDBPyConnection, batch: _Batch, line: str) -> None:
    if batch.blocks:
        _insert(connection, _table(batch.blocks), line)
    for name, (offset, seq) in batch.offsets.items():
        connection.execute("DELETE FROM ingest_offset WHERE journal = ?", [name])
        connection.execute(
            "INSERT INTO ingest_offset VALUES (?, ?, ?)", [name, offset, seq]
        )
    for damage in batch.damages:
        connection.execute(
            "INSERT INTO journal_damage VALUES (?, ?, ?, ?, now())",
            [damage.journal, damage.offset, damage.length, damage.reason],
        )


def _insert(connection: duckdb.DuckDBPyConnection, table: pa.Table, line: str) -> None:
    connection.register("arriving", table)
    told = connection.sql(_TOLD.format(line=line), params=[str(VERSION)])
    # Back to Arrow: DuckDB's threads share a table there by blocks, one of its own only
    # by 122,880 rows.
    for name, column in zip(told.columns, told.to_arrow_table().columns, strict=True):
        table = table.append_column(name, column)
    connection.register("arriving", table)
    connection.execute(_TOUCHED)
    shapes = _shapes(connection)
    for kind in table["kind"].unique().to_pylist():
        if kind in shapes:
            keep = _KEEP.format(kind=kind, shape=shapes[kind])
            connection.execute(keep, [kind])
    connection.execute(_OTHER, [sorted(shapes), BLANK])
    connection.unregister("arriving")


def _shapes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """For each kind, the columns of its table as ``json_transform`` wants them."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE starts_with(table_name, 'rec_') AND table_name <> 'rec_other'"
        " AND column_name NOT IN ('writer', 'seq', 'superseded')"
    ).fetchall()
    shapes: dict[str, dict[str, Any]] = {}
    for table, column, kind in rows:
        shape: Any = [kind[:-2]] if kind.endswith("[]") else kind
        shapes.setdefault(table.removeprefix("rec_"), {})[column] = shape
    return {kind: json.dumps(columns) for kind, columns in shapes.items()}


def _table(blocks: list[_Block]) -> pa.Table:
    """Writer, sequence number and line of each record; the bytes are not copied."""
    import numpy as np
    import pyarrow as pa

    writers, seqs, lines = [], [], []
    for block in blocks:
        count = len(block)
        line = _strings(block.bounds, block.payloads)
        try:
            line.validate(full=True)
        except pa.ArrowInvalid:
            line = pa.array(_repaired(block))
        lines.append(line)
        name = block.writer.encode()
        bounds = np.arange(count + 1, dtype=np.int32) * np.int32(len(name))
        writers.append(_strings(bounds.tobytes(), name * count))
        seq = pa.py_buffer(np.arange(block.first, block.first + count, dtype=np.int64))
        seqs.append(pa.Array.from_buffers(pa.int64(), count, [None, seq]))
    names = ["writer", "seq", "line"]
    return pa.table([pa.chunked_array(c) for c in (writers, seqs, lines)], names=names)


def _strings(bounds: bytes, texts: bytes) -> pa.StringArray:
    """Texts that lie one after another. From buffers: ``pa.array`` imports pandas."""
    import pyarrow as pa

    count = len(bounds) // 4 - 1
    return pa.StringArray.from_buffers(count, pa.py_buffer(bounds), pa.py_buffer(texts))


def _repaired(block: _Block) -> list[str]:
    """Lines that are not UTF-8, made so; the journal keeps what it has."""
    bounds = array("i", block.bounds)
    return [block.payloads[a:b].decode("utf-8", "replace") for a, b in pairwise(bounds)]
