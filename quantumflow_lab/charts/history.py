"""Runs over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from quantumflow_lab.charts.style import STATES, below, canvas, entitle, listed, nothing
from quantumflow_lab.colours import QUIET

Row = dict[str, Any]
DAY = 86400.0
"""Matplotlib counts time in days since 1970."""
WIDE = 50
"""Ratio of the longest to the shortest run above which the scale is logarithmic."""


def history(rows: Sequence[Row], *, title: str | None = None) -> Figure:
    """Wall time of runs over the time they started, by how they ended.

    Parameters
    ----------
    rows
        Rows of the query ``history``: started in seconds since 1970, wall_s, state.
    title
        Which runs these are.
    """
    known = [r for r in rows if r.get("started") is not None and r.get("wall_s")]
    if not known:
        return nothing(title, "no finished run")
    figure, (axes,) = canvas(7, 3.4)
    handles, labels = [], []
    for state in listed(known, "state"):
        chosen = [row for row in known if str(row.get("state") or "") == state]
        colour, marker = STATES.get(state, (QUIET, "o"))
        handles.append(
            axes.scatter(
                [row["started"] / DAY for row in chosen],
                [row["wall_s"] for row in chosen],
                c=colour,
                marker=marker,
                s=34 if len(known) < 200 else 10,
                alpha=0.9 if len(known) < 200 else 0.5,
                edgecolors="none",
            )
        )
        labels.append(f"{state or 'unknown'} ({len(chosen):,})")
    times = [row["wall_s"] for row in known]
    if max(times) > WIDE * min(times):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
    axes.xaxis_date(UTC)
    axes.xaxis.set_major_formatter(_dates(axes))
    axes.set_xlabel("started (UTC)")
    axes.set_ylabel("wall time (s)")
    entitle(axes, title)
    below(axes, handles, labels)
    return figure


def _dates(axes: Axes) -> ConciseDateFormatter:
    locator = axes.xaxis.get_major_locator()
    return ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]  # matplotlib's
