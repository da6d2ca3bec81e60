"""What a run took and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from quantumflow_lab.charts.style import below, canvas, entitle, listed, nothing, plain
from quantumflow_lab.colours import colour_of

Row = dict[str, Any]


def cost(rows: Sequence[Row], *, title: str | None = None) -> Figure:
    """Machine seconds of each step by backend, and money where there is any.

    Parameters
    ----------
    rows
        Rows of the query ``cost``: step, backend, machine_s, cost, currency.
    title
        What was run.
    """
    known = [row for row in rows if row.get("machine_s") or row.get("cost")]
    if not known:
        return nothing(title, "no jobs, no cost")
    paid = [str(row["currency"] or "") for row in known if row.get("cost")]
    panels = [("machine_s", "machine time", "s")]
    panels += [("cost", "cost", name) for name in dict.fromkeys(paid)]
    steps = listed(known, "step")
    height = 1.1 + len(panels) * (0.7 + 0.36 * len(steps))
    figure, axes = canvas(7, height, len(panels))
    for one, (column, quantity, unit) in zip(axes, panels, strict=True):
        chosen = [
            r for r in known if column == "machine_s" or r.get("currency") == unit
        ]
        _bars(one, chosen, steps, column, unit)
        one.set_xlabel(f"{quantity} ({plain(unit)})" if unit else quantity)
    entitle(axes[0], title)
    backends = listed(known, "backend")
    handles = [Patch(color=colour_of(name)) for name in backends]
    below(axes[0], handles, [plain(name) for name in backends])
    return figure


def _bars(
    axes: Axes, rows: list[Row], steps: list[str], column: str, unit: str
) -> None:
    reached = dict.fromkeys(steps, 0.0)
    for row in rows:
        step, value = str(row["step"]), float(row.get(column) or 0)
        axes.barh(
            steps.index(step),
            value,
            0.62,
            left=reached[step],
            color=colour_of(str(row.get("backend") or "")),
            edgecolor="white",
            linewidth=0.6,
        )
        reached[step] += value
    for i, step in enumerate(steps):
        words = f" {reached[step]:.3g} {plain(unit)}" if reached[step] else ""
        axes.text(reached[step], i, words, va="center", fontsize="small")
    axes.set_yticks(range(len(steps)), [plain(step, 28) for step in steps])
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set_xlim(0, None)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
