"""What work costs on a backend."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from operator import add

from quantumflow_lab.amounts import is_unit
from quantumflow_lab.errors import BadOption

_DEAREST = 2000
"""Most money that one job, circuit, shot, second or gate may cost."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What work takes of a backend, in the things that prices count.

    Examples
    --------
    >>> Usage(circuits=1, shots=100, seconds=2.5) + Usage(circuits=2, shots=50)
    Usage(circuits=3, shots=150, seconds=2.5, one_qubit=0, two_qubit=0, measured=0)
    """

    circuits: int = 0
    shots: int = 0
    """Over all circuits."""
    seconds: float = 0.0
    """Time in which the device does nothing else."""
    one_qubit: int = 0
    """One-qubit gates, each as often as its circuit has shots."""
    two_qubit: int = 0
    """Two-qubit gates, likewise."""
    measured: int = 0
    """Measured qubits, likewise."""

    def __add__(self, other: Usage) -> Usage:
        """What both take together."""
        return Usage(*map(add, _numbers(self), _numbers(other)))


def _numbers(usage: Usage) -> list[int | float]:
    return [getattr(usage, each.name) for each in fields(usage)]


@dataclass(frozen=True, slots=True)
class Price:
    """What a job on a backend costs, at most and in the end.

    Examples
    --------
    >>> price = Price("USD", per_job="0.30", per_shot=0.001)
    >>> price.of(Usage(circuits=2, shots=200))
    Decimal('0.500')
    """

    currency: str
    """Three letters, such as ``USD``, or what a provider counts in: ``s`` of its
    devices, ``credits``."""
    per_job: Decimal = Decimal(0)
    """Numbers and text become decimals."""
    per_circuit: Decimal = Decimal(0)
    per_shot: Decimal = Decimal(0)
    per_second: Decimal = Decimal(0)
    """Of the time in which the device does nothing else."""
    per_one_qubit: Decimal = Decimal(0)
    """Of each one-qubit gate in each shot."""
    per_two_qubit: Decimal = Decimal(0)
    """Of each two-qubit gate in each shot."""
    per_measured: Decimal = Decimal(0)
    """Of each measured qubit in each shot."""

    def __post_init__(self) -> None:
        code = str(self.currency).upper()
        if is_unit(str(self.currency)):
            code = str(self.currency)
        elif not re.fullmatch("[A-Z]{3}", code):
            raise BadOption(
                "the currency of a price has three letters, such as USD, not "
                f"{self.currency!r}"
            )
        object.__setattr__(self, "currency", code)
        for name in (each.name for each in fields(self) if each.name[:4] == "per_"):
            given = getattr(self, name)
            try:
                # From text, so that 0.1 is a tenth and not its nearest double.
                amount = Decimal(str(given))
            except InvalidOperation:
                amount = Decimal("NaN")
            if not amount.is_finite() or not 0 <= amount <= _DEAREST:
                raise BadOption(f"{name} of a price cannot be {given}")
            object.__setattr__(self, name, amount)

    @property
    def free(self) -> bool:
        """True if nothing costs anything."""
        return not any(getattr(self, each.name) for each in fields(self)[1:])

    @property
    def needs_forecast(self) -> bool:
        """True if the cost depends on what circuits become on the device."""
        return any(
            (self.per_second, self.per_one_qubit, self.per_two_qubit, self.per_measured)
        )

    def of(self, usage: Usage, *, jobs: int = 1) -> Decimal:
        """Price of work that goes in some jobs."""
        return (
            jobs * self.per_job
            + usage.circuits * self.per_circuit
            + usage.shots * self.per_shot
            + Decimal(repr(usage.seconds)) * self.per_second
            + usage.one_qubit * self.per_one_qubit
            + usage.two_qubit * self.per_two_qubit
            + usage.measured * self.per_measured
        )
