"""What work costs on a backend."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from operator import add

from quantumflow_lab.amounts import is_unit
from quantumflow_lab.errors import BadOption

_DEAREST = 2000
"""Most money that one job, circuit, shot, second or gate may cost."""
_DEAREST_HOUR = 3600 * _DEAREST


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

    Time is billed in steps, and not below a minimum:

    >>> price = Price("USD", per_second=2, step_s="0.01", least_s=3)
    >>> float(price.of(Usage(circuits=1, seconds=4.001)))
    8.02
    >>> float(price.of(Usage(circuits=1)))
    6.0
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
    per_hour: Decimal = Decimal(0)
    """Likewise, where a second has no exact price."""
    per_one_qubit: Decimal = Decimal(0)
    """Of each one-qubit gate in each shot."""
    per_two_qubit: Decimal = Decimal(0)
    """Of each two-qubit gate in each shot."""
    per_measured: Decimal = Decimal(0)
    """Of each measured qubit in each shot."""
    least_s: Decimal = Decimal(0)
    """Seconds that a circuit is billed at least."""
    step_s: Decimal = Decimal(0)
    """Seconds are billed in whole steps of so many; 0 for exactly."""
    job_s: float = 0.0
    """Seconds of the device that a job takes, whatever is in it."""
    rep_delay_s: float = 0.0
    """Seconds between two shots, where the backend does not say."""
    source: str = ""
    """Who says so."""
    dated: str = ""
    """When, ISO 8601."""
    verified: bool = True
    """Whether that is the provider, or the user."""
    note: str = ""
    """What else one should know."""

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
        for name in (*_RATES, "least_s", "step_s"):
            most = _DEAREST_HOUR if name == "per_hour" else _DEAREST
            given = getattr(self, name)
            try:
                # From text, so that 0.1 is a tenth and not its nearest double.
                amount = Decimal(str(given))
            except InvalidOperation:
                amount = Decimal("NaN")
            if not amount.is_finite() or not 0 <= amount <= most:
                raise BadOption(f"{name} of a price cannot be {given}")
            object.__setattr__(self, name, amount)

    @property
    def free(self) -> bool:
        """True if nothing costs anything."""
        return not any(getattr(self, name) for name in _RATES)

    @property
    def timed(self) -> bool:
        """True if a second of the device costs something."""
        return bool(self.per_second or self.per_hour)

    @property
    def needs_forecast(self) -> bool:
        """True if the cost depends on what circuits become on the device."""
        return any(getattr(self, name) for name in _FORECAST)

    @property
    def formula(self) -> str:
        """The terms in words.

        Examples
        --------
        >>> Price("USD", per_job="0.30", per_shot="0.00145").formula
        '0.30 USD a job + 0.00145 USD a shot'
        """
        terms = [
            f"{getattr(self, name)} {self.currency} {words}"
            for name, words in _WORDS.items()
            if getattr(self, name)
        ]
        return " + ".join(terms) or "free"

    def in_seconds(self) -> Price:
        """The same device, billed by the seconds that it is used."""
        return Price(
            "s",
            per_second=Decimal(1),
            least_s=self.least_s,
            step_s=self.step_s,
            job_s=self.job_s,
            rep_delay_s=self.rep_delay_s,
        )

    def with_times_of(self, other: Price) -> Price:
        """With what another price says of times where this one says nothing."""
        return replace(
            self,
            job_s=self.job_s or other.job_s,
            rep_delay_s=self.rep_delay_s or other.rep_delay_s,
        )

    def of(self, *usages: Usage, jobs: int = 1) -> Decimal:
        """Price of work that goes in some jobs.

        Parameters
        ----------
        *usages
            What is billed apart, as by minima. If circuits are added up before, short
            ones make up for long ones, and the price is a lower bound.
        """
        return jobs * self.per_job + sum(map(self._one, usages), Decimal(0))

    def typical(self, rep_delay_s: float | None) -> tuple[float, float]:
        """About what a job costs beside its circuits, and each shot.

        For choices that come before anybody knows the circuits: those of prices that
        count time or gates are taken as of some ten gates.
        """
        delay = self.rep_delay_s if rep_delay_s is None else rep_delay_s
        job = self.of(Usage(seconds=self.job_s))
        seconds = delay + _TYPICAL.seconds
        shot = self._one(replace(_TYPICAL, seconds=seconds)) - self.per_circuit
        return float(job), float(shot)

    def _one(self, usage: Usage) -> Decimal:
        # Whole nanoseconds, so that sums have an end.
        used = Decimal(repr(round(usage.seconds, 9)))
        seconds = max(used, usage.circuits * self.least_s)
        if self.step_s:
            seconds = self.step_s * (seconds / self.step_s).to_integral_value(
                ROUND_CEILING
            )
        return (
            usage.circuits * self.per_circuit
            + usage.shots * self.per_shot
            + seconds * self.per_second
            + seconds * self.per_hour / 3600
            + usage.one_qubit * self.per_one_qubit
            + usage.two_qubit * self.per_two_qubit
            + usage.measured * self.per_measured
        )


_TYPICAL = Usage(1, 1, seconds=1e-5, one_qubit=20, two_qubit=10, measured=5)
_WORDS = {
    "per_job": "a job",
    "per_circuit": "a circuit",
    "per_shot": "a shot",
    "per_second": "a second",
    "per_hour": "an hour",
    "per_one_qubit": "a one-qubit gate and shot",
    "per_two_qubit": "a two-qubit gate and shot",
    "per_measured": "a measured qubit and shot",
}
_RATES = tuple(_WORDS)
_FORECAST = _RATES[3:]
