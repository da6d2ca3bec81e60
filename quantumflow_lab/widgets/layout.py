"""A small layered layout of the step graph, for the static picture.

Steps sit in columns by their longest path from the start. An edge over several columns
gets a thin place of its own in each, so that it runs around the steps between. Within a
column, places are ordered by the mean position of their neighbours. The live widget
uses dagre instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

SWEEPS = 6
"""Passes over the columns, alternately by needs and by users."""
LANE = (0.0, 6.0)
"""Size of the place that a long edge takes in a column."""

Key = str | tuple[str, str, int]
"""A node, or the place of the edge (need, user) in a column."""
Graph = Mapping[str, Sequence[str]]
"""For each node, what it needs."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a node is: top left corner and size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph that has been laid out."""

    nodes: dict[str, Placed]
    """No two of them overlap."""
    edges: dict[tuple[str, str], str]
    """SVG path of each edge (need, user)."""
    width: float
    height: float


def place(
    sizes: Mapping[str, tuple[float, float]],
    needs: Graph,
    *,
    gap_x: float = 44,
    gap_y: float = 16,
    margin: float = 0,
) -> Drawing:
    """Lay a graph out from left to right.

    Parameters
    ----------
    sizes
        Width and height of each node.
    needs
        The nodes each node depends on. Unknown names are ignored, and so is an edge
        that would close a circle.

    Examples
    --------
    >>> drawing = place({"a": (10, 4), "b": (10, 4)}, {"b": ["a"]}, gap_x=6)
    >>> drawing.nodes["a"].x, drawing.nodes["b"].x, drawing.edges["a", "b"]
    (0, 16, 'M10 2C13 2 13 2 16 2')
    """
    above = _acyclic({n: [m for m in needs.get(n, ()) if m in sizes] for n in sizes})
    depth = _columns_of(above)
    columns, links = _with_lanes(above, depth)
    _order(columns, links)
    spots = _spots(columns, sizes, gap_x, gap_y, margin)
    edges = {(m, n): _path(m, n, depth, spots) for n, ms in above.items() for m in ms}
    nodes = {name: spots[name] for name in sizes}
    width = max((s.x + s.width for s in nodes.values()), default=0.0) + margin
    height = max((s.y + s.height for s in spots.values()), default=0.0) + margin
    return Drawing(nodes, edges, width, height)


def _acyclic(above: Graph) -> dict[str, list[str]]:
    """The graph without the edges that close a circle; no recursion."""
    kept: dict[str, list[str]] = {}
    for start in above:
        path = [(start, iter(above[start]))] if start not in kept else []
        kept.setdefault(start, [])
        open_nodes = {start}
        while path:
            name, rest = path[-1]
            need = next(rest, None)
            if need is None:
                open_nodes.discard(path.pop()[0])
            elif need not in open_nodes:
                kept[name].append(need)
                if need not in kept:
                    kept[need] = []
                    open_nodes.add(need)
                    path.append((need, iter(above[need])))
    return {name: kept[name] for name in above}


def _columns_of(above: Graph) -> dict[str, int]:
    """Longest path to each node; a source moves next to the first that needs it."""
    found: dict[str, int] = {}
    for name in TopologicalSorter(above).static_order():
        found[name] = max((found[need] + 1 for need in above[name]), default=0)
    depth = {name: found[name] for name in above}
    users: dict[str, list[int]] = {}
    for name, needs in above.items():
        for need in needs:
            users.setdefault(need, []).append(depth[name])
    moved = {n: min(users[n]) - 1 for n, ms in above.items() if not ms and n in users}
    return depth | moved


def _with_lanes(
    above: Graph, depth: Mapping[str, int]
) -> tuple[list[list[Key]], list[tuple[Key, Key]]]:
    columns: list[list[Key]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    links: list[tuple[Key, Key]] = []
    for name, column in depth.items():
        columns[column].append(name)
    for name, needs in above.items():
        for need in needs:
            chain = _chain(need, name, depth)
            links.extend(pairwise(chain))
            for column, lane in enumerate(chain[1:-1], start=depth[need] + 1):
                columns[column].append(lane)
    return [column for column in columns if column], links


def _chain(need: str, name: str, depth: Mapping[str, int]) -> list[Key]:
    lanes: list[Key] = [(need, name, c) for c in range(depth[need] + 1, depth[name])]
    return [need, *lanes, name]


def _order(columns: list[list[Key]], links: Sequence[tuple[Key, Key]]) -> None:
    """Fewer crossings: sort each column by the mean position of its neighbours."""
    left: dict[Key, list[Key]] = {}
    right: dict[Key, list[Key]] = {}
    for start, end in links:
        left.setdefault(end, []).append(start)
        right.setdefault(start, []).append(end)
    rank = {name: r for column in columns for name, r in _ranks(column)}
    for sweep in range(SWEEPS):
        neighbours = right if sweep % 2 else left
        for column in columns[::-1] if sweep % 2 else columns:
            mean = {n: _mean([rank[m] for m in neighbours.get(n, [n])]) for n in column}
            column.sort(key=mean.__getitem__)
            rank.update(_ranks(column))


def _ranks(column: Sequence[Key]) -> list[tuple[Key, float]]:
    """How far down its column each place is, between 0 and 1."""
    return [(name, (i + 0.5) / len(column)) for i, name in enumerate(column)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _spots(
    columns: Sequence[Sequence[Key]],
    sizes: Mapping[str, tuple[float, float]],
    gap_x: float,
    gap_y: float,
    margin: float,
) -> dict[Key, Placed]:
    size = {n: sizes[n] if isinstance(n, str) else LANE for c in columns for n in c}
    heights = [sum(size[n][1] + gap_y for n in c) - gap_y for c in columns]
    tallest = max(heights, default=0.0)
    spots: dict[Key, Placed] = {}
    x = margin
    for column, height in zip(columns, heights, strict=True):
        y = margin + (tallest - height) / 2
        width = max(size[n][0] for n in column)
        for name in column:
            wide = size[name][0] if isinstance(name, str) else width
            shift = width - wide if isinstance(name, str) else 0
            spots[name] = Placed(x + shift, y, wide, size[name][1])
            y += size[name][1] + gap_y
        x += width + gap_x
    return spots


def _path(
    need: str, name: str, depth: Mapping[str, int], spots: Mapping[Key, Placed]
) -> str:
    """A smooth line: straight along the lanes, curved in the gaps between columns."""
    chain = [spots[key] for key in _chain(need, name, depth)]
    parts: list[str] = []
    for start, end in pairwise(chain):
        x0, y0 = start.x + start.width, start.y + start.height / 2
        x1, y1 = end.x, end.y + end.height / 2
        middle = (x0 + x1) / 2
        parts.append(
            f"L{x0:g} {y0:g}C{middle:g} {y0:g} {middle:g} {y1:g} {x1:g} {y1:g}"
        )
    return "M" + "".join(parts)[1:]
