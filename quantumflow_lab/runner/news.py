"""What the scheduler says of backends, in the words of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from quantumflow_lab import core
from quantumflow_lab.amounts import Money, rounded_up
from quantumflow_lab.errors import BudgetReached
from quantumflow_lab.planning.bounds import watched
from quantumflow_lab.ports import BackendFacts, Clock
from quantumflow_lab.price import Price, Usage
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.schedule import Schedule


class News:
    """Tells runs of backends that fail, stand in, or cost too much.

    Parameters
    ----------
    schedule, clock, facts
        The runner's.
    going
        Runs that go on.
    blame
        Tells calls of a run that is short of money why they are stopped.
    """

    def __init__(
        self,
        schedule: Schedule,
        clock: Clock,
        facts: Callable[[str], BackendFacts],
        going: Going,
        blame: Callable[[LiveRun], None],
    ):
        self._schedule = schedule
        self._clock = clock
        self._facts = facts
        self._going = going
        self._blame = blame

    def tell(self, command: core.Command) -> None:
        """Act on what was said."""
        match command:
            case core.Moved(class_, way):
                self._moved(class_, way)
            case core.Rest(lane, until):
                self._rests(lane, until)
            case core.Short(run, class_, price):
                self._short(self._going.numbered[run], class_, price)
            case _:
                raise AssertionError(f"{command}, and no lane is remote")

    def _moved(self, class_: int, way: int) -> None:
        """What steps have not started goes to another backend."""
        states, ways = self._schedule.moved(class_, way)
        names = ", ".join(state.name for state in states)
        for live in self._going:
            if live.steps.get(states[0].name) is states[0]:
                price = watched(self._facts(ways.backend), live.plan.budget)
                left = _left(states, price) if price and not price.free else ""
                words = f"{names}: goes on with {ways.backend}{left}"
                self._tell(live, "moved", words)
                _say(live, words)

    def _rests(self, lane: int, until_us: int) -> None:
        """A backend keeps failing, or works again."""
        name = self._schedule.names[lane]
        wait = max((until_us - self._clock.now_us()) / 1e6, 0)
        said = f"{name} keeps failing; it is tried again in {wait:.0f} s"
        for live in self._going:
            if not self._schedule.uses(live, name):
                continue
            if until_us < 0:
                self._tell(live, "recovered", f"{name} works again")
                _say(live, None)
            else:
                self._tell(live, "rests", said, same=name)
                _say(live, said)

    def _short(self, live: LiveRun, class_: int, price: int) -> None:
        """End steps whose next job would cost more than the budget leaves.

        Waiting would help nobody: no bill to come leaves enough.
        """
        states, ways = self._schedule.steps_of(class_)
        budget = live.plan.budget
        assert budget is not None, "only a budget makes a run short of money"
        spent = live.spent.get(budget.currency, Decimal(0))
        left = Money(budget.amount - spent, budget.currency)
        cost = Money(Decimal(price) / 1_000_000, budget.currency)
        more = rounded_up(float(spent + cost.amount))
        for state in states:
            live.short[state.name] = BudgetReached(
                f"step '{state.name}' stopped: its next job on {ways.backend} may cost "
                f"{cost}, and {left} of the budget of {budget} is left; to go on type "
                f"%qflow resume {live.name} --budget "
                f'"{more} {budget.currency}", or more',
                step=state.name,
            )
            self._tell(live, "short", live.short[state.name].message)
            self._blame(live)
            self._schedule.cancel_unstarted(live, state)

    def _tell(
        self, live: LiveRun, kind: str, words: str, *, same: str | None = None
    ) -> None:
        live.watch.story.tell(kind, words, self._clock.wall(), same=same)


def _left(states: Sequence[StepState], price: Price) -> str:
    """What is not done yet of some steps, and what a backend takes for it."""
    tasks = [task for state in states for task in state.tasks.values()]
    circuits = sum(task.circuits for task in tasks)
    if not circuits or price.needs_forecast:
        return f", at {price.formula}"
    usage = Usage(circuits=circuits, shots=sum(task.shots for task in tasks))
    least = Money(price.of(usage, jobs=1), price.currency)
    at = "at least " if price.per_job else ""
    return f"; {_counted(circuits)} left, {at}{least} there"


def _counted(circuits: int) -> str:
    return f"{circuits} circuit" + "s" * (circuits != 1)


def _say(live: LiveRun, message: str | None) -> None:
    if not live.paused:
        live.message, live.dirty = message, True
