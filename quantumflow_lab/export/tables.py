"""The values of a run as CSV and Parquet, a file for each step."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.export.files import Files

if TYPE_CHECKING:
    import pyarrow as pa

    from quantumflow_lab.run import Run


def tables(run: Run, step: str | None, form: str, secrets: Secrets) -> Files:
    """The table of each step that has points, or of one.

    Parameters
    ----------
    run
        A run, which may be unfinished: points that are open are left out.
    step
        Only this one.
    form
        ``csv`` or ``parquet``.
    secrets
        What to leave out of texts.

    Raises
    ------
    UnknownStep
        Naming the nearest.
    """
    names = list(run) if step is None else [step]
    made = Files()
    for name in names:
        table = _safe(run.table(name, partial=True), secrets)
        units = run.units(name)
        content = _csv(table, units) if form == "csv" else _parquet(table, units, run)
        made.main["" if step else f".{name}"] = content
    return made


def _safe(table: pa.Table, secrets: Secrets) -> pa.Table:
    """The table with secrets left out of its texts."""
    import pyarrow as pa

    columns = [
        (
            pa.array([v and secrets.hide_text(v) for v in column.to_pylist()])
            if pa.types.is_string(column.type)
            else column
        )
        for column in table.columns
    ]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _csv(table: pa.Table, units: Mapping[str, str | None]) -> bytes:
    """Comma-separated values, UTF-8; units stand in the header, as in ``delay (s)``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_headed(name, units) for name in table.column_names)
    columns = [map(_cell, column.to_pylist()) for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().encode()


def _headed(name: str, units: Mapping[str, str | None]) -> str:
    unit = units.get(name)
    return f"{name} ({unit})" if unit else name


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict | bool) else value


def _parquet(table: pa.Table, units: Mapping[str, str | None], run: Run) -> bytes:
    """Parquet; units are metadata of their columns, the run that of the table."""
    import pyarrow as pa
    from pyarrow import parquet

    fields = [
        (
            field.with_metadata({"unit": unit})
            if (unit := units.get(field.name))
            else field
        )
        for field in table.schema
    ]
    about = {"run": run.id, "name": run.name, "state": run.state, "seed": str(run.seed)}
    out = io.BytesIO()
    parquet.write_table(table.cast(pa.schema(fields, about)), out, compression="zstd")
    return out.getvalue()
