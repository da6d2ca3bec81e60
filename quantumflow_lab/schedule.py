"""The scheduler in the words of runs and steps.

The state machine of :mod:`quantumflow_lab.core` knows units, classes and lanes by
number. Here they get their meaning: which unit runs which point of which step, and
which lane is which backend.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from quantumflow_lab import core
from quantumflow_lab.live import Block, Blocks, LiveRun, Role, StepState
from quantumflow_lab.ports import Backends

PYTHON_LANE = 0
PYPLOT_LANE = 1
_FIRST_BACKEND_LANE = 2

_CALL_ATTEMPTS = 3
_BACKOFF_US = 200_000
_BACKOFF_CAP_US = 10_000_000
_UNTIL_COMPLETE = -1
"""A job waits for every point that can still join, up to the backend's limit."""


class Schedule:
    """A scheduler with the meaning of its numbers.

    Parameters
    ----------
    backends
        Tells how many circuits a job may hold.
    thread_slots
        Classical steps that may run at once.
    backend_slots
        Jobs that may be open at once on one backend.
    """

    def __init__(self, backends: Backends, *, thread_slots: int, backend_slots: int):
        self._backends = backends
        self._backend_slots = backend_slots
        self._core = core.Scheduler(0)
        self._blocks = Blocks()
        self._lanes: dict[str, int] = {}
        self._classes = 0
        self._call_classes: dict[tuple[int, int, str, str], int] = {}
        self.events = core.Events()
        """What happened since the last turn."""
        self.events.lane(PYTHON_LANE, slots=thread_slots).lane(PYPLOT_LANE, slots=1)

    def turn(self, now_us: int) -> Iterator[core.Command]:
        """Hand over what happened, and the time; get back what is to be done."""
        batch, self.events = self.events.tick(), core.Events()
        return core.decode(self._core.handle(batch, now_us))

    def next_wake(self) -> int | None:
        """When a timer of the scheduler is due, monotonic microseconds."""
        return self._core.next_wake()

    def counts(self, live: LiveRun) -> dict[int, dict[str, int]]:
        """Units of a run in each state; see :data:`quantumflow_lab.snapshot.Counts`."""
        return core.read_counts(self._core.counts(live.number))

    def find(self, unit: int) -> tuple[LiveRun, Block, int]:
        """Run, block and point of a unit."""
        return self._blocks.find(unit)

    def define_step(self, live: LiveRun, state: StepState) -> None:
        """Define the units of every point of a step.

        A sample or estimate step has two for each point: its function, then the job
        that runs what the function returned.
        """
        body = self._body_block(live, state)
        state.first_body = body.first
        state.units = body.first + body.points
        if state.plan.quantum:
            for backend, points in live.points_by_backend(state).items():
                self._exec_block(live, state, body, backend, points)
        if state.cancel_early:
            self.cancel(live, state.name, None)

    def define_call(
        self,
        live: LiveRun,
        state: StepState,
        backend: str,
        kind: str,
        *,
        parent: int,
        point: int,
    ) -> int:
        """Define the unit of a quantum call that unit `parent` made."""
        key = (live.number, state.index, backend, kind)
        if key not in self._call_classes:
            self._call_classes[key] = self._class(
                live,
                step=2 * state.index + 1,
                lane=self._lane(backend),
                attempts=_CALL_ATTEMPTS,
                timeout=None,
                job_limit=self._backends.facts(backend).max_circuits,
            )
        block = self._block(
            live,
            Block(self._blocks.next, state, Role.CALL, np.array([point]), backend),
            self._call_classes[key],
            np.empty((1, 0), np.int64),
            parent=parent,
        )
        return block.first

    def cancel(self, live: LiveRun, step: str | None, point: int | None) -> None:
        """Cancel a run, a step, or a point of a step."""
        if step is None:
            self.events.cancel_run(live.number)
            return
        state = live.steps[step]
        if not len(state.units):
            state.cancel_early = True
        elif point is None:
            self.events.cancel_step(live.number, 2 * state.index)
            if state.plan.quantum:
                self.events.cancel_step(live.number, 2 * state.index + 1)
        else:
            self.events.cancel_unit(live.number, state.first_body + point)
            self.events.cancel_unit(live.number, int(state.units[point]))

    def final(self, unit: int) -> bool:
        """Whether a unit has its final state, so that no answer counts any more."""
        return self._core.unit_state(unit) >= core.UnitState.DONE

    def forget(self, live: LiveRun) -> None:
        """Drop what only a running run needs."""
        self._blocks.forget(live)
        self._call_classes = {
            key: class_
            for key, class_ in self._call_classes.items()
            if key[0] != live.number
        }

    def _body_block(self, live: LiveRun, state: StepState) -> Block:
        plan = state.plan
        class_ = self._class(
            live,
            step=2 * state.index,
            lane=PYPLOT_LANE if plan.pyplot else PYTHON_LANE,
            attempts=plan.attempts,
            timeout=plan.timeout,
        )
        needs = [live.steps[n].units[state.edges[n]] for n in plan.needs]
        rows = np.hstack(needs) if needs else np.empty((state.size, 0), np.int64)
        block = Block(self._blocks.next, state, Role.BODY, np.arange(state.size))
        return self._block(live, block, class_, rows, collect=plan.partial)

    def _exec_block(
        self,
        live: LiveRun,
        state: StepState,
        body: Block,
        backend: str,
        points: NDArray[np.int64],
    ) -> None:
        class_ = self._class(
            live,
            step=2 * state.index + 1,
            lane=self._lane(backend),
            attempts=state.plan.job_attempts,
            timeout=state.plan.timeout,
            job_limit=self._backends.facts(backend).max_circuits,
            hold=_UNTIL_COMPLETE,
        )
        block = Block(self._blocks.next, state, Role.EXEC, points, backend)
        self._block(live, block, class_, (body.first + points)[:, None])
        state.units[points] = block.first + np.arange(len(points))

    def _block(
        self,
        live: LiveRun,
        block: Block,
        class_: int,
        needs: NDArray[np.int64],
        *,
        parent: int = -1,
        collect: bool = False,
    ) -> Block:
        """Define a unit for each point; row *i* of `needs` is what unit *i* awaits."""
        self._blocks.add(live, block)
        self.events.define(
            run=live.number,
            cls=class_,
            first=block.first,
            needs=needs.tolist(),
            parent=parent,
            collect=collect,
        )
        return block

    def _class(
        self,
        live: LiveRun,
        *,
        step: int,
        lane: int,
        attempts: int,
        timeout: float | None,
        job_limit: int = 0,
        hold: int = 0,
    ) -> int:
        self._classes += 1
        self.events.define_class(
            self._classes,
            run=live.number,
            step=step,
            lane=lane,
            attempts=attempts,
            timeout=-1 if timeout is None else round(timeout * 1e6),
            backoff=_BACKOFF_US,
            backoff_cap=_BACKOFF_CAP_US,
            job_limit=job_limit,
            hold=hold,
        )
        return self._classes

    def _lane(self, backend: str) -> int:
        """Simulators share the workers of this machine; a device has its own lane."""
        name = "local" if self._backends.facts(backend).simulator else backend
        if name not in self._lanes:
            self._lanes[name] = _FIRST_BACKEND_LANE + len(self._lanes)
            self.events.lane(self._lanes[name], slots=self._backend_slots)
        return self._lanes[name]
