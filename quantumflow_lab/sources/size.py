"""How much a circuit is once its gate definitions and loops are expanded.

A definition of twice the one before, forty times over, is a kilobyte of text and more
instructions than any memory holds; so they are counted before anything expands them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from quantumflow_lab.errors import BadCircuitText, CircuitTooLarge
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.sources.text import too_many

_OWN = (
    "qiskit.circuit.gate",
    "qiskit.circuit.instruction",
    "qiskit.circuit.controlledgate",
    "qiskit.qasm2.parse",
)
"""Where the classes of gates live that have no more meaning than their definition."""


def check_size(circuits: Sequence[Any], limits: Limits, *, by_name: bool) -> None:
    """Refuse circuits beyond the limits.

    Parameters
    ----------
    circuits
        Quantum circuits; each counts as one instruction beside its own.
    limits
        What is allowed.
    by_name
        Whether gates of one name have one definition, as in OpenQASM.

    Raises
    ------
    CircuitTooLarge
        If there are too many qubits, bits or instructions, or too deep definitions.
    BadCircuitText
        If an angle is infinite or NaN.
    """
    count = _Count(limits, by_name)
    for circuit in circuits:
        if circuit.num_qubits > limits.qubits:
            raise too_many("qubits", limits.qubits)
        if circuit.num_clbits > limits.clbits:
            raise too_many("clbits", limits.clbits)
        count.add(1 + count.body(circuit, 1))


class _Count:
    def __init__(self, limits: Limits, by_name: bool):
        self._limits = limits
        self._by_name = by_name
        self._known: dict[tuple[str, int, int], int] = {}
        self._walked = 0
        self._total = 0

    def add(self, size: int) -> None:
        self._total += size
        if self._total > self._limits.instructions:
            raise too_many("instructions", self._limits.instructions)

    def body(self, circuit: Any, depth: int) -> int:
        if depth > self._limits.depth:
            raise CircuitTooLarge(
                f"gates and blocks are nested more than {self._limits.depth} deep;"
                " define them flatter",
                what="depth",
                limit=self._limits.depth,
            )
        # Checked before anything is built of it: the sum alone may end the matter.
        self._walk(len(circuit.data))
        return sum(self._operation(item.operation, depth) for item in circuit.data)

    def _walk(self, steps: int) -> None:
        self._walked += steps
        if self._walked > self._limits.instructions:
            raise too_many("instructions", self._limits.instructions)

    def _operation(self, operation: Any, depth: int) -> int:
        if blocks := getattr(operation, "blocks", ()):
            inner = sum(self.body(block, depth + 1) for block in blocks)
            return 1 + inner * _rounds(operation)
        _check_finite(operation)
        kind = getattr(operation, "base_class", type(operation))
        if kind.__module__ not in _OWN:
            return 1
        key = (operation.name, operation.num_qubits, operation.num_clbits)
        if self._by_name and key in self._known:
            return self._known[key]
        definition = operation.definition
        size = 1 if definition is None else self.body(definition, depth + 1)
        self._known[key] = size
        return size


def _rounds(operation: Any) -> int:
    if operation.name != "for_loop":
        return 1
    indices = operation.params[0]
    # `len` of a range has a limit of its own, which a bomb passes.
    if isinstance(indices, range):
        return max(0, -((indices.start - indices.stop) // indices.step))
    return len(tuple(indices))


def _check_finite(operation: Any) -> None:
    for value in getattr(operation, "params", ()):
        if isinstance(value, float) and not math.isfinite(value):
            raise BadCircuitText(
                f"gate '{operation.name}' has an angle of {value}; write a finite one",
                gate=operation.name,
            )
