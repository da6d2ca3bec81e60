"""The circuits that PUBs become, and what each of them gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.primitives.containers import PubResult

from quantumflow_lab.backends.counts import Counts
from quantumflow_lab.backends.isa import Size

if TYPE_CHECKING:
    from qiskit.primitives.containers.bindings_array import BindingsArray


@dataclass(frozen=True, slots=True)
class Piece:
    """One circuit to run."""

    circuit: QuantumCircuit
    """The bound ISA circuit."""
    size: Size
    """Its size."""
    shots: int
    """Shots; 1 if exact."""
    exact: bool = False
    """True if the outcome is saved values, not counts."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one piece gave."""

    counts: Counts
    """Counts; empty if exact."""
    values: dict[str, Any]
    """Saved expectation values or probabilities by label; empty unless exact."""
    seed: int | None
    """Seed it ran with."""

    def rng(self) -> np.random.Generator:
        """What orders the shots, so that equal seeds give equal results."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A PUB ready to run."""

    pieces: list[Piece]
    """Its circuits, in the order of the seeds."""
    finish: Callable[[Sequence[Outcome]], PubResult]
    """Takes one outcome per piece."""


def bind_all(circuit: QuantumCircuit, values: BindingsArray) -> list[QuantumCircuit]:
    """Bind every parameter set, in flat order.

    A parameter that the transpiler optimised away is left out.
    """
    names = [parameter.name for parameter in circuit.parameters]
    if not names:
        return [circuit] * math.prod(values.shape)
    array: NDArray[np.float64] = values.as_array(names).reshape(-1, len(names))
    return [circuit.assign_parameters(row) for row in array]


def has_open_delay(circuit: QuantumCircuit) -> bool:
    """True if the length of a delay is a parameter."""
    return any(
        isinstance(item.operation.params[0], ParameterExpression)
        for item in circuit.data
        if item.operation.name == "delay"
    )
