"""A step's values as an Arrow table, with its axes as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.live import MISSING

if TYPE_CHECKING:
    import pyarrow as pa

    from quantumflow_lab.run import StepData


def step_table(data: StepData, axes: Mapping[str, tuple[Any, ...]]) -> pa.Table:
    """One row a point: the axes, what the value consists of, and why one failed.

    Parameters
    ----------
    data
        A step with ``n`` points.
    axes
        Values of every axis of the run.

    Returns
    -------
    pyarrow.Table
        A row for each point that is not open. A dict of plain values gives a column for
        each key; the ``PubResult`` of an estimate gives ``evs`` and ``stds``, that of a
        sample one column of counts as JSON for each classical register; anything else
        is in ``value``.
    """
    import pyarrow as pa

    # Of a map axis nobody knows the values before there are points.
    points = product(*(axes.get(name, ()) for name in data.dims))
    rows = [
        _columns(value, data.dims)
        | dict(zip(data.dims, map(_cell, point), strict=True))
        for point, value in zip(points, data.values, strict=True)
        if value is not MISSING
    ]
    parts = dict.fromkeys(name for row in rows for name in row)
    names = list(dict.fromkeys([*data.dims, *parts]))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pa.table({name: _column(cells) for name, cells in columns.items()})


def _columns(value: Any, axes: tuple[str, ...]) -> dict[str, Any]:
    """What a value consists of, under names that no axis has."""
    columns = _parts(value)
    return {f"{n} value" if n in axes else n: part for n, part in columns.items()}


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, Failed):
        return {"error": f"{value.reason}: {value.message}"}
    if hasattr(value, "data") and hasattr(value.data, "keys"):
        return {name: _register(field) for name, field in value.data.items()}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _cell(each) for key, each in value.items()}
    return {"value": _cell(value)}


def _register(field: Any) -> Any:
    """One field of a ``DataBin``: counts of a register, or an array."""
    if hasattr(field, "get_counts"):
        return json.dumps(field.get_counts(), sort_keys=True)
    return _cell(field)


def _cell(value: Any) -> Any:
    """A value that Arrow has a type for, else its text."""
    if isinstance(value, np.generic) or (
        isinstance(value, np.ndarray) and value.ndim == 0
    ):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return repr(value)


def _column(cells: list[Any]) -> Any:
    """Cells of one type as they are, of several as text."""
    import pyarrow as pa

    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if c is None else str(c) for c in cells])
