"""`get`: from a graph and keys to results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantumflow_lab.graph.crew import Crew
from quantumflow_lab.graph.plan import plan
from quantumflow_lab.graph.reading import Constant, Reading
from quantumflow_lab.graph.threads import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, MutableMapping


def get(
    dsk: Any,
    keys: Any,
    *,
    num_workers: int | None = None,
    pool: Any = None,
    cache: MutableMapping[Any, Any] | None = None,
    **_kwargs: Any,
) -> Any:
    """Compute keys of a Dask graph with threads and the Rust scheduler."""
    graph = as_dict(dsk)
    if cache:
        graph = {**graph, **{key: Constant(value) for key, value in cache.items()}}
    reading = Reading(graph)
    found = {key: reading.add(key) for key in flat(keys)}
    results = run(reading, found, num_workers, pool)
    if cache is not None:
        cache.update(results)
    return nested(keys, results.__getitem__)


def run(
    reading: Reading,
    found: dict[Hashable, int | Constant],
    num_workers: int | None,
    pool: Any,
) -> dict[Hashable, Any]:
    """The value of each key."""
    wanted = {number for number in found.values() if isinstance(number, int)}
    made: list[Any] = []
    unit_of: Any = ()
    if wanted:
        todo = plan(reading, wanted)
        unit_of = todo.unit_of
        made = Crew(todo, choose(num_workers, pool)).run()
    return {
        key: made[unit_of[what]] if isinstance(what, int) else what.value
        for key, what in found.items()
    }


def as_dict(dsk: Any) -> dict[Any, Any]:
    """The graph as a plain dict, whatever layers or expression it comes from."""
    if not isinstance(dsk, Mapping):
        dsk = dsk.__dask_graph__()
    if type(dsk) is dict:
        return dsk
    return dict(dsk.to_dict() if hasattr(dsk, "to_dict") else dsk)


def flat(keys: Any) -> Iterator[Hashable]:
    """The keys of nested lists."""
    if isinstance(keys, list):
        for key in keys:
            yield from flat(key)
    else:
        yield keys


def nested(keys: Any, value: Callable[[Hashable], Any]) -> Any:
    """Values in the shape of the keys, as tuples."""
    if isinstance(keys, list):
        return tuple(nested(key, value) for key in keys)
    return value(keys)
