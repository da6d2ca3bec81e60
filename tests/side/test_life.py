"""The other process: what it says, how it ends, and what becomes of its job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.providers import JobStatus

from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.failures import fault_of, patience_of
from quantumflow_lab.errors import (
    BackendFailed,
    BadOption,
    JobUnanswered,
    NoCommonQpy,
    StepFailed,
    TooMuchMemory,
    UnknownBackendOption,
    WorkerLost,
)
from quantumflow_lab.ports import Fault
from quantumflow_lab.workers.environment_job import EnvironmentJob

HERE = Path(__file__).parent

CELL = """
@qf.circuit
def ones():
    from qiskit import QuantumCircuit

    qc = QuantumCircuit(2)
    qc.x([0, 1])
    qc.measure_all()
    return qc

@qf.sample
def counts(ones):
    return ones

@qf.step
def table(counts):
    return counts.data.meas.get_counts()
"""

# A kernel whose job hangs in C, in another environment, below a worker.
KERNEL = """
    import sys, time
    import quantumflow_lab as qf

    backend = qf.EnvironmentBackend(
        sys.executable, "provider:Backend",
        arguments={{"habit": "holds", "marks": {marks!r}}},
    )
    lab = qf.Lab({home!r})
    lab.backends.add("there", backend)
    run = lab.run({cell!r}, name="ones", backend="there", shots=1, background=True)
    time.sleep(600)
"""


def ones(qubits=2):
    circuit = QuantumCircuit(qubits)
    circuit.x(range(qubits))
    circuit.measure_all()
    return circuit


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def first_mark(marks, deadline=60):
    """Process id that the backend wrote when it began to run."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        if marks.exists() and (text := marks.read_text()):
            return int(text.split()[0])
        time.sleep(0.02)
    raise AssertionError("no job ever began")


def ends(pid, within=2.0):
    until = time.monotonic() + within
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not alive(pid)


def test_it_runs_one_circuit_or_several(habitual):
    backend = habitual()
    assert backend.run(ones(), shots=5).result().get_counts() == {"11": 5}
    job = backend.run([ones(), ones(3)])
    assert job.result().get_counts() == [{"11": 1024}, {"111": 1024}]
    assert job.status() is JobStatus.DONE
    assert not job.cancel()


def test_a_chatty_library_does_not_disturb_the_answers(habitual):
    backend = habitual("chatty")
    for _ in range(3):
        assert backend.run(ones(), shots=5).result().get_counts() == {"11": 5}


def test_half_a_million_outcomes_arrive(habitual):
    result = habitual("huge").run([ones(18), ones(18)], shots=1 << 18).result()
    for counts in result.get_counts():
        assert len(counts) == sum(counts.values()) == 1 << 18
    assert result.get_counts(1)["0" * 17 + "1"] == 1


def test_an_option_it_has_not_is_refused_by_name(habitual):
    with pytest.raises(
        UnknownBackendOption,
        match=r"^habitual has no option 'shot'; did you mean 'shots'",
    ):
        habitual().run(ones(), shot=1)


def test_an_option_that_json_has_not_is_refused_by_name(habitual):
    with pytest.raises(
        BadOption, match=r"^option 'seed_simulator' of habitual must be what JSON has"
    ):
        habitual().run(ones(), seed_simulator=object())


def test_a_circuit_that_the_older_qiskit_cannot_read_is_refused(habitual):
    backend = habitual()
    backend._qpy = 13
    circuit = QuantumCircuit(1)
    wide = circuit.add_var("t", expr.lift(1.5))  # floats came with QPY 14
    circuit.store(wide, expr.lift(2.5))
    circuit.measure_all()
    with pytest.raises(
        NoCommonQpy,
        match=r"^a circuit cannot be written for habitual, whose Qiskit .* reads QPY "
        "13: .*; update Qiskit there",
    ):
        backend.run(circuit)


@pytest.mark.parametrize(
    ("habit", "text", "fault", "wait"),
    [
        ("busy", "habitual failed: Busy: slow down", Fault.TRANSIENT, 3.0),
        (
            "offline",
            "habitual failed: Unheard: not there",
            Fault.TRANSIENT,
            None,
        ),
        (
            "tokenless",
            "habitual failed: FileNotFoundError: no file token.json",
            Fault.PERMANENT,
            None,
        ),
        ("leaves", "habitual failed: SystemExit: 3", Fault.PERMANENT, None),
    ],
)
def test_what_is_raised_there_is_sorted_as_if_raised_here(
    habitual, habit, text, fault, wait
):
    with pytest.raises(BackendFailed) as caught:
        habitual(habit).run(ones()).result()
    assert str(caught.value) == text
    assert (fault_of(caught.value), patience_of(caught.value)) == (fault, wait)


def test_a_job_that_a_device_may_have_taken_is_not_sent_again(habitual):
    with pytest.raises(
        JobUnanswered,
        match=r"^habitual may have taken the job, but its answer was lost \(Unheard: "
        r"connection reset by peer\): look there before you run the step again$",
    ) as caught:
        habitual("cut off").run(ones()).result()
    assert fault_of(caught.value) is Fault.PERMANENT
    with pytest.raises(BackendFailed) as caught:
        habitual("cut off", simulator=True).run(ones()).result()
    assert fault_of(caught.value) is Fault.TRANSIENT


def test_memory_that_runs_out_there_is_told_as_such(habitual):
    with pytest.raises(TooMuchMemory, match=r"^the simulation did not fit in memory"):
        habitual("greedy").run(ones()).result()


def test_a_circuit_that_fails_there_leaves_the_others_alone(habitual):
    result = habitual("half").run([ones(), ones(), ones()], shots=5).result()
    assert [part.success for part in result.results] == [True, False, True]
    assert result.results[1].status == "ERROR: no lock on qubit 1"
    assert result.data(2)["counts"] == {"0x3": 5}


@pytest.mark.parametrize("habit", ["dies", "forks and dies"])
def test_a_simulator_that_dies_loses_its_job_which_may_be_tried_again(habitual, habit):
    backend = habitual(habit, simulator=True)
    job = backend.run(ones())
    with pytest.raises(
        BackendFailed, match=r"^habitual lost the job: Python killed by"
    ):
        job.result()
    assert job.status() is JobStatus.ERROR
    assert fault_of(job._answer.exception()) is Fault.TRANSIENT


def test_the_last_line_of_a_dead_library_is_in_the_message(habitual):
    with pytest.raises(BackendFailed, match=r"signal 6: terminate called .*bad_alloc$"):
        habitual("dies", simulator=True).run(ones()).result()


def test_a_device_that_dies_is_not_asked_again_since_its_provider_may_have_the_job(
    habitual, tmp_path
):
    with pytest.raises(
        WorkerLost,
        match=r"^the process of habitual ended .*; the job may go on at its ",
    ) as caught:
        habitual("dies").run(ones()).result()
    assert fault_of(caught.value) is Fault.PERMANENT
    assert len((tmp_path / "marks").read_text().split()) == 1


def test_a_job_is_found_again_by_its_id(keeper, tmp_path):
    backend = keeper()
    assert backend.retrieves
    job = backend.run([ones(), ones(3)], shots=5)
    assert job.job_id() == "job-0"
    counts = [{"11": 5}, {"111": 5}]
    assert job.result().get_counts() == counts
    again = backend.retrieve_job("job-0")
    assert (again.job_id(), again.result().job_id) == ("job-0", "job-0")
    assert [again.result().data(i)["counts"] for i in range(2)] == counts
    with pytest.raises(
        JobUnanswered, match=r"job-7, but cannot be asked .*there is no job job-7"
    ):
        backend.retrieve_job("job-7").result()


def test_an_answer_may_come_before_the_job_is_handed_over(keeper, monkeypatch):
    monkeypatch.setattr(EnvironmentJob, "submit", EnvironmentJob._work)
    with pytest.raises(JobUnanswered, match=r"job-7, but cannot be asked"):
        keeper().retrieve_job("job-7").result()


def test_a_device_whose_process_dies_is_asked_for_its_job_again(keeper, tmp_path):
    (tmp_path / "deadly").touch()
    job = keeper().run(ones(), shots=5)
    assert job.result().get_counts() == {"11": 5}
    assert job.status() is JobStatus.DONE
    assert len(list(tmp_path.glob("*.j"))) == 1


def test_a_backend_that_keeps_no_jobs_says_so(habitual):
    with pytest.raises(
        BackendFailed, match=r"^habitual has no retrieve_job: look for job x there$"
    ):
        habitual().retrieve_job("x")


def test_one_that_died_while_idle_is_started_again(habitual, tmp_path):
    backend = habitual()
    backend.run(ones()).result()
    pid = first_mark(tmp_path / "marks")
    os.kill(pid, signal.SIGKILL)
    assert backend.run(ones(), shots=5).result().get_counts() == {"11": 5}
    pids = (tmp_path / "marks").read_text().split()
    assert len(set(pids)) == 2


@pytest.mark.parametrize("habit", ["sleeps", "holds"])
def test_a_hanging_job_is_cancelled_at_once(habitual, tmp_path, habit):
    backend = habitual(habit)
    job = backend.run(ones())
    pid = first_mark(tmp_path / "marks")
    started = time.monotonic()
    assert job.cancel()
    with pytest.raises(BackendFailed, match=r"^the job on habitual was cancelled$"):
        job.result()
    assert time.monotonic() - started < 1
    assert job.status() is JobStatus.CANCELLED
    assert ends(pid)


def test_a_job_cancelled_before_its_turn_never_runs(habitual, tmp_path):
    backend = habitual("sleeps")
    first, second = backend.run(ones()), backend.run(ones())
    first_mark(tmp_path / "marks")
    second.cancel()
    first.cancel()
    for job in (first, second):
        with pytest.raises(BackendFailed, match=r"was cancelled"):
            job.result()
    assert len((tmp_path / "marks").read_text().split()) == 1


def test_the_process_goes_with_its_backend(habitual, tmp_path):
    backend = habitual()
    backend.run(ones()).result()
    pid = first_mark(tmp_path / "marks")
    assert alive(pid)
    del backend
    assert ends(pid)


def test_jobs_of_several_threads_take_turns(habitual):
    backend = habitual()
    found = []

    def work(shots):
        found.append((shots, backend.run(ones(), shots=shots).result().get_counts()))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [(n, {"11": n}) for n in range(1, 6)]


def test_the_adapter_reads_it_like_any_backend(habitual):
    adapter = RunAdapter(habitual())
    assert adapter.takes_seed
    assert not adapter.batches_seeds
    assert not adapter.has_exact


def test_cancelling_a_run_ends_the_process_below_the_worker(lab, habitual, tmp_path):
    lab.backends.add("hanging", habitual("holds"))
    run = lab.run(CELL, name="hanging", backend="hanging", shots=1, background=True)
    pid = first_mark(tmp_path / "marks")
    run.cancel()
    run.wait()
    assert ends(pid)


def test_a_job_whose_process_is_killed_runs_again_on_a_simulator(
    lab, habitual, tmp_path
):
    lab.backends.add("killed", habitual("dies", simulator=True))
    run = lab.run(CELL, name="killed", backend="killed", shots=1)
    assert len((tmp_path / "marks").read_text().split()) > 1
    with pytest.raises(StepFailed, match=r"habitual lost the job: Python killed by"):
        _ = run["counts"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_kernel(tmp_path, how):
    marks, home = str(tmp_path / "marks"), str(tmp_path / "home")
    code = textwrap.dedent(KERNEL).format(marks=marks, home=home, cell=CELL)
    kernel = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    with kernel:
        pid = first_mark(tmp_path / "marks")
        time.sleep(0.2)
        assert alive(pid)
        kernel.send_signal(how)
        assert ends(pid, within=1)
