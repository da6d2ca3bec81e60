"""Results of two runs: points matched by coordinates, tested, corrected, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from qiskit.exceptions import QiskitError

from quantumflow_lab.compare.facts import Coordinates, PointFacts, RunFacts, StepFacts
from quantumflow_lab.compare.lineage import Lineage
from quantumflow_lab.compare.significance import holm
from quantumflow_lab.compare.values import (
    Change,
    Weighed,
    evenly,
    shots_in,
    tables_in,
    weigh,
)
from quantumflow_lab.errors import StoreError

MOST = 5000
"""Points of a step, or tables of counts in them, whose values are compared."""

UNREADABLE = (StoreError, ImportError, LookupError, QiskitError)
"""What reading a value raises if it is gone, or needs what is not installed."""

CIRCUITS = ("circuit", "observable")
"""Kinds of steps that make what is run; their values are no results."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A point that both runs have."""

    step: str
    at: Coordinates
    outcome: str
    """``same data``, ``shared data``, ``equal``, ``tested``, ``changed``, ``failed``,
    ``failed twice``, ``not run``, ``not run twice`` or ``apart``."""
    weighed: Weighed | None = None
    why: str | None = None
    """Of those without a value in one run, or that cannot be compared."""
    p: float | None = None
    """Corrected for the number of points of the comparison."""


@dataclass(frozen=True, slots=True)
class StepResults:
    """One step in both runs."""

    step: str
    kind: str
    pairs: tuple[Pair, ...]
    """Of the points in both runs, those that were looked at."""
    matched: int
    """Points in both runs."""
    only: tuple[int, int]
    """Points in the first run alone, and in the second."""
    example: tuple[Coordinates | None, Coordinates | None]
    """One of each of those."""

    @property
    def sampled(self) -> bool:
        """Whether only some of the points were looked at."""
        return len(self.pairs) < self.matched

    def count(self, level: float) -> Counter[str]:
        """Pairs by what became of them; tested ones ``differ`` or ``agree``."""
        return Counter(told(pair, level) for pair in self.pairs)


def told(pair: Pair, level: float) -> str:
    """What became of a pair at a level of significance."""
    if pair.p is None:
        return pair.outcome
    if pair.p <= level:
        return "differ"
    if pair.weighed is None or pair.weighed.equal:
        return "equal"
    return "changed" if pair.weighed.changed else "agree"


def compare_results(a: RunFacts, b: RunFacts) -> list[StepResults]:
    """Every step that a run has, in the order of the second one's cell."""
    names = [*b.steps, *(name for name in a.steps if name not in b.steps)]
    return _corrected([_step(name, a, b) for name in names])


def _step(name: str, a: RunFacts, b: RunFacts) -> StepResults:
    one, other = _of(a, name), _of(b, name)
    both = [at for at in one.points if at in other.points]
    alone = [at for at in one.points if at not in other.points]
    new = [at for at in other.points if at not in one.points]
    return StepResults(
        step=name,
        kind=(other if name in b.steps else one).kind,
        pairs=tuple(_pairs(name, both, a, b)),
        matched=len(both),
        only=(len(alone), len(new)),
        example=(next(iter(alone), None), next(iter(new), None)),
    )


def _of(run: RunFacts, name: str) -> StepFacts:
    return run.steps.get(name) or StepFacts(name, "step", {})


def _pairs(
    name: str, both: list[Coordinates], a: RunFacts, b: RunFacts
) -> Iterator[Pair]:
    one, other = a.steps.get(name), b.steps.get(name)
    if one is None or other is None or not both:
        return
    first = one.points[both[0]].value
    most, lineage = MOST, Lineage(a, b)
    if first is not None and one.kind == "sample":
        # What is gone is told point by point.
        with suppress(*UNREADABLE):
            most = max(1, MOST // tables_in(a.get(first)))
    for i in evenly(len(both), most):
        at = both[i]
        yield _pair(name, at, one.points[at], other.points[at], a, b, lineage)


def _pair(
    step: str,
    at: Coordinates,
    p: PointFacts,
    q: PointFacts,
    a: RunFacts,
    b: RunFacts,
    lineage: Lineage,
) -> Pair:
    if (p.state, q.state) != ("done", "done"):
        # A point that was cancelled or skipped says nothing against its step.
        word = "failed" if "failed" in (p.state, q.state) else "not run"
        if p.state == q.state and p.reason == q.reason:
            return Pair(step, at, f"{word} twice", why=_state(p))
        return Pair(step, at, word, why=f"{_state(p)}, then {_state(q)}")
    related = lineage.related(step, at)
    if p.value is None or q.value is None:
        if (p.made or a.run) == (q.made or b.run):
            return Pair(step, at, "same data")
        return Pair(step, at, "apart", why="a value lived in memory only")
    if p.value["ref"] == q.value["ref"]:
        return Pair(step, at, "same data" if related else "equal")
    try:
        one, other = a.get(p.value), b.get(q.value)
    except UNREADABLE as error:
        return Pair(step, at, "apart", why=f"a value cannot be read: {error}")
    weighed = weigh(one, other)
    if weighed.apart is not None:
        return Pair(step, at, "apart", why=weighed.apart)
    if related:
        same = weighed.equal and shots_in(one) == shots_in(other)
        return Pair(step, at, "same data" if same else "shared data")
    if weighed.p is not None:
        derived = lineage.derived(step, at)
        return Pair(step, at, "shared data" if derived else "tested", weighed)
    return Pair(step, at, "equal" if weighed.equal else "changed", weighed)


def _state(point: PointFacts) -> str:
    return f"{point.state} ({point.reason})" if point.reason else point.state


def _corrected(steps: list[StepResults]) -> list[StepResults]:
    """With p-values corrected for the number of points tested in all steps."""
    tested = [
        p.weighed.p for s in steps for p in s.pairs if _is_tested(p) and p.weighed
    ]
    corrected = iter(holm([p for p in tested if p is not None]))
    return [
        replace(
            each,
            pairs=tuple(
                replace(pair, p=next(corrected)) if _is_tested(pair) else pair
                for pair in each.pairs
            ),
        )
        for each in steps
    ]


def _is_tested(pair: Pair) -> bool:
    return pair.outcome == "tested"


def largest(
    steps: list[StepResults], level: float, kind: str
) -> list[tuple[Pair, Change]]:
    """Changes of pairs that ``differ`` or have ``changed``, the largest first.

    Of a pair that differs, only the least likely one.
    """
    found = []
    for pair in (pair for each in steps for pair in each.pairs):
        if pair.weighed is None or told(pair, level) != kind:
            continue
        if kind == "differ":
            tested = [c for c in pair.weighed.changes if c.p is not None]
            found.append((pair, min(tested, key=lambda c: (c.p or 0.0, -c.size))))
        else:
            found += [(pair, c) for c in pair.weighed.changes if c.p is None]
    return sorted(found, key=lambda each: (each[0].p or 0.0, -each[1].size))


def place(at: Coordinates) -> str:
    """Coordinates as text, such as ``delay=1e-05, qubit=2``."""
    where, number = at
    words = [f"{name}={_plain(value)}" for name, value in where]
    return ", ".join([*words, f"#{number + 1}"] if number else words)


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def tally(each: StepResults, level: float, labels: tuple[str, str]) -> str:
    """One line on a step: how many points differ, agree, changed, and so on."""
    found = each.count(level)
    words = [f"{found[key]:,} {text}" for key, text in _WORDS.items() if found[key]]
    alone = zip(each.only, labels, strict=True)
    words += [f"{count:,} only in {label}" for count, label in alone if count]
    return ", ".join(words)


_WORDS = {
    "differ": "differ",
    "agree": "agree",
    "changed": "changed",
    "shared data": "share shots, not tested",
    "same data": "are the same data",
    "equal": "equal",
    "failed": "failed in one run",
    "failed twice": "failed in both",
    "not run": "not run in one run",
    "not run twice": "not run in both",
    "apart": "not comparable",
}
