"""Two runs side by side: what differs, and whether their results do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quantumflow_lab.compare import asked, devices
from quantumflow_lab.compare.asked import CELL, ROWS, Told, table
from quantumflow_lab.compare.facts import RunFacts, StepFacts
from quantumflow_lab.compare.results import (
    CIRCUITS,
    StepResults,
    compare_results,
    largest,
    place,
    tally,
)
from quantumflow_lab.compare.values import number, relative
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
_SPENT = {
    "jobs": "jobs",
    "circuits": "circuits",
    "shots": "shots",
    "queue_s": "queue, s",
    "machine_s": "machine, s",
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
    words = _Words((a.label, b.label), measured, level, tested, differing)
    states = [f"{r.label} {_STATES[r.state]}." for r in (a, b) if r.state in _STATES]
    sections = [
        *words.sections(),
        *(each.section for each in told),
        _kept(a, b),
        _spent(a, b),
    ]
    return Comparison(
        a=a.label,
        b=b.label,
        changed=changed,
        tested=tested,
        differing=differing,
        level=level,
        sentences=(_changes(changed, told), words.verdict(), *states),
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


@dataclass(frozen=True, slots=True)
class _Words:
    """What the results say."""

    labels: tuple[str, str]
    steps: Sequence[StepResults]
    level: float
    tested: int
    differing: int

    def verdict(self) -> str:
        """One or two sentences, with the level."""
        count = self._count
        said = []
        if count("differ") or count("agree"):
            said.append(self._significance())
        elif count("same data"):
            said.append(f"{_points(count('same data'))} the same data.")
        elif count("equal") and not count("changed"):
            said.append(f"Results are equal at {_number(count('equal'))}.")
        if count("changed"):
            where = _listed(
                s.step for s in self.steps if s.count(self.level)["changed"]
            )
            said.append(
                f"Values changed at {_number(count('changed'))} of {where} whose "
                "uncertainty is not known."
            )
        for kind, one, many in (
            ("failed", "failed in one run only", "failed in one run only"),
            ("shared data", "has shots of both runs", "have shots of both runs"),
            ("apart", "cannot be compared", "cannot be compared"),
        ):
            if found := count(kind):
                said.append(f"{_number(found)} {one if found == 1 else many}.")
        only = [sum(each.only[side] for each in self.steps) for side in (0, 1)]
        for label, alone in zip(self.labels, only, strict=True):
            if alone:
                verb = "is" if alone == 1 else "are"
                said.append(f"{_number(alone)} {verb} only in {label}.")
        said += [
            f"Of {each.matched:,} points of {each.step}, {len(each.pairs):,} evenly "
            "spaced ones were looked at."
            for each in self.steps
            if each.sampled
        ]
        return " ".join(said) or "There are no results in both runs."

    def _significance(self) -> str:
        about = f"(Holm, {100 * self.level:g} %)"
        if not self.differing:
            return f"Results agree: none of {_number(self.tested)} differs {about}."
        where = _listed(s.step for s in self.steps if s.count(self.level)["differ"])
        verb = "differs" if self.differing == 1 else "differ"
        return (
            f"Results changed significantly: {self.differing:,} of "
            f"{_number(self.tested)} {verb} {about}, in {where}."
        )

    def _count(self, kind: str) -> int:
        return sum(each.count(self.level)[kind] for each in self.steps)

    def sections(self) -> list[Section | None]:
        """How many points of each step, and the largest differences."""
        rows: list[tuple[object, ...]] = []
        plain = {"equal", "same data", "failed twice"}
        for each in self.steps:
            kinds = set(each.count(self.level))
            if kinds - plain or any(each.only) or each.sampled:
                rows.append((each.step, tally(each, self.level, self.labels)))
        rows.sort(key=lambda row: "differ" not in str(row[1]))
        return [
            table("Results", ("step", "points"), rows),
            self._largest("Significant differences", "differ"),
            self._largest("Changed, no uncertainty known", "changed"),
            self._why(),
        ]

    def _largest(self, title: str, kind: str) -> Section | None:
        found = largest(list(self.steps), self.level, kind)
        tested = kind == "differ"
        rows: list[tuple[object, ...]] = [
            (
                " ".join(word for word in (pair.step, change.part) if word),
                place(pair.at),
                change.a,
                change.b,
                change.change,
                *([_p_text(pair.p)] if tested and pair.p is not None else []),
            )
            for pair, change in found[:ROWS]
        ]
        columns = (
            "value",
            "at",
            *self.labels,
            "change",
            *(["p (Holm)"] if tested else []),
        )
        return table(title, columns, rows, len(found))

    def _why(self) -> Section | None:
        """Points that have no value in one run, or values of another kind."""
        rows: list[tuple[object, ...]] = [
            (pair.step, place(pair.at), pair.why)
            for each in self.steps
            for pair in each.pairs
            if pair.outcome in ("failed", "apart")
        ]
        for each in self.steps:
            for label, at, alone in zip(
                self.labels, each.example, each.only, strict=True
            ):
                if at is not None:
                    others = f" and {alone - 1:,} more" if alone > 1 else ""
                    rows.append((each.step, place(at) + others, f"only in {label}"))
        return table("Not compared", ("step", "at", "why"), rows)


def _p_text(p: float) -> str:
    return "< 1e-300" if p < 1e-300 else f"{p:.2g}"


def _points(count: int) -> str:
    return f"{_number(count)} {'is' if count == 1 else 'are'}"


def _number(count: int) -> str:
    return f"{count:,} point" if count == 1 else f"{count:,} points"


def _listed(names: Iterable[str]) -> str:
    words = list(names)
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if words[4:] else "")


def _kept(a: RunFacts, b: RunFacts) -> Section | None:
    """How many points of each step were kept, or took results of other runs."""
    rows: list[tuple[object, ...]] = []
    for name in b.steps:
        if name not in a.steps:
            continue
        sides = [_kept_text(run.steps[name]) for run in (a, b)]
        if sides[0] != sides[1]:
            rows.append((name, *sides))
    return table("Kept and cached points", ("step", a.label, b.label), rows)


def _kept_text(step: StepFacts) -> str:
    kept = sum(point.kept for point in step.points.values())
    counts = {"kept": kept, "cached": step.numbers.get("cached") or 0}
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "none"


def _spent(a: RunFacts, b: RunFacts) -> Section | None:
    """Time, jobs and money."""
    rows: list[tuple[object, ...]] = []
    pairs = [("wall, s", a.wall_s, b.wall_s)]
    pairs += [(words, _sum(a, name), _sum(b, name)) for name, words in _SPENT.items()]
    for words, x, y in pairs:
        if x is not None and y is not None and f"{x:.3g}" != f"{y:.3g}":
            rows.append(
                (words, number(_rounded(x)), number(_rounded(y)), relative(x, y))
            )
    costs = [_cost(run) for run in (a, b)]
    if costs[0] != costs[1]:
        rows.insert(0, ("cost", *costs, ""))
    return table("Cost and time", ("what", a.label, b.label, "change"), rows)


def _rounded(value: float) -> float:
    return value if value == int(value) else float(f"{value:.3g}")


def _sum(run: RunFacts, name: str) -> float:
    return sum(step.numbers.get(name) or 0 for step in run.steps.values())


def _cost(run: RunFacts) -> str:
    spent: dict[str, float] = {}
    for step in run.steps.values():
        if currency := step.numbers.get("currency"):
            spent[currency] = spent.get(currency, 0.0) + (step.numbers["cost"] or 0.0)
    return ", ".join(f"{amount:.6g} {name}" for name, amount in spent.items()) or "none"
