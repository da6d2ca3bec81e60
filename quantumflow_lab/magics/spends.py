"""Which statement ``spend`` is to make, and how it is written."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantumflow_lab.errors import ExportFailed, MagicLineError, did_you_mean
from quantumflow_lab.magics.table import Table

_UNITS = {"machine_s": "machine (s)", "qpu_s": "QPU (s)"}
_COLUMNS = (
    *("month", "of", "jobs", "circuits", "shots", "machine_s", "qpu_s"),
    *("quoted", "cost", "currency"),
)
SPEND_OPTIONS = {
    "--month": "2026-11",
    "--by": "backend|project|notebook",
    "--csv": "FILE",
}
"""What each option takes, for messages."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What was asked for."""

    month: str | None = None
    by: str = "backend"
    csv: Path | None = None
    """File to write instead of showing a table."""


def spend_options(words: Sequence[str]) -> Statement:
    """The statement that words stand for.

    Raises
    ------
    MagicLineError
        With what to type instead.

    Examples
    --------
    >>> spend_options(["--month", "2026-11"])
    Statement(month='2026-11', by='backend', csv=None)
    """
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word, *rest = rest
        if word not in SPEND_OPTIONS:
            hint = did_you_mean(word, SPEND_OPTIONS)
            raise MagicLineError(f"spend has no option {word}{hint}")
        if not rest:
            raise MagicLineError(f"write {word} {SPEND_OPTIONS[word]}")
        value, *rest = rest
        found[word.removeprefix("--")] = Path(value) if word == "--csv" else value
    return Statement(**found)


def spend_table(rows: Iterable[Mapping[str, Any]], by: str) -> Table:
    """Rows of the query ``spend``, headed by what they are told by."""
    named = {"of": by, **_UNITS}
    shown = [{named.get(k, k): _money(k, row[k]) for k in _COLUMNS} for row in rows]
    return Table.of(shown, *(named.get(k, k) for k in _COLUMNS))


def _money(column: str, value: Any) -> Any:
    """Without the last digits, which are those of binary fractions."""
    return round(value, 6) if isinstance(value, float) else value


def write_csv(rows: Iterable[Mapping[str, Any]], by: str, path: Path) -> None:
    """Write rows of the query ``spend``; units stand in the header.

    Raises
    ------
    ExportFailed
        If it cannot be written there.
    """
    table = spend_table(rows, by).arrow
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.column_names)
            for row in table.to_pylist():
                writer.writerow(map(_cell, row.values()))
    except OSError as error:
        raise ExportFailed(f"cannot write {path}: {error.strerror}") from error


def _cell(value: Any) -> Any:
    """A text that a spreadsheet takes for a formula gets a quote in front of it."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
