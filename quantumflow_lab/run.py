"""A run in the hands of its user: values, tables, figures, waiting, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from quantumflow_lab.errors import (
    NotReady,
    StepFailed,
    UnknownStep,
    did_you_mean,
)
from quantumflow_lab.grid import Failed, Grid
from quantumflow_lab.runner.live import MISSING, Output

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure

    from quantumflow_lab.planning.asked import Asked
    from quantumflow_lab.workflow import Workflow


class StepData(Protocol):
    """One step of a run, live or read back."""

    @property
    def name(self) -> str:
        """Name."""

    @property
    def kind(self) -> str:
        """Kind of the step."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Axes of the step."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Length of each axis, or None until known."""

    @property
    def values(self) -> Sequence[Any]:
        """Values of the points, ``MISSING`` where there is none yet."""

    @property
    def final(self) -> bool:
        """Whether every point is final."""

    def error(self) -> BaseException | None:
        """Failure of the first point that failed."""


class RunData(Protocol):
    """A run, live or read back."""

    @property
    def id(self) -> str:
        """Identifier in the store."""

    @property
    def name(self) -> str:
        """Name."""

    @property
    def state(self) -> str:
        """How it stands."""

    @property
    def paused(self) -> bool:
        """Whether nothing of it starts for now."""

    @property
    def seed(self) -> int:
        """Seed of the run."""

    @property
    def error(self) -> Exception | None:
        """What broke the run itself."""

    @property
    def asked(self) -> Asked:
        """The options it was asked for."""

    @property
    def workflow(self) -> Workflow:
        """What is run."""

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """Values of every axis known so far."""

    @property
    def units(self) -> Mapping[str, str | None]:
        """Unit of each axis that has one."""

    @property
    def steps(self) -> Mapping[str, StepData]:
        """Steps by name."""

    @property
    def outputs(self) -> Sequence[Output]:
        """What steps printed and displayed."""

    @property
    def view(self) -> dict[str, Any]:
        """The latest snapshot."""

    @property
    def finished(self) -> Future[None]:
        """Resolves when the run has ended."""


class Control(Protocol):
    """What a run asks of its lab."""

    def cancel_run(self, run_id: str, step: str | None, point: int | None) -> None:
        """Stop a run, a step or a point."""

    def pause_run(self, run_id: str, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it."""

    def rows(self, query: str, run_id: str) -> list[dict[str, Any]]:
        """Rows of a named query for one run."""

    def again(self, data: RunData, *, seed: int | None, set: Mapping[str, Any]) -> Run:
        """Run the same workflow once more."""


class Run:
    """One run of a workflow.

    ``run["x"]`` is the value of step ``x``: the value itself, or a
    :class:`~quantumflow_lab.grid.Grid` over its axes.

    Attributes
    ----------
    id
        Identifier, unique in the store.
    """

    def __init__(self, data: RunData, control: Control):
        self._data = data
        self._control = control
        self.id = data.id
        self.qf_run_id = data.id

    # Values.

    def __getitem__(self, step: str) -> Any:
        """Value of a step.

        Raises
        ------
        UnknownStep
            Naming the nearest step.
        NotReady
            While points are open; ``partial`` gives what is there.
        StepFailed
            If a step without axes has no value; the cause is chained.
        """
        data = self._step(step)
        if not data.final:
            way = (
                "its run has ended, so run the cell again"
                if self.done
                else "wait with run.wait()"
            )
            raise NotReady(
                f"step '{step}' is not ready ({self._progress(data)}); {way}, or take "
                f"run.partial('{step}')",
                step=step,
            )
        value = self.partial(step)
        if isinstance(value, Failed):
            raise StepFailed(
                f"step '{step}' has no value: {value.reason}: {value.message}",
                step=step,
            ) from data.error()
        return value

    def partial(self, step: str, /, **point: Any) -> Any:
        """What a step has so far: None at open points, ``Failed`` at failed ones.

        Parameters
        ----------
        step
            Name of the step.
        **point
            Values of some axes, to have nothing but the points there.

        Raises
        ------
        UnknownStep
            Naming the nearest step.
        """
        data = self._step(step)
        if data.shape is None:
            return None
        axes = {name: self._data.axes[name] for name in data.dims}
        units = {name: self._data.units.get(name) for name in data.dims}
        where: Any = np.arange(len(data.values)).reshape(data.shape)
        if point:
            chosen = Grid(where, axes, units).sel(**point)
            if not isinstance(chosen, Grid):
                return _or_none(data.values[chosen])
            where, axes, units = np.asarray(chosen), chosen.axes, chosen.units
        values = np.empty(where.size, dtype=object)
        for i, at in enumerate(where.ravel()):
            values[i] = _or_none(data.values[int(at)])
        return Grid(values.reshape(where.shape), axes, units) if axes else values[0]

    def table(self, step: str, *, partial: bool = False) -> pa.Table:
        """A step's values as an Arrow table, one row a point, axes as columns.

        A dict of numbers becomes a column for each key, counts and other values one
        column ``value``; failed points have nulls and their reason in ``error``.

        Parameters
        ----------
        step
            Name of the step.
        partial
            Leave out points that are open, instead of raising ``NotReady``.
        """
        from quantumflow_lab.tables import step_table

        data = self._step(step)
        if not partial:
            self._ready(step) if data.dims else self[step]
        return step_table(data, self._data.axes)

    def units(self, step: str) -> dict[str, str]:
        """Unit of each axis of a step that has one."""
        units = {name: self._data.units.get(name) for name in self._step(step).dims}
        return {name: unit for name, unit in units.items() if unit}

    def __contains__(self, step: object) -> bool:
        return step in self._data.steps

    def __iter__(self) -> Iterator[str]:
        return iter(self._data.steps)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._data.steps)

    def _ready(self, step: str) -> None:
        """Refuse a step that has open points."""
        if not self._step(step).final:
            self[step]

    def _step(self, name: str) -> StepData:
        if name not in self._data.steps:
            hint = did_you_mean(str(name), self._data.steps)
            raise UnknownStep(f"run '{self.name}' has no step '{name}'{hint}")
        return self._data.steps[name]

    @staticmethod
    def _progress(data: StepData) -> str:
        there = sum(value is not MISSING for value in data.values)
        return f"{there} of {len(data.values) or '?'} points"

    # State.

    @property
    def name(self) -> str:
        """Name of the workflow."""
        return self._data.name

    @property
    def state(self) -> str:
        """``running``, ``paused``, ``done``, ``failed`` or ``cancelled``."""
        return "paused" if self._data.paused else self._data.state

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self._data.finished.done()

    @property
    def seed(self) -> int:
        """The number that everything random in the run follows from."""
        return self._data.seed

    @property
    def asked(self) -> Asked:
        """The options it was asked for."""
        return self._data.asked

    @property
    def workflow(self) -> Workflow:
        """What was run."""
        return self._data.workflow

    @property
    def outputs(self) -> Sequence[Output]:
        """What steps printed and displayed, in order."""
        return self._data.outputs

    @property
    def data(self) -> RunData:
        """What it is made of, for who writes another face of it."""
        return self._data

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Provider jobs of the run, as rows of ``qf_jobs``."""
        return self._control.rows("jobs", self.id)

    @property
    def cost(self) -> list[dict[str, Any]]:
        """Machine seconds and money by step and backend."""
        return self._control.rows("cost", self.id)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Steps and jobs with their times, as the timeline draws them."""
        return self._control.rows("timeline", self.id)

    def snapshot(self) -> dict[str, Any]:
        """The run at this moment as plain JSON, see ``docs/widgets.md``."""
        return self._data.view

    # Control.

    def wait(self, timeout: float | None = None) -> Run:
        """Block until the run has ended.

        Parameters
        ----------
        timeout
            Seconds to wait at most; then ``TimeoutError`` is raised, the run goes on.

        Raises
        ------
        StoreError
            If the run was stopped because it could not be recorded any more.
        """
        self._data.finished.result(timeout)
        if self._data.error is not None:
            raise self._data.error
        return self

    def when_done(self, act: Callable[[], None]) -> None:
        """Call `act` once the run has ended, on whatever thread; at once if it has."""
        self._data.finished.add_done_callback(lambda _: act())

    def __await__(self) -> Generator[Any, None, Run]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Run:
        # A tick keeps Ctrl-C alive: a signal is acted on when the loop next wakes.
        while not self.done:
            await asyncio.sleep(0.05)
        return self.wait()

    def cancel(self, step: str | None = None, **point: Any) -> Run:
        """Stop the run, one of its steps, or one point of a step.

        Examples
        --------
        ``run.cancel("counts", delay=1e-6, backend="aer")`` stops one point.
        """
        index = None
        if step is not None:
            data = self._step(step)
            index = self._point(data, point) if point else None
        self._control.cancel_run(self.id, step, index)
        return self

    def pause(self) -> Run:
        """Let nothing more of it start; what runs goes on, its deadline stays."""
        self._control.pause_run(self.id, paused=True)
        return self

    def resume(self) -> Run:
        """Go on after :meth:`pause`."""
        self._control.pause_run(self.id, paused=False)
        return self

    def _point(self, data: StepData, point: Mapping[str, Any]) -> int:
        numbers = np.empty(len(data.values), dtype=object)
        numbers[:] = range(len(data.values))
        axes = {name: self._data.axes[name] for name in data.dims}
        found = Grid(numbers.reshape(data.shape or ()), axes).sel(**point)
        if isinstance(found, Grid):
            left = ", ".join(found.dims)
            raise NotReady(f"name a value for every axis to pick one point: {left}")
        return int(found)

    def rerun(
        self, *, seed: int | None = None, set: Mapping[str, Any] | None = None
    ) -> Run:
        """Run the same workflow again, perhaps with another seed or other dials."""
        return self._control.again(self._data, seed=seed, set=set or {})

    def raise_failure(self) -> None:
        """Raise what broke the run, or a step of which no point has a value.

        A failure of some points only is left to the grid that holds them.
        """
        if self._data.error is not None:
            raise self._data.error
        for data in self._data.steps.values():
            error = data.error()
            if error is not None and all(isinstance(v, Failed) for v in data.values):
                raise error

    def failures(self) -> list[str]:
        """One line for each step that has failed points beside good ones."""
        lines = []
        for data in self._data.steps.values():
            error = data.error()
            if error is None:
                continue
            failed = sum(isinstance(v, Failed) for v in data.values)
            if failed == len(data.values):
                continue
            first = str(error).splitlines()[0] if str(error) else ""
            lines.append(
                f"{failed} of {len(data.values)} points of '{data.name}' failed: "
                f"{type(error).__name__}: {first}"
            )
        return lines

    # Display.

    def figure(
        self, kind: str = "timeline", step: str | None = None, **point: Any
    ) -> Figure:
        """A chart of the run.

        Parameters
        ----------
        kind
            ``timeline``, ``counts``, ``sweep``, ``metrics``, ``cost`` or ``quote``.
        step
            The step that ``counts`` and ``sweep`` draw, the last suitable one by
            default; the only one whose jobs ``quote`` draws.
        **point
            Values of axes that pick some of its points, as in :meth:`Grid.sel`.
        """
        from quantumflow_lab.figures import run_figure

        return run_figure(self, self._control, kind, step, point)

    # A worker imports this module as well and has no use for widgets.

    def __repr__(self) -> str:
        from quantumflow_lab.widgets import run_text

        return run_text(self.snapshot())

    def _repr_html_(self) -> str:
        from quantumflow_lab.widgets import run_html

        return run_html(self.snapshot())


def _or_none(value: Any) -> Any:
    return None if value is MISSING else value
