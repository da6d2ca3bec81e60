"""What tells which prices fit a backend."""

from __future__ import annotations

from typing import Any

from quantumflow_lab.backends.facts import is_elsewhere, is_primitive
from quantumflow_lab.prices import Device


def device_of(backend: Any) -> Device:
    """The classes and the name of a backend, as tables of prices have them.

    Examples
    --------
    >>> from qiskit.providers.basic_provider import BasicSimulator
    >>> device_of(BasicSimulator()).kinds[0]
    'qiskit:BasicSimulator'
    """
    if is_primitive(backend):
        return device_of(backend.backend)
    if is_elsewhere(backend):
        return Device(backend.kinds, str(backend.name), backend.circuits_in_task)
    kinds = (
        f"{kind.__module__.partition('.')[0]}:{kind.__name__}"
        for kind in type(backend).__mro__
    )
    # Braket makes one task of a program set, where a device takes them.
    together = bool(getattr(backend, "_max_program_set_executables", None))
    return Device(tuple(kinds), str(getattr(backend, "name", "")), together)
