"""Rows of the store as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from quantumflow_lab.amounts import Money
from quantumflow_lab.widgets import table_html, table_text

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from quantumflow_lab.prices import PriceBook


class Table:
    """The answer to a query: shown as a table, read as Arrow or as a data frame.

    Examples
    --------
    >>> Table.of([{"name": "bell", "shots": 100}])
    name  shots
    ----  -----
    bell    100
    (1 row)
    """

    def __init__(self, arrow: pyarrow.Table):
        self.arrow = arrow
        """The rows as a :class:`pyarrow.Table`."""

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], *columns: str) -> Table:
        """A table of rows with the same keys; `columns` names those of an empty one."""
        import pyarrow

        rows = [dict(row) for row in rows]
        if not rows:
            return cls(pyarrow.table({name: [] for name in columns}))
        return cls(pyarrow.Table.from_pylist(rows))

    def df(self) -> pandas.DataFrame:
        """The rows as a data frame; needs pandas."""
        return self.arrow.to_pandas()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows for polars, DuckDB and others that speak Arrow."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __repr__(self) -> str:
        return table_text(self.arrow.column_names, self._rows())

    def _repr_html_(self) -> str:
        return table_html(self.arrow.column_names, self._rows())

    def _rows(self) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.arrow.to_pylist()]


_HISTORY_FIRST = ("number", "name", "started", "state", "run", "backends")


def history_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Rows of the query ``history``, with times as the clock on the wall shows them.

    What tells runs apart comes first, where no narrow screen cuts it off.
    """
    return Table.of(map(_run, rows), *_HISTORY_FIRST)


def _run(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run, with what it cost in each currency as one text."""
    shown = {n: v for n, v in row.items() if n not in ("currency", "costs")}
    first = {name: row[name] for name in _HISTORY_FIRST}
    told = {"started": _local(row["started"]), "cost": _costs(row["costs"])}
    return {**first, **shown, **told}


def _costs(costs: Iterable[tuple[str, float]] | None) -> str:
    """Amounts that nobody adds up.

    Examples
    --------
    >>> _costs([("EUR", 1.1), ("USD", 3.2)])
    '1.1 EUR + 3.2 USD'
    """
    exact = ((Decimal(repr(round(a, 9))), c) for c, a in costs or ())
    return " + ".join(str(Money(amount, currency)) for amount, currency in exact)


def prices_table(book: PriceBook) -> Table:
    """Every price that is known, the one in use first of each provider."""
    return Table.of(
        {
            "price": row.name,
            "provider": row.provider,
            "plan": row.plan,
            "costs": row.formula,
            "source": row.terms.get("source", ""),
            "dated": row.terms.get("dated", ""),
            "doubts": " ".join(book.doubts(row)),
        }
        for row in book.rows
    )


def _local(seconds: float | None) -> datetime | None:
    """A time as the clock on the wall shows it."""
    return None if seconds is None else datetime.fromtimestamp(seconds).astimezone()
