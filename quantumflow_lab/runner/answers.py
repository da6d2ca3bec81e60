"""What became of attempts, until the scheduler says whether it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, cast

from quantumflow_lab.core import Reason
from quantumflow_lab.errors import QuantumFlowError, WorkerLost
from quantumflow_lab.ports import BackendFacts, Backends, MemberForecast
from quantumflow_lab.runner import foresight
from quantumflow_lab.runner.blocks import Block, Role
from quantumflow_lab.runner.bodies import Produced
from quantumflow_lab.runner.forecasts import Forecasts
from quantumflow_lab.runner.live import LiveRun, StepState, Task
from quantumflow_lab.runner.schedule import Schedule


@dataclass
class Answers:
    """Tells the scheduler how attempts ended, and keeps what they gave meanwhile.

    Belongs to the runner's thread.
    """

    schedule: Schedule
    forecasts: Forecasts
    backends: Backends
    _produced: dict[tuple[int, int], Produced | Task] = field(default_factory=dict)
    """By unit and attempt, until the scheduler credits or drops them."""
    _failures: dict[int, BaseException] = field(default_factory=dict)
    """The last failure of each unit that is not final."""

    def answer(
        self,
        unit: int,
        attempt: int,
        answer: Produced | Task | BaseException,
        reason: Reason,
        wait_us: int,
    ) -> None:
        """Tell the scheduler how an attempt ended; it decides whether that counts.

        Parameters
        ----------
        reason
            Of what sort a failure is.
        wait_us
            Microseconds to wait at least before another try, or -1.
        """
        if self.schedule.final(unit):
            return
        if isinstance(answer, BaseException):
            self._failures[unit] = answer
            self.schedule.events.failed(unit, attempt, reason, retry_after=wait_us)
            return
        live, block, point = self.schedule.find(unit)
        sends = block.role is Role.BODY and block.step.plan.quantum
        end = int(block.step.units[point]) if sends else unit
        if isinstance(answer, Task):
            if not self._weighed(live, block, (unit, attempt), end, answer):
                return
        elif sends:
            # Other runs have taken all of it: there is nothing to send.
            self.known(end, answer)
            self.schedule.events.done(unit, attempt)
            return
        self._produced[unit, attempt] = answer
        self.schedule.events.done(unit, attempt)

    def known(self, unit: int, produced: Produced) -> None:
        """A unit has its value without an attempt."""
        self._produced[unit, 0] = produced
        self.schedule.events.known(unit)

    def failure(self, unit: int) -> BaseException | None:
        """The last failure of a unit that is not final."""
        return self._failures.get(unit)

    def take(
        self, unit: int, attempt: int
    ) -> tuple[Produced | Task | None, BaseException | None]:
        """What a final unit has, and its last failure; neither is kept any longer."""
        return self._produced.pop((unit, attempt), None), self._failures.pop(unit, None)

    def _weighed(
        self, live: LiveRun, block: Block, key: tuple[int, int], end: int, task: Task
    ) -> bool:
        """Say what a task weighs; False if it comes again once that is known."""
        places, budget = self._places(block.step, task), live.plan.budget
        forecast = task.forecast
        if forecast is None and foresight.is_wanted(places, budget):
            self._forecast(live, block.step, key, task)
            return False
        dear = Decimal(0)
        if forecast is not None:
            dear = foresight.most_extra(places, budget, forecast)
        self.schedule.weigh(end, task, dear)
        return True

    def _forecast(
        self, live: LiveRun, step: StepState, key: tuple[int, int], task: Task
    ) -> None:
        """Find out what a task will take, then go on with it."""

        def heard(answer: MemberForecast | Exception) -> None:
            facts = self.backends.known(task.backend)
            try:
                foresight.take(task, facts, live.plan.budget, answer)
            except QuantumFlowError as error:
                lost = isinstance(error, WorkerLost)
                reason = Reason.TRANSIENT if lost else Reason.PERMANENT
                self.answer(*key, error, reason, -1)
            else:
                self.answer(*key, task, Reason.PERMANENT, -1)

        kind = cast("Literal['sample', 'estimate']", step.plan.kind)
        self.forecasts.ask(live, kind, task, heard)

    def _places(self, step: StepState, task: Task) -> list[BackendFacts]:
        """Where a task may go."""
        names = task.backend, *step.plan.backends, *step.plan.others
        return [self.backends.known(name) for name in names]
