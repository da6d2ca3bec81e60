"""What the store keeps of each job's time, and what quotes make of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers.fake_provider import GenericBackendV2

from quantumflow_lab import Lab, Price
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.effort import form_of
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.names import make
from quantumflow_lab.ports import JobRequest, Member, Settled
from quantumflow_lab.quote import StepQuote
from quantumflow_lab.work import Work

CELL = """
@qf.sample
def counts():
    return circuit
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def bell(turns: int = 1) -> QuantumCircuit:
    """Not Clifford, with 2 * turns gates that stay, 2 measurements and a barrier."""
    qc = QuantumCircuit(2)
    for _ in range(turns):
        qc.rx(0.3, 0)
        qc.cx(0, 1)
    qc.measure_all()
    return qc


def run(lab: Lab, circuit: QuantumCircuit, **options: Any) -> None:
    lab.run(CELL, name="pair", inputs={"circuit": circuit}, fresh=True, **options)


def quoted(lab: Lab, circuit: QuantumCircuit, name: str = "pair") -> StepQuote:
    (found,) = lab.plan(CELL, name=name, inputs={"circuit": circuit}, shots=300).steps
    return found


def work_in(backend: str, circuits: list[QuantumCircuit], shots: int) -> Work:
    """Work that a job of these circuits counts, each as a member of its own."""
    members = tuple(
        Member(i, 1, (SamplerPub(qc, shots=shots),), i) for i, qc in enumerate(circuits)
    )
    events: list[Any] = []
    request = JobRequest(1, "t", "sample", backend, members, 7)
    execute(request, RunAdapter(make(backend)), events.append)
    (settled,) = (each for each in events if isinstance(each, Settled))
    assert settled.metrics.busy_s is None
    work = settled.metrics.work
    assert work is not None
    return work


def test_a_job_keeps_what_was_foretold_beside_what_it_took(lab: Lab) -> None:
    for _ in range(3):
        run(lab, bell(), shots=300)
    first, *others = lab.sql("FROM qf_jobs ORDER BY submitted").to_pylist()
    assert Work.read(json.loads(first["work"])) == Work(1, 4, 4 * (4 + 64), 600)
    assert first["predicted_from"] == 0
    assert first["predicted_s"] == pytest.approx(
        5e-4 + 3e-4 + 4 * 2e-5 + 272 * 2.5e-9 + 600 * 2e-7
    )
    assert [row["predicted_from"] for row in others] == [1, 2]
    for row in (first, *others):
        assert row["predicted_low_s"] < row["predicted_s"] < row["predicted_high_s"]
        assert row["run_s"] > 0
    assert (first["busy_s"], first["qpu_s"]) == (None, None)
    beside = lab.sql("FROM qf_quotes ORDER BY time").to_pylist()
    for row, job in zip(beside, (first, *others), strict=True):
        assert (row["jobs"], row["quoted"]) == (1, None)
        assert {job[name] for name in job} >= {row["predicted_s"], row["run_s"]}


def test_a_quote_learns_from_other_workflows_on_the_backend(lab: Lab) -> None:
    before = quoted(lab, bell(40), name="new").machine_s
    assert before.source == "usual times of such backends"
    for turns in range(1, 9):
        run(lab, bell(turns), shots=300)
    after = quoted(lab, bell(40), name="new").machine_s
    assert after.source == "8 earlier jobs of it"
    assert "82 operations" in after.how
    assert None not in (before.low, before.high, after.low, after.high)
    assert after.high / after.low < before.high / before.low  # type: ignore[operator]


def test_a_new_process_goes_on_from_what_the_store_knows(tmp_path: Path) -> None:
    with_history = Lab(tmp_path)
    for _ in range(5):
        run(with_history, bell(), shots=300)
    with_history.close()
    lab = Lab(tmp_path)
    try:
        quoted(lab, bell())
        run(lab, bell(), shots=300)
        rows = lab.sql("FROM qf_jobs ORDER BY submitted").to_pylist()
        assert rows[-1]["predicted_from"] == 5
    finally:
        lab.close()


def test_a_longer_circuit_is_quoted_more_time(lab: Lab) -> None:
    short, long = (quoted(lab, bell(turns)).machine_s.value for turns in (1, 400))
    assert short is not None
    assert long is not None
    assert long - short == pytest.approx(798 * (2e-5 + 68 * 2.5e-9), rel=1e-6)


class Device(GenericBackendV2):
    """A device that must not be used."""

    default_rep_delay = 1e-3

    def run(self, *args: object, **options: object) -> Any:
        """Never called by a quote."""
        raise AssertionError("a quote sent circuits")


def test_a_device_is_quoted_by_how_long_it_was_waited_for_and_busy(lab: Lab) -> None:
    price = Price("USD", per_second=1, job_s=2.0)
    lab.backends.add("dev", Device(3, seed=1), price=price)

    def row() -> StepQuote:
        inputs = {"circuit": bell()}
        options: dict[str, Any] = {"backend": "dev", "shots": 1000}
        (found,) = lab.plan(CELL, name="pair", inputs=inputs, **options).steps
        return found

    before = row()
    assert before.wait_s.value is None
    assert before.device_s.value == pytest.approx(3.0, rel=0.01)
    assert before.device_s.low == pytest.approx(3.0 / 1.25, rel=0.01)
    now = time.time()
    about = {"kind": "job", "run": "r0", "step": "s", "backend": "dev"}
    lab.store.append([{"kind": "run", "run": "r0", "ts": now, "name": "other"}])
    lab.store.append(
        [
            {
                **about,
                "ts": now,
                "job": i,
                "tag": f"r0.{i}",
                "state": "settled",
                "circuits": 1,
                "shots": 1000,
                "provider_job": f"p{i}",
                "queue_s": 60.0 + i,
                "transpile_s": 0.1,
                "run_s": 99.0,
                # Twice its durations, whatever they are.
                "busy_s": 0.0,
                "qpu_s": 6.0,
                "submitted": now - 60 * i,
            }
            for i in range(10)
        ]
    )
    after = row()
    assert after.wait_s.value == pytest.approx(64.5, abs=2)
    assert after.wait_s.source == "10 earlier jobs of it"
    assert after.device_s.value == pytest.approx(6.0, rel=0.05)
    assert "10 earlier jobs of it" in after.device_s.source
    assert after.cost.value == pytest.approx(after.device_s.value)


def test_clifford_circuits_and_trajectories_are_told_apart() -> None:
    ghz = QuantumCircuit(3)
    ghz.h(0)
    ghz.cx(0, 1)
    ghz.cx(1, 2)
    ghz.measure_all()
    assert work_in("aer", [ghz], 100) == Work(1, 6, 0.0, 300)
    assert work_in("aer_statevector", [ghz], 100) == Work(1, 6, 6 * 72.0, 300)
    mid = bell().copy()
    mid.x(0)
    assert not form_of(mid).sampled
    found = work_in("aer", [mid], 100)
    assert (found.passes, found.amplitudes) == (100, 100 * 5 * 68.0)


def test_a_noisy_job_reads_its_noise_and_is_dense_with_many_shots() -> None:
    many, few = (work_in("fake_manila", [bell()], shots) for shots in (1000, 3))
    assert many.noise == few.noise > 100
    assert (many.passes, many.draws) == (0, 0)
    assert (few.passes, few.draws) == (3, 3 * few.operations)
    both = work_in("fake_manila", [bell(), bell(2)], 1000)
    # One job of two members reads it once.
    assert both.noise == many.noise
    assert both.circuits == 2


def test_waits_and_barriers_are_no_operations() -> None:
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.delay(100, 1)
    qc.barrier()
    qc.measure_all()
    form = form_of(qc)
    assert (form.operations, form.clifford, form.sampled) == (3, True, True)
    qc.reset(0)
    assert not form_of(qc).sampled
