"""Charts of one run: which numbers go into which figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from quantumflow_lab import charts
from quantumflow_lab.errors import BadOption, UnknownStep, did_you_mean
from quantumflow_lab.grid import Failed, Grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from quantumflow_lab.run import Control, Run


Point = Mapping[str, Any]
"""Values of axes that pick some points of a step."""

_MOST_TABLES = 8


def run_figure(
    run: Run, control: Control, kind: str, step: str | None, point: Point
) -> Figure:
    """A chart of a run; see :meth:`quantumflow_lab.run.Run.figure`.

    Raises
    ------
    BadOption
        For a kind that does not exist.
    UnknownStep
        If no step has what the chart shows.
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        raise BadOption(f"there is no chart '{kind}'{hint}", kind=kind)
    return KINDS[kind](run, control, step, point)


def _timeline(run: Run, control: Control, step: str | None, point: Point) -> Figure:
    return charts.timeline(control.rows("timeline", run.id), title=run.name)


def _metrics(run: Run, control: Control, step: str | None, point: Point) -> Figure:
    return charts.metrics(control.rows("metrics", run.id), title=run.name)


def _cost(run: Run, control: Control, step: str | None, point: Point) -> Figure:
    return charts.cost(control.rows("cost", run.id), title=run.name)


def _quote(run: Run, control: Control, step: str | None, point: Point) -> Figure:
    rows = control.rows("quoted", run.id)
    if step is not None:
        rows = [row for row in rows if row["step"] == step]
    return charts.quote(rows, title=run.name)


def _counts(run: Run, control: Control, step: str | None, point: Point) -> Figure:
    name = step or _last(run, _has_counts, "counts")
    value = _value(run, name, point)
    labelled = _labelled(value)
    if len(labelled) > _MOST_TABLES:
        raise BadOption(
            f"step '{name}' has {len(labelled)} points, too many for one chart; name "
            f"some axes, as in run.figure('counts', {value.dims[0]}=…)"
        )
    tables = {label: _merged_counts(each) for label, each in labelled}
    return charts.counts(tables, title=f"{run.name} · {name}")


def _sweep(run: Run, control: Control, step: str | None, point: Point) -> Figure:
    name = step or _last(run, _is_numeric_grid, "numbers over axes")
    grid = _value(run, name, point)
    if not _is_numeric_grid(grid):
        raise UnknownStep(f"step '{name}' is no grid of numbers; name another step=")
    return charts.sweep(
        grid.axes,
        np.asarray(grid, dtype=float),
        units=grid.units,
        quantity=name,
        title=f"{run.name} · {name}",
    )


KINDS: Mapping[str, Callable[[Run, Control, str | None, Point], Figure]] = {
    "timeline": _timeline,
    "counts": _counts,
    "sweep": _sweep,
    "metrics": _metrics,
    "cost": _cost,
    "quote": _quote,
}


def _value(run: Run, step: str, point: Point) -> Any:
    """What a step has; only the values at the chosen points are read."""
    if not point:
        return run[step]
    run._ready(step)
    return run.partial(step, **point)


def _last(run: Run, suits: Callable[[Any], bool], what: str) -> str:
    for name in reversed(list(run)):
        if suits(run.partial(name)):
            return name
    raise UnknownStep(f"no step of run '{run.name}' holds {what}; name one with step=")


def _labelled(value: Any) -> list[tuple[str, Any]]:
    """Values with the label they are drawn under: the backend, and other axes."""
    if not isinstance(value, Grid):
        return [("counts", value)]
    found = []
    for point, each in value.items():
        words = [str(point.pop("backend"))] if "backend" in point else []
        words += [f"{axis} {where}" for axis, where in point.items()]
        found.append((", ".join(words), each))
    return found


def _merged_counts(value: Any) -> Counter[str]:
    """Counts of all registers, points and PUBs of a sample value together."""
    if isinstance(value, Failed) or value is None:
        return Counter()
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return sum((_merged_counts(each) for each in value), Counter())
    if hasattr(value, "join_data"):
        return Counter(value.join_data().get_counts())
    return Counter()


def _has_counts(value: Any) -> bool:
    values = [v for _, v in value.items()] if isinstance(value, Grid) else [value]
    return any(_merged_counts(each) for each in values)


def _is_numeric_grid(value: Any) -> bool:
    return (
        isinstance(value, Grid)
        and len(value.dims) <= 2
        and np.asarray(value).dtype.kind in "iuf"
        and bool(np.isfinite(np.asarray(value, dtype=float)).any())
    )
