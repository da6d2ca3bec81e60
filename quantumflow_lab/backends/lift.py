"""Circuits that differ in nothing but angles, brought to one template.

A sweep that builds a circuit for each point builds the same circuit again and again,
with other numbers in it. Here the numbers of standard gates become parameters, and all
points share one circuit object: it travels once, is transpiled once and is bound many
times. What decides more than an angle stays: lengths of delays, on which a schedule
depends, and whole quarter turns, which make gates vanish or Clifford circuits.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Barrier, Measure, ParameterVector, QuantumCircuit, Reset
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from quantumflow_lab.errors import NotStorable
from quantumflow_lab.fingerprint import circuit_key, fingerprint

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from qiskit.circuit import CircuitInstruction

    from quantumflow_lab.backends.pubs import Pub

PREFIX = "qflow"
"""Name of the vector whose elements stand for lifted numbers."""

CircuitKey = tuple[str, tuple[str, ...]]
"""Content key of a circuit, and the order of its parameters."""

_NAME = "qflow template"
_QUARTER = math.pi / 2
_ROUNDING = 1e-9

_PLAIN = {Measure, Reset, Barrier}
"""Instructions without content of their own."""


def is_lifted(name: str) -> bool:
    """Whether a parameter of this name stands for a lifted number."""
    return name.startswith(f"{PREFIX}[")


@dataclass
class Templates:
    """The templates met so far, each as one object.

    Examples
    --------
    >>> one, other = QuantumCircuit(1), QuantumCircuit(1)
    >>> one.rx(0.1, 0) and other.rx(0.2, 0) and None
    >>> templates = Templates()
    >>> (a, x), (b, y) = templates.lift(one), templates.lift(other)
    >>> a is b, x, y
    (True, [0.1], [0.2])
    """

    capacity: int = 512
    """Templates to keep."""
    _known: OrderedDict[Hashable, QuantumCircuit] = field(default_factory=OrderedDict)
    _keys: OrderedDict[int, tuple[QuantumCircuit, CircuitKey]] = field(
        default_factory=OrderedDict
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lift(self, circuit: QuantumCircuit) -> tuple[QuantumCircuit, list[float]]:
        """The template of a circuit, and the numbers that make it the circuit again.

        The circuit itself and no numbers, if it has control flow or variables, comes
        with a layout, or contains something that has no content key.
        """
        values: list[float] = []
        try:
            structure = _structure(circuit, values)
        except NotStorable:
            return circuit, []
        if structure is None:
            return circuit, []
        with self._lock:
            template = self._known.get(structure)
            if template is None:
                template = self._known[structure] = _template(circuit, len(values))
                if len(self._known) > self.capacity:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(structure)
        return template, values

    def key(self, circuit: QuantumCircuit) -> CircuitKey:
        """The content key of a circuit; that of a template is formed once.

        Raises
        ------
        NotStorable
            If it has none.
        """
        with self._lock:
            owner, key = self._keys.get(id(circuit), (None, None))
        if owner is circuit and key is not None:
            return key
        key = circuit_key(circuit)
        # Nobody changes a template; a circuit of the user may be another one next time.
        if circuit.name == _NAME:
            with self._lock:
                self._keys[id(circuit)] = circuit, key
                if len(self._keys) > self.capacity:
                    self._keys.popitem(last=False)
        return key

    def lift_pub(self, pub: Pub) -> Pub:
        """The same PUB on the template, its numbers among the parameter values."""
        template, values = self.lift(pub.circuit)
        if template is pub.circuit:
            return pub
        bindings = _with(pub.parameter_values, values)
        if isinstance(pub, SamplerPub):
            return SamplerPub(template, bindings, pub.shots, validate=False)
        return EstimatorPub(
            template, pub.observables, bindings, pub.precision, validate=False
        )


def _with(bindings: BindingsArray, values: Sequence[float]) -> BindingsArray:
    if not values:
        return bindings
    names = tuple(f"{PREFIX}[{i}]" for i in range(len(values)))
    array = np.broadcast_to(np.asarray(values), (*bindings.shape, len(values)))
    return BindingsArray({**bindings.data, names: array}, bindings.shape)


def _structure(circuit: QuantumCircuit, values: list[float]) -> Hashable | None:
    """All of a circuit but its numbers, which go into `values`; None if it stays."""
    if circuit.layout is not None or circuit.num_identifiers:
        return None
    if any(is_lifted(parameter.name) for parameter in circuit.parameters):
        return None
    places = {bit: i for i, bit in enumerate(circuit.qubits)}
    places |= {bit: i for i, bit in enumerate(circuit.clbits)}
    registers = tuple(
        (register.name, *[places[bit] for bit in register])
        for register in circuit.cregs
    )
    parts: list[Hashable] = [
        *(circuit.num_qubits, circuit.num_clbits, registers),
        str(circuit.global_phase),
    ]
    for item in circuit.data:
        if item.is_control_flow():
            return None
        parts.append((item.name, *[places[bit] for bit in item.qubits]))
        if item.is_standard_gate():
            parts.append((item.label, *[_number(p, values) for p in item.params]))
        else:
            parts.append((*[places[bit] for bit in item.clbits], _content(item)))
    return tuple(parts)


def _number(param: Any, values: list[float]) -> str:
    """Nothing for a number that is lifted; else what stays."""
    if _is_liftable(param):
        values.append(float(param))
        return ""
    return str(param)


def _is_liftable(param: Any) -> bool:
    if not isinstance(param, float | int):
        return False
    quarters = param / _QUARTER
    return abs(quarters - round(quarters)) > _ROUNDING


def _content(item: CircuitInstruction) -> Hashable:
    """What an instruction is beside its name and its bits."""
    operation = item.operation
    if getattr(operation, "base_class", None) in _PLAIN:
        label: str | None = operation.label
        return label
    alone = QuantumCircuit(len(item.qubits), len(item.clbits))
    alone.append(operation, alone.qubits, alone.clbits)
    return fingerprint(alone)


def _template(circuit: QuantumCircuit, count: int) -> QuantumCircuit:
    """The circuit with a parameter for each of its `count` numbers."""
    template = QuantumCircuit(
        *(circuit.qubits, circuit.clbits, *circuit.qregs, *circuit.cregs),
        name=_NAME,
        global_phase=circuit.global_phase,
    )
    parameters = iter(ParameterVector(PREFIX, count))
    for item in circuit.data:
        operation = item.operation
        if item.is_standard_gate() and item.params:
            operation = operation.to_mutable()
            operation.params = _lifted(operation.params, parameters)
        template.append(operation, item.qubits, item.clbits, copy=False)
    return template


def _lifted(params: Iterable[Any], parameters: Any) -> list[Any]:
    return [next(parameters) if _is_liftable(p) else p for p in params]
