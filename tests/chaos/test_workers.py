"""Workers and kernels that die at a bad moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from quantumflow_lab.backends import Registry, normalise
from quantumflow_lab.ports import (
    JobRequest,
    Lost,
    Member,
    MemberDone,
    Settled,
)
from quantumflow_lab.workers import Executors, WorkerPool
from quantumflow_lab.workers.process import WorkerProcess

# A kernel that runs a job of minutes in a worker and says who the worker is.
KERNEL = """
    import sys, time
    from qiskit import QuantumCircuit
    from quantumflow_lab.backends import normalise
    from quantumflow_lab.ports import JobRequest, Member, Phase, Progress
    from quantumflow_lab.workers import WorkerPool

    circuit = QuantumCircuit(23)
    for layer in range(3000):
        for qubit in range(23):
            circuit.rx(0.1 + layer + qubit, qubit)
        for qubit in range(22):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    pubs, _ = normalise("sample", circuit)
    request = JobRequest(
        1, "t", "sample", "aer_statevector", (Member(0, 1, pubs, 0),), 7
    )
    pool = WorkerPool(size=2)

    def say(event):
        if event == Progress(1, Phase.RUNNING):
            print("running", *pool.pids(), flush=True)

    pool.submit(request, say)
    time.sleep(600)
"""

CAN_FORK = "quantumflow_lab.workers.process.can_fork"
LAST_WORDS = "terminate called after throwing std::bad_alloc"


class Killer(AerSimulator):
    """Ends its own process, as some native simulators do."""

    def run(self, circuits, **options):
        os.kill(os.getpid(), signal.SIGKILL)


class Aborter(AerSimulator):
    """Says why, then aborts."""

    def run(self, circuits, **options):
        os.write(2, f"{LAST_WORDS}\n".encode())
        os.abort()


class Leaver(AerSimulator):
    """Leaves by the door, which a library should not."""

    def run(self, circuits, **options):
        os._exit(5)


class Forker(AerSimulator):
    """Dies while a process that it forked keeps its pipes open."""

    def run(self, circuits, **options):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)


class Teller(AerSimulator):
    """Fails with the process it is in."""

    def run(self, circuits, **options):
        raise ValueError(f"in process {os.getpid()}")


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def request(job, backend):
    pubs, _ = normalise("sample", bell())
    return JobRequest(job, "t", "sample", backend, (Member(0, 1, pubs, 0),), 7)


def run(executors, wanted, timeout=60):
    events, over = [], threading.Event()

    def hear(event):
        events.append(event)
        if isinstance(event, Settled | Lost):
            over.set()

    executors.submit(wanted, hear)
    assert over.wait(timeout), events
    return events


@pytest.fixture(params=["forked", "spawned"])
def lab(request, monkeypatch):
    if request.param == "spawned":
        monkeypatch.setattr(CAN_FORK, lambda: False)
    registry = Registry()
    pool = WorkerPool(size=1)
    executors = Executors(pool, registry)
    yield registry, pool, executors
    executors.close()


def wait_for_two(pool):
    deadline = time.monotonic() + 20
    while len(pool.pids()) < 2 or not all(s.process.ready_at for s in pool._seats):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (Killer, "worker killed by signal 9"),
        (
            Aborter,
            f"worker killed by signal 6: {LAST_WORDS}",
        ),
        (Leaver, "worker exited with status 5"),
    ],
)
def test_a_worker_that_dies_loses_its_job_with_the_reason(lab, backend, reason):
    registry, _, executors = lab
    registry.add("deadly", backend())
    events = run(executors, request(1, "deadly"))
    assert events[-1] == Lost(1, reason)
    assert not any(isinstance(event, MemberDone) for event in events)
    assert isinstance(run(executors, request(2, "aer"))[-1], Settled)


def test_a_forked_process_does_not_hide_the_death_of_its_worker(lab):
    registry, _, executors = lab
    registry.add("forker", Forker())
    started = time.monotonic()
    assert run(executors, request(1, "forker"))[-1].reason.startswith(
        "worker killed by signal 9"
    )
    assert time.monotonic() - started < 15


def test_a_worker_killed_while_idle_costs_no_job(lab):
    _, pool, executors = lab
    run(executors, request(1, "aer"))
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    events = run(executors, request(2, "aer"))
    assert isinstance(events[-1], Settled)
    assert pool.pids() != [pid]


def test_a_worker_killed_while_idle_is_replaced_before_there_is_a_job(lab):
    _, pool, executors = lab
    run(executors, request(1, "aer"))
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while pool.pids() in ([], [pid]) and time.monotonic() < deadline:
        time.sleep(0.01)
    (replaced,) = pool.pids()
    assert isinstance(run(executors, request(2, "aer"))[-1], Settled)
    assert pool.pids() == [replaced] != [pid]


class Starts:
    """Counts the workers that are started, which may be of another module."""

    def __init__(self, monkeypatch, module=None):
        self.number = 0
        start = WorkerProcess.__init__
        if module is not None:
            command = (sys.executable, "-P", "-m", module)
            monkeypatch.setattr("quantumflow_lab.workers.process._COMMAND", command)
            monkeypatch.setattr(CAN_FORK, lambda: False)

        def counted(process, *args):
            self.number += 1
            start(process, *args)

        monkeypatch.setattr(WorkerProcess, "__init__", counted)


def test_a_worker_that_never_gets_ready_is_not_started_again_and_again(monkeypatch):
    starts = Starts(monkeypatch, "no_such_module")
    pool = WorkerPool(size=1)
    pool.warm()
    try:
        told = run(pool, request(1, "aer"))[-1].reason
        assert told.startswith("worker exited with status 1: "), told
        assert "No module named no_such_module" in told
        time.sleep(1)
        # Before there was a job, twice for it, and for the next.
        assert starts.number <= 4
    finally:
        pool.close()


def test_a_worker_that_dies_as_soon_as_it_is_ready_waits_for_a_job(monkeypatch):
    starts = Starts(monkeypatch)
    pool = WorkerPool(size=1)
    pool.warm()
    try:
        deadline = time.monotonic() + 20
        while not (pool._seats[0].process and pool._seats[0].process.ready_at):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(pool.pids()[0], signal.SIGKILL)
        time.sleep(1)
        assert (pool.pids(), starts.number) == ([], 1)
        assert isinstance(run(pool, request(1, "aer"))[-1], Settled)
        assert starts.number == 2
    finally:
        pool.close()


def test_a_worker_that_hangs_before_it_is_ready_is_given_up(monkeypatch, tmp_path):
    """The second one starts as it should."""
    (tmp_path / "hanging.py").write_text(
        "import sys, time\nfrom pathlib import Path\n"
        "first = Path(__file__).with_name('first')\n"
        "if not first.exists():\n    first.touch()\n    time.sleep(600)\n"
        "from quantumflow_lab.workers import child\n"
        "child.main(*map(int, sys.argv[1:4]))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("quantumflow_lab.workers.process.START_S", 2.0)
    Starts(monkeypatch, "hanging")
    pool = WorkerPool(size=1)
    try:
        pool.warm()
        while not (tmp_path / "first").exists():
            time.sleep(0.01)
        monkeypatch.setattr("quantumflow_lab.workers.process.START_S", 60.0)
        assert isinstance(run(pool, request(1, "aer"))[-1], Settled)
    finally:
        pool.close()


def test_a_system_that_refuses_a_process_once_costs_no_job(monkeypatch):
    start, refused = WorkerProcess.__init__, []

    def reluctant(process, *args):
        if not refused:
            refused.append(process)
            raise RuntimeError("can't start new thread")
        start(process, *args)

    monkeypatch.setattr(WorkerProcess, "__init__", reluctant)
    pool = WorkerPool(size=1)
    try:
        pool.warm()
        assert isinstance(run(pool, request(1, "aer"))[-1], Settled)
        assert refused
    finally:
        pool.close()


def test_a_system_that_refuses_every_process_is_told(monkeypatch):
    def refuse(process, *_):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(WorkerProcess, "__init__", refuse)
    pool = WorkerPool(size=1)
    try:
        assert run(pool, request(1, "aer"))[-1] == Lost(
            1, "worker did not start: [Errno 11] Resource temporarily unavailable"
        )
    finally:
        pool.close()


def test_a_job_does_not_wait_for_a_new_worker_while_another_one_is_idle(monkeypatch):
    monkeypatch.setattr("quantumflow_lab.workers.process.PROVEN_S", 0.0)
    registry = Registry()
    registry.add("teller", Teller())
    pool = WorkerPool(size=2)
    executors = Executors(pool, registry)
    try:
        both = [
            threading.Thread(target=run, args=(executors, request(i, "aer")))
            for i in (1, 2)
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        for job in range(3, 7):
            wait_for_two(pool)
            killed, other = pool.pids()
            os.kill(killed, signal.SIGKILL)
            while not gone(killed):
                time.sleep(0.001)
            assert str(other) in str(run(executors, request(job, "teller"))[-2].error)
    finally:
        executors.close()


def test_ctrl_c_reaches_no_worker(lab):
    _, pool, executors = lab
    pool.warm()
    deadline = time.monotonic() + 10
    while not pool.pids() and time.monotonic() < deadline:
        time.sleep(0.001)
    for _ in range(30):  # from the first moments of the process on
        os.kill(pool.pids()[0], signal.SIGINT)
        time.sleep(0.02)
    before = pool.pids()
    assert isinstance(run(executors, request(1, "aer"))[-1], Settled)
    assert pool.pids() == before


def start_kernel():
    kernel = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KERNEL)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kernel.stdout is not None
    said, *pids = kernel.stdout.readline().split()
    assert said == "running"
    time.sleep(0.5)  # by now Aer holds the interpreter
    return kernel, [int(pid) for pid in pids]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_kernel_by_a_second(how):
    kernel, pids = start_kernel()
    with kernel:
        assert pids
        assert not any(map(gone, pids))
        kernel.send_signal(how)
        deadline = time.monotonic() + 1
        while not all(map(gone, pids)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert all(map(gone, pids))


def test_without_the_compiled_module_no_worker_outlives_its_kernel_either(
    tmp_path, monkeypatch
):
    # Found before the installed package; hides only the compiled module.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['quantumflow_lab._core'] = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    test_no_worker_outlives_its_kernel_by_a_second(signal.SIGKILL)
