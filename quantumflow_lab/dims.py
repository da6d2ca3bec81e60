"""Which axes each step runs over.

A step runs over the axes it needs or names in an option, those of the steps it needs,
and the axis of its own ``map``, without those it collects with ``over``. They are
ordered alike in every process: axes of the notebook, then those of the cell where they
are assigned, then ``map`` axes and ``backend`` by the first step that has them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from quantumflow_lab.errors import BadAxis, Where
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
        Backend options as evaluated; without it, as far as the text tells. One that
        the text leaves open is an axis only if some step collects it.

    Returns
    -------
    dict
        Step name to axis names, in the order of the cell.

    Raises
    ------
    BadAxis
        If a step runs over the axis that it collects, or, with `own_backends`, if
        nothing that it needs runs over that axis.

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
    if own_backends is not None:
        unbound = [each.name for each in workflow.inputs if each.kind == "unbound"]
        check_over(workflow, own_backends, unbound=unbound)
    return _walk(workflow, default_backends, own_backends).dims


def check_over(
    workflow: Workflow,
    own_backends: OwnBackends | None = None,
    *,
    unbound: Collection[str] = (),
) -> None:
    """Refuse ``over`` where it cannot collect anything, whatever the run's backends.

    Parameters
    ----------
    workflow, own_backends
        As for :func:`step_dims`.
    unbound
        Names of a notebook that is not known yet: any of them may be an axis.

    Raises
    ------
    BadAxis
        If a step runs over the axis that it collects, or nothing that it needs does.
    """
    # Two backends: so that whatever can run over an axis backend does.
    walk = _walk(workflow, ("a", "b"), own_backends)
    for step in workflow.steps:
        for name in step.over:
            if name not in walk.reach[step.name] and name not in unbound:
                raise _bad_over(
                    workflow,
                    step,
                    name,
                    f"step '{step.name}' collects over '{name}', but nothing that "
                    f"it needs runs over '{name}'; drop over= or add a need",
                )


@dataclass(frozen=True, slots=True)
class _Walk:
    """What :func:`_walk` finds on its way."""

    dims: dict[str, tuple[str, ...]]
    """Axes after ``over`` has taken its own away."""
    reach: dict[str, frozenset[str]]
    """Axes that the needs of a step bring, before ``over``."""


def _walk(
    workflow: Workflow, default_backends: Sequence[str], backends: OwnBackends | None
) -> _Walk:
    """The work of :func:`step_dims`, with what ``over`` had to choose from."""
    own_backends = stated_backends(workflow) if backends is None else backends
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
    return _Walk({name: dims[name] for name in workflow.step_names}, reach)


def stated_backends(workflow: Workflow) -> dict[str, str | tuple[str, ...]]:
    """Backend options as far as the text tells: literals, and names of literals.

    What is no list in the text but may be one in the run, such as ``backend=devices``,
    is an empty list where a step below may collect it.
    """
    texts = {each.name: each.source for each in workflow.assignments if each.literal}
    collected = _collected(workflow)
    stated: dict[str, str | tuple[str, ...]] = {}
    for step in workflow.steps:
        option = step.option("backend")
        if option is None or option.source == "None":
            continue
        found = _literal_backends(texts.get(option.source, option.source))
        perhaps = collected and not _is_text(option.source)
        if perhaps and isinstance(found, str) and "backend" not in step.over:
            found = ()
        stated[step.name] = found
    return stated


def _literal_backends(source: str) -> str | tuple[str, ...]:
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return source
    if isinstance(value, (list, tuple)):
        return tuple(str(each) for each in value)
    return str(value)


def _is_text(source: str) -> bool:
    """Whether an option is one name of a backend, written out."""
    node = ast.parse(f"({source})", mode="eval").body
    return isinstance(node, ast.Constant)


def _collected(workflow: Workflow) -> bool:
    return any("backend" in step.over for step in workflow.steps)


def _shared_backends(workflow: Workflow, default: Sequence[str]) -> bool:
    """Whether the backends of the run are an axis."""
    return len(default) > 1 or (len(default) == 1 and _collected(workflow))


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
    """A place of its own for every axis: ties would keep the order of a set."""
    places = [
        ((axis.span.line, axis.span.column) if axis.span else (0, n), axis.name)
        for n, axis in enumerate(workflow.axes)
    ]
    names = [name for _, name in sorted(places)]
    for step in workflow.steps:
        names += [step.map] if step.map is not None else []
        names += ["backend"] if "backend" in own[step.name] else []
    return {name: n for n, name in enumerate(dict.fromkeys(names))}


def _refuse_clash(workflow: Workflow, step: Step, own: set[str]) -> None:
    if clash := sorted(own & set(step.over)):
        raise _bad_over(
            workflow,
            step,
            clash[0],
            f"step '{step.name}' collects over '{clash[0]}' and runs over it by its "
            "own options; move one of the two to another step",
        )


def _bad_over(workflow: Workflow, step: Step, axis: str, message: str) -> BadAxis:
    option = step.option("over")
    line = (step.span if option is None else option.span).line
    # The body begins on line 2: line 1 is the magic line.
    quoted = re.split(r"\r\n|\r|\n", workflow.source)[line - 2]
    where = Where(workflow.file, line + workflow.first_line - 1, quoted)
    return BadAxis(message, where=where, step=step.name, axis=axis)
