"""Jobs of devices that answer ``run()``: found by their id, read as they were sent.

Kernels and workers die while a cloud has a job of theirs; how many jobs there are in
the cloud is what would have been paid.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qiskit.circuit import Parameter
from qiskit.circuit.library import Measure, RZGate, SXGate, XGate
from qiskit.transpiler import Target

from quantumflow_lab import Lab, Price, Run
from quantumflow_lab.errors import (
    BackendFailed,
    JobUnanswered,
    OpenJobs,
)
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner import losses, sending
from quantumflow_lab.runner.runner import Runner
from tests.unit.cloud import Cloud

CELL = """
from qiskit import QuantumCircuit
turns = qf.axis([0, 1])

@qf.sample(shots=100, optimization_level=3)
def counts(turns):
    crossed = QuantumCircuit(2, 3)
    crossed.x(1)
    if turns:
        crossed.x([0, 1])
    crossed.measure([0, 1], [2, 0])
    twice = QuantumCircuit(1, 2)
    twice.x(0)
    twice.measure(0, 1)
    twice.measure(0, 0)
    return {"crossed": crossed, "plain": [crossed.copy(), twice]}

@qf.estimate(shots=400, optimization_level=3)
def values(turns):
    state = QuantumCircuit(2)
    state.x(1)
    if turns:
        state.x([0, 1])
    return state, [["ZI", "IZ"]]

@qf.step
def found(counts, values):
    results = [counts["crossed"], *counts["plain"]]
    return [r.data.c.get_counts() for r in results], values.data.evs.tolist()
"""
FOUND = [
    ([{"001": 100}, {"001": 100}, {"11": 100}], [[-1.0, 1.0]]),
    ([{"100": 100}, {"100": 100}, {"11": 100}], [[1.0, -1.0]]),
]
CHILD = """
import sys
sys.path.insert(0, {root!r})
from tests.unit.test_retrieving import begin, opened

home, lock = sys.argv[1:]
begin(opened(home, lock=lock == "True"))
"""


def opened(home: Path | str, *, best: int = 0, lock: bool = False) -> Lab:
    lab = Lab(home)
    cloud = Cloud(Path(home) / "cloud", best=best, lock=lock)
    cloud.folder.mkdir(exist_ok=True)
    lab.backends.add("cloud", cloud, price=Price("USD", per_shot="0.01"))
    return lab


def begin(lab: Lab) -> Run:
    return lab.run(CELL, name="work", backend="cloud")


def taken(home: Path) -> list[str]:
    return [path.stem for path in (home / "cloud").glob("*.json")]


def until(happened: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_known(home: Path, jobs: int = 1) -> bool:
    """Whether the ids of so many jobs are in the journal."""
    text = "".join(path.read_text() for path in (home / "journal").glob("*.jsonl"))
    return len(taken(home)) >= jobs and all(job in text for job in taken(home))


def killed(home: Path, *, lock: bool, when: Callable[[], object]) -> None:
    """Begin in a process that dies at a moment."""
    code = CHILD.format(root=str(Path(__file__).parents[2]))
    child = subprocess.Popen([sys.executable, "-c", code, str(home), str(lock)])
    until(when)
    child.kill()
    assert child.wait() == -signal.SIGKILL


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    (folder / "cloud").mkdir(parents=True)
    yield folder
    # Workers that outlive a failed test wait for it no more.
    for name in ("queue", "mute"):
        (folder / "cloud" / name).unlink(missing_ok=True)


def queued(home: Path) -> Path:
    queue = home / "cloud" / "queue"
    queue.touch()
    return queue


@pytest.mark.parametrize("lock", [False, True])
def test_what_was_sent_is_read_as_it_was_sent(home: Path, *, lock: bool) -> None:
    queue = queued(home)
    killed(home, lock=lock, when=lambda: is_known(home))
    sent = taken(home)
    queue.unlink()
    # Another calibration by now: the circuits would go to other qubits.
    lab = opened(home, best=1, lock=lock)
    run = begin(lab)
    assert "taken up after its process" in str(run.snapshot()["message"])
    assert list(run["found"]) == FOUND
    assert {*sent} <= {*taken(home)}
    jobs = lab.sql("SELECT provider_job, state, cost, error FROM qf_jobs").to_pylist()
    never = [job for job in jobs if job["state"] == "lost"]
    for job in never:
        assert (job["cost"], job["provider_job"]) == (0, None)
        assert job["error"] == "its process ended before it was sent"
    jobs = [job for job in jobs if job not in never]
    assert {job["state"] for job in jobs} == {"settled"}
    named = [name for job in jobs for name in job["provider_job"].split(", ")]
    assert sorted(named) == sorted(taken(home))
    assert sum(job["cost"] for job in jobs) == pytest.approx(6 + 8)
    lab.close()


def test_a_calibration_does_choose_other_qubits(home: Path) -> None:
    """Else the test above would show nothing."""
    layouts = []
    for best in (0, 1):
        lab = opened(home, best=best)
        run = lab.run(CELL, name=f"work{best}", backend="cloud", fresh=True)
        layouts.append(run["counts"][0]["crossed"].metadata["qflow"]["layout"])
        lab.close()
    assert layouts == [[1, 0], [0, 1]]


@pytest.mark.parametrize("lock", [False, True])
def test_an_id_that_was_never_heard_is_asked_for(home: Path, *, lock: bool) -> None:
    (home / "cloud" / "mute").touch()
    killed(home, lock=lock, when=(home / "cloud" / "silent").exists)
    (home / "cloud" / "mute").unlink()
    lab = opened(home)
    with pytest.raises(OpenJobs, match=r"tag .* on cloud\. Look there first; to give"):
        begin(lab)
    assert len(taken(home)) == 1
    assert lab.resume("work", resubmit=True).state == "done"
    lab.close()


def test_a_job_that_is_gone_stays_open(home: Path) -> None:
    queued(home)
    killed(home, lock=True, when=lambda: is_known(home))
    (job,) = taken(home)
    (home / "cloud" / f"{job}.json").rename(home / "hidden")
    lab = opened(home)
    with pytest.raises(
        OpenJobs, match=rf"there is no job {job}.*; %qflow resume work asks again"
    ):
        begin(lab)
    assert taken(home) == []
    (home / "hidden").rename(home / "cloud" / f"{job}.json")
    (home / "cloud" / "queue").unlink()
    assert lab.resume("work").state == "done"
    assert job in taken(home)
    lab.close()


def test_a_worker_that_dies_leaves_its_job_to_the_next(home: Path) -> None:
    queue = queued(home)
    lab = opened(home)
    run = lab.run(CELL, name="work", backend="cloud", background=True)
    until(lambda: is_known(home))
    sent = taken(home)
    kill_workers(lab)
    time.sleep(1)
    # The next workers ask for these, and send what had not been sent.
    assert {*sent} <= {*taken(home)}
    queue.unlink()
    assert run.wait(60).state == "done"
    assert list(run["found"]) == FOUND
    # A job for each point of the first step and one for the second, each bought once.
    jobs = lab.sql("SELECT provider_job, state, error FROM qf_jobs").to_pylist()
    named = [name for job in jobs for name in job["provider_job"].split(", ")]
    assert len(named) == 3
    assert sorted(named) == sorted(taken(home))
    assert {(job["state"], job["error"]) for job in jobs} == {("settled", None)}
    lab.close()


def test_a_worker_that_dies_before_the_id_is_heard_leaves_it_open(home: Path) -> None:
    (home / "cloud" / "mute").touch()
    lab = opened(home)
    run = lab.run(CELL, name="work", backend="cloud", background=True)
    until((home / "cloud" / "silent").exists)
    (home / "cloud" / "mute").unlink()
    kill_workers(lab)
    assert run.wait().state == "failed"
    steps = (run.partial("counts"), run.partial("values"))
    failed = [each for step in steps for each in step if isinstance(each, Failed)]
    assert {each.reason for each in failed} == {"WorkerLost"}
    text = "it may go on there, so look there before you run the step again"
    assert all(text in each.message for each in failed)
    before = len(taken(home))
    with pytest.raises(OpenJobs, match="may be paid: tag"):
        lab.resume("work")
    assert len(taken(home)) == before
    assert lab.resume("work", resubmit=True).state == "done"
    lab.close()


@pytest.mark.parametrize("lock", [False, True])
def test_who_cancels_a_run_cancels_its_job_in_the_cloud(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, lock: bool
) -> None:
    monkeypatch.setattr(losses, "ACCOUNT_S", 0.5)
    queued(home)
    lab = opened(home, lock=lock)
    run = lab.run(CELL, name="work", backend="cloud", background=True)
    until(lambda: is_known(home))
    run.cancel()
    assert run.wait(60).state == "cancelled"
    job, *_ = taken(home)
    until((home / "cloud" / f"{job}.cancelled").exists)
    (row,) = lab.sql(
        "SELECT state, cost FROM qf_jobs WHERE provider_job IS NOT NULL"
    ).to_pylist()
    # Nobody knows how far it came by then.
    assert (row["state"], row["cost"] > 0) == ("cancelled", True)
    lab.close()


POINTS = """
from qiskit import QuantumCircuit
turns = qf.axis([0, 1, 2, 3])

@qf.sample(shots=100)
def counts(turns):
    qc = QuantumCircuit(1, 1)
    qc.measure(0, 0)
    return qc
"""


@pytest.mark.parametrize(
    ("trouble", "state", "error"),
    [("broken", "settled", BackendFailed), ("garbled", "sent", JobUnanswered)],
)
def test_what_a_device_took_is_not_cut_and_bought_again(
    home: Path, trouble: str, state: str, error: type[Exception]
) -> None:
    """A job that failed there is over; one that is done there may yet be read."""
    (home / "cloud" / trouble).touch()
    lab = opened(home, lock=True)
    run = lab.run(POINTS, name="work", backend="cloud")
    with pytest.raises(error, match=f"the result is {trouble}"):
        run.raise_failure()
    assert len(taken(home)) == 1
    (job,) = lab.sql("SELECT state, cost FROM qf_jobs").to_pylist()
    assert job == {"state": state, "cost": pytest.approx(4.0)}
    (home / "cloud" / trouble).unlink()
    assert lab.resume("work").state == "done"
    assert len(taken(home)) == (2 if trouble == "broken" else 1)
    lab.close()


def test_what_is_wrong_here_says_nothing_of_a_job_there(home: Path) -> None:
    """The device has lost a qubit when its job is asked for; tomorrow it has it."""
    queue = queued(home)
    killed(home, lock=True, when=lambda: is_known(home))
    (job,) = taken(home)
    queue.unlink()
    for best in (None, 0):
        lab = opened(home, lock=True)
        if best is None:
            small = Target(num_qubits=1)
            for gate in (SXGate(), XGate(), RZGate(Parameter("t")), Measure()):
                small.add_instruction(gate, {(0,): None})
            lab.backends.backend("cloud")._target = small
            with pytest.raises(OpenJobs, match="%qflow resume work asks again"):
                lab.resume("work")
            states = lab.sql("SELECT state FROM qf_jobs WHERE provider_job IS NOT NULL")
            assert states.to_pylist() == [{"state": "sent"}]
        else:
            assert lab.resume("work").state == "done"
        lab.close()
    assert len(taken(home)) == 3
    assert job in taken(home)


def test_a_job_that_was_given_up_on_its_way_is_not_taken_for_the_next(
    home: Path,
) -> None:
    slow, queue = home / "cloud" / "slow", queued(home)
    slow.touch()
    lab = opened(home, lock=True)
    first = lab.run(POINTS, name="first", backend="cloud", background=True)
    until(lambda: taken(home))
    (given_up,) = taken(home)
    first.cancel()
    first.wait()
    other = POINTS.replace("qc.measure", "qc.x(0); qc.measure")
    second = lab.run(other, name="second", backend="cloud", background=True)
    until(lambda: len(taken(home)) == 2)
    until(lambda: is_known_but(home, given_up))
    slow.unlink()
    until((home / "cloud" / f"{given_up}.cancelled").exists)
    queue.unlink()
    second.wait().raise_failure()
    assert [each.data.c.get_counts() for each in second["counts"]] == [{"1": 100}] * 4
    (bought,) = {*taken(home)} - {given_up}
    rows = lab.sql("SELECT provider_job, state FROM qf_jobs ORDER BY submitted")
    assert rows.to_pylist() == [
        {"provider_job": None, "state": "sent"},
        {"provider_job": bought, "state": "settled"},
    ]
    lab.close()


def is_known_but(home: Path, job: str) -> bool:
    text = "".join(path.read_text() for path in (home / "journal").glob("*.jsonl"))
    others = [name for name in taken(home) if name != job]
    return all(name in text for name in others)


def test_a_point_of_which_a_part_never_left_is_sent_again(home: Path) -> None:
    queue = queued(home)
    lab = opened(home)
    cell = POINTS.replace("[0, 1, 2, 3]", "[0]").replace(
        "return qc", "return [qc.copy() for _ in range(6)]"
    )
    run = lab.run(cell, name="work", backend="cloud", background=True)
    until(lambda: is_known(home))
    kill_workers(lab)
    time.sleep(1)
    queue.unlink()
    run.wait().raise_failure()
    # Four circuits came, and are paid; the point needs six from one job.
    assert len(taken(home)) == 3
    costs = lab.sql("SELECT cost FROM qf_jobs ORDER BY submitted").to_pylist()
    assert sum(row["cost"] for row in costs) >= 4 + 6
    lab.close()


@pytest.mark.parametrize("lock", [False, True])
def test_a_runner_that_does_not_answer_in_time_lets_nothing_leave_unrecorded(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, lock: bool
) -> None:
    monkeypatch.setattr(sending, "_SILENCE_S", 0.3)
    post, late = Runner._post, [1.5]

    def posted(runner: Runner, action: Callable[[], None]) -> None:
        if action.__name__ == "answer" and late:
            threading.Timer(late.pop(), lambda: post(runner, action)).start()
        else:
            post(runner, action)

    monkeypatch.setattr(Runner, "_post", posted)
    lab = opened(home, lock=lock)
    lab.run(POINTS, name="work", backend="cloud").raise_failure()
    assert len(taken(home)) == 1
    states = lab.sql("SELECT state FROM qf_jobs WHERE provider_job IS NOT NULL")
    assert states.to_pylist() == [{"state": "settled"}]
    lab.close()


def kill_workers(lab: Lab) -> None:
    for pid in lab._pool.pids():
        os.kill(pid, signal.SIGKILL)
