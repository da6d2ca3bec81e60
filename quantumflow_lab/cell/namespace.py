"""The namespace in which the top level of a cell is evaluated.

It has ``qf``, the inputs and nothing else of the notebook. Statements are compiled one
by one, under the user's file name and line numbers, so that values given from outside
can take the place of assignments.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import hashlib
import linecache
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from quantumflow_lab.cell.declare import Axis, Name, StepFunction, axis
from quantumflow_lab.cell.inputs import Captured
from quantumflow_lab.cell.names import NOTEBOOK, bound_names
from quantumflow_lab.cell.reading import Parts
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.errors import BadAxis, BadOption, QuantumFlowError, Where
from quantumflow_lab.workflow import Step, Workflow

FIXED = ("backend", "retries", "timeout", "calls", "cache", "partial")
"""Options that are the same at every point, so that no axis or step can be in them."""


@dataclass
class CellNames:
    """The namespace of a cell while it is being filled."""

    cell: CellText
    workflow: Workflow
    set: dict[str, Any]
    namespace: Mapping[str, Any]
    taken: Mapping[str, Captured]
    scope: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.globals: dict[str, Any] = {
            "__name__": self.namespace.get("__name__", "__main__"),
            "qf": sys.modules["quantumflow_lab"],
        }
        for name in NOTEBOOK:
            # IPython has some of them among the builtins while a cell runs, not later.
            if name in self.namespace or hasattr(builtins, name):
                given = self.namespace.get(name, getattr(builtins, name, None))
                self.globals[name] = given
        self.globals |= {name: each.value for name, each in self.taken.items()}
        for each in self.workflow.axes:
            if each.span is None:
                self._put(each.name, replace(self.scope[each.name], name=each.name))

    def execute(self, parts: Parts, filename: str) -> None:
        """Evaluate the top level, statement by statement."""
        __tracebackhide__ = True
        source = "\n" * self.cell.first_line + self.cell.body
        tree = ast.parse(source, filename)
        flags = _future_flags(tree)
        for statement, known in zip(tree.body, self.cell.tree.body, strict=True):
            names = bound_names(known)
            if isinstance(known, (ast.Assign, ast.AnnAssign)) and self._all_set(names):
                self.globals |= {name: self.set[name] for name in names}
                continue
            module = ast.Module([statement], type_ignores=[])
            code = compile(module, filename, "exec", flags, dont_inherit=True)
            with self._placed(known, names):
                exec(code, self.globals)  # noqa: S102  # the user's own cell
                for name in names:
                    self._put(name, self.globals[name])

    def adopt(self, values: Mapping[str, Any]) -> None:
        """Take the values of a workflow that was made of functions."""
        for name, value in values.items():
            self._put(name, value)

    def _all_set(self, names: tuple[str, ...]) -> bool:
        plain = [name for name in names if name not in self.workflow.axis_names]
        return bool(plain) and all(name in self.set for name in names)

    def _put(self, name: str, value: Any) -> None:
        if isinstance(value, Axis):
            value = replace(value, name=name)
            if name in self.set:
                values = self.set[name]
                single = isinstance(values, str) or not hasattr(values, "__iter__")
                given = axis([values] if single else values, value.unit)
                _refuse_text(name, value, given)
                value = replace(given, name=name)
            elif name not in self.workflow.axis_names:
                raise BadAxis(
                    f"'{name}' is an axis, which only a line of its own can make; "
                    f"write {name} = qf.axis(...)",
                    name=name,
                )
        elif name in self.workflow.axis_names:
            raise BadAxis(
                f"'{name}' is no axis; write {name} = qf.axis(...)", name=name
            )
        elif name in self.set:
            value = self.set[name]
        self.globals[name] = value

    @contextmanager
    def _placed(self, statement: ast.stmt, names: tuple[str, ...]) -> Iterator[None]:
        """Tell the line with errors of ours that do not know it."""
        __tracebackhide__ = True
        try:
            yield
        except TypeError as error:
            read = {
                each.id for each in ast.walk(statement) if isinstance(each, ast.Name)
            }
            axes = sorted(read & {*self.workflow.axis_names} - {*names})
            if not axes or isinstance(statement, ast.FunctionDef):
                raise
            raise BadAxis(
                f"this line computes with axis '{axes[0]}', which has one value only "
                f"at a point: compute in a step ({error})",
                where=self.cell.where(statement),
                axis=axes[0],
            ) from error
        except QuantumFlowError as error:
            if error.where is not None:
                raise
            where = self.cell.where(statement)
            steps = {step.name: step for step in self.workflow.steps}
            if names and names[0] in steps:
                where = self._where_option(steps[names[0]], error.facts.get("option"))
            raise type(error)(error.message, where=where, **error.facts) from None

    def _where_option(self, step: Step, option: object) -> Where:
        found = step.option(str(option))
        return self.cell.where(step.span if found is None else found.span)

    def options(
        self, step: Step, options: Mapping[str, Any], aliases: Mapping[int, str]
    ) -> Mapping[str, Any]:
        """Options of a step with references in the place of axes and steps.

        Raises
        ------
        BadOption
            If an option that is the same at every point names an axis or a step.
        """
        kept = {}
        for name, value in options.items():
            if name in ("over", "map") or value is None:
                continue
            kept[name] = _references(value, aliases)
            if name in FIXED and (found := next(_find(kept[name]), None)):
                better = (
                    'write the list itself, backend=["a", "b"]'
                    if name == "backend"
                    else "give one value"
                )
                raise BadOption(
                    f"step '{step.name}' has {name}={found.name}, but {name} is the "
                    f"same at every point; {better}",
                    where=self._where_option(step, name),
                    option=name,
                )
        return kept


def own_file(cell: CellText) -> str:
    """A file name whose source tracebacks and inspect find in linecache."""
    text = "\n" * (cell.first_line - 1) + "\n".join(cell.lines)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    file = f"<qflow {cell.name} {digest}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return file


def _references(value: Any, aliases: Mapping[int, str]) -> Any:
    """Axes and steps in an option's value by their names."""
    if isinstance(value, (Axis, StepFunction)):
        return Name(aliases.get(id(value), value.name))
    if isinstance(value, Mapping):
        return {key: _references(each, aliases) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_references(each, aliases) for each in value)
    return value


def _find(value: Any) -> Iterator[Name]:
    if isinstance(value, Name):
        yield value
    elif isinstance(value, Mapping):
        yield from (name for each in value.values() for name in _find(each))
    elif isinstance(value, (list, tuple)):
        yield from (name for each in value for name in _find(each))


def _future_flags(tree: ast.Module) -> int:
    """Compiler flags of the cell's own ``from __future__`` imports, and no others."""
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for each in node.names:
                flags |= getattr(__future__, each.name).compiler_flag
    return flags


def _refuse_text(name: str, axis: Axis, given: Axis) -> None:
    """An axis of numbers takes no text, which would fail in the middle of the run."""
    texts = [each for each in given.values if isinstance(each, str)]
    if texts and all(isinstance(each, int | float | complex) for each in axis.values):
        raise BadOption(
            f"--set gives axis '{name}' the text {texts[0]!r}, but it has numbers in "
            f'this cell; write Python literals, such as --set "{name}=[0, 0.5]"',
            option="set",
            name=name,
        )
