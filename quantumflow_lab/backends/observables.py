"""Observables: which bases to measure, and what the outcomes say.

A term is a string of letters, qubit 0 last: Paulis ``XYZ`` and the projectors
``01+-rl`` of Qiskit's ``ObservablesArray``. Terms that ask for the same basis on every
qubit they share are measured together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparseObservable, SparsePauliOp

from quantumflow_lab.backends.counts import Counts, bit_matrix

BASIS = dict(zip("XYZ01+-rl", "XYZZZXXYY", strict=True))
"""Basis in which a letter is measured."""

VALUES = {
    **dict.fromkeys("XYZ", (1.0, -1.0)),
    **dict.fromkeys("0+r", (1.0, 0.0)),
    **dict.fromkeys("1-l", (0.0, 1.0)),
}
"""Value of a letter for outcome 0 and for outcome 1."""


@dataclass
class Group:
    """Terms measured by one circuit."""

    basis: dict[int, str] = field(default_factory=dict)
    """Qubit of the given circuit to the basis in which it is measured."""
    terms: list[str] = field(default_factory=list)
    """The terms."""

    def takes(self, term: Mapping[int, str]) -> bool:
        """True if the term asks for no other basis on a qubit of the group."""
        return all(
            self.basis.get(qubit, basis) == basis for qubit, basis in term.items()
        )


def letters(term: str) -> dict[int, str]:
    """Qubits of a term and their letters, identities left out.

    Examples
    --------
    >>> letters("XI0")
    {0: '0', 2: 'X'}
    """
    return {q: letter for q, letter in enumerate(reversed(term)) if letter != "I"}


def groups(terms: Iterable[str]) -> list[Group]:
    """Collect terms that can be measured together, first fit in the order given.

    Identities need no measurement and belong to no group.

    Examples
    --------
    >>> [group.terms for group in groups(["ZZ", "XX", "IZ", "II", "X+"])]
    [['ZZ', 'IZ'], ['XX', 'X+']]
    """
    found: list[Group] = []
    for term in terms:
        basis = {qubit: BASIS[letter] for qubit, letter in letters(term).items()}
        if not basis:
            continue
        group = next((group for group in found if group.takes(basis)), None)
        if group is None:
            group = Group()
            found.append(group)
        group.basis.update(basis)
        group.terms.append(term)
    return found


def term_values(group: Group, outcomes: Sequence[int]) -> NDArray[np.float64]:
    """Value of each term of a group for each outcome.

    Parameters
    ----------
    group
        The group; its qubits in ascending order are bits 0, 1, … of an outcome.
    outcomes
        Outcomes of the measurement.

    Returns
    -------
    array of shape ``(terms, outcomes)``
    """
    bits = bit_matrix(list(outcomes), len(group.basis))
    column = {qubit: i for i, qubit in enumerate(sorted(group.basis))}
    values = np.ones((len(group.terms), len(outcomes)))
    for row, term in enumerate(group.terms):
        for qubit, letter in letters(term).items():
            values[row] *= np.asarray(VALUES[letter])[bits[:, column[qubit]]]
    return values


def mean_and_variance(
    group: Group, counts: Counts, observable: Mapping[str, float]
) -> tuple[float, float]:
    """What one group contributes to the expectation value of an observable.

    Terms of a group come from the same shots, so their sum is formed shot by shot and
    its spread taken, which has their correlations in it.

    Returns
    -------
    float
        Mean over the shots.
    float
        Variance of that mean.
    """
    sums = _sums(group, list(counts), observable)
    numbers = np.array(list(counts.values()), dtype=float)
    shots = numbers.sum()
    mean = float(sums @ numbers / shots)
    spread = float((sums - mean) ** 2 @ numbers / max(shots - 1, 1))
    return mean, spread / shots


def mean(
    group: Group, probabilities: NDArray[np.float64], observable: Mapping[str, float]
) -> float:
    """The same for infinitely many shots, from the probability of each outcome."""
    sums = _sums(group, range(len(probabilities)), observable)
    return float(sums @ probabilities)


def _sums(
    group: Group, outcomes: Sequence[int], observable: Mapping[str, float]
) -> NDArray[np.float64]:
    weights = np.array([observable.get(term, 0.0) for term in group.terms])
    return weights @ term_values(group, outcomes)


def misread(
    probabilities: NDArray[np.float64], errors: Sequence[NDArray[np.float64] | None]
) -> NDArray[np.float64]:
    """Probabilities of what is read, from those of what is there.

    Parameters
    ----------
    probabilities
        Of each outcome, shape ``(2**k,)``.
    errors
        For each of the *k* bits the matrix ``P(read | true)`` with rows by the true
        value, or None for a perfect reading.

    Examples
    --------
    >>> misread(np.array([1.0, 0.0]), [np.array([[0.9, 0.1], [0.2, 0.8]])]).tolist()
    [0.9, 0.1]
    """
    # Axis 0 of the reshaped array is the last bit.
    tensor = probabilities.reshape((2,) * len(errors))
    for bit, matrix in enumerate(errors):
        if matrix is not None:
            axis = len(errors) - 1 - bit
            tensor = np.moveaxis(np.tensordot(tensor, matrix, (axis, 0)), -1, axis)
    return tensor.reshape(-1)


def constant(observable: Mapping[str, float]) -> float:
    """Sum of the coefficients of the identities."""
    return float(sum(c for term, c in observable.items() if not letters(term)))


def pauli_operator(
    observable: Mapping[str, float],
) -> tuple[SparsePauliOp, list[int]] | None:
    """An observable as Paulis on the qubits where it acts.

    Returns
    -------
    tuple, or None for a multiple of the identity
        The operator, and the qubits on which it acts, in its own order.
    """
    acting = sorted({qubit for term in observable for qubit in letters(term)})
    if not acting:
        return None
    terms = [
        ("".join(reversed([term[-1 - qubit] for qubit in acting])), coefficient)
        for term, coefficient in observable.items()
    ]
    sparse = SparseObservable.from_list(terms, num_qubits=len(acting)).as_paulis()
    return SparsePauliOp.from_sparse_observable(sparse).simplify(), acting
