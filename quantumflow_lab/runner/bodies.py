"""What happens in a step's thread: its arguments, its function, what it returned."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from quantumflow_lab.cell import substitute
from quantumflow_lab.cell.options import check_value
from quantumflow_lab.codec import encode
from quantumflow_lab.errors import BackendError, BadShots, NotStorable
from quantumflow_lab.fingerprint import fingerprint
from quantumflow_lab.planning.seeds import derive, generator, seed_index
from quantumflow_lab.ports import Backends, Known, Sink
from quantumflow_lab.primitives import LabEstimator, LabSampler
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.context import StepContext, entered
from quantumflow_lab.runner.labels import point_label
from quantumflow_lab.runner.live import Kind, LiveRun, Part, StepState, Task
from quantumflow_lab.runner.own import own
from quantumflow_lab.runner.returned import check_returned

if TYPE_CHECKING:
    from quantumflow_lab.runner.past import PastPoint

_WITH_GENERATOR = ("qiskit_algorithms", "qiskit_machine_learning")
"""Libraries whose randomness comes from ``utils.algorithm_globals``."""
_TASK_OPTIONS = ("optimization_level", "transpile", "options")


@dataclass(frozen=True, slots=True)
class Produced:
    """What one point of a step came to."""

    value: Any
    ref: Mapping[str, Any] | None
    """Where the store keeps it."""
    origin: Known | None = None
    """The result of another run that it is, or is in part."""
    part: Part | None = None
    """How much of it that result is."""
    kept: PastPoint | None = None
    """The point of an earlier run that it is."""


def run_body(
    live: LiveRun,
    state: StepState,
    context: StepContext,
    backends: Backends,
    sink: Sink,
    cache: Cache,
) -> Produced | Task:
    """Run a step's function at one point.

    Returns
    -------
    Produced or Task
        The value, or for sample and estimate steps the PUBs that are to run; the value
        also of these if other runs have taken all of it.

    Raises
    ------
    BaseException
        Whatever the function raises, and any ``PubError`` or ``BackendError`` of the
        PUBs it returned.
    """
    arguments, options = prepared(live, state, context)
    returned = live.tried.take(context, told="backend" in state.plan.injected)
    if returned is None:
        value = called(live, state, context, arguments)
    else:
        value = returned.value
        for tell in returned.said:
            tell(context.port, context)
    return completed(live, state, context, backends, sink, cache, options, value)


def called(
    live: LiveRun, state: StepState, context: StepContext, arguments: Mapping[str, Any]
) -> Any:
    """What the function of a step returns for arguments that it does not own yet."""
    arguments = {name: own(value) for name, value in arguments.items()}
    if {"estimator", "sampler"} & set(state.plan.injected):
        _seed_libraries(live, state, context.point)
    with entered(context):
        return live.bound.bodies[state.name](**arguments)


def prepared(
    live: LiveRun, state: StepState, context: StepContext
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The arguments of one point, which it does not own yet, and its options."""
    known = known_values(live, state, context.point)
    options = _checked(substitute(live.bound.options[state.name], known))
    arguments = {name: known[name] for name in state.plan.parameters} | {
        name: _injected(live, state, context, name, options)
        for name in state.plan.injected
    }
    return arguments, options


def completed(
    live: LiveRun,
    state: StepState,
    context: StepContext,
    backends: Backends,
    sink: Sink,
    cache: Cache,
    options: Mapping[str, Any],
    value: Any,
) -> Produced | Task:
    """What follows from the value that a function returned, wherever it ran."""
    if not state.plan.quantum:
        if type(value) is np.ndarray and not value.ndim:
            value = value[()]  # a number, as what follows takes it for
        check_returned(state.plan.kind, state.name, value)
        _show_figure(context, value)
        return Produced(value, sink.put(value))
    kind = cast("Kind", state.plan.kind)
    task = make_task(
        live,
        backends,
        kind,
        value,
        options,
        backend=context.backend,
        others=state.plan.others,
        member=live.member_of(state, context.point),
    )
    if options.get("cache") is False:
        return task
    where = point_label(live, state, context.point)
    return found_or_left(cache.look(live, state, kind, task, where), sink)


def found_or_left(task: Task, sink: Sink) -> Produced | Task:
    """The value, if other runs have taken all of it; else the task."""
    if task.pubs or task.lookup is None:
        return task
    return finished(task, task.lookup.merged(()), sink)


def finished(task: Task, results: Sequence[Any], sink: Sink) -> Produced:
    """The value of a point, from a result for each PUB."""
    value = task.shape.restore(results)
    origin = part = None
    if task.lookup is not None and (origin := task.lookup.origin) is not None:
        part = task.lookup.part
    return Produced(value, sink.put(value), origin, part)


def _seed_libraries(live: LiveRun, state: StepState, point: int) -> None:
    """Let optimisers that draw from a generator of their own repeat with the run.

    It is one for the process: points that run at once share it.
    """
    for library in _WITH_GENERATOR:
        if (utils := sys.modules.get(f"{library}.utils")) is not None:
            where = point_label(live, state, point)
            seed = derive(live.seed, library, state.name, where)
            utils.algorithm_globals.random_seed = seed


def _show_figure(context: StepContext, value: Any) -> None:
    """Show a figure that a step returned under the step's name, and only there."""
    if type(value).__module__ != "matplotlib.figure":
        return
    png = b64encode(encode(value).data).decode()
    context.port.emit(context, "image/png", png)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        # Else the inline backend would show it once more at the end of the cell.
        pyplot.close(value)


def make_task(
    live: LiveRun,
    backends: Backends,
    kind: Kind,
    value: Any,
    options: Mapping[str, Any],
    *,
    backend: str,
    others: Sequence[str] = (),
    member: int = 0,
    seed_at: int | None = None,
) -> Task:
    """Normalise and check what is to run on a backend, or on one that stands in.

    The seeds follow from the position of the point on its backend, `member`, or from
    `seed_at` for a call of a loop.
    """
    shots, precision = live.plan.accuracy(kind, options)
    pubs, shape = backends.normalise(
        kind,
        value,
        backend=backend,
        shots=shots,
        precision=precision,
    )
    kept = {name: options[name] for name in _TASK_OPTIONS if name in options}
    checked = _first_that_takes(backends, (backend, *others), kind, pubs, kept)
    circuits = sum(backends.circuits(kind, pub) for pub in pubs)
    facts = [backends.known(name) for name in (backend, *others)]
    limited = any(each.limits.payload for each in facts)
    return Task(
        pubs=pubs,
        shape=shape,
        options=kept,
        seed_index=seed_index(member, circuits) if seed_at is None else seed_at,
        backend=checked,
        circuits=circuits,
        shots=sum(backends.shots(kind, pub) for pub in pubs),
        payload=backends.payload(pubs) if limited else 0,
        counted=any(each.price or not each.local for each in facts),
    )


def call_key(backends: Backends, kind: Kind, backend: str, task: Task) -> str | None:
    """What a call of a loop asks, so that it is known again when the run is taken up.

    A backend counts by its name: a run that is taken up goes on where it was.
    """
    asked = [backends.question(kind, pub) for pub in task.pubs]
    if None in asked:
        return None
    try:
        return fingerprint([kind, backend, asked, dict(task.options)])
    except NotStorable:
        return None


def _first_that_takes(
    backends: Backends,
    names: Sequence[str],
    kind: Kind,
    pubs: Sequence[Any],
    options: Mapping[str, Any],
) -> str:
    """The first backend that these PUBs may run on; raises what the first one says."""
    run_options, transpile = options.get("options", {}), options.get("transpile", {})
    refusals = []
    for name in names:
        try:
            backends.preflight(name, kind, pubs, run_options, transpile)
        except (BackendError, BadShots) as error:
            refusals.append(error)
        else:
            return name
    raise refusals[0]


def known_values(live: LiveRun, state: StepState, point: int) -> dict[str, Any]:
    """The names that one point asks for, itself or in its options."""
    plan, axes = state.plan, live.axes
    here = live.coordinates(state, point)
    known: dict[str, Any] = {}
    for name in {*plan.parameters, *plan.option_names}:
        if name in plan.needs:
            known[name] = live.value_for(state, point, name)
        elif name in here:
            known[name] = here[name]
        elif name in axes:
            known[name] = live.axis_values(name)
        elif name in live.bound.values:
            known[name] = live.bound.values[name]
    return known


def _checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options of one point; a value that came from a step was not seen before."""
    for name, value in options.items():
        if name != "backend":
            check_value(name, value)
    return options


def _injected(
    live: LiveRun,
    state: StepState,
    context: StepContext,
    name: str,
    options: Mapping[str, Any],
) -> Any:
    """What the lab itself makes for a parameter."""
    if name == "rng":
        return generator(live.seed, state.name, point_label(live, state, context.point))
    if name == "backend":
        collected = "backend" in state.plan.over
        return live.axes["backend"] if collected else context.backend
    handle = {"estimator": LabEstimator, "sampler": LabSampler}[name]
    kept = (*_TASK_OPTIONS, "shots", "precision")
    keep = {k: v for k, v in options.items() if k in kept}
    return handle(context, context.backend, keep)
