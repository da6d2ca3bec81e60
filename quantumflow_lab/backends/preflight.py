"""What would go wrong on a backend, found before anything is sent to it.

Most backends take circuits that are too wide or too large and then give wrong results,
hang, or abort the process, so the lab looks first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from quantumflow_lab.backends import memory
from quantumflow_lab.backends.checks import instructions
from quantumflow_lab.backends.facts import RESERVED_OPTIONS, is_basic
from quantumflow_lab.backends.isa import check_transpile
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.backends.pubs import check_precision, check_shots
from quantumflow_lab.errors import (
    BadPrecision,
    CircuitRefused,
    TooMuchMemory,
    TooWide,
    UnknownBackendOption,
    did_you_mean,
)
from quantumflow_lab.ports import BackendFacts

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})

HEADROOM = 0.9
"""Share of the available memory that one simulated state may take."""

ALWAYS_FREE = 1 << 24
"""Bytes for which nobody asks the system, which takes longer than the simulation."""


def preflight(
    facts: BackendFacts,
    backend: BackendV2,
    kind: Literal["sample", "estimate"],
    pubs: Sequence[Any],
    options: Mapping[str, Any],
    transpile: Mapping[str, Any] = _NO_OPTIONS,
) -> None:
    """Raise the error that running these PUBs would meet.

    Raises
    ------
    UnknownBackendOption, BadShots, BadPrecision, TooWide, TooMuchMemory, CircuitRefused
        With what to type instead.
    """
    check_options(facts, options)
    if isinstance(backend, PrimitiveBackend) and options:
        # Nested options are known only to the primitive itself.
        native = kind == "estimate" and backend.estimates
        backend.primitive("estimate" if native else "sample", options)
    check_transpile(transpile)
    for pub in pubs:
        exact = kind == "estimate" and pub.precision == 0
        if kind == "sample":
            check_shots(pub.shots, facts.max_shots)
        else:
            check_precision(pub.precision, facts.max_shots)
        if exact:
            check_exact(facts, pub.circuit)
        else:
            check_measures(facts)
        check_width(facts, pub.circuit)
        # How other simulators hold a state is not known.
        if facts.simulator and facts.exact:
            check_memory(facts, backend, pub.circuit, options, exact=exact)


def check_options(facts: BackendFacts, options: Mapping[str, Any]) -> None:
    """Raise ``UnknownBackendOption`` for an option the backend would ignore."""
    for name in options:
        if name in RESERVED_OPTIONS:
            raise UnknownBackendOption(
                f"option '{name}' is set by the lab: {RESERVED_OPTIONS[name]}",
                option=name,
            )
        if name not in facts.options:
            hint = did_you_mean(name, facts.options) or "; it has no options"
            raise UnknownBackendOption(
                f"{facts.name} has no option '{name}'{hint}",
                option=name,
                known=sorted(facts.options),
            )


def check_exact(facts: BackendFacts, circuit: QuantumCircuit) -> None:
    """Raise ``BadPrecision`` where ``precision=0`` cannot be exact."""
    if not facts.exact:
        raise BadPrecision(
            f"precision=0 is exact, which {facts.name} cannot be: type precision=0.01, "
            "or take a simulator such as aer",
            backend=facts.name,
        )
    if any(
        "measure" in item.name or getattr(item.operation, "blocks", ())
        for item in instructions(circuit)
    ):
        raise BadPrecision(
            "precision=0 has no meaning for a circuit with mid-circuit measurements, "
            "whose state is random: type precision=0.01",
            backend=facts.name,
        )


def check_measures(facts: BackendFacts) -> None:
    """Raise ``CircuitRefused`` if the target has no measurement."""
    if "measure" not in facts.operations:
        raise CircuitRefused(
            f"{facts.name} cannot measure, so it has no counts: take another backend",
            backend=facts.name,
        )


def check_width(facts: BackendFacts, circuit: QuantumCircuit) -> None:
    """Raise ``TooWide`` if the device has fewer qubits than the circuit."""
    if facts.num_qubits is not None and circuit.num_qubits > facts.num_qubits:
        raise TooWide(
            f"the circuit has {circuit.num_qubits} qubits, {facts.name} has "
            f"{facts.num_qubits}: take a wider backend (%qflow backends lists them) "
            f"or at most {facts.num_qubits} qubits",
            circuit=circuit.num_qubits,
            backend=facts.num_qubits,
        )


def check_memory(
    facts: BackendFacts,
    backend: BackendV2,
    circuit: QuantumCircuit,
    options: Mapping[str, Any],
    *,
    exact: bool,
) -> None:
    """Raise ``TooMuchMemory`` if this machine cannot hold the simulated state."""
    known = memory.option(options, backend.options, "method", "automatic")
    method = memory.simulation_method(
        circuit,
        method="statevector" if is_basic(backend) else known,
        noisy=facts.noisy or options.get("noise_model") is not None,
        exact=exact,
    )
    single = memory.option(options, backend.options, "precision", "double") == "single"
    qubits = memory.active_qubits(circuit)
    need = memory.needed_bytes(method, qubits, single=single)
    if need <= ALWAYS_FREE:
        return
    room = int(HEADROOM * memory.available_bytes())
    if need <= room:
        return
    raise TooMuchMemory(
        f"a {method} of {qubits} qubits needs {memory.amount(need)}, this machine has "
        f"{memory.amount(room)} free: "
        f"{_instead(facts, circuit, method, qubits, room, exact)}",
        method=method,
        qubits=qubits,
        needed=need,
        available=room,
    )


def _instead(
    facts: BackendFacts,
    circuit: QuantumCircuit,
    method: str,
    qubits: int,
    room: int,
    exact: bool,
) -> str:
    most = max(n for n in range(qubits) if memory.needed_bytes(method, n) <= room)
    if exact and method == "density_matrix":
        if memory.needed_bytes("statevector", qubits) <= room:
            return f"type precision=0.01 instead of 0, or take at most {most} qubits"
        return f"take at most {most} qubits"
    if facts.noisy:
        return f"take at most {most} qubits"
    if memory.is_clifford(circuit):
        return "it is a Clifford circuit, so type --backend aer_stabilizer"
    return (
        "type --backend aer_mps, which needs little if the circuit entangles little, "
        f"or take at most {most} qubits"
    )
