"""Worker processes that are killed again and again while a run goes on.

``QFLOW_KILLS`` sets how many, for ``make chaos``.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from quantumflow_lab import Lab, Run
from quantumflow_lab.workers.forked import NAME
from tests.chaos.nursery import KILLS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(3600)

CHILD = "quantumflow_lab.workers.child"
"""What one is called where none is forked."""
CELL = """
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter

x = qf.axis(list(range({points})))

@qf.step
def angle(x):
    time.sleep(0.03)
    return 0.1 * x

@qf.sample(shots=50, retries=50)
def counts(angle):
    qc = QuantumCircuit(QuantumRegister(20), ClassicalRegister(2, "meas"))
    for layer in range(4):  # a tenth of a second, so that some are killed in it
        for qubit in range(20):
            qc.ry(angle + layer, qubit)
        for qubit in range(19):
            qc.cx(qubit, qubit + 1)
    qc.measure([0, 1], [0, 1])
    return qc

@qf.step(over="x")
def ones(counts):
    return [c.data.meas.get_counts().get("11", 0) for c in counts]

@qf.step(retries=50)
def loop(estimator):
    qc = QuantumCircuit(1)
    qc.ry(Parameter("t"), 0)
    found, angle = [], 0.1
    for _ in range({calls}):
        job = estimator.run([(qc, "Z", [angle])], precision=0.1)
        found.append(float(job.result()[0].data.evs))
        angle += 0.1 * found[-1]
    return found
"""


def begun(home: Path, seed: int) -> tuple[Lab, Run]:
    cell = CELL.format(points=16, calls=10)
    lab = Lab(home)
    return lab, lab.run(
        cell, name="work", seed=seed, inputs={"time": time}, background=True
    )


def is_worker(child: psutil.Process) -> bool:
    """Whether a child is one of a lab, and lives."""
    try:
        return child.name() == NAME or CHILD in child.cmdline()
    except psutil.Error:
        return False


def is_busy(worker: psutil.Process) -> bool:
    """Whether a worker computes at the moment."""
    try:
        return bool(worker.status() == psutil.STATUS_RUNNING)
    except psutil.Error:
        return False


def killed_while(run: Run, moments: random.Random, most: int) -> int:
    """Kill workers at random moments while a run goes on; how many it were."""
    kills = 0
    while run.state == "running" and kills < most:
        time.sleep(moments.uniform(0.01, 0.3))
        # Any worker will do: it may work, wait, or just have begun.
        workers = [
            each
            for each in psutil.Process().children(recursive=True)
            if is_worker(each)
        ]
        busy = [each for each in workers if is_busy(each)]
        if workers and run.state == "running":
            with suppress(psutil.NoSuchProcess):
                moments.choice(moments.choice([workers, busy or workers])).kill()
                kills += 1
    return kills


def found(lab: Lab, run: Run) -> dict[str, Any]:
    run.wait().raise_failure()
    return {"ones": run["ones"], "loop": run["loop"]}


def test_a_run_whose_workers_are_killed_takes_what_it_would_have(
    tmp_path: Path,
) -> None:
    moments, left, seed, lost = random.Random(13), KILLS, 0, 0
    while left > 0 or (lost == 0 and seed < 10):
        seed += 1
        lab, run = begun(tmp_path / f"home{seed}", seed)
        left -= killed_while(run, moments, max(6, min(left, 40)))
        disturbed = found(lab, run)
        (points,) = lab.sql(
            "SELECT count(*) AS n, count(DISTINCT (step, unit)) AS apart,"
            " count(*) FILTER (state = 'done') AS done FROM rec_unit"
        ).to_pylist()
        assert points == {"n": 34, "apart": 34, "done": 34}
        (calls,) = lab.sql(
            "SELECT count(*) AS n, count(DISTINCT (key, number)) AS apart"
            " FROM rec_call WHERE state = 'answered'"
        ).to_pylist()
        assert calls == {"n": 10, "apart": 10}
        jobs = lab.sql("SELECT count(*) AS n FROM qf_jobs WHERE state = 'lost'")
        lost += jobs.to_pylist()[0]["n"]
        lab.close()
        lab, run = begun(tmp_path / f"calm{seed}", seed)
        assert found(lab, run) == disturbed
        lab.close()
    # Those that were killed while they waited had no job to lose.
    assert 0 < lost <= KILLS - left
