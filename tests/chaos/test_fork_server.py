"""The process that forks workers: what they get from it, and what its death costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from quantumflow_lab.backends import Registry, normalise
from quantumflow_lab.ports import JobEvent, JobRequest, Lost, Member, Settled
from quantumflow_lab.workers import Executors, WorkerPool, forked
from quantumflow_lab.workers.forked import NAME

pytestmark = pytest.mark.skipif(
    not forked.can_fork(), reason="workers are forked on Linux only"
)


class Teller(AerSimulator):  # type: ignore[misc]  # Aer has no types
    """Fails with what `asked` gives in the process it is in."""

    def __init__(self, asked: str):
        super().__init__()
        self.asked = asked

    def run(self, *_: object, **__: object) -> None:
        raise ValueError(f"told <{eval(self.asked)}>")


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each test's own."""
    monkeypatch.setattr(forked, "_shared", None)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(size=2)
    yield pool
    pool.close()


def begun() -> forked.ForkServer:
    shared = forked._shared
    assert shared is not None
    return shared


def circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def run(pool: WorkerPool, job: int = 1, asked: str = "") -> str:
    """What a worker told, or how its job ended."""
    registry, events, over = Registry(), [], threading.Event()
    registry.add("teller", Teller(asked))

    def hear(event: JobEvent) -> None:
        events.append(event)
        if isinstance(event, Settled | Lost):
            over.set()

    name = "teller" if asked else "aer"
    pubs, _ = normalise("sample", circuit())
    member = Member(0, 1, pubs, 0)
    request = JobRequest(job, "t", "sample", name, (member,), 7)
    Executors(pool, registry).submit(request, hear)
    assert over.wait(60), events
    told = [str(getattr(event, "error", "")) for event in events]
    found = [text.split("<")[1].split(">")[0] for text in told if "told <" in text]
    if found:
        return found[0]
    return events[-1].reason if isinstance(events[-1], Lost) else "settled"


def both_ready(pool: WorkerPool) -> list[int]:
    pool.warm(2)
    wait_until(lambda: len(pool.pids()) == 2)
    wait_until(lambda: all(s.process and s.process.ready_at for s in pool._seats))
    return pool.pids()


def wait_until(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_workers_are_forks_of_one_process_and_say_what_they_are(
    pool: WorkerPool,
) -> None:
    workers = [psutil.Process(pid) for pid in both_ready(pool)]
    assert {worker.ppid() for worker in workers} == {begun().pid}
    assert {worker.name() for worker in workers} == {NAME}
    assert psutil.Process(begun().pid).num_fds() < 20


def test_pools_of_a_process_share_the_server(pool: WorkerPool) -> None:
    both_ready(pool)
    other = WorkerPool(size=1)
    try:
        assert run(other) == "settled"
        assert psutil.Process(other.pids()[0]).ppid() == begun().pid
    finally:
        other.close()


def test_no_worker_holds_what_belongs_to_another(pool: WorkerPool) -> None:
    """Pipes and sockets by their inodes, so each end is known."""
    one, other = map(links, both_ready(pool))
    assert len(one) >= 4
    assert not one & other
    assert not one & links(begun().pid)


def test_a_server_has_no_thread_that_a_fork_would_lose() -> None:
    """Threads of OpenBLAS are ended and begun anew by itself; there are no others."""
    code = """
        import os
        import numpy.linalg, scipy.linalg
        before = len(os.listdir("/proc/self/task"))
        from quantumflow_lab.backends.execute import load
        load()
        print(len(os.listdir("/proc/self/task")) - before)
    """
    command = [sys.executable, "-P", "-c", textwrap.dedent(code)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"0\n"


def test_a_server_does_not_begin_with_gpus() -> None:
    """Aer asks for them when its first simulator is made; a fork could not use them."""
    code = """
        from quantumflow_lab.backends.execute import load
        load()
        from qiskit_aer import AerSimulator
        print(AerSimulator._AVAILABLE_DEVICES)
        AerSimulator()
        print(AerSimulator._AVAILABLE_DEVICES)
    """
    command = [sys.executable, "-P", "-c", textwrap.dedent(code)]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    before, after = told.splitlines()
    assert before == "None"
    assert "CPU" in after


def test_a_first_job_imports_little_that_the_server_has_not() -> None:
    code = """
        import sys
        import quantumflow_lab.workers.fork_server
        from quantumflow_lab.backends.execute import load, warm_up
        load()
        before = {*sys.modules}
        warm_up()
        print(*sorted({*sys.modules} - before))
    """
    command = [sys.executable, "-P", "-c", textwrap.dedent(code)]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert len(found.split()) < 20, found


def test_workers_draw_different_numbers(pool: WorkerPool) -> None:
    asked = "__import__('numpy').random.random(), __import__('random').random()"
    numbers = []
    for job in range(2):
        numbers += run(pool, job, asked).strip("()").split(", ")
        os.kill(pool.pids()[0], signal.SIGKILL)
    assert len(set(numbers)) == 4


def test_workers_see_the_folder_and_variables_of_their_time(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_ready(pool)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SET_LATER", "yes")
    late = WorkerPool(size=1)
    asked = "__import__('os').getcwd() + ' ' + __import__('os').environ['SET_LATER']"
    try:
        assert run(late, 1, asked) == f"{tmp_path} yes"
    finally:
        late.close()


def test_a_folder_that_is_gone_is_no_reason_not_to_work(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    assert run(pool) == "settled"


def test_workers_outlive_their_server_and_the_next_has_another(
    pool: WorkerPool,
) -> None:
    workers = both_ready(pool)
    first = begun()
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not first.serves)
    assert pool.pids() == workers
    assert run(pool, 1) == "settled"
    asked = "__import__('os').kill(__import__('os').getpid(), 9)"
    lost = run(pool, 2, asked)
    assert lost == "worker ended, and nobody heard how"
    assert run(pool, 3) == run(pool, 4) == "settled"
    assert begun() is not first


def test_a_server_that_dies_between_two_forks_costs_no_job(pool: WorkerPool) -> None:
    for job in range(5):
        assert run(pool, job) == "settled"
        for pid in (begun().pid, *pool.pids()):
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_does_not_start_is_told(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked, "_MODULE", "no_such_module")
    told = run(pool)
    assert told.startswith("worker did not start: the process that forks them is gone:")
    assert told.endswith("No module named no_such_module")


def test_a_server_that_hangs_is_given_up(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(pool) == "settled"
    first = begun()
    os.kill(first.pid, signal.SIGSTOP)
    os.kill(pool.pids()[0], signal.SIGKILL)
    monkeypatch.setattr(forked, "START_S", 0.2)
    monkeypatch.setattr(forked, "REPORT_S", 0.2)
    wait_until(lambda: not first.serves)
    monkeypatch.setattr(forked, "START_S", 60)
    assert run(pool, 2) == "settled"


def test_a_refused_fork_is_told(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refusing.py").write_text(
        "import os, sys\n"
        "from quantumflow_lab.workers import fork_server\n"
        "def refuse():\n    raise BlockingIOError(11, 'no more')\n"
        "os.fork = refuse\n"
        "fork_server.main(int(sys.argv[1]))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(forked, "_MODULE", "refusing")
    assert run(pool) == (
        "worker did not start: [Errno 11] Resource temporarily unavailable"
    )


def test_a_process_that_ours_forks_uses_and_ends_no_server_of_ours(
    pool: WorkerPool,
) -> None:
    assert run(pool) == "settled"
    ours = begun()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            other = forked.fork_server(dict(os.environ))
            status = int(other is ours or not other.serves)
            del other, ours
            forked._shared = None
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert ours.serves
    assert run(pool, 2) == "settled"


def test_a_process_that_ours_forks_may_exit_as_ours_would() -> None:
    """What closes at exit is its parent's, and must live on."""
    code = """
        import atexit, os, sys, time
        from quantumflow_lab.workers import WorkerPool
        pool = WorkerPool(size=1)
        atexit.register(pool.close)
        pool.warm()
        while not (pool._seats[0].process and pool._seats[0].process.ready_at):
            time.sleep(0.01)
        before = pool.pids()
        if (pid := os.fork()) == 0:
            sys.exit(3)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        time.sleep(0.2)
        print(status, pool.pids() == before, len(before))
    """
    command = [sys.executable, "-W", "error", "-P", "-c", textwrap.dedent(code)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ("3 True 1\n", "")


@pytest.mark.parametrize("how", ["exit()", "os.kill(os.getpid(), 9)"])
def test_the_server_ends_with_its_process(how: str) -> None:
    code = f"""
        import os, time
        from quantumflow_lab.workers import WorkerPool, forked
        pool = WorkerPool(size=1)
        pool.warm()
        while not (pool._seats[0].process and pool._seats[0].process.ready_at):
            time.sleep(0.01)
        print(forked._shared.pid, *pool.pids(), flush=True)
        {how}
    """
    command = [sys.executable, "-W", "error", "-P", "-c", textwrap.dedent(code)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""
    pids = [int(pid) for pid in ended.stdout.split()]
    assert len(pids) == 2
    wait_until(lambda: not any(map(alive, pids)), 2)


def links(pid: int) -> set[str]:
    """Pipes and sockets that a process has open."""
    found = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    return {link for link in found if link.startswith(("pipe:", "socket:"))}


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
