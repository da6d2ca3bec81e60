"""What is wrong with a cell as a whole, told before anything runs.

The checks go in an order that names the cause and not its echo: a misspelt need is
told before the names that it leaves unknown, and a circle before the axes in it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError

from quantumflow_lab.cell.inputs import refuse_secret_text
from quantumflow_lab.cell.names import USUAL_IMPORTS, bound_names, first_use
from quantumflow_lab.cell.option_hints import check_step_options
from quantumflow_lab.cell.reading import Parts, parameters
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.errors import (
    BadOption,
    DuplicateStep,
    HiddenNeed,
    NeedCycle,
    UndeclaredNeed,
    UnknownName,
    UnknownNeed,
    Where,
    did_you_mean,
)
from quantumflow_lab.workflow import INJECTED, Step, Workflow


def check_cell(
    text: CellText, parts: Parts, workflow: Workflow, known: Iterable[str] | None
) -> None:
    """Raise the first fault of a cell.

    Parameters
    ----------
    text, parts, workflow
        The cell, its statements, and what they were read as.
    known
        Names of the notebook; None leaves open what the notebook provides.

    Raises
    ------
    CellError
        Naming the line, the nearest match and what to type instead.
    """
    notebook = None if known is None else frozenset(known)
    check = _Check(text, parts, workflow, notebook)
    check.duplicates()
    check.hidden_needs()
    check.unknown_needs()
    check.circles()
    check.undeclared_needs()
    check.unknown_names()
    check.secrets()
    unbound = [each.name for each in workflow.inputs] if notebook is None else []
    check_step_options(text, workflow, unbound)


@dataclass
class _Check:
    text: CellText
    parts: Parts
    workflow: Workflow
    known: frozenset[str] | None

    def __post_init__(self) -> None:
        workflow = self.workflow
        self.what = dict.fromkeys(workflow.axis_names, "axis")
        self.what |= dict.fromkeys(workflow.step_names, "step")
        self.provided = set(self.parts.statements)

    def duplicates(self) -> None:
        package = self.parts.statements.get("qf")
        if package is not None and not isinstance(
            package, (ast.Import, ast.ImportFrom)
        ):
            message = "'qf' is the package in every cell; choose another name"
            raise DuplicateStep(message, where=self.text.where(package))
        for name, earlier, later in self.parts.doubles:
            raise DuplicateStep(
                f"'{name}' is defined in line {self._line(earlier)} and again in "
                f"line {self._line(later)}; a step shares its name with nothing, "
                "rename one",
                where=self.text.where(later),
                step=name,
            )

    def hidden_needs(self) -> None:
        for step, node in self._steps():
            for argument, default in parameters(node):
                name = argument.arg
                if default is not None and name in self._needable():
                    what = self.what.get(name, "value")
                    raise HiddenNeed(
                        f"step '{step.name}' has a default for '{name}', which hides "
                        f"the {what} of that name; write: "
                        f"{signature(node, drop_default=name)}",
                        where=self.text.where(argument),
                        step=step.name,
                        need=name,
                    )

    def unknown_needs(self) -> None:
        if self.known is None:
            return
        for step, node in self._steps():
            for argument, default in parameters(node):
                name = argument.arg
                injected = name in step.injected
                if default is None and not injected and not self._has(name):
                    raise self._unknown_need(step, argument)

    def _unknown_need(self, step: Step, argument: ast.arg) -> UnknownNeed:
        name = argument.arg
        return UnknownNeed(
            f"step '{step.name}' needs '{name}', which nothing in this cell provides"
            f"{self._nearest(name, step.name)}",
            where=self.text.where(argument),
            step=step.name,
            need=name,
        )

    def circles(self) -> None:
        try:
            self.workflow.order()
        except CycleError as error:
            # graphlib names the circle with each step after the one that needs it.
            circle = list(reversed(error.args[1]))
            node = self.parts.nodes[circle[0]]
            raise NeedCycle(
                f"steps need each other in a circle: {' → '.join(circle)}; "
                "take one of these needs away",
                where=self.text.where(node),
                steps=circle,
            ) from None

    def undeclared_needs(self) -> None:
        for step, node in self._steps():
            for name in step.reads:
                if name in self.what or self._is_injection(name):
                    self._refuse_misspelt(step, node, name)
                    what = self.what.get(name)
                    what = f"{what} '{name}'" if what else f"'{name}'"
                    raise UndeclaredNeed(
                        f"step '{step.name}' reads {what} without asking for it; "
                        f"write: {signature(node, add=name)}",
                        where=self._where_read(node, name),
                        step=step.name,
                        need=name,
                    )
        for name, what, reads in self._others():
            for read in reads:
                if message := self._cannot_have(name, what, read):
                    raise UndeclaredNeed(
                        message,
                        where=self._where_read(self.parts.statements[name], read),
                        need=read,
                    )

    def _cannot_have(self, name: str, what: str, read: str) -> str | None:
        """Why a helper, assignment or axis cannot read a name, if so."""
        kind = self.what.get(read)
        if what == "helper" and (kind or self._is_injection(read)):
            shown = f"{kind} '{read}'" if kind else f"'{read}'"
            return (
                f"helper '{name}' reads {shown}, whose value only steps can have; ask "
                f"for it in a step and pass it to '{name}' as an argument"
            )
        if kind == "step":
            return (
                f"{what} '{name}' reads step '{read}', whose value only steps can "
                "have; read it in a step and pass it on"
            )
        return None

    def _refuse_misspelt(self, step: Step, node: ast.FunctionDef, read: str) -> None:
        """A need that resembles what the body reads is the cause: it is misspelt."""
        for argument, default in parameters(node):
            unmet = default is None and argument.arg not in self.provided
            if unmet and get_close_matches(argument.arg, [read]):
                raise self._unknown_need(step, argument)

    def unknown_names(self) -> None:
        if self.known is None:
            return
        for step, node in self._steps():
            self._check_options(step, node)
            for name in step.reads:
                self._check_name(f"step '{step.name}'", name, node)
        for name, what, reads in self._others():
            statement = self.parts.statements[name]
            for read in reads:
                self._check_name(f"{what} '{name}'", read, statement)
                if what != "helper":
                    owner = f"{what} '{name}'"
                    self._check_above(owner, read, statement, statement)

    def secrets(self) -> None:
        for each in self.workflow.assignments:
            if each.literal:
                where = self.text.where(each.span)
                refuse_secret_text(each.name, ast.literal_eval(each.source), where)

    def _check_options(self, step: Step, node: ast.FunctionDef) -> None:
        for option in step.options:
            if option.name in ("over", "map"):
                continue
            for name in option.names:
                owner = f"option {option.name} of step '{step.name}'"
                decorator = node.decorator_list[0]
                self._check_name(owner, name, decorator)
                self._check_above(owner, name, node, decorator)
                self._check_plain(owner, name, option.source, decorator)

    def _check_above(
        self, owner: str, name: str, node: ast.stmt, place: ast.AST
    ) -> None:
        statement = self.parts.first.get(name)
        if statement is not None and statement.lineno >= node.lineno:
            better = f"is defined below it; move '{name}' up"
            if name in bound_names(node):
                better = "it is about to define; give one of the two another name"
            raise UnknownName(
                f"{owner} reads '{name}', which {better}",
                where=self._where_read(place, name),
                name=name,
            )

    def _check_plain(self, owner: str, name: str, source: str, place: ast.AST) -> None:
        """Axes and steps stand for their values only where they stand alone."""
        if name not in self.what:
            return
        for node in ast.walk(ast.parse(source, mode="eval")):
            allowed = (
                ast.Expression,
                ast.List,
                ast.Tuple,
                ast.Dict,
                ast.Load,
                ast.Name,
            )
            if not isinstance(node, (*allowed, ast.Constant, ast.UnaryOp, ast.USub)):
                raise BadOption(
                    f"{owner} computes with {self.what[name]} '{name}'; an option "
                    "takes names, literals, and lists and dicts of them: compute in a "
                    "step",
                    where=self._where_read(place, name),
                    name=name,
                )

    def _check_name(self, owner: str, name: str, node: ast.AST) -> None:
        if self._has(name):
            return
        if name in USUAL_IMPORTS:
            hint = f"; add: {USUAL_IMPORTS[name]}"
        else:
            hint = self._nearest(name)
        raise UnknownName(
            f"{owner} reads '{name}', which is found nowhere{hint}",
            where=self._where_read(node, name),
            name=name,
        )

    def _steps(self) -> Iterator[tuple[Step, ast.FunctionDef]]:
        for step in self.workflow.steps:
            yield step, self.parts.nodes[step.name]

    def _others(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        workflow = self.workflow
        for helper in workflow.helpers:
            reads = tuple(name for name in helper.reads if name != helper.name)
            yield helper.name, "helper", reads
        for each in workflow.assignments:
            yield each.name, "assignment", each.names
        for axis in workflow.axes:
            if axis.span is not None:
                yield axis.name, "axis", axis.names

    def _needable(self) -> set[str]:
        assigned = {each.name for each in self.workflow.assignments}
        return set(self.what) | assigned | set(INJECTED)

    def _is_injection(self, name: str) -> bool:
        # Any notebook may have a variable of that name: bind knows whether it does.
        return self.known is not None and name in INJECTED and not self._has(name)

    def _has(self, name: str) -> bool:
        return name in self.provided or name in (self.known or ())

    def _nearest(self, name: str, step: str = "") -> str:
        """The nearest name of cell or notebook; else the names of the cell."""
        public = [each for each in self.known or () if not each.startswith("_")]
        # Short words such as rng resemble too much to be offered lightly.
        if near := get_close_matches(name, INJECTED, n=1, cutoff=0.76):
            return did_you_mean(name, near)
        for names in (self.provided - {step}, public):
            if near := get_close_matches(name, sorted(names), n=1):
                return did_you_mean(name, near)
        return did_you_mean(name, self._needable() - {step, *INJECTED})

    def _line(self, node: ast.stmt) -> int:
        return self.text.where(node).line

    def _where_read(self, node: ast.AST, name: str) -> Where:
        return self.text.where(first_use(node, name) or node)


def signature(
    node: ast.FunctionDef, *, add: str | None = None, drop_default: str | None = None
) -> str:
    """The first line of a function as it should be: with a need added or laid bare."""
    pairs: Mapping[str, ast.expr | None] = {
        argument.arg: default for argument, default in parameters(node)
    }
    needs = [n for n, default in pairs.items() if default is None or n == drop_default]
    needs += [add] if add is not None else []
    private = [
        f"{n}={ast.unparse(default)}"
        for n, default in pairs.items()
        if default is not None and n != drop_default
    ]
    return f"def {node.name}({', '.join(needs + private)}):"
