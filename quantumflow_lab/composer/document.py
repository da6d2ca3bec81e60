"""What the view draws of a cell: its text, taken apart, as plain JSON."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError
from typing import Any, Literal

from quantumflow_lab.cell import no_steps, read_cell
from quantumflow_lab.cell.magic_line import MAGIC_OPTIONS, MODES, POLICIES
from quantumflow_lab.cell.options import RULES
from quantumflow_lab.cell.reading import parameters
from quantumflow_lab.composer.counting import axis_size, axis_unit, listed
from quantumflow_lab.composer.gates import gates_of
from quantumflow_lab.dims import stated_backends, step_dims
from quantumflow_lab.edit import Source, magic_option
from quantumflow_lab.errors import BadAxis, QuantumFlowError
from quantumflow_lab.workflow import Assignment, Option, Step, Workflow

FieldKind = Literal["text", "int", "float", "choice"]

MAGIC_KINDS: dict[str, FieldKind] = {
    "backend": "text",
    "shots": "int",
    "seed": "int",
    "budget": "text",
    "deadline": "text",
    "policy": "choice",
    "mode": "choice",
    "precision": "float",
    "among": "text",
}
_STEP_KINDS: dict[str, FieldKind] = {
    "shots": "int",
    "precision": "float",
    "optimization_level": "choice",
    "calls": "int",
    "retries": "int",
    "timeout": "float",
    "cache": "choice",
    "partial": "choice",
}
_STEP_CHOICES = {
    "optimization_level": ["0", "1", "2", "3"],
    "cache": ["True", "False"],
    "partial": ["True", "False"],
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a document says beside the text: the notebook and the backends."""

    names: Collection[str] | None = None
    """Names of the notebook; None if nobody knows them."""
    axes: Mapping[str, int] = field(default_factory=dict)
    """Size of each axis of the notebook."""
    backends: Sequence[str] = ()
    summary: Callable[[str], str | None] = lambda name: None
    """What to show of a notebook's value."""
    code: Collection[str] = ()
    """Names of modules, classes and functions, which are not drawn as inputs."""

    def has(self, name: str) -> bool:
        """Whether the notebook may have this name.

        What a step asks for and nothing has, such as a step that was removed, is no
        input: the reader says that it is missing.
        """
        return self.names is None or name in self.names


@dataclass(frozen=True, slots=True)
class Problem:
    """What the reader says is wrong."""

    message: str
    line: int | None = None
    step: str | None = None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"message": self.message, "line": self.line, "step": self.step}


@dataclass(frozen=True, slots=True)
class Reading:
    """A cell as read: what it says, and what is wrong with it."""

    text: str
    workflow: Workflow | None
    """None if the text cannot be taken apart."""
    problem: Problem | None
    """Why it cannot run; None if nothing is known against it."""


def read(text: str, around: Surroundings = Surroundings()) -> Reading:
    """Read a cell, and find out whether it could run here.

    Examples
    --------
    >>> read("%%qflow bell\\n").problem.message[:29]
    "cell 'bell' has no step; put "
    """
    try:
        workflow = read_cell(text, check=False)
    except QuantumFlowError as error:
        return Reading(text, None, _problem(error, None))
    try:
        known = around.names
        if known is not None:
            known = [name for name in known if not name.startswith("__")]
        full = read_cell(text, known=known, axes=around.axes)
        if not full.steps:
            raise no_steps(full.name)
    except QuantumFlowError as error:
        return Reading(text, workflow, _problem(error, workflow))
    return Reading(text, full, None)


def _problem(error: QuantumFlowError, workflow: Workflow | None) -> Problem:
    line = None if error.where is None else error.where.line
    step = error.facts.get("step")
    if step is None and workflow is not None and line is not None:
        at = line - workflow.first_line + 1
        inside = (s for s in workflow.steps if s.span.line <= at <= s.span.end_line)
        step = next((each.name for each in inside), None)
    return Problem(error.message, line, None if step is None else str(step))


def cell_document(
    reading: Reading,
    around: Surroundings = Surroundings(),
    last: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The trait ``cell`` of the view, but for its revision.

    Parameters
    ----------
    reading
        From :func:`read`.
    around
        The notebook and the backends.
    last
        The document of the last text that could be read, whose steps are shown while
        this one cannot.
    """
    problem, workflow = reading.problem, reading.workflow
    head = {
        "text": reading.text,
        "readable": workflow is not None,
        "problems": [] if problem is None else [problem.document()],
    }
    if workflow is None:
        empty: dict[str, Any] = {"name": "", "options": [], "inputs": []}
        empty |= {"dials": [], "axes": [], "steps": []}
        kept = {key: (last or empty)[key] for key in empty}
        return {**head, **kept}
    source = Source(reading.text)
    sizes = _sizes(source, workflow, around)
    return {
        **head,
        "name": workflow.name,
        "options": _options(source, around),
        "dials": [_dial(each) for each in workflow.assignments],
        "axes": [
            {
                "name": each.name,
                "text": each.source,
                "count": sizes.get(each.name),
                "unit": axis_unit(each.source),
            }
            for each in workflow.axes
        ],
        "inputs": [
            {
                "name": each.name,
                "summary": around.summary(each.name),
                "code": each.name in around.code,
            }
            for each in workflow.inputs
            if around.has(each.name)
        ],
        "steps": _steps(source, workflow, sizes, problem, around),
    }


def _options(source: Source, around: Surroundings) -> list[dict[str, Any]]:
    hints = {each.name.removeprefix("--"): each.help for each in MAGIC_OPTIONS}
    backends = list(around.backends)
    choices = {
        "backend": backends,
        "among": backends,
        "policy": list(POLICIES),
        "mode": list(MODES),
    }
    return [
        {
            "name": name,
            "text": magic_option(source, name),
            "kind": kind,
            "choices": choices.get(name, []),
            "hint": hints[name],
        }
        for name, kind in MAGIC_KINDS.items()
    ]


def _dial(assignment: Assignment) -> dict[str, Any]:
    kind = "other"
    if assignment.literal:
        value = ast.literal_eval(assignment.source)
        kinds = {bool: "bool", int: "int", float: "float", str: "text"}
        kind = kinds.get(type(value), "other")
    return {"name": assignment.name, "text": assignment.source, "kind": kind}


def _sizes(
    source: Source, workflow: Workflow, around: Surroundings
) -> dict[str, int | None]:
    literals = {a.name: a.source for a in workflow.assignments if a.literal}
    sizes = {
        each.name: (
            around.axes.get(each.name)
            if each.span is None
            else axis_size(each.source, literals)
        )
        for each in workflow.axes
    }
    backends = listed(magic_option(source, "backend"))
    return {**sizes, "backend": len(backends) or None}


def _steps(
    source: Source,
    workflow: Workflow,
    sizes: Mapping[str, int | None],
    problem: Problem | None,
    around: Surroundings,
) -> list[dict[str, Any]]:
    dims = _dims(workflow, listed(magic_option(source, "backend")))
    own = stated_backends(workflow)
    found = []
    for step in workflow.steps:
        mine = own.get(step.name)
        here = {**sizes, "backend": len(mine)} if isinstance(mine, tuple) else sizes
        found.append(
            {
                "name": step.name,
                "kind": step.kind,
                "needs": _asked(source, step),
                "edges": list(workflow.edges(step.name)),
                "injected": list(step.injected),
                "inputs": [n for n in workflow.inputs_of(step.name) if around.has(n)],
                "options": _step_options(step, workflow, around),
                "dims": [[axis, here.get(axis) or None] for axis in dims[step.name]],
                "code": step.code,
                "line": step.span.line + workflow.first_line - 1,
                "problem": _of_step(problem, step),
                "gates": _gates(step),
            }
        )
    return found


def _dims(workflow: Workflow, backends: Sequence[str]) -> dict[str, tuple[str, ...]]:
    try:
        return step_dims(workflow, backends)
    except (BadAxis, CycleError):
        # The reader tells; steps in a circle run over nothing.
        return dict.fromkeys(workflow.step_names, ())


def _asked(source: Source, step: Step) -> list[str]:
    pairs = parameters(source.step(step.name))
    return [each.arg for each, default in pairs if default is None]


def _of_step(problem: Problem | None, step: Step) -> str | None:
    mine = problem is not None and problem.step == step.name
    return problem.message if problem is not None and mine else None


def _gates(step: Step) -> dict[str, Any] | None:
    circuit = gates_of(step.code) if step.kind == "circuit" else None
    return None if circuit is None else circuit.document()


def _step_options(
    step: Step, workflow: Workflow, around: Surroundings
) -> list[dict[str, Any]]:
    choices: dict[str, list[str]] = {**_STEP_CHOICES}
    choices["backend"] = [f'"{name}"' for name in around.backends]
    maps = [each.map for each in workflow.steps if each.map]
    axes = dict.fromkeys([*workflow.axis_names, *maps, "backend"])
    choices["over"] = [f'"{name}"' for name in axes]
    choices["map"] = [f'"{name}"' for name in workflow.edges(step.name)]
    return [
        {
            "name": rule.name,
            "text": _source(step.option(rule.name)),
            "kind": _STEP_KINDS.get(rule.name, "text"),
            "choices": choices.get(rule.name, []),
            "hint": rule.help,
        }
        for rule in RULES
        if step.kind in rule.kinds
    ]


def _source(option: Option | None) -> str | None:
    return None if option is None else option.source


def with_revision(
    document: Mapping[str, Any],
    revision: int,
    *,
    can_undo: bool,
    can_redo: bool,
    ran: bool = False,
) -> dict[str, Any]:
    """The document as the view gets it; `ran` if the run shown is of this very text."""
    state = {"revision": revision, "can_undo": can_undo, "can_redo": can_redo}
    return {**document, **state, "ran": ran}
