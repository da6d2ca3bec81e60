"""The best schedule, proved by CP-SAT: what placements are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from quantumflow_lab.placement import Machine, Problem, Task

HUNDRED = 100
"""The solver counts in hundredths: of a second, of the currency."""
DEAREST = 10**7


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best that was found."""

    makespan: float
    """Seconds."""
    cost: float
    """Money."""
    proved: bool
    """True if nothing is better."""


def solve(problem: Problem, seconds: float) -> Optimum | None:
    """The best schedule by the problem's goal, within its limits; None: none found."""
    model = _Model(problem)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    solver.parameters.random_seed = 1
    status = solver.solve(model.cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    makespan, cost = solver.value(model.makespan), solver.value(model.cost)
    proved = status == cp_model.OPTIMAL
    return Optimum(makespan / HUNDRED, cost / HUNDRED, proved)


class _Model:
    """Tasks with start, end and machine; jobs led by their lowest member."""

    def __init__(self, problem: Problem) -> None:
        self.cp = cp_model.CpModel()
        self.problem = problem
        self.machines = {machine.name: machine for machine in problem.machines}
        self.horizon = _horizon(problem)
        self.on: dict[str, dict[str, Any]] = {}
        """For each family a choice of its machine."""
        self.busy: dict[str, list[Any]] = {name: [] for name in self.machines}
        self.prices: list[Any] = []
        self.start = {task.name: self.time() for task in problem.tasks}
        self.end = {task.name: self.time() for task in problem.tasks}
        families: dict[str, list[Task]] = {}
        for task in problem.tasks:
            families.setdefault(task.family or task.name, []).append(task)
        for family, members in families.items():
            self.add_family(family, members)
        for name, machine in self.machines.items():
            demands = [1] * len(self.busy[name])
            self.cp.add_cumulative(self.busy[name], demands, machine.slots)
        for task in problem.tasks:
            for need, size in task.needs.items():
                self.add_edge(need, task, size)
        self.add_goal()

    def time(self) -> Any:
        return self.cp.new_int_var(0, self.horizon, "")

    def add_family(self, family: str, members: list[Task]) -> None:
        names = [n for n in self.machines if all(n in task.seconds for task in members)]
        self.on[family] = {name: self.cp.new_bool_var("") for name in names}
        self.cp.add_exactly_one(self.on[family].values())
        for name, here in self.on[family].items():
            for task in members:
                price = max(task.circuits, 1) * _price(task, self.machines[name])
                self.prices.append(here * price)
        if members[0].circuits == 0:
            self.add_plain(family, members)
        elif len(members) == 1:
            self.add_large(family, members[0])
        else:
            self.add_jobs(family, members)

    def add_plain(self, family: str, members: list[Task]) -> None:
        for task in members:
            for name, here in self.on[family].items():
                self.add_interval(
                    name, self.start[task.name], _work(task, name), task.name, here
                )

    def add_interval(
        self, machine: str, start: Any, size: Any, task: str, here: Any
    ) -> None:
        end = self.end[task]
        interval = self.cp.new_optional_interval_var(start, size, end, here, "")
        self.busy[machine].append(interval)

    def add_large(self, family: str, task: Task) -> None:
        """A task alone, as several jobs where it does not fit into one."""
        for name, here in self.on[family].items():
            machine = self.machines[name]
            limit, left = machine.job_limit or task.circuits, task.circuits
            while left > 0:
                size = _hundredths(machine.setup) + min(left, limit) * _work(task, name)
                start, end = self.time(), self.time()
                job = self.cp.new_optional_interval_var(start, size, end, here, "")
                self.busy[name].append(job)
                self.cp.add(start >= self.start[task.name]).only_enforce_if(here)
                self.cp.add(self.end[task.name] >= end).only_enforce_if(here)
                self.prices.append(here * _hundredths(machine.price_job))
                left -= limit

    def add_jobs(self, family: str, members: list[Task]) -> None:
        """Each member joins the job of an earlier one, or leads its own."""
        join: dict[tuple[int, int], Any] = {}
        for i in range(len(members)):
            for lead in range(i + 1):
                join[i, lead] = self.cp.new_bool_var("")
            self.cp.add_exactly_one(join[i, lead] for lead in range(i + 1))
            for lead in range(i):
                self.cp.add_implication(join[i, lead], join[lead, lead])
        for lead, leader in enumerate(members):
            inside = [(join[i, lead], members[i]) for i in range(lead, len(members))]
            for joins, task in inside[1:]:
                for times in (self.start, self.end):
                    same = times[task.name] == times[leader.name]
                    self.cp.add(same).only_enforce_if(joins)
            for name, here in self.on[family].items():
                self.add_job(name, self.both(join[lead, lead], here), leader, inside)

    def add_job(
        self, name: str, here: Any, leader: Task, inside: list[tuple[Any, Task]]
    ) -> None:
        machine, size = self.machines[name], self.time()
        work = sum(joins * task.circuits * _work(task, name) for joins, task in inside)
        full = sum(joins * task.circuits for joins, task in inside)
        duration = _hundredths(machine.setup) + work
        self.cp.add(size == duration).only_enforce_if(here)
        if machine.job_limit is not None:
            self.cp.add(full <= machine.job_limit).only_enforce_if(here)
        self.add_interval(name, self.start[leader.name], size, leader.name, here)
        self.prices.append(here * _hundredths(machine.price_job))

    def both(self, one: Any, other: Any) -> Any:
        both = self.cp.new_bool_var("")
        self.cp.add_bool_and(one, other).only_enforce_if(both)
        self.cp.add_bool_or(both, one.Not(), other.Not())
        return both

    def add_edge(self, need: str, task: Task, size: float) -> None:
        self.cp.add(self.start[task.name] >= self.end[need])
        source = next(other for other in self.problem.tasks if other.name == need)
        for a, there in self.on[source.family or source.name].items():
            for b, here in self.on[task.family or task.name].items():
                delay = _hundredths(size * self.problem.links.get((a, b), 0.0))
                if a != b and delay:
                    later = self.start[task.name] >= self.end[need] + delay
                    self.cp.add(later).only_enforce_if(there, here)

    def add_goal(self) -> None:
        problem = self.problem
        self.makespan, self.cost = self.time(), self.cp.new_int_var(0, DEAREST, "")
        for end in self.end.values():
            self.cp.add(self.makespan >= end)
        self.cp.add(self.cost == sum(self.prices))
        if problem.deadline is not None:
            self.cp.add(self.makespan <= _hundredths(problem.deadline))
        if problem.budget is not None:
            self.cp.add(self.cost <= _hundredths(problem.budget))
        fastest = problem.goal == "fastest"
        self.cp.minimize(self.makespan if fastest else self.cost)


def _horizon(problem: Problem) -> int:
    """All tasks one after another: on one machine if all can run there."""
    everywhere = [
        sum(_alone(task, machine) for task in problem.tasks)
        for machine in problem.machines
        if all(machine.name in task.seconds for task in problem.tasks)
    ]
    if everywhere:
        return min(everywhere)
    slowest = (
        max(_alone(t, m) for m in problem.machines if m.name in t.seconds)
        for t in problem.tasks
    )
    return sum(slowest)


def _alone(task: Task, machine: Machine) -> int:
    jobs = -(-task.circuits // (machine.job_limit or task.circuits or 1))
    work = max(task.circuits, 1) * _work(task, machine.name)
    return jobs * _hundredths(machine.setup) + work


def _work(task: Task, machine: str) -> int:
    return _hundredths(task.seconds[machine])


def _price(task: Task, machine: Machine) -> int:
    seconds = task.seconds[machine.name]
    return _hundredths(machine.price_shot * task.shots + machine.price_second * seconds)


def _hundredths(value: float) -> int:
    return round(value * HUNDRED)
