"""Kernels that are killed again and again: whatever was acknowledged is there.

``QFLOW_KILLS`` sets how many times, for ``make chaos``.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.store import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(3600)

KILLS = int(os.environ.get("QFLOW_KILLS", "6"))

CELL = """
import time
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import minimize

x = qf.axis(list(range(30)))

@qf.step
def slow(x):
    time.sleep(0.05)
    return x * factor

@qf.sample(shots=50)
def counts(slow):
    qc = QuantumCircuit(1)
    qc.ry(0.01 * slow, 0)
    qc.measure_all()
    return qc

@qf.step(over="x")
def total(slow, counts):
    return sum(slow)

@qf.step
def vqe(estimator, rng):
    hamiltonian = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])
    ansatz = efficient_su2(2, reps=1)

    def energy(values):
        job = estimator.run([(ansatz, hamiltonian, values)])
        return float(job.result()[0].data.evs)

    start = rng.uniform(-1, 1, ansatz.num_parameters)
    return int(minimize(energy, start, method="COBYLA", options={"maxiter": 80}).nfev)
"""
CHILD = """
import sys
from textwrap import dedent
from quantumflow_lab import Lab
from tests.chaos.test_kills import CELL

lab = Lab(sys.argv[1])
print("begun", flush=True)
run = lab.run(dedent(CELL), name="work", inputs={"factor": 3})
print(run.state, run["total"], run["vqe"], flush=True)
lab.close()
"""


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, text=True
    )


def killed(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_a_kernel_that_is_killed_at_any_time_ends_its_run_in_the_end(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    moments = random.Random(7)
    acknowledged: set[tuple[str, int]] = set()
    for _ in range(KILLS):
        child = start(home)
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        time.sleep(moments.uniform(0.05, 1.2))
        killed(child)
        with Store(home) as store:
            store.verify()
            rows = store.sql(
                "SELECT step, unit FROM qf_points WHERE state = 'done'"
            ).to_pylist()
            found = {(row["step"], row["unit"]) for row in rows}
        assert acknowledged <= found
        acknowledged = found
    child = start(home)
    said, _ = child.communicate(timeout=120)
    assert said.splitlines()[1].startswith(f"done {3 * sum(range(30))} ")
    lab = Lab(home)
    runs = lab.sql("SELECT state, number, points, done FROM qf_runs").to_pylist()
    assert runs == [{"state": "done", "number": 1, "points": 62, "done": 62}]
    # Each point was recorded once, and each call of the loop answered once.
    (points,) = lab.sql("SELECT count(*) AS n FROM rec_unit").to_pylist()
    (calls,) = lab.sql(
        "SELECT count(*) AS n, count(DISTINCT (key, number)) AS apart FROM rec_call"
        " WHERE state = 'answered'"
    ).to_pylist()
    assert points["n"] == 62
    assert calls["n"] == calls["apart"] == lab.load("work")["vqe"]
    lab.close()


def test_of_several_that_take_a_run_up_one_has_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    child = start(home)
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    while not any(b'"kind":"run"' in f.read_bytes() for f in home.glob("journal/*")):
        assert child.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    killed(child)
    code = dedent("""
        import sys
        from quantumflow_lab import Lab
        from quantumflow_lab.errors import QuantumFlowError

        lab = Lab(sys.argv[1])
        try:
            print(lab.resume("work").state)
        except QuantumFlowError as error:
            print(type(error).__name__)
        lab.close()
        """)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = sorted(racer.communicate(timeout=120)[0].strip() for racer in racers)
    assert said.count("done") == 1
    assert {*said} <= {"done", "RunIsHeld", "NothingToResume"}
    with Store(home) as store:
        (points,) = store.sql("SELECT count(*) AS n FROM rec_unit").to_pylist()
    assert points["n"] == 62
