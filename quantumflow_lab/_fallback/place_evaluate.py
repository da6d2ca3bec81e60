"""From a plan to its schedule: ``evaluate.rs`` and ``slots.rs``."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from quantumflow_lab._fallback.place_energy import Score

if TYPE_CHECKING:
    from quantumflow_lab._fallback.place_instance import Instance

FREE = -1
FOREVER = 2**63 - 1

Slot = list[tuple[int, int]]
"""Busy stretches in order, with a gap between any two."""
Share = tuple[int, int, int]
"""Start, end and number of jobs in one slot."""


@dataclass(slots=True)
class Plan:
    """What the search varies."""

    order: list[int]
    machine: list[int]
    send: list[bool]

    def copy(self) -> Plan:
        """An equal plan that can be changed."""
        return Plan(self.order[:], self.machine[:], self.send[:])


class Bulk(NamedTuple):
    """Equal jobs of one task, the last of which may be shorter."""

    jobs: int
    full: int
    last: int


def find(slot: Slot, ready: int, duration: int) -> tuple[int, int]:
    """Earliest start at `ready` or later, and its position."""
    start = ready
    at = bisect_right(slot, ready, key=itemgetter(1))
    while at < len(slot):
        begin, end = slot[at]
        if start + duration <= begin:
            break
        start = end
        at += 1
    return start, at


def take(slot: Slot, at: int, start: int, end: int) -> None:
    """Take a stretch, and join it with those it touches."""
    if start == end:
        return
    low, high = at, at
    if at < len(slot) and slot[at][0] == end:
        high, end = at + 1, slot[at][1]
    if at > 0 and slot[at - 1][1] == start:
        low, start = at - 1, slot[at - 1][0]
    slot[low:high] = [(start, end)]


def earliest(slots: list[Slot], ready: int, duration: int) -> tuple[int, int, int]:
    """Earliest start of a job, its slot and position."""
    best = (FOREVER, 0, 0)
    for number, slot in enumerate(slots):
        start, at = find(slot, ready, duration)
        if start < best[0]:
            best = (start, number, at)
        if start == ready:
            break
    return best


def share(slots: list[Slot], ready: int, bulk: Bulk) -> tuple[int, list[Share]]:
    """Share jobs among slots so that they end early: the end, and each slot's part."""
    jobs, full, last = bulk
    begins = [max(slot[-1][1] if slot else 0, ready) for slot in slots]
    numbers = range(len(slots))
    first = min(begins)
    if full == 0:
        slot = begins.index(first)
        return first, [(b, b, jobs if s == slot else 0) for s, b in enumerate(begins)]
    early, late = first, first + jobs * full
    while late - early > 1:
        middle = early + (late - early) // 2
        if sum(max((middle - begin) // full, 0) for begin in begins) >= jobs:
            late = middle
        else:
            early = middle
    counts = [max((late - begin) // full, 0) for begin in begins]
    surplus = sum(counts) - jobs
    for slot in reversed(numbers):
        if surplus and counts[slot] and begins[slot] + counts[slot] * full == late:
            counts[slot] -= 1
            surplus -= 1
    ends = [begins[slot] + counts[slot] * full for slot in numbers]
    latest = max(numbers, key=lambda slot: (counts[slot] > 0, ends[slot], -slot))
    ends[latest] -= full - last
    end = max(ends[slot] for slot in numbers if counts[slot])
    return end, list(zip(begins, ends, counts, strict=True))


class Evaluator:
    """Evaluates plans, one after another."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.tails = instance.tails()
        self.evaluations = 0
        self.recording = False
        self.runs: list[tuple[int, ...]] = []
        self.placed: list[tuple[int, ...]] = []
        self.clear([])

    def clear(self, machine: list[int]) -> None:
        instance = self.instance
        self.slots: list[list[Slot]] = [[[] for _ in range(n)] for n in instance.slots]
        self.end = [-1] * instance.tasks
        self.batches: list[list[int]] = [[] for _ in range(instance.tasks)]
        self.filled = [0] * instance.tasks
        self.machine = machine[:]
        self.makespan = self.cost = self.least = 0

    def score(self, plan: Plan) -> Score:
        """What a plan takes."""
        score = self.score_within(plan, FOREVER)
        assert score is not None, "nothing takes longer"
        return score

    def score_within(self, plan: Plan, longest: int) -> Score | None:
        """What a plan takes, if it does not take longer than `longest`."""
        begin = self.evaluations
        score = self.run(plan, longest)
        least = (len(self.end) + sum(self.instance.slots)) // 4 + 1
        self.evaluations = max(self.evaluations, begin + least)
        return score

    def schedule(self, plan: Plan) -> Score:
        """The score, with `placed` and `runs` filled."""
        self.recording = True
        self.placed = [(0, 0, 0, 0)] * self.instance.tasks
        return self.score(plan)

    def run(self, plan: Plan, longest: int) -> Score | None:
        self.clear(plan.machine)
        for task in plan.order:
            self.look_at(task, plan)
            if self.least > longest:
                return None
        for task in plan.order:
            self.close_batch_of(task)
        deadline, budget = self.instance.deadline, self.instance.budget
        return Score(
            max(self.makespan - deadline, 0) if deadline >= 0 else 0,
            max(self.cost - budget, 0) if budget >= 0 else 0,
            self.makespan,
            self.cost,
        )

    def look_at(self, task: int, plan: Plan) -> None:
        instance = self.instance
        for need, _ in instance.needs[task]:
            self.close_batch_of(need)
        circuits, family = instance.circuits[task], instance.family[task]
        if self.machine[family] == FREE:
            choices = instance.choices[family]
            self.machine[family] = min((self.end_on(k, [task]), k) for k in choices)[1]
            self.evaluations += len(choices)
        if circuits == 0:
            self.commit(self.machine[family], [task])
            return
        limit = instance.job_limit[self.machine[family]]
        if self.filled[family] > 0 and self.filled[family] + circuits > limit:
            self.place_batch(family)
        self.batches[family].append(task)
        self.filled[family] += circuits
        if plan.send[task] or self.filled[family] >= limit:
            self.place_batch(family)

    def close_batch_of(self, task: int) -> None:
        if self.end[task] < 0:
            self.place_batch(self.instance.family[task])

    def place_batch(self, family: int) -> None:
        members, self.batches[family] = self.batches[family], []
        self.filled[family] = 0
        self.commit(self.machine[family], members)

    def end_on(self, machine: int, members: list[int]) -> int:
        ready, bulk = self.ready(machine, members), self.bulk(machine, members)
        if bulk.jobs > 1:
            return share(self.slots[machine], ready, bulk)[0]
        return earliest(self.slots[machine], ready, bulk.last)[0] + bulk.last

    def commit(self, machine: int, members: list[int]) -> None:
        ready, bulk = self.ready(machine, members), self.bulk(machine, members)
        slots = self.slots[machine]
        if bulk.jobs > 1:
            end, shares = share(slots, ready, bulk)
            used = [(s, *part) for s, part in enumerate(shares) if part[2]]
            for s, begin, until, _ in used:
                take(slots[s], len(slots[s]), begin, until)
        else:
            start, s, at = earliest(slots, ready, bulk.last)
            end = start + bulk.last
            take(slots[s], at, start, end)
            used = [(s, start, end, 1)]
        self.finish(machine, members, end, bulk.jobs)
        if self.recording:
            self.record(machine, members, end, used)

    def finish(self, machine: int, members: list[int], end: int, jobs: int) -> None:
        instance = self.instance
        self.makespan = max(self.makespan, end)
        if instance.circuits[members[0]]:
            self.cost += jobs * instance.price_job[machine]
        for task in members:
            self.cost += max(instance.circuits[task], 1) * instance.price[task][machine]
            self.end[task] = end
            self.least = max(self.least, end + self.tails[task])
            self.evaluations += 1

    def record(
        self,
        machine: int,
        members: list[int],
        end: int,
        used: list[tuple[int, int, int, int]],
    ) -> None:
        batch = self.runs[-1][0] + 1 if self.runs else 0
        start = min(part[1] for part in used)
        self.runs += [(batch, machine, *part) for part in used]
        for task in members:
            self.placed[task] = (machine, batch, start, end)

    def ready(self, machine: int, members: list[int]) -> int:
        instance, ready = self.instance, 0
        for task in members:
            for need, size in instance.needs[task]:
                source = self.machine[instance.family[need]]
                there = self.end[need] + instance.delay(size, source, machine)
                ready = max(ready, there)
        return ready

    def bulk(self, machine: int, members: list[int]) -> Bulk:
        instance, first = self.instance, members[0]
        circuits, time = instance.circuits[first], instance.time[first][machine]
        setup, limit = instance.setup[machine], instance.job_limit[machine]
        if circuits == 0:
            return Bulk(1, time, time)
        if circuits > limit:
            jobs = instance.jobs(first, machine)
            rest = circuits - (jobs - 1) * limit
            return Bulk(jobs, setup + limit * time, setup + rest * time)
        work = sum(instance.circuits[t] * instance.time[t][machine] for t in members)
        return Bulk(1, setup + work, setup + work)
