"""Small changes of a plan: ``moves.rs`` and ``random.rs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab._fallback.backoff import MASK, mix
from quantumflow_lab._fallback.place_evaluate import FREE, Plan

if TYPE_CHECKING:
    from quantumflow_lab._fallback.place_instance import Instance

CLUSTER = 9


class Random:
    """The generator splitmix64."""

    def __init__(self, seed: int) -> None:
        self.state = mix(seed & MASK)

    def below(self, count: int) -> int:
        """A number below `count`."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        return ((mix(self.state) >> 32) * count) >> 32


class Mover:
    """Changes plans of one instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def change(self, plan: Plan, random: Random) -> None:
        """One change at random."""
        instance = self.instance
        task = random.below(instance.tasks)
        several = len(instance.members[instance.family[task]]) > 1
        if instance.circuits[task] > 0 and several and random.below(5) < 3:
            self.change_jobs(plan, task, random)
            return
        kind = random.below(8)
        if kind in (0, 1):
            self.slide(plan, task, random)
        elif kind == 2:
            at = plan.order.index(task)
            self.lift(plan, at, random.below(at + 1))
        elif kind == 3:
            at = plan.order.index(task)
            self.sink(plan, at, at + random.below(len(plan.order) - at))
        else:
            self.change_machine(plan, task, random)

    def change_jobs(self, plan: Plan, task: int, random: Random) -> None:
        members = self.instance.members[self.instance.family[task]]
        kind = random.below(4)
        if kind == 0:
            plan.send[task] = not plan.send[task]
        elif kind == 1:
            other = members[random.below(len(members))]
            plan.send[other] = False
            at, to = plan.order.index(task), plan.order.index(other)
            if at < to:
                self.sink(plan, at, to)
            elif at > to:
                self.lift(plan, at, to + 1)
        elif kind == 2:
            for member in members:
                plan.send[member] = False
        else:
            at = plan.order.index(task)
            self.lift(plan, at, random.below(at + 1))
            plan.send[task] = True

    def change_machine(self, plan: Plan, task: int, random: Random) -> None:
        family = self.instance.family[task]
        choices = self.instance.choices[family]
        kind = random.below(4)
        if kind == 0:
            plan.machine[family] = FREE
        elif kind == 1:
            plan.machine[family] = choices[random.below(len(choices))]
        elif kind == 2:
            other = self.neighbour(task, random)
            if other is not None:
                self.assign(plan, task, plan.machine[self.instance.family[other]])
        else:
            machine = choices[random.below(len(choices))]
            self.move_cluster(plan, task, machine, random)

    def assign(self, plan: Plan, task: int, machine: int) -> None:
        family = self.instance.family[task]
        if machine == FREE or machine in self.instance.choices[family]:
            plan.machine[family] = machine

    def neighbour(self, task: int, random: Random) -> int | None:
        needs, feeds = self.instance.needs[task], self.instance.feeds[task]
        if not needs and not feeds:
            return None
        pick = random.below(len(needs) + len(feeds))
        return needs[pick][0] if pick < len(needs) else feeds[pick - len(needs)]

    def move_cluster(self, plan: Plan, task: int, machine: int, random: Random) -> None:
        most = min(max(self.instance.tasks // 2 + 1, 2), CLUSTER)
        size = 2 + random.below(most - 1)
        cluster = [task]
        for _ in range(2 * size):
            beside = self.neighbour(cluster[random.below(len(cluster))], random)
            if beside is None:
                break
            if beside not in cluster:
                cluster.append(beside)
            if len(cluster) == size:
                break
        for member in cluster:
            self.assign(plan, member, machine)

    def slide(self, plan: Plan, task: int, random: Random) -> None:
        order = plan.order
        at = low = high = order.index(task)
        before = {need for need, _ in self.instance.needs[task]}
        after = set(self.instance.feeds[task])
        while low > 0 and order[low - 1] not in before:
            low -= 1
        while high + 1 < len(order) and order[high + 1] not in after:
            high += 1
        order.insert(low + random.below(high - low + 1), order.pop(at))

    def lift(self, plan: Plan, at: int, to: int) -> None:
        marked = {plan.order[at]}
        moving: list[int] = []
        staying: list[int] = []
        for task in reversed(plan.order[to : at + 1]):
            if task in marked:
                marked.update(need for need, _ in self.instance.needs[task])
                moving.append(task)
            else:
                staying.append(task)
        plan.order[to : at + 1] = [*reversed(moving), *reversed(staying)]

    def sink(self, plan: Plan, at: int, to: int) -> None:
        marked = {plan.order[at]}
        moving: list[int] = []
        staying: list[int] = []
        for task in plan.order[at : to + 1]:
            needs = self.instance.needs[task]
            if task in marked or any(need in marked for need, _ in needs):
                marked.add(task)
                moving.append(task)
            else:
                staying.append(task)
        plan.order[at : to + 1] = staying + moving
