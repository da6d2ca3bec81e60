"""A quote that a service has made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumflow_lab.quote.figure import Figure
from quantumflow_lab.quote.quote import Total
from quantumflow_lab.quote.rows import StepQuote
from quantumflow_lab.quote.shown import report_of
from quantumflow_lab.widgets.report import report_html, report_text


class RemoteQuote:
    """What a run would take over there; shown as a quote of this process is.

    Parameters
    ----------
    document
        What ``Quote.document`` gives.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)
        self.steps = tuple(StepQuote(**_row(each)) for each in document["steps"])
        self.totals = tuple(Total(**_row(each)) for each in document["totals"])
        self.sentences: Mapping[str, str] = dict(document["sentences"])
        self.cost = {u: Figure(**each) for u, each in document["cost"].items()}

    @property
    def costs_nothing(self) -> bool:
        """Whether all of it is known to be free, such as what is kept."""
        return all(row.cost.value == 0 for row in self.steps)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self._document)

    def __repr__(self) -> str:
        return report_text(*_unfolded(self._document["report"]))

    def _repr_html_(self) -> str:
        return report_html(*report_of(self._document["report"]))


def _unfolded(report: Mapping[str, Any]) -> tuple[Any, ...]:
    title, sentences, sections = report_of(report)
    return title, sentences, [each for each in sections if not each.folded]


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Figure(**value) if isinstance(value, Mapping) else value
        for name, value in row.items()
    }
