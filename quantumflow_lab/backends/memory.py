"""How much memory a simulation needs, and how much there is."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit.quantum_info import Operator

from quantumflow_lab.backends.checks import instructions, names

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

DENSE = {"statevector": 1, "density_matrix": 2, "unitary": 2, "superop": 4}
"""Methods that hold every amplitude, and qubits of state per qubit of circuit."""

NO_INITIALIZE = {"density_matrix", "matrix_product_state"}
"""Methods of Aer that have no ``initialize``, or one that is wrong on some qubits."""

CLIFFORD = {
    *("id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap"),
    *("ecr", "iswap", "dcx", "measure", "reset", "barrier", "delay", "pauli"),
}
"""Names of what a stabilizer simulation runs."""
_IDLE = {"barrier", "delay"}
_FRESH = {"reset", "initialize"}
_NOT_UNITARY = {*_FRESH, "kraus", "superop", "quantum_channel"}


def active_qubits(circuit: QuantumCircuit) -> int:
    """How many qubits some instruction other than a barrier or delay touches."""
    return len(touched_qubits(circuit))


def touched_qubits(circuit: QuantumCircuit) -> set[int]:
    """Numbers of the qubits that an instruction not a barrier or delay touches."""
    touched = {
        qubit
        for item in circuit.data
        if item.name not in _IDLE
        for qubit in item.qubits
    }
    return {circuit.find_bit(qubit).index for qubit in touched}


def is_clifford(circuit: QuantumCircuit) -> bool:
    """True if a stabilizer simulation can run it, judged by the names of its gates."""
    return all(item.name in CLIFFORD for item in instructions(circuit))


def is_unitary(circuit: QuantumCircuit) -> bool:
    """True if a state vector can follow it without drawing random numbers.

    A qubit that nothing has touched yet is known to be in state 0, so to reset or
    initialize it is no more random than a gate.
    """
    touched: set[object] = set()
    for item in circuit.data:
        fresh = item.name in _FRESH and touched.isdisjoint(item.qubits)
        if not fresh and any(name in _NOT_UNITARY for name in names(item)):
            return False
        if item.name not in _IDLE:
            touched.update(item.qubits)
    return True


def in_terms_of(circuit: QuantumCircuit, names: Container[str]) -> QuantumCircuit:
    """The same circuit without gates that a simulator does not know by name.

    Each becomes what it is defined as, until all that is left is known or has no
    definition.
    """
    while unknown := {
        item.name
        for item in circuit.data
        if item.name not in names and item.operation.definition is not None
    }:
        circuit = circuit.decompose(gates_to_decompose=[*unknown])
    return circuit


def without_initialize(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same circuit for the methods of Aer that cannot initialize.

    Each ``initialize`` becomes a reset and one unitary, which no noise model knows, so
    that it stays as ideal as it is on a state vector.
    """
    if not any(item.name == "initialize" for item in circuit.data):
        return circuit
    expanded = circuit.copy_empty_like()
    for item in circuit.data:
        if item.name != "initialize":
            expanded.append(item)
            continue
        expanded.reset(item.qubits)
        gates = item.operation.definition.copy_empty_like()
        for inner in item.operation.definition.data:
            if inner.name != "reset":
                gates.append(inner)
        expanded.unitary(Operator(gates), item.qubits)
    return expanded


def simulation_method(
    circuit: QuantumCircuit, *, method: str, noisy: bool, exact: bool
) -> str:
    """The Aer method that will run, given the one the backend or the user names."""
    if exact and (noisy or not is_unitary(circuit)):
        return "density_matrix"
    if method != "automatic":
        return method
    return "stabilizer" if not noisy and is_clifford(circuit) else "statevector"


def needed_bytes(method: str, qubits: int, *, single: bool = False) -> int:
    """Bytes of the simulated state; 0 for methods without an exponential state.

    Examples
    --------
    >>> needed_bytes("statevector", 40) == 16 * 2**40
    True
    >>> needed_bytes("stabilizer", 40)
    0
    """
    if method not in DENSE:
        return 0
    return (8 if single else 16) << (DENSE[method] * qubits)


def available_bytes() -> int:
    """Memory this process may still take, as far as the system tells."""
    pages: int = os.sysconf("SC_PHYS_PAGES")
    size: int = os.sysconf("SC_PAGE_SIZE")
    return min(pages * size, *_readings(pages * size))


def _readings(otherwise: int) -> tuple[int, int]:
    meminfo = _read("/proc/meminfo")
    free = otherwise
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    used = _read("/sys/fs/cgroup/memory.current").strip()
    room = int(limit) - int(used) if limit.isdigit() and used.isdigit() else otherwise
    return free, room


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def amount(count: int) -> str:
    """Bytes for a message.

    Examples
    --------
    >>> amount(16 * 2**40), amount(3 * 2**29)
    ('16 TiB', '1.5 GiB')
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.3g} {units[0]}"


def option(options: Mapping[str, Any], defaults: Any, name: str, otherwise: Any) -> Any:
    """A run option: the step's, else the backend's own, else `otherwise`."""
    if name in options:
        return options[name]
    value = defaults.get(name) if hasattr(defaults, "get") else None
    return otherwise if value is None else value
