"""How schedules compare: ``rust/core/src/place/energy.rs``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from quantumflow_lab._fallback.place_instance import Instance

ASIDE = 0.03
PENALTY = 3.0
FASTEST, CHEAPEST, BALANCED = range(3)

Key = tuple[int, int, int]


class Score(NamedTuple):
    """What a schedule takes, and by how much it breaks deadline and budget."""

    late: int
    over: int
    makespan: int
    cost: int


def one_over(value: int) -> float:
    """The weight that makes a value count 1."""
    return 1.0 / float(max(value, 1))


class Order:
    """Exact order of schedules."""

    def __init__(self, instance: Instance, first: Score) -> None:
        self.goal = instance.goal
        self.deadline, self.budget = instance.deadline, instance.budget
        self.first = first

    def key(self, score: Score) -> Key:
        """Less is better."""
        late, over, makespan, cost = score
        broken = late * max(self.budget, 1) + over * max(self.deadline, 1)
        if self.goal == FASTEST:
            return broken, makespan, cost
        if self.goal == CHEAPEST:
            return broken, cost, makespan
        time = makespan * max(self.first.cost, 1)
        return broken, time + cost * max(self.first.makespan, 1), makespan

    def energy(self, best: Score) -> Energy:
        """The same wishes as a sum."""
        if self.goal == FASTEST:
            time, cost = one_over(best.makespan), ASIDE * one_over(best.cost)
        elif self.goal == CHEAPEST:
            time, cost = ASIDE * one_over(best.makespan), one_over(best.cost)
        else:
            time, cost = one_over(self.first.makespan), one_over(self.first.cost)
            total = time * float(best.makespan) + cost * float(best.cost)
            if total > 0.0:
                time, cost = time / total, cost / total
        return Energy(
            time,
            cost,
            PENALTY * one_over(self.deadline) if self.deadline >= 0 else 0.0,
            PENALTY * one_over(self.budget) if self.budget >= 0 else 0.0,
            float(max(self.deadline, 0)),
        )


@dataclass(frozen=True, slots=True)
class Energy:
    """Weights of time, cost and broken limits; bit for bit those of Rust."""

    time: float
    cost: float
    late: float
    over: float
    deadline: float

    def of(self, score: Score) -> float:
        """Energy of a schedule."""
        goal = self.time * float(score.makespan) + self.cost * float(score.cost)
        return goal + self.late * float(score.late) + self.over * float(score.over)

    def longest(self, most: float) -> int:
        """The makespan above which the energy is more than `most`."""
        longest = most / self.time
        if self.late > 0.0 and longest > self.deadline:
            longest = (most + self.late * self.deadline) / (self.time + self.late)
        return int(min(longest * (1.0 + 1e-9), 4e18)) + 1
