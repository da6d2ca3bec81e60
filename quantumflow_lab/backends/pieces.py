"""The circuits that PUBs become, and what each of them gives."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.primitives.containers import PubResult

from quantumflow_lab.backends.counts import Counts
from quantumflow_lab.backends.isa import Isa, Size

if TYPE_CHECKING:
    from qiskit.primitives.containers.bindings_array import BindingsArray

T = TypeVar("T")


@dataclass
class Shared:
    """Things made once for an object, the latest `capacity` of them."""

    capacity: int = 1024
    _made: OrderedDict[tuple[Any, ...], tuple[object, Any]] = field(
        default_factory=OrderedDict
    )

    def once(self, source: object, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made at the first call for this `source` and `key`."""
        place = id(source), key
        if place not in self._made:
            # The source is kept, so that its id stays its own.
            self._made[place] = source, make()
            if len(self._made) > self.capacity:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(place)
        made: T = self._made[place][1]
        return made


@dataclass(frozen=True, slots=True)
class Piece:
    """One circuit to run."""

    circuit: QuantumCircuit
    """The ISA circuit; pieces that differ in values alone share one object."""
    size: Size
    """Its size."""
    shots: int
    """Shots; 1 if exact."""
    exact: bool = False
    """True if the outcome is saved values, not counts."""
    values: tuple[float, ...] = ()
    """A value for each parameter of the circuit, in the order it has them."""

    def bound(self) -> QuantumCircuit:
        """The circuit with its values."""
        return assigned(self.circuit, self.values)

    def amplitudes(self, *, noisy: bool) -> int:
        """Amplitudes that one layer of gates changes in a simulation, all shots."""
        return (self.shots if noisy else 1) << min(self.size.qubits, 62)


@dataclass(frozen=True, slots=True)
class Ready:
    """One parameter set of a PUB: an ISA circuit and what its parameters are."""

    isa: Isa
    """The circuit; many sets share one."""
    values: tuple[float, ...] = ()
    """A value for each of ``isa.circuit.parameters``, in their order."""

    def piece(self, circuit: QuantumCircuit, shots: int | None) -> Piece:
        """A circuit made from the ISA circuit as a piece; None for shots is exact."""
        exact = shots is None
        return Piece(circuit, self.isa.size, shots or 1, exact, self.values)


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


def assigned(
    circuit: QuantumCircuit, values: Sequence[float] | Mapping[str, float]
) -> QuantumCircuit:
    """A circuit with values for its parameters; itself if there are none."""
    return circuit.assign_parameters(values) if len(values) else circuit


def value_array(names: Sequence[str], values: BindingsArray) -> NDArray[np.float64]:
    """Values of some parameters, shape ``(*values.shape, len(names))``.

    Unlike ``BindingsArray.as_array`` it takes a part of them: others may be bound
    already, or optimised away by the transpiler.
    """
    columns = {
        name: array[..., i]
        for group, array in values.data.items()
        for i, name in enumerate(group)
    }
    return np.stack([columns[name] for name in names], axis=-1)


def value_rows(names: Sequence[str], values: BindingsArray) -> list[tuple[float, ...]]:
    """Values of some parameters in every parameter set, in flat order."""
    if not names:
        return [()] * math.prod(values.shape)
    rows = value_array(names, values).reshape(-1, len(names))
    return [tuple(row) for row in rows.tolist()]


def has_open_delay(circuit: QuantumCircuit) -> bool:
    """True if the length of a delay is a parameter."""
    return any(
        isinstance(item.operation.params[0], ParameterExpression)
        for item in circuit.data
        if item.name == "delay"
    )
