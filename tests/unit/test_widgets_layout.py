"""The static layout: every node has a place, none overlaps, edges go forward."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from quantumflow_lab.widgets.layout import Placed, place

SIZE = (10.0, 4.0)


def chain(*names: str) -> dict[str, list[str]]:
    return {b: [a] for a, b in pairwise(names)}


def overlap(a: Placed, b: Placed) -> bool:
    across = a.x < b.x + b.width and b.x < a.x + a.width
    return across and a.y < b.y + b.height and b.y < a.y + a.height


def test_a_chain_runs_from_left_to_right() -> None:
    drawing = place(dict.fromkeys("abc", SIZE), chain("a", "b", "c"), gap_x=5)
    assert [drawing.nodes[n].x for n in "abc"] == [0, 15, 30]
    assert (drawing.width, drawing.height) == (40, 4)


def test_a_long_edge_runs_around_the_steps_between() -> None:
    needs = {"b": ["a"], "c": ["b", "a"]}
    drawing = place(dict.fromkeys("abc", SIZE), needs, gap_x=5, gap_y=2)
    between = drawing.nodes["b"]
    lane = float(drawing.edges["a", "c"].split("L")[1].split("C")[0].split()[1])
    assert not between.y <= lane <= between.y + between.height


def test_a_source_stands_next_to_what_needs_it() -> None:
    needs = {**chain("a", "b", "c"), "c": ["b", "late"]}
    drawing = place(dict.fromkeys(["a", "b", "c", "late"], SIZE), needs, gap_x=5)
    assert drawing.nodes["late"].x == drawing.nodes["b"].x


def test_unknown_names_and_circles_are_left_out() -> None:
    drawing = place({"a": SIZE, "b": SIZE}, {"a": ["b", "a"], "b": ["a", "ghost"]})
    assert set(drawing.nodes) == {"a", "b"}
    assert len(drawing.edges) == 1


def test_nothing_takes_no_room() -> None:
    drawing = place({}, {})
    assert (drawing.nodes, drawing.width, drawing.height) == ({}, 0, 0)


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    names = [str(i) for i in range(3000)]
    assert len(place(dict.fromkeys(names, SIZE), chain(*names)).edges) == 2999


@given(
    st.lists(
        st.lists(st.integers(min_value=0, max_value=14), max_size=3),
        min_size=1,
        max_size=15,
    )
)
def test_no_two_nodes_overlap_and_edges_go_forward(graph: list[list[int]]) -> None:
    needs = {str(i): [str(n) for n in ns if n < i] for i, ns in enumerate(graph)}
    sizes = {name: (8.0 + int(name) % 3, 3.0 + int(name) % 2) for name in needs}
    nodes = place(sizes, needs, gap_y=1).nodes
    spots = list(nodes.values())
    assert not any(overlap(a, b) for i, a in enumerate(spots) for b in spots[:i])
    assert all(
        nodes[need].x + nodes[need].width < nodes[name].x
        for name, wanted in needs.items()
        for need in wanted
    )
