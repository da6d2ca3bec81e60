"""A worker that dies in a simulator, and a cluster that is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.lab import Lab
from quantumflow_lab.store import lease
from tests.cluster.test_runs_on_a_cluster import wait_for

if TYPE_CHECKING:
    from distributed import Client

    from quantumflow_lab.run import Run

PATIENCE_S = 60
"""A worker imports us before its first task, which takes long on a busy machine."""
SAMPLED = """
from qiskit import QuantumCircuit

angle = qf.axis([0.3, 0.9, 1.5, 2.1])

@qf.sample(shots=20)
def counts(angle):
    qc = QuantumCircuit(20)  # takes some tenths of a second
    for layer in range(2):
        for qubit in range(20):
            qc.ry(angle + layer, qubit)
        for qubit in range(19):
            qc.cx(qubit, qubit + 1)
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


def counts_of(run: Run) -> list[dict[str, int]]:
    return [result.data.meas.get_counts() for result in run["counts"]]


def test_a_worker_killed_in_a_simulator_job_costs_only_its_own_points(
    lab: Lab, client: Client
) -> None:
    victim = next(iter(client.run(os.getpid).values()))
    run = lab.run(SAMPLED, name="hit", seed=11, executor="dask", background=True)
    (cluster,) = lab._clusters.known.values()
    # Both parts are out, and the child that simulates one of them is there.
    wait_for(lambda: len(cluster._out.sent) == 2 and children(victim), PATIENCE_S)
    simulators = children(victim)
    os.kill(victim, signal.SIGKILL)
    run.wait()

    assert run.state == "done"
    (tries,) = lab.sql(
        "SELECT list(attempt ORDER BY unit) AS tries FROM qf_points"
    ).to_pylist()
    assert sorted(tries["tries"]) == [1, 1, 2, 2]
    wait_for(lambda: not any(map(_lives, simulators)))
    here = lab.run(SAMPLED, name="here", seed=11, fresh=True)
    assert counts_of(run) == counts_of(here), "a second try has the seeds of the first"
    client.wait_for_workers(2, timeout=30)


def _lives(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


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
    for cluster in lab._clusters.known.values():
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
