"""What a run would take, step by step and in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.amounts import rounded_up
from quantumflow_lab.planning.decide import Foreseen
from quantumflow_lab.planning.plan import Plan
from quantumflow_lab.quote.figure import Figure, total
from quantumflow_lab.quote.rows import StepQuote
from quantumflow_lab.quote.shown import quote_html, quote_report, quote_text


@dataclass(frozen=True, slots=True)
class Total:
    """What all steps would take on one backend."""

    backend: str
    jobs: Figure
    circuits: Figure
    shots: Figure
    device_s: Figure
    machine_s: Figure
    cost: Figure


@dataclass(frozen=True, slots=True, repr=False)
class Quote:
    """What a run would take, without a single shot."""

    plan: Plan
    steps: tuple[StepQuote, ...]
    """A row for each quantum step on each backend that it may use."""
    totals: tuple[Total, ...]
    """A row for each backend."""
    sentences: Mapping[str, str]
    """How often each step runs, spelled out."""
    apart: tuple[str, ...] = ()
    """Simulators of this machine, which take no part in a batch or session."""

    @classmethod
    def of(
        cls,
        plan: Plan,
        steps: Sequence[StepQuote],
        sentences: Mapping[str, str],
        apart: Sequence[str] = (),
    ) -> Quote:
        """Add the rows of each backend up."""
        names = dict.fromkeys(row.backend for row in steps)
        totals = (
            _total(name, [r for r in steps if r.backend == name]) for name in names
        )
        return cls(plan, tuple(steps), tuple(totals), sentences, tuple(apart))

    def __repr__(self) -> str:
        return quote_text(self)

    def _repr_html_(self) -> str:
        return quote_html(self)

    @property
    def cost(self) -> dict[str, Figure]:
        """What all backends of the plan would cost together, by currency."""
        used = {name for step in self.plan.steps for name in step.backends}
        rows = [row.cost for row in self.totals if row.backend in used]
        units = dict.fromkeys(row.unit for row in rows if row.value != 0)
        return {u: total([row for row in rows if row.unit == u], u) for u in units}

    @property
    def enough(self) -> str | None:
        """The budget that surely suffices, as it is typed; None if that is not known.

        Rounded up to two digits.
        """
        used = {(s.name, backend) for s in self.plan.steps for backend in s.backends}
        taken = [row.most for row in self.steps if (row.step, row.backend) in used]
        rows = [most for most in taken if most.value != 0]
        units = {row.unit for row in rows}
        if len(units) != 1 or any(row.value is None for row in rows):
            return None
        most = sum(row.value or 0.0 for row in rows)
        return f"{rounded_up(most)} {units.pop()}"

    @property
    def costs_nothing(self) -> bool:
        """Whether all of it is known to be free, such as what is kept."""
        return all(row.cost.value == 0 for row in self.steps)

    @property
    def foreseen(self) -> dict[tuple[str, str], Foreseen]:
        """What it says of each step on each backend, for the choice among them."""
        return {(row.step, row.backend): _foreseen(row) for row in self.steps}

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.plan.name,
            "sentences": dict(self.sentences),
            "steps": [_document(row) for row in self.steps],
            "totals": [_document(row) for row in self.totals],
            "cost": {unit: each.document() for unit, each in self.cost.items()},
            "report": quote_report(self),
        }


def _foreseen(row: StepQuote) -> Foreseen:
    parts = [part.value for part in (row.device_s, row.machine_s)]
    known = [part for part in parts if part is not None]
    return Foreseen(
        cost=row.cost.value,
        seconds=sum(known) if len(known) == len(parts) else None,
        wait_s=row.wait_s.value,
        possible=not row.note.startswith("cannot run"),
        kept=row.circuits.value == 0,
    )


def _document(row: StepQuote | Total) -> dict[str, Any]:
    values = ((name, getattr(row, name)) for name in row.__slots__)
    return {n: v.document() if isinstance(v, Figure) else v for n, v in values}


def _total(backend: str, rows: Sequence[StepQuote]) -> Total:
    def added(name: str) -> Figure:
        figures = [getattr(row, name) for row in rows]
        return total(figures, figures[0].unit)

    names = ("jobs", "circuits", "shots", "device_s", "machine_s", "cost")
    return Total(backend, **{name: added(name) for name in names})
