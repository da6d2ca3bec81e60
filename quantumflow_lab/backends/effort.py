"""How much there is to simulate in circuits that are ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qiskit.circuit import CONTROL_FLOW_OP_NAMES

from quantumflow_lab.backends.memory import CLIFFORD, simulation_method
from quantumflow_lab.work import Work, usual_method, work_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from quantumflow_lab.backends.pieces import Piece

_IDLE = ("barrier", "delay")
_ANEW = {"reset", "initialize", "kraus", "quantum_channel", *CONTROL_FLOW_OP_NAMES}
"""Instructions that differ from shot to shot."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a simulator makes of a circuit, whatever its values and shots."""

    operations: int
    """Instructions, without barriers and waits."""
    clifford: bool
    sampled: bool
    """Whether one pass tells of all shots: it measures at the end alone."""


def form_of(circuit: QuantumCircuit) -> Form:
    """Look at a circuit once.

    Examples
    --------
    >>> from qiskit import QuantumCircuit
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
    >>> form = form_of(bell)
    >>> form.operations, form.clifford, form.sampled
    (4, True, True)
    """
    names = circuit.count_ops()
    return Form(
        operations=sum(names.values()) - sum(names.get(each, 0) for each in _IDLE),
        clifford=CLIFFORD.issuperset(names),
        sampled=_ANEW.isdisjoint(names) and _measured_last(circuit),
    )


def _measured_last(circuit: QuantumCircuit) -> bool:
    """Whether a qubit that was measured is measured again at most."""
    measured: set[object] = set()
    for item in circuit.data:
        name = item.name
        if name == "measure":
            measured.update(item.qubits)
        elif measured and name not in _IDLE and not measured.isdisjoint(item.qubits):
            return False
    return True


def work_of_batch(
    pieces: Sequence[Piece],
    forms: Sequence[Form],
    *,
    method: str,
    noisy: bool,
    seen: set[int] | None,
) -> Work:
    """What simulating pieces of one ``run()`` asks, without the noise model's reading.

    Parameters
    ----------
    pieces, forms
        The circuits and what :func:`form_of` says of each.
    method
        Of the backend or the options, such as ``automatic``.
    noisy
        Whether a noise model applies.
    seen
        Ids of circuits that were handed over, where one with many sets of values is
        handed over once; None where each is handed over.
    """
    total = Work()
    for piece, form in zip(pieces, forms, strict=True):
        shots = 0 if piece.exact else piece.shots
        found = work_of(
            qubits=piece.size.qubits,
            operations=form.operations,
            two_qubit_gates=piece.size.two_qubit_gates,
            bits=piece.circuit.num_clbits,
            shots=shots,
            method=_method(piece, form, method, noisy=noisy),
            noisy=noisy,
            sampled=form.sampled,
        )
        if seen is not None:
            if id(piece.circuit) in seen:
                found = replace(found, operations=0)
            seen.add(id(piece.circuit))
        total += found
    return total


def _method(piece: Piece, form: Form, method: str, *, noisy: bool) -> str:
    """The method that will run."""
    if piece.exact:
        return simulation_method(piece.circuit, method=method, noisy=noisy, exact=True)
    if method != "automatic":
        return method
    if form.clifford and not noisy:
        return "stabilizer"
    shots, qubits = piece.shots, piece.size.qubits
    return usual_method(qubits=qubits, shots=shots, noisy=noisy, sampled=form.sampled)
