"""Good plans, the same as ``rust/core/src/place``, word for word.

`place` is the function; ``docs/placement.md`` has the model and the words. The files
follow the Rust ones, which explain the rules: ``place_instance`` reads and checks,
``place_evaluate`` makes a schedule of a plan, ``place_moves`` changes plans.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.place_energy import Energy, Key, Order, Score
from quantumflow_lab._fallback.place_evaluate import FREE, Evaluator, Plan
from quantumflow_lab._fallback.place_instance import Instance, parse
from quantumflow_lab._fallback.place_moves import Mover, Random
from quantumflow_lab._fallback.words import read_words

if TYPE_CHECKING:
    from typing_extensions import Buffer

ROUNDS = 16
HOT = 0.1
MORE = 30
# fmt: off
LUCK = (
    4.8520, 3.7534, 3.2426, 2.9061, 2.6548, 2.4541, 2.2870, 2.1439, 2.0188, 1.9075,
    1.8075, 1.7165, 1.6332, 1.5563, 1.4848, 1.4182, 1.3557, 1.2969, 1.2413, 1.1887,
    1.1387, 1.0910, 1.0456, 1.0021, 0.9605, 0.9205, 0.8820, 0.8450, 0.8093, 0.7748,
    0.7415, 0.7092, 0.6779, 0.6476, 0.6182, 0.5896, 0.5618, 0.5348, 0.5084, 0.4828,
    0.4578, 0.4334, 0.4095, 0.3862, 0.3635, 0.3413, 0.3195, 0.2982, 0.2773, 0.2569,
    0.2369, 0.2173, 0.1981, 0.1792, 0.1607, 0.1425, 0.1246, 0.1071, 0.0898, 0.0729,
    0.0562, 0.0398, 0.0237, 0.0078,
)
# fmt: on


def place(words: Buffer, evaluations: int, seed: int) -> bytes:
    """Place a problem given as words; ``_core.pyi`` documents it."""
    search = Search(Instance(parse(read_words(words))), seed)
    search.run(evaluations)
    plan = search.best[1]
    score = search.evaluator.schedule(plan)
    runs, tasks = search.evaluator.runs, search.evaluator.placed
    out = [score.late, score.over, score.makespan, score.cost, len(runs)]
    for row in (*tasks, *runs):
        out += row
    return array("q", out).tobytes()


def upward_ranks(instance: Instance) -> list[int]:
    """Mean time from the start of each task to the end of all."""
    m = instance.machines
    between = [
        link for cell, link in enumerate(instance.links) if cell // m != cell % m
    ]
    link = sum(between) * 1000 // max(m * m - m, 1)
    ranks = [0] * instance.tasks
    for task in reversed(instance.order):
        choices = instance.choices[instance.family[task]]
        ranks[task] += sum(instance.alone(task, k) for k in choices) // len(choices)
        for need, size in instance.needs[task]:
            ranks[need] = max(ranks[need], ranks[task] + size * link // 1_000_000_000)
    return ranks


def heft(instance: Instance) -> Plan:
    """HEFT as a plan."""
    ranks = upward_ranks(instance)
    order = sorted(instance.order, key=lambda task: -ranks[task])
    return Plan(order, [FREE] * instance.tasks, [False] * instance.tasks)


def cheapest(instance: Instance, family: int) -> int:
    """The machine on which a family costs least if no two tasks share a job."""
    members = instance.members[family]
    return min(
        instance.choices[family],
        key=lambda k: (
            sum(instance.cost_alone(task, k) for task in members),
            sum(instance.alone(task, k) for task in members),
        ),
    )


def starts(instance: Instance, first: Plan) -> list[Plan]:
    """Plans from which the search may start, beside HEFT."""
    families = range(instance.tasks)
    order, send = first.order, first.send
    plans = [
        Plan(order, [cheapest(instance, family) for family in families], send),
        Plan(order, [FREE] * instance.tasks, [True] * instance.tasks),
    ]
    for k in range(instance.machines):
        picked = [k if k in instance.choices[family] else FREE for family in families]
        plans.append(Plan(order, picked, send))
    return plans


class Search:
    """``search.rs``."""

    def __init__(self, instance: Instance, seed: int) -> None:
        self.instance = instance
        self.evaluator = Evaluator(instance)
        self.mover = Mover(instance)
        self.random = Random(seed)
        first = heft(instance)
        score = self.evaluator.score(first)
        first.machine = self.evaluator.machine[:]
        self.order = Order(instance, score)
        self.best: tuple[Key, Plan, Score] = (self.order.key(score), first, score)

    def run(self, evaluations: int) -> None:
        """Look for good plans until the evaluations are used up."""
        self.begin(evaluations)
        begun = self.evaluator.evaluations
        each = max(evaluations - begun, 0) // ROUNDS
        if each > 0 and self.instance.tasks > 0:
            for number in range(1, ROUNDS + 1):
                self.round(number, begun + (number - 1) * each, each)

    def begin(self, evaluations: int) -> None:
        if self.evaluator.evaluations >= evaluations:
            return
        for plan in starts(self.instance, self.best[1]):
            if self.evaluator.evaluations < evaluations:
                score = self.evaluator.score(plan)
                plan.machine = self.evaluator.machine[:]
                self.keep(plan, score)

    def keep(self, plan: Plan, score: Score) -> None:
        key = self.order.key(score)
        if key < self.best[0]:
            self.best = (key, plan.copy(), score)

    def round(self, number: int, begin: int, length: int) -> None:
        energy = self.order.energy(self.best[2])
        current = self.best[1].copy()
        if number % 2 == 1:
            self.scatter(current)
        score = self.evaluator.score(current)
        self.keep(current, score)
        level = energy.of(score)
        while self.evaluator.evaluations < begin + length:
            done = (self.evaluator.evaluations - begin) / length
            heat = HOT * (1.0 - done) * (1.0 - done)
            following = current.copy()
            self.change(following)
            most = level + heat * LUCK[self.random.below(len(LUCK))]
            reached = self.accept(following, energy, most)
            if reached is not None:
                level, current = reached, following

    def scatter(self, plan: Plan) -> None:
        instance = self.instance
        for family, members in enumerate(instance.members):
            if any(instance.circuits[task] > 0 for task in members):
                choices = instance.choices[family]
                plan.machine[family] = choices[self.random.below(len(choices))]

    def change(self, plan: Plan) -> None:
        self.mover.change(plan, self.random)
        while self.random.below(100) < MORE:
            self.mover.change(plan, self.random)

    def accept(self, plan: Plan, energy: Energy, most: float) -> float | None:
        score = self.evaluator.score_within(plan, energy.longest(most))
        if score is None:
            return None
        reached = energy.of(score)
        if reached > most:
            return None
        plan.machine = self.evaluator.machine[:]
        self.keep(plan, score)
        return reached
