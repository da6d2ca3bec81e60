"""Habits of backends and jobs that the lab smooths over, one by one."""

from __future__ import annotations

import itertools
import threading
import time
import warnings
from concurrent.futures import CancelledError
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Measure, Parameter
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, JobStatus, Options
from qiskit.quantum_info import Pauli, Statevector
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

from quantumflow_lab.backends import Registry, circuit_count, jobs
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.straight import straight
from quantumflow_lab.errors import (
    BadShots,
    CircuitRefused,
    JobCancelled,
    JobUnanswered,
    MissingMeasurement,
    TooWide,
    UnboundParameter,
    UnknownBackendOption,
)
from quantumflow_lab.ports import (
    Fault,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    Settled,
    Stopped,
)
from quantumflow_lab.workers.kernel import KernelJobs
from quantumflow_lab.workers.pool import WorkerPool

pytestmark = pytest.mark.filterwarnings("error")


class Part:
    """What a result has for one circuit."""

    def __init__(self, name: str | None, counts: dict[str, int], shots: int):
        self.header = None if name is None else {"name": name}
        self.success, self.shots, self.counts = True, shots, counts


class Answer:
    """A result without time_taken, whose status is an enum, as Braket's."""

    status = JobStatus.DONE
    success = True

    def __init__(self, results: list[Part]):
        self.results = results

    def data(self, index: int) -> dict[str, Any]:
        return {"counts": self.results[index].counts}


class Odd(BackendV2):
    """Simulates with Aer in run() itself; `habits` name what is odd about the rest."""

    def __init__(self, *habits: str, qubits: int | None = 3, measures: bool = True):
        super().__init__(name="odd")
        self.habits = habits
        self.sent: list[list[QuantumCircuit]] = []
        self.settings: list[dict[str, Any]] = []
        self._target = Target(num_qubits=qubits)
        places = None if qubits is None else {(q,): None for q in range(qubits)}
        pairs = places and dict.fromkeys(itertools.permutations(range(3), 2))
        gates = [SXGate(), XGate(), RZGate(Parameter("t"))]
        for gate in (*gates, Measure()) if measures else gates:
            self._target.add_instruction(gate, places or {None: None})
        self._target.add_instruction(CXGate(), pairs or {None: None})

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, circuits: Any, **settings: Any) -> Any:
        self.sent.append(circuits)
        self.settings.append(settings)
        if "talks" in self.habits:
            print("calibrating")
            warnings.warn("low on helium", UserWarning, stacklevel=1)
        if "blocks" in self.habits:
            time.sleep(30)
        parts = [self.part(circuit, settings["shots"]) for circuit in circuits]
        if "shuffled" in self.habits:
            parts.reverse()
        if "loses one" in self.habits:
            del parts[1]
        return self.job(Answer(parts))

    def part(self, circuit: QuantumCircuit, shots: int) -> Part:
        found = AerSimulator().run(circuit, shots=shots, seed_simulator=1).result()
        counts: dict[str, int] = {}
        for key, number in found.get_counts().items():
            written = self.written(circuit, key.replace(" ", ""))
            counts[written] = counts.get(written, 0) + number
        return Part(None if "nameless" in self.habits else circuit.name, counts, shots)

    def written(self, circuit: QuantumCircuit, key: str) -> str:
        bits = {
            circuit.find_bit(item.qubits[0]).index: key[::-1][
                circuit.find_bit(item.clbits[0]).index
            ]
            for item in circuit.data
            if item.operation.name == "measure"
        }
        if "by qubit" in self.habits:
            key = "".join(bit for _, bit in sorted(bits.items(), reverse=True))
        if "unpadded" in self.habits:
            key = key.lstrip("0") or "0"
        if "nonsense" in self.habits:
            key = "up"
        return hex(int(key, 2)) if "hex" in self.habits else key

    def job(self, answer: Answer) -> Any:
        return SimpleNamespace(result=lambda: answer)


def flipped(*ones: int, width: int = 1) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    if ones:
        circuit.x(ones)
    circuit.measure_all()
    return circuit


def run(
    backend: BackendV2, *values: Any, kind: Any = "sample", seed: int | None = 5
) -> tuple[list[Any], list[Any]]:
    """Results and errors, by value."""
    registry = Registry()
    registry.add("odd", backend)
    members, index = [], 0
    for unit, value in enumerate(values):
        pubs, _ = registry.normalise(
            kind, value, backend="odd", shots=200, precision=None
        )
        registry.preflight("odd", kind, pubs, {})
        members.append(Member(unit, 1, pubs, index))
        index += sum(circuit_count(kind, pub) for pub in pubs)
    events: list[Any] = []
    request = JobRequest(1, "t", kind, "odd", tuple(members), seed)
    execute(request, RunAdapter(backend), events.append)
    assert isinstance(events[-1], Settled)
    done = [event.results[0] for event in events if isinstance(event, MemberDone)]
    return done, [event for event in events if isinstance(event, MemberFailed)]


def counts_of(result: Any) -> dict[str, int]:
    (array,) = result.data.values()
    counts: dict[str, int] = array.get_counts()
    return counts


# Jobs


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Queued", "open"),
        ("RUNNING", "open"),
        ("CANCELLING", "open"),
        (JobStatus.INITIALIZING, "open"),
        (JobStatus.DONE, "ended"),
        (JobStatus.ERROR, "ended"),
        ("COMPLETED", "ended"),
        ("Failed", "ended"),
        (None, "ended"),
        (JobStatus.CANCELLED, "cancelled"),
        ("Cancelled - Ran too long", "cancelled"),
    ],
)
def test_the_state_of_a_job_is_read_from_a_string_or_an_enum(
    status: Any, state: str
) -> None:
    assert jobs.state_of(SimpleNamespace(status=status)) == state
    assert jobs.state_of(SimpleNamespace(status=lambda: status)) == state


@pytest.mark.parametrize(("ended", "state"), [(True, "ended"), (False, "open")])
def test_a_job_in_a_state_that_nobody_knows_is_asked_itself(
    ended: bool, state: str
) -> None:
    job = SimpleNamespace(status="TELEPORTING", in_final_state=lambda: ended)
    assert jobs.state_of(job) == state


def test_a_job_that_ran_too_long_has_ended_although_its_result_would_hang() -> None:
    job = SimpleNamespace(
        job_id=lambda: "c1",
        status=lambda: "CANCELLED - RAN TOO LONG",
        result=lambda: time.sleep(60),
    )
    with pytest.raises(JobCancelled) as caught:
        jobs.awaited(job, "torino")
    assert caught.value.message == (
        "job c1 was cancelled on torino (cancelled - ran too long) and has no result; "
        "send fewer circuits or raise max_execution_time"
    )


def test_nobody_waits_for_a_job_that_is_not_wanted_any_more() -> None:
    asked = itertools.count()
    job = SimpleNamespace(status="RUNNING", result=None)
    with pytest.raises(Stopped):
        jobs.awaited(job, "torino", lambda: next(asked) < 3)


def failing(times: int, make: Any, then: Any) -> Any:
    left = iter(range(times))

    def answer() -> Any:
        if next(left, None) is not None:
            raise make()
        return then

    return answer


def test_a_broken_connection_is_no_reason_to_give_a_job_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.001)
    job = SimpleNamespace(
        status=failing(3, lambda: ConnectionError("reset"), "DONE"),
        result=failing(2, lambda: ConnectionError("reset"), "the result"),
    )
    assert jobs.awaited(job, "torino") == "the result"


class Refused(Exception):
    status_code = 401


@pytest.mark.parametrize("make", [Refused, lambda: ConnectionError("no route")])
def test_a_job_that_cannot_be_asked_about_is_told_of_and_not_sent_again(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.001)
    monkeypatch.setattr(jobs, "PATIENCE_S", 0.01)

    class Remote(Odd):
        def job(self, answer: Answer) -> Any:
            return SimpleNamespace(job_id="j7", result=failing(10**6, make, None))

    backend = Remote()
    done, failed = run(backend, flipped(), flipped(0))
    assert (done, len(backend.sent)) == ([], 1)
    assert [(type(f.error), f.fault) for f in failed] == [
        (JobUnanswered, Fault.PERMANENT)
    ] * 2
    assert failed[0].error.message.startswith(
        "odd has taken job j7, but cannot be asked about it ("
    )


def test_an_error_that_a_future_raises_again_is_the_jobs_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.001)
    own = ConnectionError("the simulator lost its GPU")

    class Local(Odd):
        def job(self, answer: Answer) -> Any:
            return SimpleNamespace(result=failing(10**6, lambda: own, None))

    _, (failed,) = run(Local(), flipped())
    assert failed.error.message == (
        "odd took the job, which failed: ConnectionError: the simulator lost its GPU"
    )


def test_a_job_cancelled_at_its_provider_is_told_as_cancelled_and_not_cut() -> None:
    class Cancelled(Odd):
        def job(self, answer: Answer) -> Any:
            def result() -> Any:
                raise CancelledError

            return SimpleNamespace(
                job_id="j7", status=lambda: JobStatus.CANCELLED, result=result
            )

    done, failed = run(Cancelled(), flipped(), flipped(0))
    assert not done
    assert [(f.error.message, f.fault) for f in failed] == [
        ("job j7 was cancelled on odd (cancelled) and has no result", "permanent")
    ] * 2


def _raises() -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    "cancel", [None, lambda: None, lambda: True, _raises, lambda: time.sleep(5)]
)
def test_a_run_that_blocks_is_left_whatever_its_cancel_does(cancel: Any) -> None:
    class Blocking(Odd):
        lock = threading.Lock()

    backend = Blocking("blocks")
    registry = Registry()
    registry.add("odd", backend)
    executor = KernelJobs(registry)
    pubs, _ = registry.normalise(
        "sample", flipped(), backend="odd", shots=10, precision=None
    )
    events: list[Any] = []
    ended = threading.Event()

    def hear(event: Any) -> None:
        events.append(event)
        if isinstance(event, Lost):
            ended.set()

    request = JobRequest(1, "t", "sample", "odd", (Member(0, 1, pubs, None),), None)
    executor.submit(request, hear)
    while not backend.sent:
        time.sleep(0.01)
    adapter = executor._lines["odd"].adapter
    adapter.job = SimpleNamespace(cancel=cancel)
    started = time.monotonic()
    executor.cancel(1)
    assert ended.wait(1)
    assert time.monotonic() - started < 0.25
    assert events[-1] == Lost(1, "cancelled")


# Results


def test_results_in_another_order_are_recognised_by_the_names_of_circuits() -> None:
    done, failed = run(Odd("shuffled"), flipped(), flipped(0), flipped())
    assert not failed
    assert [counts_of(r) for r in done] == [{"0": 200}, {"1": 200}, {"0": 200}]


def test_a_circuit_without_a_result_fails_alone_if_the_others_have_names() -> None:
    done, (failed,) = run(Odd("loses one"), flipped(), flipped(0), flipped(0))
    assert [counts_of(r) for r in done] == [{"0": 200}, {"1": 200}]
    assert failed.unit == 1
    assert failed.error.message == "the backend answered 2 of 3 circuits"


def test_a_result_too_few_without_names_belongs_to_nobody() -> None:
    done, failed = run(Odd("loses one", "nameless"), flipped(), flipped(0), flipped(0))
    assert not done
    assert {f.error.message for f in failed} == {
        "the backend answered 2 of 3 circuits, and does not say for which"
    }


def test_a_failed_result_may_say_so_by_an_enum() -> None:
    class Failing(Odd):
        def job(self, answer: Answer) -> Any:
            answer.success, answer.status = False, JobStatus.ERROR
            answer.results[0].success = False
            return SimpleNamespace(result=lambda: answer)

    _, (failed,) = run(Failing(), flipped())
    assert failed.error.message == "the backend failed: ERROR"


def test_counts_that_are_no_bits_fail_alone() -> None:
    _, (failed,) = run(Odd("nonsense"), flipped())
    assert failed.error.message == "the backend returned counts {'up': 200}"


def crossed() -> QuantumCircuit:
    """Outcome 10 in the first register and 01 in the second."""
    first, second = ClassicalRegister(2, "first"), ClassicalRegister(3, "second")
    circuit = QuantumCircuit(QuantumRegister(3), first, second)
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [first[1], second[2], second[0]])
    return circuit


@pytest.mark.parametrize(
    "habits",
    [
        (),
        ("unpadded",),
        ("by qubit",),
        ("by qubit", "hex"),
        ("by qubit", "unpadded"),
    ],
    ids="+".join,
)
def test_bits_come_home_whatever_a_backend_sorts_them_by(habits: Any) -> None:
    (result,), _ = run(Odd(*habits), crossed())
    assert result.data.first.get_counts() == {"10": 200}
    assert result.data.second.get_counts() == {"001": 200}


def test_a_qubit_measured_twice_is_sent_as_it_is() -> None:
    circuit = QuantumCircuit(1, 3)
    circuit.measure(0, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    assert straight(circuit) is None
    (result,), _ = run(Odd(), circuit)
    assert counts_of(result) == {"001": 200}


def test_a_straight_circuit_is_sent_as_it_is() -> None:
    circuit = flipped(0, width=2)
    found = straight(circuit)
    assert found is not None
    assert found.circuit is circuit


def test_straightening_moves_no_gate() -> None:
    circuit = QuantumCircuit(3, 4)
    circuit.h(2)
    circuit.measure(2, 0)
    circuit.barrier()
    circuit.cx(0, 1)
    circuit.measure([0, 1], [3, 2])
    found = straight(circuit)
    assert found is not None
    assert [item.name for item in found.circuit.data] == [
        item.name for item in circuit.data
    ]
    assert found.bits == (3, 2, 0)


# What is refused, and what is not known


def test_a_backend_without_options_takes_none() -> None:
    registry = Registry()
    registry.add("odd", Odd())
    with pytest.raises(UnknownBackendOption, match="no option 'mode'; it has no opt"):
        registry.preflight("odd", "sample", [], {"mode": 1})


def test_a_backend_whose_options_are_none_takes_none() -> None:
    class Bare(Odd):
        @property
        def options(self) -> Any:
            return None

    registry = Registry()
    registry.add("odd", Bare())
    assert registry.facts("odd").options == frozenset()
    (result,), _ = run(Bare(), flipped(0))
    assert counts_of(result) == {"1": 200}


def test_shots_beyond_the_range_of_the_options_are_refused() -> None:
    class Ranged(Odd):
        @classmethod
        def _default_options(cls) -> Options:
            options = Options(shots=100)
            options.set_validator("shots", (1, 150))
            return options

    with pytest.raises(BadShots, match="150"):
        run(Ranged(), flipped())


def test_a_backend_that_cannot_measure_is_refused_by_name() -> None:
    with pytest.raises(CircuitRefused) as caught:
        run(Odd(measures=False), flipped())
    assert caught.value.message == (
        "odd cannot measure, so it has no counts: take another backend"
    )


def test_a_backend_of_unknown_width_takes_any_circuit() -> None:
    (result,), _ = run(Odd(qubits=None), flipped(4, width=5))
    assert counts_of(result) == {"10000": 200}


def test_a_circuit_that_is_too_wide_is_refused_where_the_backend_would_not() -> None:
    with pytest.raises(TooWide):
        run(Odd(), flipped(width=4))


def test_a_circuit_with_a_layout_that_is_not_legal_is_transpiled() -> None:
    backend = Odd()
    circuit = transpile(flipped(0), backend, initial_layout=[2])
    circuit.h(0)
    assert circuit.layout is not None
    run(backend, circuit)
    assert {item.name for item in backend.sent[0][0].data} <= {
        *("x", "sx", "rz", "cx", "measure", "barrier")
    }


def test_an_open_parameter_is_refused_where_a_backend_would_return_counts() -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("t"), 0)
    circuit.measure_all()
    with pytest.raises(UnboundParameter):
        run(Odd(), circuit)


def test_a_circuit_without_measurement_is_refused_where_a_backend_would_measure() -> (
    None
):
    with pytest.raises(MissingMeasurement):
        run(Odd(), QuantumCircuit(1))


def test_without_a_limit_of_its_own_a_backend_gets_300_circuits_at_once() -> None:
    assert RunAdapter(Odd()).max_circuits == 300


@pytest.mark.parametrize("name", ["seed_simulator", "simulator_seed"])
def test_the_seed_goes_by_the_name_the_backend_has_for_it(name: str) -> None:
    class Seeded(Odd):
        @classmethod
        def _default_options(cls) -> Options:
            return Options(**{name: None})

    backend = Seeded()
    run(backend, flipped(), flipped(), seed=5)
    assert [settings[name] for settings in backend.settings] == [5, 5 + 2113]
    unseeded = Seeded()
    run(unseeded, flipped(), seed=None)
    assert name not in unseeded.settings[0]


def test_a_backend_that_prints_and_warns_does_not_disturb_its_worker() -> None:
    registry = Registry()
    registry.add("odd", Odd("talks"))
    pubs, _ = registry.normalise(
        "sample", flipped(0), backend="odd", shots=10, precision=None
    )
    pool = WorkerPool(size=1)
    events: list[Any] = []
    settled = threading.Event()

    def hear(event: Any) -> None:
        events.append(event)
        if isinstance(event, Settled | Lost):
            settled.set()

    try:
        request = JobRequest(1, "t", "sample", "odd", (Member(0, 1, pubs, 0),), None)
        pool.submit(request, hear, spec=registry.spec("odd"))
        assert settled.wait(60)
    finally:
        pool.close()
    (done,) = [event for event in events if isinstance(event, MemberDone)]
    assert counts_of(done.results[0]) == {"1": 10}


# mqt-ddsim, a real one with most of these habits

SAMPLE = [
    "qasm_simulator",
    "statevector_simulator",
    "hybrid_qasm_simulator",
    "path_qasm_simulator",
    "path_statevector_simulator",
    "deterministic_noise_simulator",
    "stochastic_noise_simulator",
]


def ddsim(name: str) -> BackendV2:
    provider = pytest.importorskip("mqt.ddsim").DDSIMProvider()
    backend: BackendV2 = provider.get_backend(name)
    return backend


@pytest.mark.parametrize("seed", [7, None])
@pytest.mark.parametrize("name", SAMPLE)
def test_simulators_of_ddsim_sample(name: str, seed: int | None) -> None:
    part = QuantumCircuit(5, 2)
    part.x([1, 4])
    part.cx(1, 2)
    part.measure([0, 4], [1, 0])
    done, failed = run(ddsim(name), crossed(), part, seed=seed)
    assert not failed
    # The noisy ones flip a few bits of a hundred.
    assert done[0].data.first.get_counts()["10"] > 180
    assert done[0].data.second.get_counts()["001"] > 180
    assert counts_of(done[1])["01"] > 180


@pytest.mark.parametrize("name", SAMPLE)
def test_simulators_of_ddsim_estimate(name: str) -> None:
    circuit = QuantumCircuit(3)
    circuit.ry(0.7, 1)
    circuit.cx(1, 0)
    labels = ["ZII", "IZI", "IXX", "IIZ"]
    (result,), _ = run(ddsim(name), (circuit, labels, None, 0.02), kind="estimate")
    state = Statevector(circuit)
    for label, found in zip(labels, result.data.evs, strict=True):
        # Five standard errors, and as much again for the noise of two of them.
        assert abs(found - state.expectation_value(Pauli(label)).real) < 0.2


@pytest.mark.parametrize(
    "name",
    ["qasm_simulator", "statevector_simulator", "deterministic_noise_simulator"],
)
def test_seeds_of_ddsim_repeat_where_it_reads_the_option_that_it_declares(
    name: str,
) -> None:
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.measure_all()
    one, two, other = (
        counts_of(run(ddsim(name), circuit, seed=seed)[0][0]) for seed in (3, 3, 4)
    )
    assert one == two
    assert one != other


def test_a_simulator_that_reads_every_qubit_refuses_measurements_in_between() -> None:
    circuit = QuantumCircuit(1, 2)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    _, (failed,) = run(ddsim("path_qasm_simulator"), circuit)
    assert failed.error.message == (
        "path_qasm_simulator reads every qubit once, at the end: measure no qubit "
        "twice and nothing in mid-circuit"
    )


def test_a_simulator_of_states_says_that_it_does_not_sample() -> None:
    _, (failed,) = run(ddsim("hybrid_statevector_simulator"), flipped())
    assert failed.error.message == (
        "the backend returned no counts for a circuit, only a statevector: take a "
        "backend that samples"
    )


def test_a_simulator_of_unitaries_says_that_it_does_not_sample() -> None:
    with pytest.raises(CircuitRefused, match="odd cannot measure"):
        run(ddsim("unitary_simulator"), flipped())
