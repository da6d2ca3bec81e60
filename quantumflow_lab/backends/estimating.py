"""Estimator PUBs as pieces: measured, exact, or exact with noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import qiskit_aer  # noqa: F401 - gives circuits their save_… methods
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from quantumflow_lab.backends import observables
from quantumflow_lab.backends.counts import Counts
from quantumflow_lab.backends.isa import Isa
from quantumflow_lab.backends.memory import touched_qubits
from quantumflow_lab.backends.pieces import Outcome, Piece, Prepared, Ready, Shared
from quantumflow_lab.backends.plan import EstimatePlan, Observable, label
from quantumflow_lab.backends.pubs import shots_of

if TYPE_CHECKING:
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.transpiler import Target

ReadoutErrors = Mapping[int | None, NDArray[np.float64]]
"""Matrix ``P(read | true)`` of each physical qubit; None stands for all others."""

_End = Callable[[QuantumCircuit, list[int]], None]
"""Ends a circuit with the measurement of some physical qubits."""

_NAME = "qflow"
"""Name of the register, and of the probabilities, that measure an observable."""


@dataclass(frozen=True)
class Estimating:
    """One estimator PUB on its way through a backend."""

    pub: EstimatorPub
    """The PUB."""
    ready: Sequence[Ready]
    """Its circuit for each parameter set, in flat order."""
    target: Target
    """Instructions in which bases are changed."""
    about: Callable[[Sequence[Outcome]], dict[str, Any]]
    """Makes the metadata."""
    derived: Shared
    """Circuits made from ISA circuits, each once."""
    plan: EstimatePlan = field(init=False)
    """What to measure."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plan", EstimatePlan.of(self.pub))

    def measured(self) -> Prepared:
        """One piece for each parameter set and group of terms; evs from counts."""
        shots = shots_of(self.pub.precision)

        def finish(outcomes: Sequence[Outcome]) -> PubResult:
            evs, variances = np.zeros(self.pub.shape), np.zeros(self.pub.shape)
            taken = self._by_set(outcomes)
            for index in np.ndindex(*self.pub.shape):
                flat, wanted = self.plan.at(index)
                evs[index] = observables.constant(wanted)
                for group, got in self._concerned(flat, wanted, taken):
                    counts = _last_bits(got.counts, self.pub.circuit.num_clbits)
                    part = observables.mean_and_variance(group, counts, wanted)
                    evs[index] += part[0]
                    variances[index] += part[1]
            return self._result(evs, np.sqrt(variances), shots, outcomes)

        return Prepared(self._pieces(_with_measurement, shots), finish)

    def exact(self) -> Prepared:
        """One piece for each parameter set, which saves its expectation values."""
        pieces = []
        for each, wanted in zip(self.ready, self.plan.distinct(), strict=True):
            make = partial(_with_saves, each.isa, wanted)
            circuit = self.derived.once(each.isa, tuple(wanted), make)
            pieces.append(each.piece(circuit, None))

        def finish(outcomes: Sequence[Outcome]) -> PubResult:
            evs = np.zeros(self.pub.shape)
            for index in np.ndindex(*self.pub.shape):
                flat, wanted = self.plan.at(index)
                constant = observables.constant(wanted)
                evs[index] = outcomes[flat].values.get(label(wanted), constant)
            return self._result(evs, np.zeros(self.pub.shape), 0, outcomes)

        return Prepared(pieces, finish)

    def exact_with_noise(self, readout: ReadoutErrors) -> Prepared:
        """The values to which more and more shots converge, readout errors included.

        Parameters
        ----------
        readout
            Readout errors of the backend.
        """

        def finish(outcomes: Sequence[Outcome]) -> PubResult:
            evs = np.zeros(self.pub.shape)
            taken = self._by_set(outcomes)
            for index in np.ndindex(*self.pub.shape):
                flat, wanted = self.plan.at(index)
                evs[index] = observables.constant(wanted)
                for group, got in self._concerned(flat, wanted, taken):
                    read = _read(got, group, self.ready[flat].isa, readout)
                    evs[index] += observables.mean(group, read, wanted)
            return self._result(evs, np.zeros(self.pub.shape), 0, outcomes)

        return Prepared(self._pieces(_with_probabilities, None), finish)

    def _pieces(self, end: _End, shots: int | None) -> list[Piece]:
        """A circuit for each parameter set and group, in the basis of the group."""
        turned = _with_basis(self.target, end)
        pieces = []
        for each, found in zip(self.ready, self.plan.groups, strict=True):
            for group in found:
                key = end, *sorted(group.basis.items())
                make = partial(turned, each.isa, group)
                circuit = self.derived.once(each.isa, key, make)
                pieces.append(each.piece(circuit, shots))
        return pieces

    def _by_set(self, outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
        queue = iter(outcomes)
        return [[next(queue) for _ in found] for found in self.plan.groups]

    def _concerned(
        self, flat: int, wanted: Observable, taken: list[list[Outcome]]
    ) -> list[tuple[observables.Group, Outcome]]:
        pairs = zip(self.plan.groups[flat], taken[flat], strict=True)
        return [pair for pair in pairs if not wanted.keys().isdisjoint(pair[0].terms)]

    def _result(
        self,
        evs: NDArray[np.float64],
        stds: NDArray[np.float64],
        shots: int,
        outcomes: Sequence[Outcome],
    ) -> PubResult:
        return PubResult(
            DataBin(evs=evs, stds=stds, shape=self.pub.shape),
            metadata={
                "target_precision": self.pub.precision,
                "shots": shots,
                "circuit_metadata": self.pub.circuit.metadata,
                "qflow": self.about(outcomes),
            },
        )


def _with_basis(
    target: Target, end: _End
) -> Callable[[Isa, observables.Group], QuantumCircuit]:
    """Makes the circuit, then a change of basis, then how it ends."""

    def turned(isa: Isa, group: observables.Group) -> QuantumCircuit:
        places = [isa.physical(qubit) for qubit in sorted(group.basis)]
        letters = [group.basis[qubit] for qubit in sorted(group.basis)]
        tail = _rotations(isa.circuit.num_qubits, places, letters, target)
        circuit = isa.circuit.compose(tail)
        end(circuit, places)
        return circuit

    return turned


def _rotations(
    width: int, places: list[int], letters: list[str], target: Target
) -> QuantumCircuit:
    """Changes of basis, in the instructions of the target."""
    circuit = QuantumCircuit(width)
    for place, letter in zip(places, letters, strict=True):
        if letter == "Y":
            circuit.sdg(place)
        if letter in "XY":
            circuit.h(place)
    return PassManager([Optimize1qGatesDecomposition(target=target)]).run(circuit)


def _with_measurement(circuit: QuantumCircuit, places: list[int]) -> None:
    register = ClassicalRegister(len(places), _NAME)
    circuit.add_register(register)
    circuit.measure(places, register)


def _with_probabilities(circuit: QuantumCircuit, places: list[int]) -> None:
    circuit.save_probabilities(places, label=_NAME)


def _with_saves(isa: Isa, wanted: Mapping[str, Observable]) -> QuantumCircuit:
    circuit = isa.circuit.copy()
    for name, observable in wanted.items():
        _save_expectation(circuit, isa, name, observable)
    return circuit


def _save_expectation(
    circuit: QuantumCircuit, isa: Isa, name: str, observable: Observable
) -> None:
    found = observables.pauli_operator(observable)
    if found is not None:
        operator, acting = found
        places = [isa.physical(qubit) for qubit in acting]
        # Aer drops idle qubits and then mixes up an operator on some of the others
        # (Qiskit/qiskit-aer#2442), so the operator names all that it keeps.
        kept = sorted({*places, *touched_qubits(circuit)})
        padded = operator.apply_layout([kept.index(p) for p in places], len(kept))
        circuit.save_expectation_value(padded, kept, label=name)


def _last_bits(counts: Counts, before: int) -> Counts:
    """Counts without the bits that the circuit had before it was measured."""
    if not before:
        return counts
    short: Counts = {}
    for outcome, number in counts.items():
        short[outcome >> before] = short.get(outcome >> before, 0) + number
    return short


def _read(
    got: Outcome, group: observables.Group, isa: Isa, readout: ReadoutErrors
) -> NDArray[np.float64]:
    places = [isa.physical(qubit) for qubit in sorted(group.basis)]
    errors = [readout.get(place, readout.get(None)) for place in places]
    return observables.misread(np.asarray(got.values[_NAME]), errors)
