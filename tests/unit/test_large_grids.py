"""Runs of very many points: refused before they hold anything, or soon over."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.core import Events
from quantumflow_lab.errors import BadAxis
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner import past
from quantumflow_lab.settings import Settings

SLOW = """
import time
x = qf.axis(range(200))
y = qf.axis(range(200))
@qf.step
def a(x, y):
    time.sleep(0.02)
    return x
@qf.step(over="x")
def b(a, y):
    return sum(a)
"""


@pytest.fixture
def small(tmp_path: Path) -> Any:
    """A lab whose runs may have 100 points."""
    lab = Lab(tmp_path / "home", settings=Settings(points=100))
    yield lab
    lab.close()


def test_a_setting_says_how_many_points_a_run_may_have(small: Lab) -> None:
    def cell(x: int, y: int) -> str:
        axes = f"x = qf.axis(range({x}))\ny = qf.axis(range({y}))\n"
        return axes + "@qf.step\ndef a(x, y):\n    return x * y\n"

    assert small.run(cell(10, 10), name="fits")["a"].shape == (10, 10)
    told = (
        r"step 'a' would have 110 points \(x 10 × y 11\), and a run may have 100: "
        "take fewer values, sweep inside a step, or raise QFLOW_POINTS before the lab"
    )
    with pytest.raises(BadAxis, match=told):
        small.run(cell(10, 11), name="large")
    with pytest.raises(BadAxis, match=told):
        small.plan(cell(10, 11), name="large")


def test_the_points_of_all_steps_count_together(small: Lab) -> None:
    cell = "x = qf.axis(range(60))\n@qf.step\ndef a(x):\n    return x\n"
    cell += "@qf.step\ndef b(a):\n    return a\n"
    told = r"step 'a' would have 60 points \(x 60\), all steps 120, and a run may have"
    with pytest.raises(BadAxis, match=told):
        small.run(cell, name="two")


def test_what_the_points_of_a_step_read_counts_too(small: Lab) -> None:
    cell = """
x = qf.axis(range(30))
y = qf.axis(range(30))
@qf.step
def a(x):
    return x
@qf.step(over="x")
def b(a, y):
    return sum(a) + y
"""
    told = r"step 'b' would read 900 values of 'a' \(y 30 × x 30\), and a run may have"
    with pytest.raises(BadAxis, match=told):
        small.run(cell, name="wide")


def test_a_list_found_on_the_way_is_held_to_the_same_number(small: Lab) -> None:
    cell = """
@qf.step
def found():
    return list(range(1000))
@qf.step(map="found")
def each(found):
    return found
"""
    run = small.run(cell, name="mapped", background=True).wait()
    (failed,) = run["each"]
    assert isinstance(failed, Failed)
    assert failed.reason == "BadAxis"
    told = "step 'each' would have 1,000 points (found 1,000), all steps 1,001, and a"
    assert failed.message.startswith(told)


def test_a_large_run_ends_soon_after_it_is_cancelled(tmp_path: Path) -> None:
    with closing(Lab(tmp_path / "home")) as lab:
        run = lab.run(SLOW, name="large", background=True)
        while not any(isinstance(v, int) for v in run.data.steps["a"].values):
            time.sleep(0.01)
        run.cancel()
        begun = time.process_time()
        run.wait(timeout=60)
        # 40,000 points took 8 s of the processor when each was recorded by itself.
        assert time.process_time() - begun < 2
        assert run.state == "cancelled"
        values = run["a"][:].ravel().tolist()
        done = [v for v in values if not isinstance(v, Failed)]
        assert {v.reason for v in values if isinstance(v, Failed)} == {"RunCancelled"}
        recorded = lab.sql("SELECT count(*) AS n FROM qf_points").to_pylist()
        assert recorded[0]["n"] < 1000
    with closing(Lab(tmp_path / "home")) as lab:
        loaded = lab.load("large")
        again = loaded["a"][:].ravel().tolist()
        assert [v for v in again if not isinstance(v, Failed)] == done
        last = again[-1]
        assert last == Failed("RunCancelled", "step 'a' was cancelled", 0)
        counts = {step["name"]: step["counts"] for step in loaded.snapshot()["steps"]}
        assert counts["a"] == {"cancelled": 40_000 - len(done), "done": len(done)}
        assert sum(counts["b"].values()) == 200


def test_a_cancel_gets_through_while_kept_points_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = "x = qf.axis(range(2000))\n@qf.step\ndef a(x):\n    return x\n"
    with closing(Lab(tmp_path / "home")) as lab:
        lab.run(cell, name="kept")
        value = past._LiveStep.value

        def slow(self: Any, number: int) -> Any:
            time.sleep(0.005)
            return value(self, number)

        monkeypatch.setattr(past._LiveStep, "value", slow)
        run = lab.run(cell, name="kept", background=True)
        time.sleep(0.1)
        begun = time.monotonic()
        run.cancel().wait(timeout=60)
        assert time.monotonic() - begun < 5  # 10 s to look at all of them
        assert run.state == "cancelled"
        monkeypatch.undo()
        again = lab.run(cell, name="kept")
        assert again["a"][:].tolist() == list(range(2000))


@pytest.mark.parametrize("needs", [[[], [], []], [[4, 5], [6, 7], [8, 9]]])
def test_units_that_need_equally_many_are_defined_alike(needs: list[list[int]]) -> None:
    one = Events().define(run=1, cls=2, first=10, needs=needs, collect=True)
    flat = [unit for row in needs for unit in row]
    alike = Events().define_alike(
        run=1, cls=2, first=10, count=3, needs=flat, collect=True
    )
    assert bytes(alike) == bytes(one)
