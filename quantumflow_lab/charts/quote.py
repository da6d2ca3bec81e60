"""What jobs were quoted, against what they did cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from quantumflow_lab.charts.style import below, canvas, entitle, listed, nothing, plain
from quantumflow_lab.colours import QUIET, colour_of

Row = dict[str, Any]
WIDE = 30
"""Ratio of the dearest to the cheapest job above which scales are logarithmic."""
MARKERS = "osD^vPX*"
"""One for each backend, so that colour is not the only mark."""


def quote(rows: Sequence[Row], *, title: str | None = None) -> Figure:
    """Cost of each job over its quote, with the line on which both are equal.

    Parameters
    ----------
    rows
        Rows of the query ``quoted``: backend, quoted_low, quoted, quoted_high, cost,
        currency. Those without a quote are left out, and counted.
    title
        What was run.

    Returns
    -------
    matplotlib.figure.Figure
        Axes for each currency. A point above the line cost more than it was to.
    """
    known = [row for row in rows if row.get("quoted") is not None]
    if not known:
        return nothing(title, "no job was quoted")
    currencies = listed(known, "currency")
    figure, axes = canvas(5.6, 0.8 + 3.9 * len(currencies), len(currencies))
    backends = listed(known, "backend")
    for one, unit in zip(axes, currencies, strict=True):
        _panel(one, [r for r in known if str(r["currency"] or "") == unit], backends)
        money = f" ({plain(unit)})" if unit else ""
        one.set_xlabel(f"quoted{money}")
        one.set_ylabel(f"actual{money}")
    left = len(rows) - len(known)
    entitle(axes[0], title and f"{title}{f' · {left:,} without a quote' * bool(left)}")
    handles = [_mark(name, backends) for name in backends]
    handles.append(Line2D([], [], color=QUIET, linestyle="--", linewidth=1))
    below(axes[0], handles, [*(plain(name) for name in backends), "as quoted"])
    return figure


def _panel(axes: Axes, rows: list[Row], backends: list[str]) -> None:
    ends = [float(_or(row, name)) for row in rows for name in _ENDS]
    least, most = min(ends), max(ends)
    if least > 0 and most > WIDE * least:
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = least / 1.6, most * 1.6
    else:
        low, high = 0.0, 1.1 * most or 1.0
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
    axes.plot([low, high], [low, high], color=QUIET, linestyle="--", linewidth=1)
    for name in backends:
        mine = [row for row in rows if str(row["backend"] or "") == name]
        if mine:
            _points(axes, mine, _mark(name, backends))
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")


_ENDS = ("quoted_low", "quoted", "quoted_high", "cost")


def _or(row: Row, name: str) -> float:
    """An end of the interval; of a quote without one, the quote."""
    value = row.get(name)
    return float(row["quoted"] if value is None else value)


def _points(axes: Axes, rows: list[Row], mark: Line2D) -> None:
    quoted = [float(row["quoted"]) for row in rows]
    reach = [
        [at - _or(row, "quoted_low") for at, row in zip(quoted, rows, strict=True)],
        [_or(row, "quoted_high") - at for at, row in zip(quoted, rows, strict=True)],
    ]
    axes.errorbar(
        quoted,
        [float(row["cost"] or 0) for row in rows],
        xerr=reach,
        fmt=str(mark.get_marker()),
        color=mark.get_color(),
        # The darkest of the colours are hardly seen on a dark page.
        markeredgecolor=axes.xaxis.label.get_color(),
        markeredgewidth=0.6,
        markersize=6 if len(rows) < 200 else 3,
        alpha=0.85,
        elinewidth=1.2,
        capsize=2.5,
        clip_on=False,
    )


def _mark(name: str, backends: list[str]) -> Line2D:
    marker = MARKERS[backends.index(name) % len(MARKERS)]
    return Line2D(
        [], [], color=colour_of(name), marker=marker, linestyle="", markersize=6
    )
