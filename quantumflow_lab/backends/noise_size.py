"""How large the noise model of a device will be, without making it.

Aer makes the model of a device of 133 qubits in seconds, error by error; how many
instructions each has follows from what the device says of itself. So a forecast
need not wait for a model that only a simulation needs.

=====================  ==========================================  ===================
the error of a gate    has for each qubit, of its waiting          and, where its
                                                                   error is larger
=====================  ==========================================  ===================
circuits               3 if T2 <= T1 (kept, flipped, reset), else  4 for each qubit
                       1
instructions of each   1, or a Kraus channel, which counts thrice  1
=====================  ==========================================  ===================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import exp, inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from qiskit.circuit import Gate, Measure
from qiskit_aer.noise.device.parameters import (
    gate_param_values,
    thermal_relaxation_values,
)

from quantumflow_lab.backends.facts import is_fake, is_generic

if TYPE_CHECKING:
    from qiskit.transpiler import Target

Sizes = dict[tuple[int, ...], int]
"""Instructions of the errors on certain qubits, of all gates together."""
_KRAUS = 3
"""Instructions that a Kraus channel takes as long as."""


class _Relaxing(NamedTuple):
    """How a qubit loses its state."""

    t1: float
    t2: float
    """In the unit of durations, both."""

    @classmethod
    def of(cls, t1: float | None, t2: float | None) -> _Relaxing:
        """As Aer takes it: what is not said is never, and T2 is at most 2 T1."""
        first = inf if t1 is None else t1
        return cls(first, min(inf if t2 is None else t2, 2 * first))

    @property
    def kraus(self) -> bool:
        """Whether it is no mixture of flips and resets."""
        return self.t2 > self.t1

    def terms(self, time: float) -> int:
        """Circuits of the error of so long a wait."""
        if self.kraus:
            return 1
        kept = exp(-time / self.t1)
        flips = kept * (1 - exp(-time / self.t2 + time / self.t1)) > 0
        return 1 + flips + (kept < 1)

    def fidelity(self, time: float) -> float:
        """Process fidelity of so long a wait."""
        return (1 + exp(-time / self.t1) + 2 * exp(-time / self.t2)) / 4


class _Declared(NamedTuple):
    """What a device says of one gate."""

    qubits: tuple[int, ...]
    seconds: float | None
    """In the unit of the qubits' T1 and T2."""
    error: float | None


def sizes_of(backend: Any) -> Sizes | None:
    """Instructions of the noise model that a fake or generic device will make.

    Returns
    -------
    dict or None
        By the qubits that the errors are on; None if it will have no noise model.
    """
    if is_generic(backend):
        return _sizes(_of_target(backend.target), _qubits_of(backend.target))
    if not is_fake(backend) or not backend.props_filename:
        return None
    properties = backend.properties()
    qubits = [_Relaxing.of(*row[:2]) for row in thermal_relaxation_values(properties)]
    gates = (
        _Declared(tuple(on), time, error)
        for _, on, time, error in gate_param_values(properties)
    )
    return _sizes(gates, qubits)


def on_qubits(sizes: Sizes, qubits: frozenset[int]) -> int:
    """Instructions of the errors on some qubits and no other."""
    return sum(size for where, size in sizes.items() if qubits.issuperset(where))


def _qubits_of(target: Target) -> list[_Relaxing]:
    return [_Relaxing.of(each.t1, each.t2) for each in target.qubit_properties or ()]


def _of_target(target: Target) -> Iterator[_Declared]:
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        if isinstance(operation, type | Measure):
            continue
        gate = isinstance(operation, Gate)
        for qubits, said in (target[name] or {}).items():
            if qubits is not None and said is not None:
                error = said.error if gate else None
                yield _Declared(tuple(qubits), said.duration, error)


def _sizes(gates: Iterable[_Declared], qubits: Sequence[_Relaxing]) -> Sizes:
    sizes: Sizes = {}
    for gate in gates:
        size = _size(gate, qubits)
        sizes[gate.qubits] = sizes.get(gate.qubits, 0) + size
    return sizes


def _size(gate: _Declared, qubits: Sequence[_Relaxing]) -> int:
    """Instructions of the error of one gate."""
    wide, time = len(gate.qubits), gate.seconds or 0.0
    waits = [qubits[each] for each in gate.qubits] if time else []
    # Of the average over states, which is what devices tell the error of.
    most = 2**wide / (2**wide + 1)
    loss = (1 - prod(each.fidelity(time) for each in waits)) * most
    circuits = prod(each.terms(time) for each in waits)
    each = sum(_KRAUS if wait.kraus else 1 for wait in waits)
    if gate.error is None or gate.error <= loss:
        return circuits * each
    # A gate that never works, as broken ones are told, leaves nothing as it was.
    paulis: int = 4**wide - (gate.error >= most)
    return paulis * circuits * (1 + each)
