"""PUBs cut into the circuits that run on a backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qiskit.primitives.containers import PubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from quantumflow_lab.backends.estimating import Estimating, ReadoutErrors
from quantumflow_lab.backends.isa import Isa, Settings, Transpiler
from quantumflow_lab.backends.lift import is_lifted
from quantumflow_lab.backends.pieces import (
    Outcome,
    Prepared,
    Ready,
    Shared,
    assigned,
    has_open_delay,
    value_array,
    value_rows,
)
from quantumflow_lab.backends.plan import EstimatePlan
from quantumflow_lab.backends.pubs import Kind, Pub, shots_of
from quantumflow_lab.backends.sampling import sample

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class Maker:
    """Cuts PUBs for one backend with one set of options."""

    name: str
    """Name of the backend, for the metadata."""
    tag: str
    """Tag of the job, for the metadata."""
    calibrated: str | None
    """Date of the calibration data, for the metadata."""
    transpiler: Transpiler
    """Of the backend."""
    settings: Settings
    """How to transpile."""
    noisy: bool
    """True if results depend on the gates, not only on what they do."""
    readout: Callable[[], ReadoutErrors | None]
    """Readout errors of a noisy backend, None of an ideal one; slow the first time."""
    shared: Shared
    """What PUBs of the job share."""
    derived: Shared
    """What is made from ISA circuits, and outlives the job as they do."""

    def prepare(self, pub: Any, kind: Kind) -> Prepared:
        """Cut one PUB into pieces."""
        ready = self._ready(pub)

        def about(outcomes: Sequence[Outcome]) -> dict[str, Any]:
            isas = [each.isa for each in ready]
            return _about(self.name, self.tag, self.calibrated, isas, outcomes)

        if kind == "sample":
            return sample(pub, ready, about)
        target = self.transpiler.target
        estimating = Estimating(pub, ready, target, about, self.derived)
        if pub.precision > 0:
            return estimating.measured()
        readout = self.readout()
        if readout is not None:
            return estimating.exact_with_noise(readout)
        return estimating.exact()

    def native(self, pub: EstimatorPub) -> tuple[Isa, EstimatorPub]:
        """The PUB in terms of the target, for an estimator of the backend's own."""
        isa = self._isa(assigned(pub.circuit, _lifted_numbers(pub)))
        names = [parameter.name for parameter in isa.circuit.parameters]
        values = pub.parameter_values
        bindings = BindingsArray(
            {tuple(names): value_array(names, values)} if names else {}, values.shape
        )
        observables = pub.observables.apply_layout(
            None if isa.layout is None else list(isa.layout), isa.circuit.num_qubits
        )
        return isa, EstimatorPub(isa.circuit, observables, bindings, pub.precision)

    def told(self, isa: Isa, pub: EstimatorPub, result: PubResult) -> PubResult:
        """What an estimator of the backend's own said, with what ours would say."""
        shots = shots_of(pub.precision)
        about = _about(self.name, self.tag, self.calibrated, [isa], [])
        metadata = {
            **result.metadata,
            "target_precision": pub.precision,
            "shots": result.metadata.get("shots", shots),
            "circuit_metadata": pub.circuit.metadata,
            "qflow": about,
        }
        return PubResult(result.data, metadata)

    def _ready(self, pub: Pub) -> list[Ready]:
        """A circuit and its values for each parameter set, in flat order."""
        circuit = pub.circuit
        if has_open_delay(circuit):
            return self._bound_first(pub)
        numbers = _lifted_numbers(pub)
        if numbers and self.noisy and self._depends_on_numbers(circuit):
            return self._valued(self._isa(assigned(circuit, numbers)), pub)
        try:
            isa = self._isa(circuit)
        except Exception:
            # Some numbers have a form in the target that a parameter has not.
            if numbers:
                return self._valued(self._isa(assigned(circuit, numbers)), pub)
            raise
        ready = self._valued(isa, pub)
        return self._finished(ready) if numbers and self.noisy else ready

    def _isa(self, circuit: QuantumCircuit) -> Isa:
        return self.shared.once(
            circuit,
            self.settings.key(),
            lambda: self.transpiler.isa(circuit, self.settings),
        )

    def _depends_on_numbers(self, circuit: QuantumCircuit) -> bool:
        """Whether numbers make a better circuit than parameters would."""
        level = self.settings.level
        return level > 1 or self.transpiler.schedules(circuit, self.settings)

    def _bound_first(self, pub: Pub) -> list[Ready]:
        """A duration is scheduled, so it has to be a number by then."""
        names = [parameter.name for parameter in pub.circuit.parameters]
        return [
            Ready(self._isa(assigned(pub.circuit, row)))
            for row in value_rows(names, pub.parameter_values)
        ]

    def _valued(self, isa: Isa, pub: Pub) -> list[Ready]:
        names = [parameter.name for parameter in isa.circuit.parameters]
        return [Ready(isa, row) for row in value_rows(names, pub.parameter_values)]

    def _finished(self, ready: Sequence[Ready]) -> list[Ready]:
        """Bound, and as short as if the numbers had been there from the start."""
        known: dict[tuple[float, ...], Ready] = {}
        for each in ready:
            if each.values not in known:
                circuit = assigned(each.isa.circuit, each.values)
                done = self.transpiler.finished(each.isa, circuit, self.settings)
                known[each.values] = Ready(done)
        return [known[each.values] for each in ready]


def _lifted_numbers(pub: Pub) -> dict[str, float]:
    """Numbers that were lifted out of the circuit, by the parameter in their place."""
    names = [p.name for p in pub.circuit.parameters if is_lifted(p.name)]
    if not names or not math.prod(pub.parameter_values.shape):
        return {}
    # They are the same in every parameter set.
    first = value_rows(names, pub.parameter_values)[0]
    return dict(zip(names, first, strict=True))


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
