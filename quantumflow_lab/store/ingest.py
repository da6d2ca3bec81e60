"""From journals to tables: verified records, each exactly once.

The offset up to which a journal has been read is committed together with the rows.
"""

from __future__ import annotations

import json
import logging
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantumflow_lab.store.journals import read_journal
from quantumflow_lab.store.payload import VERSION

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_log = logging.getLogger(__name__)

# Filled with names from our own tables, never with anything from a record.
_INCOMING = """
CREATE OR REPLACE TEMP TABLE incoming AS
SELECT *, CASE WHEN json ->> '$.v' = ? THEN json ->> '$.kind' END AS kind
FROM (SELECT *, {line} AS json FROM arriving)
"""
_KEEP = """
INSERT INTO rec_{kind} BY NAME
SELECT writer, seq, unnest(json_transform(json, '{shape}')) FROM incoming WHERE kind = ?
"""

_BATCH = 16 << 20
"""Bytes of records in one transaction."""


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
    rows = connection.execute(
        'SELECT journal, "offset", seq FROM ingest_offset'
    ).fetchall()
    known: dict[str, tuple[int, int | None]] = {j: (o, s) for j, o, s in rows}
    taken = 0
    for batch in _batches(journals, known):
        _store(connection, batch)
        taken += sum(len(block) for block in batch.blocks)
        for damage in batch.damages:
            _log.warning(
                "%s is damaged at byte %d: %s; the records around it are kept",
                journals / damage.journal,
                damage.offset,
                damage.reason,
            )
    return taken


def is_ahead(connection: duckdb.DuckDBPyConnection, journals: Path) -> bool:
    """Whether the tables have records that a power cut has taken from the journals."""
    rows = connection.execute('SELECT journal, "offset" FROM ingest_offset').fetchall()
    sizes = {path.name: path.stat().st_size for path in journals.glob("*.jsonl")}
    return any(sizes.get(journal, offset) < offset for journal, offset in rows)


def _batches(
    journals: Path, known: dict[str, tuple[int, int | None]]
) -> Iterator[_Batch]:
    batch = _Batch()
    for path in sorted(journals.glob("*.jsonl")):
        offset, seq = known.get(path.name, (0, None))
        size = path.stat().st_size
        while offset < size:
            start, came_from = offset, seq
            payloads, bounds, offset, seq, damage = read_journal(
                path, offset, _BATCH, seq
            )
            block = _Block(
                _writer(path), (seq or 0) - len(bounds) // 4 + 1, payloads, bounds
            )
            if len(block):
                batch.blocks.append(block)
            if damage is not None:
                length, reason = damage
                batch.damages.append(_Damage(path.name, offset, length, reason))
                # What comes next is believed: the sequence is broken here.
                offset, seq = offset + length, None
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


def _store(connection: duckdb.DuckDBPyConnection, batch: _Batch) -> None:
    import duckdb

    try:
        _commit(connection, batch, "line")
    except duckdb.InvalidInputException:
        # A line can have its checksum right and not be JSON, if not we wrote it.
        _commit(connection, batch, "CASE WHEN json_valid(line) THEN line END")


def _commit(connection: duckdb.DuckDBPyConnection, batch: _Batch, line: str) -> None:
    connection.begin()
    try:
        if batch.blocks:
            connection.register("arriving", _table(batch.blocks))
            _insert(connection, line)
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
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _insert(connection: duckdb.DuckDBPyConnection, line: str) -> None:
    connection.execute(_INCOMING.format(line=line), [str(VERSION)])
    kinds = [
        k
        for (k,) in connection.execute("SELECT DISTINCT kind FROM incoming").fetchall()
    ]
    shapes = _shapes(connection)
    for kind in kinds:
        if kind in shapes:
            connection.execute(
                _KEEP.format(kind=kind, shape=shapes[kind]),
                [kind],
            )
    connection.execute(
        "INSERT INTO rec_other SELECT writer, seq, json ->> '$.kind', line"
        " FROM incoming WHERE kind IS NULL OR NOT list_contains(?, kind)",
        [sorted(shapes)],
    )
    connection.execute("DROP TABLE incoming")


def _shapes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """For each kind, the columns of its table as ``json_transform`` wants them."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE starts_with(table_name, 'rec_') AND table_name <> 'rec_other'"
        " AND column_name NOT IN ('writer', 'seq')"
    ).fetchall()
    shapes: dict[str, dict[str, Any]] = {}
    for table, column, kind in rows:
        shape: Any = [kind[:-2]] if kind.endswith("[]") else kind
        shapes.setdefault(table.removeprefix("rec_"), {})[column] = shape
    return {kind: json.dumps(columns) for kind, columns in shapes.items()}


def _table(blocks: list[_Block]) -> pa.Table:
    """Writer, sequence number and line of each record; the bytes are not copied."""
    import pyarrow as pa

    writers, seqs, lines = [], [], []
    for block in blocks:
        count = len(block)
        buffers = pa.py_buffer(block.bounds), pa.py_buffer(block.payloads)
        line = pa.StringArray.from_buffers(count, *buffers)
        try:
            line.validate(full=True)
        except pa.ArrowInvalid:
            line = pa.array(_repaired(block))
        lines.append(line)
        writers.append(pa.repeat(pa.scalar(block.writer), count))
        seqs.append(pa.array(range(block.first, block.first + count), pa.int64()))
    names = ["writer", "seq", "line"]
    return pa.table([pa.chunked_array(c) for c in (writers, seqs, lines)], names=names)


def _repaired(block: _Block) -> list[str]:
    """Lines that are not UTF-8, made so; the journal keeps what it has."""
    bounds = array("i", block.bounds)
    return [block.payloads[a:b].decode("utf-8", "replace") for a, b in pairwise(bounds)]
