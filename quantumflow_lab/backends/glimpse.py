"""What is known of a backend without loading it."""

from __future__ import annotations

from dataclasses import dataclass

from quantumflow_lab.backends.names import builtin_qubits, is_builtin
from quantumflow_lab.ports import BackendFacts


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One row of a list of backends; None for what only loading it would tell."""

    name: str
    qubits: int | None
    """Width of the device; None also for simulators, which memory limits."""
    simulator: bool | None
    """True if shots are simulated on this machine."""
    noisy: bool | None
    """True if results carry device noise, real or modelled."""
    billed: bool | None
    """True if a run on it needs a budget."""


def glimpse(name: str, facts: BackendFacts | None) -> Glimpse:
    """A row of a list.

    Parameters
    ----------
    name
        Name under which the lab knows the backend.
    facts
        Of a backend that has been loaded; None for any other.

    Examples
    --------
    >>> glimpse("generic_5", None)
    Glimpse(name='generic_5', qubits=5, simulator=True, noisy=True, billed=False)
    >>> glimpse("some_plugin", None).qubits is None
    True
    """
    if facts is not None:
        return Glimpse(
            name, facts.num_qubits, facts.simulator, facts.noisy, facts.billed
        )
    if not is_builtin(name):
        return Glimpse(name, None, None, None, None)
    qubits = builtin_qubits(name)
    return Glimpse(name, qubits, simulator=True, noisy=qubits is not None, billed=False)
