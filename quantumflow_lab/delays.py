"""Delays on their way through QPY, which forgets their unit.

Qiskit 2.6 writes the number of a ``Delay`` alone, and reads it as one of ``dt``: 200 ns
come back as 200 samples; 1 µs, and a parameter, not at all. So any delay but a number
of ``dt`` travels as an instruction that has the unit in its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qiskit.circuit import (
    ControlFlowOp,
    Delay,
    Gate,
    Instruction,
    ParameterExpression,
    QuantumCircuit,
)

_PREFIX = "qflow_delay_"
_UNITS = {"s", "ms", "us", "ns", "ps", "dt"}


def with_units(circuit: QuantumCircuit) -> QuantumCircuit:
    """A circuit to be written as QPY; itself if it has no such delay.

    Examples
    --------
    >>> waits = QuantumCircuit(1)
    >>> _ = waits.delay(200, 0, "ns")
    >>> [(each.name, each.params) for each in with_units(waits)]
    [('qflow_delay_ns', [200.0])]
    """
    return _changed(circuit, _named)


def from_units(circuit: QuantumCircuit) -> QuantumCircuit:
    """What :func:`with_units` was given."""
    return _changed(circuit, _delay)


def _named(operation: Any) -> Any:
    if not isinstance(operation, Delay) or operation.unit not in _UNITS:
        return operation
    if operation.unit != "dt" or isinstance(operation.duration, ParameterExpression):
        name = _PREFIX + operation.unit
        return Instruction(name, 1, 0, [operation.duration], label=operation.label)
    return operation


def _delay(operation: Any) -> Any:
    if operation.name.startswith(_PREFIX):
        unit = operation.name.removeprefix(_PREFIX)
        found = Delay(operation.params[0], unit)
        found.label = operation.label
        return found
    return operation


def _changed(circuit: QuantumCircuit, change: Callable[[Any], Any]) -> QuantumCircuit:
    """The circuit with other operations, in blocks and definitions too."""
    operations = [
        None if item.is_standard_gate() else _inside(item.operation, change)
        for item in circuit.data
    ]
    pairs = list(zip(circuit.data, operations, strict=True))
    if all(new is None or new is item.operation for item, new in pairs):
        return circuit
    changed = circuit.copy_empty_like()
    for item, new in pairs:
        operation = item.operation if new is None else new
        changed.append(operation, item.qubits, item.clbits, copy=False)
    # copy_empty_like leaves the layout behind.
    changed._layout = circuit.layout
    return changed


def _inside(operation: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(operation, ControlFlowOp):
        blocks = [_changed(block, change) for block in operation.blocks]
        same = all(a is b for a, b in zip(blocks, operation.blocks, strict=True))
        return operation if same else operation.replace_blocks(blocks)
    if type(operation) in (Instruction, Gate) and operation.definition is not None:
        definition = _changed(operation.definition, change)
        if definition is operation.definition:
            return operation
        operation = operation.to_mutable()
        operation.definition = definition
        return operation
    return change(operation)
