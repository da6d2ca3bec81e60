"""Jobs in child processes and in the kernel: events, results, cancelling."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.providers.basic_provider import BasicSimulator
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, pauli_error

from quantumflow_lab.backends import Registry, circuit_count, normalise
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.errors import BackendFailed, CircuitRefused, UnknownBackend
from quantumflow_lab.ports import (
    Accepted,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    Phase,
    Progress,
    Settled,
)
from quantumflow_lab.workers import Executors, WorkerPool
from quantumflow_lab.workers import pool as pool_module


class Ear:
    """Collects the events of one job."""

    def __init__(self):
        self.events = []
        self.over = threading.Event()
        self.running = threading.Event()

    def __call__(self, event):
        self.events.append(event)
        if event == Progress(event.job, Phase.RUNNING):
            self.running.set()
        if isinstance(event, Settled | Lost):
            self.over.set()

    def wait(self, timeout=60):
        assert self.over.wait(timeout), self.events
        return self.events


class LockedSimulator(AerSimulator):
    """Cannot be pickled, so it stays in the kernel; slow on demand."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.hold = threading.Event()
        self.hold.set()
        self.started = threading.Event()

    def __reduce__(self):
        raise TypeError("not this one")

    def run(self, circuits, **options):
        self.started.set()
        self.hold.wait(20)
        return super().run(circuits, **options)


@pytest.fixture(scope="module")
def lab():
    registry = Registry()
    pool = WorkerPool(size=2)
    executors = Executors(pool, registry)
    yield registry, pool, executors
    executors.close()
    assert pool.pids() == []


def request(job, backend, *values, kind="sample", seed=7, **options):
    members, index = [], 0
    for unit, value in enumerate(values):
        pubs, _ = normalise(kind, value)
        members.append(Member(unit, 1, pubs, index, **options))
        index += sum(circuit_count(kind, pub) for pub in pubs)
    return JobRequest(job, f"tag-{job}", kind, backend, tuple(members), seed)


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def heavy(width=22, layers=200):
    """A circuit that takes Aer many seconds."""
    circuit = QuantumCircuit(width)
    for layer in range(layers):
        for qubit in range(width):
            circuit.rx(0.1 + layer + qubit, qubit)
        for qubit in range(width - 1):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def submit(executors, request):
    ear = Ear()
    executors.submit(request, ear)
    return ear


def test_a_job_goes_through_its_phases_in_order(lab):
    events = submit(lab[2], request(1, "aer", bell(), [bell()] * 10)).wait()
    assert events[:3] == [
        Accepted(1),
        Progress(1, Phase.TRANSPILING),
        Progress(1, Phase.RUNNING),
    ]
    assert [type(event) for event in events[3:]] == [MemberDone, MemberDone, Settled]
    metrics = events[-1].metrics
    assert (metrics.circuits, metrics.shots, metrics.qubits) == (11, 11 * 1024, 2)
    assert metrics.peak_memory_mb > 50
    assert metrics.queue_s >= 0


def test_a_worker_gives_the_counts_of_the_kernel(lab):
    registry, _, executors = lab
    wanted = request(2, "fake_manila", bell(), [bell(), bell()])
    there = submit(executors, wanted).wait()
    here = []
    execute(wanted, RunAdapter(registry.backend("fake_manila")), here.append)
    assert [
        [result.data.meas.get_counts() for result in event.results]
        for event in there
        if isinstance(event, MemberDone)
    ] == [
        [result.data.meas.get_counts() for result in event.results]
        for event in here
        if isinstance(event, MemberDone)
    ]


def test_noise_does_not_make_counts_depend_on_the_threads(lab):
    wanted = request(3, "fake_manila", bell(), options={"method": "statevector"})
    adapter = RunAdapter(lab[0].backend("fake_manila"))
    found = []
    for threads in (1, 2, None):
        events = []
        execute(wanted, adapter, events.append, threads=threads)
        found.append(events[-2].results[0].data.meas.get_counts())
    assert found[0] == found[1] == found[2]


def test_a_notebook_backend_travels_by_value_and_keeps_its_noise(lab):
    registry, _, executors = lab
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), ["id"])
    registry.add("always_flips", AerSimulator(noise_model=model))
    circuit = QuantumCircuit(1)
    circuit.id(0)
    circuit.measure_all()
    wanted = request(4, "always_flips", circuit, optimization_level=0)
    events = submit(executors, wanted).wait()
    assert events[-2].results[0].data.meas.get_counts() == {"1": 1024}


def test_a_gate_defined_in_the_notebook_travels(lab):
    class Flip(Gate):
        def __init__(self):
            super().__init__("flip", 1, [])

        def _define(self):
            self.definition = QuantumCircuit(1)
            self.definition.x(0)

    circuit = QuantumCircuit(1)
    circuit.append(Flip(), [0])
    circuit.measure_all()
    events = submit(lab[2], request(5, "aer", circuit)).wait()
    assert events[-2].results[0].data.meas.get_counts() == {"1": 1024}


def test_a_circuit_that_cannot_be_sent_fails_alone(lab):
    bad = bell()
    bad.metadata = {"lock": threading.Lock()}
    events = submit(lab[2], request(6, "aer", bell(), bad, bell())).wait()
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    done = [event.unit for event in events if isinstance(event, MemberDone)]
    assert (done, failed.unit, failed.fault) == ([0, 2], 1, "permanent")
    assert isinstance(failed.error, BackendFailed)
    assert failed.error.message.startswith("the circuit cannot be sent to a worker: ")
    assert isinstance(events[-1], Settled)


def test_an_error_keeps_its_class_on_the_way(lab):
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])
    circuit.measure_all()
    events = submit(lab[2], request(7, "fake_manila", circuit)).wait()
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    assert isinstance(failed.error, CircuitRefused)
    assert failed.error.facts["backend"] == "fake_manila"


def test_an_unknown_backend_is_an_event(lab):
    events = submit(lab[2], request(8, "nowhere", bell())).wait()
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    assert isinstance(failed.error, UnknownBackend)


def test_what_a_worker_prints_reaches_nobody(lab, capfd):
    registry, _, executors = lab

    class Chatty(AerSimulator):
        def run(self, circuits, **options):
            os.write(1, b"noise on stdout\n")
            os.write(2, b"noise on stderr\n")
            print("print " * 10_000)
            return super().run(circuits, **options)

    registry.add("chatty", Chatty())
    events = submit(executors, request(9, "chatty", bell())).wait()
    assert isinstance(events[-1], Settled)
    assert capfd.readouterr() == ("", "")


def test_cancelling_a_running_job_takes_less_than_a_quarter_second(lab):
    _, pool, executors = lab
    ear = submit(executors, request(10, "aer_statevector", heavy()))
    assert ear.running.wait(60)
    time.sleep(0.3)
    started = time.perf_counter()
    executors.cancel(10)
    events = ear.wait(5)
    assert time.perf_counter() - started < 0.25
    assert events[-1] == Lost(10, "cancelled")
    assert isinstance(submit(executors, request(11, "aer", bell())).wait()[-1], Settled)
    assert len(pool.pids()) <= 2


def test_cancelling_a_queued_job_leaves_the_others_alone():
    pool = WorkerPool(size=1)
    try:
        first, second, third = (
            submit(pool, request(job, "aer", bell())) for job in (1, 2, 3)
        )
        pool.cancel(2)
        assert second.wait()[-1] == Lost(2, "cancelled")
        assert isinstance(first.wait()[-1], Settled)
        assert isinstance(third.wait()[-1], Settled)
        assert len(pool.pids()) == 1
    finally:
        pool.close()


def test_cancelling_an_unknown_or_settled_job_does_nothing(lab):
    _, pool, executors = lab
    ear = submit(executors, request(12, "aer", bell()))
    ear.wait()
    before = pool.pids()
    executors.cancel(12)
    executors.cancel(999)
    assert pool.pids() == before
    assert isinstance(ear.events[-1], Settled)


def test_a_listener_that_raises_does_not_stop_the_job(lab, caplog):
    ear = Ear()

    def bad(event):
        ear(event)
        raise RuntimeError("listener")

    lab[2].submit(request(13, "aer", bell()), bad)
    assert isinstance(ear.wait()[-1], Settled)
    assert "a listener failed at Accepted" in caplog.text


def test_a_memory_limit_is_an_error_of_the_member_not_of_the_machine():
    pool = WorkerPool(size=1, memory_mb=256)
    try:
        wanted = request(1, "aer_statevector", bell(), heavy(width=27, layers=1))
        events = submit(pool, wanted).wait(110)
        done = [event.unit for event in events if isinstance(event, MemberDone)]
        assert done == [0] or isinstance(events[-1], Lost)
        assert not any(
            isinstance(event, MemberDone) and event.unit == 1 for event in events
        )
    finally:
        pool.close()


def test_a_closed_pool_takes_no_job():
    pool = WorkerPool(size=1)
    pool.warm()
    pool.close()
    assert pool.pids() == []
    assert submit(pool, request(1, "aer", bell())).wait()[-1] == Lost(
        1, "the lab is closed"
    )


def test_an_answer_that_cannot_be_read_loses_its_job_and_no_other(monkeypatch):
    """As of a class that unpickles only in the worker."""
    receive, heard = pool_module.WorkerProcess.receive, []

    def oddly(process):
        heard.append(receive(process))
        if len(heard) == 1:
            raise AttributeError("no such class here")
        return heard[-1]

    monkeypatch.setattr(pool_module.WorkerProcess, "receive", oddly)
    pool = WorkerPool(size=1)
    try:
        assert submit(pool, request(1, "aer", bell())).wait(20)[-1] == Lost(
            1, "its worker cannot be understood: AttributeError: no such class here"
        )
        assert isinstance(submit(pool, request(2, "aer", bell())).wait()[-1], Settled)
    finally:
        pool.close()


def test_a_cancel_that_comes_while_a_job_is_taken_stops_it(monkeypatch):
    pool = WorkerPool(size=1)
    packed = pool_module._packed

    def slowly(task):
        if task.request.job == 1:
            pool.cancel(1)
            time.sleep(0.2)  # the worker is gone, and would be replaced
        return packed(task)

    monkeypatch.setattr(pool_module, "_packed", slowly)
    try:
        assert submit(pool, request(1, "aer", bell())).wait()[-1] == Lost(
            1, "cancelled"
        )
        assert isinstance(submit(pool, request(2, "aer", bell())).wait()[-1], Settled)
    finally:
        pool.close()


def test_a_backend_that_cannot_be_asked_fails_its_job_and_not_who_sends_it(lab):
    registry, _, executors = lab

    class Expired(LockedSimulator):
        @property
        def max_circuits(self):
            if self.expired:
                raise PermissionError("the token has expired")
            return super().max_circuits

    backend = Expired.__new__(Expired)
    backend.expired = False
    backend.__init__()
    registry.add("expired", backend)
    registry.facts("expired")
    backend.expired = True
    events = submit(executors, request(34, "expired", bell())).wait()
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    assert "the token has expired" in str(failed.error)
    backend.expired = False
    assert isinstance(
        submit(executors, request(35, "expired", bell())).wait()[-1], Settled
    )


def test_closing_ends_what_runs_and_what_waits():
    pool = WorkerPool(size=1)
    running = submit(pool, request(1, "aer_statevector", heavy()))
    waiting = submit(pool, request(2, "aer", bell()))
    assert running.running.wait(60)
    pool.close()
    assert type(running.wait(5)[-1]) is type(waiting.wait(5)[-1]) is Lost
    assert pool.pids() == []


def test_two_jobs_run_at_once(lab):
    ears = [submit(lab[2], request(20 + i, "aer", heavy(18, 20))) for i in (0, 1)]
    assert all(ear.running.wait(60) for ear in ears)
    assert all(isinstance(ear.wait()[-1], Settled) for ear in ears)


def test_a_backend_that_cannot_leave_the_kernel_runs_there(lab):
    registry, _, executors = lab
    registry.add("locked", LockedSimulator())
    assert not registry.facts("locked").portable
    events = submit(executors, request(30, "locked", bell())).wait()
    assert [type(event) for event in events] == [
        Accepted,
        Progress,
        MemberDone,
        Settled,
    ]
    assert sum(events[-2].results[0].data.meas.get_counts().values()) == 1024


def test_a_cancelled_kernel_job_is_left_and_the_next_one_runs(lab):
    registry, _, executors = lab
    backend = LockedSimulator()
    backend.hold.clear()
    registry.add("hanging", backend)
    registry.facts("hanging")
    stuck = submit(executors, request(31, "hanging", bell()))
    queued = submit(executors, request(32, "hanging", bell()))
    assert backend.started.wait(10)
    executors.cancel(31)
    assert stuck.wait(1)[-1] == Lost(31, "cancelled")
    backend.hold.set()
    assert isinstance(queued.wait(10)[-1], Settled)
    time.sleep(0.2)
    assert stuck.events[-1] == Lost(31, "cancelled")


def test_results_survive_the_trip_whole(lab):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    value = (circuit, ["Z", "X"], None, 0.1)
    events = submit(lab[2], request(33, "aer", value, kind="estimate")).wait()
    data = events[-2].results[0].data
    assert data.evs.shape == data.stds.shape == (2,)
    assert np.isclose(data.evs[1], 1)


def test_a_switch_keeps_its_default_on_the_way_to_a_worker(lab):
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.switch(circuit.clbits[0]) as case:
        with case(0):
            circuit.id(1)
        with case(case.DEFAULT):
            circuit.x(1)
    circuit.measure(1, 1)
    events = submit(lab[2], request(70, "aer", circuit)).wait()
    (done,) = [event for event in events if isinstance(event, MemberDone)]
    assert done.results[0].data.c.get_counts() == {"11": 1024}


class Asking(BasicSimulator):
    """Fails with what an environment variable is."""

    def run(self, circuits, **options):
        raise ValueError(f"the token is {os.environ.get('A_TOKEN')}")


def test_a_worker_sees_the_environment_variables_of_now(lab, monkeypatch):
    registry, _, executors = lab
    registry.add("asking", Asking())
    for number, token in enumerate(["one", "two", None], 100):
        if token is None:
            monkeypatch.delenv("A_TOKEN")
        else:
            monkeypatch.setenv("A_TOKEN", token)
        events = submit(executors, request(number, "asking", bell())).wait()
        (failed,) = [event for event in events if isinstance(event, MemberFailed)]
        assert f"the token is {token}" in str(failed.error)
