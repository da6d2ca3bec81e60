"""Jobs on the built-in backends: results, shapes, seeds, members that fail alone."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Parameter, ParameterVector
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, pauli_error

from quantumflow_lab.backends import Registry, circuit_count, normalise
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.isa import Settings, Transpiler
from quantumflow_lab.backends.memory import is_unitary
from quantumflow_lab.errors import (
    BackendFailed,
    CircuitRefused,
    TooMuchMemory,
    UnknownBackendOption,
)
from quantumflow_lab.ports import (
    JobRequest,
    Member,
    MemberDone,
    MemberFailed,
    Phase,
    Progress,
    Settled,
)

REGISTRY = Registry()
RUN_BACKENDS = ("aer", "basic_simulator", "fake_manila", "generic_5")


def members(kind, values, *, first=0, **options):
    found, index = [], first
    for unit, value in enumerate(values, start=first):
        pubs, _ = normalise(kind, value)
        found.append(Member(unit, 1, pubs, index, **options))
        index += sum(circuit_count(kind, pub) for pub in pubs)
    return found


def run(backend, kind, shares, *, seed=7):
    name = backend if isinstance(backend, str) else "given"
    adapter = RunAdapter(REGISTRY.backend(name) if name == backend else backend)
    events = []
    execute(JobRequest(1, "t", kind, name, tuple(shares), seed), adapter, events.append)
    return events


def results(backend, kind, *values, seed=7):
    """Results of one member per value."""
    events = run(backend, kind, members(kind, values), seed=seed)
    failures = [event.error for event in events if isinstance(event, MemberFailed)]
    if failures:
        raise failures[0]
    return [event.results for event in events if isinstance(event, MemberDone)]


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def counts_of(events):
    return [
        {name: bits.get_counts() for name, bits in result.data.items()}
        for event in events
        if isinstance(event, MemberDone)
        for result in event.results
    ]


def test_a_job_tells_its_phases_answers_and_settles():
    events = run("aer", "sample", members("sample", [bell(), [bell()] * 10]))
    assert events[:2] == [Progress(1, Phase.TRANSPILING), Progress(1, Phase.RUNNING)]
    assert [type(event) for event in events[2:]] == [MemberDone, MemberDone, Settled]
    assert [len(event.results) for event in events[2:4]] == [1, 10]
    metrics = events[-1].metrics
    assert (metrics.circuits, metrics.shots) == (11, 11 * 1024)
    assert (metrics.depth, metrics.two_qubit_gates, metrics.qubits) == (3, 1, 2)
    assert metrics.peak_memory_mb > 10
    assert metrics.transpile_s > 0 < metrics.run_s


def test_a_job_that_is_over_at_once_does_not_say_that_it_runs():
    events = run("aer", "sample", members("sample", [bell()]))
    assert [type(event) for event in events] == [Progress, MemberDone, Settled]


@pytest.mark.parametrize("name", RUN_BACKENDS)
def test_equal_seeds_give_equal_results_and_others_do_not(name):
    first, again = (results(name, "sample", bell(), seed=11)[0][0] for _ in "12")
    other = results(name, "sample", bell(), seed=12)[0][0]
    assert np.array_equal(first.data.meas.array, again.data.meas.array)
    assert not np.array_equal(first.data.meas.array, other.data.meas.array)


def sweep():
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.rx(theta, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return [bell(), (circuit, np.linspace(0.3, 1.5, 4)), [bell(), bell()], bell()]


@pytest.mark.parametrize("name", RUN_BACKENDS)
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_splitting_a_job_changes_no_count(name, cut):
    shares = members("sample", sweep())
    whole = counts_of(run(name, "sample", shares))
    first = run(name, "sample", shares[:cut])
    second = run(name, "sample", shares[cut:])
    assert counts_of(first) + counts_of(second) == whole


def test_the_seed_of_circuit_i_is_seed_plus_2113_i():
    events = run("aer", "sample", members("sample", [bell(), bell(), bell()]), seed=5)
    isa = transpile(bell(), AerSimulator(), optimization_level=1)
    for i, found in enumerate(counts_of(events)):
        job = AerSimulator().run(isa, shots=1024, seed_simulator=5 + 2113 * i)
        assert found["meas"] == job.result().get_counts()


def test_splitting_holds_beyond_32_bit_seeds():
    shares = members("sample", [bell()] * 4)
    whole = counts_of(run("aer", "sample", shares, seed=2**32 - 3000))
    parts = [run("aer", "sample", [share], seed=2**32 - 3000) for share in shares]
    assert [found for events in parts for found in counts_of(events)] == whole


def test_without_a_seed_two_runs_differ():
    one, other = (results("aer", "sample", bell(), seed=None)[0][0] for _ in "12")
    assert not np.array_equal(one.data.meas.array, other.data.meas.array)


def test_two_registers_and_a_loose_bit_keep_their_order():
    first, second = ClassicalRegister(2, "first"), ClassicalRegister(3, "second")
    circuit = QuantumCircuit(QuantumRegister(3), [Clbit()], first, second)
    circuit.x(0)
    circuit.x(2)
    circuit.measure(0, first[1])
    circuit.measure(1, second[0])
    circuit.measure(2, second[2])
    for name in ("aer", "basic_simulator"):
        ((result,),) = results(name, "sample", (circuit, None, 20))
        assert result.data.first.get_counts() == {"10": 20}
        assert result.data.second.get_counts() == {"100": 20}


def test_clbits_that_are_never_measured_are_zero():
    circuit = QuantumCircuit(2, 4)
    circuit.x(1)
    circuit.measure(1, 2)
    ((result,),) = results("aer", "sample", (circuit, None, 9))
    assert result.data.c.get_counts() == {"0100": 9}


def test_shots_of_one_circuit_belong_together_across_registers():
    circuit = QuantumCircuit(
        QuantumRegister(2), ClassicalRegister(1, "a"), ClassicalRegister(1, "b")
    )
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    ((result,),) = results("aer", "sample", circuit)
    assert np.array_equal(result.data.a.array, result.data.b.array)


def test_the_order_of_the_shots_is_random():
    ((result,),) = results("aer", "sample", bell())
    ones = result.data.meas.array[:, 0] == 3
    halves = ones[:512].mean(), ones[512:].mean()
    # Sorted shots would give 1 and 0; 0.12 is five standard errors of the difference.
    assert abs(halves[0] - halves[1]) < 0.16


SHAPES = [(), (1,), (3,), (2, 3), (2, 1, 2), (0,), (2, 0)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sampler_shapes_are_those_of_qiskit(shape):
    circuit = QuantumCircuit(2)
    angles = ParameterVector("a", 2)
    circuit.rx(angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.measure_all()
    pub = (circuit, np.full((*shape, 2), 0.4), 50)
    theirs = StatevectorSampler(seed=1).run([pub]).result()[0]
    ((ours,),) = results("aer", "sample", pub)
    assert ours.data.shape == theirs.data.shape == shape
    assert ours.data.meas.shape == theirs.data.meas.shape
    assert ours.data.meas.array.shape == theirs.data.meas.array.shape


BROADCASTS = [
    ("Z", ()),
    (["Z"], ()),
    (["Z", "X", "Y"], ()),
    ("Z", (4,)),
    (["Z", "X", "Y"], (3,)),
    ([["Z"], ["X"]], (3,)),
    (["Z", "X"], (3, 1)),
    ([["Z"], ["X"]], (2, 2, 3)),
    ("Z", (0,)),
]


@pytest.mark.parametrize(("observables", "shape"), BROADCASTS, ids=str)
def test_estimator_values_and_shapes_are_those_of_qiskit(observables, shape):
    circuit = QuantumCircuit(1)
    angles = ParameterVector("a", 2)
    circuit.rx(angles[0], 0)
    circuit.rz(angles[1], 0)
    values = np.random.default_rng(3).uniform(0, 3, (*shape, 2))
    pub = (circuit, observables, values)
    theirs = StatevectorEstimator().run([pub], precision=0.0).result()[0].data
    for name in ("aer", "basic_simulator"):
        ((ours,),) = results(name, "estimate", (*pub, 0))
        assert ours.data.evs.shape == ours.data.stds.shape == theirs.evs.shape
        assert ours.data.shape == theirs.shape
        np.testing.assert_allclose(ours.data.evs, theirs.evs, atol=1e-12)
        assert not ours.data.stds.any()
        ((sampled,),) = results(name, "estimate", (*pub, 0.05))
        assert sampled.data.evs.shape == theirs.evs.shape


def ansatz():
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.ry(0.4 + 0.7 * qubit, qubit)
    circuit.cx(0, 1)
    circuit.rz(0.9, 1)
    circuit.cx(1, 2)
    circuit.rx(1.1, 0)
    return circuit


HAMILTONIAN = SparsePauliOp.from_list(
    [("ZZI", 0.7), ("IZZ", -0.4), ("XIX", 1.3), ("IYI", 0.5), ("XXX", -0.2), ("III", 2)]
)


def test_sampled_estimates_agree_with_the_state_vector_within_five_sigma():
    exact = StatevectorEstimator().run([(ansatz(), HAMILTONIAN)], precision=0.0)
    truth = float(exact.result()[0].data.evs)
    pulls = []
    for seed in range(40):
        pub = (ansatz(), HAMILTONIAN, None, 0.05)
        ((result,),) = results("aer", "estimate", pub, seed=1000 + 977 * seed)
        pulls.append((float(result.data.evs) - truth) / float(result.data.stds))
    assert max(map(abs, pulls)) < 5
    # Honest errors: the pulls have unit spread. 40 draws of a normal distribution have
    # a standard deviation outside 0.65..1.4 once in 1e4.
    assert 0.65 < np.std(pulls) < 1.4


def test_standard_errors_know_that_terms_of_one_group_are_correlated():
    # ZI + IZ on a Bell state is ±2 with equal chance: spread 2, not √2.
    bare = bell().remove_final_measurements(inplace=False)
    ((result,),) = results("aer", "estimate", (bare, {"ZI": 1, "IZ": 1}, None, 0.01))
    assert float(result.data.stds) == pytest.approx(0.02, rel=1e-3)
    ((result,),) = results("aer", "estimate", (bare, {"ZI": 1, "IZ": -1}, None, 0.01))
    assert float(result.data.evs) == float(result.data.stds) == 0


def test_terms_that_commute_qubit_by_qubit_share_a_circuit():
    (pub,), _ = normalise("estimate", (ansatz(), HAMILTONIAN, None, 0.1))
    assert circuit_count("estimate", pub) == 3  # ZZ., XIX with XXX, Y
    (exact,), _ = normalise("estimate", (ansatz(), HAMILTONIAN, None, 0))
    assert circuit_count("estimate", exact) == 1


def test_projectors_are_observables_too():
    circuit = QuantumCircuit(2)
    circuit.ry(2 * np.arccos(np.sqrt(0.3)), 0)
    wanted = ["I0", "I1", "I+", "Ir", "00", {"I0": 2.0, "II": -1.0}]
    plus = 0.5 + np.sqrt(0.3 * 0.7)
    truth = np.array([0.3, 0.7, plus, 0.5, 0.3, -0.4])
    ((exact,),) = results("aer", "estimate", (circuit, wanted, None, 0))
    np.testing.assert_allclose(exact.data.evs, truth, atol=1e-12)
    ((sampled,),) = results("aer", "estimate", (circuit, wanted, None, 0.005))
    assert (abs(sampled.data.evs - truth) <= 5 * sampled.data.stds + 1e-12).all()


def test_exact_values_of_a_reset_qubit_are_exact():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.reset(0)
    for name in ("aer", "basic_simulator"):
        ((result,),) = results(name, "estimate", (circuit, ["ZI", "IZ"], None, 0))
        np.testing.assert_allclose(result.data.evs, [0, 1], atol=1e-12)


@pytest.mark.parametrize("name", ["fake_manila", "generic_5"])
def test_exact_values_with_noise_are_where_the_samples_lie(name):
    bare = bell().remove_final_measurements(inplace=False)
    wanted = ["ZZ", "XX", "YY", "ZI", {"XX": 0.5, "ZZ": 0.5, "II": 1}, "II"]
    ((exact,),) = results(name, "estimate", (bare, wanted, None, 0))
    ((sampled,),) = results(name, "estimate", (bare, wanted, None, 0.004))
    deviation = abs(exact.data.evs - sampled.data.evs)
    assert (deviation <= 5 * sampled.data.stds + 1e-12).all()
    assert not exact.data.stds.any()
    assert exact.data.evs[0] < 0.995  # the noise is there


def test_a_mid_circuit_measurement_does_not_shift_the_measured_bits():
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.x(1)
    circuit.x(0)
    ((result,),) = results("aer", "estimate", (circuit, ["ZI", "IZ"], None, 0.1))
    np.testing.assert_array_equal(result.data.evs, [-1, 1])


def test_different_shots_run_apart_and_keep_their_seeds():
    values = [(bell(), None, 100), (bell(), None, 200), (bell(), None, 100)]
    shares = members("sample", values)
    whole = counts_of(run("aer", "sample", shares))
    assert [sum(found["meas"].values()) for found in whole] == [100, 200, 100]
    assert whole == [counts_of(run("aer", "sample", [share]))[0] for share in shares]


def test_members_with_other_options_run_with_their_own():
    general = QuantumCircuit(1)
    general.t(0)
    general.measure_all()
    shares = [
        *members("sample", [general], options={"method": "statevector"}),
        *members("sample", [general], first=1, options={"method": "stabilizer"}),
    ]
    events = run("aer", "sample", shares)
    done = [event.unit for event in events if isinstance(event, MemberDone)]
    failed = [event.unit for event in events if isinstance(event, MemberFailed)]
    assert (done, failed) == ([0], [1])


def test_a_circuit_that_does_not_transpile_fails_alone_and_for_good():
    opaque = QuantumCircuit(1)
    from qiskit.circuit import Gate

    opaque.append(Gate("mystery", 1, []), [0])
    opaque.measure_all()
    events = run("fake_manila", "sample", members("sample", [bell(), opaque, bell()]))
    done = [event.unit for event in events if isinstance(event, MemberDone)]
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    assert (done, failed.unit, failed.fault) == ([0, 2], 1, "refused")
    assert isinstance(failed.error, CircuitRefused)
    assert "mystery" in failed.error.message


def test_a_circuit_that_fails_while_running_fails_alone():
    wide = QuantumCircuit(40)
    wide.rx(0.3, range(40))
    wide.measure_all()
    shares = members("sample", [bell(), wide, bell()])
    events = run("aer_statevector", "sample", shares)
    (failed,) = [event for event in events if isinstance(event, MemberFailed)]
    assert (failed.unit, failed.fault) == (1, "refused")
    assert isinstance(failed.error, TooMuchMemory)
    whole = counts_of(events)
    alone = [run("aer_statevector", "sample", [shares[i]]) for i in (0, 2)]
    assert whole == [counts_of(events)[0] for events in alone]


def test_an_option_value_the_backend_refuses_is_a_backend_failure():
    shares = members("sample", [bell()], options={"method": "crystal_ball"})
    (failed,) = [
        event
        for event in run("aer", "sample", shares)
        if isinstance(event, MemberFailed)
    ]
    assert isinstance(failed.error, BackendFailed)
    assert "crystal_ball" in failed.error.message


def test_a_circuit_with_a_layout_that_is_legal_runs_as_given():
    manila = REGISTRY.backend("fake_manila")
    ready = transpile(bell(), manila, initial_layout=[3, 4], optimization_level=1)
    ((result,),) = results("fake_manila", "sample", ready)
    about = result.metadata["qflow"]
    assert (about["given"], about["layout"]) == (True, [3, 4])
    assert about["tag"] == "t"
    assert about["calibrated"] == REGISTRY.facts("fake_manila").calibrated is not None
    ((result,),) = results("fake_manila", "sample", bell())
    assert result.metadata["qflow"]["given"] is False


def test_transpile_options_are_obeyed():
    shares = members("sample", [bell()], transpile={"initial_layout": [3, 4]})
    (done,) = [
        event
        for event in run("fake_manila", "sample", shares)
        if isinstance(event, MemberDone)
    ]
    assert done.results[0].metadata["qflow"]["layout"] == [3, 4]


def test_observables_follow_the_layout():
    circuit = QuantumCircuit(2)
    circuit.x(0)
    shares = members(
        "estimate",
        [(circuit, ["IZ", "ZI"], None, p) for p in (0, 0.05)],
        transpile={"initial_layout": [4, 1]},
    )
    events = run("fake_manila", "estimate", shares)
    for event in events:
        if isinstance(event, MemberDone):
            evs = event.results[0].data.evs
            assert evs[0] < -0.8 < 0.8 < evs[1]


def test_a_parameter_that_the_transpiler_removes_needs_no_value():
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rz(theta, 0)
    circuit.measure_all()
    shares = members("sample", [(circuit, [0.1, 0.2])], optimization_level=3)
    (done,) = [
        event
        for event in run("fake_manila", "sample", shares)
        if isinstance(event, MemberDone)
    ]
    assert done.results[0].data.meas.shape == (2,)


def test_the_same_circuit_is_transpiled_once(monkeypatch):
    adapter = RunAdapter(REGISTRY.backend("aer"))
    runs = []
    original = adapter.transpiler._transpile
    monkeypatch.setattr(
        adapter.transpiler,
        "_transpile",
        lambda *given: runs.append(1) or original(*given),
    )
    for _ in range(3):
        shares = members("sample", [bell(), bell()])
        request = JobRequest(1, "t", "sample", "aer", tuple(shares), 7)
        execute(request, adapter, lambda event: None)
    assert len(runs) == 1


def test_close_angles_are_different_circuits():
    circuits = []
    for angle in (0.1, np.nextafter(0.1, 1), 0.2):
        circuit = QuantumCircuit(1)
        circuit.rx(angle, 0)
        circuits.append(circuit)
    transpiler = RunAdapter(REGISTRY.backend("aer")).transpiler
    found = [
        transpiler.isa(circuit, Settings(0, 1)).circuit.data[0].params[0]
        for circuit in circuits
    ]
    assert found == [circuit.data[0].params[0] for circuit in circuits]
    assert len(set(found)) == 3


def test_wide_stabilizer_circuits_run():
    ghz = QuantumCircuit(200)
    ghz.h(0)
    for qubit in range(199):
        ghz.cx(qubit, qubit + 1)
    ghz.measure_all()
    for name in ("aer", "aer_stabilizer"):
        ((result,),) = results(name, "sample", (ghz, None, 50))
        assert set(result.data.meas.get_counts()) == {"0" * 200, "1" * 200}


def test_more_circuits_than_one_run_takes_are_cut_without_a_change():
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(theta, 0)
    circuit.measure_all()
    pub = (circuit, np.linspace(0, 3, 25), 100)
    ((whole,),) = results("aer", "sample", pub)
    adapter = RunAdapter(REGISTRY.backend("aer"))
    adapter.max_circuits = 7
    events = []
    request = JobRequest(1, "t", "sample", "aer", tuple(members("sample", [pub])), 7)
    execute(request, adapter, events.append)
    (done,) = [event for event in events if isinstance(event, MemberDone)]
    assert np.array_equal(done.results[0].data.meas.array, whole.data.meas.array)


@pytest.mark.parametrize("backend", ["aer", "aer_statevector", "aer_mps"])
@pytest.mark.parametrize("first", [True, False])
def test_initialize_is_exact_wherever_it_stands(backend, first):
    """cos(0.6)|00> + sin(0.6)|11> has <ZZ> = 1 and <ZI> = cos(1.2)."""
    circuit = QuantumCircuit(3)
    circuit.h(2)
    if not first:
        circuit.h(0)
        circuit.cx(0, 1)
    circuit.initialize([np.cos(0.6), 0, 0, np.sin(0.6)], [0, 1])
    value = (circuit, ["IZZ", "IZI", "XII"], None, 0)
    ((result,),) = results(backend, "estimate", value)
    np.testing.assert_allclose(result.data.evs, [1, np.cos(1.2), 1], atol=1e-9)


def test_initialize_is_exact_under_a_noise_model():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 0.1), ("I", 0.9)]), ["x"])
    circuit = QuantumCircuit(1)
    circuit.initialize([np.cos(0.6), np.sin(0.6)], 0)
    circuit.x(0)
    value = (circuit, "Z", None, 0)
    ((result,),) = results(AerSimulator(noise_model=model), "estimate", value)
    assert float(result.data.evs) == pytest.approx(-0.8 * np.cos(1.2))


def test_a_fresh_qubit_is_reset_without_chance():
    fresh, used = QuantumCircuit(2), QuantumCircuit(2)
    fresh.h(0)
    fresh.reset(1)
    used.h(0)
    used.reset(0)
    assert is_unitary(fresh)
    assert not is_unitary(used)


def test_delays_are_left_alone_where_the_target_has_no_durations():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 0.0), ("I", 1.0)]), ["sx"])
    model.add_all_qubit_quantum_error(pauli_error([("X", 0.2), ("I", 0.8)]), ["x"])
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(100, 0, "ns")
    ((result,),) = results(
        AerSimulator(noise_model=model), "estimate", (circuit, "Z", None, 0)
    )
    assert float(result.data.evs) == pytest.approx(-0.6)


def test_a_misspelt_transpile_option_is_told_with_the_nearest():
    shares = members("sample", [bell()], transpile={"routing_metod": "sabre"})
    failed = run("aer", "sample", shares)[1]
    assert isinstance(failed.error, UnknownBackendOption)
    assert failed.error.message == (
        "transpile= has no 'routing_metod'; did you mean 'routing_method'?; "
        "it takes the arguments of generate_preset_pass_manager"
    )


def test_pass_managers_are_bounded():
    transpiler = Transpiler(AerSimulator(), noisy=False, managers=3)
    for seed in range(5):
        transpiler.isa(bell(), Settings(0, seed))
    assert [key[1] for key in transpiler._managers] == [2, 3, 4]


def test_initialize_beside_a_busy_qubit_is_sampled_right_on_a_matrix_product_state():
    """Aer's own gives a state of norm 2 there."""
    circuit = QuantumCircuit(3)
    circuit.h(2)
    circuit.initialize([np.cos(0.6), 0, 0, np.sin(0.6)], [0, 1])
    circuit.measure_all()
    for name, options in (
        ("aer_mps", {}),
        ("aer", {"method": "matrix_product_state"}),
    ):
        shares = members("sample", [(circuit, None, 4000)], options=options)
        ((_, counts),) = counts_of(run(name, "sample", shares))[0].items()
        excited = counts.get("011", 0) + counts.get("111", 0)
        # Six standard errors of 4000 shots are 4.4 %.
        assert excited / 4000 == pytest.approx(np.sin(0.6) ** 2, abs=0.045)


def test_an_appended_measurement_is_sampled():
    part = QuantumCircuit(1, 1)
    part.x(0)
    part.measure(0, 0)
    circuit = QuantumCircuit(2, 1)
    circuit.append(part.to_instruction(), [1], [0])
    ((result,),) = results("aer", "sample", circuit)
    assert result.data.c.get_counts() == {"1": 1024}
