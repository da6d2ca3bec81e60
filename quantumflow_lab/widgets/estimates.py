"""Values with their standard errors as static SVG: a line for each backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from quantumflow_lab.colours import colour_of
from quantumflow_lab.widgets.escape import Markup, element, join, one_line
from quantumflow_lab.widgets.picture import svg, svg_text

WIDTH = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 24, 152
"""Where the plot lies in its picture."""
_ROW = 16
_SHAPES = ("", "M-3-3H3V3H-3Z", "M0-4L4 3H-4Z", "M0-4L4 0L0 4L-4 0Z", "M0 4L4-3H-4Z")
"""Marks of lines, which differ in shape too; the first is a circle."""
_ODD = "not a finite number"

Line = Mapping[str, Any]
Row = tuple[float, float | None, float | None]
"""Place, value and standard error; None where a number is not finite."""


def estimates_svg(shown: Mapping[str, Any]) -> Markup:
    """Values over their places.

    Parameters
    ----------
    shown
        ``series``, with one row in it at least, ``axis``, ``unit``, ``which``,
        ``total`` and ``placed``; see ``docs/widgets.md``.
    """
    series = shown["series"]
    rows: list[Row] = [(x, v, s) for line in series for x, v, s in line["values"]]
    said = _summary(rows)
    xs = [place for place, _, _ in rows]
    ends = list(_ends(rows))
    frame = _Frame(_padded(xs), _padded(ends or [0.0, 1.0]))
    marks = ticks(*frame.ys) if ends else []
    legend = list(_legend(series))
    return svg(
        WIDTH,
        _BOTTOM + 22 + _ROW * len(legend),
        said,
        svg_text(said, 0, 13),
        "; ",
        *(frame.grid(mark) for mark in marks),
        *_below(shown, xs),
        *(frame.line(line, n) for n, line in enumerate(series)),
        *(
            join(mark, svg_text(name, 16, _BOTTOM + 34 + _ROW * i), "; ")
            for i, (mark, name) in enumerate(legend)
        ),
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two ends, at most `most` of them, as the live view's.

    Examples
    --------
    >>> ticks(-1.06, 1.06)
    [-1.0, 0.0, 1.0]
    """
    rough = (high - low) / (most - 1)
    power = 10 ** floor(log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values stand in the picture."""

    xs: tuple[float, float]
    ys: tuple[float, float]

    def x(self, place: float) -> float:
        low, high = self.xs
        room = WIDTH - _LEFT - _RIGHT
        return round(_LEFT + room * (place - low) / (high - low), 1)

    def y(self, value: float) -> float:
        low, high = self.ys
        return round(_TOP + (_BOTTOM - _TOP) * (high - value) / (high - low), 1)

    def grid(self, mark: float) -> Markup:
        y = self.y(mark)
        line = element("path", d=f"M{_LEFT} {y}H{WIDTH - _RIGHT}", class_="qf-rule")
        return join(line, svg_text(_short(mark), _LEFT - 6, y + 4, end=True), ", ")

    def line(self, line: Line, n: int) -> Markup:
        points = (self._point(row, n) for row in line["values"])
        return element("g", *points, style=_tone(line))

    def _point(self, row: Row, n: int) -> Markup:
        place, value, error = row
        x = self.x(place)
        if value is None:
            return svg_text("×", x, _BOTTOM - 2, middle=True)
        if error is None:
            return _mark(x, self.y(value), n)
        bar = f"M{x} {self.y(value - error)}V{self.y(value + error)}"
        path = element("path", d=bar, class_="qf-reach")
        return join(path, _mark(x, self.y(value), n))


def _mark(x: float, y: float, n: int) -> Markup:
    shape = _SHAPES[n % len(_SHAPES)]
    if not shape:
        return element("circle", cx=x, cy=y, r=3, class_="qf-plotted")
    return element(
        "path", d=shape, transform=f"translate({x} {y})", class_="qf-plotted"
    )


def _legend(series: Sequence[Line]) -> Iterator[tuple[Markup, str]]:
    """A mark and a name for each line below the plot."""
    y = _BOTTOM + 30
    for n, line in enumerate(each for each in series if each["label"]):
        mark = element("g", _mark(5, y + _ROW * n, n), style=_tone(line))
        yield mark, one_line(str(line["label"]), 60)


def _below(shown: Mapping[str, Any], xs: Sequence[float]) -> Iterator[Markup]:
    """The ends of the axis, what it is, and how much of all is shown."""
    y = _BOTTOM + 14
    if shown["placed"]:
        yield join(svg_text(_short(min(xs)), _LEFT, y), ", ")
        if max(xs) > min(xs):
            yield join(svg_text(_short(max(xs)), WIDTH - _RIGHT, y, end=True), ", ")
    words = [f"{shown['axis']} ({shown['unit']})" if shown["unit"] else shown["axis"]]
    if not shown["placed"]:
        order = "result" if shown["which"] == "first" else "axes"
        words = [f"in the order of the {order}"] if len(xs) > 1 else []
    if shown["total"] > len(xs):
        kind = "values" if shown["which"] == "first" else "points"
        words.append(f"the {shown['which']} {len(xs):,} of {shown['total']:,} {kind}")
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield svg_text(one_line(" · ".join(words), 56), middle, y, middle=True)
    yield join("; ")


def _summary(rows: Sequence[Row]) -> str:
    """What is drawn, in words."""
    known = [(v, s) for _, v, s in rows if v is not None]
    odd = len(rows) - len(known)
    if len(rows) == 1 and known:
        value, error = known[0]
        return _short(value) + (f" ± {error:.2g}" if error is not None else "")
    values = [value for value, _ in known]
    said = []
    if known:
        ends = f"from {_short(min(values))} to {_short(max(values))}"
        said.append(f"{len(known):,} value{'s' * (len(known) > 1)} {ends}")
    if odd:
        said.append(f"× {odd:,} of {len(rows):,} {_ODD}")
    return ", ".join(said)


def _ends(rows: Sequence[Row]) -> Iterator[float]:
    """Of the values with their errors."""
    for _, value, error in rows:
        if value is not None:
            yield value - (error or 0.0)
            yield value + (error or 0.0)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    """Ends with room on both sides, so that nothing stands on the frame."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(low) * 0.05 or 1.0
    return low - room, high + room


def _tone(line: Line) -> str | None:
    backend = line["backend"]
    return f"--qf-tone:{colour_of(str(backend))}" if backend else None


def _short(value: float) -> str:
    return f"{value:.5g}".replace("-", "−")
