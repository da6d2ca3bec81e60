"""What a run would ask of its backends, found out without running a circuit.

Functions of steps run here, in order and in the caller's thread, as far as they need no
result of a backend: what sample and estimate steps return is what would be sent.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any, cast

from quantumflow_lab.errors import BackendError
from quantumflow_lab.grid import text_of
from quantumflow_lab.ports import Backends, Clock, Results
from quantumflow_lab.runner.bodies import Produced, called, completed, prepared
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.live import MISSING, LiveRun, StepState, Task
from quantumflow_lab.runner.tried import Returned, Said

LOOP = "its function asks backends while it runs"


@dataclass
class StepPreview:
    """What is known of one step before it runs."""

    points: int | None
    """None if a result decides how many there are."""
    tasks: dict[str, list[Task]] = field(default_factory=dict)
    """What would be sent to each backend."""
    kept: int = 0
    """Points that an earlier run has made and nothing has changed."""
    kept_from: int | None = None
    """The number of that run among those of its name, if it is known."""
    cached: int = 0
    """Points that results of other runs answer."""
    unknown: str = ""
    """Why it is not known what all the other points would send."""


@dataclass
class _Silent:
    """The runner, as far as a function may ask for it before a run."""

    said: list[Said] = field(default_factory=list)
    """What it was told, for the run that follows."""

    def log(self, context: StepContext, name: str, value: float) -> None:
        self.said.append(lambda port, context: port.log(context, name, value))

    def emit(self, context: StepContext, mime: str, data: Any) -> None:
        self.said.append(lambda port, context: port.emit(context, mime, data))

    def call(
        self,
        context: StepContext,
        kind: str,
        backend: str | None,
        pubs: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Any:
        raise AssertionError("functions that ask backends are not run")

    def rest(self, context: StepContext) -> Any:
        raise AssertionError("functions that ask backends are not run")

    def go_on(self, waiting: Any) -> None:
        raise AssertionError("functions that ask backends are not run")


class _Nowhere:
    """A sink that keeps nothing, but knows what runs have kept."""

    def __init__(self, get: Callable[[Mapping[str, Any]], object]):
        self.get = get

    def put(self, value: object) -> Mapping[str, Any] | None:
        return None


def preview(
    live: LiveRun,
    *,
    backends: Backends,
    results: Results,
    clock: Clock,
    get: Callable[[Mapping[str, Any]], object],
    late: Callable[[], bool],
) -> dict[str, StepPreview]:
    """Run what needs no result, and collect what would be sent.

    Parameters
    ----------
    live
        A run that has not begun; its values are filled in as far as they come.
    backends, results, clock
        As for a run.
    get
        Gives the value behind a reference of the store.
    late
        Whether to leave the rest unknown.

    Returns
    -------
    dict
        Of every step.
    """
    sink = cast("Any", _Nowhere(get))
    cache = Cache(backends, results, sink, clock)
    found: dict[str, StepPreview] = {}
    while fresh := live.definable():
        for state in fresh:
            found[state.name] = shown = StepPreview(state.size)
            _take_kept(live, state, shown)
            _fill(live, state, shown, found, late, backends, sink, cache)
            if not shown.unknown:
                live.open_maps(state)
    for name in live.steps:
        why = "a result decides how many points it has"
        found.setdefault(name, StepPreview(None, unknown=why))
    return {name: found[name] for name in live.steps}


def _take_kept(live: LiveRun, state: StepState, shown: StepPreview) -> None:
    if live.keeping is None:
        return
    for point, produced in live.keeping.points(state).items():
        assert produced.kept is not None, "that is what keeping finds"
        state.kept[point], state.values[point] = produced.kept, produced.value
    shown.kept = len(state.kept)
    shown.kept_from = live.keeping.past.number


def _fill(
    live: LiveRun,
    state: StepState,
    shown: StepPreview,
    found: Mapping[str, StepPreview],
    late: Callable[[], bool],
    backends: Backends,
    sink: Any,
    cache: Cache,
) -> None:
    """Run the function of a step at every point that is not kept."""
    for point in range(state.size):
        if state.values[point] is not MISSING:
            continue
        if {"estimator", "sampler"} & set(state.plan.injected):
            shown.unknown = LOOP
            return
        if (need := _without_value(state, point, live)) is not None:
            shown.unknown = _behind(need, live, found)
            return
        if late():
            shown.unknown = "there was no time to find out"
            return
        backend = live.backend_of(state, point)
        context = StepContext(
            port=_Silent(),
            run=live.id,
            step=state.name,
            unit=-1,
            attempt=1,
            point=point,
            backend=backend,
        )
        try:
            made = _made(live, state, context, backends, sink, cache)
        except BackendError as error:
            why, _, _ = error.message.partition("\n")
            shown.unknown = f"cannot run there: {why}"
            return
        except Exception as error:  # noqa: BLE001 - a function raises whatever it likes
            name = type(error).__name__
            shown.unknown = f"its function raises {name}: {text_of(error)}"
            return
        if isinstance(made, Produced):
            state.values[point] = made.value
            shown.cached += state.plan.quantum
        else:
            shown.tasks.setdefault(backend, []).append(made)


def _made(
    live: LiveRun,
    state: StepState,
    context: StepContext,
    backends: Backends,
    sink: Any,
    cache: Cache,
) -> Produced | Task:
    """Run a function, unless a quote before has, and keep what it returns."""
    arguments, options = prepared(live, state, context)
    told = "backend" in state.plan.injected
    returned = live.tried.look(context, told=told)
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        if returned is None:
            value = called(live, state, context, arguments)
            for mime, text in (("text/plain", out), ("text/stderr", err)):
                if printed := text.getvalue():
                    context.port.emit(context, mime, printed)
            said = tuple(cast("_Silent", context.port).said)
            returned = Returned(value, said)
            live.tried.put(context, returned, told=told)
        return completed(
            live, state, context, backends, sink, cache, options, returned.value
        )


def _without_value(state: StepState, point: int, live: LiveRun) -> str | None:
    """The first need of a point that has no value yet."""
    for need in state.plan.needs:
        values = live.steps[need].values
        if any(values[i] is MISSING for i in state.edges[need][point]):
            return need
    return None


def _behind(need: str, live: LiveRun, found: Mapping[str, StepPreview]) -> str:
    if live.steps[need].plan.quantum or found[need].unknown == LOOP:
        return f"it needs the result of '{need}'"
    return found[need].unknown
