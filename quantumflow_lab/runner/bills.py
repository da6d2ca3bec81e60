"""What a job costs, by all that is known of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quantumflow_lab.planning.billing import NOTHING, Bill, Ended, Rule, bill
from quantumflow_lab.planning.bounds import (
    MARGIN,
    extra,
    per_circuit,
    rate_of,
    reserve,
    together,
    usage_of,
)
from quantumflow_lab.planning.modes import in_session
from quantumflow_lab.ports import JobMetrics
from quantumflow_lab.price import Price, Usage
from quantumflow_lab.runner.open_job import OpenJob

Quoted = tuple[Decimal, Decimal, Decimal]
"""The least, the expected and the most."""


def billed(
    open_job: OpenJob,
    stage: str,
    metrics: JobMetrics | None = None,
    price: Price | None = None,
) -> Bill:
    """What a job costs by what is known of it, by its price or another."""
    price = price or open_job.price
    if price is None:
        return NOTHING
    known = metrics or JobMetrics()
    ended = ended_as(open_job, stage)
    alone = price
    if ended is not Ended.UNKNOWN:
        price = in_session(alone, open_job.request.mode)
    found = bill(
        price,
        ended,
        most=bound(open_job, price),
        ran=_ran(open_job, price, known),
        used=known.usage,
        provider=known.provider,
    )
    covered = price is not alone and rate_of(alone) and price.free
    if covered and found.rule not in (Rule.NOT_TAKEN, Rule.NOT_CHARGED):
        return replace(found, rule=Rule.SESSION)
    return found


def ended_as(open_job: OpenJob, stage: str) -> Ended:
    """What became of a job, for its bill."""
    sent = bool(open_job.batches) if open_job.device else stage != "intended"
    if not sent:
        return Ended.NEVER
    known = stage == "settled" or open_job.accounted
    if not known or open_job.untold:
        return Ended.UNKNOWN
    if open_job.answers:
        whole = not (open_job.failed or open_job.cancelled)
        return Ended.DONE if whole else Ended.PART
    if open_job.never:
        return Ended.NEVER
    if open_job.failed or open_job.cancelled:
        return Ended.FAILED if open_job.failed else Ended.CANCELLED
    # What a provider has taken it may bill, whatever we could read of it.
    return Ended.PART if open_job.taken else Ended.NEVER


def bound(open_job: OpenJob, price: Price | None = None) -> Decimal:
    """The most that a job may cost, by its price or another."""
    price = price or open_job.price
    if price is None:
        return Decimal(0)
    tasks = [open_job.tasks[member.unit] for member in open_job.request.members]
    asked = open_job.asked
    most = reserve(price) + asked.circuits * per_circuit(price)
    most += asked.shots * price.per_shot
    return most + extra(price, open_job.facts, together(t.forecast for t in tasks))


def _ran(open_job: OpenJob, price: Price, metrics: JobMetrics) -> Usage:
    """What a job has used, as far as nobody tells: as was expected."""
    expected = _expected(open_job, price)
    return replace(expected, circuits=metrics.circuits, shots=metrics.shots)


def _expected(open_job: OpenJob, price: Price) -> Usage:
    """What was to be expected of what arrived."""
    absent = set(map(id, open_job.absent))
    ran = (task for task in open_job.tasks.values() if id(task) not in absent)
    forecast = together(task.forecast for task in ran)
    return usage_of(price, open_job.facts, forecast, jobs=1)


def quoted(open_job: OpenJob) -> Quoted | None:
    """What a job was to cost, where that follows from what it asks."""
    if open_job.price is None:
        return None
    price = in_session(open_job.price, open_job.request.mode)
    if not price.needs_forecast:
        cost = price.of(open_job.asked)
        return cost, cost, cost
    if any(task.forecast is None for task in open_job.tasks.values()):
        return None
    asked = open_job.asked
    expected = _expected(open_job, open_job.price)
    usage = replace(expected, circuits=asked.circuits, shots=asked.shots)
    cost = price.of(usage)
    return cost / MARGIN, cost, cost * MARGIN
