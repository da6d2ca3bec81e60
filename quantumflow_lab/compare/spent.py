"""What two runs took: time, jobs, money, and points that they did not make."""

from __future__ import annotations

from quantumflow_lab.compare.asked import table
from quantumflow_lab.compare.facts import RunFacts, StepFacts
from quantumflow_lab.compare.shown import number, relative
from quantumflow_lab.widgets import Section

_SPENT = {
    "jobs": "jobs",
    "circuits": "circuits",
    "shots": "shots",
    "queue_s": "queue, s",
    "machine_s": "machine, s",
    "qpu_s": "QPU, s",
}


def kept(a: RunFacts, b: RunFacts) -> Section | None:
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


def spent(a: RunFacts, b: RunFacts) -> Section | None:
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
    sums: dict[str, float] = {}
    for step in run.steps.values():
        for currency, cost in step.numbers.get("costs") or ():
            sums[currency] = sums.get(currency, 0.0) + (cost or 0.0)
    return ", ".join(f"{amount:.6g} {name}" for name, amount in sums.items()) or "none"
