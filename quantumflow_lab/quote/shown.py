"""A quote as text and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quantumflow_lab.quote.modes import told
from quantumflow_lab.widgets.report import Section, report_html, report_text

if TYPE_CHECKING:
    from quantumflow_lab.quote.figure import Figure
    from quantumflow_lab.quote.quote import Quote, Total
    from quantumflow_lab.quote.rows import StepQuote

_COLUMNS = {
    "jobs": "jobs",
    "circuits": "circuits",
    "shots": "shots",
    "device_s": "device time",
    "machine_s": "machine time",
    "wait_s": "wait",
    "cost": "cost",
    "success": "success",
}


def quote_text(quote: Quote) -> str:
    """A quote for a terminal."""
    title, sentences, sections = _report(quote)
    return report_text(title, sentences, [each for each in sections if not each.folded])


def quote_html(quote: Quote) -> str:
    """A quote for a notebook; where each figure comes from unfolds."""
    return report_html(*_report(quote))


def quote_report(quote: Quote) -> dict[str, Any]:
    """The same for JSON, to be shown elsewhere by :func:`report_of`."""
    title, sentences, sections = _report(quote)
    return {
        "title": title,
        "sentences": sentences,
        "sections": [
            {
                "title": each.title,
                "columns": list(each.columns),
                "rows": [list(row) for row in each.rows],
                "folded": each.folded,
            }
            for each in sections
        ],
    }


def report_of(document: Mapping[str, Any]) -> tuple[str, list[str], list[Section]]:
    """What :func:`quote_report` made, for ``report_text`` and ``report_html``."""
    sections = [
        Section(
            each["title"],
            tuple(each["columns"]),
            tuple(tuple(row) for row in each["rows"]),
            folded=each["folded"],
        )
        for each in document["sections"]
    ]
    return document["title"], list(document["sentences"]), sections


def _report(quote: Quote) -> tuple[str, list[str], list[Section]]:
    sentences = [f"{step}: {text}" for step, text in quote.sentences.items()]
    costs = ", ".join(map(str, quote.cost.values()))
    if quote.plan.budget is not None and "unknown" in costs:
        costs = f"unknown, at most the budget of {quote.plan.budget}"
    sentences.append(f"In all: {_doubt(quote)}{costs or 'no money'}.")
    if quote.plan.mode != "job":
        how = told(quote.plan.mode, quote.plan.deadline, quote.apart)
        sentences.append(f"Jobs go by {how}")
    chosen = {step.backend: step.others for step in quote.plan.steps if step.others}
    sentences += [
        f"{one} is chosen ({quote.plan.policy}); {', '.join(others)} would stand in."
        for one, others in chosen.items()
    ]
    sections = []
    if quote.steps:
        sections.append(_table("Steps", quote.steps, ("step", "backend")))
    if len(quote.steps) > len(quote.totals):
        sections.append(_table("Backends", quote.totals, ("backend",)))
    sections.append(_sources(quote.steps))
    return f"{quote.plan.name} · quote, nothing was run", sentences, sections


def _doubt(quote: Quote) -> str:
    """What stands before the costs of a run that would fail; nothing for others."""
    used = {step.name: step.backends for step in quote.plan.steps}
    failing = [
        row for row in quote.steps if row.fails and row.backend in used[row.step]
    ]
    if not failing:
        return ""
    names = " and ".join(dict.fromkeys(f"'{row.step}'" for row in failing))
    return f"the run would fail at {names}; without it: "


def _table(
    title: str, rows: Sequence[StepQuote | Total], names: tuple[str, ...]
) -> Section:
    """Rows with the columns that have something to tell."""
    columns = {
        name: shown
        for name, shown in _COLUMNS.items()
        if any(_tells(getattr(row, name, None)) for row in rows)
    }
    notes = ["note"] if any(getattr(row, "note", "") for row in rows) else []
    return Section(
        title,
        (*names, *columns.values(), *notes),
        tuple(
            tuple(str(getattr(row, name)) for name in (*names, *columns, *notes))
            for row in rows
        ),
    )


def _tells(figure: Figure | None) -> bool:
    """Whether it is more than a nought."""
    return figure is not None and (figure.value != 0 or figure.bound != "exact")


def _sources(rows: Sequence[StepQuote]) -> Section:
    found: dict[tuple[str, ...], None] = {}
    for row in rows:
        for name, shown in _COLUMNS.items():
            figure = getattr(row, name)
            # Of what is not known the note says why.
            if figure.value is not None and (figure.how or figure.source):
                where = f"{row.step} on {row.backend}"
                found[where, shown, figure.how, figure.source, figure.dated] = None
    return Section(
        "Where each figure comes from",
        ("of", "figure", "how", "source", "dated"),
        tuple(found),
        folded=True,
    )
