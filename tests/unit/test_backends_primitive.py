"""Backends that only speak primitives: IBM's own in local mode, and Qiskit's."""

from __future__ import annotations

import threading
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.backends import PrimitiveBackend, Registry, circuit_count
from quantumflow_lab.backends.adapters import adapter_for
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.primitive_adapter import PrimitiveAdapter
from quantumflow_lab.errors import BadOption, JobCancelled, UnknownBackendOption
from quantumflow_lab.ports import JobRequest, Member, MemberDone, MemberFailed, Settled


def manila(**options: Any) -> PrimitiveBackend:
    return PrimitiveBackend(FakeManilaV2(), **options)


def older() -> PrimitiveBackend:
    return manila(sampler=SamplerV2)


def ideal(**options: Any) -> PrimitiveBackend:
    generic = GenericBackendV2(3, seed=1)
    return PrimitiveBackend(generic, sampler=StatevectorSampler(seed=3), **options)


def run(
    backend: Any, kind: Any, *values: Any, options: Any = None, seed: Any = 7
) -> Any:
    registry = Registry()
    registry.add("given", backend)
    members, index = [], 0
    for unit, value in enumerate(values):
        pubs, _ = registry.normalise(
            kind, value, backend="given", shots=400, precision=None
        )
        members.append(Member(unit, 1, pubs, index, options=options or {}))
        index += sum(circuit_count(kind, pub) for pub in pubs)
    events: list[Any] = []
    request = JobRequest(1, "run.7", kind, "given", tuple(members), seed)
    execute(request, adapter_for(backend), events.append)
    return events


def results(*given: Any, **options: Any) -> list[Any]:
    events = run(*given, **options)
    failures = [event.error for event in events if isinstance(event, MemberFailed)]
    if failures:
        raise failures[0]
    return [event.results[0] for event in events if isinstance(event, MemberDone)]


def flips() -> QuantumCircuit:
    """Sets bit 1 of the first register, bit 0 of the second; one is never measured."""
    qubits = QuantumRegister(3)
    left, right = ClassicalRegister(2, "left"), ClassicalRegister(2, "right")
    circuit = QuantumCircuit(qubits, left, right)
    circuit.x([1, 2])
    circuit.measure([0, 1], left)
    circuit.measure(2, right[0])
    return circuit


def test_bits_are_where_the_circuit_put_them() -> None:
    (result,) = results(ideal(), "sample", flips())
    assert result.data.left.get_counts() == {"10": 400}
    assert result.data.right.get_counts() == {"01": 400}


@pytest.mark.parametrize("sampler", [None, SamplerV2])
@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated")
def test_ibms_samplers_of_both_kinds_are_spoken_to(sampler: Any) -> None:
    backend = manila(sampler=sampler) if sampler else manila()
    (result,) = results(backend, "sample", flips())
    # Readout of this device is wrong in a few percent.
    assert result.data.left.get_counts()["10"] > 320
    assert result.data.right.get_counts()["01"] > 320


ASKED: list[Any] = []


class Watched(StatevectorSampler):
    """Notes what it is asked for."""

    def run(self, pubs: Any, *, shots: Any = None) -> Any:
        ASKED.append(list(pubs))
        return super().run(ASKED[-1], shots=shots)


def test_a_sweep_is_one_pub_of_one_job() -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.ry(theta, 0)
    circuit.measure_all()
    ASKED.clear()
    backend = PrimitiveBackend(GenericBackendV2(2, seed=1), sampler=Watched(seed=2))
    angles = np.linspace(0, np.pi, 5)
    (result,) = results(backend, "sample", (circuit, angles[:, None]))
    assert [[pub[1].shape for pub in pubs] for pubs in ASKED] == [[(5, 1)]]
    ones = result.data.meas.bitcount().mean(axis=-1)
    # Five standard errors of 400 shots.
    assert np.allclose(ones, np.sin(angles / 2) ** 2, atol=5 * 0.5 / 20)


ANSATZ = QuantumCircuit(2)
ANSATZ.ry(Parameter("a"), 0)
ANSATZ.cx(0, 1)
ANSATZ.rx(0.4, 1)
OPERATOR = SparsePauliOp(["ZI", "XX", "IY"], [1.0, 0.5, 0.3])
VALUES = np.linspace(-2, 2, 4)[:, None]


def exact() -> list[float]:
    states = [Statevector(ANSATZ.assign_parameters(x)) for x in VALUES]
    return [state.expectation_value(OPERATOR).real for state in states]


@pytest.mark.parametrize("estimator", [None, StatevectorEstimator(seed=5)])
def test_estimates_agree_with_the_state_vector(estimator: Any) -> None:
    backend = ideal(estimator=estimator)
    pub = (ANSATZ, OPERATOR, VALUES, 0.01)
    (result,) = results(backend, "estimate", pub)
    assert result.data.evs.shape == (4,)
    assert np.allclose(result.data.evs, exact(), atol=0.07)
    assert result.metadata["target_precision"] == 0.01
    assert result.metadata["qflow"]["backend"] == "given"


def test_ibms_estimator_gets_the_observable_of_the_layout() -> None:
    (result,) = results(manila(), "estimate", (ANSATZ, OPERATOR, VALUES, 0.02))
    # The noise of this device shrinks values by some percent.
    assert np.allclose(result.data.evs, exact(), atol=0.2)
    assert np.corrcoef(result.data.evs, exact())[0, 1] > 0.98


def test_seeds_of_a_local_simulation_repeat() -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    first, again, other = (
        results(manila(), "sample", circuit, circuit, seed=seed) for seed in (3, 3, 4)
    )
    one, two, three = (
        [r.data.meas.get_counts() for r in each] for each in (first, again, other)
    )
    assert one == two
    assert one != three


@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated")
def test_options_are_those_of_the_primitive_at_any_depth() -> None:
    registry = Registry()
    registry.add("device", manila())
    pubs, _ = registry.normalise(
        "sample", flips(), backend="device", shots=10, precision=None
    )

    def check(options: dict[str, Any]) -> None:
        registry.preflight("device", "sample", pubs, options)

    check({"dynamical_decoupling": {"enable": True}, "max_execution_time": 60})
    with pytest.raises(UnknownBackendOption, match="did you mean 'twirling'"):
        check({"twirlin": {}})
    with pytest.raises(UnknownBackendOption, match=r"no option 'twirling\.gate'"):
        check({"twirling": {"gate": True}})
    with pytest.raises(UnknownBackendOption, match=r"no option 'twirling\.gate'"):
        older().primitive("sample", {"twirling": {"gate": True}})
    with pytest.raises(BadOption, match=r"'dynamical_decoupling\.sequence_type'"):
        check({"dynamical_decoupling": {"sequence_type": "ZZ"}})


def test_the_tag_of_the_job_is_among_those_of_the_user() -> None:
    made: list[Any] = []

    def sampler(mode: Any, options: Any = None) -> Any:
        made.append(Sampler(mode=mode, options=options))
        return made[-1]

    backend = manila(sampler=sampler)
    options = {"environment": {"job_tags": ["mine"]}}
    results(backend, "sample", flips(), options=options)
    assert made[-1].options.environment.job_tags == ["mine", "run.7"]


def test_the_providers_id_is_in_the_metrics() -> None:
    *_, last = run(manila(), "sample", flips())
    assert isinstance(last, Settled)
    assert len(str(last.metrics.provider_job)) == 36


def test_it_has_no_run() -> None:
    with pytest.raises(NotImplementedError, match="only primitives"):
        ideal().run(QuantumCircuit(1))


def test_it_is_made_of_a_backend() -> None:
    with pytest.raises(BadOption, match="made of a BackendV2, not of str"):
        PrimitiveBackend("fake_manila")  # type: ignore[arg-type]  # the point


def test_a_cell_runs_on_it(tmp_path: Any) -> None:
    cell = """
    @qf.sample(shots=100)
    def counts():
        return flips

    @qf.estimate(precision=0.1)
    def energy():
        return ansatz, operator, [0.3]
    """
    lab = Lab(tmp_path)
    try:
        lab.backends.add("device", manila(), limits=qf.Limits(open_jobs=1))
        inputs = {"flips": flips(), "ansatz": ANSATZ, "operator": OPERATOR}
        done = lab.run(dedent(cell), name="p", backend="device", inputs=inputs)
        done.raise_failure()
        assert done["counts"].data.left.num_shots == 100
        assert abs(float(done["energy"].data.evs)) < 2
        assert all(job["provider_job"] for job in done.jobs)
    finally:
        lab.close()


def test_a_job_that_nobody_wants_any_more_can_be_cancelled() -> None:
    adapter = PrimitiveAdapter(ideal())
    over = threading.Event()
    job = SimpleNamespace(
        job_id="7",
        status=lambda: "CANCELLED" if over.is_set() else "RUNNING",
        cancel=over.set,
    )
    threading.Timer(0.05, lambda: adapter.job.cancel()).start()
    with pytest.raises(JobCancelled, match="job 7 was cancelled on generic"):
        adapter._wait(job, lambda: True)
    assert (adapter.job, adapter.provider_job) == (None, "7")
