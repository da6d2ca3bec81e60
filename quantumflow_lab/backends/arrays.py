"""Pieces that share a circuit, as one circuit with arrays of values.

Aer reads such a circuit once, where it would read each bound copy of it. It does so
rightly for some gates only: on controlled gates it takes the first value for all, and
it fails on a global phase (qiskit-aer 0.18, held by a test). Other circuits are bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from qiskit.circuit import ParameterExpression

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from quantumflow_lab.backends.pieces import Piece

ARRAY_GATES = frozenset("rx ry rz r p u u1 u2 u3 rxx ryy rzz rzx".split())
"""Gates of which Aer reads arrays of angles rightly."""

Binds = dict[Any, list[float]]
"""Values of each parameter of a circuit; empty for one that has none."""


def in_arrays(pieces: Sequence[Piece]) -> tuple[list[QuantumCircuit], list[Binds]]:
    """Circuits for one ``run()`` with ``parameter_binds``, in the order of the pieces.

    The experiments of the result are those of the pieces, one for each.
    """
    circuits, binds = [], []
    for circuit, values in _grouped(pieces):
        circuits.append(circuit)
        binds.append(values)
    return circuits, binds


def _grouped(pieces: Sequence[Piece]) -> Iterator[tuple[QuantumCircuit, Binds]]:
    for _, group in groupby(pieces, key=lambda piece: id(piece.circuit)):
        alike = list(group)
        circuit = alike[0].circuit
        if len(alike) > 1 and alike[0].values and takes_arrays(circuit):
            columns = zip(*(piece.values for piece in alike), strict=True)
            values = dict(zip(circuit.parameters, map(list, columns), strict=True))
            yield _without_phase(circuit, values)
        else:
            yield from ((piece.bound(), {}) for piece in alike)


def takes_arrays(circuit: QuantumCircuit) -> bool:
    """Whether each open parameter is where Aer reads arrays rightly."""
    return not any(
        item.is_control_flow()
        or (item.name not in ARRAY_GATES and any(map(_is_open, item.params)))
        for item in circuit.data
    )


def _is_open(param: object) -> bool:
    return isinstance(param, ParameterExpression) and bool(param.parameters)


def _without_phase(
    circuit: QuantumCircuit, values: Binds
) -> tuple[QuantumCircuit, Binds]:
    """Without an open global phase, which no outcome and no mean value depends on."""
    if not _is_open(circuit.global_phase):
        return circuit, values
    plain = circuit.copy()
    plain.global_phase = 0
    kept = set(plain.parameters)
    return plain, {p: column for p, column in values.items() if p in kept}
