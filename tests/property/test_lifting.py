"""Coalesced sweeps, against the loop that builds, transpiles and runs each point."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from quantumflow_lab.backends import Registry, circuit_count
from quantumflow_lab.backends.adapter import SEED_STEP, RunAdapter
from quantumflow_lab.backends.arrays import ARRAY_GATES
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.isa import Settings, Transpiler, frozen_target
from quantumflow_lab.backends.lift import Templates
from quantumflow_lab.ports import JobRequest, Member, MemberDone, MemberFailed

GATES = get_standard_gate_name_mapping()
TURNS = sorted(name for name, gate in GATES.items() if gate.params and name != "delay")
TURNS.remove("global_phase")
FIXED = "h x s t sx cx cz swap ecr iswap".split()
SPECIAL = (0.0, np.pi / 2, np.pi, -np.pi / 2, 2 * np.pi, np.pi / 4)
SHOTS, SEED = 200, 41


def skeleton(rng, width, length, names=TURNS):
    """Gates with their qubits: the circuit without its numbers."""
    found = []
    for _ in range(length):
        name = str(rng.choice(names if rng.random() < 0.5 else FIXED))
        size = GATES[name].num_qubits
        if size <= width:
            found.append((name, rng.choice(width, size, replace=False).tolist()))
    return found


def filled(rng, gates, width, special=False):
    """A skeleton with numbers, measured."""
    circuit = QuantumCircuit(width)
    for name, qubits in gates:
        count = len(GATES[name].params)
        values = rng.choice(SPECIAL, count) if special else rng.uniform(-4, 4, count)
        gate = GATES[name].base_class(*map(float, values))
        circuit.append(gate, qubits)
    circuit.measure_all()
    return circuit


def sweep(seed, *, points=8, names=TURNS):
    """Circuits of one or two skeletons, half of their numbers special."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 5))
    kinds = [skeleton(rng, width, int(rng.integers(1, 14)), names) for _ in "ab"]
    return [filled(rng, kinds[i // 5], width, i % 2 == 0) for i in range(points)]


def coalesced(
    registry, name, kind, values, *, level=1, options=None, precision=None, threads=None
):
    """Results of all values in one job."""
    members, index = [], 0
    for unit, value in enumerate(values):
        pubs, _ = registry.normalise(
            kind, value, backend=name, shots=SHOTS, precision=precision
        )
        members.append(Member(unit, 1, pubs, index, level, {}, options or {}))
        index += sum(circuit_count(kind, pub) for pub in pubs)
    events = []
    request = JobRequest(1, "t", kind, name, tuple(members), SEED)
    adapter = RunAdapter(registry.backend(name))
    execute(request, adapter, events.append, threads=threads)
    failures = [event.error for event in events if isinstance(event, MemberFailed)]
    assert failures == []
    return [event.results[0] for event in events if isinstance(event, MemberDone)]


def counts_of(results):
    return [result.join_data().get_counts() for result in results]


def loop(backend, circuits, *, level=1, **options):
    """Counts of each circuit transpiled and run by itself, by the same seed rule."""
    manager = generate_preset_pass_manager(
        level, target=frozen_target(backend), seed_transpiler=SEED
    )
    found = []
    for number, circuit in enumerate(circuits):
        seed = SEED + SEED_STEP * number
        job = backend.run(
            manager.run(circuit), shots=SHOTS, seed_simulator=seed, **options
        )
        found.append(job.result().get_counts())
    return found


def differing_shots(one, other):
    """Share of shots with another outcome.

    A run of one-qubit gates may have two forms of one length. Noise meets them at
    different places, so that single shots fall out otherwise.
    """
    pairs = zip(one, other, strict=True)
    moved = sum(sum((Counter(a) - Counter(b)).values()) for a, b in pairs)
    return moved / (SHOTS * len(one))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "sweeps"),
    [("aer", 30), ("aer_mps", 8), ("basic_simulator", 8), ("fake_manila", 5)],
)
def test_one_job_counts_as_the_loop_does(name, sweeps, level):
    registry = Registry()
    for seed in range(sweeps):
        circuits = sweep(100 * level + seed)
        together = counts_of(coalesced(registry, name, "sample", circuits, level=level))
        assert together == loop(registry.backend(name), circuits, level=level), seed


def test_so_it_does_when_threads_share_the_rows_of_an_array():
    registry = Registry()
    rng = np.random.default_rng(3)
    kind = skeleton(rng, 3, 10, sorted(ARRAY_GATES - {"u1", "u2", "u3"}))
    circuits = [filled(rng, kind, 3) for _ in range(80)]
    together = coalesced(registry, "aer", "sample", circuits, threads=4)
    assert counts_of(together) == loop(registry.backend("aer"), circuits)


@pytest.mark.parametrize("level", [0, 1])
def test_so_it_does_with_a_noise_model_that_the_step_brings(level):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 1), ["sx", "x"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    registry = Registry()
    registry.add("noisy", AerSimulator(noise_model=model))
    for seed in range(8):
        circuits = sweep(seed)
        expected = loop(registry.backend("noisy"), circuits, level=level)
        noisy = coalesced(registry, "noisy", "sample", circuits, level=level)
        assert differing_shots(counts_of(noisy), expected) < 0.01
    options = {"noise_model": model}
    circuits = sweep(9)
    given = coalesced(registry, "aer", "sample", circuits, level=level, options=options)
    plain = loop(registry.backend("aer"), circuits, level=level, noise_model=model)
    assert differing_shots(counts_of(given), plain) < 0.01


def noisy_turns():
    """A simulator whose noise makes it take other gates than an IBM device."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.001, 1), ["rx", "h", "rz"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["rzz"])
    return AerSimulator(noise_model=model)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("name", ["fake_manila", "turns"])
def test_under_noise_no_circuit_has_gates_that_the_loop_would_not_have(name, level):
    registry = Registry()
    registry.add("turns", noisy_turns())
    backend = registry.backend(name)
    transpiler = Transpiler(backend, noisy=True)
    settings = Settings(level, SEED)
    manager = generate_preset_pass_manager(
        level, target=frozen_target(backend), seed_transpiler=SEED
    )
    for seed in range(6):
        for circuit in sweep(seed):
            template, values = Templates().lift(circuit)
            if not values:
                continue
            isa = transpiler.isa(template, settings)
            kept = {parameter.index for parameter in isa.circuit.parameters}
            numbers = [value for i, value in enumerate(values) if i in kept]
            bound = isa.circuit.assign_parameters(numbers) if kept else isa.circuit
            done = transpiler.finished(isa, bound, settings).circuit
            assert done.size() <= manager.run(circuit).size()


@pytest.mark.parametrize("name", ["aer", "fake_manila"])
def test_estimates_do_not_depend_on_who_shares_the_job(name):
    registry = Registry()
    for seed in range(4):
        circuits = [c.remove_final_measurements(inplace=False) for c in sweep(seed)]
        width = circuits[0].num_qubits
        observable = SparsePauliOp.from_sparse_list(
            [("Z", [0], 0.5), ("X", [width - 1], 0.3)], num_qubits=width
        )
        values = [(circuit, observable) for circuit in circuits]
        together = coalesced(registry, name, "estimate", values, precision=0)
        alone = [
            coalesced(registry, name, "estimate", [value], precision=0)[0]
            for value in values
        ]
        assert np.allclose(
            [float(one.data.evs) for one in together],
            [float(one.data.evs) for one in alone],
            atol=1e-9,
        )


def test_a_template_with_its_numbers_is_the_circuit_again():
    rng = np.random.default_rng(5)
    for _ in range(100):
        circuit = filled(rng, skeleton(rng, 3, 10), 3)
        circuit.remove_final_measurements()
        template, values = Templates().lift(circuit)
        again = template.assign_parameters(values) if values else template
        assert Operator(again) == Operator(circuit)
        numbers = [p for item in template.data for p in item.params]
        assert not any(isinstance(number, float) for number in numbers)


def one_gate(change):
    """A circuit of every kind of instruction, one of them changed."""
    circuit = QuantumCircuit(2, 2)
    circuit.rx(0.1, 0)
    circuit.cx(*((1, 0) if change == "qubits" else (0, 1)))
    circuit.delay(200 if change == "delay" else 100, 0)
    circuit.ry(0.2, 1)
    if change == "label":
        circuit.data[-1] = circuit.data[-1].replace(
            operation=circuit.data[-1].operation.to_mutable()
        )
        circuit.data[-1].operation.label = "slow"
        gate = circuit.data[-1].operation
        gate.label = "slow"
        circuit.data[-1] = circuit.data[-1].replace(operation=gate)
    if change == "phase":
        circuit.global_phase = 0.3
    if change == "unitary":
        circuit.unitary([[0, 1], [1, 0]], 0)
    if change == "other unitary":
        circuit.unitary([[1, 0], [0, 1]], 0)
    circuit.measure(0, 1 if change == "clbit" else 0)
    return circuit


def test_only_numbers_make_no_difference():
    templates = Templates()
    changes = ("", "qubits", "delay", "label", "phase", "unitary", "other unitary")
    found = [templates.lift(one_gate(change))[0] for change in (*changes, "clbit")]
    assert len({id(template) for template in found}) == len(changes) + 1
    assert templates.lift(one_gate(""))[0] is found[0]


def test_what_only_bears_the_name_of_a_reset_is_none():
    inner = QuantumCircuit(1, name="reset")
    inner.x(0)
    named, plain = QuantumCircuit(1), QuantumCircuit(1)
    named.append(inner.to_instruction(), [0])
    plain.reset(0)
    templates = Templates()
    assert templates.lift(named)[0] is not templates.lift(plain)[0]


def test_what_a_schedule_or_a_branch_depends_on_stays_as_it_is():
    branch = QuantumCircuit(1, 1)
    with branch.if_test((branch.clbits[0], 1)):
        branch.rx(0.1, 0)
    assert Templates().lift(branch) == (branch, [])
    idle = QuantumCircuit(1)
    idle.delay(100, 0)
    assert Templates().lift(idle)[1] == []


def test_a_parameter_of_the_user_stays_a_parameter():
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(2 * theta, 0)
    circuit.rz(0.5, 0)
    template, values = Templates().lift(circuit)
    assert [p.name for p in template.parameters] == ["qflow[0]", "theta"]
    assert values == [0.5]


@pytest.mark.parametrize("gate", sorted(ARRAY_GATES))
@pytest.mark.parametrize(
    "method", ["automatic", "statevector", "density_matrix", "matrix_product_state"]
)
def test_aer_reads_arrays_of_these_gates_as_it_reads_bound_ones(gate, method):
    rng = np.random.default_rng(3)
    base = GATES[gate]
    parameters = [Parameter(f"p{i}") for i in range(len(base.params))]
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.append(base.base_class(*parameters), range(base.num_qubits))
    circuit.append(
        base.base_class(*[2 * p for p in parameters]), range(base.num_qubits)
    )
    circuit.sx([0, 1])
    circuit.t(0)
    circuit.h([0, 1])
    circuit.measure_all()
    values = rng.uniform(-4, 4, (5, len(parameters)))
    simulator = AerSimulator(method=method)
    manager = generate_preset_pass_manager(1, target=frozen_target(simulator))
    isa = manager.run(circuit)
    isa.global_phase = 0
    pairs = [dict(zip(parameters, row, strict=True)) for row in values.tolist()]
    bound = [isa.assign_parameters(pair) for pair in pairs]
    columns = [{p: values[:, i].tolist() for i, p in enumerate(parameters)}]
    one = simulator.run(bound, shots=300, seed_simulator=11).result()
    other = simulator.run(
        isa,
        parameter_binds=columns,
        shots=300,
        seed_simulator=11,
        runtime_parameter_bind_enable=True,
    ).result()
    assert other.get_counts() == one.get_counts()


def test_many_templates_are_forgotten_in_the_order_of_their_use():
    templates = Templates(capacity=2)
    circuits = [QuantumCircuit(width) for width in (1, 2, 3)]
    first = templates.lift(circuits[0])[0]
    templates.lift(circuits[1])
    assert templates.lift(circuits[0])[0] is first
    templates.lift(circuits[2])
    assert templates.lift(circuits[0])[0] is first
    assert len(templates._known) == 2


def test_settings_with_other_options_have_another_key():
    assert Settings(1, 2, {"routing_method": "sabre"}).key() != Settings(1, 2).key()
