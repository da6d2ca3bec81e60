"""A state diagram in Mermaid's words, drawn without Mermaid."""

from __future__ import annotations

import re

from docs._sphinx.draw import Arrow, Box, Drawing

EDGE = re.compile(r"^\s*(\S+) --> (\S+)(?:: (.*))?$")
W, H = 104, 40

PLACES = {
    "waiting": (10, 200),
    "blocked": (170, 360),
    "ready": (170, 110),
    "held": (170, 200),
    "running": (350, 110),
    "sent": (350, 200),
    "parked": (350, 20),
    "backoff": (350, 290),
    "stopping": (530, 290),
    "done": (700, 110),
    "failed": (700, 180),
    "skipped": (10, 400),
    "cancelled": (700, 290),
    "abandoned": (700, 360),
}
"""Where each state of the scheduler has its box: what is final stands at the right."""

REGULAR = {
    ("waiting", "ready"),
    ("waiting", "held"),
    ("ready", "running"),
    ("held", "sent"),
    ("running", "done"),
    ("sent", "done"),
}
"""The way of a unit to which nothing happens."""


def edges(text: str) -> list[tuple[str, str]]:
    """The transitions of a diagram, without its start.

    Raises
    ------
    ValueError
        If it is no state diagram, or has a state without a place.
    """
    if not text.lstrip().startswith("stateDiagram-v2"):
        raise ValueError(f"only stateDiagram-v2 can be drawn, not {text[:40]!r}")
    found = [
        match.groups() for line in text.splitlines() if (match := EDGE.match(line))
    ]
    pairs = [(a, b) for a, b, _ in found if a != "[*]"]
    for state in {each for pair in pairs for each in pair} - set(PLACES):
        raise ValueError(
            f"state {state} has no place: give it one in {__name__}.PLACES"
        )
    return pairs


def drawn(text: str) -> Drawing:
    """The picture of a diagram: its regular path strong, the others thin."""
    pairs = edges(text)
    states = sorted({each for pair in pairs for each in pair})
    final = set(states) - {a for a, _ in pairs}
    boxes = [
        Box(state, *PLACES[state], W, H, kind="brand" if state in final else "plain")
        for state in states
    ]
    ranked = sorted(pairs, key=lambda pair: pair in REGULAR)
    return Drawing(
        about="States of a unit; the table below says what leads from one to another.",
        width=820,
        height=460,
        boxes=boxes,
        arrows=[_arrow(pair) for pair in ranked],
    )


def _arrow(pair: tuple[str, str]) -> Arrow:
    start, end = pair
    (ax, ay), (bx, by) = PLACES[start], PLACES[end]
    if abs(ax - bx) < W:
        sides = "sn" if ay < by else "ns"
        shift = 14 if ay < by else -14
        if abs(ay - by) > 2 * H + 60:
            sides, shift = "ee", 8
    else:
        sides, shift = ("ew", -4) if ax < bx else ("we", 10)
    kind = "strong" if pair in REGULAR else "thin"
    return Arrow(f"{start}:{sides[0]}{shift}", f"{end}:{sides[1]}{shift}", kind=kind)
