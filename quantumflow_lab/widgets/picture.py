"""The graph of a run and its logged metrics as static SVG.

In a notebook that is not trusted JupyterLab keeps the text of an SVG and nothing else.
So commas stand between the pieces: an SVG does not show them, the bare text needs them.
"""

from __future__ import annotations

import math
from typing import Any

from quantumflow_lab.widgets.escape import Markup, element, join, one_line
from quantumflow_lab.widgets.layout import Placed, place
from quantumflow_lab.widgets.words import (
    Snapshot,
    condition,
    dims,
    done_of,
    duration,
    mark,
)

WIDTH, HEIGHT = 184, 66
"""A step; one with axes is a line taller."""
LINE = 15
PILL = 26
"""Height of an input."""
MARGIN = 2
SMALLEST = 0.82
"""A graph that is too wide is drawn smaller down to this; then it scrolls."""
CHARACTERS = 23
"""Letters that fit on a line of a step."""


def graph_svg(snapshot: Snapshot) -> Markup:
    """The steps with their states, the inputs, and the edges between them."""
    steps = {f"step {s['name']}": s for s in snapshot.get("steps") or ()}
    inputs = _inputs(snapshot)
    sizes = {key: _pill_size(key) for key in inputs}
    sizes |= {key: _step_size(step) for key, step in steps.items()}
    needs = {key: _needs(step) for key, step in steps.items()}
    drawing = place(sizes, needs, margin=MARGIN)
    spots = drawing.nodes
    edges = [element("path", class_="qf-edge", d=d) for d in drawing.edges.values()]
    nodes = [_pill(key, spots[key]) for key in inputs]
    nodes += [_node(step, spots[key]) for key, step in steps.items()]
    name = one_line(str(snapshot.get("name", "")))
    label = f"Steps of {name}"
    return svg(drawing.width, drawing.height, label, *edges, *nodes)


def line_svg(metric: dict[str, Any], width: int = 274, height: int = 64) -> Markup:
    """A logged metric as a small line with its first and newest value."""
    name = one_line(str(metric.get("name", "")), 40)
    values = [float(v) for v in metric.get("values") or () if _finite(v)]
    if not values:
        return svg(width, 20, name, svg_text(name, 0, 13))
    low, high = min(values), max(values)
    top, room = 24, height - 30
    xs = [(width - 8) * i / max(len(values) - 1, 1) + 4 for i in range(len(values))]
    ys = [top + room * (high - v) / ((high - low) or 1) for v in values]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
    newest = element("circle", cx=xs[-1], cy=ys[-1], r=2.5, class_="qf-is-running")
    words = (
        svg_text(name, 0, 13),
        ": ",
        svg_text(f"{values[-1]:.6g}", width, 13, end=True),
        "; ",
    )
    line = element("path", class_="qf-curve", d=path)
    return svg(width, height, f"{name}: {values[-1]:.6g}", *words, line, newest)


def svg(width: float, height: float, label: str, *children: str) -> Markup:
    """A picture that becomes smaller with the page, down to a point."""
    return element(
        "svg",
        *children,
        width=width,
        height=height,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        xmlns="http://www.w3.org/2000/svg",
        style=f"max-width:100%;min-width:{width * SMALLEST:.0f}px;height:auto",
    )


def _inputs(snapshot: Snapshot) -> list[str]:
    known = [f"input {i['name']}" for i in snapshot.get("inputs") or ()]
    wanted = {n for s in snapshot.get("steps") or () for n in _needs(s)}
    return [key for key in known if key in wanted]


def _needs(step: dict[str, Any]) -> list[str]:
    inputs = [f"input {name}" for name in step.get("inputs") or ()]
    return [f"step {name}" for name in step.get("needs") or ()] + inputs


def _step_size(step: dict[str, Any]) -> tuple[float, float]:
    return WIDTH, HEIGHT + (LINE if dims(step) else 0)


def _pill_size(key: str) -> tuple[float, float]:
    return min(40 + 6.6 * len(key.removeprefix("input ")), 150), PILL


def _pill(key: str, at: Placed) -> Markup:
    name = one_line(key.removeprefix("input "), 18)
    return element(
        "g",
        _box(at, at.height / 2, "qf-pill"),
        svg_text(name, at.x + at.width / 2, at.y + 17, middle=True),
        "; ",
    )


def _node(step: dict[str, Any], at: Placed) -> Markup:
    name, state = one_line(str(step["name"])), str(step.get("state", "waiting"))
    done, total = done_of(step)
    where = f" · {step['backend']}" if step.get("backend") else ""
    left, right, bottom = at.x + 11, at.x + at.width - 11, at.y + at.height
    lines = [
        one_line(f"{step.get('kind', 'step')}{where}", 28),
        one_line(dims(step), 28),
    ]
    words = [
        svg_text(one_line(name, CHARACTERS), left, at.y + 19, "qf-strong"),
        *(svg_text(t, left, at.y + 34 + LINE * i) for i, t in enumerate(lines) if t),
        svg_text(_status(step, state), left, bottom - 13),
        svg_text(f"{done}/{total}", right, bottom - 13, end=True),
    ]
    listed = [join(", ", word) for word in words[1:]]
    bar = _bar(step, left, bottom - 8, right - left)
    box = _box(at, 7, "qf-box")
    return element("g", box, words[0], *listed, "; ", bar, class_=f"qf-{state}")


def _status(step: dict[str, Any], state: str) -> Markup:
    word = element(
        "tspan", f"{mark(state)} {condition(step, state)}", class_=f"qf-is-{state}"
    )
    time = duration(step.get("seconds"))
    return join(word, " ", element("tspan", time, class_="qf-time") if time else None)


def _bar(step: dict[str, Any], x: float, y: float, width: float) -> Markup:
    total = done_of(step)[1] or 1
    counts = step.get("counts") or {}
    tone = "qf-is-running" if step.get("state") == "running" else "qf-is-done"
    done, failed = (width * counts.get(s, 0) / total for s in ("done", "failed"))
    return join(
        _strip(x, y, width, "qf-track"),
        _strip(x, y, done, tone) if done else None,
        _strip(x + done, y, failed, "qf-is-failed") if failed else None,
    )


def _strip(x: float, y: float, width: float, class_: str) -> Markup:
    return element("rect", x=x, y=y, width=width, height=3, rx=1.5, class_=class_)


def _box(at: Placed, radius: float, class_: str) -> Markup:
    return element(
        "rect",
        x=at.x,
        y=at.y,
        width=at.width,
        height=at.height,
        rx=radius,
        class_=class_,
    )


def svg_text(
    text: str,
    x: float,
    y: float,
    class_: str = "qf-sub",
    *,
    end: bool = False,
    middle: bool = False,
) -> Markup:
    """A line of text, whose start, middle or end is at `x`."""
    anchor = "end" if end else "middle" if middle else None
    return element("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
