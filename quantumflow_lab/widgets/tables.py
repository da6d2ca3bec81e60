"""Rows of a query as an HTML table and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from quantumflow_lab.widgets.escape import Markup, element, one_line
from quantumflow_lab.widgets.style import SHEET

ROW_LIMIT = 200
"""Rows that are shown; the count of the others is told."""
CELL = 60
"""Characters of a cell in the text form."""


def table_html(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table for a notebook: numbers to the right, at most 200 rows.

    Examples
    --------
    >>> "<td>a&lt;b</td>" in table_html(["name"], [["a<b"]])
    True
    """
    kept = [tuple(row) for row in rows]
    table = table_element(columns, kept, _told(len(kept)))
    scroll = element("div", table, class_="qf-scroll")
    return element("div", SHEET, scroll, class_="qf-still")


def table_element(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    caption: str | None = None,
) -> Markup:
    """The table alone, without the frame that a notebook shows it in."""
    right = [_numeric(rows, i) for i in range(len(columns))]
    head = (
        element("th", str(name), scope="col", class_="qf-right" if r else None)
        for name, r in zip(columns, right, strict=True)
    )
    return element(
        "table",
        element("caption", caption, class_="qf-caption") if caption else None,
        element("thead", element("tr", *head)),
        element("tbody", *(_row(row, right) for row in rows[:ROW_LIMIT])),
    )


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table for a terminal.

    Examples
    --------
    >>> print(table_text(["name", "shots"], [["bell", 1000], ["t1", 20]]))
    name  shots
    ----  -----
    bell   1000
    t1       20
    (2 rows)
    """
    kept = [tuple(row) for row in rows]
    return "\n".join([*table_lines(columns, kept), f"({_told(len(kept))})"])


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Head, rule and rows of a table in aligned columns."""
    right = [_numeric(rows, i) for i in range(len(columns))]
    cells = [[one_line(cell(v), CELL) for v in row] for row in rows[:ROW_LIMIT]]
    names = [one_line(str(name), CELL) for name in columns]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    rule = ["-" * width for width in widths]
    return [_padded(line, widths, right) for line in (names, rule, *cells)]


def cell(value: object) -> str:
    """A value as a table shows it: floats to six digits, times to the second.

    A time as the clock on this wall shows it has no offset; any other one has.

    Examples
    --------
    >>> [cell(v) for v in (None, True, 0.1 + 0.2, 12, "a", ["aer", "b"])]
    ['', 'yes', '0.3', '12', 'a', 'aer, b']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        if value.utcoffset() == value.astimezone().utcoffset():
            value = value.replace(tzinfo=None)
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    return str(value)


def _row(row: Sequence[object], right: Sequence[bool]) -> Markup:
    cells = (
        element("td", cell(value), class_="qf-right" if r else None)
        for value, r in zip(row, right, strict=True)
    )
    return element("tr", *cells)


def _numeric(rows: Sequence[Sequence[object]], column: int) -> bool:
    values = [row[column] for row in rows if row[column] is not None]
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in values]
    return bool(numbers) and all(numbers)


def _told(count: int) -> str:
    rows = f"{count:,} row" if count == 1 else f"{count:,} rows"
    return rows if count <= ROW_LIMIT else f"{rows}, first {ROW_LIMIT} shown"


def _padded(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = [
        text.rjust(width) if r else text.ljust(width)
        for text, width, r in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(parts).rstrip()
