"""Functions of steps in threads: values, errors, stopping, context."""

from __future__ import annotations

import contextvars
import threading
import time
from queue import SimpleQueue

import pytest

from quantumflow_lab.ports import Stopped
from quantumflow_lab.workers import StepThreads

NAME = contextvars.ContextVar("NAME", default="nobody")


@pytest.fixture
def threads():
    pool = StepThreads(size=2)
    yield pool
    pool.close()


@pytest.fixture
def ends():
    return SimpleQueue()


def into(ends):
    return lambda key, value, error: ends.put((key, value, error))


def spin():
    while True:
        time.sleep(0.001)


def test_a_value_comes_back_under_its_key(threads, ends):
    threads.start((1, 2), lambda: 42, into(ends))
    assert ends.get(timeout=5) == ((1, 2), 42, None)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_is_raised_comes_back(threads, ends, error):
    def fail():
        raise error

    threads.start((1, 1), fail, into(ends))
    assert ends.get(timeout=5) == ((1, 1), None, error)


def test_a_call_sees_the_context_of_its_caller_and_keeps_changes_to_itself(
    threads, ends
):
    NAME.set("ada")

    def read_and_change():
        before = NAME.get()
        NAME.set("bob")
        return before

    for _ in range(2):
        threads.start((1, 1), read_and_change, into(ends))
        assert ends.get(timeout=5)[1] == "ada"
    assert NAME.get() == "ada"


def test_a_stop_is_raised_inside_python_code(threads, ends):
    threads.start((1, 1), spin, into(ends))
    time.sleep(0.05)
    started = time.perf_counter()
    threads.stop((1, 1))
    key, value, error = ends.get(timeout=5)
    assert time.perf_counter() - started < 0.25
    assert (key, value, type(error)) == ((1, 1), None, Stopped)


def test_except_exception_does_not_swallow_a_stop(threads, ends):
    def stubborn():
        while True:
            try:
                time.sleep(0.001)
            except Exception:  # noqa: BLE001 - what optimisers do
                continue

    threads.start((1, 1), stubborn, into(ends))
    time.sleep(0.05)
    threads.stop((1, 1))
    assert type(ends.get(timeout=5)[2]) is Stopped


def test_a_stop_of_an_ended_call_reaches_nobody(threads, ends):
    threads.start((1, 1), lambda: "first", into(ends))
    ends.get(timeout=5)
    threads.stop((1, 1))
    threads.start((2, 1), lambda: time.sleep(0.05) or "second", into(ends))
    threads.stop((1, 1))
    assert ends.get(timeout=5) == ((2, 1), "second", None)


def test_stops_that_race_with_the_end_never_hit_the_next_call(threads, ends):
    for number in range(300):
        threads.start((number, 1), lambda: 1, into(ends))
        threads.stop((number, 1))
        key, value, error = ends.get(timeout=5)
        assert key == (number, 1)
        assert value == 1 or type(error) is Stopped
        threads.start((number, 2), lambda: sum(range(50)), into(ends))
        assert ends.get(timeout=5) == ((number, 2), 1225, None)


def test_threads_are_used_again(threads, ends):
    seen = set()
    for number in range(20):
        threads.start((number, 1), threading.get_ident, into(ends))
        seen.add(ends.get(timeout=5)[1])
        time.sleep(0.001)
    assert len(seen) <= 3


def test_more_calls_than_the_size_run_at_once(threads, ends):
    together = threading.Barrier(6)
    for number in range(6):
        threads.start((number, 1), lambda: together.wait(timeout=5), into(ends))
    assert {ends.get(timeout=5)[2] for _ in range(6)} == {None}


def test_a_call_in_c_code_is_left_and_ends_in_its_own_time(threads, ends):
    threads.start((1, 1), lambda: time.sleep(0.4) or "slept", into(ends))
    time.sleep(0.05)
    threads.stop((1, 1))
    assert ends.empty()
    assert type(ends.get(timeout=5)[2]) is Stopped


def test_a_listener_that_raises_costs_no_thread(threads, ends, caplog):
    def bad(key, value, error):
        raise RuntimeError("listener")

    threads.start((1, 1), lambda: 1, bad)
    threads.start((2, 1), lambda: 2, into(ends))
    assert ends.get(timeout=5)[1] == 2
    time.sleep(0.05)
    assert "what follows step call (1, 1) failed" in caplog.text


def test_closing_stops_what_runs_and_takes_no_more(ends):
    threads = StepThreads(size=1)
    threads.start((1, 1), spin, into(ends))
    time.sleep(0.05)
    threads.close()
    assert type(ends.get(timeout=5)[2]) is Stopped
    with pytest.raises(RuntimeError, match="closed"):
        threads.start((2, 1), lambda: 1, into(ends))
