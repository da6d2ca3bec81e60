"""Problems out of words, and their checks: ``instance.rs`` and ``words.rs``."""

from __future__ import annotations

from typing import Any

from quantumflow_lab.errors import SchedulerError

SLOTS = 256
MEGABYTE = 1_000_000
MOST = (2**63 - 1) // 4
HEAD = 6

Problem = dict[str, Any]


def refuse(what: str, value: int) -> SchedulerError:
    """A number outside its range."""
    return SchedulerError(f"{what} cannot be {value}")


def parse(words: list[int]) -> Problem:
    """Read a problem; `Instance` checks what it says."""
    count = len(words)
    length = SchedulerError(
        f"{count} words are not what the head of the problem counts"
    )
    if count < HEAD or any(not 0 <= n <= count for n in words[3:HEAD]):
        raise length
    goal, deadline, budget, n, m, edges = words[:HEAD]
    width = 2 + 2 * m
    if HEAD + 4 * m + m * m + n * width + 3 * edges != count:
        raise length
    if goal not in (0, 1, 2):
        raise refuse("goal", goal)
    least("deadline", deadline, -1)
    least("budget", budget, -1)
    links = HEAD + 4 * m
    rows = links + m * m
    pairs = rows + n * width
    problem: Problem = {
        "goal": goal,
        "deadline": deadline,
        "budget": budget,
        "machines": [words[at : at + 4] for at in range(HEAD, links, 4)],
        "links": words[links:rows],
        "tasks": [],
        "edges": [],
    }
    for at in range(rows, pairs, width):
        if not 0 <= words[at] < n:
            raise refuse("family", words[at])
        times, prices = words[at + 2 : at + 2 + m], words[at + 2 + m : at + width]
        problem["tasks"].append((words[at], words[at + 1], times, prices))
    for at in range(pairs, count, 3):
        for task in words[at : at + 2]:
            if not 0 <= task < n:
                raise refuse("task", task)
        problem["edges"].append(tuple(words[at : at + 3]))
    return problem


class Instance:
    """A problem that was checked, with what the search looks up."""

    def __init__(self, problem: Problem) -> None:
        check_numbers(problem)
        self.goal: int = problem["goal"]
        self.deadline: int = problem["deadline"]
        self.budget: int = problem["budget"]
        machines: list[list[int]] = problem["machines"]
        self.slots, self.setup, self.job_limit, self.price_job = (
            [machine[field] for machine in machines] for field in range(4)
        )
        self.links: list[int] = problem["links"]
        tasks = problem["tasks"]
        self.tasks, self.machines = len(tasks), len(self.slots)
        self.family: list[int] = [task[0] for task in tasks]
        self.circuits: list[int] = [task[1] for task in tasks]
        self.time: list[list[int]] = [task[2] for task in tasks]
        self.price: list[list[int]] = [task[3] for task in tasks]
        self.needs: list[list[tuple[int, int]]] = [[] for _ in tasks]
        self.feeds: list[list[int]] = [[] for _ in tasks]
        for source, to, size in problem["edges"]:
            self.needs[to].append((source, size))
            self.feeds[source].append(to)
        self.members: list[list[int]] = [[] for _ in tasks]
        for task, family in enumerate(self.family):
            self.members[family].append(task)
        self.order = self._topological()
        self.choices = [self._choices(family) for family in range(self.tasks)]

    def _topological(self) -> list[int]:
        waits = [len(needs) for needs in self.needs]
        order = [task for task in range(self.tasks) if waits[task] == 0]
        for task in order:
            for fed in self.feeds[task]:
                waits[fed] -= 1
                if waits[fed] == 0:
                    order.append(fed)  # the loop goes on to it
        for task in range(self.tasks):
            if waits[task] > 0:
                raise SchedulerError(f"task {task} waits for itself")
        return order

    def _choices(self, family: int) -> list[int]:
        members = self.members[family]
        everywhere = range(self.machines)
        found = [
            k for k in everywhere if all(self.time[task][k] >= 0 for task in members)
        ]
        if not found:
            raise SchedulerError(f"no machine runs all tasks of family {family}")
        return found

    def delay(self, size: int, source: int, to: int) -> int:
        """Microseconds until `size` bytes are on another machine."""
        if source == to:
            return 0
        return -(-size * self.links[source * self.machines + to] // MEGABYTE)

    def jobs(self, task: int, machine: int) -> int:
        """Jobs of a task that runs alone."""
        return -(-self.circuits[task] // self.job_limit[machine])

    def alone(self, task: int, machine: int) -> int:
        """Microseconds of a task that runs alone, its jobs one after another."""
        setup = self.jobs(task, machine) * self.setup[machine]
        return setup + max(self.circuits[task], 1) * self.time[task][machine]

    def cost_alone(self, task: int, machine: int) -> int:
        """Micro-units of a task that runs alone."""
        jobs = self.jobs(task, machine) * self.price_job[machine]
        return jobs + max(self.circuits[task], 1) * self.price[task][machine]

    def tails(self) -> list[int]:
        """For each task the least time from its end to the end of all."""
        tails = [0] * self.tasks
        for task in reversed(self.order):
            choices = self.choices[self.family[task]]
            begun = tails[task] + min(self._least(task, k) for k in choices)
            for need, _ in self.needs[task]:
                tails[need] = max(tails[need], begun)
        return tails

    def _least(self, task: int, machine: int) -> int:
        circuits = self.circuits[task]
        setup = self.setup[machine] if circuits else 0
        side_by_side = min(max(circuits, 1), self.job_limit[machine])
        return setup + side_by_side * self.time[task][machine]


def check_numbers(problem: Problem) -> None:
    """Refuse what is outside its range."""
    for slots, setup, job_limit, price_job in problem["machines"]:
        least("slots", slots, 1)
        if slots > SLOTS:
            raise refuse("slots", slots)
        least("setup", setup, 0)
        least("job_limit", job_limit, 1)
        least("price_job", price_job, 0)
    for link in problem["links"]:
        least("link", link, 0)
    for column, what, low in ((1, "circuits", 0), (2, "time", -1), (3, "price", 0)):
        for task in problem["tasks"]:
            for value in task[column] if column > 1 else (task[1],):
                least(what, value, low)
    for _, _, size in problem["edges"]:
        least("size", size, 0)
    check_sums(problem)


def least(what: str, value: int, low: int) -> None:
    """Refuse what is too small."""
    if value < low:
        raise refuse(what, value)


def fits(what: str, value: int) -> None:
    """Refuse what would not fit into Rust's integers with room to spare."""
    if value > MOST:
        raise SchedulerError(f"the sum of {what} is too large")


def check_sums(problem: Problem) -> None:
    """The longest and the dearest schedule there can be fit."""
    link = max(problem["links"], default=0)
    time = cost = 0
    for _, _, size in problem["edges"]:
        fits("transfer", size * link)
        time += size * link // MEGABYTE + 1
    for _, circuits, times, prices in problem["tasks"]:
        longest = dearest = 0
        for column, (_, setup, limit, price_job) in enumerate(problem["machines"]):
            fits("circuits", circuits + limit)
            jobs, count = -(-circuits // limit), max(circuits, 1)
            longest = max(longest, jobs * setup + count * max(times[column], 0))
            dearest = max(dearest, jobs * price_job + count * prices[column])
        time, cost = time + longest, cost + dearest
        fits("time", time)
        fits("cost", cost)
