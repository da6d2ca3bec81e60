"""What can be wrong with a circuit before any backend has seen it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    """Every instruction, those inside control flow and appended circuits included."""
    for item in circuit.data:
        yield from _with_inner(item)


def names(item: CircuitInstruction) -> Iterator[str]:
    """Name of an instruction and of those inside it."""
    return (inner.name for inner in _with_inner(item))


def _with_inner(item: CircuitInstruction) -> Iterator[CircuitInstruction]:
    yield item
    if item.is_standard_gate():
        return
    for block in getattr(item.operation, "blocks", ()):
        yield from instructions(block)
    if (inner := _appended(item)) is not None:
        yield from instructions(inner)


def _appended(item: CircuitInstruction) -> QuantumCircuit | None:
    """The circuit inside an instruction, if it may measure."""
    if not item.clbits or hasattr(item.operation, "blocks"):
        return None
    definition: QuantumCircuit | None = item.operation.definition
    return definition


def flat(circuit: QuantumCircuit) -> Iterator[CircuitInstruction]:
    """Its instructions; for an appended circuit that may measure, those inside."""
    for item in circuit.data:
        inner = _appended(item)
        if inner is None:
            yield item
            continue
        bits = dict(zip(inner.qubits, item.qubits, strict=True))
        cbits = dict(zip(inner.clbits, item.clbits, strict=True))
        for part in flat(inner):
            yield part.replace(
                qubits=[bits[qubit] for qubit in part.qubits],
                clbits=[cbits[clbit] for clbit in part.clbits],
            )


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
        for param in _params(item):
            if not _finite(param):
                raise NotFinite(
                    f"{place} has {item.name}({param}) on qubit "
                    f"{_qubits(circuit, item)}: give a finite angle",
                    gate=item.name,
                )


def _params(item: CircuitInstruction) -> Iterable[Any]:
    # A standard gate knows its angles without its Python object, which takes longer; a
    # Clifford and the like have none.
    holder = item if item.is_standard_gate() else item.operation
    params: Iterable[Any] = getattr(holder, "params", ())
    return params


def check_measured(circuit: QuantumCircuit, place: str) -> None:
    """Raise ``MissingMeasurement`` if sampling the circuit would yield nothing."""
    if not any("measure" in item.name for item in instructions(circuit)):
        raise MissingMeasurement(
            f"{place} measures nothing: add measure_all() to the circuit"
        )


def check_unmeasured(circuit: QuantumCircuit, place: str) -> None:
    """Raise ``UnwantedMeasurement`` if the circuit ends in measurements.

    An estimator would collapse the state first and return a wrong value.
    """
    busy: set[object] = set()
    for item in reversed(list(flat(circuit))):
        last = not busy.intersection((*item.qubits, *item.clbits))
        if item.name == "measure" and last:
            raise UnwantedMeasurement(
                f"{place} ends with a measurement of qubit {_qubits(circuit, item)}: "
                "an estimate step returns the circuit without it, so drop "
                "measure_all() or use circuit.remove_final_measurements(inplace=False)"
            )
        if item.name not in _PASSIVE:
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
