"""How far noise may move a probability, from the errors a device reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction
    from qiskit.transpiler import Target

MOST = 0.4
"""Beyond this a device says nothing, and a check of it would not either."""

FACTOR = 2.0
"""A reported error is an average over states; on one state it may be twice that."""

FLOOR = 0.01
"""What idling and drift add to the errors of the gates."""

UNREPORTED = {"measure": 0.03, 1: 0.001, 2: 0.02}
"""Errors of what a noisy device reports nothing of: readout, one qubit, two or more."""

FREE = {"barrier", "delay", "id", "rz", "global_phase"}
"""Needs no pulse, or is covered by :data:`FLOOR`."""


def allowance(circuit: QuantumCircuit, target: Target) -> float:
    """Most change of the probability of any outcome, 0 to 0.4.

    Parameters
    ----------
    circuit
        ISA circuit.
    target
        The target with its reported errors.
    """
    total = sum(_error(circuit, item, target) for item in circuit.data)
    return min(MOST, FLOOR + FACTOR * total)


def _error(circuit: QuantumCircuit, item: CircuitInstruction, target: Target) -> float:
    name = item.operation.name
    inner = [
        _error(block, part, target)
        for block in getattr(item.operation, "blocks", ())
        for part in block.data
    ]
    if inner:
        return sum(inner)
    qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
    known = target[name].get(qubits) if name in target.operation_names else None
    if known is not None and known.error is not None:
        return float(known.error)
    if name in FREE or not qubits:
        return 0.0
    return UNREPORTED.get(name, UNREPORTED[min(len(qubits), 2)])
