"""A run while it goes on: values, failures and counters of every step.

Everything here belongs to the runner's thread, except that threads of steps read values
of steps that have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from quantumflow_lab.errors import BadAxis, BudgetReached, RaggedMap
from quantumflow_lab.grid import Failed
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.planning.plan import Plan, StepPlan
from quantumflow_lab.planning.points import collect, needed_points, shape_of
from quantumflow_lab.planning.size import check_size
from quantumflow_lab.ports import (
    BackendFacts,
    Cluster,
    Known,
    MemberForecast,
    Phase,
    Shape,
)
from quantumflow_lab.runner.blame import Blame
from quantumflow_lab.runner.elements import elements_of
from quantumflow_lab.runner.tried import Tried
from quantumflow_lab.runner.watch import Watch

if TYPE_CHECKING:
    from quantumflow_lab.cell import Bound
    from quantumflow_lab.runner.cached import Lookup
    from quantumflow_lab.runner.left import LeftJob
    from quantumflow_lab.runner.past import Keeping, PastPoint
    from quantumflow_lab.runner.replay import Replay
    from quantumflow_lab.workflow import Workflow


Kind = Literal["sample", "estimate"]

_FATES = {"StepSkipped": "was skipped", "RunCancelled": "was cancelled"}


class Missing:
    """Where a value is not there yet."""

    def __repr__(self) -> str:
        return "<not ready>"


MISSING = Missing()


@dataclass(slots=True)
class Task:
    """The PUBs of one point or call, ready to run."""

    pubs: tuple[Any, ...]
    shape: Shape
    """How the step arranged them, so that results come back the same way."""
    options: Mapping[str, Any]
    """Of ``optimization_level``, ``transpile`` and ``options``, those given."""
    seed_index: int
    """Position of its first circuit in the step's seed sequence."""
    backend: str
    """The backend that it was checked for."""
    circuits: int
    shots: int
    """Over all its circuits, at most."""
    payload: int
    """Bytes; 0 where no limit asks for them."""
    counted: bool
    """Whether some backend that it may use limits or bills its jobs."""
    lookup: Lookup | None = None
    """What other runs have of it; then `pubs` are only the rest."""
    forecast: MemberForecast | None = None
    """What it is expected to take, where its cost depends on that."""


@dataclass(frozen=True, slots=True)
class Part:
    """How much of what was asked for other runs had taken."""

    found: int
    asked: int
    unit: str
    """``shots``; ``PUBs`` of estimates; empty once both were added up."""

    def plus(self, other: Part) -> Part:
        """Both together."""
        unit = self.unit if self.unit == other.unit else ""
        return Part(self.found + other.found, self.asked + other.asked, unit)

    def told(self) -> dict[str, Any] | None:
        """For JSON; None if all was there."""
        if self.found >= self.asked:
            return None
        known = {"found": self.found, "asked": self.asked} if self.unit else {}
        return {**known, "unit": self.unit}


@dataclass(slots=True, eq=False)
class StepState:
    """One step of a live run."""

    plan: StepPlan
    index: int
    """Position in the plan; the scheduler knows body and execution as 2i and 2i+1."""
    shape: tuple[int, ...] | None = None
    """Length of each axis, or None until a ``map`` axis is known."""
    units: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Scheduler number of the unit that ends each point."""
    cancel_early: bool = False
    """Cancelled before its points were known."""
    first_body: int = -1
    """Scheduler number of the unit that runs the function at the first point."""
    edges: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """For each need, the points of it that each point reads."""
    values: list[Any] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    refs: dict[int, Mapping[str, Any] | None] = field(default_factory=dict)
    """Where the store keeps the value of a point."""
    exceptions: dict[int, BaseException] = field(default_factory=dict)
    blames: dict[int, Blame] = field(default_factory=dict)
    """The failure that is shown, by its point."""
    began: dict[int, float] = field(default_factory=dict)
    """When each point started, seconds since the epoch."""
    open: int = 0
    """Points without a final state."""
    done: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0
    started: float | None = None
    ended: float | None = None
    rested: float = 0.0
    """Seconds in between in which the run was paused and nothing of the step ran."""
    latest: float = 0.0
    """When its latest point ended."""
    phase: Phase | None = None
    used: set[str] = field(default_factory=set)
    """Backends that its jobs went to."""
    jobs: int = 0
    calls: int = 0
    cached: int = 0
    """Points and calls of which another run had some results."""
    origin: Known | None = None
    """The newest of those."""
    part: Part | None = None
    """How much of what those points and calls asked for was there."""
    origins: dict[int, str] = field(default_factory=dict)
    """Run of the results that a point took, or in which it was made, by point."""
    reserved: dict[int, frozenset[int]] = field(default_factory=dict)
    """Numbers of results that its points ask for first, by how many each asks for."""
    kept: dict[int, PastPoint] = field(default_factory=dict)
    """Points that an earlier run has made and nothing has changed since."""
    remade: set[int] = field(default_factory=set)
    """Those whose values are gone, and come out the same when they run again."""

    def take_note(
        self, origin: Known | None, part: Part | None, point: int | None = None
    ) -> None:
        """A point, or a call, has taken results of another run."""
        if origin is None:
            return
        self.cached += 1
        if part is not None:
            self.part = part if self.part is None else self.part.plus(part)
        if point is not None:
            self.origins[point] = origin.run
        if self.origin is None or self.origin.taken < origin.taken:
            self.origin = origin

    @property
    def name(self) -> str:
        """Name of the step."""
        return self.plan.name

    @property
    def kind(self) -> str:
        """Kind of the step."""
        return self.plan.kind

    @property
    def dims(self) -> tuple[str, ...]:
        """Axes of the step."""
        return self.plan.dims

    @property
    def size(self) -> int:
        """Number of points; 0 until they are known."""
        return 0 if self.shape is None else prod(self.shape)

    @property
    def final(self) -> bool:
        """Whether every point has its final state."""
        return self.shape is not None and self.open == 0

    def error(self) -> BaseException | None:
        """The failure of the first point that failed."""
        return self.exceptions[min(self.exceptions)] if self.exceptions else None


@dataclass(slots=True, eq=False, weakref_slot=True)
class LiveRun:
    """One run, from its start to its last word."""

    id: str
    number: int
    """How the scheduler calls it."""
    plan: Plan
    bound: Bound
    seed: int
    started: float
    """Seconds since the epoch."""
    started_us: int
    """Monotonic microseconds."""
    asked: Asked = field(default_factory=Asked)
    may_bill: bool = True
    """Whether somebody has said how much it may cost, be it without end."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Notebook values as they were at the start, to run it again with."""
    steps: dict[str, StepState] = field(default_factory=dict)
    axes: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values of the axes known so far."""
    broken: dict[str, Exception] = field(default_factory=dict)
    """Map axes that have no length, and why."""
    metrics: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)
    """Logged values by step, point and name."""
    taken: dict[str, set[int]] = field(default_factory=dict)
    """Which results of other runs it has taken, by key and number."""
    keys: Mapping[str, str | None] = field(default_factory=dict)
    """Key of each step, see :mod:`quantumflow_lab.planning.keys`."""
    backend_keys: Mapping[str, str] = field(default_factory=dict)
    """Key of each backend, by its name."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """The project it is charged to and the notebook it was started in, if any."""
    tried: Tried = field(default_factory=Tried)
    """What its functions returned when it was quoted."""
    keeping: Keeping | None = None
    """What the run of the name before this one has made."""
    replays: Mapping[tuple[str, int], Replay] = field(default_factory=dict)
    """What loops had asked before the run was taken up, by step and point."""
    left: Sequence[LeftJob] = ()
    """Jobs on devices that an earlier process has left."""
    left_sessions: Sequence[Mapping[str, Any]] = ()
    """Sessions and batches that it has left open, rows of ``open_sessions``."""
    renew: Callable[[], None] = lambda: None
    """Called when they are settled: what the run keeps has changed."""
    nth: int | None = None
    """It is the *n*-th of its name, if that is known."""
    epoch: int = 1
    """How many times it has been taken up, the first time included."""
    cluster: Cluster | None = None
    """Where steps and simulators run, if not here."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Steps whose functions run there, and how it calls them."""
    stay: Mapping[str, str] = field(default_factory=dict)
    """Steps whose functions stay here all the same, and why."""
    workers: int = -1
    """Workers that it had when that was told last; -1 before."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """Lasting names of the values of an axis, for seeds."""
    arrays: dict[str, Any] = field(default_factory=dict)
    """Values of an axis as steps that collect it receive them."""
    outputs: list[Output] = field(default_factory=list)
    state: str = "running"
    message: str | None = None
    machine_s: float = 0.0
    spent: dict[str, Decimal] = field(default_factory=dict)
    """Money by currency."""
    ended_us: int | None = None
    cancelled: bool = False
    paused: bool = False
    paused_at: float = 0.0
    """When it was paused last."""
    reserved: Decimal = Decimal(0)
    """What is kept back for jobs on their way, in what the budget counts."""
    watch: Watch = field(default_factory=Watch)
    """What is told of it beyond its counts."""
    short: dict[str, BudgetReached] = field(default_factory=dict)
    """Steps whose next job would cost more than the budget leaves."""
    error: Exception | None = None
    """What broke the run itself, such as a full disk."""
    view: dict[str, Any] = field(default_factory=dict)
    """The latest snapshot."""
    dirty: bool = True
    """Whether something has changed since then."""
    view_due: int = 0
    """When it may be renewed, monotonic microseconds."""
    sealed: bool = False
    """Whether the scheduler knows all steps."""
    let_go: Callable[[], None] = lambda: None
    """Called when it has ended, before anybody hears of it."""
    finished: Future[None] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.axes = dict(self.plan.axes)
        self.steps = {
            step.name: StepState(step, i) for i, step in enumerate(self.plan.steps)
        }

    @property
    def name(self) -> str:
        """Name of the workflow."""
        return self.plan.name

    @property
    def workflow(self) -> Workflow:
        """What is run."""
        return self.bound.workflow

    @property
    def units(self) -> Mapping[str, str | None]:
        """Unit of each axis that has one."""
        return self.plan.units

    @property
    def counted(self) -> bool:
        """Whether the points of every step are known."""
        return all(state.shape is not None for state in self.steps.values())

    @property
    def deadline_us(self) -> int:
        """When it has to have ended, monotonic microseconds; -1 for never."""
        if self.plan.deadline is None:
            return -1
        return self.started_us + round(self.plan.deadline * 1e6)

    def site_of(self, facts: BackendFacts) -> str:
        """The cluster that jobs on a backend go to; empty if they stay with the lab.

        Only simulators that can be rebuilt there go: a provider knows this process.
        """
        travels = self.cluster is not None and facts.local and facts.portable
        return self.cluster.name if travels and self.cluster is not None else ""

    def is_late(self, now_us: int) -> bool:
        """Whether its deadline has passed, so that nothing new begins."""
        return 0 <= self.deadline_us <= now_us

    def sizes(self) -> dict[str, int]:
        """Length of every axis known so far."""
        return {name: len(values) for name, values in self.axes.items()}

    def definable(self) -> list[StepState]:
        """Steps whose points can be counted now and were not before."""
        found: list[StepState] = []
        counted = {s.name for s in self.steps.values() if s.shape is not None}
        for state in self.steps.values():
            if state.shape is not None:
                continue
            wanted = {*state.plan.dims}.union(
                *(self.steps[n].plan.dims for n in state.plan.needs)
            )
            if wanted <= self.axes.keys() and counted.issuperset(state.plan.needs):
                self._count(state)
                counted.add(state.name)
                found.append(state)
        return found

    def axis_values(self, name: str) -> Any:
        """All values of an axis, as a step that collects it receives them."""
        if name not in self.arrays:
            values = self.axes[name]
            self.arrays[name] = collect(values, (len(values),))
        return self.arrays[name]

    def _count(self, state: StepState) -> None:
        """Fix the points of a step and which points of its needs each one reads."""
        sizes = self.sizes()
        state.shape = shape_of(state.plan.dims, sizes)
        state.values = [MISSING] * state.size
        state.open = state.size
        state.edges = {
            need: needed_points(state.plan.dims, self.steps[need].plan.dims, sizes)
            for need in state.plan.needs
        }

    def open_maps(self, source: StepState) -> None:
        """Give the axis that runs over `source`'s elements its values."""
        mapped = any(s.plan.map == source.name for s in self.steps.values())
        if not mapped or source.name in self.axes:
            return
        elements: tuple[Any, ...] = (None,)
        try:
            there = (v for v in source.values if not isinstance(v, Failed | Missing))
            elements = elements_of(source.name, there)
            sizes = {**self.sizes(), source.name: len(elements)}
            check_size(self.plan.steps, sizes, self.plan.most_points)
        except (BadAxis, RaggedMap) as error:
            self.broken[source.name] = error
            elements = (None,)
        # Threads of steps look at the axes: a new dict rather than a changed one.
        self.axes = {**self.axes, source.name: elements}

    @property
    def taken_up(self) -> bool:
        """Whether it goes on with what an earlier process has begun."""
        return self.epoch > 1

    @property
    def seeded(self) -> bool:
        """Whether somebody gave the seed."""
        return self.asked.seed is not None

    def is_fresh(self, step: str) -> bool:
        """Whether a step was asked to take nothing from other runs."""
        fresh = self.asked.fresh
        if isinstance(fresh, str):
            return step == fresh or fresh in self.plan.behind(step)
        return fresh

    def missing(self, state: StepState, point: int) -> str:
        """Why a point could not run: the first of its needs without a value."""
        for need in state.plan.needs:
            for i in state.edges[need][point]:
                value = self.steps[need].values[i]
                if isinstance(value, Failed):
                    return f"'{need}' {_FATES.get(value.reason, 'failed')}"
        return "a need failed"

    def forget_metrics(self, step: str, point: int) -> None:
        """A point starts anew: what its earlier try has logged is no longer drawn."""
        for key in [key for key in self.metrics if key[:2] == (step, point)]:
            del self.metrics[key]

    def coordinates(self, state: StepState, point: int) -> dict[str, Any]:
        """Axis values of one point."""
        index = self.index_of(state, point)
        pairs = zip(state.plan.dims, index, strict=True)
        return {name: self.axes[name][i] for name, i in pairs}

    def backend_of(self, state: StepState, point: int) -> str:
        """Backend that one point uses, directly or by its injected handles."""
        here = self.coordinates(state, point)
        return str(here.get("backend", state.plan.backend))

    def points_by_backend(self, state: StepState) -> dict[str, NDArray[np.int64]]:
        """Points of a step on each backend, ascending."""
        every = np.arange(state.size)
        if "backend" not in state.plan.dims:
            return {state.plan.backend: every}
        assert state.shape is not None, "the points of a step are counted first"
        along = np.unravel_index(every, state.shape)[_axis(state, "backend")]
        return {
            str(name): every[along == i] for i, name in enumerate(self.axes["backend"])
        }

    def member_of(self, state: StepState, point: int) -> int:
        """Position of a point among those of its step on the same backend."""
        if "backend" not in state.plan.dims:
            return point
        assert state.shape is not None, "the points of a step are counted first"
        axis = _axis(state, "backend")
        index = self.index_of(state, point)
        rest = [n for i, n in enumerate(state.shape) if i != axis]
        kept = [n for i, n in enumerate(index) if i != axis]
        return int(np.ravel_multi_index(kept, rest)) if rest else 0

    def index_of(self, state: StepState, point: int) -> list[int]:
        """Position of one point along each axis."""
        assert state.shape is not None, "points exist once the shape is known"
        # By hand: NumPy's own takes longer than all else that is done for a point.
        index = []
        for size in reversed(state.shape):
            point, at = divmod(point, size)
            index.append(at)
        return index[::-1]

    def value_for(self, state: StepState, point: int, need: str) -> Any:
        """What one point receives for one need."""
        if need in self.broken and state.plan.map == need:
            raise self.broken[need]
        source = self.steps[need]
        values = [source.values[i] for i in state.edges[need][point]]
        if state.plan.map == need:
            return values[0][self.index_of(state, point)[_axis(state, need)]]
        extra = [d for d in source.plan.dims if d not in state.plan.dims]
        if not extra:
            return values[0]
        return collect(values, shape_of(extra, self.sizes()))


@dataclass(frozen=True, slots=True)
class Output:
    """Something a step printed, displayed or returned to be looked at."""

    step: str
    mime: str
    """``text/plain``, ``text/stderr``, ``image/png`` or another MIME type."""
    data: Any
    """Text, base64 text for images, for ``bundle`` the content of a display."""
    point: int = 0
    """Flat number of the point that showed it."""


def _axis(state: StepState, name: str) -> int:
    """Position of an axis among the dimensions of a step."""
    return state.plan.dims.index(name)
