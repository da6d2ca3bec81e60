"""Noise models cut to the qubits in use, against the whole models."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    pauli_error,
    thermal_relaxation_error,
)

from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.isa import without_idle_delays
from quantumflow_lab.backends.noise import Cuts, cut, noisy_qubits, readout_errors

REGISTRY = Registry()
WIDE = ("fake_manila", "fake_casablanca", "generic_16", "fake_guadalupe")
SHOTS = 300


@cache
def device(name):
    """A device, and the noise model with which it runs."""
    backend = REGISTRY.backend(name)
    return backend, RunAdapter(backend)._noise_model({})


def random_circuit(rng, *, dynamic):
    """On three qubits: gates, delays, resets, measurements, and perhaps branches."""
    qubits, bits = QuantumRegister(3), ClassicalRegister(3, "c")
    circuit = QuantumCircuit(qubits, bits)
    for _ in range(12):
        one, other = rng.permutation(3)[:2].tolist()
        match rng.integers(9 if dynamic else 7):
            case 0 | 1:
                circuit.ry(rng.uniform(-3, 3), one)
            case 2 | 3:
                circuit.cx(one, other)
            case 4:
                circuit.delay(int(rng.integers(1, 40)) * 160, one)
            case 5:
                circuit.reset(one)
            case 6:
                circuit.measure(one, one)
            case 7:
                circuit.measure(one, one)
                with circuit.if_test((bits[one], 1)) as otherwise:
                    circuit.x(other)
                with otherwise:
                    circuit.sx(other)
            case 8:
                with circuit.while_loop((bits[one], 1)):
                    circuit.sx(one)
                    circuit.measure(one, one)
    circuit.measure(qubits, bits)
    return circuit


def placed(rng, backend, circuit, *, scheduled):
    """The circuit on some physical qubits of the device."""
    options = {"scheduling_method": "alap"} if scheduled else {}
    manager = generate_preset_pass_manager(
        1,
        target=backend.target,
        seed_transpiler=int(rng.integers(1000)),
        initial_layout=rng.permutation(backend.num_qubits)[:3].tolist(),
        **options,
    )
    done = manager.run(circuit)
    return without_idle_delays(done) if scheduled else done


def counts(backend, circuits, model, seed=5, **options):
    job = backend.run(
        circuits, shots=SHOTS, seed_simulator=seed, noise_model=model, **options
    )
    return job.result().get_counts()


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("kind", ["gates", "scheduled", "dynamic"])
def test_a_cut_model_gives_the_counts_of_the_whole_one(name, kind):
    backend, model = device(name)
    rng = np.random.default_rng([WIDE.index(name), len(kind)])
    for _ in range(3):
        if kind == "dynamic":
            circuit = on_qubits(rng, backend.num_qubits, dynamic=True)
        else:
            circuit = random_circuit(rng, dynamic=False)
            circuit = placed(rng, backend, circuit, scheduled=kind == "scheduled")
        part = cut(model, noisy_qubits([circuit]))
        assert len(part.noise_qubits) < 16
        assert counts(backend, circuit, part) == counts(backend, circuit, model)


def on_qubits(rng, width, *, dynamic):
    """A random circuit on three neighbours of a wide register, in basis gates."""
    first = int(rng.integers(width - 2))
    inner = random_circuit(rng, dynamic=dynamic)
    wide = QuantumCircuit(QuantumRegister(width), *inner.cregs)
    wide.compose(inner, range(first, first + 3), inner.clbits, inplace=True)
    manager = generate_preset_pass_manager(
        0, basis_gates=["rz", "sx", "x", "cx", "if_else", "while_loop", "reset"]
    )
    return manager.run(wide)


def mixed_model():
    """Every sort of error, on qubits 0 to 5."""
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx", "slow"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 1), ["x"])
    model.add_all_qubit_readout_error([[0.97, 0.03], [0.05, 0.95]])
    for qubit in range(6):
        rate = 0.01 * (qubit + 1)
        model.add_quantum_error(amplitude_damping_error(rate), ["sx"], [qubit])
        model.add_quantum_error(
            pauli_error([("X", rate), ("I", 1 - rate)]), "reset", [qubit]
        )
        model.add_quantum_error(
            thermal_relaxation_error(50, 60, 10 * rate), "delay", [qubit]
        )
        model.add_quantum_error(
            pauli_error([("X", rate), ("I", 1 - rate)]), "measure", [qubit]
        )
        model.add_quantum_error(
            depolarizing_error(rate, 2), "cx", [qubit, (qubit + 1) % 6]
        )
        model.add_quantum_error(depolarizing_error(rate, 1), "slow", [qubit])
    return model


def test_every_sort_of_error_is_kept_where_it_acts():
    rng = np.random.default_rng(8)
    simulator, model = AerSimulator(), mixed_model()
    for dynamic in (False, True, True):
        circuit = on_qubits(rng, 6, dynamic=dynamic)
        part = cut(model, noisy_qubits([circuit]))
        whole = counts(simulator, circuit, model)
        assert counts(simulator, circuit, part) == whole


def test_an_error_at_a_label_is_kept():
    slow = QuantumCircuit(6, 1)
    slow.sx(2)
    slow.x(2, label="slow")
    slow.measure(2, 0)
    model, simulator = mixed_model(), AerSimulator()
    part = cut(model, noisy_qubits([slow]))
    assert "slow" in part.noise_instructions
    assert counts(simulator, slow, part) == counts(simulator, slow, model)


def test_one_qubit_too_few_is_noticed():
    rng = np.random.default_rng(2)
    simulator, model = AerSimulator(), mixed_model()
    circuit = on_qubits(rng, 6, dynamic=False)
    qubits = noisy_qubits([circuit])
    whole = counts(simulator, circuit, model)
    for qubit in qubits:
        assert counts(simulator, circuit, cut(model, qubits - {qubit})) != whole


def test_expectation_values_under_noise_are_those_of_the_whole_model():
    backend, model = device("generic_16")
    circuit = QuantumCircuit(16)
    circuit.sx([3, 4])
    circuit.cx(*next(iter(backend.target["cx"])))
    circuit.save_probabilities([3, 4], label="p")
    part = cut(model, noisy_qubits([circuit]))
    found = [
        AerSimulator(method="density_matrix", noise_model=each)
        .run(circuit)
        .result()
        .data()["p"]
        for each in (model, part)
    ]
    assert np.allclose(*found, atol=1e-12)


def test_all_instructions_count_but_barriers():
    circuit = QuantumCircuit(6, 2)
    circuit.barrier(range(6))
    circuit.delay(100, 1)
    circuit.reset(2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(4)
    assert noisy_qubits([circuit]) == {1, 2, 4}


def test_the_model_itself_stays_whole():
    model = mixed_model()
    before = model.to_dict(serializable=True)
    cut(model, frozenset({0}))
    assert model.to_dict(serializable=True) == before


def test_a_cut_is_made_once_for_the_same_qubits():
    cuts, model = Cuts(capacity=1), mixed_model()
    one, other = QuantumCircuit(2), QuantumCircuit(2)
    one.x(0)
    other.x(1)
    first = cuts.of(model, [one])
    assert cuts.of(model, [one]) is first
    cuts.of(model, [other])
    assert cuts.of(model, [one]) is not first


def test_readout_errors_are_found_by_qubit():
    model = NoiseModel()
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [3])
    model.add_readout_error(ReadoutError(np.eye(4)), [0, 1])
    assert {q: e.tolist() for q, e in readout_errors(model).items()} == {
        3: [[0.9, 0.1], [0.2, 0.8]]
    }
