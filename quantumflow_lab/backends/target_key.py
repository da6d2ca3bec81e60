"""Equal keys for equal targets, in this process and the next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit.transpiler import Target

_TIMING = (
    "num_qubits dt granularity min_length pulse_alignment acquire_alignment"
    " concurrent_measurements"
).split()


def target_key(target: Target) -> str:
    """SHA-256 of everything about a target that a transpiler may look at.

    Parameters
    ----------
    target
        Any target; one of 133 qubits takes some milliseconds.

    Examples
    --------
    >>> from qiskit.transpiler import Target
    >>> target_key(Target(num_qubits=2)) == target_key(Target(num_qubits=3))
    False
    """
    digest = hashlib.sha256()
    for line in _lines(target):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def _lines(target: Target) -> Iterator[str]:
    for name in _TIMING:
        yield f"{name} {getattr(target, name)}"
    for qubit in target.qubit_properties or ():
        yield f"qubit {_numbers(qubit, 't1', 't2', 'frequency')}"
    for name in sorted(target.operation_names):
        yield f"operation {name} {_operation(target.operation_from_name(name))}"
        # A gate without places may stand on any qubits.
        for qubits, properties in sorted((target[name] or {}).items(), key=str):
            yield f"{qubits} {_numbers(properties, 'duration', 'error')}"


def _operation(operation: Any) -> str:
    if isinstance(operation, type):
        return operation.__qualname__
    kind = getattr(operation, "base_class", type(operation))
    # A fixed angle is part of the gate; an open one is any angle.
    params = ["any" if hasattr(p, "parameters") else repr(p) for p in operation.params]
    return f"{kind.__qualname__} {operation.num_qubits} {params}"


def _numbers(properties: Any, *names: str) -> str:
    """Every digit of some numbers, of which each may be missing."""
    return " ".join(repr(getattr(properties, name, None)) for name in names)
