"""The scheduler in the words of runs and steps.

The state machine of :mod:`quantumflow_lab.core` knows units, classes and lanes by
number. Here they get their meaning: which unit runs which point of which step, and
which lane is which backend.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quantumflow_lab import core
from quantumflow_lab.amounts import micro
from quantumflow_lab.planning.bounds import kept_back, watched
from quantumflow_lab.planning.policy import hold_s, priority
from quantumflow_lab.ports import BackendFacts, Backends, Cluster, Limits, Room
from quantumflow_lab.runner.blocks import Block, Blocks, Role, Ways
from quantumflow_lab.runner.live import LiveRun, StepState, Task
from quantumflow_lab.runner.unbegun import Unbegun, gathered

PYTHON_LANE = 0
PYPLOT_LANE = 1
_FIRST_BACKEND_LANE = 2

_CALL_ATTEMPTS = 3
_BACKOFF_US = 200_000
_BACKOFF_CAP_US = 10_000_000
_EARLY = (
    core.UnitState.WAITING,
    core.UnitState.READY,
    core.UnitState.HELD,
    core.UnitState.BACKOFF,
    core.UnitState.BLOCKED,
)
"""States of units of which no attempt is out."""
_MOST = 2**31 - 1
"""Largest weight that the scheduler takes."""
_OPEN_JOBS = 3
"""Jobs open at once on a device whose limit is not known."""
_BURST = 3
"""Jobs that may come at once where their rate is limited."""
_TRIP = 3
"""Failed jobs in a row after which a device rests."""
_REST_US = 10_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """Where a class of units may run; see :class:`quantumflow_lab.core.Events`."""

    lane: int
    job_limit: int = 0
    hold: int = 0
    timeout: int = -1
    reserve: int = 0
    per_circuit: int = 0
    per_shot: int = 0
    per_extra: int = 0


class Schedule:
    """A scheduler with the meaning of its numbers.

    Parameters
    ----------
    backends
        Tells how many circuits a job may hold.
    thread_slots
        Classical steps that may run at once.
    worker_slots
        Jobs that simulators may run at once on this machine.
    log
        Takes the bytes of the log, if there is to be one.
    """

    def __init__(
        self,
        backends: Backends,
        *,
        thread_slots: int,
        worker_slots: int,
        log: Callable[[bytes], object] | None = None,
    ):
        self._backends = backends
        self._worker_slots = worker_slots
        self._core = core.Scheduler(0)
        self._write = log
        self._log = core.ScheduleLog(0) if log else None
        self._blocks = Blocks()
        self._lanes: dict[str, int] = {}
        self.names: dict[int, str] = {}
        """Names of the lanes of backends, for messages."""
        self._rooms: dict[str, Room] = {}
        """What each cluster can take, as the scheduler knows it."""
        self._limits: dict[int, Limits | None] = {}
        """Limits of each lane as the scheduler knows them; None for simulators."""
        self._ways: dict[int, tuple[list[StepState], Ways]] = {}
        """Steps and backends of each class of jobs."""
        self._shared: dict[Hashable, int] = {}
        """Classes that several steps may share, by what they have in common."""
        self._classes = 0
        self._call_classes: dict[tuple[int, int, str, str], int] = {}
        self.events = core.Events()
        """What happened since the last turn."""
        self.events.lane(PYTHON_LANE, slots=thread_slots).lane(PYPLOT_LANE, slots=1)

    def turn(self, now_us: int) -> Iterator[core.Command | Unbegun]:
        """Hand over what happened, and the time; get back what is to be done."""
        batch, self.events = self.events.tick(), core.Events()
        if self._log is not None and self._write is not None:
            self._write(self._log.append(batch, now_us))
        return gathered(core.decode(self._core.handle(batch, now_us)))

    def next_wake(self) -> int | None:
        """When a timer of the scheduler is due, monotonic microseconds."""
        return self._core.next_wake()

    def counts(self, live: LiveRun) -> dict[int, dict[str, int]]:
        """Units of a run in each state; as ``snapshot.Counts``."""
        return core.read_counts(self._core.counts(live.number))

    def reserved(self, live: LiveRun) -> Decimal:
        """What is kept back for jobs of a run that have no bill yet."""
        return Decimal(self._core.money(live.number)[1]) / 1_000_000

    def left(self, live: LiveRun) -> Decimal:
        """What its budget leaves for what is to come; for runs that have one."""
        assert live.plan.budget is not None, "asked of runs with a budget"
        spent, kept = self._core.money(live.number)
        return Decimal(live.plan.budget.micro - spent - kept) / 1_000_000

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
            self._call_classes[key] = self._job_class(
                live,
                state,
                backend,
                attempts=_CALL_ATTEMPTS,
                timeout=None,
                hold=0,
            )
        class_ = self._call_classes[key]
        ways = self._ways[class_][1]
        block = self._block(
            live,
            Block(self._blocks.next, state, Role.CALL, np.array([point]), ways),
            class_,
            np.empty((1, 0), np.int64),
            parent=parent,
        )
        return block.first

    def resize(self, cluster: str, room: Room) -> None:
        """A cluster can take another amount of work from now on."""
        self._rooms[cluster] = room
        slots = {f"{cluster}: steps": room.points, f"{cluster}: jobs": room.threads}
        for name, count in slots.items():
            if (lane := self._lanes.get(name)) is not None:
                # One may always leave; without a worker it waits at the cluster.
                self.events.lane(lane, slots=max(count, 1))

    def weigh(self, unit: int, task: Task, extra: Decimal = Decimal(0)) -> None:
        """Say what a unit adds to its job, where somebody counts it.

        `extra` is the most that its time and gates may cost, in what the run counts.
        """
        if task.counted or extra:
            self.events.weight(
                unit,
                circuits=min(task.circuits, _MOST),
                shots=min(task.shots, _MOST),
                payload=min(task.payload, _MOST),
                extra=micro(extra),
            )

    def moved(self, class_: int, way: int) -> tuple[list[StepState], Ways]:
        """A class goes another way from now on."""
        states, ways = self._ways[class_]
        ways.now = way
        return states, ways

    def steps_of(self, class_: int) -> tuple[list[StepState], Ways]:
        """The steps of a class, and where their jobs go."""
        return self._ways[class_]

    def uses(self, live: LiveRun, backend: str) -> bool:
        """Whether jobs of a run go to a backend now, and not elsewhere instead."""
        own = set(map(id, live.steps.values()))
        return any(
            ways.backend == backend and id(states[0]) in own
            for states, ways in self._ways.values()
        )

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
            self._cancel_jobs(live, state)
        else:
            self.events.cancel_unit(live.number, state.first_body + point)
            self.events.cancel_unit(live.number, int(state.units[point]))

    def _cancel_jobs(self, live: LiveRun, state: StepState) -> None:
        """Cancel the members of a step, but not those that share their jobs."""
        if not state.plan.quantum:
            return
        if any(state in s and len(s) > 1 for s, _ in self._ways.values()):
            for unit in state.units.tolist():
                self.events.cancel_unit(live.number, unit)
        else:
            self.events.cancel_step(live.number, 2 * state.index + 1)

    def cancel_unstarted(self, live: LiveRun, state: StepState) -> None:
        """Cancel what a step has not started; what is out may still answer.

        A loop is ended, since the call that it waits for will not come.
        """
        if not state.plan.quantum:
            self.cancel(live, state.name, None)
            return
        bodies = range(state.first_body, state.first_body + state.size)
        for unit in sorted({*bodies, *map(int, state.units)}):
            if self._core.unit_state(unit) in _EARLY:
                self.events.cancel_unit(live.number, unit)

    def final(self, unit: int) -> bool:
        """Whether a unit has its final state, so that no answer counts any more."""
        return self._core.unit_state(unit) >= core.UnitState.DONE

    def forget(self, live: LiveRun) -> None:
        """Drop what only a running run needs."""
        self._blocks.forget(live)
        kept = self._call_classes.items()
        self._call_classes = {k: c for k, c in kept if k[0] != live.number}
        states = {id(state) for state in live.steps.values()}
        ways = self._ways.items()
        self._ways = {c: (s, w) for c, (s, w) in ways if id(s[0]) not in states}
        shared = self._shared.items()
        self._shared = {key: c for key, c in shared if c in self._ways}

    def _body_block(self, live: LiveRun, state: StepState) -> Block:
        plan = state.plan
        class_ = self._class(
            live,
            state,
            step=2 * state.index,
            # Elsewhere a worker may die, which is not the function's fault.
            attempts=plan.job_attempts if state.name in live.codes else plan.attempts,
            expected_s=plan.body_s,
            rank_s=plan.rank_s,
            terms=Terms(
                lane=self._body_lane(live, state),
                timeout=-1 if plan.timeout is None else round(plan.timeout * 1e6),
            ),
        )
        needs = [live.steps[n].units[state.edges[n]] for n in plan.needs]
        rows = np.hstack(needs) if needs else np.empty((state.size, 0), np.int64)
        block = Block(self._blocks.next, state, Role.BODY, np.arange(state.size))
        return self._block(live, block, class_, rows, collect=plan.partial)

    def _body_lane(self, live: LiveRun, state: StepState) -> int:
        """Where functions of a step run: on a cluster, or in threads here."""
        if live.cluster is not None and state.name in live.codes:
            return self._cluster_lane(live.cluster, "steps")
        return PYPLOT_LANE if state.plan.pyplot else PYTHON_LANE

    def _cluster_lane(self, cluster: Cluster, what: str) -> int:
        name = f"{cluster.name}: {what}"
        known = name in self._lanes
        lane = self._lanes.setdefault(name, _FIRST_BACKEND_LANE + len(self._lanes))
        if not known:
            self.names[lane] = cluster.name
            self.resize(cluster.name, self._rooms.get(cluster.name, cluster.room))
        return lane

    def _exec_block(
        self,
        live: LiveRun,
        state: StepState,
        body: Block,
        backend: str,
        points: NDArray[np.int64],
    ) -> None:
        class_ = self._step_class(
            live,
            state,
            backend,
            attempts=state.plan.job_attempts,
            timeout=state.plan.timeout,
            hold=self._hold(live, state, backend),
        )
        ways = self._ways[class_][1]
        block = Block(self._blocks.next, state, Role.EXEC, points, ways)
        self._block(live, block, class_, (body.first + points)[:, None])
        state.units[points] = block.first + np.arange(len(points))

    def _hold(self, live: LiveRun, state: StepState, backend: str) -> int:
        """How long a job waits for members, in microseconds; -1 until complete."""
        budget = live.plan.budget
        price = watched(self._backends.known(backend), budget)
        billed = budget is not None and kept_back(price).reserve > 0
        hold = hold_s(live.plan.policy, state.plan.setup_s, billed=billed)
        return -1 if hold is None else round(hold * 1e6)

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
        self.events.define_alike(
            run=live.number,
            cls=class_,
            first=block.first,
            count=len(needs),
            needs=needs.ravel().tolist(),
            parent=parent,
            collect=collect,
        )
        return block

    def _step_class(
        self,
        live: LiveRun,
        state: StepState,
        backend: str,
        *,
        attempts: int,
        timeout: float | None,
        hold: int,
    ) -> int:
        """The class of a step's members.

        On a device each job costs a setup, so steps that do not wait for one another
        share jobs. Not with a seed that somebody gave: it fixes what a step's job is.
        """
        plan = state.plan
        key = live.number, plan.kind, backend, plan.others, attempts, timeout, hold
        simulator = self._backends.known(backend).simulator
        class_ = self._shared.get(key, -1)
        if class_ >= 0 and _independent(live, state, self._ways[class_][0]):
            self._ways[class_][0].append(state)
            return class_
        class_ = self._job_class(
            live, state, backend, attempts=attempts, timeout=timeout, hold=hold
        )
        if live.asked.seed is None and not simulator:
            self._shared[key] = class_
        return class_

    def _job_class(
        self,
        live: LiveRun,
        state: StepState,
        backend: str,
        *,
        attempts: int,
        timeout: float | None,
        hold: int,
    ) -> int:
        """A class of units that run in jobs on a backend, or where that is stood in."""
        plan = state.plan
        others = plan.others if backend == plan.backend else ()
        ways = Ways((backend, *others))
        first, *rest = (self._terms(live, n, timeout, hold) for n in ways.names)
        body_s = plan.body_s if plan.quantum else 0.0
        class_ = self._class(
            live,
            state,
            step=2 * state.index + 1,
            attempts=attempts,
            expected_s=plan.circuit_s,
            rank_s=max(plan.rank_s - body_s, 0.0),
            terms=first,
            paid=any(self._backends.known(name).price for name in ways.names),
        )
        for terms in rest:
            self.events.other_way(class_, **asdict(terms))
        self._ways[class_] = [state], ways
        return class_

    def _terms(
        self, live: LiveRun, backend: str, timeout: float | None, hold: int
    ) -> Terms:
        facts = self._backends.known(backend)
        price = watched(facts, live.plan.budget)
        return Terms(
            lane=self._lane(live, facts),
            job_limit=facts.max_circuits,
            hold=hold,
            timeout=-1 if timeout is None else round(timeout * 1e6),
            **asdict(kept_back(price)),
        )

    def _class(
        self,
        live: LiveRun,
        state: StepState,
        *,
        step: int,
        attempts: int,
        expected_s: float,
        rank_s: float,
        terms: Terms,
        paid: bool = False,
    ) -> int:
        self._classes += 1
        rank = round(rank_s * 1e6)
        self.events.define_class(
            self._classes,
            run=live.number,
            step=step,
            attempts=attempts,
            backoff=_BACKOFF_US,
            backoff_cap=_BACKOFF_CAP_US,
            priority=priority(live.plan.policy, rank, paid=paid),
            rank=rank,
            expected=min(round(expected_s * 1e6), _MOST),
            **asdict(terms),
        )
        return self._classes

    def _lane(self, live: LiveRun, facts: BackendFacts) -> int:
        """Simulators share the workers of a place; a device has its own lane.

        So has a simulator with limits, as a stand-in for a device.
        """
        if live.cluster is not None and live.site_of(facts):
            return self._cluster_lane(live.cluster, "jobs")
        name = "" if facts.local else facts.name
        lane = self._lanes.setdefault(name, _FIRST_BACKEND_LANE + len(self._lanes))
        limits = None if facts.local else facts.limits
        if lane not in self._limits or self._limits[lane] != limits:
            self.names[lane], self._limits[lane] = name, limits
            if facts.local:
                self.events.lane(lane, slots=self._worker_slots)
            else:
                self._device_lane(lane, facts)
        return lane

    def _device_lane(self, lane: int, facts: BackendFacts) -> None:
        """A lane with the limits of its provider, that rests when jobs keep failing."""
        limits = facts.limits
        self.events.lane(lane, slots=limits.open_jobs or _OPEN_JOBS)
        rate = limits.jobs_per_minute
        self.events.guard(
            lane,
            burst=_BURST,
            period=round(60e6 / rate) if rate else 0,
            trip=_TRIP,
            rest=_REST_US,
        )
        circuits = min(limits.circuits or facts.max_circuits, facts.max_circuits)
        self.events.limits(
            lane,
            circuits=circuits,
            shots=-1 if limits.shots is None else limits.shots,
            payload=-1 if limits.payload is None else limits.payload,
        )


def _independent(live: LiveRun, state: StepState, others: Sequence[StepState]) -> bool:
    """Whether a step waits for none of the others, nor they for it."""
    behind = live.plan.behind
    return all(
        state.name not in behind(other.name) and other.name not in behind(state.name)
        for other in others
    )
