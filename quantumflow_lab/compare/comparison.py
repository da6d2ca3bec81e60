"""Two runs side by side: what differs, and whether their results do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quantumflow_lab.compare import asked, devices
from quantumflow_lab.compare.asked import CELL, Told
from quantumflow_lab.compare.facts import RunFacts
from quantumflow_lab.compare.results import CIRCUITS, compare_results
from quantumflow_lab.compare.spent import kept, spent
from quantumflow_lab.compare.verdict import Verdict
from quantumflow_lab.widgets import Section, report_html, report_text
from quantumflow_lab.widgets.escape import cut

LEVEL = 0.01
"""Probability with which a comparison of two equal runs may tell a difference."""
_SAID = 6
"""Changes that the first sentence names."""
_STATES = {
    "failed": "failed",
    "cancelled": "was cancelled",
    "unfinished": "has not ended",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Why a run is not like another one; a notebook shows it as a report.

    Compares equal to another comparison of the same two runs.
    """

    a: str
    """The run to compare with, such as ``bell:1``."""
    b: str
    changed: tuple[str, ...]
    """What differs and may change results, in a few words each."""
    tested: int
    """Points whose difference could be tested."""
    differing: int
    """How many of them differ significantly, corrected after Holm."""
    level: float
    """The level of significance."""
    sentences: tuple[str, ...]
    """The answer: what changed, and what the results say."""
    sections: tuple[Section, ...]
    """What differs, in detail."""

    def __repr__(self) -> str:
        return report_text(self._title, self.sentences, self.sections)

    def _repr_html_(self) -> str:
        return report_html(self._title, self.sentences, self.sections)

    @property
    def _title(self) -> str:
        return f"{self.a} → {self.b}"


def compare(a: RunFacts, b: RunFacts, level: float = LEVEL) -> Comparison:
    """Compare what is known of two runs.

    Parameters
    ----------
    a
        The run to compare with, usually the earlier one.
    b
        The run that is to be explained.
    level
        Level of significance for all points of all steps together, between 0 and 1.
    """
    results = compare_results(a, b)
    ran = devices.executed(a, b), devices.executed(b, a)
    told = [
        asked.code(a, b),
        asked.options(a, b),
        asked.seeds(a, b),
        asked.inputs(a, b),
        asked.versions(a, b),
        asked.backends(a, b),
        devices.calibrations(a, b, ran),
        devices.circuits(a, b, ran, results, level),
    ]
    changed = tuple(dict.fromkeys(c for each in told for c in each.changed))
    measured = [each for each in results if each.kind not in CIRCUITS]
    counts = [each.count(level) for each in measured]
    differing = sum(count["differ"] for count in counts)
    tested = sum(pair.p is not None for each in measured for pair in each.pairs)
    verdict = Verdict((a.label, b.label), measured, level, tested, differing)
    states = [f"{r.label} {_STATES[r.state]}." for r in (a, b) if r.state in _STATES]
    sections = [
        *verdict.sections(),
        *(each.section for each in told),
        kept(a, b),
        spent(a, b),
    ]
    return Comparison(
        a=a.label,
        b=b.label,
        changed=changed,
        tested=tested,
        differing=differing,
        level=level,
        sentences=(_changes(changed, told), verdict.said(), *states),
        sections=tuple(each for each in sections if each is not None),
    )


def _changes(changed: Sequence[str], told: Sequence[Told]) -> str:
    if changed:
        left = len(changed) - _SAID
        more = f" and {left} more" if left > 0 else ""
        named = "; ".join(cut(each, CELL) for each in changed[:_SAID])
        return f"Changed: {named}{more}."
    drawn = any(each.section and each.section.title == "Seed" for each in told)
    seed = "; the seed was drawn anew" if drawn else ""
    return f"Nothing changed that is recorded{seed}."
