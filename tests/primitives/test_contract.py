"""The lab's primitives against Qiskit's own on the same PUBs."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives import (
    BackendEstimatorV2,
    BackendSamplerV2,
    BaseEstimatorV2,
    BaseSamplerV2,
    BitArray,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
    StatevectorEstimator,
    StatevectorSampler,
)
from qiskit.primitives.containers import BindingsArray, ObservablesArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.providers import JobStatus
from qiskit.quantum_info import (
    Pauli,
    SparseObservable,
    SparsePauliOp,
    Statevector,
)
from qiskit_aer import AerSimulator
from scipy.stats import chi2_contingency

from quantumflow_lab.errors import (
    BadPrecision,
    BadShots,
    MissingMeasurement,
    NotAPub,
    UnboundParameter,
    UnknownOption,
    UnwantedMeasurement,
)

ALARM = 1e-6
"""Probability of a false alarm in a comparison of counts."""


@pytest.fixture(scope="module")
def estimator(lab):
    return lab.estimator("aer", precision=0)


@pytest.fixture(scope="module")
def sampler(lab):
    return lab.sampler("aer", seed=11)


def ansatz():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.ry(a, 0)
    circuit.cx(0, 1)
    circuit.rx(b, 1)
    circuit.rz(a + b, 0)
    return circuit


def measured(circuit):
    copy = circuit.copy()
    copy.measure_all()
    return copy


RNG = np.random.default_rng(6)
ONE, GRID = RNG.uniform(-3, 3, 2), RNG.uniform(-3, 3, (2, 3, 2))
FORMS = {
    "one observable": (ansatz(), SparsePauliOp(["XZ", "ZI"], [1, 2]), ONE),
    "a label": (ansatz(), "ZZ", ONE),
    "a Pauli": (ansatz(), Pauli("YX"), ONE),
    "a mapping": (ansatz(), {"ZZ": 0.5, "XI": -1}, ONE),
    "several observables": (ansatz(), ["ZZ", "XX", "YI"], ONE),
    "a grid of values": (ansatz(), "ZX", GRID),
    "values against observables": (ansatz(), [["ZZ"], ["XX"]], GRID[0]),
    "both of one shape": (ansatz(), ["ZZ", "IX", "YY"], GRID[0]),
    "no parameter": (ansatz().assign_parameters(ONE), ["ZZ", "XY"]),
    "an array of observables": (ansatz(), ObservablesArray(["ZZ", "IX", "YY"]), GRID),
    "names to values": (ansatz(), "ZZ", {"a": GRID[..., 0], "b": GRID[..., 1]}),
    "a bindings array": (ansatz(), "ZZ", BindingsArray({("b", "a"): GRID})),
    "an empty grid": (ansatz(), "ZZ", np.empty((0, 2))),
    "a PUB": EstimatorPub.coerce((ansatz(), "ZZ", GRID)),
}


@pytest.mark.parametrize("form", FORMS)
def test_estimates_are_those_of_the_state_vector(estimator, form):
    pub = FORMS[form]
    ours = estimator.run([pub]).result()[0]
    theirs = StatevectorEstimator().run([pub], precision=0).result()[0]
    assert ours.data.evs.shape == theirs.data.evs.shape == ours.data.stds.shape
    assert ours.data.shape == theirs.data.shape
    assert np.allclose(ours.data.evs, theirs.data.evs, atol=1e-9)
    assert not ours.data.stds.any()


@pytest.mark.parametrize(
    "observable", [{"0+": 0.5, "rl": -1.5}, SparseObservable("Z1"), "-1"]
)
def test_projectors_are_estimated_too(estimator, observable):
    # Qiskit's state vector estimator takes Paulis only.
    terms = SparseObservable(observable) if isinstance(observable, str) else observable
    if isinstance(terms, dict):
        terms = SparseObservable.from_list(list(terms.items()))
    state = Statevector(ansatz().assign_parameters(ONE))
    paulis = SparsePauliOp.from_sparse_observable(terms)
    (ours,) = estimator.run([(ansatz(), observable, ONE)]).result()
    exact = state.expectation_value(paulis).real
    assert ours.data.evs == pytest.approx(exact, abs=1e-9)


def test_results_are_qiskits_own_types(estimator, sampler):
    job = estimator.run([FORMS["a label"], FORMS["a grid of values"]])
    assert isinstance(job.job_id(), str)
    result = job.result()
    assert isinstance(result, PrimitiveResult)
    assert [type(each) for each in result] == [PubResult, PubResult]
    assert (job.status(), job.done(), job.running()) == (JobStatus.DONE, True, False)
    assert job.in_final_state()
    assert not job.cancelled()
    shots = sampler.run([measured(ansatz().assign_parameters(ONE))]).result()[0]
    assert type(shots) is SamplerPubResult
    assert type(shots.data.meas) is BitArray
    assert isinstance(estimator, BaseEstimatorV2)
    assert isinstance(sampler, BaseSamplerV2)


def test_the_innermost_precision_counts(lab):
    estimator = lab.estimator("aer", precision=0.5)
    circuit = ansatz().assign_parameters(ONE)
    pubs = [(circuit, "ZZ"), (circuit, "ZZ", None, 0.1)]
    default, own = estimator.run(pubs).result()
    (given,) = estimator.run([(circuit, "ZZ")], precision=0.2).result()
    found = [each.metadata["target_precision"] for each in (default, own, given)]
    assert found == [0.5, 0.1, 0.2]
    assert [each.metadata["shots"] for each in (default, own, given)] == [4, 100, 25]


def test_the_innermost_shots_count(lab):
    sampler = lab.sampler("aer", shots=10)
    circuit = measured(ansatz().assign_parameters(ONE))
    default, own = sampler.run([circuit, (circuit, None, 20)]).result()
    (given,) = sampler.run([circuit], shots=np.int64(30)).result()
    results = (default, own, given)
    assert [each.data.meas.num_shots for each in results] == [10, 20, 30]
    assert [each.metadata["shots"] for each in results] == [10, 20, 30]


def test_metadata_of_the_circuit_comes_back(sampler, estimator):
    for angle in (0.3, 0.4):
        circuit = QuantumCircuit(1, metadata={"x": angle})
        circuit.rx(angle, 0)
        (mean,) = estimator.run([(circuit, "Z")]).result()
        circuit.measure_all()
        (shots,) = sampler.run([circuit]).result()
        assert mean.metadata["circuit_metadata"] == {"x": angle}
        assert shots.metadata["circuit_metadata"] == {"x": angle}


def test_samples_have_the_shapes_of_the_state_vector_sampler(sampler):
    theta = ParameterVector("t", 2)
    qubits = QuantumRegister(3)
    left, right = ClassicalRegister(2, "left"), ClassicalRegister(70, "wide")
    circuit = QuantumCircuit(qubits, left, right)
    circuit.ry(theta[0], 0)
    circuit.ry(theta[1], 1)
    circuit.x(2)
    circuit.measure([0, 1], left)
    circuit.measure(2, right[69])
    pubs = [(circuit, GRID), (circuit, np.empty((0, 2))), (circuit, GRID[0, 0], 7)]
    for pub in pubs:
        ours = sampler.run([pub], shots=50).result()[0]
        theirs = StatevectorSampler(seed=1).run([pub], shots=50).result()[0]
        assert list(ours.data) == list(theirs.data)
        assert ours.data.shape == theirs.data.shape
        for name, bits in ours.data.items():
            other = theirs.data[name]
            assert (bits.shape, bits.num_shots) == (other.shape, other.num_shots)
            assert (bits.num_bits, bits.array.shape) == (
                other.num_bits,
                other.array.shape,
            )
        if ours.data.shape != (0,):
            joined = ours.join_data(["left", "wide"])
            assert joined.num_bits == 72
            assert {key[0] for key in joined.get_counts()} == {"1"}


def alike(one, other):
    """Whether two sets of counts may come from one distribution."""
    keys = sorted({*one, *other})
    table = [[counts.get(key, 0) for key in keys] for counts in (one, other)]
    return len(keys) == 1 or chi2_contingency(table).pvalue > ALARM


def test_samples_are_distributed_as_those_of_other_samplers(sampler):
    circuits = [
        measured(ansatz().assign_parameters(values)) for values in GRID.reshape(-1, 2)
    ]
    ours = sampler.run(circuits, shots=4000).result()
    state = StatevectorSampler(seed=5).run(circuits, shots=4000).result()
    aer = BackendSamplerV2(backend=AerSimulator(seed_simulator=5))
    simulated = aer.run(circuits, shots=4000).result()
    for number in range(len(circuits)):
        counts = ours[number].data.meas.get_counts()
        assert alike(counts, state[number].data.meas.get_counts())
        assert alike(counts, simulated[number].data.meas.get_counts())
        # And the comparison would notice another circuit.
        other = ours[(number + 1) % len(circuits)].data.meas.get_counts()
        assert not alike(counts, other)


def test_errors_of_estimates_are_the_standard_errors(lab):
    estimator = lab.estimator("aer", seed=4)
    # The first term needs shots of its own, the others share theirs.
    groups = [SparsePauliOp("ZZ"), SparsePauliOp(["XI", "IY"], [0.5, -0.3])]
    pub = (ansatz(), sum(groups[1:], groups[0]), GRID)
    ours = estimator.run([pub], precision=0.01).result()[0].data
    backend = BackendEstimatorV2(backend=AerSimulator(seed_simulator=9))
    theirs = backend.run([pub], precision=0.01).result()[0].data
    for index in np.ndindex(2, 3):
        state = Statevector(ansatz().assign_parameters(GRID[index]))
        means = [state.expectation_value(group).real for group in groups]
        squares = [state.expectation_value(group @ group).real for group in groups]
        variance = sum(b - a**2 for a, b in zip(means, squares, strict=True))
        assert ours.stds[index] == pytest.approx((variance / 10_000) ** 0.5, rel=0.05)
        # Five standard errors over six values: one alarm in a quarter of a million.
        assert abs(ours.evs[index] - sum(means)) < 5 * ours.stds[index]
        assert abs(theirs.evs[index] - sum(means)) < 5 * ours.stds[index]


@pytest.mark.parametrize("precision", [-0.1, float("nan"), "fine", True])
def test_impossible_precisions_are_refused(estimator, precision):
    with pytest.raises(BadPrecision, match="precision must be"):
        estimator.run([FORMS["a label"]], precision=precision)


@pytest.mark.parametrize("shots", [0, -1, 1.5, True, "many"])
def test_impossible_shots_are_refused(sampler, shots):
    with pytest.raises(BadShots, match="shots must be a whole number"):
        sampler.run([measured(QuantumCircuit(1))], shots=shots)


def test_what_is_no_pub_is_refused_at_the_call(estimator, sampler):
    with pytest.raises(UnboundParameter, match="no value for parameter a, b"):
        estimator.run([(ansatz(), "ZZ")])
    with pytest.raises(NotAPub, match="does not fit together"):
        estimator.run([(ansatz(), "ZZZ", ONE)])
    with pytest.raises(UnwantedMeasurement, match="ends with a measurement"):
        estimator.run([(measured(ansatz()), "ZZ", ONE)])
    with pytest.raises(MissingMeasurement, match="measures nothing"):
        sampler.run([ansatz().assign_parameters(ONE)])
    with pytest.raises(NotAPub, match="returned an empty list"):
        sampler.run([])


def test_options_are_checked_by_name(lab):
    with pytest.raises(UnknownOption, match="'optimisation_level'"):
        lab.sampler("aer", optimisation_level=1)


def test_a_given_circuit_is_not_moved(lab):
    backend = lab.backends.backend("fake_manila")
    isa = transpile(
        measured(ansatz()), backend, initial_layout=[3, 4], seed_transpiler=1
    )
    sampler = lab.sampler("fake_manila", seed=2)
    metadata = sampler.run([(isa, ONE)]).result()[0].metadata["qflow"]
    assert metadata["given"]
    assert metadata["layout"] == isa.layout.final_index_layout()
