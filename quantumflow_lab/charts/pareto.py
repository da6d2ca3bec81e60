"""Backends by what they cost, or take, and how often circuits come to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quantumflow_lab.charts.style import canvas, entitle, nothing, plain
from quantumflow_lab.colours import colour_of

Row = dict[str, Any]


def pareto(rows: Sequence[Row], *, unit: str, title: str | None = None) -> Figure:
    """Backends in the plane of price and failure; the best lie on the drawn front.

    Parameters
    ----------
    rows
        ``backend``; ``x``, a cost or a time, with ``x_low`` and ``x_high``; ``success``
        from 0 to 1, with ``success_low`` and ``success_high``; ``front``, whether no
        other one is better in all.
    unit
        Of ``x``: a currency, or ``s``.
    title
        What would be run.
    """
    if not rows:
        return nothing(title, "no backend could be compared")
    figure, (axes,) = canvas(6.4, 4)
    for row in rows:
        _point(axes, row)
    front = sorted((row["x"], _failure(row["success"])) for row in rows if row["front"])
    if len(front) > 1:
        # As a staircase: in between there is nothing to be had.
        axes.step(
            *zip(*front, strict=True), where="post", color="#8A8F98", lw=1, ls="--"
        )
    axes.set_xlabel("expected time (s)" if unit == "s" else f"cost ({plain(unit)})")
    axes.set_ylabel("expected failure (%)")
    axes.margins(0.12)
    # A little beyond nought, so that what is free is seen whole.
    axes.set_xlim(left=-0.03 * max((row["x_high"] for row in rows), default=1) or -0.1)
    axes.set_ylim(bottom=0)
    entitle(axes, title)
    return figure


def _point(axes: Axes, row: Row) -> None:
    x, y = row["x"], _failure(row["success"])
    colour = colour_of(str(row["backend"]))
    up = [[y - _failure(row["success_high"])], [_failure(row["success_low"]) - y]]
    across = [[x - row["x_low"]], [row["x_high"] - x]]
    axes.errorbar(
        [x],
        [y],
        xerr=across,
        yerr=up,
        fmt="o",
        markersize=8,
        color=colour,
        markerfacecolor=colour if row["front"] else "none",
        elinewidth=1,
        capsize=3,
    )
    axes.annotate(
        plain(row["backend"], 24),
        (x, y),
        xytext=(7, 7),
        textcoords="offset points",
        fontsize="small",
    )


def _failure(success: float) -> float:
    return 100 * (1 - success)
