"""What can be wrong with a circuit before any backend has seen it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from quantumflow_lab.errors import (
    MissingMeasurement,
    NotFinite,
    UnboundParameter,
    UnwantedMeasurement,
)

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction
    from qiskit.primitives.containers.bindings_array import BindingsArray

_PASSIVE = {"barrier", "delay"}


def instructions(circuit: QuantumCircuit) -> Iterator[CircuitInstruction]:
    """Every instruction, those inside control flow included."""
    for item in circuit.data:
        yield item
        for block in getattr(item.operation, "blocks", ()):
            yield from instructions(block)


def check_bound(circuit: QuantumCircuit, values: BindingsArray, place: str) -> None:
    """Raise ``UnboundParameter`` unless every parameter has values."""
    given = {name for names in values.data for name in names}
    missing = [p.name for p in circuit.parameters if p.name not in given]
    if missing:
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise UnboundParameter(
            f"{place} has no value for parameter {shown}: return "
            f"(circuit, values) with {len(circuit.parameters)} values in the order of "
            "circuit.parameters, or circuit.assign_parameters(...)",
            parameters=missing,
        )


def check_finite(circuit: QuantumCircuit, values: BindingsArray, place: str) -> None:
    """Raise ``NotFinite`` for a NaN or an infinity in an angle or parameter value."""
    for names, array in values.data.items():
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            value = array[tuple(bad[0])]
            raise NotFinite(
                f"{place} binds parameter {names[bad[0][-1]]} to {value}: "
                "give a finite number",
                parameter=names[bad[0][-1]],
            )
    if not _finite(circuit.global_phase):
        raise NotFinite(
            f"{place} has global phase {circuit.global_phase}: give a finite number"
        )
    for item in instructions(circuit):
        for param in item.operation.params:
            if not _finite(param):
                raise NotFinite(
                    f"{place} has {item.operation.name}({param}) on qubit "
                    f"{_qubits(circuit, item)}: give a finite angle",
                    gate=item.operation.name,
                )


def check_measured(circuit: QuantumCircuit, place: str) -> None:
    """Raise ``MissingMeasurement`` if sampling the circuit would yield nothing."""
    if not any("measure" in item.operation.name for item in instructions(circuit)):
        raise MissingMeasurement(
            f"{place} measures nothing: add measure_all() to the circuit"
        )


def check_unmeasured(circuit: QuantumCircuit, place: str) -> None:
    """Raise ``UnwantedMeasurement`` if the circuit ends in measurements.

    An estimator would collapse the state first and return a wrong value.
    """
    busy: set[object] = set()
    for item in reversed(circuit.data):
        last = not busy.intersection((*item.qubits, *item.clbits))
        if item.operation.name == "measure" and last:
            raise UnwantedMeasurement(
                f"{place} ends with a measurement of qubit {_qubits(circuit, item)}: "
                "an estimate step returns the circuit without it, so drop "
                "measure_all() or use circuit.remove_final_measurements(inplace=False)"
            )
        if item.operation.name not in _PASSIVE:
            busy.update(item.qubits, item.clbits)
            busy.update(_condition_bits(item))


def _condition_bits(item: CircuitInstruction) -> Iterator[object]:
    # Control flow carries the classical bits it reads among its own clbits.
    for block in getattr(item.operation, "blocks", ()):
        yield from block.clbits


def _finite(value: Any) -> bool:
    if isinstance(value, int | float | complex | np.number):
        return bool(np.isfinite(value))
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        return bool(np.isfinite(value).all())
    return True


def _qubits(circuit: QuantumCircuit, item: CircuitInstruction) -> str:
    # Inside a block the bits belong to the block, whose numbers mean nothing outside.
    known = [circuit.find_bit(q).index for q in item.qubits if q in circuit.qubits]
    return ", ".join(map(str, known)) or "?"
