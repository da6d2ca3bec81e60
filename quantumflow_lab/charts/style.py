"""What the figures share: the canvas, the colours, and safe labels.

Figures are made without ``pyplot``, so drawing one leaves no global state behind.
Faces and fonts come from matplotlib's settings: white by default, which a saved
notebook shows alike in light and dark, and the user's own style where one is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from quantumflow_lab.colours import QUIET

STATES = {
    "done": ("#009E73", "o"),
    "failed": ("#D55E00", "X"),
    "partial": ("#E69F00", "^"),
    "paused": ("#CC79A7", "v"),
    "cancelled": ("#8A8F98", "s"),
    "running": ("#0072B2", "D"),
}
"""Colour and marker of each state."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


class Chart(Figure):
    """A matplotlib figure that a notebook shows without ``pyplot`` being imported."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The figure at twice its size in pixels, to be sharp on any screen."""
        if not isinstance(self.canvas, FigureCanvasAgg):
            FigureCanvasAgg(self)
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=2 * self.dpi)
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}


def canvas(
    width: float, height: float, rows: int = 1, *, sharex: bool = False
) -> tuple[Chart, list[Axes]]:
    """A figure of `rows` axes above each other; sizes in inches."""
    figure = Chart(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)  # type: ignore[union-attr, call-arg]
    grid = figure.subplots(rows, 1, squeeze=False, sharex=sharex)
    axes = [row[0] for row in grid]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.set_axisbelow(True)
        one.grid(alpha=0.25, linewidth=0.8)
    return figure, axes


def entitle(axes: Axes, title: str | None) -> None:
    """Set the title, over the left end of the axes."""
    if title:
        axes.set_title(plain(title, 80), loc="left", fontsize="medium", weight="bold")


def nothing(title: str | None, words: str) -> Figure:
    """The figure for no rows: it says so."""
    figure, (axes,) = canvas(6, 1.6)
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=QUIET)
    entitle(axes, title)
    return figure


def plain(text: object, limit: int = 40) -> str:
    r"""Text that matplotlib draws as it stands: no formula, no line break.

    Examples
    --------
    >>> plain("$x$")
    '\\$x\\$'
    """
    line = _CONTROL.sub(" ", str(text)).strip()
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    # A legend leaves out labels that begin with an underscore.
    line = f" {line}" if line.startswith("_") else line
    return line.replace("$", r"\$")


def whole_numbers(axes: Axes) -> None:
    """Tick the x axis at integers only."""
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def listed(rows: Iterable[dict[str, Any]], column: str) -> list[str]:
    """The distinct values of a column as text, in the order they come; None is ''."""
    return list(dict.fromkeys(str(row.get(column) or "") for row in rows))


def below(axes: Axes, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """A legend under the axes, where it hides no data."""
    if handles:
        axes.figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=min(len(labels), 4),
            frameon=False,
            fontsize="small",
        )
