"""A cell: read without running it, then bound to the values of the notebook.

:func:`read_cell` makes a :class:`~quantumflow_lab.workflow.Workflow` of the text.
:func:`bind` takes the notebook's values, evaluates the top level in a namespace of its
own and gives the functions of the steps. They are compiled under the file name and the
line numbers of the user's cell, so tracebacks, ``inspect.getsource`` and breakpoints
point there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from quantumflow_lab.cell.declare import Axis, StepFunction, substitute
from quantumflow_lab.cell.hints import check_cell
from quantumflow_lab.cell.inputs import (
    Captured,
    Fingerprint,
    capture,
    literal_key,
    refuse_secret,
)
from quantumflow_lab.cell.magic_line import parse_magic_line
from quantumflow_lab.cell.names import first_use
from quantumflow_lab.cell.namespace import CellNames, own_file
from quantumflow_lab.cell.options import shown
from quantumflow_lab.cell.reading import Parts, parameters, read_parts
from quantumflow_lab.cell.text import CellText, split_cell
from quantumflow_lab.errors import (
    BadOption,
    MagicLineError,
    NoSteps,
    UnknownNeed,
    UnknownOption,
    did_you_mean,
)
from quantumflow_lab.workflow import Assignment, AxisDeclaration, Input, Workflow

__all__ = ["Bound", "bind", "no_steps", "read_cell", "substitute"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A workflow with the values it runs on."""

    workflow: Workflow
    """With inputs as found and axes of the notebook among its own."""
    axes: Mapping[str, Axis]
    values: Mapping[str, Any]
    """Assignments, and inputs as they were at the start."""
    bodies: Mapping[str, Callable[..., Any]]
    """The plain function of each step."""
    options: Mapping[str, Mapping[str, Any]]
    """Options of each step but ``over`` and ``map``; axes and steps in them are
    :class:`~quantumflow_lab.cell.declare.Name` references."""
    inputs: tuple[Input, ...]


def read_cell(
    text: str,
    name: str | None = None,
    *,
    known: Iterable[str] | None = None,
    axes: Iterable[str] = (),
    file: str = "cell",
    filename: str | None = None,
    first_line: int = 1,
    check: bool = True,
) -> Workflow:
    """Read a cell without running it; see :meth:`Workflow.from_source`.

    Parameters
    ----------
    axes
        Those of the `known` names that are axes in the notebook.
    check
        False to read a cell whose statements make no sense together, such as steps that
        need each other in a circle.
    """
    magic, body, above = split_cell(text)
    if name is None:
        if magic is None:
            raise MagicLineError("a workflow needs a name: from_source(text, name)")
        name = parse_magic_line(magic, file=file, number=first_line + above).name
    cell = CellText(body, name, magic, file, first_line + above)
    workflow, _ = _read(cell, known, frozenset(axes), check=check)
    return replace(workflow, filename=filename)


def _read(
    cell: CellText,
    known: Iterable[str] | None,
    axes: frozenset[str],
    *,
    check: bool = True,
) -> tuple[Workflow, Parts]:
    names = None if known is None else frozenset(known)
    parts = read_parts(cell, known=names or ())
    inputs = _input_names(parts)
    captured = [AxisDeclaration(each, "", (), None) for each in inputs if each in axes]
    workflow = Workflow(
        name=cell.name,
        source=cell.body,
        steps=tuple(parts.steps),
        axes=(*captured, *parts.axes),
        assignments=tuple(parts.assignments),
        helpers=tuple(parts.helpers),
        imports=tuple(parts.imports),
        inputs=tuple(Input(each) for each in inputs if each not in axes),
        file=cell.file,
        first_line=cell.first_line,
    )
    if check:
        check_cell(cell, parts, workflow, names)
    return workflow, parts


def _input_names(parts: Parts) -> tuple[str, ...]:
    """Names the notebook has to provide: needs first, then what the text reads."""
    needs = [name for step in parts.steps for name in step.needs]
    reads = [name for step in parts.steps for name in step.option_names + step.reads]
    reads += [name for each in parts.helpers for name in each.reads]
    reads += [name for each in parts.assignments for name in each.names]
    reads += [name for each in parts.axes for name in each.names]
    names = dict.fromkeys(needs + reads)
    return tuple(each for each in names if each not in parts.statements)


def bind(
    workflow: Workflow,
    namespace: Mapping[str, Any],
    *,
    set: Mapping[str, Any] = MappingProxyType({}),  # as on the magic line
    filename: str | None = None,
    first_line: int | None = None,
    fingerprint: Fingerprint = literal_key,
) -> Bound:
    """Give a workflow its values.

    Every hint that the text and the names of the notebook allow is given before
    anything is evaluated. Then inputs are taken, and the top level is evaluated in
    order, in a namespace that has ``qf``, the inputs and nothing else.

    Parameters
    ----------
    workflow
        From :meth:`Workflow.from_source` or :func:`quantumflow_lab.workflow`.
    namespace
        Names of the notebook.
    set
        Values in the place of assignments and axes; a single value for an axis is an
        axis of one value.
    filename
        File name to compile under; by default the workflow's, else one of its own,
        whose source :mod:`linecache` knows.
    first_line
        Line of the magic line in that file; by default the workflow's.
    fingerprint
        Content key of a value, such as that of :mod:`quantumflow_lab.fingerprint`;
        without it, values of Python's own simple types have one.

    Returns
    -------
    Bound
        With one plain function for each step.

    Raises
    ------
    CellError
        Naming the line and what to type instead.
    Exception
        Whatever the top level of the cell itself raises, at the user's line.
    """
    __tracebackhide__ = True
    line = workflow.first_line if first_line is None else first_line
    cell = CellText(workflow.source, workflow.name, None, workflow.file, line)
    scope = _scope(workflow, namespace)
    axes = frozenset(name for name, value in scope.items() if isinstance(value, Axis))
    known = [name for name in scope if not name.startswith("__")]
    read, parts = _read(cell, known, axes)
    if not read.steps:
        raise no_steps(read.name)
    _check_set(read, set)
    taken = _capture(cell, read, parts, scope, fingerprint)
    names = CellNames(cell, read, dict(set), namespace, taken, scope)
    if workflow.live is None:
        names.execute(parts, filename or workflow.filename or own_file(cell))
        return _bound(names, names.globals, {})
    names.adopt(workflow.live["values"])
    bound = _bound(names, workflow.live["functions"], workflow.live["aliases"])
    return replace(bound, workflow=replace(bound.workflow, live=workflow.live))


def no_steps(name: str) -> NoSteps:
    """The error to raise for a cell that says nothing to run."""
    return NoSteps(
        f"cell '{name}' has no step; put @qf.circuit, @qf.sample or @qf.step "
        "above a function"
    )


def _bound(
    names: CellNames, functions: Mapping[str, StepFunction], aliases: Mapping[int, str]
) -> Bound:
    workflow = names.workflow
    inputs = tuple(each.input for each in names.taken.values())
    taken = {name: each.value for name, each in names.taken.items()}
    values = {each.name: names.globals[each.name] for each in workflow.assignments}
    steps = {step.name: functions[step.name] for step in workflow.steps}
    options = {
        step.name: names.options(step, steps[step.name].options, aliases)
        for step in workflow.steps
    }
    return Bound(
        workflow=replace(workflow, inputs=inputs),
        axes={name: names.globals[name] for name in workflow.axis_names},
        values=taken | values,
        bodies={name: each.function for name, each in steps.items()},
        options=options,
        inputs=inputs,
    )


def _scope(workflow: Workflow, namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    if workflow.live is None:
        return namespace
    return {**namespace, **workflow.live["scope"]}


def _check_set(workflow: Workflow, values: Mapping[str, Any]) -> None:
    known = {each.name for each in workflow.assignments} | {*workflow.axis_names}
    for name, value in values.items():
        if name not in known:
            raise UnknownOption(
                f"--set names '{name}', which is no assignment or axis of this cell"
                f"{did_you_mean(name, known)}",
                name=name,
            )
        refuse_secret(name, value)
    for each in workflow.assignments:
        if isinstance(values.get(each.name), str) and _is_number(each):
            raise BadOption(
                f"--set gives '{each.name}' the text {shown(values[each.name])}, but "
                "it is a number in this cell; write a Python literal, such as "
                f"--set {each.name}={each.source}",
                option="set",
                name=each.name,
            )


def _is_number(assignment: Assignment) -> bool:
    if not assignment.literal:
        return False
    return isinstance(ast.literal_eval(assignment.source), (int, float, complex))


def _capture(
    cell: CellText,
    workflow: Workflow,
    parts: Parts,
    scope: Mapping[str, Any],
    fingerprint: Fingerprint,
) -> dict[str, Captured]:
    taken = {}
    for name in (each.name for each in workflow.inputs):
        use = _asked(parts, name) or first_use(cell.tree, name)
        where = None if use is None else cell.where(use)
        if isinstance(scope[name], StepFunction):
            raise UnknownNeed(
                f"'{name}' is a step of the notebook, not of this cell; move it into "
                "the cell, or make a workflow of functions with qf.workflow",
                where=where,
                need=name,
            )
        taken[name] = capture(name, scope[name], fingerprint, where)
    return taken


def _asked(parts: Parts, name: str) -> ast.arg | None:
    """The first parameter of that name."""
    arguments = (each for node in parts.nodes.values() for each, _ in parameters(node))
    return next((each for each in arguments if each.arg == name), None)
