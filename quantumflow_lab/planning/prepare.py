"""From a bound workflow to its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType, ModuleType

from quantumflow_lab.amounts import Money
from quantumflow_lab.cell import Bound, substitute
from quantumflow_lab.dims import step_dims
from quantumflow_lab.errors import BadAxis, UnknownBackend, Where
from quantumflow_lab.planning.decide import Quoted, decide
from quantumflow_lab.planning.expect import History
from quantumflow_lab.planning.modes import check_mode, offering
from quantumflow_lab.planning.plan import MOST_POINTS, Plan, Policy, StepPlan
from quantumflow_lab.planning.size import check_size
from quantumflow_lab.ports import BackendFacts, Mode
from quantumflow_lab.workflow import Step, Workflow

_LOST_ATTEMPTS = 3
"""Tries of work that fails for reasons of the backend, such as a lost worker."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What applies to steps that say nothing else."""

    backends: tuple[str, ...]
    shots: int | None = None
    precision: float | None = None
    usual_shots: int = 1024
    """Shots of sample steps where nobody names any."""
    among: tuple[str, ...] = ()
    """Backends of which each step uses one, instead of `backends`."""
    policy: Policy = "balanced"
    mode: Mode = "job"
    deadline: float | None = None
    budget: Money | None = None
    capped: bool = False
    """Whether all runs of the home together may cost no more than somebody said."""
    elsewhere: tuple[str, ...] = ()
    """Backends that have the mode, for messages."""
    most_points: int = MOST_POINTS
    """Points that all steps together may have."""


def prepare(
    bound: Bound,
    defaults: Defaults,
    known_as: Callable[[object], str],
    facts: Callable[[str], BackendFacts],
    history: History,
    quoted: Quoted = MappingProxyType({}),
) -> Plan:
    """Decide everything that can be before a run starts.

    Parameters
    ----------
    bound
        The workflow with its values.
    defaults
        Options of the run.
    known_as
        Name of a backend given by name or as an object; raises ``UnknownBackend``.
    facts
        What is known of a backend.
    history
        What earlier runs of this workflow took.
    quoted
        What a quote says of the backends to choose from.

    Raises
    ------
    CellError, BackendError
        Whatever about axes, options or backends cannot work.
    """
    workflow = bound.workflow
    own = {
        name: _own_backends(bound, name, known_as)
        for name, options in bound.options.items()
        if "backend" in options
    }
    among = tuple(known_as(name) for name in defaults.among)
    default = among[:1] or tuple(known_as(name) for name in defaults.backends)
    _refuse_twins(among)
    for backends in (default, *own.values()):
        _refuse_twins(backends)
    dims = step_dims(workflow, default, own_backends=own)
    steps = tuple(
        _step(bound, workflow.step(name), dims[name], own.get(name), default)
        for name in workflow.order()
    )
    _refuse_one_as_axis(steps, among)
    axes = {name: axis.values for name, axis in bound.axes.items()}
    running = [s for s in steps if workflow.step(s.name).quantum]
    if backends := _backend_axis(running):
        axes["backend"] = backends
    sizes = {name: len(values) for name, values in axes.items()}
    check_size(steps, sizes, defaults.most_points)
    plan = Plan(
        name=workflow.name,
        steps=steps,
        axes=axes,
        units={name: axis.unit for name, axis in bound.axes.items()},
        shots=defaults.shots,
        precision=defaults.precision,
        usual_shots=defaults.usual_shots,
        policy=defaults.policy,
        mode=defaults.mode,
        deadline=defaults.deadline,
        budget=defaults.budget,
        most_points=defaults.most_points,
    )
    undecided = {name for name in dims if name not in own}
    among = offering(defaults.mode, among, facts, defaults.elsewhere)
    decided = decide(plan, among, undecided, facts, history, quoted)
    check_mode(decided, facts, capped=defaults.capped, others=defaults.elsewhere)
    return decided


def _refuse_one_as_axis(steps: Sequence[StepPlan], among: Sequence[str]) -> None:
    """The axis ``backend`` is for runs that use all their backends."""
    for step in steps if among else ():
        if "backend" in (*step.dims, *step.over):
            raise BadAxis(
                f"step '{step.name}' runs over the axis 'backend', but --among uses "
                "one of its backends; write --backend for all of them"
            )


def _own_backends(
    bound: Bound, name: str, known_as: Callable[[object], str]
) -> str | tuple[str, ...]:
    """Backends of one step: a name, or several for an axis."""
    given = substitute(bound.options[name]["backend"], bound.values)
    try:
        if isinstance(given, list | tuple):
            return tuple(known_as(each) for each in given)
        return known_as(given)
    except UnknownBackend as error:
        where = _where_option(bound.workflow, name, "backend")
        raise UnknownBackend(error.message, where=where, **error.facts) from None


def _refuse_twins(backends: str | tuple[str, ...]) -> None:
    if not isinstance(backends, str):
        for name in backends:
            if backends.count(name) > 1:
                raise BadAxis(
                    f"backend '{name}' is named twice; the axis 'backend' needs each "
                    "of its values once"
                )


def _where_option(workflow: Workflow, step: str, name: str) -> Where | None:
    """The line of an option, for messages."""
    option = workflow.step(step).option(name)
    if option is None:
        return None
    # The body begins on line 2: line 1 is the magic line.
    quoted = workflow.source.split("\n")[option.span.line - 2]
    return Where(workflow.file, option.span.line + workflow.first_line - 1, quoted)


def _step(
    bound: Bound,
    step: Step,
    dims: tuple[str, ...],
    own: str | tuple[str, ...] | None,
    default: tuple[str, ...],
) -> StepPlan:
    fixed = {
        name: value
        for name, value in bound.options[step.name].items()
        if name in ("retries", "timeout", "calls", "partial")
    }
    fixed = substitute(fixed, bound.values)
    chosen = default if own is None else own
    backends = (chosen,) if isinstance(chosen, str) else chosen
    if "backend" not in dims:
        backends = backends[:1]
    quantum = step.quantum or "backend" in step.injected
    retries = fixed.get("retries")
    return StepPlan(
        name=step.name,
        kind=step.kind,
        dims=dims,
        parameters=step.needs,
        option_names=step.option_names,
        injected=step.injected,
        needs=bound.workflow.edges(step.name),
        backends=backends if quantum else (),
        map=step.map,
        over=step.over,
        partial=fixed.get("partial", False),
        accuracy={
            name: value
            for name in ("shots", "precision")
            if isinstance(value := bound.options[step.name].get(name), int | float)
        },
        attempts=1 if retries is None else int(retries) + 1,
        job_attempts=_LOST_ATTEMPTS if retries is None else int(retries) + 1,
        timeout=fixed.get("timeout"),
        calls=fixed.get("calls"),
        pyplot=_touches_pyplot(bound, step),
    )


def _backend_axis(steps: Sequence[StepPlan]) -> tuple[str, ...]:
    """Values of the axis ``backend``, which all steps that have it share."""
    lists = {s.name: s.backends for s in steps if "backend" in s.dims and s.backends}
    if len(set(lists.values())) > 1:
        shown = "; ".join(f"{n}: {', '.join(b)}" for n, b in lists.items())
        raise BadAxis(
            f"the axis 'backend' has one list of values, but steps differ ({shown}); "
            "give them the same list"
        )
    return next(iter(lists.values()), ())


def _touches_pyplot(bound: Bound, step: Step) -> bool:
    """Whether the function reads pyplot, whose current figure threads would share."""
    names = bound.bodies[step.name].__globals__
    found = (names.get(name) for name in step.reads)
    return any(
        isinstance(each, ModuleType) and each.__name__ == "matplotlib.pyplot"
        for each in found
    )
