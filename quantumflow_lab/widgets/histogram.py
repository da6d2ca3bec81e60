"""Counts of outcomes as static SVG: bars with 95 % intervals, as the live view's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumflow_lab.colours import colour_of
from quantumflow_lab.intervals import wilson
from quantumflow_lab.widgets.escape import Markup, element, join, one_line
from quantumflow_lab.widgets.picture import svg, svg_text
from quantumflow_lab.widgets.words import plural

WIDTH = 400
_TOP, _ROW = 24, 18
_LEFT, _RIGHT = 112, 126
"""Room for outcomes before the bars, and for figures behind them."""
_BITS = 16
"""Letters of an outcome that fit."""


def histogram_svg(one: Mapping[str, Any]) -> Markup:
    """One histogram.

    Parameters
    ----------
    one
        ``label``, ``backend``, ``shots``, ``outcomes`` that were seen, and ``counts``
        of the most frequent as ``[outcome, number]``.
    """
    shots, counts = int(one["shots"]), one["counts"]
    title = " · ".join(filter(None, (one.get("label"), plural(shots, "shot"))))
    title = one_line(title, 68)
    if not counts:
        note = "too many to be counted while the run goes on"
        words = svg_text(title, 0, 13), ": ", svg_text(note, 0, 30), "."
        return svg(WIDTH, 38, f"{title}: {note}", *words)
    ends = [wilson(int(k), shots) for _, k in counts]
    scale = (WIDTH - _LEFT - _RIGHT) / max(high for _, high in ends)
    rows = [
        _bar(str(outcome), int(k) / shots, end, scale, _TOP + _ROW * i)
        for i, ((outcome, k), end) in enumerate(zip(counts, ends, strict=True))
    ]
    if others := int(one["outcomes"]) - len(counts):
        rest = shots - sum(int(k) for _, k in counts)
        rows.append(_others(others, rest / shots, _TOP + _ROW * len(rows)))
    backend = one.get("backend")
    tone = f"--qf-tone:{colour_of(str(backend))}" if backend else None
    bars = element("g", *rows, style=tone)
    height = _TOP + _ROW * len(rows)
    return svg(WIDTH, height, title, svg_text(title, 0, 13), ": ", bars)


def _bar(
    outcome: str, p: float, ends: tuple[float, float], scale: float, y: float
) -> Markup:
    half = _BITS // 2 - 1
    name = outcome
    if len(outcome) > _BITS:
        name = f"{outcome[:half]}…{outcome[-half:]}"
    low, high = (_LEFT + scale * end for end in ends)
    whisker = f"M{low:.1f} {y + 7:g}H{high:.1f}" + "".join(
        f"M{x:.1f} {y + 4:g}v6" for x in (low, high)
    )
    figures = f"{100 * p:.1f} % ({100 * ends[0]:.1f}–{100 * ends[1]:.1f})"
    width = round(scale * p, 1)
    return join(
        svg_text(name, _LEFT - 8, y + 11, "qf-sub qf-bits", end=True),
        ": ",
        element("rect", x=_LEFT, y=y + 1, width=width, height=12, class_="qf-plotted"),
        element("path", d=whisker, class_="qf-reach"),
        svg_text(figures, WIDTH, y + 11, end=True),
        "; ",
    )


def _others(others: int, share: float, y: float) -> Markup:
    return join(
        svg_text(plural(others, "other"), _LEFT - 8, y + 11, end=True),
        ": ",
        svg_text(f"{100 * share:.1f} %", WIDTH, y + 11, end=True),
        "; ",
    )
