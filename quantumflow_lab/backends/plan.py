"""Which observables an estimator PUB wants at which parameter set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantumflow_lab.backends.observables import Group, groups

if TYPE_CHECKING:
    from qiskit.primitives.containers.estimator_pub import EstimatorPub

Observable = dict[str, float]
"""Terms and their coefficients."""


@dataclass(frozen=True, slots=True)
class EstimatePlan:
    """Parameters broadcast against observables, as Qiskit's estimators do."""

    parameter_index: Any
    """Flat index of the parameter set, an array of the shape of the PUB."""
    observable: Any
    """Observable as a dict, an array of the shape of the PUB."""
    groups: list[tuple[Group, ...]]
    """Groups of terms to measure, for each parameter set."""

    @classmethod
    def of(cls, pub: EstimatorPub) -> EstimatePlan:
        """Plan a PUB."""
        shape = pub.parameter_values.shape
        numbers = np.arange(math.prod(shape)).reshape(shape)
        numbers, wanted = np.broadcast_arrays(numbers, np.asarray(pub.observables))
        terms: list[dict[str, None]] = [{} for _ in range(math.prod(shape))]
        for number, observable in zip(numbers.flat, wanted.flat, strict=True):
            terms[number].update(dict.fromkeys(observable))
        known: dict[tuple[str, ...], tuple[Group, ...]] = {}
        for found in map(tuple, terms):
            if found not in known:
                known[found] = tuple(groups(found))
        return cls(numbers, wanted, [known[tuple(found)] for found in terms])

    def at(self, index: tuple[int, ...]) -> tuple[int, Observable]:
        """Flat parameter set and observable of one element of the result."""
        return int(self.parameter_index[index]), self.observable[index]

    def distinct(self) -> list[dict[str, Observable]]:
        """Different observables of each parameter set, by label."""
        found: list[dict[str, Observable]] = [{} for _ in self.groups]
        pairs = zip(self.parameter_index.flat, self.observable.flat, strict=True)
        for number, observable in pairs:
            found[number][label(observable)] = observable
        return found


def label(observable: Observable) -> str:
    """A name for an observable, equal for equal ones."""
    return repr(sorted(observable.items()))
