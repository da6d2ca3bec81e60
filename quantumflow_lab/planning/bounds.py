"""The most that jobs may cost, so that a budget holds whatever becomes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from quantumflow_lab.amounts import Money, micro
from quantumflow_lab.ports import BackendFacts, MemberForecast
from quantumflow_lab.price import Price, Usage
from quantumflow_lab.work import NO_WORK, Work

MARGIN = Decimal("1.25")
"""What is kept back for times and gates that are forecast, over what is expected."""
SECOND = Decimal(1)
"""Kept back for each job, since providers stop jobs at whole seconds."""


def watched(facts: BackendFacts, budget: Money | None) -> Price | None:
    """What a backend costs in what the run counts; None for nothing, or unknown.

    A budget in seconds of devices counts these, whatever they cost in money. A
    simulator that somebody put a price on stands for a device; any other takes none.
    """
    stands_in = not facts.simulator or facts.price is not None
    if budget is None or budget.currency != "s" or not stands_in:
        return facts.price
    return (facts.price or Price("s")).in_seconds()


def beside(price: Price | None, facts: BackendFacts) -> Price | None:
    """What a backend costs in money where the run counts it in seconds, else None.

    Caps of the home are in money, whatever a run counts.
    """
    own = facts.price
    if price is None or own is None or own.free or own.currency == price.currency:
        return None
    return own


def consent(facts: BackendFacts, name: str) -> str:
    """Why a run of which nobody said what it may cost sends nothing to a backend."""
    cost = "an unknown price" if facts.price is None else facts.price.formula
    unit = "USD" if facts.price is None else facts.price.currency
    return (
        f"jobs on '{facts.name}' cost {cost}, and nobody said how much the run may "
        f'cost; to go on type %qflow resume {name} --budget "20 {unit}", or '
        '"unlimited"'
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept back for a job, in millionths of what its price counts in."""

    reserve: int = 0
    """Beside its circuits."""
    per_circuit: int = 0
    per_shot: int = 0
    per_extra: int = 0
    """1 where time and gates of its members are added, as :func:`extra` tells them."""

    def of(self, *, jobs: int, circuits: int, shots: int, extra: int) -> Decimal:
        """What is kept back for some jobs together.

        Examples
        --------
        >>> kept_back(Price("USD", per_job="0.30", per_shot=0.001)).of(
        ...     jobs=2, circuits=3, shots=300, extra=0
        ... )
        Decimal('0.9')
        """
        linear = jobs * self.reserve + circuits * self.per_circuit
        linear += shots * self.per_shot
        return Decimal(linear + self.per_extra * extra) / 10**6


def kept_back(price: Price | None) -> Kept:
    """What the scheduler keeps back for jobs of a price, and a quote tells of them."""
    if price is None:
        return Kept()
    return Kept(
        reserve=micro(reserve(price)),
        per_circuit=micro(per_circuit(price)),
        per_shot=micro(price.per_shot),
        per_extra=int(price.needs_forecast),
    )


def reserve(price: Price) -> Decimal:
    """The most that a job may cost beside its circuits."""
    rate = rate_of(price)
    if not rate:
        return price.per_job
    seconds = Decimal(repr(price.job_s)) * MARGIN + SECOND + price.step_s
    return price.per_job + seconds * rate


def per_circuit(price: Price) -> Decimal:
    """The most that a circuit may cost beside its shots, time and gates."""
    return price.per_circuit + price.least_s * rate_of(price)


def extra(price: Price, facts: BackendFacts, forecast: MemberForecast) -> Decimal:
    """The most that time and gates of a member may cost."""
    usage = usage_of(price, facts, forecast)
    return MARGIN * (
        Decimal(repr(usage.seconds)) * rate_of(price)
        + usage.one_qubit * price.per_one_qubit
        + usage.two_qubit * price.per_two_qubit
        + usage.measured * price.per_measured
    )


def usage_of(
    price: Price, facts: BackendFacts, forecast: MemberForecast | None, *, jobs: int = 0
) -> Usage:
    """What circuits are expected to take, and the jobs that they go in."""
    found = forecast or MemberForecast()
    delay = facts.rep_delay_s
    delay = price.rep_delay_s if delay is None else delay
    return Usage(
        circuits=found.circuits,
        shots=found.shots,
        seconds=jobs * price.job_s + found.shots * delay + (found.busy_s or 0.0),
        one_qubit=found.one_qubit,
        two_qubit=found.two_qubit,
        measured=found.measured,
    )


def most_seconds(price: Price, facts: BackendFacts, forecast: MemberForecast) -> int:
    """Whole seconds after which to stop a job, so that it costs no more than kept back.

    Examples
    --------
    >>> from quantumflow_lab.backends import Registry
    >>> facts = Registry().facts("fake_manila")
    >>> most_seconds(Price("USD", per_second=1, job_s=2.0), facts, MemberForecast())
    3
    """
    overhead = Decimal(repr(price.job_s)) * MARGIN + SECOND
    seconds = Decimal(repr(usage_of(price, facts, forecast).seconds))
    return max(int(overhead + MARGIN * seconds), 1)


def rate_of(price: Price) -> Decimal:
    """Money for a second."""
    return price.per_second + price.per_hour / 3600


def together(forecasts: Iterable[MemberForecast | None]) -> MemberForecast:
    """Forecasts of members, where there are any, as one of them all."""
    listed = [each for each in forecasts if each is not None]
    busy = [each.busy_s for each in listed]
    chances = [(each.success, each.circuits) for each in listed]
    circuits = sum(each.circuits for each in listed)
    known = all(chance is not None for chance, _ in chances) and circuits
    return MemberForecast(
        circuits=circuits,
        shots=sum(each.shots for each in listed),
        busy_s=None if None in busy else sum(each or 0.0 for each in busy),
        one_qubit=sum(each.one_qubit for each in listed),
        two_qubit=sum(each.two_qubit for each in listed),
        measured=sum(each.measured for each in listed),
        success=sum((c or 0.0) * n for c, n in chances) / circuits if known else None,
        depth=max((each.depth for each in listed), default=0),
        two_qubit_gates=max((each.two_qubit_gates for each in listed), default=0),
        qubits=max((each.qubits for each in listed), default=0),
        work=_work([each.work for each in listed]),
    )


def _work(works: Iterable[Work]) -> Work:
    """Work of members of one job, which reads its noise model once."""
    listed = list(works)
    noise = max((each.noise for each in listed), default=0)
    return replace(sum(listed, NO_WORK), noise=noise)
