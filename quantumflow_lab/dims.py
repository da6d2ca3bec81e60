"""Which axes each step runs over.

A step runs over the axes it needs or names in an option, those of the steps it needs,
and the axis of its own ``map``, without those it collects with ``over``. They are
ordered as the cell declares them: an axis where it is assigned, a ``map`` axis and
``backend`` at the first step that has them of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantumflow_lab.errors import BadAxis
from quantumflow_lab.workflow import Step, Workflow

OwnBackends = Mapping[str, "str | tuple[str, ...]"]
"""Step -> its own backend, or its own list of them; absent where the run decides."""


def step_dims(
    workflow: Workflow,
    default_backends: Sequence[str] = (),
    *,
    own_backends: OwnBackends | None = None,
) -> dict[str, tuple[str, ...]]:
    """Axes that each step runs over, in the order of their declaration.

    Parameters
    ----------
    workflow
        Of which only the text is looked at.
    default_backends
        Backends of the run. Several of them are the axis ``backend`` for steps that
        run circuits or ask for ``backend`` and have no ``backend`` option; a single one
        is an axis only if some step collects ``over="backend"``.
    own_backends
        Backend options as evaluated; without it, as far as the text tells.

    Returns
    -------
    dict
        Step name to axis names, in the order of the cell.

    Raises
    ------
    BadAxis
        If a step runs over the axis that it collects.

    Examples
    --------
    >>> cell = '''
    ... angle = qf.axis([0, 1, 2])
    ... @qf.circuit
    ... def ry(angle): ...
    ... @qf.sample
    ... def counts(ry): ...
    ... @qf.step(over="angle")
    ... def fit(counts, angle): ...
    ... '''
    >>> step_dims(Workflow.from_source(cell, "sweep"), ["aer", "fake_lima"])
    {'ry': ('angle',), 'counts': ('angle', 'backend'), 'fit': ('backend',)}
    """
    walk = walk_dims(workflow, default_backends, own_backends=own_backends)
    return walk.dims


@dataclass(frozen=True, slots=True)
class Walk:
    """What :func:`walk_dims` finds on its way."""

    dims: dict[str, tuple[str, ...]]
    """Axes after ``over`` has taken its own away."""
    reach: dict[str, frozenset[str]]
    """Axes that the needs of a step bring, before ``over``."""


def walk_dims(
    workflow: Workflow,
    default_backends: Sequence[str] = (),
    *,
    own_backends: OwnBackends | None = None,
) -> Walk:
    """The work of :func:`step_dims`, with what ``over`` had to choose from."""
    if own_backends is None:
        own_backends = stated_backends(workflow)
    shared = _shared_backends(workflow, default_backends)
    own = {
        step.name: _own_axes(workflow, step, own_backends.get(step.name), shared)
        for step in workflow.steps
    }
    position = _positions(workflow, own)
    dims: dict[str, tuple[str, ...]] = {}
    reach: dict[str, frozenset[str]] = {}
    for name in workflow.order():
        step = workflow.step(name)
        inherited = {axis for need in workflow.edges(name) for axis in dims[need]}
        asked = set(step.needs) & set(workflow.axis_names)
        reach[name] = frozenset(inherited | asked)
        _refuse_clash(workflow, step, own[name])
        axes = (inherited | asked | own[name]) - set(step.over)
        dims[name] = tuple(sorted(axes, key=position.__getitem__))
    return Walk({name: dims[name] for name in workflow.step_names}, reach)


def stated_backends(workflow: Workflow) -> dict[str, str | tuple[str, ...]]:
    """Backend options as far as the text tells: literals, and names of literals."""
    texts = {each.name: each.source for each in workflow.assignments if each.literal}
    stated: dict[str, str | tuple[str, ...]] = {}
    for step in workflow.steps:
        if option := step.option("backend"):
            stated[step.name] = _literal_backends(
                texts.get(option.source, option.source)
            )
    return stated


def _literal_backends(source: str) -> str | tuple[str, ...]:
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return source
    if isinstance(value, (list, tuple)):
        return tuple(str(each) for each in value)
    return str(value)


def _shared_backends(workflow: Workflow, default: Sequence[str]) -> bool:
    """Whether the backends of the run are an axis."""
    collected = any("backend" in step.over for step in workflow.steps)
    return len(default) > 1 or (len(default) == 1 and collected)


def _own_axes(
    workflow: Workflow, step: Step, backends: str | tuple[str, ...] | None, shared: bool
) -> set[str]:
    own = set(step.option_names) & set(workflow.axis_names)
    if step.map is not None:
        own.add(step.map)
    several = isinstance(backends, tuple) or (backends is None and shared)
    # A plain step that collects over backend and asks for it wants the list of names.
    asks = "backend" in step.injected and "backend" not in step.over
    if several and (step.quantum or asks):
        own.add("backend")
    return own


def _positions(workflow: Workflow, own: Mapping[str, set[str]]) -> dict[str, int]:
    position = {axis.name: axis.span.line if axis.span else 0 for axis in workflow.axes}
    for step in workflow.steps:
        for name in sorted(own[step.name]):
            position.setdefault(name, step.span.line)
    return position


def _refuse_clash(workflow: Workflow, step: Step, own: set[str]) -> None:
    if clash := sorted(own & set(step.over)):
        raise BadAxis(
            f"step '{step.name}' collects over '{clash[0]}' and runs over it by its "
            "own options; move one of the two to another step",
            step=step.name,
            axis=clash[0],
        )
