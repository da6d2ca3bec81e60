"""Good plans: which machine runs what, in which order, and in which jobs.

`place` looks for a schedule of a graph before anything runs: the fastest, the cheapest
or a balanced one within a deadline and a budget. ``docs/placement.md`` has the model,
the search and what it reaches.

A sweep of three points on a device that takes 10 s a job beside its circuits, and at
most 300 circuits a job:

>>> device = Machine("device", setup=10, job_limit=300, price_shot=0.001)
>>> python = Machine("python", slots=2)
>>> points = [Task(f"p{i}", {"device": 0.5}, circuits=4, shots=100, family="sweep")
...           for i in range(3)]
>>> fit = Task("fit", {"python": 3}, needs={"p0": 0, "p1": 0, "p2": 0})
>>> plan = place(Problem((device, python), (*points, fit)))
>>> plan.makespan, plan.cost
(19.0, 1.2)
>>> [(job.machine, job.tasks, job.start, job.end) for job in plan.batches]
[('device', ('p0', 'p1', 'p2'), 0.0, 16.0), ('python', ('fit',), 16.0, 19.0)]
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from quantumflow_lab.errors import SchedulerError

try:
    from quantumflow_lab._core import place as _place
except ImportError:
    from quantumflow_lab._fallback.place import place as _place

__all__ = ["EVALUATIONS", "Batch", "Machine", "Placement", "Problem", "Task", "place"]

EVALUATIONS = 130_000
"""Default bound of the work: about 6 ms compiled, 100 times that in Python."""

MICRO = 1_000_000
NO_LIMIT = 2**40
GOALS = ("fastest", "cheapest", "balanced")


@dataclass(frozen=True, slots=True)
class Machine:
    """A backend, or the place where plain Python runs."""

    name: str
    """Name by which tasks refer to it."""
    slots: int = 1
    """Jobs that run at once, from 1 to 256."""
    setup: float = 0.0
    """Seconds that a job takes beside its circuits: overhead and expected wait."""
    job_limit: int | None = None
    """Most circuits of one job; None: as many as you like."""
    price_job: float = 0.0
    """Money for a job beside its circuits."""
    price_shot: float = 0.0
    """Money for one shot of one circuit."""
    price_second: float = 0.0
    """Money for a second in which circuits or a plain task run; setup is not billed."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step, or one point of it."""

    name: str
    """Unique within the problem."""
    seconds: Mapping[str, float]
    """For each machine where it can run: seconds of one circuit, or of a plain task."""
    circuits: int = 0
    """Circuits to run; 0 for a plain task, which takes a slot without setup or job."""
    shots: int = 0
    """Shots of each circuit."""
    family: str = ""
    """Tasks of one family run on one machine and may share jobs; empty: its own."""
    needs: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Names of the tasks it needs, and how many megabytes come from each."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be placed, and what is wanted."""

    machines: tuple[Machine, ...]
    """In the order that decides between equals."""
    tasks: tuple[Task, ...]
    """In any order."""
    goal: Literal["fastest", "cheapest", "balanced"] = "fastest"
    """``balanced``: least sum of time and cost, each divided by that of HEFT's plan."""
    deadline: float | None = None
    """Seconds from the start in which all should be done."""
    budget: float | None = None
    """Money that may be spent."""
    links: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Seconds a megabyte takes from one machine to another; 0 where none is named."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that share a job, a plain task, or the jobs of one large task."""

    machine: str
    """Name of the machine."""
    tasks: tuple[str, ...]
    """Names of the members, in the order of the problem."""
    jobs: int
    """Jobs in all; more than one only for a task beyond the job limit."""
    start: float
    """Seconds at which the first job starts."""
    end: float
    """Seconds at which the last job ends and all results are there."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A schedule that was found."""

    makespan: float
    """Seconds until everything is done."""
    cost: float
    """Money in all."""
    late: float
    """Seconds by which the deadline is missed; 0 if it is kept."""
    over: float
    """Money by which the budget is passed; 0 if it is kept."""
    batches: tuple[Batch, ...]
    """By start."""

    @property
    def feasible(self) -> bool:
        """True if deadline and budget are kept."""
        return self.late == 0 and self.over == 0

    @property
    def machine_of(self) -> dict[str, str]:
        """The machine of each task."""
        return {task: batch.machine for batch in self.batches for task in batch.tasks}


def place(problem: Problem, evaluations: int = EVALUATIONS, seed: int = 0) -> Placement:
    """Find a good schedule; the same arguments give the same one.

    Parameters
    ----------
    problem
        Machines, tasks and what is wanted.
    evaluations
        How often a task may be tried on a machine, over all plans; 0 gives HEFT's plan.
        More is better: a million takes about 50 ms.
    seed
        Signed 64-bit seed of the search.

    Returns
    -------
    Placement
        The best schedule found, never worse than HEFT's. If deadline and budget cannot
        both be kept it is not `feasible`, and breaks them least.

    Raises
    ------
    SchedulerError
        If a name is unknown or used twice, a number is out of range, tasks wait for
        themselves, or no machine runs all tasks of a family.

    Examples
    --------
    >>> slow, fast = Machine("slow", price_second=1), Machine("fast", price_second=50)
    >>> task = Task("fit", {"slow": 100, "fast": 10})
    >>> place(Problem((slow, fast), (task,), "cheapest")).machine_of
    {'fit': 'slow'}
    >>> place(Problem((slow, fast), (task,), "cheapest", deadline=60)).machine_of
    {'fit': 'fast'}
    >>> place(Problem((slow, fast), (task,), deadline=8)).late
    2.0
    """
    words = memoryview(_place(to_words(problem), evaluations, seed)).cast("q").tolist()
    return _read(problem, words)


def to_words(problem: Problem) -> array[int]:
    """The problem as ``_core.place`` takes it; see ``docs/placement.md``."""
    machines = _numbered("machine", [machine.name for machine in problem.machines])
    tasks = _numbered("task", [task.name for task in problem.tasks])
    families: dict[str, int] = {}
    links = [0] * len(machines) ** 2
    for (source, to), seconds in problem.links.items():
        row = _known("machine", source, machines) * len(machines)
        links[row + _known("machine", to, machines)] = _micro(seconds)
    edges = [
        word
        for number, task in enumerate(problem.tasks)
        for need, megabytes in task.needs.items()
        for word in (_known("task", need, tasks), number, _micro(megabytes))
    ]
    if problem.goal not in GOALS:
        raise SchedulerError(f"no goal '{problem.goal}'; there are: {', '.join(GOALS)}")
    words = [
        GOALS.index(problem.goal),
        *map(_limit, (problem.deadline, problem.budget)),
    ]
    words += [len(tasks), len(machines), len(edges) // 3]
    for machine in problem.machines:
        limit = NO_LIMIT if machine.job_limit is None else machine.job_limit
        words += [
            machine.slots,
            _micro(machine.setup),
            limit,
            _micro(machine.price_job),
        ]
    words += links
    for number, task in enumerate(problem.tasks):
        for name in task.seconds:
            _known("machine", name, machines)
        words += [families.setdefault(task.family, number) if task.family else number]
        words += [task.circuits, *_times(problem, task), *_prices(problem, task)]
    try:
        return array("q", words + edges)
    except OverflowError as error:
        raise SchedulerError("a number of the problem has more than 63 bits") from error


def _times(problem: Problem, task: Task) -> Iterator[int]:
    for machine in problem.machines:
        seconds = task.seconds.get(machine.name)
        yield -1 if seconds is None else _micro(seconds)


def _prices(problem: Problem, task: Task) -> Iterator[int]:
    for machine in problem.machines:
        seconds = task.seconds.get(machine.name, 0.0)
        yield _micro(machine.price_shot * task.shots + machine.price_second * seconds)


def _micro(value: float) -> int:
    if not 0 <= value < 2**43:
        raise SchedulerError(f"{value} is no time, price or size")
    return round(value * MICRO)


def _limit(value: float | None) -> int:
    return -1 if value is None else _micro(value)


def _numbered(what: str, names: list[str]) -> dict[str, int]:
    numbers = {name: number for number, name in enumerate(names)}
    if len(numbers) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SchedulerError(f"{what} '{twice}' is there twice")
    return numbers


def _known(what: str, name: str, numbers: dict[str, int]) -> int:
    if name not in numbers:
        raise SchedulerError(f"no {what} '{name}'; there are: {', '.join(numbers)}")
    return numbers[name]


def _read(problem: Problem, words: list[int]) -> Placement:
    late, over, makespan, cost, runs = words[:5]
    split = 5 + 4 * len(problem.tasks)
    members: dict[int, list[str]] = {}
    spans: dict[int, tuple[int, int, int]] = {}
    for task, at in zip(problem.tasks, range(5, split, 4), strict=True):
        machine, batch, start, end = words[at : at + 4]
        members.setdefault(batch, []).append(task.name)
        spans[batch] = (start, end, machine)
    jobs = dict.fromkeys(members, 0)
    for at in range(split, split + 6 * runs, 6):
        jobs[words[at]] += words[at + 5]
    batches = tuple(
        Batch(
            machine=problem.machines[spans[batch][2]].name,
            tasks=tuple(members[batch]),
            jobs=jobs[batch],
            start=spans[batch][0] / MICRO,
            end=spans[batch][1] / MICRO,
        )
        for batch in sorted(members, key=lambda batch: (spans[batch], batch))
    )
    return Placement(
        makespan / MICRO, cost / MICRO, late / MICRO, over / MICRO, batches
    )
