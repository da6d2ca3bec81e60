"""PUBs cut into the circuits that run on a backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantumflow_lab.backends.estimating import Estimating, ReadoutErrors
from quantumflow_lab.backends.isa import Isa
from quantumflow_lab.backends.pieces import Outcome, Prepared, bind_all, has_open_delay
from quantumflow_lab.backends.plan import EstimatePlan
from quantumflow_lab.backends.pubs import Kind, Pub, shots_of
from quantumflow_lab.backends.sampling import sample

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


@dataclass(frozen=True, slots=True)
class Maker:
    """Cuts PUBs for one backend with one set of options."""

    name: str
    """Name of the backend, for the metadata."""
    tag: str
    """Tag of the job, for the metadata."""
    calibrated: str | None
    """Date of the calibration data, for the metadata."""
    target: Target
    """Its frozen target."""
    isa: Callable[[QuantumCircuit], Isa]
    """Transpiles."""
    readout: Callable[[], ReadoutErrors | None]
    """Readout errors of a noisy backend, None of an ideal one; slow the first time."""

    def prepare(self, pub: Any, kind: Kind) -> Prepared:
        """Cut one PUB into pieces."""
        isas = self._isas(pub)

        def about(outcomes: Sequence[Outcome]) -> dict[str, Any]:
            return _about(self.name, self.tag, self.calibrated, isas, outcomes)

        if kind == "sample":
            return sample(pub, isas, about)
        estimating = Estimating(pub, isas, self.target, about)
        if pub.precision > 0:
            return estimating.measured()
        readout = self.readout()
        if readout is not None:
            return estimating.exact_with_noise(readout)
        return estimating.exact()

    def _isas(self, pub: Pub) -> list[Isa]:
        """One bound ISA circuit for each parameter set, in flat order."""
        values = pub.parameter_values
        if has_open_delay(pub.circuit):
            # A duration is scheduled, so it has to be a number by then.
            return [self.isa(circuit) for circuit in bind_all(pub.circuit, values)]
        isa = self.isa(pub.circuit)
        return [isa.of(circuit) for circuit in bind_all(isa.circuit, values)]


def circuit_count(kind: Kind, pub: Any) -> int:
    """Circuits that a PUB becomes on a backend, and seeds it takes.

    One for each parameter set; in an estimate with shots, one for each parameter set
    and each group of terms that can be measured together.
    """
    if kind == "estimate" and pub.precision > 0:
        return sum(map(len, EstimatePlan.of(pub).groups))
    return math.prod(pub.parameter_values.shape)


def shot_count(kind: Kind, pub: Any) -> int:
    """Shots over all circuits of a PUB; 0 if it is exact."""
    if kind == "sample":
        return int(pub.shots) * circuit_count(kind, pub)
    each = shots_of(pub.precision) if pub.precision > 0 else 0
    return each * circuit_count(kind, pub)


def _about(
    name: str,
    tag: str,
    calibrated: str | None,
    isas: Sequence[Isa],
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    """What ``PubResult.metadata["qflow"]`` says."""
    places = isas[0].places if isas else None
    return {
        "backend": name,
        "tag": tag,
        "calibrated": calibrated,
        "circuits": len(outcomes),
        "layout": None if places is None else list(places),
        "given": any(isa.given for isa in isas),
        "seed": outcomes[0].seed if outcomes else None,
        "depth": max((isa.size.depth for isa in isas), default=0),
        "two_qubit_gates": max((isa.size.two_qubit_gates for isa in isas), default=0),
        "qubits": max((isa.size.qubits for isa in isas), default=0),
    }
