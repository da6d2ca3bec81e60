"""Points and calls that are final: their values, or why they have none."""

from __future__ import annotations

from dataclasses import dataclass

from quantumflow_lab.core import Cause, UnitState
from quantumflow_lab.errors import (
    BudgetReached,
    DeadlinePassed,
    RunCancelled,
    StepFailed,
    StepSkipped,
    StepTimeout,
)
from quantumflow_lab.grid import Failed, text_of
from quantumflow_lab.ports import Clock
from quantumflow_lab.runner import records
from quantumflow_lab.runner.answers import Answers
from quantumflow_lab.runner.blocks import Block, Role
from quantumflow_lab.runner.bodies import Produced
from quantumflow_lab.runner.calls import Calls, call_record
from quantumflow_lab.runner.live import MISSING, LiveRun, StepState, Task
from quantumflow_lab.runner.pauses import Pauses
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.steps import Steps


@dataclass
class Finals:
    """Carries out what the scheduler says is final. Belongs to the runner's thread."""

    schedule: Schedule
    answers: Answers
    calls: Calls
    steps: Steps
    pauses: Pauses
    recorder: Recorder
    clock: Clock

    def final(self, unit: int, state: UnitState, attempt: int, cause: Cause) -> None:
        """A unit will not change any more."""
        live, block, point = self.schedule.find(unit)
        produced, failure = self.answers.take(unit, attempt)
        live.dirty = True
        step = block.step
        if block.role is Role.CALL:
            self._call_final(live, step, unit, state, produced, failure)
            return
        if isinstance(produced, Task):
            step.tasks[point] = produced
            return
        if step.values[point] is not MISSING:
            return
        if state is UnitState.DONE and produced is not None:
            step.values[point], step.refs[point] = produced.value, produced.ref
            step.take_note(produced.origin, produced.part, point)
            step.done += 1
            live.watch.ended(step.name, point)
        else:
            error = _reason(live, step, point, state, cause, failure)
            _no_value(step, point, state, attempt, error)
        step.tasks.pop(point, None)
        self.calls.forget(unit, attempt)
        self._point_final(live, step, point, state, attempt)

    def unbegun(self, first: int, count: int) -> None:
        """Consecutive units were cancelled before they began, perhaps 100,000 of them.

        Their points have no records of their own: one that its step ended without was
        cancelled before it began.
        """
        end = first + count
        while first < end:
            live, block, _ = self.schedule.find(first)
            stop = min(end, block.first + len(block.points))
            if block.role is Role.CALL or block.step.name in live.short:
                for unit in range(first, stop):
                    self._cancelled(unit)
            else:
                self._unbegun(live, block, first, stop)
            first = stop

    def _unbegun(self, live: LiveRun, block: Block, first: int, stop: int) -> None:
        step = block.step
        words = f"step '{step.name}' was cancelled"
        failed = Failed(RunCancelled.__name__, words, 0)
        points = block.points[first - block.first : stop - block.first].tolist()
        count = 0
        for unit, point in enumerate(points, first):
            if step.values[point] is MISSING and point not in step.began:
                self.answers.take(unit, 0)
                step.values[point] = failed
                count += 1
            else:
                self._cancelled(unit)
        live.dirty = True
        if count:
            step.cancelled += count
            self._ended(live, step, count)

    def _cancelled(self, unit: int) -> None:
        self.final(unit, UnitState.CANCELLED, 0, Cause.CANCELLED)

    def _call_final(
        self,
        live: LiveRun,
        step: StepState,
        unit: int,
        state: UnitState,
        produced: Produced | Task | None,
        failure: BaseException | None,
    ) -> None:
        if isinstance(produced, Produced) and state is UnitState.DONE:
            if (call := self.calls.find(unit)) is not None:
                now = self.clock.wall()
                self.recorder.note(call_record(live, call, produced.ref, now))
            self.calls.end(unit, tuple(produced.value), None)
        elif state is UnitState.FAILED:
            self.calls.end(unit, None, _call_error(step, failure))
        else:
            self.calls.end(unit, None, None)

    def _point_final(
        self,
        live: LiveRun,
        step: StepState,
        point: int,
        state: UnitState,
        attempt: int,
    ) -> None:
        name = "failed" if point in step.exceptions else state.name.lower()
        if not (live.taken_up and point in step.kept):
            now = self.clock.wall()
            self.recorder.note(records.point(live, step, point, name, attempt, now))
        self._ended(live, step, 1)

    def _ended(self, live: LiveRun, step: StepState, points: int) -> None:
        """So many points of a step are final."""
        step.open -= points
        if step.open == 0 and live.paused:
            self.pauses.rest(live, step)
        step.latest = self.clock.wall()
        if step.open == 0:
            self.steps.close(live, step)
            self.steps.define(live)


def _no_value(
    step: StepState, point: int, state: UnitState, attempt: int, error: BaseException
) -> None:
    """Put a ``Failed`` where a value should be, and count it."""
    job = getattr(error, "facts", {}).get("job")
    step.values[point] = Failed(type(error).__name__, text_of(error), attempt, job)
    if state is UnitState.FAILED or isinstance(error, BudgetReached | DeadlinePassed):
        step.failed += 1
        step.exceptions[point] = error
    elif state is UnitState.SKIPPED:
        step.skipped += 1
    else:
        step.cancelled += 1


def _call_error(step: StepState, failure: BaseException | None) -> Exception:
    if isinstance(failure, Exception):
        return failure
    return StepFailed(f"a quantum call of step '{step.name}' got no answer in time")


def _reason(
    live: LiveRun,
    step: StepState,
    point: int,
    state: UnitState,
    cause: Cause,
    failure: BaseException | None,
) -> BaseException:
    """The error that stands for a point without a value."""
    if step.name in live.short and cause in (Cause.BUDGET, Cause.CANCELLED):
        return live.short[step.name]
    if cause is Cause.DEADLINE:
        return DeadlinePassed(
            f"step '{step.name}' was stopped at the deadline of {live.plan.deadline:g} "
            "s; give the run more time or less to do",
            step=step.name,
        )
    if cause is Cause.TIMEOUT:
        return StepTimeout(
            f"step '{step.name}' took longer than its timeout of "
            f"{step.plan.timeout:g} s; raise timeout= or give it less to do",
            step=step.name,
        )
    if state is UnitState.FAILED and failure is not None:
        return failure
    if state is UnitState.SKIPPED:
        return StepSkipped(
            f"step '{step.name}' did not run because {live.missing(step, point)}"
        )
    if state is UnitState.FAILED:
        return StepFailed(f"step '{step.name}' failed without a reason")
    return RunCancelled(f"step '{step.name}' was cancelled")
