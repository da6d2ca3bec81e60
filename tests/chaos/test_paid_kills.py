"""Kernels that are killed while they have jobs at a provider: nothing is paid twice.

``QFLOW_KILLS`` sets how many times, for ``make chaos``.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quantumflow_lab.backends import jobs
from quantumflow_lab.emulate.faults import Habits
from quantumflow_lab.emulate.ibm import Service, service
from quantumflow_lab.store import Store
from tests.unit.test_fetching import begin, opened, spent

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .*V2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
    pytest.mark.timeout(3600),
]

KILLS = int(os.environ.get("QFLOW_KILLS", "6"))
MOST = 12
"""Kills of one run, which may be over by then."""
POINTS, CALLS = 8, 8

CELL = f"""
import time
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

x = qf.axis(list(range({POINTS})))

@qf.step
def slow(x):
    time.sleep(0.3 * x)
    return x

@qf.sample(shots=50)
def counts(slow):
    qc = QuantumCircuit(1)
    qc.ry(0.1 * slow, 0)
    qc.measure_all()
    return qc

@qf.step
def loop(estimator):
    qc = QuantumCircuit(1)
    qc.ry(Parameter("t"), 0)
    found = []
    for i in range({CALLS}):
        job = estimator.run([(qc, "Z", [0.1 * i])], precision=0.1)
        found.append(float(job.result()[0].data.evs))
    return found
"""
CHILD = """
import sys
from tests.chaos.test_paid_kills import CELL
from tests.unit.test_fetching import begin, opened

lab = opened(sys.argv[1], sys.argv[2])
print("begun", flush=True)
print(begin(lab, CELL).state, flush=True)
"""


def start(home: Path, url: str) -> subprocess.Popen[str]:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", code + CHILD, str(home), url],
        stdout=subprocess.PIPE,
        text=True,
    )


def disturbed(home: Path, ibm: Service, moments: random.Random, kills: int) -> int:
    """A run that is killed up to `kills` times, and then ended; how often it was."""
    before, killed = len(ibm.jobs), 0
    acknowledged: set[tuple[str, int]] = set()
    while killed < kills and len(acknowledged) < 2 * POINTS + 1:
        child = start(home, ibm.url)
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        time.sleep(moments.uniform(0.1, 2.0))
        child.kill()
        child.communicate()
        killed += 1
        with Store(home) as store:
            store.verify()
            rows = store.sql(
                "SELECT step, unit FROM qf_points WHERE state = 'done'"
            ).to_pylist()
        found = {(row["step"], row["unit"]) for row in rows}
        assert acknowledged <= found
        acknowledged = found
    lab = opened(home, ibm.url)
    begin(lab, CELL).raise_failure()
    bought = [len(job["params"]["pubs"]) for job in [*ibm.jobs.values()][before:]]
    assert sum(bought) == POINTS + CALLS
    # 50 shots for each point, 100 for a precision of 0.1.
    assert spent(lab) == pytest.approx((50 * POINTS + 100 * CALLS) / 100)
    points = lab.sql("SELECT count(*) AS n FROM rec_unit GROUP BY run").to_pylist()
    answers = "SELECT count(*) AS n FROM rec_call WHERE state = 'answered'"
    assert points[0] == {"n": 2 * POINTS + 1}
    assert lab.sql(answers).to_pylist() == [{"n": CALLS}]
    lab.close()
    return killed


def test_whenever_a_kernel_is_killed_each_circuit_is_bought_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")
    left, moments = KILLS, random.Random(11)
    with service() as ibm:
        ibm.habits.append(Habits(queue=0.3))
        while left > 0:
            home = tmp_path / f"home{left}"
            left -= disturbed(home, ibm, moments, min(left, MOST))
