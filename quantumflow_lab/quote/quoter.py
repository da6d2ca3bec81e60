"""From a run that has not begun to its quote: nothing is sent anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import prod
from queue import Empty, SimpleQueue
from typing import Any, Literal, cast

from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.planning.bounds import together
from quantumflow_lab.planning.expect import History, timing
from quantumflow_lab.planning.plan import StepPlan
from quantumflow_lab.planning.waits import Waits
from quantumflow_lab.ports import (
    Backends,
    Clock,
    JobEvent,
    JobExecutor,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    MemberForecast,
    Results,
    Settled,
)
from quantumflow_lab.quote.modes import by_the_clock
from quantumflow_lab.quote.most import most_of
from quantumflow_lab.quote.quote import Quote
from quantumflow_lab.quote.rows import (
    Load,
    StepQuote,
    quote_step,
    scaled,
)
from quantumflow_lab.runner.live import LiveRun, Task
from quantumflow_lab.runner.preview import LOOP, StepPreview, preview

MOST_MEMBERS = 64
"""Points of a step that are forecast; the others count as their like."""
_NUMBERS = count(-(10**9), -1)
"""Numbers of dry jobs, which no scheduler gives."""


@dataclass
class Quoter:
    """Quotes runs."""

    backends: Backends
    executor: JobExecutor
    results: Results
    clock: Clock
    history: History
    """What earlier runs took."""
    waits: Mapping[str, Waits]
    """How long a job of each backend will wait, where that is known."""
    get: Callable[[Mapping[str, Any]], object]
    """Gives the value behind a reference of the store."""
    seconds: float
    """Time to find out what can be; the rest is unknown."""
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    def quote(self, live: LiveRun) -> Quote:
        """Quote a run that has not begun; its values are filled in as far as they come.

        Functions of steps that need no result run here, in this thread.
        """
        return self.begin(live)()

    def begin(self, live: LiveRun) -> Callable[[], Quote]:
        """Run the functions, and have workers forecast; what waits for them.

        So that several quotes are worked out at a time.
        """
        shown = preview(
            live,
            backends=self.backends,
            results=self.results,
            clock=self.clock,
            get=self.get,
            late=lambda: time.monotonic() > self._end,
        )
        asked = {
            (step.name, backend): self._ask(live, step, backend, shown[step.name])
            for step in live.plan.steps
            for backend in dict.fromkeys((*step.backends, *step.others))
        }
        return lambda: self._finish(live, shown, asked)

    def _finish(
        self,
        live: LiveRun,
        shown: Mapping[str, StepPreview],
        asked: Mapping[tuple[str, str], _Dry | None],
    ) -> Quote:
        try:
            found = {
                where: None if dry is None else dry.result(self._end)
                for where, dry in asked.items()
            }
        except BaseException:
            for dry in filter(None, asked.values()):
                dry.stop()
            raise
        steps = {step.name: step for step in live.plan.steps}
        rows = [
            self._row(live, steps[name], backend, shown[name], forecast, dry)
            for (name, backend), forecast in found.items()
            for dry in (asked[name, backend],)
        ]
        sentences = {
            step.name: _sentence(live, step, shown[step.name], rows)
            for step in live.plan.steps
        }
        used = dict.fromkeys(row.backend for row in rows)
        mode = live.plan.mode
        apart = [each for each in used if mode not in self.backends.known(each).modes]
        return Quote.of(live.plan, rows, sentences, apart)

    def _row(
        self,
        live: LiveRun,
        step: StepPlan,
        backend: str,
        shown: StepPreview,
        forecast: MemberForecast | str | None,
        dry: _Dry | None,
    ) -> StepQuote:
        facts = self.backends.known(backend)
        load, note = self._load(live, step, backend, shown, forecast)
        learned = self.history.backends
        tried = (step.name, backend) in self.history.jobs or backend in learned
        budget = live.plan.budget
        currency = None if facts.price is None else facts.price.currency
        watched = budget is not None and budget.currency == currency
        row = quote_step(
            step.name,
            facts,
            load,
            timing=timing(self.history, step.name, facts),
            tried=tried,
            model=self.history.model(facts),
            waits=self.waits.get(backend),
            budget=float(budget.amount) if budget and watched else None,
            note=note,
        )
        tasks = [] if shown.unknown else _tasks(step, backend, shown)
        each = dry.found if dry is not None and load.forecast is not None else []
        others = step.others if backend == step.backend else ()
        places = [facts, *map(self.backends.known, others)]
        most = most_of(live.plan, places, load, tasks, each)
        return replace(by_the_clock(row, facts, live.plan), most=most)

    def _load(
        self,
        live: LiveRun,
        step: StepPlan,
        backend: str,
        shown: StepPreview,
        forecast: MemberForecast | str | None,
    ) -> tuple[Load, str]:
        """What a step would send to a backend, and what to say beside it."""
        note = _kept(shown)
        if shown.unknown:
            load = self._from_history(live, step, shown)
            return load, "; ".join(filter(None, (note, shown.unknown)))
        tasks = _tasks(step, backend, shown)
        load = Load(
            sum(task.circuits for task in tasks), sum(task.shots for task in tasks)
        )
        if isinstance(forecast, str):
            return load, "; ".join(filter(None, (note, forecast)))
        return replace(load, forecast=forecast), note

    def _from_history(self, live: LiveRun, step: StepPlan, shown: StepPreview) -> Load:
        """What earlier runs tell of a step that cannot be looked at beforehand."""
        each = self.history.circuits.get(step.name)
        shots = self.history.shots.get(step.name)
        points = shown.points
        if points is None:
            sizes = live.sizes()
            known = all(dim in sizes for dim in step.dims)
            points = prod(sizes[dim] for dim in step.dims) if known else None
        if each is None or shots is None or points is None:
            jobs = None
            if shown.unknown == LOOP and points is not None and step.calls:
                jobs = points * step.calls
            return Load(
                None, None, jobs=jobs, source="calls=", most=True, unknown=shown.unknown
            )
        points -= shown.kept
        runs = "earlier runs of this function"
        if shown.unknown != LOOP:
            circuits = round(points * each)
            return Load(
                circuits, round(circuits * shots), source=runs, bound="estimate"
            )
        calls = step.calls or self.history.calls.get(step.name)
        if calls is None:
            return Load(None, None, unknown=shown.unknown)
        source = f"calls={step.calls}, and {runs}" if step.calls else runs
        jobs = round(points * calls)
        circuits = round(jobs * each)
        return Load(
            circuits,
            round(circuits * shots),
            jobs=jobs,
            source=source,
            bound="estimate",
            most=step.calls is not None,
        )

    def _ask(
        self, live: LiveRun, step: StepPlan, backend: str, shown: StepPreview
    ) -> _Dry | None:
        """Have workers forecast what a step would send to a backend."""
        tasks = _tasks(step, backend, shown)
        if shown.unknown or not tasks:
            return None
        stride = max(1, -(-len(tasks) // MOST_MEMBERS))
        taken = tasks[::stride]
        members = tuple(
            Member(i, 1, task.pubs, None, **task.options)
            for i, task in enumerate(taken)
        )
        request = JobRequest(
            job=next(_NUMBERS),
            tag=f"quote.{live.id}",
            kind=cast("Literal['sample', 'estimate']", step.kind),
            backend=backend,
            members=members,
            seed=None,
            dry=True,
        )
        dry = _Dry(self.executor, request, len(tasks) / len(taken))
        self.executor.submit(request, dry.heard.put)
        return dry


@dataclass
class _Dry:
    """A dry job on its way."""

    executor: JobExecutor
    request: JobRequest
    factor: float
    """How many points stand for each that is forecast."""
    heard: SimpleQueue[JobEvent] = field(default_factory=SimpleQueue)
    found: list[MemberForecast] = field(default_factory=list)
    """Of each point that was looked at."""

    def result(self, end: float) -> MemberForecast | str:
        """What all points would take, or why that is not known.

        Parameters
        ----------
        end
            Monotonic seconds at which to give up.
        """
        found = self.found
        try:
            while True:
                event = self.heard.get(timeout=max(end - time.monotonic(), 0.001))
                match event:
                    case MemberDone():
                        found.append(event.results[0])
                    case MemberFailed():
                        return f"cannot run there: {_first_line(event.error)}"
                    case Lost():
                        return f"could not be forecast: {event.reason}"
                    case Settled():
                        return scaled(together(found), self.factor)
        except Empty:
            self.stop()
            return "there was no time to forecast its circuits"

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self.executor.cancel(self.request.job)


def _tasks(step: StepPlan, backend: str, shown: StepPreview) -> list[Task]:
    """What a step would send to a backend."""
    # Of those that may be chosen, each would get all that the first would.
    along = "backend" in step.dims
    return shown.tasks.get(backend if along else step.backend, [])


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, QuantumFlowError) else str(error)
    return text.partition("\n")[0]


def _kept(shown: StepPreview) -> str:
    """What costs nothing, since it is there."""
    parts = []
    if shown.kept:
        run = "" if shown.kept_from is None else f" · run {shown.kept_from}"
        whole = shown.kept == shown.points
        parts.append(f"kept{run}" if whole else f"{shown.kept} points kept{run}")
    if shown.cached:
        parts.append(f"{shown.cached} points from earlier results")
    return "; ".join(parts)


def _sentence(
    live: LiveRun, step: StepPlan, shown: StepPreview, rows: Sequence[StepQuote]
) -> str:
    """How often a step runs, spelled out, as ``delay 3 × qubit 2 = 6 circuits``."""
    sizes = live.sizes()
    if any(dim not in sizes for dim in step.dims):
        dims = " × ".join(dim for dim in step.dims if dim not in sizes)
        return f"one point for each element of {dims}"
    product = " × ".join(f"{dim} {sizes[dim]}" for dim in step.dims)
    points = prod(sizes[dim] for dim in step.dims)
    here = [r for r in rows if r.step == step.name and r.backend in step.backends]
    left = f"{product} = " if product else ""
    if not here:
        return f"{left}{points} points" if product else "once"
    if any(row.circuits.value is None for row in here):
        return f"{left}{points} points" if product else shown.unknown or "once"
    circuits = round(sum(row.circuits.value or 0 for row in here))
    jobs = round(sum(row.jobs.value or 0 for row in here))
    most = "at most " if any(row.jobs.bound == "at most" for row in here) else ""
    middle = f"{points} points, " if product and circuits != points else ""
    what = f"{circuits:,} circuit{'s' * (circuits != 1)}"
    return f"{left}{middle}{most}{what} in {jobs:,} job{'s' * (jobs != 1)}"
