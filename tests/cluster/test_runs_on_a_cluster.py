"""A run on a cluster comes to what it comes to here, and is recorded alike."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from distributed import Client

from quantumflow_lab.errors import NotInStep, StepFailed
from quantumflow_lab.grid import Failed

if TYPE_CHECKING:
    from quantumflow_lab.lab import Lab

CELL = """
import os
from qiskit import QuantumCircuit

x = qf.axis([0.0, 0.7, 1.4, 2.1])

@qf.step
def drawn(x, rng):
    qf.log(x=x)
    print("at", x)
    return x + rng.integers(1000)

@qf.sample(over="x")
def counts(x):
    circuits = []
    for angle in x:
        qc = QuantumCircuit(2)
        qc.rx(angle, 0)
        qc.cx(0, 1)
        qc.measure_all()
        circuits.append(qc)
    return circuits

@qf.step(over="x")
def total(drawn):
    return float(sum(drawn)), os.getpid()
"""
SLOW = """
import time, pathlib

x = qf.axis(list(range(6)))

@qf.step
def slow(x):
    place = pathlib.Path(folder)
    begun = place / f"begun-{x}-{time.monotonic_ns()}-{os.getpid()}"
    begun.touch()
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline and not (place / "go").exists():
            time.sleep(0.01)
    finally:
        (place / f"ended-{x}").touch()
    return x
"""


def begun(folder: Path, point: int) -> list[Path]:
    return sorted(folder.glob(f"begun-{point}-*"))


def wait_for(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def test_values_counts_metrics_and_prints_are_those_of_a_local_run(
    lab: Lab, client: Client
) -> None:
    there = lab.run(CELL, name="one", seed=5, executor="dask")
    here = lab.run(CELL, name="two", seed=5, fresh=True)

    assert there.state == here.state == "done"
    assert list(there["drawn"]) == list(here["drawn"])
    value, pid = there["total"]
    assert value == here["total"][0]
    assert pid in client.run(os.getpid).values(), "it ran in a worker of the cluster"
    for one, two in zip(there["counts"], here["counts"], strict=True):
        assert one.data.meas.get_counts() == two.data.meas.get_counts()
    shown = {
        run.name: sorted(o.data for o in run._data.outputs if "at" in o.data)
        for run in (there, here)
    }
    assert shown["one"] == shown["two"] != []
    assert there._data.metrics == here._data.metrics
    assert len(there._data.metrics) == 4
    told = [each["words"] for each in there._data.watch.story.told(0.0)]
    assert any(f"steps run on dask at {client.scheduler.address}" in w for w in told)


def test_an_error_there_is_the_error_here_with_its_traceback(
    lab: Lab, client: Client
) -> None:
    cell = """
@qf.step
def broken():
    return 1 / 0
"""
    run = lab.run(cell, name="broken", executor="dask")
    assert run.state == "failed"
    (error,) = run._data.steps["broken"].exceptions.values()
    assert isinstance(error, ZeroDivisionError)
    frame = error.__traceback__
    assert frame is not None
    assert frame.tb_frame.f_code.co_name == "broken"


def test_what_cannot_travel_stays_and_is_named(lab: Lab, client: Client) -> None:
    cell = """
import os

@qf.step
def loop(sampler):
    return os.getpid()

@qf.step
def held():
    return (lock.locked(), os.getpid())
"""
    run = lab.run(
        cell, name="stays", executor="dask", inputs={"lock": threading.Lock()}
    )
    assert run["loop"] == run["held"][1] == os.getpid()
    told = [each["words"] for each in run._data.watch.story.told(0.0)]
    assert any("'loop' stays here (its calls go through the lab)" in w for w in told)


def test_a_call_of_the_lab_from_a_cluster_says_what_to_do(
    lab: Lab, client: Client
) -> None:
    cell = """
from quantumflow_lab.runner.context import current

@qf.step
def calls():
    here = current("a test")
    return here.port.call(here, "sample", None, [], {})
"""
    run = lab.run(cell, name="calls", executor="dask")
    (error,) = run._data.steps["calls"].exceptions.values()
    assert isinstance(error, NotInStep)
    assert "let it ask for 'sampler' or 'estimator'" in str(error)


def test_a_module_that_is_only_here_is_named(
    lab: Lab, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def f():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    cell = """
import only_here

@qf.step
def imported():
    return only_here.f()
"""
    run = lab.run(cell, name="imported", executor="dask")
    (error,) = run._data.steps["imported"].exceptions.values()
    assert isinstance(error, StepFailed)
    assert "a worker cannot load the function of step 'imported'" in str(error)
    assert "No module named 'only_here'" in str(error)


def test_cancel_reaches_the_workers(lab: Lab, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "seen"
    folder.mkdir()
    inputs = {"folder": str(folder), "os": os}
    run = lab.run(SLOW, name="stopped", executor="dask", inputs=inputs, background=True)
    wait_for(lambda: len(list(folder.glob("begun-*"))) == 2)
    began = time.monotonic()
    run.cancel()
    run.wait()
    assert run.state == "cancelled"
    assert time.monotonic() - began < 5, "each point would have taken 20 s"
    assert len(list(folder.glob("begun-*"))) == 2
    assert all(isinstance(each, Failed) for each in run._data.steps["slow"].values)
    wait_for(lambda: len(list(folder.glob("ended-*"))) == 2, seconds=10)


def test_ten_thousand_points_travel_in_groups(lab: Lab, client: Client) -> None:
    cell = """
x = qf.axis(list(range(10_000)))

@qf.step
def cube(x):
    return x * x * x
"""
    run = lab.run(cell, name="cubes", executor="dask")
    assert run.state == "done"
    assert list(run["cube"]) == [x**3 for x in range(10_000)]
    (row,) = lab.sql(
        "SELECT count(*) AS points FROM qf_points WHERE state = 'done'"
    ).to_pylist()
    assert row["points"] == 10_000


def test_a_killed_worker_costs_only_its_own_attempts_and_one_that_joins_helps(
    lab: Lab, client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "seen"
    folder.mkdir()
    inputs = {"folder": str(folder), "os": os}
    run = lab.run(SLOW, name="slow", executor="dask", inputs=inputs, background=True)
    wait_for(lambda: len(list(folder.glob("begun-*"))) == 2)
    first = min(folder.glob("begun-*"))
    victim = int(first.name.rpartition("-")[2])
    os.kill(victim, signal.SIGKILL)
    hit = int(first.name.split("-")[1])
    # The other is busy, so this is one that has joined in mid-run.
    before = {each.name for each in folder.glob("begun-*")}
    pids = {int(name.rpartition("-")[2]) for name in before}
    wait_for(lambda: len(list(folder.glob("begun-*"))) > 2)
    (joined,) = {each.name for each in folder.glob("begun-*")} - before
    assert int(joined.rpartition("-")[2]) not in pids
    (folder / "go").touch()
    run.wait()

    assert run.state == "done"
    assert list(run["slow"]) == [0, 1, 2, 3, 4, 5]
    tries = {x: len(begun(folder, x)) for x in range(6)}
    assert tries == {x: 2 if x == hit else 1 for x in range(6)}
    told = " ".join(each["words"] for each in run._data.watch.story.told(0.0))
    assert "the worker has left, or died" in told
    assert "has 2 workers now, 2 threads" in told
    client.wait_for_workers(2, timeout=30)
