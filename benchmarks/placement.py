"""Placement against the optimum: how good the plans are, and what they take.

HEFT's problem on a hundred seeded graphs, then sweeps on quantum backends within a
budget or a deadline that binds. CP-SAT proves the optima (package ``ortools``), HEFT is
written here a second time, from the paper, with floating-point times.

``python -m benchmarks.placement --first 1000`` takes the seeds from 1000, not from 0.
"""

from __future__ import annotations

import argparse
from bisect import insort
from random import Random
from statistics import fmean
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from benchmarks.__main__ import table
from benchmarks._instances import (
    cheapest_within,
    fastest_within,
    related,
    sweeps,
    within,
)
from benchmarks._optimum import Optimum, solve
from benchmarks.row import Row
from quantumflow_lab.placement import Machine, Problem, Task, place

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAPHS, SWEEPS, LARGE = 100, 30, 10_000
SECONDS = 4.0
"""Longest that the solver may take for one instance."""
THOROUGH = 1_000_000
"""Evaluations for sweeps: planning may take a tenth of a second."""
PATIENCE = 480.0
"""Seconds after which no further sweep is solved, on a slow machine."""


def measure(*, first: int = 0) -> Iterator[Row]:
    """Quality on both kinds of instances, time, and a large graph."""
    begin = perf_counter()
    yield from _graphs(range(first, first + GRAPHS))
    yield _large()
    found: dict[str, list[float]] = {"budget": [], "deadline": []}
    missed = proved = 0
    for seed in range(first, first + SWEEPS):
        if perf_counter() - begin > PATIENCE:
            break
        for limit, problem, best in _limited(seed):
            plan = place(problem, THOROUGH)
            missed += not plan.feasible
            proved += best.proved
            ours, theirs = (plan.makespan, best.makespan)
            if limit == "deadline":
                ours, theirs = (plan.cost, best.cost)
            found[limit].append(ours / theirs)
    share = f"{proved} of {sum(map(len, found.values()))} proved"
    for limit, what in (("budget", "time"), ("deadline", "cost")):
        name = f"sweeps within a {limit}, {what}, mean"
        yield _ratios(name, found[limit], fmean(found[limit]), 1.05, share)
    yield Row(
        "sweeps whose limits are missed", "", missed, missed, missed, "", "lower", 0
    )


def _graphs(seeds: range) -> Iterator[Row]:
    ratios, hefts, took, proved = [], [], [], 0
    for seed in seeds:
        problem = related(seed)
        start = process_time()
        plan = place(problem)
        took.append((process_time() - start) * 1e3)
        best = solve(problem, SECONDS)
        if best is None:
            raise ValueError(f"no schedule for graph {seed}")
        proved += best.proved
        ratios.append(plan.makespan / best.makespan)
        hefts.append(plan.makespan / heft(problem))
    share = f"{proved} of {len(ratios)} proved"
    mean = fmean(ratios)
    yield _ratios("graphs, makespan, mean", ratios, mean, 1.02, share, stretch=1.005)
    yield _ratios("graphs, makespan, worst", ratios, max(ratios), 1.35, share)
    yield _ratios("graphs, makespan over HEFT, worst", hefts, max(hefts), 1.0, "")
    took.sort()
    median = took[len(took) // 2]
    what = "graphs, processor time to place one, median"
    yield Row(what, "", median, took[0], took[-1], "ms", "lower", 10.0)


def _ratios(
    what: str,
    ratios: list[float],
    value: float,
    gate: float,
    share: str,
    stretch: float | None = None,
) -> Row:
    against = f"CP-SAT, {share}" if share else "HEFT"
    low, high = min(ratios), max(ratios)
    return Row(what, against, value, low, high, "×", "lower", gate, stretch)


def _limited(seed: int) -> Iterator[tuple[str, Problem, Optimum]]:
    """One graph of sweeps with a budget, then with a deadline, each with its optimum.

    The limits lie between what the fastest and the cheapest schedule take, each as good
    in the other respect as the solver finds it.
    """
    free = sweeps(seed)
    fast = solve(fastest_within(free, 1e4), SECONDS)
    cheap = solve(cheapest_within(free, 1e4), SECONDS)
    if fast is None or cheap is None:
        return
    fast = solve(cheapest_within(free, fast.makespan), SECONDS) or fast
    cheap = solve(fastest_within(free, cheap.cost), SECONDS) or cheap
    budget = within(cheap.cost, fast.cost, seed)
    deadline = within(fast.makespan, cheap.makespan, seed)
    problems = {
        "budget": fastest_within(free, budget),
        "deadline": cheapest_within(free, deadline),
    }
    for limit, problem in problems.items():
        best = solve(problem, SECONDS)
        if best is not None:
            yield limit, problem, best


def _large() -> Row:
    """Ten thousand tasks in layers of a hundred on eight machines."""
    rng = Random(0)
    machines = tuple(Machine(f"m{k}") for k in range(8))
    tasks = []
    for i in range(LARGE):
        needs = rng.sample(
            range(i // 100 * 100 - 100, i // 100 * 100), 2 if i > 99 else 0
        )
        seconds = {machine.name: float(rng.randint(10, 100)) for machine in machines}
        tasks.append(Task(f"t{i}", seconds, needs={f"t{n}": 1.0 for n in needs}))
    links = {(a.name, b.name): 5.0 for a in machines for b in machines if a != b}
    problem = Problem(machines, tuple(tasks), links=links)
    took = []
    for _ in range(3):
        start = perf_counter()
        plan = place(problem)
        took.append(perf_counter() - start)
    if plan.makespan > heft(problem):
        raise ValueError("worse than HEFT")
    low, median, high = sorted(took)
    return Row(
        f"graph of {LARGE} tasks, placed", "", median, low, high, "s", "lower", 1.0
    )


def heft(problem: Problem) -> float:
    """Makespan of HEFT as its paper has it; machines have one slot."""
    names = [machine.name for machine in problem.machines]
    between = [link for (a, b), link in problem.links.items() if a != b]
    link = fmean(between) if between else 0.0
    rank = dict.fromkeys((task.name for task in problem.tasks), 0.0)
    for task in reversed(problem.tasks):  # the generators name each after its needs
        rank[task.name] += fmean(task.seconds.values())
        for need, size in task.needs.items():
            rank[need] = max(rank[need], rank[task.name] + size * link)
    busy: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    end: dict[str, float] = {}
    at: dict[str, str] = {}
    for task in sorted(problem.tasks, key=lambda task: -rank[task.name]):
        best: tuple[float, int, float] | None = None
        for k, name in enumerate(names):
            start = 0.0
            for need, size in task.needs.items():
                delay = (
                    problem.links.get((at[need], name), 0.0) if at[need] != name else 0
                )
                start = max(start, end[need] + size * delay)
            duration = task.seconds[name]
            for begin, until in busy[name]:
                if start + duration <= begin:
                    break
                start = max(start, until)
            best = min(
                best or (start + duration, k, start), (start + duration, k, start)
            )
        assert best is not None, "there are machines"
        end[task.name], at[task.name] = best[0], names[best[1]]
        insort(busy[at[task.name]], (best[2], best[0]))
    return round(max(end.values()), 6)  # as whole microseconds, like ours


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.placement")
    parser.add_argument(
        "--first", type=int, default=0, help="seed of the first instance"
    )
    print(table(list(measure(first=parser.parse_args().first))))
