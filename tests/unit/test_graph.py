"""`graph.get` on plain mappings: what it gives, and how its threads behave."""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from operator import add, mul
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantumflow_lab import graph

if TYPE_CHECKING:
    from collections.abc import Callable


def inc(x: int) -> int:
    return x + 1


def test_a_plain_graph_needs_no_dask() -> None:
    code = (
        "import sys, operator, quantumflow_lab as qf\n"
        "print(qf.graph.get({'a': 1, 'b': (operator.add, 'a', 2)}, 'b'))\n"
        "print('dask' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\nFalse\n"


@pytest.mark.parametrize("key", ["k", b"k", 7, 2.5, ("k", 0), ("k", ("l", 1))])
def test_a_key_may_be(key: object) -> None:
    assert graph.get({key: (add, 1, 1), "use": (add, key, 1)}, ["use", key]) == (3, 2)


def test_keys_in_nested_lists_give_nested_tuples() -> None:
    dsk = {"a": 1, "b": (inc, "a")}
    assert graph.get(dsk, [["a", ["b"]], [], "b"]) == ((1, (2,)), (), 2)


def test_aliases_lead_to_what_they_name() -> None:
    dsk = {"a": "b", "b": "c", "c": (inc, 1), "d": (add, "a", "b"), "e": "f", "f": 5}
    assert graph.get(dsk, ["a", "d", "e"]) == (2, 4, 5)


def test_nested_tasks_and_containers_are_filled_in() -> None:
    pair = namedtuple("pair", "left right")
    dsk = {
        "x": (inc, 0),
        "list": ["x", (inc, "x"), [("x", 5), {"x"}, frozenset({"x"})]],
        "named": (lambda p: p, pair("x", 2)),
        "call": (max, (add, "x", (mul, 3, (inc, "x"))), 2),
    }
    assert graph.get(dsk, ["list", "named", "call"]) == (
        [1, 2, [(1, 5), {1}, frozenset({1})]],
        pair(1, 2),
        7,
    )


def test_what_is_no_key_stays_as_it_is() -> None:
    array, mapping = np.arange(3), {"a": "x"}
    dsk = {"x": 1, "got": (lambda *args: args, array, mapping, "y", (), None, [array])}
    got = graph.get(dsk, "got")
    assert got[0] is array
    assert got[1] is mapping
    assert got[2:5] == ("y", (), None)
    assert got[5][0] is array


def test_arrays_pass_between_tasks_unchanged() -> None:
    dsk = {"a": np.arange(4), "b": (add, "a", np.ones(4)), "c": (np.dot, "a", "b")}
    assert graph.get(dsk, "c") == 20.0


def test_only_what_is_needed_runs() -> None:
    def boom() -> None:
        raise AssertionError

    dsk = {"a": (inc, 1), "b": (boom,), "c": (inc, "b"), "d": (inc, "d")}
    assert graph.get(dsk, "a") == 2


def test_every_task_runs_once() -> None:
    ran: list[int] = []

    def note(number: int, *_needs: object) -> int:
        ran.append(number)
        return number

    before = [[("t", j) for j in range(max(0, i - 3), i)] for i in range(2000)]
    dsk = {("t", i): (note, i, *needs) for i, needs in enumerate(before)}
    assert graph.get(dsk, ("t", 1999), num_workers=4) == 1999
    assert sorted(ran) == [*range(2000)]


def test_a_chain_may_be_longer_than_the_stack() -> None:
    dsk = {("x", i + 1): (inc, ("x", i)) for i in range(30_000)}
    assert graph.get({**dsk, ("x", 0): 0}, ("x", 30_000)) == 30_000


@pytest.mark.parametrize(
    "step", [lambda key: (add, 1, key), lambda key: (sum, [1, key])]
)
def test_so_may_a_chain_of_tasks_with_constants(
    step: Callable[[object], object],
) -> None:
    dsk = {("x", i + 1): step(("x", i)) for i in range(5000)}
    assert graph.get({**dsk, ("x", 0): 0}, ("x", 5000)) == 5000


def test_a_deep_ladder_of_two_needs_each_is_read() -> None:
    dsk: dict[object, object] = {0: (int,), 1: (int,)}
    dsk |= {i: (lambda a, _b: a + 1, i - 1, i - 2) for i in range(2, 5000)}
    assert graph.get(dsk, 4999) == 4998


@pytest.mark.parametrize(
    ("dsk", "named"),
    [
        ({"a": (inc, "a")}, "-> a\n  -> a"),
        ({"a": (inc, "b"), "b": (inc, "a")}, "-> a\n  -> b\n  -> a"),
        ({"a": "b", "b": "a"}, "-> a\n  -> b\n  -> a"),
        ({"a": (add, "b", 1), "b": (add, 1, "a")}, "-> a\n  -> b\n  -> a"),
        ({"a": ["b"], "b": [(inc, "a")]}, "-> a\n  -> b\n  -> a"),
        ({"s": (add, "x", "a"), "x": (int,), "a": (add, "x", "s")}, "-> s\n  -> a"),
    ],
)
def test_a_cycle_is_named(dsk: dict[str, object], named: str) -> None:
    with pytest.raises(RuntimeError, match="Cycle detected") as caught:
        graph.get(dsk, next(iter(dsk)))
    assert named in str(caught.value)


@pytest.mark.parametrize("dsk", [{}, {"a": "a"}, {"b": 1}])
def test_a_missing_key_is_a_key_error(dsk: dict[str, object]) -> None:
    with pytest.raises(KeyError, match="a"):
        graph.get(dsk, ["a"])


def divide(x: int) -> float:
    return 1 / x


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_error_of_a_task_points_into_its_function(workers: int) -> None:
    dsk = {**{f"{i}": (inc, 1) for i in range(100)}, "bad": (divide, "zero"), "zero": 0}
    with pytest.raises(ZeroDivisionError) as caught:
        graph.get(dsk, [*dsk], num_workers=workers)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "divide"


def test_after_an_error_no_other_task_starts() -> None:
    ran: list[int] = []

    def bad() -> None:
        time.sleep(0.02)
        raise ValueError("bad")

    def slow(i: int) -> None:
        time.sleep(0.005)
        ran.append(i)

    dsk = {"bad": (bad,), **{f"{i}": (slow, i) for i in range(500)}}
    with pytest.raises(ValueError, match="bad"):
        graph.get(dsk, [*dsk], num_workers=2)
    time.sleep(0.02)
    seen = len(ran)
    time.sleep(0.05)
    assert len(ran) == seen < 20


def test_a_chain_stops_after_an_error_elsewhere() -> None:
    ran: list[int] = []

    def slow(x: int) -> int:
        time.sleep(0.005)
        ran.append(x)
        return x + 1

    def bad() -> None:
        time.sleep(0.02)
        raise ValueError("bad")

    dsk = {("c", i + 1): (slow, ("c", i)) for i in range(200)}
    dsk |= {("c", 0): (slow, 0), "bad": (bad,)}
    with pytest.raises(ValueError, match="bad"):
        graph.get(dsk, [("c", 200), "bad"], num_workers=2)
    time.sleep(0.02)
    seen = len(ran)
    time.sleep(0.06)
    assert len(ran) == seen


def test_an_interrupt_ends_the_call_at_once_and_starts_nothing_more() -> None:
    release = threading.Event()
    ran: list[int] = []

    def hold(i: int) -> None:
        ran.append(i)
        if i == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        release.wait(10)

    dsk = {f"{i}": (hold, i) for i in range(50)}
    before = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        graph.get(dsk, [*dsk], num_workers=2)
    assert time.perf_counter() - before < 2
    release.set()
    time.sleep(0.05)
    assert len(ran) <= 2


def test_a_task_may_call_get() -> None:
    def inner(x: int) -> int:
        return graph.get({"y": (inc, x), "z": (inc, "y")}, "z", num_workers=2)

    dsk = {f"{i}": (inner, i) for i in range(40)}
    assert graph.get(dsk, [*dsk], num_workers=2) == tuple(range(2, 42))


def test_a_task_may_call_get_in_a_pool_that_is_full() -> None:
    with ThreadPoolExecutor(1) as pool:

        def inner(depth: int) -> int:
            if depth == 0:
                return 0
            dsk = {"a": (inner, depth - 1), "b": (inc, "a")}
            return graph.get(dsk, "b", pool=pool)

        assert graph.get({"x": (inner, 5)}, "x", pool=pool) == 5


def test_calls_from_many_threads_do_not_mix() -> None:
    def one(seed: int) -> tuple[int, ...]:
        dsk = {f"{i}": (add, seed, f"{i - 1}") for i in range(1, 300)}
        return graph.get({**dsk, "0": 0}, ["299", "150"], num_workers=2)

    with ThreadPoolExecutor(8) as pool:
        got = [*pool.map(one, range(1000, 1040))]
    assert got == [(299 * seed, 150 * seed) for seed in range(1000, 1040)]


@pytest.mark.parametrize("kind", [ThreadPool, ThreadPoolExecutor])
def test_a_given_pool_runs_the_tasks(kind: type) -> None:
    def ident() -> int:
        time.sleep(0.005)
        return threading.get_ident()

    dsk = {("x", i): (ident,) for i in range(30)}
    with kind(3) as pool:
        used = set(graph.get(dsk, [*dsk], pool=pool))
    assert len(used) == 3
    assert threading.get_ident() not in used


def test_a_pool_that_is_shut_down_is_an_error() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        graph.get({"x": (int,)}, "x", pool=pool)


def test_a_result_is_let_go_when_its_last_user_has_it() -> None:
    class Big:
        pass

    alive: weakref.WeakSet[Big] = weakref.WeakSet()
    most = 0

    def make(_i: int) -> Big:
        nonlocal most
        big = Big()
        alive.add(big)
        time.sleep(0.0005)
        most = max(most, len(alive))
        return big

    dsk: dict[object, object] = {}
    for i in range(200):
        dsk["made", i] = (make, i)
        dsk["left", i] = (id, ("made", i))
        dsk["right", i] = (id, ("made", i))
    ends = [(side, i) for side in ("left", "right") for i in range(200)]
    graph.get({**dsk, "end": (len, [*ends])}, "end", num_workers=2)
    assert most < 12
    assert len(alive) == 0


def test_results_of_a_chain_go_one_by_one() -> None:
    class Big:
        pass

    alive: weakref.WeakSet[Big] = weakref.WeakSet()
    most = []

    def remake(_big: object) -> Big:
        big = Big()
        alive.add(big)
        most.append(len(alive))
        return big

    dsk = {f"{i + 1}": (remake, f"{i}") for i in range(100)}
    graph.get({**dsk, "0": 0, "end": (type, "100")}, "end")
    assert max(most) == 2


def test_long_tasks_run_side_by_side() -> None:
    def nap(*_needs: object) -> None:
        time.sleep(0.001)

    dsk = dict.fromkeys(range(400), (nap,))
    start = time.perf_counter()
    graph.get(dsk, [*dsk], num_workers=2)
    both = time.perf_counter() - start
    start = time.perf_counter()
    graph.get(dsk, [*dsk], num_workers=1)
    alone = time.perf_counter() - start
    assert alone / both > 1.6


def test_a_long_task_among_brief_ones_does_not_hold_them_up() -> None:
    def nap(seconds: float) -> float:
        time.sleep(seconds)
        return time.perf_counter()

    def now(*_needs: object) -> float:
        return time.perf_counter()

    dsk: dict[object, object] = dict.fromkeys(range(3000), (now,))
    dsk |= {("long", i): (nap, 0.1) for i in range(4)}
    dsk |= {("late", i): (now,) for i in range(3000)}
    start = time.perf_counter()
    graph.get(dsk, [*dsk], num_workers=4)
    assert time.perf_counter() - start < 0.35


def test_tasks_see_the_context_of_the_caller() -> None:
    variable = contextvars.ContextVar("variable", default=1)
    graph.get({"x": (variable.get,)}, "x")
    token = variable.set(2)
    try:
        assert graph.get({"x": (variable.get,), "y": (variable.get,)}, ["x", "y"]) == (
            2,
            2,
        )
    finally:
        variable.reset(token)


def test_threads_are_used_again() -> None:
    dsk = {f"{i}": (time.sleep, 0.001) for i in range(8)}
    graph.get(dsk, [*dsk], num_workers=4)
    before = threading.active_count()
    for _ in range(100):
        graph.get(dsk, [*dsk], num_workers=4)
    assert threading.active_count() <= before + 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_has_threads_of_its_own() -> None:
    code = (
        "import os, warnings, operator, quantumflow_lab as qf\n"
        "warnings.simplefilter('ignore')\n"
        "dsk = {f'x{i}': (operator.add, 1, i) for i in range(50)}\n"
        "qf.graph.get(dsk, [*dsk])\n"
        "child = os.fork()\n"
        "print(qf.graph.get({'a': (operator.add, 1, 1)}, 'a'), flush=True)\n"
        "if child: raise SystemExit(os.waitpid(child, 0)[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    # The two may write between each other's words.
    assert done.stdout.split() in (["2", "2"], ["22"])


def test_known_results_are_used_and_new_ones_kept() -> None:
    cache = {"x": 10, "z": ("x", 1)}
    assert graph.get({"y": (inc, "x"), "w": "z"}, ["y", "w"], cache=cache) == (
        11,
        ("x", 1),
    )
    assert cache == {"x": 10, "z": ("x", 1), "y": 11, "w": ("x", 1)}
