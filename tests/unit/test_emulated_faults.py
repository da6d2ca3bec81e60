"""What each fault of a provider comes to in a run, and what it may cost.

IBM's own client asks the emulator, and a real lab waits. The jobs that the emulator
has taken are what would have been paid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

from quantumflow_lab import Lab, Price
from quantumflow_lab.backends import PrimitiveBackend, jobs, primitive_adapter
from quantumflow_lab.emulate.faults import FAULTS, Habits
from quantumflow_lab.emulate.ibm import NAME, lines, service

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

CELL = """
@qf.sample(shots=100)
def counts():
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.measure_all()
    return qc
"""


SWEEP = """
angle = qf.axis([0.1, 0.2, 0.3, 0.4])

@qf.sample(shots=100)
def counts(angle):
    qc = QuantumCircuit(1)
    qc.rx(angle, 0)
    qc.measure_all()
    return qc
"""


CUT = """
turns = qf.axis([1, 2, 3, 4])

@qf.sample(shots=100)
def counts(turns):
    qc = QuantumCircuit(2)
    for _ in range(turns):
        qc.h(0)
        qc.cx(0, 1)
    qc.measure_all()
    return qc
"""


@dataclass(frozen=True)
class Outcome:
    """How a run ends."""

    fault: str
    taken: int
    """Jobs that the service took: what is paid."""
    error: str | None = None
    """Part of what the user reads; None if the run succeeds."""
    known: bool = True
    """Whether the service says what was used."""


OUTCOMES = (
    Outcome("429", 1),
    Outcome("429-retry-after", 1),
    Outcome("503", 1),
    Outcome("drop-before", 1),
    Outcome("drop-after", 1),
    Outcome("poll-429", 1),
    Outcome("poll-503", 1),
    Outcome("slow-queue", 1),
    Outcome("late-usage", 1),
    Outcome("no-usage", 1, known=False),
    Outcome("quota", 0, "4317"),
    Outcome("poll-401", 1, "cannot be asked about it", known=False),
    Outcome("lost-job", 1, "cannot be asked about it", known=False),
    Outcome("missing-result", 1, "cannot be asked about it", known=False),
    Outcome("ran-too-long", 1, "cancelled - ran too long"),
    Outcome("unknown-status", 1, "under review, which nobody knows", known=False),
    Outcome("calibration", 1, "1517"),
    Outcome("internal-error", 1, "9999"),
    Outcome("max-time", 1, "1305"),
)
"""What is retried ends well; what is final is told; nothing is paid twice."""


def account(url: str) -> Any:
    """The device, by the lines that `qflow emulate ibm` prints."""
    names: dict[str, Any] = {"QiskitRuntimeService": QiskitRuntimeService}
    exec(lines(url), names)
    return names["device"]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    monkeypatch.setattr(jobs, "UNHEARD_S", 1.0)
    # The lines set these; so they are put back.
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: each.fault)
@pytest.mark.usefixtures("patience")
def test_a_fault_ends_as_promised_and_no_job_is_paid_twice(
    outcome: Outcome, tmp_path: Path
) -> None:
    with service(faults=[outcome.fault]) as ibm:
        if outcome.fault == "slow-queue":
            ibm.habits = [replace(FAULTS["slow-queue"].habits, queue=1.0)]
        lab = Lab(tmp_path)
        try:
            device = account(ibm.url)
            backend = PrimitiveBackend(device, sampler=SamplerV2)
            lab.backends.add("dev", backend, price=Price("USD", per_second="1.60"))
            run = lab.run(
                CELL,
                name="faulty",
                backend="dev",
                inputs={"QuantumCircuit": QuantumCircuit},
            )
            if outcome.error is None:
                run.raise_failure()
                assert run["counts"].data.meas.num_shots == 100
            else:
                with pytest.raises(Exception, match=outcome.error):
                    run.raise_failure()
            assert len(ibm.jobs) == outcome.taken
            # Each attempt that was taken counts, and no other: by its own figure, or
            # as what it may have cost if nobody can say.
            used = sum(each.usage for each in ibm.taken.values())
            (spent,) = lab.sql("SELECT cost FROM qf_runs").to_pylist()
            if outcome.known or not outcome.taken:
                assert spent["cost"] == pytest.approx(1.6 * used)
            else:
                # As was forecast if it is done, else the most that was kept back: a
                # second more and a quarter.
                expected = 2 + 0.00025 * 100
                least, most = 1.6 * expected, 1.6 * (1 + 1.251 * expected)
                assert least <= spent["cost"] <= most * outcome.taken
            *_, job = lab.sql("SELECT * FROM qf_jobs ORDER BY submitted").to_pylist()
            assert job["qpu_s"] == (
                pytest.approx(used) if outcome.known and outcome.taken else None
            )
            assert (job["circuits"], job["shots"]) == (
                (1, 100) if outcome.taken else (0, 0)
            )
            # What happened there kept this machine busy for no longer than it took.
            assert job["machine_s"] == job["transpile_s"]
        finally:
            lab.close()


@pytest.mark.parametrize(
    "fault", ["internal-error", "max-time", "calibration", "quota"]
)
@pytest.mark.usefixtures("patience")
def test_a_job_of_many_that_failed_there_is_not_cut_and_paid_again(
    fault: str, tmp_path: Path
) -> None:
    with service(faults=[fault]) as ibm:
        lab = Lab(tmp_path)
        try:
            device = account(ibm.url)
            lab.backends.add("dev", PrimitiveBackend(device, sampler=SamplerV2))
            run = lab.run(
                SWEEP,
                name="faulty",
                backend="dev",
                policy="cheapest",
                inputs={"QuantumCircuit": QuantumCircuit},
            )
            with pytest.raises(Exception, match=r"9999|1305|1517|4317"):
                run.raise_failure()
            assert len(ibm.jobs) == (fault != "quota")
        finally:
            lab.close()


def swept(home: Path, device: Any) -> Any:
    """A run of four different circuits, which ends well."""
    lab = Lab(home)
    try:
        lab.backends.add("dev", PrimitiveBackend(device, sampler=SamplerV2))
        run = lab.run(
            CUT,
            name="faulty",
            backend="dev",
            policy="cheapest",
            inputs={"QuantumCircuit": QuantumCircuit},
        )
        run.raise_failure()
        return run["counts"]
    finally:
        lab.close()


@pytest.mark.usefixtures("patience")
def test_a_job_that_is_too_large_is_cut_and_each_circuit_is_paid_once(
    tmp_path: Path,
) -> None:
    with service() as ibm:
        swept(tmp_path / "whole", account(ibm.url))
        (whole,) = ibm.sizes
    with service() as ibm:
        ibm.habits.append(Habits(largest=whole - 1))
        values = swept(tmp_path / "cut", account(ibm.url))
        assert [each.data.meas.num_shots for each in values] == [100] * 4
        assert ibm.refused == [413]
        sent = [len(posted["params"]["pubs"]) for posted in ibm.jobs.values()]
        assert sum(sent) == 4
        assert len(sent) == 2


@pytest.mark.usefixtures("patience")
def test_a_job_whose_results_are_too_large_is_cut_until_they_fit(
    tmp_path: Path,
) -> None:
    with service(faults=["results-too-large"]) as ibm:
        values = swept(tmp_path, account(ibm.url))
        assert [each.data.meas.num_shots for each in values] == [100] * 4
        sizes = [len(posted["params"]["pubs"]) for posted in ibm.jobs.values()]
        assert (sizes[0], sum(sizes[1:])) == (4, 4)
        assert all(size <= 2 for size in sizes[1:])


@pytest.mark.usefixtures("patience")
def test_the_limit_of_pending_jobs_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(primitive_adapter, "ROOM_S", 0.2)
    with service() as ibm:
        device = account(ibm.url)
        ibm.habits.append(Habits(queue=6.0, pending=1))
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        SamplerV2(device).run([(circuit, None, 10)])
        values = swept(tmp_path, device)
        assert [each.data.meas.num_shots for each in values] == [100] * 4
        assert set(ibm.refused) == {3458}
        assert len(ibm.jobs) == 2


def test_every_fault_has_an_outcome() -> None:
    # A queue that never ends is the user's to leave; three have a test of their own.
    assert {each.fault for each in OUTCOMES} == set(FAULTS) - {
        "never-final",
        "pending-limit",
        "too-large",
        "results-too-large",
    }


@pytest.mark.usefixtures("patience")
def test_usage_and_metrics_tell_what_a_job_would_have_cost() -> None:
    with service() as ibm:
        device = account(ibm.url)
        circuit = QuantumCircuit(1)
        circuit.x(0)
        circuit.measure_all()
        job = SamplerV2(device).run([(circuit, None, 1000)])
        assert job.result()[0].data.meas.num_shots == 1000
        # Two seconds for the job, and 0.35 ms for each of 1000 shots.
        assert job.metrics()["usage"]["quantum_seconds"] == pytest.approx(2.35)
        usage = device.service.usage()
        assert usage["usage_consumed_seconds"] == pytest.approx(2.35)
        assert device.name == NAME


@pytest.mark.usefixtures("patience")
def test_a_queued_job_can_be_cancelled() -> None:
    with service(faults=["never-final"]) as ibm:
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        job = SamplerV2(account(ibm.url)).run([(circuit, None, 10)])
        assert job.status() == "QUEUED"
        job.cancel()
        assert job.status() == "CANCELLED"
        assert [each.ended for each in ibm.taken.values()] == ["Cancelled"]
