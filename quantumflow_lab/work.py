"""What simulating circuits comes to, in the things that take its time.

A simulator spends its time on few things: it takes a circuit in, changes amplitudes,
draws outcomes, and reads a noise model. :class:`Work` counts them, so that the time of
a job is a sum over them; :mod:`quantumflow_lab.planning.timing` knows the seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from operator import add
from typing import Any

_WIDEST = 62
"""Qubits beyond which a state has more amplitudes than anything counts."""
_LEAST = 64
"""Amplitudes that a gate takes as long as, however few it changes."""
_CHANNEL = 8
"""Amplitudes that a channel takes as long as, for each element of a density matrix."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job asks of a simulator; sums over its circuits.

    Examples
    --------
    >>> Work(circuits=1, amplitudes=8.0) + Work(circuits=2, bits=300)
    Work(circuits=3, operations=0, amplitudes=8.0, bits=300, passes=0, draws=0, noise=0)
    """

    circuits: int = 0
    """Experiments."""
    operations: int = 0
    """Instructions that the simulator is handed."""
    amplitudes: float = 0.0
    """Amplitudes that gates change, over all passes."""
    bits: int = 0
    """Bits that are drawn or measured, over all shots."""
    passes: int = 0
    """Times that circuits are run anew, where each shot needs it."""
    draws: int = 0
    """Gates after which errors are drawn, over all passes."""
    noise: int = 0
    """Instructions of the noise model that is read."""

    def __add__(self, other: Work) -> Work:
        """Both together."""
        return Work(*map(add, self.numbers(), other.numbers()))

    def numbers(self) -> tuple[float, ...]:
        """The fields, in order."""
        return tuple(getattr(self, name) for name in self.__slots__)

    def times(self, factor: float) -> Work:
        """So often the same."""
        return Work(*(round(each * factor) for each in self.numbers()))

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Work:
        """From JSON; what is not there is 0."""
        return cls(**{n: document[n] for n in cls.__slots__ if n in document})


NO_WORK = Work()
"""Of jobs that run elsewhere."""


def work_of(
    *,
    qubits: int,
    operations: int,
    two_qubit_gates: int,
    bits: int,
    shots: int,
    method: str,
    noisy: bool = False,
    sampled: bool = True,
) -> Work:
    """What one circuit asks of a simulator.

    Parameters
    ----------
    qubits, operations, two_qubit_gates
        Of the circuit: qubits in use, and instructions.
    bits
        Classical bits.
    shots
        0 if values are saved instead.
    method
        Of Qiskit Aer, such as ``statevector``; others count as that.
    noisy
        Whether errors are drawn with the gates.
    sampled
        Whether one pass tells of all shots, since all is measured at the end.

    References
    ----------
    Aer simulates device noise as a density matrix if there are more shots than
    amplitudes, else by trajectories: ``docs/quote.md``.

    Examples
    --------
    >>> ghz = dict(qubits=10, operations=20, two_qubit_gates=9, bits=10, shots=100)
    >>> work_of(**ghz, method="statevector").amplitudes
    21760.0
    >>> work_of(**ghz, method="statevector", noisy=True).passes
    100
    """
    side = 2.0 ** min(qubits, _WIDEST)
    mixed = method in ("density_matrix", "superop", "unitary")
    once = shots == 0 or (sampled and (mixed or not noisy))
    passes = 0 if once else shots
    if method in ("stabilizer", "extended_stabilizer"):
        each = 0.0
    elif mixed:
        each = _CHANNEL * (side**2 + _LEAST)
    elif method == "matrix_product_state":
        # Each gate across a cut at most doubles the bond, which ends at half the width.
        crossing = -(-two_qubit_gates // max(qubits - 1, 1))
        each = 2.0 ** (3 * min(crossing, qubits // 2, _WIDEST // 3)) + _LEAST
    else:
        each = side + _LEAST
    return Work(
        circuits=1,
        operations=operations,
        amplitudes=operations * each * (passes or 1),
        bits=bits * shots,
        passes=passes,
        draws=operations * passes if noisy else 0,
    )


def usual_method(*, qubits: int, shots: int, noisy: bool, sampled: bool = True) -> str:
    """What Aer's ``automatic`` comes to, for circuits that are not Clifford."""
    dense = noisy and sampled and qubits < _WIDEST and shots > 2**qubits
    return "density_matrix" if dense else "statevector"
