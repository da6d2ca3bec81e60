"""Seeded placement problems: HEFT's, and sweeps on quantum backends."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from quantumflow_lab.placement import Machine, Problem, Task

TICK = 100
"""Ticks in a second: `related` rounds its times up to whole ticks."""


def related(seed: int) -> Problem:
    """8 to 14 tasks on 3 or 4 related machines with links of different speeds.

    Work and data are those of the literature's random graphs: work 10 to 100, data 5 to
    100 times the ratio of communication to computation, which is 0.2, 1 or 5.
    """
    rng = Random(seed)
    count, width = rng.randint(8, 14), rng.randint(3, 4)
    ratio = rng.choice((0.2, 1.0, 5.0))
    work = [rng.randint(10, 100) for _ in range(count)]
    level = sorted(rng.randint(0, max(2, count // 3)) for _ in range(count))
    needs: list[dict[str, float]] = []
    for task in range(count):
        above = [other for other in range(count) if level[other] < level[task]]
        chosen = rng.sample(above, min(len(above), rng.choice((1, 2, 3))))
        needs.append({f"t{o}": round(rng.randint(1, 20) * 5 * ratio) for o in chosen})
    speeds = [rng.choice((1.0, 1.5, 2.0, 3.0, 4.0)) for _ in range(width)]
    links: dict[tuple[str, str], float] = {}
    for a in range(width):
        for b in range(a + 1, width):
            links[f"m{a}", f"m{b}"] = links[f"m{b}", f"m{a}"] = 1 / rng.choice(
                (0.5, 1.0, 2.0)
            )
    seconds = [
        {f"m{k}": -(-w * TICK * 2 // int(2 * s)) / TICK for k, s in enumerate(speeds)}
        for w in work
    ]
    return Problem(
        machines=tuple(Machine(f"m{k}") for k in range(width)),
        tasks=tuple(Task(f"t{i}", seconds[i], needs=needs[i]) for i in range(count)),
        links=links,
    )


def sweeps(seed: int) -> Problem:
    """Two or three sweeps of 3 to 6 points, each needing points of the one before.

    Each point is prepared and its circuits run on one of two or three backends: fast
    ones are dear, jobs have a price and a setup, slots and job sizes are few. Preparing
    takes 1 to 20 s on few Python slots, so points become ready one after another, and
    it may pay to wait for some of them. Some graphs end with a task of several jobs.
    """
    rng = Random(seed)
    backends = [_backend(rng, f"q{k}") for k in range(rng.randint(2, 3))]
    machines = (Machine("python", slots=rng.randint(1, 3)), *(b for b, _ in backends))
    tasks: list[Task] = []
    before: list[str] = []
    count = rng.randint(2, 3)
    points = rng.randint(4, 6) if count == 2 else rng.randint(3, 4)
    for sweep in range(count):
        shots, circuits = 100 * rng.choice((1, 2, 4)), rng.randint(1, 2)
        seconds = {b.name: max(1, round(s * shots / 400)) for b, s in backends}
        names = [f"s{sweep}p{point}" for point in range(points)]
        for name in names:
            needs = rng.sample(before, min(len(before), rng.randint(1, 2)))
            duration = rng.randint(1, 20)
            tasks.append(_plain(f"prepare {name}", duration, needs))
            family = f"s{sweep}"
            task = Task(name, seconds, circuits, shots, family, {f"prepare {name}": 0})
            tasks.append(task)
        before = names
    if rng.random() < 0.3:
        seconds = {b.name: max(1, round(s / 4)) for b, s in backends}
        results = dict.fromkeys(before, 0.0)
        tasks.append(Task("many", seconds, rng.randint(8, 20), 100, needs=results))
        before = ["many"]
    tasks.append(_plain("fit", rng.randint(1, 10), before))
    return Problem(machines, tuple(tasks))


def _backend(rng: Random, name: str) -> tuple[Machine, float]:
    """A backend, and its seconds for 400 shots; 100 shots cost whole cents."""
    speed = rng.choice((1, 2, 4, 8))
    dear = rng.uniform(0.5, 2) * speed
    machine = Machine(
        name,
        slots=rng.randint(1, 2),
        setup=rng.choice((2, 5, 10, 20)),
        job_limit=rng.choice((3, 4, 6, 8)),
        price_job=round(rng.choice((0, 2, 5, 10)) * dear) / 100,
        price_shot=max(1, round(rng.choice((1, 2, 3)) * dear)) / 10_000,
        price_second=rng.choice((0, 0, 1, 2)) / 100,
    )
    return machine, rng.choice((2, 4, 8)) * 4 / speed


def _plain(name: str, seconds: int, needs: list[str]) -> Task:
    return Task(name, {"python": seconds}, needs=dict.fromkeys(needs, 0.0))


def within(low: float, high: float, seed: int) -> float:
    """A limit that binds: between a tenth and seven tenths of the way, whole cents."""
    share = Random(seed + 1_000_000).uniform(0.1, 0.7)
    return int(100 * (low + share * (high - low))) / 100


def cheapest_within(problem: Problem, deadline: float) -> Problem:
    """The same, for as little money as the deadline allows."""
    return replace(problem, goal="cheapest", deadline=deadline)


def fastest_within(problem: Problem, budget: float) -> Problem:
    """The same, as fast as the budget allows."""
    return replace(problem, goal="fastest", budget=budget)
