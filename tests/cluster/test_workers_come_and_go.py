"""Workers that die in a simulator, that join, and a cluster that is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.lab import Lab
from quantumflow_lab.store import lease
from tests.cluster.test_runs_on_a_cluster import SLOW, begun, wait_for

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

PATIENCE_S = 60
"""A new worker imports us before its first task, which takes long on a busy machine."""
SAMPLED = """
from qiskit import QuantumCircuit

angle = qf.axis([0.3, 0.9, 1.5, 2.1])

@qf.sample(shots=200)
def counts(angle):
    qc = QuantumCircuit(1)
    qc.rx(angle, 0)
    qc.measure_all()
    return qc
"""
HELD = """
import os, pathlib, time

x = qf.axis(list(range(5)))

@qf.step
def held(x):
    while x >= 2 and not (pathlib.Path(folder) / "go").exists():
        time.sleep(0.01)
    return os.getpid()
"""


def children(pid: int) -> set[int]:
    """Of all threads of a process."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(each) for path in found for each in path.read_text().split()}


def counts_of(lab: Lab, name: str, **options: str) -> list[dict[str, int]]:
    run = lab.run(SAMPLED, name=name, seed=11, **options)
    return [result.data.meas.get_counts() for result in run["counts"]]


def test_a_worker_killed_in_a_simulator_job_costs_only_its_own_points(
    lab: Lab, client: Client
) -> None:
    workers = client.run(os.getpid).values()
    before = {child for pid in workers for child in children(pid)}
    run = lab.run(SAMPLED, name="hit", seed=11, executor="dask", background=True)
    # Each starts a child of its own for its part, which takes a second or more.
    started: dict[int, set[int]] = {}

    def is_running() -> bool:
        started.update((pid, children(pid) - before) for pid in workers)
        return all(started.values()) or bool(before)

    wait_for(is_running, PATIENCE_S)
    victim = next(iter(started))
    os.kill(victim, signal.SIGKILL)
    run.wait()

    assert run.state == "done"
    (tries,) = lab.sql(
        "SELECT list(attempt ORDER BY unit) AS tries FROM qf_points"
    ).to_pylist()
    assert sorted(tries["tries"]) == [1, 1, 2, 2]
    wait_for(lambda: not any(map(_lives, started[victim])))
    found = [result.data.meas.get_counts() for result in run["counts"]]
    assert found == counts_of(lab, "here"), "a second try has the seeds of the first"
    client.wait_for_workers(2, timeout=30)


def _lives(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_worker_that_joins_in_mid_run_gets_its_share(
    lab: Lab, client: Client, local_cluster: LocalCluster, tmp_path: Path
) -> None:
    inputs = {"folder": str(tmp_path), "os": os}
    cell = SLOW.replace("+ 20", f"+ {PATIENCE_S}")
    run = lab.run(cell, name="more", executor="dask", inputs=inputs, background=True)
    wait_for(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    try:
        local_cluster.scale(3)
        wait_for(lambda: len(list(tmp_path.glob("begun-*"))) == 3, PATIENCE_S)
        (tmp_path / "go").touch()
        run.wait()
    finally:
        local_cluster.scale(2)
    assert list(run["slow"]) == [0, 1, 2, 3, 4, 5]
    assert {x: len(begun(tmp_path, x)) for x in range(6)} == dict.fromkeys(range(6), 1)
    told = [each["words"] for each in run._data.watch.story.told(0.0)]
    assert any("has 3 workers now, 3 threads" in words for words in told)


def test_a_run_whose_process_and_cluster_are_gone_goes_on_here(
    client: Client, tmp_path: Path
) -> None:
    inputs = {"folder": str(tmp_path)}
    lab = Lab(tmp_path / "home")
    run = lab.run(HELD, name="held", executor="dask", inputs=inputs, background=True)
    workers = {*client.run(os.getpid).values()}
    wait_for(lambda: run.snapshot()["steps"][0]["counts"].get("done") == 2)
    lab.leave()
    for each in tuple(lease._HELD):
        each.leave()  # as the system does when a process ends
    for cluster in lab._clusters.values():
        cluster.close()
    client.close()

    lab = Lab(tmp_path / "home")
    (tmp_path / "go").touch()
    try:
        with pytest.warns(UserWarning, match="the run goes on without its cluster: "):
            again = lab.resume("held")
        assert (again.state, again.id) == ("done", run.id)
        pids = list(again["held"])
        assert {*pids[:2]} <= workers, "what was done is kept"
        assert pids[2:] == [os.getpid()] * 3
        # A cell that asks for no cluster has it all.
        kept = lab.run(HELD, name="held", inputs=inputs)
        assert list(kept["held"]) == pids
    finally:
        lab.close()
