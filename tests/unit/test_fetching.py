"""Jobs that a killed process had sent to a provider are fetched, not sent again.

A process is killed while IBM's own client talks to the emulator; the test takes its run
up. The jobs that the emulator has taken are what would have been paid.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit_ibm_runtime import EstimatorV2, SamplerV2

from quantumflow_lab import Lab, Price, Run
from quantumflow_lab.backends import PrimitiveBackend, jobs
from quantumflow_lab.emulate.faults import FAULTS, Habits
from quantumflow_lab.emulate.ibm import Service, service
from quantumflow_lab.errors import BackendFailed, JobUnanswered, OpenJobs
from tests.unit.test_emulated_faults import account

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .*V2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

CHILD = """
import os, signal, sys, time
sys.path.insert(0, {root!r})
from qiskit_ibm_runtime import EstimatorV2, SamplerV2
from quantumflow_lab.backends import primitive_adapter
from tests.unit.test_fetching import begin, opened

url, home, moment, number, cell, newer = sys.argv[1:]
left = [int(number)]

def deadly(function, pause):
    def call(*args, **kwargs):
        left[0] -= 1
        if not left[0]:
            time.sleep(pause)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

adapter = primitive_adapter.PrimitiveAdapter
if moment == "before":
    adapter._sent = deadly(adapter._sent, 0)
elif moment == "sending":
    for kind in (SamplerV2, EstimatorV2):
        kind.run = deadly(kind.run, 0)
elif moment == "unheard":
    adapter._wait = deadly(adapter._wait, 0)
else:
    primitive_adapter.awaited = deadly(primitive_adapter.awaited, 0.5)
begin(opened(home, url, newer=newer == "True"), cell)
"""

SWEEP = """
from qiskit import QuantumCircuit
turns = qf.axis([0, 1, 2])

@qf.sample(shots=100)
def counts(turns):
    plain = QuantumCircuit(1, 1)
    if turns % 2:
        plain.x(0)
    plain.measure(0, 0)
    return {"here": plain, "twice": [plain, plain.copy()]}

@qf.step
def ones(counts):
    results = [counts["here"], *counts["twice"]]
    return [each.data.c.get_counts().get("1", 0) for each in results]
"""
BOTH = """
from qiskit import QuantumCircuit

@qf.sample(shots=100)
def counts():
    crossed = QuantumCircuit(2, 3)
    crossed.x(1)
    crossed.measure([0, 1], [2, 0])
    return crossed

@qf.estimate(precision=0.05)
def values():
    flipped = QuantumCircuit(2)
    flipped.x(1)
    return flipped, ["ZI", "IZ"]
"""
LOOP = """
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

@qf.step
def energies(estimator):
    qc = QuantumCircuit(1)
    qc.ry(Parameter("t"), 0)
    found = []
    for angle in [0.0, 0.5, 1.0, 1.5]:
        job = estimator.run([(qc, ["Z", "X"], [angle])], precision=0.05)
        found.append(job.result()[0].data.evs.tolist())
    return found
"""


def opened(home: Path | str, url: str, *, newer: bool = False) -> Lab:
    """A lab with a device of IBM; with `newer`, for its client-side primitives."""
    lab = Lab(home)
    ibm = account(url)
    device = PrimitiveBackend(ibm, sampler=SamplerV2, estimator=EstimatorV2)
    device = ibm if newer else device
    lab.backends.add("dev", device, price=Price("USD", per_shot="0.01"))
    return lab


def begin(lab: Lab, cell: str) -> Run:
    return lab.run(cell, name="work", backend="dev")


def killed(
    url: str,
    home: Path,
    cell: str,
    moment: str,
    number: int = 1,
    *,
    newer: bool = False,
) -> None:
    """Run a cell in a process that dies with a job of it.

    Before it is to be sent, when that is on the disk, when it was sent but nobody has
    heard its id, or while its answer is waited for.
    """
    code = CHILD.format(root=str(Path(__file__).parents[2]))
    arguments = [url, str(home), moment, str(number), cell, str(newer)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert done.returncode == -9


def asking(run: Run) -> None:
    """Wait until a run is about to ask its provider."""
    until = time.monotonic() + 20
    while not any(step["phase"] == "running" for step in run.snapshot()["steps"]):
        assert time.monotonic() < until
        time.sleep(0.02)


def spent(lab: Lab) -> float:
    (row,) = lab.sql("SELECT cost FROM qf_runs").to_pylist()
    return float(row["cost"])


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    # The lines of `account` set these; so they are put back.
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")


@pytest.fixture
def ibm() -> Iterator[Service]:
    with service() as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("moment", "taken"),
    [("before", 0), ("sending", 0), ("unheard", 1), ("waiting", 1)],
)
def test_a_job_is_paid_once_whenever_the_process_dies(
    ibm: Service, home: Path, moment: str, taken: int
) -> None:
    killed(ibm.url, home, SWEEP, moment)
    assert len(ibm.jobs) == taken
    lab = opened(home, ibm.url)
    ended = begin(lab, SWEEP)
    assert ended.state == "done"
    assert "taken up after its process" in str(ended.snapshot()["message"])
    run = lab.load("work")
    # The device is noisy, and keeps counts nonetheless near what they should be.
    for turns, row in enumerate(run["ones"]):
        assert all((n > 50) == bool(turns % 2) for n in row)
    assert len(ibm.jobs) == 1
    (job,) = ibm.jobs
    states = lab.sql("SELECT state, provider_job, cost FROM qf_jobs ORDER BY submitted")
    assert states.to_pylist()[-1] == {
        "state": "settled",
        "provider_job": job,
        "cost": pytest.approx(9.0),
    }
    assert spent(lab) == pytest.approx(9.0)
    if not taken:
        first = "SELECT error, cost FROM qf_jobs ORDER BY submitted LIMIT 1"
        (lost,) = lab.sql(first).to_pylist()
        never = "its process ended before it was sent"
        unknown = "emulated has no job tagged"
        assert (never if moment == "before" else unknown) in lost["error"]
        assert lost["cost"] == 0
    # Each point is recorded once.
    (rows,) = lab.sql("SELECT count(*) AS n FROM rec_unit").to_pylist()
    assert rows["n"] == 6
    lab.close()


@pytest.mark.parametrize("moment", ["before", "sending", "unheard", "waiting"])
def test_a_loop_goes_on_behind_the_job_that_was_under_way(
    ibm: Service, home: Path, moment: str
) -> None:
    killed(ibm.url, home, LOOP, moment, number=3)
    lab = opened(home, ibm.url)
    run = lab.resume("work")
    run.raise_failure()
    assert len(ibm.jobs) == 4
    assert run["energies"][0][0] > 0.8
    assert run["energies"][3][1] > 0.8
    rows = lab.sql("SELECT count(*) AS n FROM rec_call WHERE state = 'answered'")
    assert rows.to_pylist() == [{"n": 4}]
    lab.close()


@pytest.mark.parametrize("moment", ["unheard", "waiting"])
def test_so_are_jobs_of_the_client_side_primitives(
    ibm: Service, home: Path, moment: str
) -> None:
    killed(ibm.url, home, BOTH, moment, newer=True)
    assert len(ibm.jobs) == 1
    lab = opened(home, ibm.url, newer=True)
    run = lab.resume("work")
    run.raise_failure()
    assert [job.posted["program_id"] for job in ibm.taken.values()] == ["executor"] * 2
    # Crossed bits, and readout errors that the estimator has taken out of the mean.
    assert run["counts"].data.c.get_counts()["001"] > 60
    assert run["values"].data.evs == pytest.approx([-1, 1], abs=0.3)
    lab.close()


def test_a_cell_that_is_run_again_on_the_same_device_buys_nothing(
    ibm: Service, home: Path
) -> None:
    lab = opened(home, ibm.url, newer=True)
    for _ in range(3):
        begin(lab, BOTH).raise_failure()
    assert len(ibm.jobs) == 2
    # So it is for a variable of the notebook.
    device = lab.backends.backend("dev").backend
    for _ in range(2):
        run = lab.run(BOTH, name="mine", backend="mine", inputs={"mine": device})
        run.raise_failure()
    assert len(ibm.jobs) == 4
    lab.close()


def test_who_fetches_may_be_killed_as_well(ibm: Service, home: Path) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    killed(ibm.url, home, SWEEP, "waiting")
    lab = opened(home, ibm.url)
    assert lab.resume("work").state == "done"
    assert len(ibm.jobs) == 1
    assert lab.sql("SELECT epoch FROM qf_runs").to_pylist() == [{"epoch": 3}]
    lab.close()


def test_a_job_that_failed_there_is_told_and_sent_again_at_a_word(
    ibm: Service, home: Path
) -> None:
    ibm.habits.append(FAULTS["internal-error"].habits)
    killed(ibm.url, home, SWEEP, "waiting")
    lab = opened(home, ibm.url)
    with pytest.raises(
        BackendFailed, match=r"took job .*9999; %qflow resume work sends"
    ):
        lab.resume("work")
    assert lab.load("work").state == "failed"
    assert len(ibm.jobs) == 1
    ibm.habits.clear()
    assert lab.resume("work").state == "done"
    assert len(ibm.jobs) == 2
    # Of the first, which was the fault of the service, it says that nothing was used.
    rows = lab.sql("SELECT cost, rule, circuits FROM qf_jobs ORDER BY submitted")
    assert rows.to_pylist() == [
        {"cost": 0.0, "rule": "usage", "circuits": 9},
        {"cost": pytest.approx(9.0), "rule": "usage", "circuits": 9},
    ]
    lab.close()


def test_a_job_that_cannot_be_asked_about_stays_open(ibm: Service, home: Path) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    lab = opened(home, ibm.url)
    ibm.trouble += FAULTS["poll-401"].made()
    with pytest.raises(OpenJobs, match=r"cannot be asked .*; %qflow resume work asks"):
        lab.resume("work")
    (job,) = lab.sql("SELECT state, cost FROM qf_jobs").to_pylist()
    assert job == {"state": "sent", "cost": pytest.approx(9.0)}
    ibm.trouble.clear()
    assert lab.resume("work").state == "done"
    assert len(ibm.jobs) == 1
    assert spent(lab) == pytest.approx(9.0)
    lab.close()


def test_the_same_holds_while_the_process_lives(ibm: Service, home: Path) -> None:
    lab = opened(home, ibm.url)
    ibm.trouble += FAULTS["poll-401"].made()
    with pytest.raises(JobUnanswered, match="cannot be asked about it"):
        begin(lab, SWEEP).raise_failure()
    ibm.trouble.clear()
    assert lab.resume("work").state == "done"
    assert len(ibm.jobs) == 1
    assert spent(lab) == pytest.approx(9.0)
    lab.close()


def test_the_cell_once_more_asks_again_too(ibm: Service, home: Path) -> None:
    lab = opened(home, ibm.url)
    ibm.trouble += FAULTS["poll-401"].made()
    failed = begin(lab, SWEEP)
    assert failed.state == "failed"
    told = r"[0-9a-f]{20} on dev\. %qflow resume work fetches them"
    with pytest.raises(OpenJobs, match=told):
        begin(lab, SWEEP.replace("shots=100", "shots=99"))
    ibm.trouble.clear()
    again = begin(lab, SWEEP)
    assert (again.state, again.id) == ("done", failed.id)
    assert len(ibm.jobs) == 1
    lab.close()


def test_a_job_is_given_up_at_a_word(ibm: Service, home: Path) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    lab = opened(home, ibm.url)
    assert lab.resume("work", resubmit=True).state == "done"
    assert len(ibm.jobs) == 2
    rows = lab.sql("SELECT state, error FROM qf_jobs ORDER BY submitted").to_pylist()
    assert rows == [
        {"state": "lost", "error": "given up"},
        {"state": "settled", "error": None},
    ]
    assert spent(lab) == pytest.approx(18.0)
    lab.close()


def test_a_run_can_be_cancelled_while_it_fetches(ibm: Service, home: Path) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    ibm.habits.append(Habits(queue=1e6))
    lab = opened(home, ibm.url)
    run = lab.resume("work", background=True)
    asking(run)
    assert "fetching 1 job sent before" in str(run.snapshot()["message"])
    run.cancel()
    assert run.wait().state == "cancelled"
    until = time.monotonic() + 20
    while [job.ended for job in ibm.taken.values()] != ["Cancelled"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    lab.close()


def test_what_is_fetched_counts_against_the_budget_once(
    ibm: Service, home: Path
) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    lab = opened(home, ibm.url)
    run: Any = lab.run(SWEEP, name="work", backend="dev", budget="9 USD")
    run.raise_failure()
    assert len(ibm.jobs) == 1
    lab.close()
