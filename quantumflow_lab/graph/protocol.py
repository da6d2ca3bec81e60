"""`get`: from a graph and keys to results."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantumflow_lab.graph.crew import Crew
from quantumflow_lab.graph.observed import observed
from quantumflow_lab.graph.plan import plan
from quantumflow_lab.graph.reading import Constant, Reading
from quantumflow_lab.graph.threads import Threads, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, MutableMapping


def get(
    dsk: Any,
    keys: Any,
    *,
    cache: MutableMapping[Any, Any] | None = None,
    num_workers: int | None = None,
    pool: Any = None,
    callbacks: Any = None,
    rerun_exceptions_locally: bool | None = None,
    **_others: Any,
) -> Any:
    """Compute keys of a graph with threads, as Dask's schedulers do.

    Parameters
    ----------
    dsk
        A mapping of keys to tasks, aliases and data, as Dask's documentation defines
        them or with nodes of ``dask._task_spec``; or what has ``__dask_graph__``.
    keys
        A key, or a list of keys, of lists of keys, and so on.
    cache
        Results by key that are there already; those of `keys` are added to it.
    num_workers
        Most tasks that run at once; else Dask's configuration, else the processors.
    pool
        Run the tasks in this pool of threads, `concurrent.futures.ThreadPoolExecutor`
        or `multiprocessing.pool.ThreadPool`; else Dask's configuration, else a pool of
        this process.
    callbacks
        Dask's callbacks for this call; else those that are active.
    rerun_exceptions_locally
        Run a failing task again in this thread, for a debugger.
    **_others
        What other schedulers understand is accepted, and does nothing.

    Returns
    -------
    Any
        The value of the key, or a tuple in the shape of the list.

    Raises
    ------
    KeyError
        If the graph has no such key.
    ValueError
        If a node needs a key that is not there.
    RuntimeError
        If keys need each other.
    BaseException
        The first that a task raised, with its traceback. No other task is started.

    Examples
    --------
    >>> get({"x": 1, "y": (sum, ["x", 2])}, [["y"], "x"])
    ((3,), 1)
    """
    graph = as_dict(dsk)
    wanted = [*flat(keys)]
    threads = choose(setting("num_workers", num_workers), setting("pool", pool))
    cache = setting("cache", cache)
    rerun = bool(setting("rerun_exceptions_locally", rerun_exceptions_locally))
    if callbacks or rerun or (callbacks is None and someone_listens()):
        values = observed(
            graph, wanted, threads, callbacks=callbacks, cache=cache, rerun=rerun
        )
    else:
        values = computed(graph, wanted, threads, cache or {})
        if cache is not None:
            cache.update(values)
    return nested(keys, values.__getitem__)


def computed(
    graph: dict[Any, Any],
    wanted: list[Hashable],
    threads: Threads,
    known: Mapping[Any, Any],
) -> dict[Hashable, Any]:
    """The value of each wanted key."""
    if known:
        graph = {**graph, **{key: Constant(value) for key, value in known.items()}}
    reading = Reading(graph)
    found = {key: reading.add(key) for key in wanted}
    numbers = {number for number in found.values() if isinstance(number, int)}
    results: list[Any] = []
    unit_of: Any = ()
    if numbers:
        todo = plan(reading.numbers, numbers)
        unit_of = todo.unit_of
        results = Crew(todo, threads).run()
    return {
        key: results[unit_of[what]] if isinstance(what, int) else what.value
        for key, what in found.items()
    }


def setting(name: str, given: Any) -> Any:
    """What the caller gives, else what Dask's configuration says."""
    config = sys.modules.get("dask.config")
    return given if given or config is None else config.get(name, given)


def someone_listens() -> bool:
    """Whether callbacks of Dask are active."""
    module = sys.modules.get("dask.callbacks")
    return module is not None and bool(module.Callback.active)


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
