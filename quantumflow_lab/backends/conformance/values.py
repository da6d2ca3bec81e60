"""Checks of sweeps and expectation values."""

from __future__ import annotations

import math

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp, Statevector

from quantumflow_lab.backends.conformance.bench import Bench
from quantumflow_lab.backends.conformance.bounds import Tally
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    check,
    failed,
    passed,
    skipped,
)
from quantumflow_lab.backends.conformance.outcomes import BINOMIAL
from quantumflow_lab.backends.pubs import shots_of

EXACT = 1e-9
"""Distance of an exact expectation value from the statevector's, at most."""


@check(
    "Do the values of a sweep go to the right points?",
    why="A sweep is one PUB with an array of values; a transposed one looks alike.",
    decided=BINOMIAL,
    remedy="bind parameters by name; keep the order of the list given to run()",
)
def broadcast(bench: Bench) -> Answer:
    """RX by 0 or π in an array of shape (2, 3), two parameters."""
    circuit = QuantumCircuit(1, 1)
    # Out of the order of the alphabet, in which Qiskit sorts them.
    circuit.rx(Parameter("second"), 0)
    circuit.rx(Parameter("first"), 0)
    circuit.measure(0, 0)
    flips = np.array([[0, 1, 1], [0, 0, 1]])
    values = np.stack([flips * math.pi, np.zeros((2, 3))], axis=-1)
    (result,) = bench.sample([(circuit, values)])
    bits = result.data.c
    if bits.shape != (2, 3):
        return failed(f"values of shape (2, 3) gave a result of shape {bits.shape}")
    tally = Tally()
    for place in np.ndindex(2, 3):
        bound = circuit.assign_parameters(values[place])
        hits = bits[place].get_int_counts().get(1, 0)
        expected = float(flips[place])
        allowed = bench.allowance(bound)
        tally.expect(f"point {place}", hits, bits.num_shots, expected, allowed)
    return tally.answer("an array of shape (2, 3) came back point by point")


@check(
    "Are X, Y and Z of known states right, on qubits that are not the first?",
    why="A wrong basis change or layout gives a wrong sign, and a wrong energy.",
    decided=BINOMIAL,
    remedy="compare S and S† and the qubits of the layout",
)
def paulis(bench: Bench) -> Answer:
    """Eigenstates of X, Y and Z, and a Bell pair, placed crosswise."""
    width = min(bench.width, 2)
    last = bench.width - 1
    places = bench.places(*((0,) if width == 1 else (last, 0)))
    # As many shots as the precision asks for, of which each is +1 or -1.
    precision = bench.shots**-0.5
    shots = shots_of(precision)
    tally = Tally()
    states = _states(width)
    results = bench.estimate(
        [(circuit, list(wanted)) for _, circuit, wanted in states],
        precision=precision,
        transpile=places,
    )
    for (name, circuit, wanted), result in zip(states, results, strict=True):
        measured = circuit.copy()
        measured.measure_all()
        allowed = bench.allowance(measured, places)
        for (label, expected), value in zip(
            wanted.items(), np.ravel(result.data.evs), strict=True
        ):
            hits = round(shots * (1 + float(value)) / 2)
            hits = min(max(hits, 0), shots)
            share = (1 + expected) / 2
            tally.expect(f"+1 of {label} of {name}", hits, shots, share, allowed)
    return tally.answer(f"{len(tally.comparisons)} expectation values of known states")


@check(
    "Is precision=0 the expectation value of the statevector?",
    why="Optimisers take exact values at their word.",
    decided="within 1e-9; with noise, within the reported errors and twice the same",
    remedy="do not claim exact values",
)
def exact(bench: Bench) -> Answer:
    """A circuit of up to three qubits against ``qiskit.quantum_info``."""
    if not bench.facts.exact:
        return skipped("it claims none: precision=0 is refused by name")
    circuit = _mixed(min(bench.width, 3))
    labels = ["Z", "X", "Y"]
    if circuit.num_qubits > 1:
        labels = [left + right for left, right in ("ZZ", "XY", "YI", "IX")]
        labels = [label.rjust(circuit.num_qubits, "Z") for label in labels]
    state = Statevector(circuit)
    wanted = np.array([state.expectation_value(SparsePauliOp(o)).real for o in labels])
    results = bench.estimate([(circuit, labels)] * 2, precision=0)
    found, again = (np.asarray(result.data.evs) for result in results)
    error = float(np.abs(found - wanted).max())
    bound = EXACT
    if bench.facts.noisy:
        measured = circuit.copy()
        measured.measure_all()
        bound = 2 * bench.allowance(measured)
        if float(np.abs(found - again).max()) > EXACT:
            return failed("the same exact value asked for twice differs")
    if error > bound:
        return failed(f"off by {error:.3g}, allowed {bound:.3g}", error=error)
    return passed(f"{len(labels)} values, off by {error:.1e} at most", error=error)


def _states(width: int) -> list[tuple[str, QuantumCircuit, dict[str, float]]]:
    """States, and their expectation values by label (the last letter is qubit 0)."""
    turned, phased, minus = (QuantumCircuit(width) for _ in range(3))
    turned.rx(-math.pi / 2, 0)
    phased.h(0)
    phased.s(0)
    minus.x(0)
    minus.h(0)
    one = {"X": 0.0, "Y": 1.0, "Z": 0.0}
    if width == 1:
        return [
            ("RX(-π/2)|0>", turned, one),
            ("S H|0>", phased, one),
            ("H X|0>", minus, {"X": -1.0, "Y": 0.0}),
        ]
    for circuit in (turned, phased, minus):
        circuit.x(1)
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    two = {"IX": 0.0, "IY": 1.0, "IZ": 0.0, "ZI": -1.0, "ZY": -1.0}
    return [
        ("X RX(-π/2)|00>", turned, two),
        ("X S H|00>", phased, two),
        ("X H X|00>", minus, {"IX": -1.0, "ZX": 1.0, "IY": 0.0}),
        ("a Bell pair", bell, {"ZZ": 1.0, "XX": 1.0, "YY": -1.0, "ZI": 0.0}),
    ]


def _mixed(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.ry(0.4 + 0.7 * qubit, qubit)
        circuit.rz(0.3 - 0.5 * qubit, qubit)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.rx(0.9, 0)
    return circuit
