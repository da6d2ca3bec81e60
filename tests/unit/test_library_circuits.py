"""What ``qiskit.circuit.library`` has: stored, keyed, run and estimated."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, library
from qiskit.quantum_info import (
    Clifford,
    Operator,
    Pauli,
    SparsePauliOp,
    Statevector,
    random_clifford,
    random_unitary,
)
from qiskit.synthesis import SuzukiTrotter

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.codec import decode, encode
from quantumflow_lab.errors import NotStorable
from quantumflow_lab.fingerprint import fingerprint

# Of scipy, when Qiskit exponentiates an operator.
pytestmark = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")

ENERGY = SparsePauliOp(["ZZI", "IXX", "YIY"], [1.0, 0.5, 0.25])
AMPLITUDES = np.array([1, 1j, 0, 1]) / np.sqrt(3)


def on(gate: Instruction) -> QuantumCircuit:
    """The gate after a layer that makes what it does visible."""
    circuit = QuantumCircuit(gate.num_qubits)
    for qubit in range(gate.num_qubits):
        circuit.ry(0.3 + qubit, qubit)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


def bound(circuit: QuantumCircuit) -> QuantumCircuit:
    return circuit.assign_parameters(np.arange(circuit.num_parameters) / 7 + 0.1)


def prepared(gate: Instruction) -> QuantumCircuit:
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


def phase_oracle() -> QuantumCircuit:
    oracle = QuantumCircuit(2)
    oracle.cz(0, 1)
    return oracle


MAKERS: dict[str, Callable[[], QuantumCircuit]] = {
    "QFTGate": lambda: on(library.QFTGate(3)),
    "efficient_su2": lambda: bound(library.efficient_su2(3, reps=1)),
    "real_amplitudes": lambda: bound(library.real_amplitudes(3, reps=1)),
    "excitation_preserving": lambda: bound(library.excitation_preserving(3, reps=1)),
    "n_local": lambda: bound(library.n_local(3, "ry", "cz", reps=1)),
    "zz_feature_map": lambda: bound(library.zz_feature_map(3, reps=1)),
    "pauli_feature_map": lambda: bound(library.pauli_feature_map(3, reps=1)),
    "qaoa_ansatz": lambda: bound(library.qaoa_ansatz(ENERGY, reps=1)),
    "evolved_operator_ansatz": lambda: bound(library.evolved_operator_ansatz([ENERGY])),
    "quantum_volume": lambda: library.quantum_volume(3, 2, seed=1),
    "iqp": lambda: library.iqp([[6, 5], [5, 1]]),
    "grover_operator": lambda: library.grover_operator(phase_oracle()),
    "phase_estimation": lambda: library.phase_estimation(2, phase_oracle()),
    "hidden_linear_function": lambda: library.hidden_linear_function([[1, 1], [1, 0]]),
    "fourier_checking": lambda: library.fourier_checking([1, -1, 1, 1], [1, 1, -1, 1]),
    "unitary_overlap": lambda: library.unitary_overlap(phase_oracle(), phase_oracle()),
    "PauliEvolutionGate": lambda: on(library.PauliEvolutionGate(ENERGY, time=0.3)),
    "PauliEvolutionGate of second order": lambda: on(
        library.PauliEvolutionGate(ENERGY, 0.3, synthesis=SuzukiTrotter(2, reps=2))
    ),
    "HamiltonianGate": lambda: on(library.HamiltonianGate(ENERGY.to_matrix(), 0.4)),
    "UnitaryGate": lambda: on(library.UnitaryGate(random_unitary(4, seed=1))),
    "Initialize": lambda: prepared(library.Initialize(AMPLITUDES)),
    "StatePreparation": lambda: prepared(library.StatePreparation(AMPLITUDES)),
    "Isometry": lambda: on(library.Isometry(np.eye(4)[:, :2], 0, 0)),
    "MCXGate": lambda: on(library.MCXGate(3)),
    "C3XGate": lambda: on(library.C3XGate()),
    "MCPhaseGate": lambda: on(library.MCPhaseGate(0.3, 2)),
    "a controlled ansatz": lambda: on(
        bound(library.efficient_su2(2, reps=1)).to_gate().control(1)
    ),
    "an annotated gate": lambda: on(library.QFTGate(2).control(1, annotated=True)),
    "a Clifford": lambda: on(random_clifford(2, seed=1).to_instruction()),
    "DiagonalGate": lambda: on(library.DiagonalGate([1, -1, 1j, 1])),
    "PermutationGate": lambda: on(library.PermutationGate([2, 0, 1])),
    "LinearFunction": lambda: on(library.LinearFunction([[1, 1], [0, 1]])),
    "PauliGate": lambda: on(library.PauliGate("XY")),
    "PhaseOracleGate": lambda: on(library.PhaseOracleGate("a & ~b")),
    "UCRXGate": lambda: on(library.UCRXGate([0.1, 0.2])),
    "UCRYGate": lambda: on(library.UCRYGate([0.1, 0.2, 0.3, 0.4])),
    "GraphStateGate": lambda: on(library.GraphStateGate([[0, 1], [1, 0]])),
    "MSGate": lambda: on(library.MSGate(2, 0.3)),
    "RVGate": lambda: on(library.RVGate(0.1, 0.2, 0.3)),
    "XXPlusYYGate": lambda: on(library.XXPlusYYGate(0.1, 0.2)),
    "ECRGate": lambda: on(library.ECRGate()),
    "iSwapGate": lambda: on(library.iSwapGate()),
    "HalfAdderGate": lambda: on(library.HalfAdderGate(1)),
    "ModularAdderGate": lambda: on(library.ModularAdderGate(1)),
    "MultiplierGate": lambda: on(library.MultiplierGate(1)),
    "IntegerComparatorGate": lambda: on(library.IntegerComparatorGate(2, 2)),
    "LinearPauliRotationsGate": lambda: on(library.LinearPauliRotationsGate(2)),
    "PolynomialPauliRotationsGate": lambda: on(
        library.PolynomialPauliRotationsGate(2, [1, 2])
    ),
    "ExactReciprocalGate": lambda: on(library.ExactReciprocalGate(2, 0.5)),
    "BitwiseXorGate": lambda: on(library.BitwiseXorGate(2, 1)),
    "InnerProductGate": lambda: on(library.InnerProductGate(2)),
    "AndGate": lambda: on(library.AndGate(2)),
    "OrGate": lambda: on(library.OrGate(2)),
}

OLD_CLASSES: dict[str, Callable[[], QuantumCircuit]] = {
    "QFT": lambda: library.QFT(3),
    "EfficientSU2": lambda: bound(library.EfficientSU2(3, reps=1)),
    "TwoLocal": lambda: bound(library.TwoLocal(3, "ry", "cz", reps=1)),
    "QuantumVolume": lambda: library.QuantumVolume(3, 2, seed=1),
    "QAOAAnsatz": lambda: bound(library.QAOAAnsatz(ENERGY, reps=1)),
    "GroverOperator": lambda: library.GroverOperator(phase_oracle()),
    "ZZFeatureMap": lambda: bound(library.ZZFeatureMap(3, reps=1)),
}
"""Still taught everywhere, and deprecated in Qiskit."""


def made() -> dict[str, QuantumCircuit]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        makers = {**MAKERS, **OLD_CLASSES}
        return {name: maker() for name, maker in makers.items()}


@pytest.fixture(scope="module")
def circuits() -> dict[str, QuantumCircuit]:
    return made()


@pytest.mark.parametrize("name", [*MAKERS, *OLD_CLASSES])
def test_a_stored_circuit_reads_back_and_does_the_same(
    name: str, circuits: dict[str, QuantumCircuit]
) -> None:
    circuit = circuits[name]
    encoded = encode(circuit)
    found = decode(encoded.media, encoded.data)
    assert isinstance(found, QuantumCircuit)
    if name == "Initialize":
        assert found == circuit
    else:
        assert Operator(found) == Operator(circuit)
    assert encode(found).data  # and can be stored again


def test_a_circuit_built_again_has_the_same_fingerprint(
    circuits: dict[str, QuantumCircuit],
) -> None:
    again = made()
    differs = {n for n in again if fingerprint(again[n]) != fingerprint(circuits[n])}
    # Gates of theirs are named after a counter of Qiskit's.
    assert differs <= {"a controlled ansatz", "phase_estimation"}


def test_a_gate_that_qpy_cannot_rebuild_is_stored_inside_others_too() -> None:
    inner = QuantumCircuit(3, name="inner")
    inner.append(library.AndGate(2), [0, 1, 2])
    circuit = QuantumCircuit(4, 1)
    circuit.append(inner.to_gate(label="both"), [0, 1, 2])
    circuit.append(library.MSGate(2, 0.5).control(1), [0, 1, 3])
    expected = Operator(circuit)
    encoded = encode(circuit)
    found = decode(encoded.media, encoded.data)
    assert isinstance(found, QuantumCircuit)
    assert Operator(found) == expected
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.append(library.OrGate(2), [0, 1, 2])
    encoded = encode(circuit)
    found = decode(encoded.media, encoded.data)
    assert isinstance(found, QuantumCircuit)
    assert found.data[2].operation.blocks[0].data[0].operation.name == "or"


def test_what_neither_reads_back_nor_has_a_definition_is_not_stored() -> None:
    circuit = QuantumCircuit(5)
    circuit.append(library.WeightedSumGate(2, [1, 1]), range(4))
    with pytest.raises(NotStorable, match="QPY cannot rebuild 'WeightedSum'"):
        encode(circuit)


EXACT = """
@qf.estimate(precision=0)
def values():
    return {name: (each, "Z" * each.num_qubits) for name, each in given.items()}
"""
SAMPLED = """
@qf.sample
def counts():
    return {name: each.measure_all(inplace=False) for name, each in given.items()}
"""


def test_exact_estimates_on_aer_are_those_of_the_state_vector(
    lab: Lab, circuits: dict[str, QuantumCircuit]
) -> None:
    found = lab.run(EXACT, name="exact", inputs={"given": circuits})["values"]
    for name, circuit in circuits.items():
        observable = Pauli("Z" * circuit.num_qubits)
        if name == "Initialize":
            state = Statevector(AMPLITUDES)
        else:
            state = Statevector(circuit)
        expected = state.expectation_value(observable).real
        assert float(found[name].data.evs) == pytest.approx(expected, abs=1e-6), name


def test_counts_on_aer_follow_the_state_vector(
    lab: Lab, circuits: dict[str, QuantumCircuit]
) -> None:
    shots = 4000
    given = {name: each for name, each in circuits.items() if name != "Initialize"}
    run = lab.run(SAMPLED, name="sampled", inputs={"given": given}, shots=shots, seed=5)
    for name, circuit in given.items():
        probabilities = Statevector(circuit).probabilities()
        drawn = run["counts"][name].data.meas.get_int_counts()
        seen = np.array([drawn.get(i, 0) for i in range(len(probabilities))]) / shots
        # Six standard deviations for each outcome, and none that cannot be.
        bound = 6 * np.sqrt(probabilities * (1 - probabilities) / shots) + 1e-3
        assert np.all(np.abs(seen - probabilities) <= bound), name


def test_a_fake_device_takes_them_all(
    lab: Lab, circuits: dict[str, QuantumCircuit]
) -> None:
    given = {name: each for name, each in circuits.items() if each.num_qubits <= 5}
    options = {"backend": "fake_manila", "inputs": {"given": given}, "seed": 5}
    found = lab.run(SAMPLED, name="device", shots=100, **options)["counts"]
    assert {name: each.data.meas.num_shots for name, each in found.items()} == (
        dict.fromkeys(given, 100)
    )
    values = lab.run(EXACT, name="device_exact", **options)["values"]
    assert all(abs(float(each.data.evs)) <= 1 for each in values.values())


def test_a_state_that_a_step_returns_survives_a_restart(
    home: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restarted")
    first = Lab(folder)
    cell = """
    from qiskit.quantum_info import Operator, Statevector

    @qf.step
    def state():
        return Statevector.from_label("+r")

    @qf.step
    def swap():
        return Operator([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    """
    first.run(cell.replace("\n    ", "\n"), name="kept")
    first.close()
    second = Lab(folder)
    run = second.load("kept")
    assert run["state"] == Statevector.from_label("+r")
    assert run["swap"].input_dims() == (2, 2)
    second.close()


def test_a_clifford_stands_in_a_circuit_as_it_is(lab: Lab) -> None:
    second, flip = QuantumCircuit(2), QuantumCircuit(2)
    second.x(1)
    flip.append(Clifford(second), [0, 1])
    flip.measure_all()
    run = lab.run(
        "@qf.sample(shots=9)\ndef counts():\n    return flip\n",
        name="clifford",
        inputs={"flip": flip},
    )
    assert run["counts"].data.meas.get_counts() == {"10": 9}


def test_library_and_text_meet_in_one_circuit(lab: Lab) -> None:
    text = qf.read_circuit(
        'OPENQASM 3.0; include "stdgates.inc"; qubit[3] q; h q[0]; cx q[0], q[1];'
    )
    text.append(library.QFTGate(3), range(3))
    found = lab.run(EXACT, name="mixed", inputs={"given": {"mixed": text}})["values"]
    expected = Statevector(text).expectation_value(Pauli("ZZZ")).real
    assert float(found["mixed"].data.evs) == pytest.approx(expected, abs=1e-9)
