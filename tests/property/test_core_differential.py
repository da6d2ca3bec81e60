"""The compiled scheduler and the one in Python say the same, word for word.

Random graphs and faults follow from one seed; a failure prints it. The commands of the
compiled one decide what happens next, and both hear of it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import _fallback
from quantumflow_lab.core import (
    Ask,
    Choice,
    Command,
    Ended,
    Events,
    Find,
    Reason,
    Resume,
    Retry,
    Run,
    Stop,
    StopJob,
    Submit,
    decode,
)
from quantumflow_lab.errors import SchedulerError

if TYPE_CHECKING:
    from collections.abc import Callable

_core = pytest.importorskip("quantumflow_lab._core")

SEEDS = 3000
GRACE_US = 30
TROUBLED_STEPS = 60
PATIENCE = 3000
"""More steps than any of these graphs takes once nothing goes wrong any more."""

Answer = tuple[str, tuple[Any, ...], dict[str, Any]]
"""Method of `Events`, its arguments and options."""


class Pair:
    """Both machines, fed with the same words."""

    def __init__(self, seed: int) -> None:
        self.machines = (
            _core.Scheduler(seed, GRACE_US),
            _fallback.Scheduler(seed, GRACE_US),
        )

    def ask(self, method: str, *arguments: Any) -> Any:
        """What both answer, or the message with which both refuse."""
        compiled, plain = (_ask(m, method, arguments) for m in self.machines)
        assert compiled == plain, f"{method}{arguments}"
        return compiled


def _ask(machine: Any, method: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(machine, method)(*arguments)
    except SchedulerError as error:
        return str(error)


class World:
    """A random graph, and whoever answers the commands."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.pair = Pair(self.rng.choice([seed, -seed]))
        self.now = 0
        self.runs = range(self.rng.randint(1, 3))
        self.lanes = range(self.rng.randint(1, 3))
        self.run_of_unit: list[int] = []
        self.class_of_unit: list[int] = []
        self.call_class: dict[int, int] = {}
        """Class of the calls of a run."""
        self.jobs: list[Submit] = []
        self.pending: list[Answer] = []
        self.drawn: list[Answer] = []
        """Answers in the last batch."""
        self.adopted = 0
        """Times that a job was perhaps adopted."""
        self.ended: set[int] = set()
        self.calm = False

    def live(self) -> None:
        """Define, disturb, then answer everything until every run has ended."""
        self.tell(self.lanes_up())
        for run in self.runs:
            self.tell(self.new_run(run))
        for _ in range(TROUBLED_STEPS):
            self.now += self.rng.choice([0, 0, 1, 5, 20, 100])
            self.tell(self.next_events())
        self.calm = True
        self.tell(self.lanes_up())
        self.settle_adopted()
        for _ in range(PATIENCE):
            if len(self.ended) == len(self.runs) and not self.pending:
                return
            self.now += self.rng.choice([1, 20, 100])
            self.tell(self.next_events())
        raise AssertionError(f"only {self.ended} ended")

    def tell(self, events: Events) -> None:
        """Tell both, compare everything, and obey."""
        commands = self.pair.ask("handle", events, self.now)
        self.pair.ask("next_wake")
        assert self.pair.ask("check") is None
        for run in self.runs:
            self.pair.ask("counts", run)
            self.pair.ask("money", run)
        if isinstance(commands, str):
            self.pending += self.drawn  # refused with the rest of the batch
            return
        for command in decode(commands):
            self.obey(command)

    def settle_adopted(self) -> None:
        """Nobody works at the jobs of an earlier scheduler: tell their last words."""
        if not self.adopted:
            return
        self.drawn = []
        for job in range(len(self.jobs) + self.adopted):
            self.tell(Events().settled(job).bill(job, 0))

    # --- the graph -------------------------------------------------------------------

    def lanes_up(self) -> Events:
        events, rng = Events(), self.rng
        for lane in self.lanes:
            events.lane(lane, slots=rng.randint(1, 3))
            if self.calm:
                events.guard(lane).limits(lane)
            elif rng.random() < 0.5:
                self.spare(events, lane)
        for run in self.runs if self.calm else ():
            events.cap(run, -1).pause(run, paused=False)
        return events

    def spare(self, events: Events, lane: int) -> None:
        rng = self.rng
        period, trip, rest = (
            rng.choice([0, 0, 7]),
            rng.randint(0, 2),
            rng.randint(0, 40),
        )
        events.guard(lane, burst=rng.randint(1, 3), period=period, trip=trip, rest=rest)
        circuits, shots = rng.choice([-1, 2, 5]), rng.choice([-1, 30])
        events.limits(lane, circuits=circuits, shots=shots, payload=rng.choice([-1, 9]))

    def new_run(self, run: int) -> Events:
        rng, events = self.rng, Events()
        events.run(run, seed=rng.getrandbits(63), cap=rng.choice([-1, -1, 5, 20]))
        first = len(self.run_of_unit)
        for step in range(rng.randint(1, 4)):
            cls = run * 10 + step
            self.define_class(events, cls, run, step)
            start, count = len(self.run_of_unit), rng.randint(0, 5)
            self.run_of_unit += [run] * count
            self.class_of_unit += [cls] * count
            needs = [
                (
                    [rng.randrange(first, unit) for _ in range(rng.randint(0, 3))]
                    if unit > first
                    else []
                )
                for unit in range(start, start + count)
            ]
            collect = rng.random() < 0.25
            events.define(run=run, cls=cls, first=start, needs=needs, collect=collect)
            for unit in range(start, start + count):
                if rng.random() < 0.3:
                    self.weigh(events, unit)
        self.call_class[run] = run * 10 + 9
        self.define_class(events, run * 10 + 9, run, 9)
        if rng.random() < 0.3:
            events.deadline(run, self.now + rng.randint(0, 900))
        if rng.random() < 0.1:
            events.spent(run, rng.randint(0, 10))
        return events.seal(run)

    def weigh(self, events: Events, unit: int) -> None:
        rng = self.rng
        circuits, shots = rng.randint(0, 4), rng.randint(0, 20)
        weight = {"payload": rng.randint(0, 5), "extra": rng.choice([0, 0, 2, 7])}
        events.weight(unit, circuits=circuits, shots=shots, **weight)

    def define_class(self, events: Events, cls: int, run: int, step: int) -> None:
        rng = self.rng
        limit = rng.choice([0, 1, 2, 3])
        lane = rng.choice(self.lanes)
        events.define_class(
            cls,
            run=run,
            step=step,
            lane=lane,
            attempts=rng.randint(1, 3),
            timeout=rng.choice([-1, -1, 50, 300]),
            backoff=rng.randint(0, 40),
            backoff_cap=rng.randint(0, 100),
            priority=rng.randint(-1, 1),
            rank=rng.choice([0, 50, 400]),
            expected=rng.choice([0, 1, 20]),
            job_limit=limit,
            hold=rng.choice([-1, 0, 10, 60]),
            **self.prices(limit),
        )
        for other in self.lanes:
            if limit and rng.random() < 0.5:
                limit, hold = rng.randint(1, 4), rng.choice([-1, 0, 30])
                timeout = rng.choice([-1, 80])
                events.other_way(
                    cls,
                    other,
                    job_limit=limit,
                    hold=hold,
                    timeout=timeout,
                    **self.prices(limit),
                )

    def prices(self, limit: int) -> dict[str, int]:
        rng = self.rng
        if not limit:
            return {}
        return {
            "reserve": rng.choice([0, 3, 8]),
            "per_circuit": rng.choice([0, 0, 2]),
            "per_shot": rng.choice([0, 0, 1]),
            "per_extra": rng.choice([0, 1, 2]),
        }

    # --- what happens ----------------------------------------------------------------

    def next_events(self) -> Events:
        """A few answers in any order, some of them twice, and trouble."""
        events = Events()
        self.drawn = []
        for _ in range(self.rng.randint(0, 3) if not self.calm else len(self.pending)):
            if not self.calm and self.rng.random() < 0.1:
                self.trouble(events)
            elif self.pending:
                index = self.rng.randrange(len(self.pending))
                method, arguments, options = self.pending[index]
                self.drawn.append((method, arguments, options))
                if self.calm or self.rng.random() < 0.9:
                    del self.pending[index]
                getattr(events, method)(*arguments, **options)
        if not self.calm and self.rng.random() < 0.03:
            self.garbage(events)
        return events

    def trouble(self, events: Events) -> None:
        rng = self.rng
        run = rng.choice(self.runs)
        mine = [u for u, owner in enumerate(self.run_of_unit) if owner == run] or [0]
        unit, job = rng.choice(mine), rng.randint(0, len(self.jobs) + 1)
        kinds: list[Callable[[], Events]] = [
            lambda: events.lane(
                rng.choice(self.lanes), slots=rng.randint(0, 3), up=rng.random() < 0.6
            ),
            lambda: events.cap(run, rng.choice([-1, 0, 10, 50])),
            lambda: events.cancel_unit(run, unit),
            lambda: events.cancel_step(run, rng.randint(0, 4)),
            lambda: events.cancel_run(run) if rng.random() < 0.3 else events,
            lambda: events.known(unit),
            lambda: events.done(unit, rng.randint(0, 3)),
            lambda: events.failed(unit, rng.randint(1, 3), rng.choice(list(Reason))),
            lambda: events.parked(unit, rng.randint(1, 2)),
            lambda: events.settled(job),
            lambda: events.doubt(job),
            lambda: events.not_found(job),
            lambda: self.spare(events, rng.choice(self.lanes)) or events,
            lambda: self.weigh(events, unit) or events,
            lambda: events.pause(run, paused=rng.random() < 0.5),
            lambda: events.deadline(run, rng.choice([-1, self.now + 40])),
            lambda: events.spent(run, rng.randint(0, 4)),
            lambda: self.adopt(events, mine),
        ]
        rng.choice(kinds)()

    def adopt(self, events: Events, mine: list[int]) -> Events:
        """A job of an earlier scheduler, often one that cannot be."""
        rng = self.rng
        self.adopted += 1
        unit = rng.choice(mine)
        cls = self.class_of_unit[unit] if unit < len(self.class_of_unit) else 0
        kin = [u for u, c in enumerate(self.class_of_unit) if c == cls]
        chosen = rng.sample(kin, min(len(kin), rng.randint(0, 3)))
        members = [(u, rng.randint(1, 3)) for u in chosen]
        return events.adopt(
            cls,
            rng.randint(0, 2),
            members=members,
            doubtful=rng.random() < 0.3,
            reserve=rng.randint(0, 5),
        )

    def garbage(self, events: Events) -> None:
        """Words that are probably no event: then the whole batch is refused."""
        for _ in range(self.rng.randint(1, 9)):
            words = [-(2**63), -1, 0, 1, 2, 4, 9, 20, 23, 25, 29, 31, 2**40]
            events.append(self.rng.choice(words))

    # --- whoever carries the commands out --------------------------------------------

    def later(self, method: str, *arguments: Any, **options: Any) -> None:
        self.pending.append((method, arguments, options))

    def obey(self, command: Command) -> None:
        match command:
            case Run(unit, attempt):
                self.run(unit, attempt)
            case Resume(unit, attempt):
                self.later("done", unit, attempt)
            case Submit():
                self.jobs.append(command)
                self.submit(command)
            case Find(job):
                self.later(self.rng.choice(["found", "not_found"]), job)
                self.later("settled", job)
            case Ask(question):
                self.later("answer", question, self.rng.choice(list(Choice)))
            case Stop(unit, attempt):
                method = self.rng.choice(["stopped", "stopped", "done", "began"])
                self.later(method, unit, attempt)
            case StopJob(job):
                self.later("settled", job)
            case Retry(unit, attempt):
                self.later("done", unit, attempt)
            case Ended(run):
                self.ended.add(run)

    def run(self, unit: int, attempt: int) -> None:
        if not self.calm and self.rng.random() < 0.2:
            self.make_calls(unit, attempt)
        else:
            self.answer(unit, attempt)
            self.later("failed", unit, attempt, Reason.LOST)

    def make_calls(self, unit: int, attempt: int) -> None:
        """Tell at once of a body that parks on calls."""
        run, count = self.run_of_unit[unit], self.rng.randint(1, 3)
        first = len(self.run_of_unit)
        self.run_of_unit += [run] * count
        self.class_of_unit += [self.call_class[run]] * count
        events = Events().define(
            run=run,
            cls=self.call_class[run],
            first=first,
            needs=[[]] * count,
            parent=unit,
        )
        self.later("unparked", unit, attempt)
        self.later("failed", unit, attempt, Reason.LOST)
        self.tell(events.parked(unit, attempt))

    def answer(self, unit: int, attempt: int) -> None:
        if self.rng.random() < 0.6:
            self.later("done", unit, attempt)
        else:
            reason = self.rng.choice(list(Reason))
            wait = self.rng.choice([-1, 0, 30, 200])
            self.later("failed", unit, attempt, reason, retry_after=wait)

    def submit(self, job: Submit) -> None:
        self.later(self.rng.choice(["sent", "sent", "doubt"]), job.job)
        for unit, attempt in job.members:
            self.answer(unit, attempt)
        self.later("settled", job.job)
        self.later("bill", job.job, self.rng.randint(0, 9))


def test_both_schedulers_give_the_same_words_for_random_graphs_and_faults() -> None:
    for seed in range(SEEDS):
        try:
            World(seed).live()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
