"""Noise models cut to the qubits in use.

Aer reads the whole noise model for every job, and that of a device of 133 qubits takes
it seconds. An error belongs to an instruction on certain qubits and is drawn when that
instruction comes, so errors of qubits that no instruction touches are never drawn:
without them every outcome is as likely as before, and at equal seed the same.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

Errors: TypeAlias = dict[tuple[int, ...], Any]
"""Errors of one instruction by the qubits it is on."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qiskit import QuantumCircuit
    from qiskit_aer.noise import NoiseModel


def noisy_qubits(circuits: Iterable[QuantumCircuit]) -> frozenset[int]:
    """Numbers of all qubits that some instruction other than a barrier is on.

    A delay counts, since idling is noisy; so do the qubits of control flow, whatever
    its blocks do with them.
    """
    return frozenset(
        circuit.find_bit(qubit).index
        for circuit in circuits
        for item in circuit.data
        if item.name != "barrier"
        for qubit in item.qubits
    )


def cut(model: NoiseModel, qubits: frozenset[int]) -> NoiseModel:
    """The model without the errors of instructions on other qubits.

    Parameters
    ----------
    model
        A model, which is left as it is.
    qubits
        Physical qubits that instructions are on, from :func:`noisy_qubits`.

    Returns
    -------
    NoiseModel
        With the same errors for all qubits, noise passes and basis gates.
    """
    # A model gives its errors away only as dictionaries, which is what takes so long.
    part = copy.copy(model)
    part._local_quantum_errors = {
        name: _on(errors, qubits)
        for name, errors in model._local_quantum_errors.items()
    }
    part._local_readout_errors = _on(model._local_readout_errors, qubits)
    part._noise_qubits = model._noise_qubits & qubits
    return part


def _on(errors: Errors, qubits: frozenset[int]) -> Errors:
    return {where: error for where, error in errors.items() if qubits.issuperset(where)}


def readout_errors(model: NoiseModel) -> dict[int | None, NDArray[np.float64]]:
    """Readout errors of single qubits.

    Returns
    -------
    dict
        Physical qubit to the matrix ``P(read | true)``; None stands for all others.
    """
    errors = {
        where[0]: error.probabilities
        for where, error in model._local_readout_errors.items()
        if len(where) == 1
    }
    if model._default_readout_error is not None:
        errors[None] = model._default_readout_error.probabilities
    return errors


def instructions_of(model: NoiseModel) -> int:
    """Instructions of all local errors, which Aer reads for every job.

    A Kraus channel takes as long as three others.
    """
    return sum(
        1 + 2 * (item.name == "kraus")
        for errors in model._local_quantum_errors.values()
        for error in errors.values()
        for circuit in error.circuits
        for item in circuit.data
    )


@dataclass
class Cuts:
    """Cuts of the models of one backend, the latest of them."""

    capacity: int = 64
    _made: OrderedDict[tuple[int, frozenset[int]], tuple[NoiseModel, NoiseModel]] = (
        field(default_factory=OrderedDict)
    )

    _sizes: dict[int, int] = field(default_factory=dict)
    """Instructions of each cut, by its id."""

    def of(self, model: NoiseModel, circuits: Sequence[QuantumCircuit]) -> NoiseModel:
        """The model cut to what circuits use; the same object for the same qubits."""
        return self.on(model, noisy_qubits(circuits))

    def instructions(self, model: NoiseModel, qubits: frozenset[int]) -> int:
        """What is read of a model for these qubits; see :func:`instructions_of`."""
        part = id(self.on(model, qubits))
        if part not in self._sizes:
            self._sizes[part] = instructions_of(self.on(model, qubits))
        return self._sizes[part]

    def on(self, model: NoiseModel, qubits: frozenset[int]) -> NoiseModel:
        """The model cut to these qubits; the same object each time."""
        place = id(model), qubits
        if place not in self._made:
            # The model is kept, so that its id stays its own.
            self._made[place] = model, cut(model, qubits)
            if len(self._made) > self.capacity:
                _, (_, part) = self._made.popitem(last=False)
                self._sizes.pop(id(part), None)
        self._made.move_to_end(place)
        return self._made[place][1]
