"""Which backend each step uses, and how long everything is expected to take.

A step stays on one backend, since the points of a sweep are compared with each other.
Which one, :func:`quantumflow_lab.placement.place` finds for the whole run at once:
under ``cheapest`` the least cost within the deadline, under ``fastest`` the least time
within the budget, under ``balanced`` the least sum of both, each as a part of a first
plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType

from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import BadOption, PriceUnknown
from quantumflow_lab.placement import Machine, Problem, Task, place
from quantumflow_lab.planning.bounds import watched
from quantumflow_lab.planning.expect import BODY_S, History, Timing, timing
from quantumflow_lab.planning.plan import Plan, StepPlan
from quantumflow_lab.planning.policy import ranks
from quantumflow_lab.ports import BackendFacts

_CALLS = 100
"""Calls of a loop that says nothing of them."""
_UNPRICED = 1e6
"""Money for a job whose price nobody knows, and money and seconds of a circuit that a
backend cannot run: taken only if nothing else will do."""
_EVALUATIONS = 300_000
"""Some 20 ms, compiled: what a person does not notice before a run."""
_PYTHON = Machine("python", slots=4)
_KEPT = " (kept)"
"""After the name of a backend: where its steps are of which all is kept there."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a quote says of one step on one backend; None where it does not know."""

    cost: float | None
    """Of all its jobs, in the currency of the price."""
    seconds: float | None
    """Of the device and of this machine, for all its jobs."""
    wait_s: float | None
    """Of one job, until it starts."""
    possible: bool = True
    """False if the backend cannot run it."""
    kept: bool = False
    """Whether nothing is left to run there."""


Quoted = Mapping[tuple[str, str], Foreseen]
"""What is foreseen, by step and backend."""


def needs_quote(
    plan: Plan, facts: Callable[[str], BackendFacts], *, kept: bool
) -> bool:
    """Whether a choice among backends hangs on more than their prices.

    On what circuits become on them; or, where it costs something, on which of them has
    results that earlier runs have `kept`.
    """
    names = {n for s in plan.steps if s.others for n in (*s.backends, *s.others)}
    prices = [price for name in names if (price := facts(name).price) is not None]
    return any(p.needs_forecast or (kept and not p.free) for p in prices)


@dataclass(frozen=True, slots=True)
class _Load:
    """What one step asks of a backend."""

    circuits: int
    shots: int
    """Of each circuit."""
    each_alone: bool
    """True if every circuit is a job, as in a loop."""


def decide(
    plan: Plan,
    among: Sequence[str],
    undecided: Collection[str],
    facts: Callable[[str], BackendFacts],
    history: History,
    quoted: Quoted = MappingProxyType({}),
) -> Plan:
    """Complete a plan: backends of steps, stand-ins, expected times.

    Parameters
    ----------
    plan
        With the first of `among` wherever the run decides.
    among
        Backends to choose from; none leaves the plan's.
    undecided
        Steps without a backend of their own.
    facts, history
        What is known of backends and of earlier runs.
    quoted
        What a quote says of steps; without it prices that count time or gates are taken
        as those of some ten gates.

    Raises
    ------
    PriceUnknown
        If there is a budget and a backend without a price in its currency.
    BadOption
        If prices in several currencies would have to be compared.
    """
    known = {name: facts(name) for name in {*among, *_used(plan)}}
    among = _affordable(plan.budget, among, known)
    fixed = [b for s in plan.steps if s.name not in undecided for b in s.backends]
    _need_prices(plan.budget, fixed if among else _used(plan), known)
    steps = plan.steps
    if among:
        candidates = [known[name] for name in among]
        _refuse_to_compare(plan, candidates)
        steps = _chosen(plan, candidates, undecided, history, quoted)
    return replace(plan, steps=_timed(plan, steps, known, history))


def _used(plan: Plan) -> list[str]:
    return [name for step in plan.steps for name in step.backends]


# --- money -------------------------------------------------------------------------


def _price_in(facts: BackendFacts, budget: Money) -> bool:
    """Whether jobs on a backend can be counted against a budget."""
    price = watched(facts, budget)
    if price is None:
        return facts.simulator
    return price.currency == budget.currency


def _affordable(
    budget: Money | None, among: Sequence[str], known: Mapping[str, BackendFacts]
) -> list[str]:
    """The backends that a budget can watch; refuse if none is left."""
    if budget is None:
        return list(among)
    kept = [name for name in among if _price_in(known[name], budget)]
    if among and not kept:
        _need_prices(budget, among, known)
    return kept


def _need_prices(
    budget: Money | None, names: Sequence[str], known: Mapping[str, BackendFacts]
) -> None:
    for name in names:
        need_price(budget, known[name])


def need_price(budget: Money | None, facts: BackendFacts) -> None:
    """Refuse a backend that a budget cannot watch.

    Raises
    ------
    PriceUnknown
        If it has no price, or one in another currency.
    """
    if budget is None or _price_in(facts, budget):
        return
    name, price = facts.name, facts.price
    have = f"is in {price.currency}" if price else "is not known"
    raise PriceUnknown(
        f"a budget in {budget.currency} cannot be kept: the price of '{name}' {have}; "
        f"add it with qf.lab().backends.add('{name}', backend, "
        f"price=qf.Price('{budget.currency}', per_shot=...))",
        backend=name,
    )


def _refuse_to_compare(plan: Plan, among: Sequence[BackendFacts]) -> None:
    """Prices in several currencies are no reason to choose."""
    found = {f.price.currency: f.name for f in among if f.price is not None}
    if len(found) > 1 and plan.policy != "fastest":
        shown = ", ".join(f"'{name}' in {code}" for code, name in sorted(found.items()))
        raise BadOption(
            f"the prices of {shown} cannot be compared; give a --budget in one of the "
            "currencies, or --policy fastest"
        )


# --- choosing ----------------------------------------------------------------------


def _load(plan: Plan, step: StepPlan, history: History) -> _Load:
    sizes = {name: len(values) for name, values in plan.axes.items()}
    points = prod(sizes.get(dim, 1) for dim in step.dims)
    shots, precision = plan.accuracy(step.kind, step.accuracy)
    if shots is None:
        shots = round(precision**-2) if precision else plan.usual_shots
    each = history.circuits.get(
        step.name, 1.0 if step.quantum else step.calls or _CALLS
    )
    return _Load(max(1, round(points * each)), shots, each_alone=not step.quantum)


def _chosen(
    plan: Plan,
    among: Sequence[BackendFacts],
    undecided: Collection[str],
    history: History,
    quoted: Quoted,
) -> tuple[StepPlan, ...]:
    """Steps with the backend that the placement gives them, and the stand-ins."""
    problem = _problem(plan, among, undecided, history, quoted)
    placed = place(problem, _EVALUATIONS).machine_of
    found = []
    for step in plan.steps:
        if step.backends and step.name in undecided:
            first = placed[step.name].removesuffix(_KEPT)
            sorted_ = _by_merit(plan, step, among, history, quoted)
            names = [facts.name for facts in sorted_]
            others = tuple(name for name in names if name != first)
            step = replace(step, backends=(first,), others=others)
        found.append(step)
    return tuple(found)


def _problem(
    plan: Plan,
    among: Sequence[BackendFacts],
    undecided: Collection[str],
    history: History,
    quoted: Quoted,
) -> Problem:
    """The whole run as tasks: steps that are to be placed, and the others in Python."""
    tasks = []
    shots = plan.shots or plan.usual_shots
    for step in plan.steps:
        needs = dict.fromkeys(step.needs, 0.0)
        if step.backends and step.name in undecided:
            load = _load(plan, step, history)
            tasks.append(
                Task(
                    step.name,
                    dict(_place(step, f, load, history, quoted) for f in among),
                    circuits=load.circuits,
                    shots=load.shots,
                    needs=needs,
                )
            )
        else:
            seconds = {_PYTHON.name: _seconds(plan, step, history)}
            tasks.append(Task(step.name, seconds, needs=needs))
    budget = plan.budget
    return Problem(
        (
            *(Machine(f"{facts.name}{_KEPT}", slots=256) for facts in among),
            *(
                _machine(plan, facts, history, shots, quoted, undecided)
                for facts in among
            ),
            _PYTHON,
        ),
        tuple(tasks),
        plan.policy,
        deadline=plan.deadline,
        budget=None if budget is None else float(budget.amount),
    )


def _place(
    step: StepPlan, facts: BackendFacts, load: _Load, history: History, quoted: Quoted
) -> tuple[str, float]:
    """Where a step would be for a backend, and seconds of one circuit there."""
    seen = quoted.get((step.name, facts.name))
    if seen is not None and seen.kept:
        return f"{facts.name}{_KEPT}", 0.0
    return facts.name, _circuit_s(step, facts, load, history, quoted)


def _machine(
    plan: Plan,
    facts: BackendFacts,
    history: History,
    shots: int,
    quoted: Quoted,
    undecided: Collection[str],
) -> Machine:
    per_shot = _shot_price(facts) + _circuit_price(facts) / shots
    setups = [t.setup_s for (_, name), t in history.jobs.items() if name == facts.name]
    usual = timing(History(), "", facts).setup_s
    waits = [f.wait_s for (_, name), f in quoted.items() if name == facts.name]
    usual = max((wait for wait in waits if wait is not None), default=usual)
    return Machine(
        facts.name,
        slots=1 if facts.simulator else facts.limits.open_jobs or 1,
        setup=sum(setups) / len(setups) if setups else usual,
        job_limit=min(facts.max_circuits, facts.limits.circuits or facts.max_circuits),
        price_job=_job_price(facts),
        price_shot=_quoted_shot(plan, facts, per_shot, history, quoted, undecided),
    )


def _quoted_shot(
    plan: Plan,
    facts: BackendFacts,
    per_shot: float,
    history: History,
    quoted: Quoted,
    undecided: Collection[str],
) -> float:
    """Money for a shot, so that all steps together cost what they are quoted there."""
    cost = shots = 0.0
    for step in plan.steps:
        seen = quoted.get((step.name, facts.name))
        if step.name not in undecided or seen is None or seen.kept:
            continue
        if not seen.possible:
            return _UNPRICED
        load = _load(plan, step, history)
        if seen.cost is not None:
            jobs = load.circuits if load.each_alone else 1
            cost += max(seen.cost - jobs * _job_price(facts), 0.0)
            shots += load.circuits * load.shots
    return cost / shots if shots else per_shot


def _job_price(facts: BackendFacts) -> float:
    if facts.price is not None:
        return facts.price.typical(facts.rep_delay_s)[0]
    return 0.0 if facts.simulator else _UNPRICED


def _shot_price(facts: BackendFacts) -> float:
    return facts.price.typical(facts.rep_delay_s)[1] if facts.price else 0.0


def _circuit_price(facts: BackendFacts) -> float:
    return float(facts.price.per_circuit) if facts.price else 0.0


def _circuit_s(
    step: StepPlan,
    facts: BackendFacts,
    load: _Load,
    history: History,
    quoted: Quoted,
) -> float:
    """Seconds of one circuit; in a loop, where each is a job, those of its job."""
    seen = quoted.get((step.name, facts.name))
    if seen is not None and not seen.possible:
        return _UNPRICED
    if seen is not None and seen.kept:
        return 0.0
    if seen is not None and seen.seconds:
        wait = (seen.wait_s or 0.0) if load.each_alone else 0.0
        return seen.seconds / load.circuits + wait
    known = timing(history, step.name, facts)
    return known.circuit_s + (known.setup_s if load.each_alone else 0.0)


def _cost(step: StepPlan, facts: BackendFacts, load: _Load, quoted: Quoted) -> float:
    """Money for all circuits of a step."""
    seen = quoted.get((step.name, facts.name))
    if seen is not None and not seen.possible:
        return _UNPRICED
    if seen is not None and seen.cost is not None:
        return seen.cost
    jobs = load.circuits if load.each_alone else 1
    each = _circuit_price(facts) + load.shots * _shot_price(facts)
    return jobs * _job_price(facts) + load.circuits * each


def _by_merit(
    plan: Plan,
    step: StepPlan,
    among: Sequence[BackendFacts],
    history: History,
    quoted: Quoted,
) -> list[BackendFacts]:
    """Backends for one step by what the policy aims at, the best first."""
    load = _load(plan, step, history)
    rows = [
        (
            load.circuits * _circuit_s(step, facts, load, history, quoted),
            _cost(step, facts, load, quoted),
        )
        for facts in among
    ]
    longest, dearest = (max(column) or 1 for column in zip(*rows, strict=True))

    def merit(i: int) -> tuple[float, float]:
        seconds, cost = rows[i]
        match plan.policy:
            case "fastest":
                return seconds, cost
            case "cheapest":
                return cost, seconds
            case "balanced":
                return seconds / longest + cost / dearest, seconds

    return [among[i] for i in sorted(range(len(among)), key=merit)]


# --- times -------------------------------------------------------------------------


def _seconds(plan: Plan, step: StepPlan, history: History) -> float:
    """Expected seconds of the function of a step over all its points."""
    sizes = {name: len(values) for name, values in plan.axes.items()}
    points = prod(sizes.get(dim, 1) for dim in step.dims)
    return points * history.bodies.get(step.name, BODY_S)


def _timed(
    plan: Plan,
    steps: Sequence[StepPlan],
    known: Mapping[str, BackendFacts],
    history: History,
) -> tuple[StepPlan, ...]:
    """Steps with their expected times, and the longest path from each."""
    seconds, timings = {}, {}
    for step in steps:
        own = timings[step.name] = (
            timing(history, step.name, known[step.backend])
            if step.backends
            else Timing(0.0, 0.0)
        )
        load = _load(plan, step, history) if step.backends else _Load(0, 0, False)
        jobs = load.circuits if load.each_alone else min(load.circuits, 1)
        work = jobs * own.setup_s + load.circuits * own.circuit_s
        seconds[step.name] = _seconds(plan, step, history) + work
    longest = ranks(steps, seconds)
    return tuple(
        replace(
            step,
            setup_s=timings[step.name].setup_s,
            circuit_s=timings[step.name].circuit_s,
            body_s=history.bodies.get(step.name, BODY_S),
            rank_s=longest[step.name],
        )
        for step in steps
    )
