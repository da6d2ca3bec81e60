"""What a device says of its qubits and gates, to be kept beside what it measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit.transpiler import Target


_OF_A_QUBIT = ("t1", "t2", "frequency")
_OF_A_GATE = ("error", "duration")


def calibration(target: Target) -> dict[str, Any] | None:
    """Times, frequencies and errors of a target, in SI units.

    Parameters
    ----------
    target
        Of a backend; see :class:`qiskit.transpiler.Target`.

    Returns
    -------
    dict or None
        ``{"dt": …, "qubits": [{"t1", "t2", "frequency"}], "gates": {name: {qubits:
        {"error", "duration"}}}}`` with qubits such as ``"0,1"``; what is not known is
        left out, and None stands for nothing at all.
    """
    found: dict[str, Any] = {}
    if target.dt is not None:
        found["dt"] = float(target.dt)
    qubits = [_known(each, _OF_A_QUBIT) for each in target.qubit_properties or ()]
    if any(qubits):
        found["qubits"] = qubits
    gates = {}
    for name in sorted(target.operation_names):
        places = {
            ",".join(map(str, where)): known
            for where, properties in (target[name] or {}).items()
            if where is not None and (known := _known(properties, _OF_A_GATE))
        }
        if places:
            gates[name] = places
    if gates:
        found["gates"] = gates
    return found if found.keys() & {"qubits", "gates"} else None


def _known(properties: Any, names: tuple[str, ...]) -> dict[str, float]:
    found = {name: getattr(properties, name, None) for name in names}
    return {name: float(value) for name, value in found.items() if value is not None}
