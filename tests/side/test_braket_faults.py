"""What each fault of Amazon's service comes to, and what it may cost.

First for its SDK alone, then for a run of the lab. The tasks that the emulator has
taken are what would have been paid.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from qiskit import QuantumCircuit

from quantumflow_lab import EnvironmentBackend, Lab, Price
from quantumflow_lab.backends import jobs
from quantumflow_lab.backends.failures import fault_of
from quantumflow_lab.emulate.faults import ALWAYS, BRAKET_FAULTS, Habits, Trouble
from quantumflow_lab.errors import BackendFailed, JobUnanswered, QuantumFlowError
from quantumflow_lab.ports import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantumflow_lab.emulate.braket import Service

CELL = """
@qf.sample(shots=100)
def counts():
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.measure_all()
    return qc
"""

SWEEP = """
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

ALONE = """
from braket.aws import AwsDevice
from braket.circuits import Circuit
device = AwsDevice("arn:aws:braket:eu-north-1::device/qpu/iqm/Emulated")
task = device.run(
    Circuit().x(0), shots=100, poll_timeout_seconds=6, poll_interval_seconds=0.2
)
result = task.result()
said = [task.state(), None if result is None else len(result.measurements)]
"""
DONE = ["COMPLETED", 100]


@dataclass(frozen=True)
class Outcome:
    """How a fault ends."""

    fault: str
    tasks: int
    """Tasks that the service took: what is paid."""
    sdk: list[Any] | str
    """State and shots that the SDK alone comes to, or the class of its error."""
    error: str | None = None
    """Part of what the user of the lab reads; None if the run succeeds."""

    @property
    def rule(self) -> str:
        """By what the lab bills it."""
        if self.tasks == 0:
            return "not taken"
        if self.error in (ASK, DOUBT):
            return "at most"
        return "not charged" if self.fault == "internal-error" else "usage"


ASK = "has taken job arn:aws:braket:.*, but cannot be asked about it"
DOUBT = "may have taken the job, but its answer was lost .*look there before"

OUTCOMES = (
    Outcome("429", 1, DONE),
    Outcome("429-retry-after", 1, DONE),
    Outcome("503", 1, DONE),
    Outcome("drop-before", 1, DONE),
    Outcome("drop-after", 1, DONE),
    Outcome("poll-429", 1, DONE),
    Outcome("poll-503", 1, DONE),
    Outcome("slow-queue", 1, DONE),
    Outcome("429-always", 0, "ThrottlingException", "ThrottlingException"),
    Outcome("drop-after-always", 1, "ConnectionClosedError", DOUBT),
    Outcome("quota", 0, "ServiceQuotaExceededException", "ServiceQuotaExceeded"),
    Outcome("offline", 0, "DeviceOfflineException", "DeviceOfflineException"),
    Outcome("denied", 0, "ClientError", "ExpiredTokenException"),
    Outcome("lost-job", 1, "ResourceNotFoundException", ASK),
    Outcome("poll-403", 1, "ClientError", ASK),
    Outcome("missing-result", 1, "NoSuchKey", ASK),
    Outcome("cancelled", 1, ["CANCELLED", None], "was cancelled on Emulated"),
    Outcome(
        "internal-error",
        1,
        ["FAILED", None],
        "took job arn.*, which failed: NoResult: the device lost its lock",
    ),
)
"""What is retried ends well; what is final is told; nothing is paid twice."""
BY_FAULT = pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: each.fault)


@pytest.fixture(scope="module")
def device(qpu: EnvironmentBackend, lab: Lab) -> EnvironmentBackend:
    """The device, known to the lab as ``qpu`` with its price."""
    price = Price("USD", per_job="0.30", per_shot="0.00145")
    lab.backends.add("qpu", qpu, price=price)
    return qpu


def _run(lab: Lab, cell: str, backend: str = "qpu", **options: Any) -> Any:
    inputs = {"QuantumCircuit": QuantumCircuit}
    return lab.run(
        cell,
        name="faulty",
        backend=backend,
        fresh=True,
        policy="cheapest",
        inputs=inputs,
        **options,
    )


@BY_FAULT
def test_the_sdk_alone_comes_to_this(
    outcome: Outcome, amazon: Service, sdk: Callable[[str], Any]
) -> None:
    amazon.add(BRAKET_FAULTS[outcome.fault])
    said = sdk(ALONE)
    if isinstance(outcome.sdk, str):
        assert said[0] == outcome.sdk, said
    else:
        assert said == outcome.sdk
    assert len(amazon.tasks) == outcome.tasks


@pytest.mark.parametrize(
    ("fault", "state"),
    [("never-final", "QUEUED"), ("unknown-status", "UNDER_REVIEW")],
)
def test_the_sdk_alone_waits_until_its_own_timeout(
    fault: str, state: str, amazon: Service, sdk: Callable[[str], Any]
) -> None:
    amazon.add(BRAKET_FAULTS[fault])
    assert sdk(ALONE.replace("seconds=6", "seconds=1")) == [state, None]


def test_the_sdk_alone_raises_if_its_request_is_too_large(
    amazon: Service, sdk: Callable[[str], Any]
) -> None:
    amazon.habits.append(Habits(largest=100))
    assert sdk(ALONE)[0] == "ClientError"
    assert amazon.tasks == {}


@BY_FAULT
@pytest.mark.usefixtures("device")
def test_a_fault_ends_as_promised_and_no_task_is_paid_twice(
    outcome: Outcome, amazon: Service, lab: Lab
) -> None:
    amazon.add(BRAKET_FAULTS[outcome.fault])
    run = _run(lab, CELL)
    if outcome.error is None:
        run.raise_failure()
        assert run["counts"].data.meas.num_shots == 100
    else:
        with pytest.raises(QuantumFlowError, match=outcome.error):
            run.raise_failure()
    assert len(amazon.tasks) == outcome.tasks
    # What the service charges; of what nobody can be asked about, the most it may.
    ask = "cannot be asked" in (outcome.error or "") or outcome.error == DOUBT
    charged = (0.30 + 0.00145 * 100) * outcome.tasks if ask else amazon.price
    jobs = lab.sql(f"SELECT cost, rule, shots FROM qf_jobs WHERE run = '{run.id}'")
    *_, job = jobs.to_pylist()
    assert job["cost"] == pytest.approx(charged)
    assert job["rule"] == outcome.rule
    assert job["shots"] == 100 * outcome.tasks


@pytest.mark.parametrize(
    "fault",
    ["internal-error", "quota", "offline", "429-always", "drop-after-always"],
)
@pytest.mark.usefixtures("device")
def test_a_job_of_several_circuits_is_neither_cut_nor_sent_again(
    fault: str, amazon: Service, lab: Lab
) -> None:
    amazon.add(BRAKET_FAULTS[fault])
    run = _run(lab, SWEEP)
    with pytest.raises(QuantumFlowError):
        run.raise_failure()
    (jobs_of_run,) = lab.sql(
        f"SELECT count(*) AS n FROM qf_jobs WHERE run = '{run.id}'"
    )["n"]
    assert jobs_of_run.as_py() == 1
    assert len(amazon.tasks) == (fault in ("internal-error", "drop-after-always"))


@pytest.mark.parametrize("fault", ["429-always", "drop-after-always"])
@pytest.mark.usefixtures("device")
def test_only_the_client_tries_a_submit_again(
    fault: str, amazon: Service, lab: Lab
) -> None:
    amazon.add(BRAKET_FAULTS[fault])
    _run(lab, CELL)
    (trouble,) = amazon.trouble
    # botocore's standard mode: three tries, with one and the same client token.
    assert ALWAYS - trouble.times == 3
    assert len(set(amazon.submits)) == (fault == "drop-after-always")


def test_a_variable_says_how_often_the_client_tries(
    amazon: Service, amazon_backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    found = amazon_backend("Emulated")
    amazon.add(BRAKET_FAULTS["429-always"])
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with pytest.raises(BackendFailed, match="ThrottlingException") as caught:
        found.run(circuit, shots=10).result()
    assert fault_of(caught.value) is Fault.REFUSED
    assert ALWAYS - amazon.trouble[0].times == 2


def test_the_client_does_not_wait_as_long_as_it_is_asked_to(
    amazon: Service, sdk: Callable[[str], Any]
) -> None:
    amazon.trouble.append(Trouble("POST", "/quantum-task", 429, retry_after=300))
    started = time.monotonic()
    assert sdk(ALONE) == DONE
    assert time.monotonic() - started < 60


@pytest.mark.usefixtures("device")
def test_a_request_that_is_too_large_is_cut_and_each_circuit_is_paid_once(
    amazon: Service, lab: Lab
) -> None:
    _run(lab, SWEEP).raise_failure()
    (whole,) = amazon.sizes
    amazon.tasks.clear()
    amazon.habits.append(Habits(largest=whole - 1))
    run = _run(lab, SWEEP)
    run.raise_failure()
    assert [each.data.meas.num_shots for each in run["counts"]] == [100] * 4
    sent = [task.executables for task in amazon.tasks.values()]
    assert (len(sent), sum(sent)) == (2, 4)


def test_a_simulator_without_program_sets_takes_one_circuit_at_a_time(
    amazon: Service, amazon_backend: Any, lab: Lab
) -> None:
    lab.backends.add("sv1", amazon_backend("SV1"))
    # Were they sent together, those that were taken would be paid again.
    amazon.trouble.append(
        Trouble("POST", "/quantum-task", 402, code="ServiceQuotaExceededException")
    )
    run = _run(lab, SWEEP, backend="sv1")
    found = lab.sql(f"SELECT circuits FROM qf_jobs WHERE run = '{run.id}'")
    assert len(found) == 4
    assert [task.executables for task in amazon.tasks.values()] == [1, 1, 1]


def test_a_state_nobody_knows_is_told_after_a_while(
    amazon: Service, device: EnvironmentBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "UNHEARD_S", 1.0)
    amazon.add(BRAKET_FAULTS["unknown-status"])
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with pytest.raises(
        JobUnanswered, match="its state is under_review, which nobody knows"
    ) as caught:
        device.run(circuit, shots=10).result()
    assert fault_of(caught.value) is Fault.PERMANENT
    assert len(amazon.tasks) == 1


def test_a_way_that_is_broken_for_a_while_is_waited_out(
    amazon: Service, device: EnvironmentBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    # More than the client tries by itself, and then results that are not to be had.
    amazon.trouble += [
        Trouble("GET", "/quantum-task/*", 503, times=7),
        Trouble("GET", "/results.json", None, times=7),
    ]
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    result = device.run(circuit, shots=10).result()
    assert sum(result.get_counts().values()) == 10
    assert [trouble.times for trouble in amazon.trouble] == [0, 0]
    assert len(amazon.tasks) == 1


@pytest.mark.usefixtures("device")
def test_a_queue_without_end_is_left_by_a_cancel(amazon: Service, lab: Lab) -> None:
    amazon.add(BRAKET_FAULTS["never-final"])
    run = _run(lab, CELL, background=True)
    until = time.monotonic() + 60
    while not amazon.tasks and time.monotonic() < until:
        time.sleep(0.05)
    run.cancel()
    run.wait()
    assert [amazon.status_of(task) for task in amazon.tasks.values()] == ["QUEUED"]


def test_every_fault_has_an_outcome() -> None:
    # Three have a test of their own.
    assert {each.fault for each in OUTCOMES} == set(BRAKET_FAULTS) - {
        "too-large",
        "unknown-status",
        "never-final",
    }
