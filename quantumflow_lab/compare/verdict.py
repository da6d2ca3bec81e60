"""What the results of two runs say, in sentences and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quantumflow_lab.compare.asked import ROWS, table
from quantumflow_lab.compare.results import StepResults, largest, place, tally
from quantumflow_lab.widgets import Section


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the results say."""

    labels: tuple[str, str]
    steps: Sequence[StepResults]
    level: float
    tested: int
    differing: int

    def said(self) -> str:
        """One or two sentences, with the level."""
        count = self._count
        said: list[str] = []
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
            ("not run", "was not run to its end", "were not run to their end"),
            ("shared data", "shares shots, not tested", "share shots, not tested"),
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
        plain = {"equal", "same data", "failed twice", "not run twice"}
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
            if pair.outcome in ("failed", "not run", "apart")
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
