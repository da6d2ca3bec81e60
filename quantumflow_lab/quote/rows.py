"""What one step would take on one backend: jobs, circuits, time, money and success."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import cast

from quantumflow_lab.planning.expect import Timing
from quantumflow_lab.planning.timing import (
    Model,
    between_shots,
    device_seconds,
    job_terms,
    prior_of,
)
from quantumflow_lab.planning.waits import Waits
from quantumflow_lab.ports import BackendFacts, MemberForecast
from quantumflow_lab.price import Usage
from quantumflow_lab.quote.figure import Bound, Figure
from quantumflow_lab.work import NO_WORK

TRIED, UNTRIED = 1.5, 4.0
"""Likewise for machine times that earlier runs tell, and where none do."""


_FAILS = ("cannot run there", "its function raises")
"""How a note begins that tells of a failure."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a step would send to one backend."""

    circuits: int | None
    shots: int | None
    """Over all circuits."""
    forecast: MemberForecast | None = None
    """Of all of them together."""
    jobs: int | None = None
    """Where each call is a job; None to put circuits together."""
    source: str = "the step's own function"
    bound: Bound = "exact"
    """How sure the numbers are."""
    most: bool = False
    """Whether they are the most that it may send."""
    unknown: str = ""
    """Why nothing is known."""


@dataclass(frozen=True, slots=True)
class StepQuote:
    """What one step would take on one backend."""

    step: str
    backend: str
    jobs: Figure
    circuits: Figure
    shots: Figure
    device_s: Figure
    """Seconds in which the device does nothing else; 0 on simulators."""
    machine_s: Figure
    """Seconds of this machine."""
    wait_s: Figure
    """Of one job, until it starts."""
    cost: Figure
    success: Figure
    """Mean probability of success of its circuits."""
    note: str = ""
    """What is kept, or why something is not known."""

    @property
    def fails(self) -> bool:
        """Whether the step would fail there; its note says why."""
        return any(part.startswith(_FAILS) for part in self.note.split("; "))


def quote_step(
    step: str,
    facts: BackendFacts,
    load: Load,
    *,
    timing: Timing,
    tried: bool,
    model: Model,
    waits: Waits | None,
    budget: float | None,
    note: str = "",
) -> StepQuote:
    """Quote one step on one backend.

    Parameters
    ----------
    timing
        Seconds of a job beside its circuits, and of a circuit, on this machine.
    tried
        Whether jobs of this step there, or of the backend, tell so.
    model
        What jobs of the backend take by what they are made of.
    waits
        Of earlier jobs, if there were any.
    budget
        What the run may cost at most, in the currency of the price.
    """
    unit = facts.price.currency if facts.price is not None else "USD"
    if load.circuits is None or load.shots is None:
        why = load.unknown
        most = budget if facts.price is not None else None
        return StepQuote(
            step,
            facts.name,
            jobs=(
                Figure.unknown("jobs", why)
                if load.jobs is None
                else _counted(load, load.jobs, "jobs", "each call is a job")
            ),
            circuits=Figure.unknown("circuits", why),
            shots=Figure.unknown("shots", why),
            device_s=_nothing("s") if facts.simulator else Figure.unknown("s", why),
            machine_s=Figure.unknown("s", why) if facts.simulator else _nothing("s"),
            wait_s=_wait(facts, waits),
            cost=_free(facts) or Figure.unknown(unit, why, most),
            success=Figure.unknown("", why),
            note=note or why,
        )
    jobs = load.jobs if load.jobs is not None else jobs_of(facts, load)
    device_s = _device(facts, load, jobs, model)
    return StepQuote(
        step,
        facts.name,
        jobs=_counted(load, jobs, "jobs", _how_jobs(facts, load, jobs)),
        circuits=_counted(load, load.circuits, "circuits"),
        shots=_counted(load, load.shots, "shots"),
        device_s=device_s,
        machine_s=_machine(facts, load, jobs, timing, model, tried=tried),
        wait_s=_wait(facts, waits),
        cost=_cost(facts, load, jobs, device_s),
        success=_success(facts, load),
        note=note,
    )


def _counted(load: Load, value: int, unit: str, how: str = "") -> Figure:
    low, bound = (0, "at most") if load.most else (value, load.bound)
    return Figure(value, low, value, unit, how, load.source, "", cast("Bound", bound))


def jobs_of(facts: BackendFacts, load: Load) -> int:
    """Jobs that circuits become when they are put together up to the limits."""
    circuits, shots = load.circuits or 0, load.shots or 0
    most = min(facts.max_circuits, facts.limits.circuits or facts.max_circuits)
    jobs = ceil(circuits / most)
    if facts.limits.shots:
        jobs = max(jobs, ceil(shots / facts.limits.shots))
    return jobs


def _how_jobs(facts: BackendFacts, load: Load, jobs: int) -> str:
    if load.jobs is not None:
        return "each call is a job"
    most = min(facts.max_circuits, facts.limits.circuits or facts.max_circuits)
    return f"{load.circuits:,} circuits in jobs of at most {most:,}: {jobs}"


def _jobs(count: int) -> str:
    return f"{count:,} job{'s' * (count != 1)}"


def _nothing(unit: str) -> Figure:
    return Figure.exact(0, unit)


def _free(facts: BackendFacts) -> Figure | None:
    """No money, where that is known."""
    if facts.price is None:
        unknown = Figure.unknown("USD", "no price of it is known; see docs/prices.md")
        return _nothing("USD") if facts.simulator else unknown
    return _nothing(facts.price.currency) if facts.price.free else None


def _device(facts: BackendFacts, load: Load, jobs: int, model: Model) -> Figure:
    """Seconds of the device: overhead of jobs, then each shot with what follows it."""
    # A simulation that somebody put a price on stands for a device.
    if not load.circuits or (facts.simulator and facts.price is None):
        return _nothing("s")
    busy = None if load.forecast is None else load.forecast.busy_s
    if busy is None:
        return Figure.unknown("s", "the device does not tell how long circuits take")
    overhead = facts.price.job_s if facts.price is not None else 0.0
    shots = load.shots or 0
    told = device_seconds(facts, jobs=jobs, shots=shots, busy_s=busy)
    if facts.simulator:
        # What is known of it is of this machine, not of what it stands for.
        model = prior_of(replace(facts, simulator=False))
    found = model.predict((told,))
    how = (
        f"{_jobs(jobs)} x {overhead:g} s + {shots:,} shots x "
        f"{between_shots(facts) * 1e6:g} us + {busy:.3g} s in circuits"
    )
    source = "durations of the device's target, within 25 %"
    if found.jobs:
        how = f"({how}) x {found.value / told:.3g}" if told else how
        source = f"durations of the device's target, and {found.source}"
    low = 0.0 if load.most else found.low
    return Figure(found.value, low, found.high, "s", how, source)


def _machine(
    facts: BackendFacts,
    load: Load,
    jobs: int,
    timing: Timing,
    model: Model,
    *,
    tried: bool,
) -> Figure:
    """Seconds of this machine, by what the circuits are made of if that is known."""
    if not load.circuits or not facts.simulator:
        return _nothing("s")
    before = jobs * timing.setup_s
    doubt = TRIED if tried else UNTRIED
    how = f"{_jobs(jobs)} x {timing.setup_s:.3g} s"
    low, high = before / doubt, before * doubt
    work = NO_WORK if load.forecast is None else load.forecast.work
    if work == NO_WORK:
        value = load.circuits * timing.circuit_s
        low, high = low + value / doubt, high + value * doubt
        circuits = f"{load.circuits:,} circuit{'s' * (load.circuits != 1)}"
        how += f" + {circuits} x {timing.circuit_s:.2g} s"
        source = "earlier runs" if tried else "usual times of such simulators"
    else:
        # Each job reads the noise model once.
        terms = job_terms(replace(work, noise=jobs * work.noise), jobs)
        found = model.predict(terms)
        value, source = found.value, found.source
        low, high = low + found.low, high + found.high
        how += f" before they run + {found.how}"
    return Figure(before + value, 0.0 if load.most else low, high, "s", how, source)


def _wait(facts: BackendFacts, waits: Waits | None) -> Figure:
    if facts.local:
        return _nothing("s")
    if waits is None:
        return Figure.unknown("s", "no job of it has been waited for yet")
    source = f"{waits.jobs} earlier job{'s' * (waits.jobs != 1)} of it"
    how = "median, later jobs count more"
    if waits.hour:
        how += ", and those at this time of the day"
    return Figure(waits.middle, waits.low, waits.high, "s", how, source)


def _cost(facts: BackendFacts, load: Load, jobs: int, device_s: Figure) -> Figure:
    """Money by the price's formula; exact if it counts nothing that is estimated."""
    free, price = _free(facts), facts.price
    if free is not None or price is None:
        return free or Figure.unknown("USD", "no price of it is known")
    found = load.forecast or MemberForecast()
    timed = price.per_second or price.per_hour
    if price.needs_forecast and load.forecast is None and load.circuits:
        why = "its price counts what circuits become on the device"
        return Figure.unknown(price.currency, why)
    if timed and device_s.value is None:
        return Figure.unknown(price.currency, device_s.how)

    def money(seconds: float) -> float:
        usage = Usage(
            load.circuits or 0,
            load.shots or 0,
            seconds,
            found.one_qubit,
            found.two_qubit,
            found.measured,
        )
        return float(price.of(usage, jobs=jobs))

    value = money(device_s.value or 0.0)
    low, high = money(device_s.low or 0.0), money(device_s.high or 0.0)
    exact: Bound = "estimate" if price.needs_forecast else load.bound
    bound: Bound = "at most" if load.most else exact
    notes = ". ".join(filter(None, (price.source, price.note)))
    return Figure(
        value,
        0.0 if load.most else low,
        high,
        price.currency,
        price.formula,
        notes,
        price.dated,
        bound,
    )


def _success(facts: BackendFacts, load: Load) -> Figure:
    if not facts.noisy:
        return Figure.exact(1.0, "", "no noise")
    value = None if load.forecast is None else load.forecast.success
    if value is None:
        return Figure.unknown("", "the device does not tell its errors")
    how = "gates x readout x waits, mean over circuits"
    low, high = max(value - 0.05, 0.0), min(value + 0.05, 1.0)
    return Figure(value, low, high, "", how, "errors of the device's target")


def scaled(forecast: MemberForecast, times: float) -> MemberForecast:
    """A forecast of a part of equal members as one of all."""
    return MemberForecast(
        circuits=round(forecast.circuits * times),
        shots=round(forecast.shots * times),
        busy_s=None if forecast.busy_s is None else forecast.busy_s * times,
        one_qubit=round(forecast.one_qubit * times),
        two_qubit=round(forecast.two_qubit * times),
        measured=round(forecast.measured * times),
        success=forecast.success,
        depth=forecast.depth,
        two_qubit_gates=forecast.two_qubit_gates,
        qubits=forecast.qubits,
        work=replace(forecast.work.times(times), noise=forecast.work.noise),
    )
