"""What Dask demands of a scheduler, by Dask's own tests, and its collections."""

from __future__ import annotations

import operator
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import dask.tests.test_callbacks
import dask.tests.test_local
import dask.tests.test_threaded
import numpy as np
import pandas as pd
import pytest
from dask._task_spec import Alias, DataNode, Dict, List, Set, Task, TaskRef, Tuple
from dask.callbacks import Callback
from dask.diagnostics import Profiler, ProgressBar
from dask.utils_test import GetFunctionTestMixin, add, inc

from quantumflow_lab import graph


class TestAsDaskDemands(GetFunctionTestMixin):
    get = staticmethod(graph.get)


THREADED, LOCAL, CALLBACKS = (
    dask.tests.test_threaded,
    dask.tests.test_local,
    dask.tests.test_callbacks,
)


@pytest.mark.parametrize(
    ("module", "test", "given"),
    [
        (THREADED, "test_get", {}),
        (THREADED, "test_nested_get", {}),
        (THREADED, "test_get_without_computation", {}),
        (THREADED, "test_broken_callback", {}),
        (THREADED, "test_exceptions_rise_to_top", {}),
        (THREADED, "test_reuse_pool", {"pool_typ": ThreadPool}),
        (THREADED, "test_reuse_pool", {"pool_typ": ThreadPoolExecutor}),
        (THREADED, "test_pool_kwarg", {"pool_typ": ThreadPool}),
        (THREADED, "test_pool_kwarg", {"pool_typ": ThreadPoolExecutor}),
        (THREADED, "test_threaded_within_thread", {}),
        (THREADED, "test_dont_spawn_too_many_threads", {}),
        (THREADED, "test_dont_spawn_too_many_threads_CPU_COUNT", {}),
        (THREADED, "test_thread_safety", {}),
        (THREADED, "test_interrupt", {"use_barrier": True}),
        (THREADED, "test_interrupt", {"use_barrier": False}),
        (THREADED, "test_contextvars", {"num_workers": None}),
        (THREADED, "test_contextvars", {"num_workers": 1}),
        (THREADED, "test_context_aware_warnings", {"num_workers": None}),
        (THREADED, "test_context_aware_warnings", {"num_workers": 1}),
        (LOCAL, "test_ensure_calculate_only_whats_needed", {}),
        (LOCAL, "test_detect_malformed_graph", {}),
        (CALLBACKS, "test_start_callback", {}),
        (CALLBACKS, "test_start_state_callback", {}),
        (CALLBACKS, "test_finish_always_called", {}),
        (CALLBACKS, "test_nested_schedulers", {}),
    ],
    ids=lambda it: it.__name__.split(".")[-1] if hasattr(it, "__name__") else str(it),
)
def test_a_test_of_dask_itself(
    module: object, test: str, given: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("get", "get_sync", "get_threaded"):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, graph.get)
    getattr(module, test)(**given)


def nodes() -> dict[str, object]:
    """Each kind of node of `dask._task_spec`."""
    return {
        "one": DataNode("one", 1),
        "text": DataNode("text", "one"),
        "two": Task("two", add, TaskRef("one"), 1),
        "same": Alias("same", "two"),
        "far": Alias("far", "same"),
        "list": List(TaskRef("two"), Task(None, inc, TaskRef("one")), 5, "two"),
        "tuple": Tuple(TaskRef("far"), 1),
        "set": Set(TaskRef("far"), 1),
        "dict": Dict({"a": TaskRef("two"), "b": List(TaskRef("one"))}),
        "named": Task("named", dict, x=TaskRef("two"), y=2, z=Alias("text")),
        "nested": Task("nested", sum, List(TaskRef("two"), Alias("one"))),
        "fused": Task.fuse(
            Task("inner", inc, TaskRef("two")), Task("outer", inc, TaskRef("inner"))
        ),
        "twice": Task.fuse(
            Task("p", inc, TaskRef("two")),
            Task("q", add, TaskRef("p"), TaskRef("p")),
            Task("r", max, List(TaskRef("p"), TaskRef("q"), TaskRef("one"))),
        ),
        "backwards": Task.fuse(
            Task("v", inc, TaskRef("u")), Task("u", inc, TaskRef("two"))
        ),
        "old": (add, "fused", (inc, "two")),
        "mixed": (list, ["old", TaskRef("two"), Task(None, inc, TaskRef("one"))]),
    }


@pytest.mark.parametrize("key", [*nodes()])
def test_each_kind_of_node_gives_what_dask_gives(key: str) -> None:
    assert graph.get(nodes(), key) == dask.get(nodes(), key)


def test_a_node_with_a_call_of_its_own_is_called() -> None:
    class Doubled(Task):
        __slots__ = ()

        def __call__(self, values=()):
            return 2 * super().__call__(values)

    dsk = {"a": (inc, 1), "b": Doubled("b", add, TaskRef("a"), 1)}
    assert graph.get(dsk, "b") == 6


def test_a_fused_task_runs_each_of_its_tasks_once_and_lets_go() -> None:
    class Big:
        pass

    alive: weakref.WeakSet[Big] = weakref.WeakSet()
    most: list[int] = []

    def remake(*_bigs: object) -> Big:
        big = Big()
        alive.add(big)
        most.append(len(alive))
        return big

    tasks = [Task(("t", 0), remake)]
    for i in range(20):
        tasks.append(Task(("t", i + 1), remake, TaskRef(("t", i)), TaskRef(("t", i))))
    dsk = {"fused": Task.fuse(*tasks), "end": Task("end", type, TaskRef("fused"))}
    graph.get(dsk, "end")
    assert len(most) == 21
    assert max(most) == 2


def arrays() -> list[da.Array]:
    x = da.random.default_rng(7).normal(size=(60, 60), chunks=(20, 30))
    y = x.rechunk((30, 20))
    return [
        x.sum(),
        (x - x.mean(axis=0)).std(axis=1),
        x.T @ y,
        da.linalg.svd(x.rechunk((20, 60)))[1],
        x[::3, x.sum(axis=0).compute() > 0],
        da.concatenate([x, y]).cumsum(axis=0),
        da.where(x > 0, x, -y).map_blocks(np.sqrt),
        da.overlap.overlap(x, depth=2, boundary="reflect"),
        da.histogram(x, bins=10, range=(-3, 3))[0],
        da.fft.fft(x.rechunk((60, 20)), axis=0),
        da.map_overlap(lambda b: b * 2, x, depth=1, boundary=0),
        da.percentile(x.ravel(), [10, 50]),
        da.from_array(np.arange(30), chunks=7)[::-1],
    ]


@pytest.mark.parametrize("which", range(len(arrays())))
@pytest.mark.parametrize("optimize", [True, False])
def test_arrays_are_as_dask_computes_them(which: int, optimize: bool) -> None:
    array = arrays()[which]
    ours = array.compute(scheduler=graph.get, optimize_graph=optimize)
    np.testing.assert_array_equal(ours, array.compute(scheduler="sync"))


def test_several_results_share_what_they_need() -> None:
    x = da.ones((100, 100), chunks=10)
    ours = dask.compute(x.min(), x.max(), {"s": [x.sum()]}, scheduler=graph.get)
    assert ours == (1.0, 1.0, {"s": [10_000.0]})


def test_bags_are_as_dask_computes_them() -> None:
    words = db.from_sequence("the quick brown fox jumps over the lazy dog".split())
    for bag in (
        words.frequencies(),
        words.groupby(len).map(lambda group: (group[0], sorted(group[1]))),
        words.map(len).accumulate(operator.add),
        words.distinct(),
        words.repartition(3).map_partitions(lambda part: [len([*part])]),
        words.join(["the", "fox"], on_self=str, on_other=str),
    ):
        ours = bag.compute(scheduler=graph.get)
        assert sorted(ours) == sorted(bag.compute(scheduler="sync"))


def test_delayed_calls_are_as_dask_computes_them() -> None:
    @dask.delayed(nout=2)
    def split(x: int) -> tuple[int, int]:
        return x // 2, x - x // 2

    total = dask.delayed(0)
    for i in range(50):
        left, right = split(i)
        total = total + left * {"two": 2}["two"] - right
    tree = dask.delayed({"total": total, "parts": [split(9), (total, 3)]})
    assert tree.compute(scheduler=graph.get) == tree.compute(scheduler="sync")


def test_data_frames_are_as_dask_computes_them() -> None:
    rng = np.random.default_rng(3)
    plain = pd.DataFrame({"k": rng.integers(0, 5, 200), "v": rng.normal(size=200)})
    frame = dd.from_pandas(plain, npartitions=7)
    for what in (
        frame.groupby("k").v.mean(),
        frame.v.cumsum(),
        frame.merge(frame.groupby("k").v.max().reset_index(), on="k"),
        frame.sort_values("v"),
        frame.describe(),
        frame.v.rolling(3).sum(),
    ):
        ours = what.compute(scheduler=graph.get).sort_index()
        theirs = what.compute(scheduler="sync").sort_index()
        order = [
            *(c for c in ("k", "v_x", "v_y", "v") if c in getattr(ours, "columns", ()))
        ]
        if order:
            ours, theirs = ours.sort_values(order), theirs.sort_values(order)
        if isinstance(ours, pd.Series):
            pd.testing.assert_series_equal(ours, theirs)
        else:
            pd.testing.assert_frame_equal(
                ours.reset_index(drop=True), theirs.reset_index(drop=True)
            )


def test_the_scheduler_may_be_set_for_all() -> None:
    with dask.config.set(scheduler=graph.get):
        assert da.arange(10, chunks=3).sum().compute() == 45


def test_workers_and_pool_may_be_configured() -> None:
    dsk = {("x", i): (threading.get_ident,) for i in range(20)}
    with dask.config.set(num_workers=1):
        assert len(set(graph.get(dsk, [*dsk]))) == 1
    with ThreadPoolExecutor(1) as pool, dask.config.set(pool=pool):
        (there,) = {pool.submit(threading.get_ident).result()}
        assert set(graph.get(dsk, [*dsk])) == {there}


def test_callbacks_hear_of_every_task_in_an_order_that_fits() -> None:
    heard: list[tuple[object, ...]] = []
    dsk = {"a": (inc, 1), "b": (inc, "a"), "c": (add, "a", "b"), "d": 5}
    callback = Callback(
        start=lambda dsk: heard.append(("start", sorted(dsk))),
        start_state=lambda _dsk, state: heard.append(("state", state["ready"][:])),
        pretask=lambda key, _dsk, _state: heard.append(("pre", key)),
        posttask=lambda key, result, *_: heard.append(("post", key, result)),
        finish=lambda _dsk, _state, failed: heard.append(("finish", failed)),
    )
    with callback:
        assert graph.get(dsk, ["c", "d"]) == (5, 5)
    assert heard == [
        ("start", ["a", "b", "c", "d"]),
        ("state", ["a"]),
        ("pre", "a"),
        ("post", "a", 2),
        ("pre", "b"),
        ("post", "b", 3),
        ("pre", "c"),
        ("post", "c", 5),
        ("finish", False),
    ]


def test_progress_bar_and_profiler_see_a_computation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    x = da.ones((40, 40), chunks=10)
    with ProgressBar(), Profiler() as profiler:
        assert x.sum().compute(scheduler=graph.get) == 1600
    assert "100% Completed" in capsys.readouterr().out
    assert len(profiler.results) > 10


def test_a_failing_task_runs_again_where_a_debugger_is() -> None:
    ran: list[int] = []

    def bad() -> None:
        ran.append(threading.get_ident())
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        graph.get({"x": (bad,)}, "x", rerun_exceptions_locally=True)
    assert len(ran) == 2
    assert ran[1] == threading.get_ident()


def test_a_node_that_needs_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="Missing dependency 'x'"):
        graph.get({"y": Task("y", inc, TaskRef("x"))}, "y")
