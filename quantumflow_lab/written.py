"""Circuits as QPY that reads back.

Qiskit writes every gate of its library into QPY by class and parameters, but cannot
build all of them from these again: an ``AndGate`` is lost for good, and nothing says so
before it is read. What would not read back is written by its definition instead.
"""

from __future__ import annotations

import io
from typing import Any

from qiskit import qpy
from qiskit.circuit import (
    Barrier,
    ControlFlowOp,
    Delay,
    Gate,
    Instruction,
    Measure,
    QuantumCircuit,
    Reset,
)
from qiskit.exceptions import QiskitError

from quantumflow_lab.delays import from_units, with_units

_SURE = {"measure": Measure, "reset": Reset, "barrier": Barrier, "delay": Delay}
"""Instructions beside standard gates that need no trial."""


def write_circuit(circuit: QuantumCircuit) -> bytes:
    """A circuit as QPY, with the gates that QPY cannot rebuild spelled out.

    Raises
    ------
    QiskitError
        If an instruction neither reads back nor has a definition.
    """
    circuit = with_units(circuit)
    data = _dump(circuit)
    if _is_plain(circuit) or _reads(data):
        return data
    data = _dump(_spelled(circuit))
    qpy.load(io.BytesIO(data))
    return data


def read_circuit(data: bytes) -> QuantumCircuit:
    """What :func:`write_circuit` was given."""
    return from_units(qpy.load(io.BytesIO(data))[0])


def _is_plain(circuit: QuantumCircuit) -> bool:
    """Whether all of it is what QPY is sure to rebuild."""
    return all(
        item.is_standard_gate()
        or (item.name in _SURE and item.operation.base_class is _SURE[item.name])
        for item in circuit.data
    )


def _dump(circuit: QuantumCircuit) -> bytes:
    out = io.BytesIO()
    qpy.dump(circuit, out)
    return out.getvalue()


def _reads(data: bytes) -> bool:
    try:
        qpy.load(io.BytesIO(data))
    except (QiskitError, TypeError, ValueError, AttributeError, KeyError, IndexError):
        return False
    return True


def _spelled(circuit: QuantumCircuit) -> QuantumCircuit:
    spelled = circuit.copy_empty_like()
    for item in circuit.data:
        operation = _spelled_operation(item.operation)
        spelled.append(operation, item.qubits, item.clbits, copy=False)
    return spelled


def _spelled_operation(operation: Any) -> Any:
    if isinstance(operation, ControlFlowOp):
        return operation.replace_blocks([_spelled(block) for block in operation.blocks])
    alone = QuantumCircuit(operation.num_qubits, operation.num_clbits)
    alone.append(operation, alone.qubits, alone.clbits)
    if _reads(_dump(alone)):
        return operation
    definition = getattr(operation, "definition", None)
    if definition is None:
        raise QiskitError(
            f"QPY cannot rebuild '{operation.name}', and it has no definition"
        )
    return _by_definition(operation, _spelled(definition))


def _by_definition(operation: Any, definition: QuantumCircuit) -> Instruction:
    name, qubits = operation.name, operation.num_qubits
    found: Instruction
    if isinstance(operation, Gate):
        found = Gate(name, qubits, [], label=operation.label)
    else:
        found = Instruction(name, qubits, operation.num_clbits, [])
    found.definition = definition
    return found
