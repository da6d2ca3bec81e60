"""Which points of two runs share shots, directly or through runs before them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from quantumflow_lab.compare.facts import Coordinates, RunFacts, StepFacts

_SHOTS = ("sample", "estimate")


def ancestors_of(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """For each run, those whose results it has, however many runs are in between.

    Parameters
    ----------
    pairs
        A run, and one that it took results of.

    Examples
    --------
    >>> found = ancestors_of([("c", "b"), ("b", "a")])
    >>> sorted(found["c"]), sorted(found["b"])
    (['a', 'b'], ['a'])
    """
    direct: dict[str, set[str]] = {}
    for run, origin in pairs:
        direct.setdefault(run, set()).add(origin)
    found = {}
    for run in direct:
        seen: set[str] = set()
        waiting = list(direct[run])
        while waiting:
            if (each := waiting.pop()) not in seen:
                seen.add(each)
                waiting += direct.get(each, ())
        found[run] = frozenset(seen)
    return found


class Lineage:
    """Tells of points of two runs whether they can be independent.

    A result that was topped up has shots of every run before it, and the run after it
    may take any of them: so points are related if their lines of runs meet anywhere.
    """

    def __init__(self, a: RunFacts, b: RunFacts) -> None:
        self._a, self._b = a, b
        self._known: dict[str, frozenset[Coordinates]] = {}

    def related(self, step: str, at: Coordinates) -> bool:
        """Whether the values of a point were made, or taken, in one line of runs."""
        one, other = self._a.steps[step], self._b.steps[step]
        return not _line(self._a, one, at).isdisjoint(_line(self._b, other, at))

    def derived(self, step: str, at: Coordinates) -> bool:
        """Whether it was worked out, in both runs, from points that share shots."""
        return at in self._sharing(step)

    def _sharing(self, step: str) -> frozenset[Coordinates]:
        """Points of a step that have, or were worked out from, shots of both runs."""
        if step not in self._known:
            self._known[step] = frozenset(self._found(step))
        return self._known[step]

    def _found(self, step: str) -> set[Coordinates]:
        one, other = self._a.steps.get(step), self._b.steps.get(step)
        if one is None or other is None:
            return set()
        both = [at for at in other.points if at in one.points]
        if other.kind in _SHOTS or other.calls:
            return {at for at in both if self.related(step, at)}
        if other.kind != "step" or not both:
            return set()
        found: set[Coordinates] = set()
        flow = self._b.workflow
        for need in flow.edges(step) if step in flow.step_names else ():
            if sharing := self._sharing(need):
                common = _axes(next(iter(sharing))) & _axes(both[0])
                places = {_at(each, common) for each in sharing}
                found |= {each for each in both if _at(each, common) in places}
        return found


def _line(run: RunFacts, step: StepFacts, at: Coordinates) -> frozenset[str]:
    """The runs that a point may have results of, its own first."""
    made: list[str | None] = [step.points[at].made]
    if step.calls:
        made.append(step.numbers.get("origin"))
    origins = {each for each in made if each is not None}
    before: Mapping[str, Collection[str]] = run.ancestors
    return frozenset({run.run, *origins}.union(*(before.get(r, ()) for r in origins)))


def _axes(at: Coordinates) -> frozenset[str]:
    return frozenset(name for name, _ in at[0])


def _at(at: Coordinates, axes: frozenset[str]) -> tuple[tuple[str, object], ...]:
    return tuple(pair for pair in at[0] if pair[0] in axes)
