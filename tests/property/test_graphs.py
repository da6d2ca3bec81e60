"""Random graphs: `graph.get` gives what Dask's synchronous scheduler gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask
from dask._task_spec import Alias, DataNode, List, Task, TaskRef
from hypothesis import given, settings
from hypothesis import strategies as st

from quantumflow_lab import graph

if TYPE_CHECKING:
    from collections.abc import Callable


def join(*args: Any, **named: Any) -> tuple[Any, ...]:
    """All that a task got, so that two graphs differ if anything does."""
    return ("join", args, tuple(sorted(named.items())))


KEYS: list[Callable[[int], Any]] = [
    lambda i: f"k{i}",
    lambda i: ("k", i),
    lambda i: ("k", (f"{i}", i)),
    lambda i: i + 0.5,
]
CONSTANTS = st.sampled_from([None, "no key", -1, 2.25, (), ("k",), b"bytes", [], {}])


def arguments(earlier: list[Any]) -> st.SearchStrategy[Any]:
    """Keys of earlier tasks, constants, nested tasks and lists of these."""
    leaf = st.one_of(st.sampled_from(earlier), CONSTANTS) if earlier else CONSTANTS
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.tuples(inner, inner),
            st.lists(inner, max_size=2).map(lambda args: (join, *args)),
        ),
        max_leaves=4,
    )


def node(key: Any, earlier: list[Any]) -> st.SearchStrategy[Any]:
    """A new-style node."""
    needs = st.lists(st.sampled_from(earlier).map(TaskRef), max_size=3)
    return st.one_of(
        needs.map(lambda args: Task(key, join, *args, 1, x=List(*args, 7))),
        st.sampled_from(earlier).map(lambda target: Alias(key, target)),
        st.just(DataNode(key, ("k", 0))),
    )


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[Any, Any], list[Any]]:
    name = draw(st.sampled_from(KEYS))
    count = draw(st.integers(1, 14))
    dsk: dict[Any, Any] = {}
    for i in range(count):
        earlier = [*dsk]
        kinds = [
            st.lists(arguments(earlier), max_size=4).map(lambda args: (join, *args)),
            arguments(earlier),
        ]
        if earlier:
            kinds += [
                st.sampled_from(earlier).map(lambda key: (join, key)),
                node(name(i), earlier),
            ]
        dsk[name(i)] = draw(st.one_of(kinds))
    keys = st.lists(st.sampled_from([*dsk]), min_size=1, max_size=4)
    wanted: list[Any] = draw(keys)
    if draw(st.booleans()):
        wanted = [wanted, wanted[0]]
    shuffled = draw(st.permutations([*dsk.items()]))
    return dict(shuffled), wanted


@given(graphs(), st.sampled_from([1, 2, 4]))
@settings(max_examples=150)
def test_a_random_graph_gives_what_dask_gives(
    made: tuple[dict[Any, Any], list[Any]], workers: int
) -> None:
    dsk, wanted = made
    assert graph.get(dsk, wanted, num_workers=workers) == dask.get(dsk, wanted)
