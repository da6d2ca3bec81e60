"""Which backend is best for a workflow, and which ones are out of the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quantumflow_lab.amounts import Money
from quantumflow_lab.ports import Mode
from quantumflow_lab.quote.figure import Figure, total
from quantumflow_lab.quote.modes import told
from quantumflow_lab.quote.quote import Quote
from quantumflow_lab.quote.rows import StepQuote
from quantumflow_lab.widgets.report import Section, report_html, report_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Chart


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a workflow would take on one backend."""

    backend: str
    cost: Figure
    seconds: Figure
    """Until the results are there: the wait, the device, and this machine."""
    wait_s: Figure
    """The wait alone."""
    success: Figure
    """Mean over its circuits."""
    ruled_out: str = ""
    """Why it cannot be had."""
    front: bool = False
    """Whether no other backend is as good in all of cost, time and success, and better
    in one: whether it is on the Pareto front."""


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """Backends for one workflow, the best first."""

    name: str
    policy: str
    candidates: tuple[Candidate, ...]
    mode: Mode = "job"
    """How each of them would take the jobs."""
    deadline: float | None = None
    """Seconds in which a run has to have ended."""

    def __repr__(self) -> str:
        return report_text(*self._report())

    def _repr_html_(self) -> str:
        return report_html(*self._report())

    @property
    def best(self) -> Candidate | None:
        """The one that the policy would take; None if all are ruled out."""
        return next((each for each in self.candidates if not each.ruled_out), None)

    @property
    def title(self) -> str:
        """What is chosen for."""
        return f"{self.name} · backends to choose from"

    @property
    def sentence(self) -> str:
        """The best one, and what it would take."""
        best = self.best
        if best is None:
            return "No backend can be had."
        return (
            f"{best.backend} is best ({self.policy}): {best.cost}, {best.seconds}, "
            f"success {best.success}. Those with a star are beaten by none in all."
        )

    def figure(self) -> Chart:
        """Cost, or time where nothing costs anything, against expected failure."""
        from quantumflow_lab.charts import pareto  # loads matplotlib

        known = [each for each in self.candidates if _comparable(each)]
        units = {each.cost.unit for each in known if each.cost.value}
        by_cost = len(units) == 1
        rows = []
        for each in known:
            x = each.cost if by_cost else each.seconds
            if x.value is None or (by_cost and x.value and x.unit not in units):
                continue
            success = each.success
            rows.append(
                {
                    "backend": each.backend,
                    "x": x.value,
                    "x_low": min(x.low or 0.0, x.value),
                    "x_high": max(x.high or x.value, x.value),
                    "success": success.value,
                    "success_low": success.low,
                    "success_high": success.high,
                    "front": each.front,
                }
            )
        unit = units.pop() if by_cost else "s"
        return pareto(rows, unit=unit, title=self.title)

    def _report(self) -> tuple[str, list[str], list[Section]]:
        rows = tuple(
            (
                "★" if each.front else "",
                each.backend,
                *map(str, (each.cost, each.seconds, each.wait_s, each.success)),
                each.ruled_out,
            )
            for each in self.candidates
        )
        columns = ("", "backend", "cost", "time", "wait", "success", "ruled out by")
        section = Section("Backends", columns, rows)
        sentences = [self.sentence]
        if self.mode != "job":
            sentences.append(f"Jobs go by {told(self.mode, self.deadline)}")
        return self.title, sentences, [section]


def choose(
    name: str,
    quotes: Mapping[str, Quote | str],
    *,
    policy: str,
    budget: Money | None,
    deadline: float | None,
    mode: Mode = "job",
) -> Choice:
    """Rank backends by what they are quoted, or refused, for one workflow."""
    found = [
        _candidate(backend, quote, budget, deadline)
        for backend, quote in quotes.items()
    ]
    marked = [replace(each, front=_on_front(each, found)) for each in found]
    marked.sort(key=lambda each: _merit(each, marked, policy))
    return Choice(name, policy, tuple(marked), mode, deadline)


def _candidate(
    backend: str, quote: Quote | str, budget: Money | None, deadline: float | None
) -> Candidate:
    if isinstance(quote, str):
        unknown = Figure.unknown("s", quote)
        return Candidate(
            backend,
            replace(unknown, unit="USD"),
            unknown,
            unknown,
            replace(unknown, unit=""),
            quote,
        )
    rows = [row for row in quote.steps if row.backend == backend]
    currencies = [row.cost.unit for row in rows if row.cost.value != 0] or ["USD"]
    cost = total([r.cost for r in rows if r.cost.unit == currencies[0]], currencies[0])
    wait = total([row.wait_s for row in rows if row.jobs.value != 0], "s")
    parts = [f for row in rows for f in (row.device_s, row.machine_s)]
    some = [each for each in (wait, *parts) if each.value != 0]
    seconds = total(some, "s")
    found = Candidate(backend, cost, seconds, wait, _success(rows))
    return replace(found, ruled_out=_against(found, rows, budget, deadline))


def _success(rows: Sequence[StepQuote]) -> Figure:
    """Mean over the circuits of all steps."""
    ran = [row for row in rows if row.circuits.value]
    if not ran or any(row.success.value is None for row in ran):
        return Figure.unknown("", "of some circuits it is not known")
    circuits = sum(row.circuits.value or 0 for row in ran)

    def mean(end: str) -> float:
        weighted = (getattr(r.success, end) * (r.circuits.value or 0) for r in ran)
        return float(sum(weighted) / circuits)

    value, low, high = mean("value"), mean("low"), mean("high")
    return Figure(value, low, high, "", "mean over the circuits of all steps")


def _against(
    found: Candidate,
    rows: Sequence[StepQuote],
    budget: Money | None,
    deadline: float | None,
) -> str:
    """Why a backend cannot be had, or nothing."""
    for row in rows:
        if row.note.startswith(("cannot run", "its function raises")):
            return row.note.removeprefix("its function raises ")
    cost = found.cost
    if budget is not None and cost.value != 0:
        if cost.value is None:
            return f"a budget of {budget}: its cost is not known"
        if cost.unit != budget.currency and budget.currency != "s":
            return f"a budget in {budget.currency}: it costs {cost.unit}"
        if cost.unit == budget.currency and (cost.low or 0) > float(budget.amount):
            return f"the budget of {budget}"
    if deadline is not None and (found.seconds.low or 0) > deadline:
        return f"the deadline of {deadline:g} s"
    return ""


def _comparable(each: Candidate) -> bool:
    figures = each.cost, each.seconds, each.success
    return not each.ruled_out and all(figure.value is not None for figure in figures)


def _on_front(one: Candidate, others: Sequence[Candidate]) -> bool:
    if not _comparable(one):
        return False
    return not any(
        _beats(other, one)
        for other in others
        if other is not one and _comparable(other)
    )


def _beats(other: Candidate, one: Candidate) -> bool:
    """Whether another is no worse in anything, and better in something."""
    if other.cost.value and one.cost.value and other.cost.unit != one.cost.unit:
        return False  # nobody knows which is dearer
    pairs = [
        (other.cost.value or 0.0, one.cost.value or 0.0),
        (other.seconds.value or 0.0, one.seconds.value or 0.0),
        (one.success.value or 0.0, other.success.value or 0.0),
    ]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _merit(
    each: Candidate, all_: Sequence[Candidate], policy: str
) -> tuple[bool, bool, float, float]:
    """By the policy, those that can be had and are on the front before the others."""
    known = [one for one in all_ if _comparable(one)]
    dearest = max((one.cost.value or 0.0 for one in known), default=0.0) or 1.0
    longest = max((one.seconds.value or 0.0 for one in known), default=0.0) or 1.0
    cost, seconds = each.cost.value, each.seconds.value
    failure = 1 - (each.success.value or 0.0)
    many = float("inf")
    dear = many if cost is None else cost / dearest
    long = many if seconds is None else seconds / longest
    merit = {
        "cheapest": (dear, long),
        "fastest": (long, dear),
        "balanced": (dear + long + failure, failure),
    }[policy]
    return bool(each.ruled_out), not each.front, *merit
