"""Jobs in worker processes: what they cost, what they save, what the kernel feels.

``python -m benchmarks.execution --quick`` does the same with fewer points and turns.
"""

from __future__ import annotations

import argparse
import threading
from functools import partial
from statistics import median
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

from benchmarks.row import Row, ratio
from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.ports import (
    JobEvent,
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
from quantumflow_lab.workers.forked import can_fork
from quantumflow_lab.workers.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOTS = 1024
POINTS = 200
SEED = 7


def measure(*, quick: bool = False) -> Iterator[Row]:
    """Isolation, the Rabi sweep, the heartbeat, and the start of a worker."""
    registry = Registry()
    pool = WorkerPool()
    lab = Executors(pool, registry)
    try:
        _see_through(lab, _request(registry, "aer", [_bell()]))
        yield _isolation(lab, registry, jobs=20 if quick else 300)
        points, turns = (20, 2) if quick else (POINTS, 3)
        yield from _rabi(lab, registry, points=points, turns=turns)
        yield from _heartbeat(lab, registry, seconds=3.0 if quick else 20.0)
        if can_fork():
            yield _starts(turns=3 if quick else 10)
    finally:
        lab.close()


def _starts(*, turns: int) -> Row:
    """Another worker, once there is one, until it can take a job."""
    forked, spawned = [], []
    for _ in range(turns):
        forked.append(_timed(_start))
        with patch("quantumflow_lab.workers.process.can_fork", return_value=False):
            spawned.append(_timed(_start))
    return ratio(
        "another worker, until it is ready",
        ours=forked,
        against="a new process that imports Qiskit",
        theirs=spawned,
    )


def _start() -> None:
    process = WorkerProcess()
    process.wait_ready()
    process.kill()
    process.bury()


def _isolation(lab: Executors, registry: Registry, *, jobs: int) -> Row:
    """A tiny job in a worker, less the same job in this process."""
    adapter = RunAdapter(registry.backend("aer"))
    extra = []
    for _ in range(jobs):
        request = _request(registry, "aer", [_bell()])
        here = _timed(partial(_execute_here, adapter, request))
        there = _timed(partial(_see_through, lab, request))
        extra.append((there - here) * 1e3)
    low, high = np.quantile(extra, [0.05, 0.95])
    return Row(
        what="isolation, a job (median of jobs, spread 5–95 %)",
        against="the same job in the kernel",
        value=median(extra),
        low=float(low),
        high=float(high),
        unit="ms",
        better="lower",
        gate=1.0,
        stretch=0.5,
    )


def _rabi(
    lab: Executors, registry: Registry, *, points: int, turns: int
) -> Iterator[Row]:
    """A sweep with a circuit per point: naive loop, our job, prepared batch."""
    angles = np.linspace(0, 2 * np.pi, points)
    backend = AerSimulator()
    prepared = transpile([_rotation(angle) for angle in angles], backend)
    naive, ours, floor = [], [], []
    for _ in range(turns):
        naive.append(_timed(lambda: _naive_loop(angles)))
        ours.append(_timed(lambda: _sweep(lab, registry, angles)))
        floor.append(_timed(lambda: _prepared_batch(backend, prepared)))
    what = f"2-qubit Rabi, {points} points, Aer, one job in a worker"
    yield ratio(
        what,
        ours=ours,
        against="build-transpile-run loop",
        theirs=naive,
        gate=60.0,
        stretch=100.0,
    )
    over = [a / b for a, b in zip(ours, floor, strict=True)]
    yield Row(
        what=what,
        against="prepared batch (floor)",
        value=median(over),
        low=min(over),
        high=max(over),
        unit="×",
        better="lower",
        stretch=1.5,
    )


def _heartbeat(lab: Executors, registry: Registry, *, seconds: float) -> Iterator[Row]:
    """Gaps between ticks of 1 ms in the kernel while Aer runs in a worker."""
    running, over = threading.Event(), threading.Event()

    def hear(event: JobEvent) -> None:
        if event == Progress(event.job, Phase.RUNNING):
            running.set()
        if isinstance(event, Settled | Lost):
            over.set()

    request = _request(registry, "aer_statevector", [_heavy()], job=99)
    lab.submit(request, hear)
    running.wait(60)
    gaps = []
    start = last = perf_counter()
    while last - start < seconds and not over.is_set():
        sleep(0.001)
        now = perf_counter()
        gaps.append((now - last) * 1e3)
        last = now
    lab.cancel(99)
    middle, late, worst = np.quantile(gaps, [0.5, 0.99, 1.0])
    for name, value, gate, stretch in (
        ("p50", middle, None, None),
        ("p99", late, 50.0, 20.0),
        ("largest", worst, None, None),
    ):
        yield Row(
            what=f"heartbeat gap, {last - start:.0f} s of Aer in a worker, {name}",
            against="",
            value=float(value),
            low=float(middle),
            high=float(worst),
            unit="ms",
            better="lower",
            gate=gate,
            stretch=stretch,
        )


def _naive_loop(angles: Any) -> list[dict[str, int]]:
    found = []
    for angle in angles:
        backend = AerSimulator()
        circuit = transpile(_rotation(angle), backend)
        job = backend.run(circuit, shots=SHOTS, seed_simulator=SEED)
        found.append(job.result().get_counts())
    return found


def _prepared_batch(backend: AerSimulator, circuits: list[QuantumCircuit]) -> None:
    # One thread, which is Aer's best for circuits this small.
    job = backend.run(
        circuits, shots=SHOTS, seed_simulator=SEED, max_parallel_threads=1
    )
    result = job.result()
    for index in range(len(circuits)):
        result.get_counts(index)


def _sweep(lab: Executors, registry: Registry, angles: Any) -> None:
    circuits = [_rotation(angle) for angle in angles]
    _see_through(lab, _request(registry, "aer", circuits))


def _see_through(lab: Executors, request: JobRequest) -> None:
    over = threading.Event()
    bad: list[JobEvent] = []

    def hear(event: JobEvent) -> None:
        if isinstance(event, MemberFailed | Lost):
            bad.append(event)
        if isinstance(event, MemberDone):
            event.results[0].data.meas.get_counts()
        if isinstance(event, Settled | Lost):
            over.set()

    lab.submit(request, hear)
    over.wait(300)
    if bad:
        raise RuntimeError(f"the job failed: {bad[0]}")


def _execute_here(adapter: RunAdapter, request: JobRequest) -> None:
    execute(request, adapter, lambda event: None, threads=1)


def _request(
    registry: Registry, backend: str, circuits: list[QuantumCircuit], job: int = 1
) -> JobRequest:
    members, index = [], 0
    for unit, circuit in enumerate(circuits):
        pubs, _ = registry.normalise(
            "sample", circuit, backend=backend, shots=SHOTS, precision=None
        )
        members.append(Member(unit, 1, pubs, index))
        index += sum(registry.circuits("sample", pub) for pub in pubs)
    return JobRequest(job, "bench", "sample", backend, tuple(members), SEED)


def _bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def _rotation(angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.rx(float(angle), 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def _heavy() -> QuantumCircuit:
    circuit = QuantumCircuit(23)
    for layer in range(2000):
        for qubit in range(23):
            circuit.rx(0.1 + layer + qubit, qubit)
        for qubit in range(22):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _main() -> None:
    from benchmarks.__main__ import table

    parser = argparse.ArgumentParser(prog="python -m benchmarks.execution")
    parser.add_argument("--quick", action="store_true", help="fewer points and turns")
    print(table(list(measure(quick=parser.parse_args().quick))))


if __name__ == "__main__":
    _main()
