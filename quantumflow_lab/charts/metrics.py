"""What the steps logged."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quantumflow_lab.charts.style import canvas, entitle, nothing, plain, whole_numbers
from quantumflow_lab.colours import PALETTE

Row = dict[str, Any]
PANELS = 8
"""Most metrics in one figure."""
FEW = 25
"""Lines of fewer entries have a mark at each."""
NAMED = 6
"""Up to this many points a metric has a legend; above, its lines are thin and alike."""


def metrics(rows: Sequence[Row], *, title: str | None = None) -> Figure:
    """Logged metrics over their running number, one panel for each step and name.

    Parameters
    ----------
    rows
        Rows of the query ``metrics``: step, unit (index of the point), name, n, value.
    title
        What was run.
    """
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        panels.setdefault((str(row["step"]), str(row["name"])), []).append(row)
    if not panels:
        return nothing(title, "nothing was logged")
    shown = list(panels.items())[:PANELS]
    figure, axes = canvas(7, 0.9 + 2.1 * len(shown), len(shown), sharex=True)
    for one, ((step, name), logged) in zip(axes, shown, strict=True):
        _panel(one, logged)
        one.set_ylabel(plain(name, 28))
        one.text(
            1, 1.02, plain(step), transform=one.transAxes, ha="right", fontsize="small"
        )
    axes[-1].set_xlabel("log entry")
    whole_numbers(axes[-1])
    entitle(axes[0], title)
    return figure


def _panel(axes: Axes, rows: list[Row]) -> None:
    lines: dict[object, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.get("unit"), []).append(row)
    for logged in lines.values():
        logged.sort(key=lambda row: int(row["n"]))
    if len(lines) > NAMED:
        _crowd(axes, list(lines.values()))
        return
    for i, (unit, logged) in enumerate(lines.items()):
        axes.plot(
            [row["n"] for row in logged],
            [row["value"] for row in logged],
            color=PALETTE[i],
            linewidth=1.6,
            marker="o" if len(logged) < FEW else None,
            markersize=3,
            label=f"point {unit}",
        )
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize="small")


def _crowd(axes: Axes, lines: list[list[Row]]) -> None:
    """Many lines alike, as one artist with gaps: one for each would take minutes."""
    gap = {"n": nan, "value": nan}
    rows = [row for logged in lines for row in (*logged, gap)]
    axes.plot(
        [row["n"] for row in rows],
        [row["value"] for row in rows],
        color=PALETTE[0],
        linewidth=0.8,
        alpha=0.4,
        marker="o" if max(map(len, lines)) < FEW else None,
        markersize=3,
    )
