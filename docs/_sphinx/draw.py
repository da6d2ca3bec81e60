"""Boxes and arrows as SVG that takes its colours from the page, or has its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]

COLOURS = {
    "text": ("--color-foreground-primary", "#1f2328", "#e6e9ed"),
    "quiet": ("--color-foreground-secondary", "#59636e", "#9aa4af"),
    "line": ("--color-foreground-border", "#b6bec8", "#565f6a"),
    "ground": ("--color-background-primary", "#ffffff", "#16191d"),
    "raised": ("--color-background-secondary", "#f6f8fa", "#1d2126"),
    "brand": ("--color-brand-primary", "#1565c0", "#64b5f6"),
}
"""Variable of the site's theme, colour when light, colour when dark."""

RULES = """
.qd{font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
.qd text{fill:var(--qd-text);text-anchor:middle}
.qd .sub{fill:var(--qd-quiet);font-size:11px}
.qd .say{fill:var(--qd-quiet);font-size:11px;paint-order:stroke;
stroke:var(--qd-ground);stroke-width:4px}
.qd .title{font-weight:600}
.qd rect{fill:var(--qd-raised);stroke:var(--qd-line)}
.qd .brand rect{fill:var(--qd-ground);stroke:var(--qd-brand);stroke-width:1.8}
.qd .outside rect{fill:none;stroke-dasharray:5 4}
.qd .area rect{fill:none;stroke:var(--qd-line);stroke-dasharray:2 4}
.qd .area text{fill:var(--qd-quiet);font-size:11px;text-anchor:start}
.qd path{fill:none;stroke:var(--qd-line);stroke-width:1.4}
.qd .strong path{stroke:var(--qd-brand);stroke-width:2}
.qd .thin path{stroke-width:1;opacity:.55}
.qd .head{fill:var(--qd-line);stroke:none}
.qd .strong .head{fill:var(--qd-brand)}
.qd .thin .head{opacity:.7}
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a name and a line below it."""

    name: str
    x: float
    """Left edge in pixels."""
    y: float
    w: float = 150
    h: float = 54
    sub: str = ""
    kind: str = "plain"
    """``plain``, ``brand``, ``outside`` or ``area``."""

    def svg(self) -> str:
        """The element."""
        size = f'width="{self.w}" height="{self.h}" rx="8"'
        rect = f'<rect x="{self.x}" y="{self.y}" {size}/>'
        x, y = self.x + self.w / 2, self.y + self.h / 2
        if self.kind == "area":
            words = _text(self.name, self.x + 12, self.y + 18, "")
        elif self.sub:
            words = _text(self.name, x, y - 3, "title")
            words += _text(self.sub, x, y + 14, "sub")
        else:
            words = _text(self.name, x, y + 4, "title")
        return f'<g class="{self.kind}">{rect}{words}</g>'

    def port(self, side: str, shift: float = 0) -> Point:
        """Middle of a side: ``n``, ``e``, ``s`` or ``w``, moved along it."""
        x, y = self.x + self.w / 2, self.y + self.h / 2
        return {
            "n": (x + shift, self.y),
            "s": (x + shift, self.y + self.h),
            "w": (self.x, y + shift),
            "e": (self.x + self.w, y + shift),
        }[side]


AWAY = {"n": (0, -1), "s": (0, 1), "w": (-1, 0), "e": (1, 0)}


@dataclass(frozen=True, slots=True)
class Arrow:
    """A curve from a side of one box to a side of another."""

    start: str
    """Name of the box, as in ``runner:e``, and by how much to move along the side."""
    end: str
    say: str = ""
    kind: str = ""
    """Empty, ``strong`` or ``thin``."""
    at: Point = (0, -6)
    """Where the words are, seen from the middle."""

    def svg(self, boxes: dict[str, Box]) -> str:
        """The curve with its head."""
        a, c, d, tip = self._curve(boxes)
        head = _head(*_port(boxes, self.end))
        curve = f"M{_xy(a)}C{_xy(c)} {_xy(d)} {_xy(tip)}"
        return f'<g class="{self.kind}"><path d="{curve}"/>{head}</g>'

    def words(self, boxes: dict[str, Box]) -> str:
        """What stands at its middle."""
        if not self.say:
            return ""
        a, c, d, tip = self._curve(boxes)
        x, y = ((a[i] + 3 * c[i] + 3 * d[i] + tip[i]) / 8 + self.at[i] for i in (0, 1))
        return _text(self.say, x, y, "say")

    def _curve(self, boxes: dict[str, Box]) -> tuple[Point, Point, Point, Point]:
        """Start, two controls and end of a cubic curve that leaves sides squarely."""
        a, out = _port(boxes, self.start)
        b, into = _port(boxes, self.end)
        reach = max(18.0, 0.225 * (abs(a[0] - b[0]) + abs(a[1] - b[1])))
        tip = _moved(b, into, 7)
        return a, _moved(a, out, reach), _moved(tip, into, reach), tip


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole picture."""

    about: str
    """What it shows, for those who do not see it."""
    width: int
    height: int
    boxes: list[Box]
    arrows: list[Arrow] = field(default_factory=list)

    def svg(self) -> str:
        """The document."""
        known = {box.name: box for box in self.boxes}
        # Lines pass behind boxes, words stand before everything.
        areas = [box.svg() for box in self.boxes if box.kind == "area"]
        lines = [arrow.svg(known) for arrow in self.arrows]
        boxes = [box.svg() for box in self.boxes if box.kind != "area"]
        words = [said for arrow in self.arrows if (said := arrow.words(known))]
        head = (
            '<svg xmlns="http://www.w3.org/2000/svg" class="qd" role="img" '
            f'viewBox="0 0 {self.width} {self.height}" '
            f'aria-label="{escape(self.about)}">'
        )
        return "\n".join(
            [
                head,
                f"<style>{_sheet()}</style>",
                *areas,
                *lines,
                *boxes,
                *words,
                "</svg>\n",
            ]
        )


def _sheet() -> str:
    def variables(dark: bool) -> str:
        return "".join(
            f"--qd-{name}:var({variable},{night if dark else day});"
            for name, (variable, day, night) in COLOURS.items()
        )

    night = f"@media (prefers-color-scheme:dark){{.qd{{{variables(True)}}}}}"
    return f".qd{{{variables(False)}}}{night}{RULES}"


def _port(boxes: dict[str, Box], place: str) -> tuple[Point, Point]:
    name, _, rest = place.rpartition(":")
    side, shift = rest[0], float(rest[1:] or 0)
    return boxes[name].port(side, shift), AWAY[side]


def _moved(point: Point, by: Point, reach: float) -> Point:
    return point[0] + by[0] * reach, point[1] + by[1] * reach


def _head(tip: Point, away: Point) -> str:
    back = _moved(tip, away, 9)
    across = (away[1] * 4, away[0] * 4)
    left = (back[0] + across[0], back[1] + across[1])
    right = (back[0] - across[0], back[1] - across[1])
    return f'<path class="head" d="M{_xy(tip)}L{_xy(left)}L{_xy(right)}Z"/>'


def _xy(point: Point) -> str:
    return f"{point[0]:g},{point[1]:g}"


def _text(words: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'
