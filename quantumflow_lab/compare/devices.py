"""What two runs ran on: calibrations of the qubits used, and circuits as executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any

from quantumflow_lab.compare.asked import Told, table
from quantumflow_lab.compare.facts import Reference, RunFacts, StepFacts
from quantumflow_lab.compare.results import CIRCUITS, UNREADABLE, StepResults
from quantumflow_lab.compare.shown import number, relative
from quantumflow_lab.compare.values import evenly, results_in

LOOKED = 100
"""Results of a step whose metadata is read."""
_SIZES = {
    "depth": "depth",
    "two_qubit_gates": "two-qubit gates",
    "qubits": "qubits used",
}
_LAYOUTS = 3
"""Layouts of a step that are named."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What the results of one step say of how they came about."""

    step: str
    abouts: tuple[Mapping[str, Any], ...]
    """``metadata["qflow"]`` of its results."""

    def layouts(self, backend: str | None = None) -> list[tuple[int, ...]]:
        """Physical qubits, of each circuit, without repetition."""
        found = (
            tuple(about["layout"])
            for about in self.abouts
            if about.get("layout") and backend in (None, about.get("backend"))
        )
        return list(dict.fromkeys(found))

    def largest(self, name: str) -> int | None:
        """The largest depth, or the like, that the results tell."""
        found = [about[name] for about in self.abouts if name in about]
        return max(found, default=None)


def executed(run: RunFacts, other: RunFacts) -> dict[str, Executed]:
    """Steps that ran circuits, by what a number of their results say.

    Both runs are asked at the points that they share, so that a longer axis alone
    makes no difference.
    """
    found = {}
    for name, step in run.steps.items():
        if step.kind in CIRCUITS:
            continue
        refs = list(_references(step, other.steps.get(name)))
        looked = [refs[i] for i in evenly(len(refs), LOOKED)]
        abouts = tuple(about for ref in looked for about in _abouts(run, ref))
        if abouts:
            found[name] = Executed(name, abouts)
    return found


def _references(step: StepFacts, other: StepFacts | None) -> Iterator[Reference]:
    yield from step.calls
    if step.kind not in ("sample", "estimate"):
        return
    shared = other is not None and not step.points.keys().isdisjoint(other.points)
    for at, point in step.points.items():
        if point.value is not None and (not shared or (other and at in other.points)):
            yield point.value


def _abouts(run: RunFacts, ref: Reference) -> Iterator[Mapping[str, Any]]:
    with suppress(*UNREADABLE):
        for result in results_in(run.get(ref)):
            about = result.metadata.get("qflow")
            if isinstance(about, Mapping):
                yield about


Ran = tuple[Mapping[str, Executed], Mapping[str, Executed]]
"""What :func:`executed` says of either run."""


def circuits(
    a: RunFacts,
    b: RunFacts,
    ran: Ran,
    results: Sequence[StepResults],
    level: float,
) -> Told:
    """Depth, gates, qubits and shots of each step, and circuits that differ."""
    rows: list[tuple[object, ...]] = []
    changed = []
    for each in results:
        if each.kind in CIRCUITS:
            if (count := each.count(level)["changed"]) and each.kind == "circuit":
                rows.append((each.step, "circuits built", "", f"{count:,} changed"))
            continue
        found = list(_step_rows(each.step, (a, b), ran))
        rows += [row for row, _ in found]
        if any(decides for _, decides in found):
            changed.append(f"circuits of {each.step}")
    columns = ("step", "what", a.label, b.label)
    return Told(tuple(changed), table("Circuits as executed", columns, rows))


def _step_rows(
    step: str, runs: tuple[RunFacts, RunFacts], ran: Ran
) -> Iterator[tuple[tuple[object, ...], bool]]:
    """Rows of a step that differ, and whether they may change its results."""
    rows = [run.steps[step].numbers if step in run.steps else {} for run in runs]
    told = [each.get(step) for each in ran]
    # Jobs know all circuits; where some needed none, results are asked in both runs.
    from_jobs = all(map(_ran_all, (run.steps.get(step) for run in runs)))
    for name, words in _SIZES.items():
        if from_jobs:
            sides = [row.get(name) for row in rows]
        else:
            sides = [each and each.largest(name) for each in told]
        if None not in sides and sides[0] != sides[1]:
            yield (step, words, *map(str, sides)), True
    layouts = [each.layouts() if each else [] for each in told]
    if all(layouts) and set(layouts[0]) != set(layouts[1]):
        yield (step, "layout", *map(_layouts_text, layouts)), True
    shots = [each for row in rows if (each := _shots(row)) is not None]
    if len(shots) == 2 and shots[0] != shots[1]:
        yield (step, "shots a circuit", *map(_average, shots)), False


def _average(shots: float) -> str:
    """Shots a circuit; of circuits that differ in them, as where some were there."""
    return number(shots) if float(shots).is_integer() else f"{shots:.0f} on average"


def _ran_all(step: StepFacts | None) -> bool:
    """Whether jobs of the run itself stand behind all points of a step."""
    if step is None or not step.numbers.get("jobs") or step.numbers.get("cached"):
        return False
    return not any(point.kept for point in step.points.values())


def _shots(row: Mapping[str, Any]) -> float | None:
    circuits, shots = row.get("circuits"), row.get("shots")
    if not circuits or shots is None:
        return None
    return int(shots / circuits) if shots % circuits == 0 else float(shots / circuits)


def _layouts_text(layouts: Sequence[tuple[int, ...]]) -> str:
    """Layouts as a cell shows them.

    Examples
    --------
    >>> _layouts_text([(0, 1), (1, 2)])
    '0-1 or 1-2'
    """
    named = " or ".join("-".join(map(str, each)) for each in layouts[:_LAYOUTS])
    left = len(layouts) - _LAYOUTS
    return f"{named} and {left} more" if left > 0 else named


def calibrations(a: RunFacts, b: RunFacts, ran: Ran) -> Told:
    """The calibration that each run's jobs had, and what it changed most."""
    told = [list(each.values()) for each in ran]
    rows: list[tuple[object, ...]] = []
    values: list[tuple[float, tuple[object, ...]]] = []
    changed = []
    for name in [each for each in a.backends if each in b.backends]:
        dates = [_dates(run, name, of) for run, of in zip((a, b), told, strict=True)]
        data = [_data(run, name, date) for run, date in zip((a, b), dates, strict=True)]
        found = list(_values(name, data, _qubits(name, [*told[0], *told[1]])))
        if dates[0] != dates[1]:
            rows.append((name, "calibrated", *(", ".join(d) or "?" for d in dates), ""))
        if found or dates[0] != dates[1]:
            changed.append(f"calibration of {name}")
        values += found
    rows += [row for _, row in sorted(values, key=lambda each: -each[0])]
    columns = ("backend", "what", a.label, b.label, "change")
    return Told(tuple(changed), table("Calibration", columns, rows))


def _dates(run: RunFacts, backend: str, ran: Sequence[Executed]) -> list[str]:
    """Dates of the calibrations that its results name; else of that at its start."""
    told = {
        str(about["calibrated"])
        for each in ran
        for about in each.abouts
        if about.get("backend") == backend and about.get("calibrated")
    }
    if told:
        return sorted(told)
    row = _record(run, backend)
    return [str(row["calibrated"])] if row and row["calibrated"] else []


def _record(
    run: RunFacts, backend: str, date: str | None = None
) -> Mapping[str, Any] | None:
    """The last record of a calibration by the time the run had begun."""
    rows = [
        row
        for row in run.calibrations
        if row["backend"] == backend and date in (None, row["calibrated"])
    ]
    before = [row for row in rows if row["time"] <= run.started]
    # One that came while the run went on was recorded later.
    return before[-1] if before else rows[0] if rows else None


def _data(run: RunFacts, backend: str, dates: Sequence[str]) -> Mapping[str, Any]:
    """The data of the last calibration, as far as it was recorded."""
    row = _record(run, backend, dates[-1] if dates else None)
    data: Mapping[str, Any] = row["data"] if row else {}
    return data


def _qubits(backend: str, ran: Sequence[Executed]) -> frozenset[int] | None:
    """Physical qubits of its circuits in either run; None if that is not known."""
    layouts = [layout for each in ran for layout in each.layouts(backend)]
    return frozenset(q for each in layouts for q in each) if layouts else None


def _values(
    backend: str, data: Sequence[Mapping[str, Any]], qubits: frozenset[int] | None
) -> Iterator[tuple[float, tuple[object, ...]]]:
    """Relative size and row of each value of the qubits used that changed."""
    one, other = (dict(_named(each, qubits)) for each in data)
    for what in one:
        x, y = one[what], other.get(what)
        if y is None or x == y or not (isfinite(x) and isfinite(y)):
            continue
        size = abs(y - x) / abs(x) if x else float("inf")
        yield size, (
            backend,
            what,
            *map(_in_unit, (what, what), (x, y)),
            relative(x, y),
        )


def _named(
    data: Mapping[str, Any], qubits: frozenset[int] | None
) -> Iterator[tuple[str, float]]:
    """T1, T2, readout and gate errors of some qubits, by what they are called."""
    for index, qubit in enumerate(data.get("qubits", ())):
        if qubits is None or index in qubits:
            for name in ("t1", "t2"):
                if name in qubit:
                    yield f"{name.upper()} of {index}", float(qubit[name])
    for gate, places in data.get("gates", {}).items():
        for where, known in places.items():
            used = qubits is None or qubits.issuperset(map(int, where.split(",")))
            if used and "error" in known:
                word = "readout error" if gate == "measure" else f"error of {gate}"
                yield f"{word} on {where}", float(known["error"])


def _in_unit(what: str, value: float) -> str:
    return f"{1e6 * value:.4g} µs" if what.startswith("T") else f"{value:.3g}"
