"""A workflow made of decorated functions of a module or notebook, without a cell.

The functions are run as they are, in their own module; a cell that says the same is
written for the document, the composer and the history.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import keyword
import textwrap
from collections.abc import Mapping
from types import FunctionType, MappingProxyType
from typing import Any

from quantumflow_lab.cell import read_cell
from quantumflow_lab.cell.declare import Axis, Name, StepFunction
from quantumflow_lab.cell.inputs import closure_vars
from quantumflow_lab.cell.options import shown
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.errors import (
    BadDecorator,
    BadOption,
    MagicLineError,
    UndeclaredNeed,
)
from quantumflow_lab.workflow import Workflow


def workflow(name: str, *functions: StepFunction, **assignments: Any) -> Workflow:
    """Make a workflow of decorated functions.

    Parameters
    ----------
    name
        Name of the workflow, a Python name.
    *functions
        Functions under ``@qf.circuit``, ``@qf.sample`` and so on. A parameter name is
        an edge, as in a cell.
    **assignments
        Values and axes that they need. Axes and other values of the functions' own
        module are found there.

    Returns
    -------
    Workflow
        Whose ``source`` is a cell that says the same.

    Raises
    ------
    CellError
        As for a cell.

    Examples
    --------
    >>> import quantumflow_lab as qf
    >>> @qf.step
    ... def double(n):
    ...     return 2 * n
    >>> print(qf.workflow("twice", double, n=21).source)
    n = 21
    <BLANKLINE>
    @qf.step
    def double(n):
        return 2 * n
    <BLANKLINE>
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise MagicLineError(f"{shown(name)} cannot name a workflow; use a Python name")
    for each in functions:
        _check_step(each)
    visible = _visible(functions) | assignments
    # The module's own axis too, where another of its name takes its place.
    named = [*_visible(functions).items(), *assignments.items()]
    named = [(key, value) for key, value in named if isinstance(value, Axis)]
    names = {id(value): key for key, value in named}
    written = {key: line for key, v in assignments.items() if (line := _line(key, v))}
    blocks = ["from __future__ import annotations"] if _postponed(functions) else []
    blocks += ["\n".join(written.values())] if written else []
    blocks += [_text(each, names) for each in functions]
    source = "\n\n".join(block.strip("\n") for block in blocks) + "\n"
    axes = [key for key in names.values() if key not in written]
    read = read_cell(source, name, axes=axes, file=f"workflow '{name}'")
    _refuse_silent(read, assignments)
    needed = [*(each.name for each in read.inputs), *read.axis_names]
    return Workflow(
        **{field: getattr(read, field) for field in Workflow.__dataclass_fields__}
        | {
            "live": MappingProxyType(
                {
                    "functions": {each.name: each for each in functions},
                    "values": {key: assignments[key] for key in written},
                    "scope": {key: visible[key] for key in needed if key in visible},
                    "aliases": names,
                    "named": named,  # keeps the axes alive whose ids are the keys
                }
            )
        }
    )


def _check_step(function: object) -> None:
    if not isinstance(function, StepFunction):
        raise BadDecorator(
            f"{shown(function)} is no step; put @qf.step, @qf.circuit or another "
            "decorator above the function"
        )
    if not function.name.isidentifier():
        raise BadDecorator("a step needs a name; write it with def")


def _postponed(functions: tuple[StepFunction, ...]) -> bool:
    """Whether any of these functions has annotations that are not evaluated."""
    flag = __future__.annotations.compiler_flag
    plain = [inspect.unwrap(each.function) for each in functions]
    known = [each for each in plain if isinstance(each, FunctionType)]
    return any(each.__annotations__ and each.__code__.co_flags & flag for each in known)


def _visible(functions: tuple[StepFunction, ...]) -> dict[str, Any]:
    """Names that the functions see: globals of their modules, and closures."""
    visible: dict[str, Any] = {}
    for each in functions:
        plain = inspect.unwrap(each.function)
        if isinstance(plain, FunctionType):
            found = closure_vars(plain)
            visible |= {**plain.__globals__, **found.nonlocals}
    return {key: value for key, value in visible.items() if not key.startswith("__")}


def _line(name: str, value: Any) -> str | None:
    """An assignment as text, or None for a value that has no literal."""
    if isinstance(value, Axis):
        values = _literal(list(value.values))
        unit = "" if value.unit is None else f", unit={value.unit!r}"
        return None if values is None else f"{name} = qf.axis({values}{unit})"
    text = _literal(value)
    return None if text is None else f"{name} = {text}"


def _literal(value: Any) -> str | None:
    text = repr(value)
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _text(step: StepFunction, axes: Mapping[int, str]) -> str:
    """Source of a step, with its decorator under the name it has in a cell."""
    try:
        source = textwrap.dedent(inspect.getsource(step.function))
    except (OSError, TypeError):
        raise BadDecorator(
            f"the source of step '{step.name}' is not to be found; define it in a file "
            "or in a notebook"
        ) from None
    # Read as the body of a cell, so that places are counted as everywhere.
    cell = CellText(source)
    node = cell.tree.body[0]
    if not isinstance(node, ast.FunctionDef):
        raise BadDecorator("a step needs a name; write it with def")
    body = "\n".join(cell.lines[node.lineno - 1 :])
    others = node.decorator_list
    ours = others[0] if others and _is_ours(others[0], step) else None
    if ours is not None:
        others = others[1:]
    head = [_decorator(cell, ours, step, axes)]
    return "\n".join(head + [f"@{ast.unparse(each)}" for each in others] + [body])


def _is_ours(decorator: ast.expr, step: StepFunction) -> bool:
    func = decorator.func if isinstance(decorator, ast.Call) else decorator
    last = func.attr if isinstance(func, ast.Attribute) else ast.unparse(func)
    plain = inspect.unwrap(step.function)
    found = getattr(plain, "__globals__", {}).get(last)
    return last == step.kind or getattr(found, "kind", None) == step.kind


def _decorator(
    cell: CellText, node: ast.expr | None, step: StepFunction, axes: Mapping[int, str]
) -> str:
    head = f"@qf.{step.kind}"
    if isinstance(node, ast.Call):
        keywords = [f"{k.arg}={cell.text(cell.span(k.value))}" for k in node.keywords]
        return f"{head}({', '.join(keywords)})" if keywords else head
    if node is not None or not step.options:
        return head
    options = [f"{name}={_source(v, axes)}" for name, v in step.options.items()]
    return f"{head}({', '.join(options)})"


def _source(value: Any, axes: Mapping[int, str]) -> str:
    """An option's value as text, for a step that was decorated by a call."""
    if isinstance(value, Axis) and id(value) in axes:
        return axes[id(value)]
    if isinstance(value, (Name, StepFunction)):
        return value.name
    if isinstance(value, Mapping):
        items = (f"{key!r}: {_source(each, axes)}" for key, each in value.items())
        return "{" + ", ".join(items) + "}"
    if type(value) in (list, tuple):
        return "[" + ", ".join(_source(each, axes) for each in value) + "]"
    if (text := _literal(value)) is None:
        message = f"the option {shown(value)} has no text; use @qf. above the function"
        raise BadOption(message)
    return text


def _refuse_silent(read: Workflow, assignments: Mapping[str, Any]) -> None:
    """Functions of a module see what the workflow is given only if they ask."""
    for step in read.steps:
        for name in step.reads:
            if name in assignments:
                raise UndeclaredNeed(
                    f"step '{step.name}' reads '{name}' from its module, not from the "
                    f"workflow; make '{name}' a parameter of it",
                    step=step.name,
                    need=name,
                )
