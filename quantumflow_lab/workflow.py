"""Workflow, steps, axes: frozen values, and the ``qflow/1`` document they travel as.

A workflow is what the text of a cell says, found without running any of it. Lines are
counted from 1 with the magic line as line 1, so the body starts on line 2; columns are
counted in characters from 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, Literal, Self, get_args

from quantumflow_lab.document import FORMAT, decode, encode, parse
from quantumflow_lab.errors import UnknownStep, did_you_mean

Kind = Literal["circuit", "observable", "sample", "estimate", "step"]
KINDS: tuple[Kind, ...] = get_args(Kind)
INJECTED = ("sampler", "estimator", "rng", "backend")
"""Needs that the lab itself provides."""

InputKind = Literal[
    "unbound", "value", "live", "function", "class", "module", "run", "backend"
]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the cell's text."""

    line: int
    """First line."""
    column: int
    """First character in the first line."""
    end_line: int
    """Last line, included."""
    end_column: int
    """Character after the last one, in the last line."""


@dataclass(frozen=True, slots=True)
class Option:
    """One keyword of a step's decorator."""

    name: str
    source: str
    """Text of the value."""
    names: tuple[str, ...]
    """Names that the value reads: axes, steps, assignments, notebook variables."""
    span: Span
    """Where the value stands."""


@dataclass(frozen=True, slots=True)
class Step:
    """One decorated function."""

    name: str
    kind: Kind
    needs: tuple[str, ...]
    """Parameters without default: steps, axes, assignments and inputs, in order."""
    injected: tuple[str, ...]
    """Parameters the lab provides: of ``sampler estimator rng backend``, in order."""
    defaults: tuple[tuple[str, str], ...]
    """Private parameters and the text of their default."""
    options: tuple[Option, ...]
    over: tuple[str, ...]
    """Axes whose values arrive together, as lists."""
    map: str | None
    """Need whose elements the step runs over, which names the axis."""
    reads: tuple[str, ...]
    """Global names that the body reads without asking, builtins left out."""
    code: str
    """Text of the function, without its decorators."""
    code_hash: str
    """Hash of the function, blind to comments, blank lines and decorators."""
    span: Span
    """Where it stands, decorators included."""

    def option(self, name: str) -> Option | None:
        """The option of that name, if given."""
        return next((each for each in self.options if each.name == name), None)

    @property
    def quantum(self) -> bool:
        """True if it runs circuits: by its kind, or through an injected primitive."""
        primitives = {"sampler", "estimator"} & set(self.injected)
        return self.kind in ("sample", "estimate") or bool(primitives)

    @property
    def option_names(self) -> tuple[str, ...]:
        """Names that any option reads, ``over`` and ``map`` apart."""
        options = [each for each in self.options if each.name not in ("over", "map")]
        return tuple(dict.fromkeys(name for each in options for name in each.names))


@dataclass(frozen=True, slots=True)
class AxisDeclaration:
    """``NAME = qf.axis(...)`` in a cell, or an axis taken from the notebook."""

    name: str
    source: str
    """Text of the right-hand side; empty for an axis from the notebook."""
    names: tuple[str, ...]
    """Names that the right-hand side reads."""
    span: Span | None
    """Where the statement stands, or None for an axis from the notebook."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """``NAME = expression`` at the top level."""

    name: str
    source: str
    """Text of the right-hand side."""
    names: tuple[str, ...]
    """Names that the right-hand side reads."""
    literal: bool
    """True for a dial: one name, and a literal to its right."""
    span: Span
    """Where the statement stands."""
    value_span: Span
    """Where the right-hand side stands."""


@dataclass(frozen=True, slots=True)
class Helper:
    """A function or class of the cell that is no step."""

    name: str
    reads: tuple[str, ...]
    """Global names that it reads, builtins left out."""
    code_hash: str
    span: Span


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement at the top level."""

    names: tuple[str, ...]
    """Names it binds."""
    source: str
    span: Span


@dataclass(frozen=True, slots=True)
class Input:
    """A notebook name that the cell reads."""

    name: str
    kind: InputKind = "unbound"
    """What it was at the start; ``live`` is a value that could not be copied."""
    fingerprint: str | None = None
    summary: str | None = None
    """What to show of it, such as ``ndarray (3, 4) float64``."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the text of a cell says.

    Examples
    --------
    >>> cell = '''
    ... @qf.circuit
    ... def bell():
    ...     ...
    ... @qf.sample(shots=100)
    ... def counts(bell):
    ...     return bell
    ... '''
    >>> bell = Workflow.from_source(cell, "bell")
    >>> [(step.name, step.kind, step.needs) for step in bell.steps]
    [('bell', 'circuit', ()), ('counts', 'sample', ('bell',))]
    >>> Workflow.from_json(bell.to_json()) == bell
    True
    """

    name: str
    source: str
    """Text below the magic line."""
    steps: tuple[Step, ...]
    """In the order of the cell."""
    axes: tuple[AxisDeclaration, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    helpers: tuple[Helper, ...] = ()
    imports: tuple[Import, ...] = ()
    inputs: tuple[Input, ...] = ()
    """Notebook names that the cell reads: needs first, then names of bodies."""
    file: str = field(default="cell", compare=False)
    """What messages call the cell, such as ``Cell In[8]``."""
    filename: str | None = field(default=None, compare=False, repr=False)
    """File name to compile under, such as the one IPython gave the cell."""
    first_line: int = field(default=1, compare=False)
    """Line of the magic line in that file."""
    live: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Function objects and values of :func:`quantumflow_lab.workflow`."""

    @classmethod
    def from_source(
        cls,
        text: str,
        name: str | None = None,
        *,
        known: Iterable[str] | None = None,
        file: str = "cell",
        filename: str | None = None,
        first_line: int = 1,
    ) -> Workflow:
        """Read a cell without running it.

        Parameters
        ----------
        text
            The cell, with or without its ``%%qflow`` line.
        name
            Name of the workflow; without it, the magic line must give one.
        known
            Names of the notebook. If given, needs and names that neither the cell nor
            the notebook has are refused; ``quantumflow_lab.cell.bind`` does so
            in any case.
        file
            What messages call the cell, such as ``Cell In[8]``.
        filename
            What the cell is compiled under, so that tracebacks find its text.
        first_line
            Line of the file on which `text` begins.

        Raises
        ------
        CellError
            Naming the line, the nearest match and what to type instead.
        """
        # Late: the reader is built from the values of this module.
        from quantumflow_lab.cell import read_cell

        return read_cell(
            text,
            name,
            known=known,
            file=file,
            filename=filename,
            first_line=first_line,
        )

    def step(self, name: str) -> Step:
        """The step of that name.

        Raises
        ------
        UnknownStep
            Naming the nearest one.
        """
        for each in self.steps:
            if each.name == name:
                return each
        hint = did_you_mean(name, self.step_names)
        raise UnknownStep(f"workflow '{self.name}' has no step '{name}'{hint}")

    @property
    def step_names(self) -> tuple[str, ...]:
        """Names of the steps, in the order of the cell."""
        return tuple(step.name for step in self.steps)

    @property
    def axis_names(self) -> tuple[str, ...]:
        """Names of the declared axes, without those of ``map`` and ``backend``."""
        return tuple(axis.name for axis in self.axes)

    def edges(self, step: str) -> tuple[str, ...]:
        """Steps whose value this step takes, as a parameter or in an option."""
        this = self.step(step)
        names = dict.fromkeys(this.needs + this.option_names)
        return tuple(name for name in names if name in self.step_names)

    def order(self) -> tuple[str, ...]:
        """Steps sorted so that each comes after the ones it needs."""
        graph = {step.name: self.edges(step.name) for step in self.steps}
        return tuple(TopologicalSorter(graph).static_order())

    def inputs_of(self, step: str) -> tuple[str, ...]:
        """Notebook names the step depends on: itself, by helpers or by assignments."""
        known = {each.name: each.reads for each in self.helpers}
        known |= {each.name: each.names for each in self.assignments}
        known |= {each.name: each.names for each in self.axes}
        this = self.step(step)
        open_names, seen = [*this.needs, *this.option_names, *this.reads], set[str]()
        while open_names:
            name = open_names.pop()
            if name not in seen:
                seen.add(name)
                open_names.extend(known.get(name, ()))
        return tuple(each.name for each in self.inputs if each.name in seen)

    def dims(self, step: str) -> tuple[str, ...]:
        """Axes the step runs over in a run on one backend.

        See ``quantumflow_lab.dims.step_dims`` for a run on several.
        """
        from quantumflow_lab.dims import step_dims

        self.step(step)
        return step_dims(self)[step]

    def to_document(self) -> dict[str, Any]:
        """The workflow as a ``qflow/1`` document: plain JSON values."""
        return {"format": FORMAT, **encode(self)}

    def to_json(self, *, indent: int | None = None) -> str:
        """The document as text."""
        return json.dumps(self.to_document(), ensure_ascii=False, indent=indent)

    @classmethod
    def from_json(cls, document: str | bytes | Mapping[str, Any]) -> Self:
        """Read a document, as text or already parsed.

        Raises
        ------
        BadDocument
            If it is not a ``qflow/1`` document, or a newer one.
        """
        return decode(cls, parse(document))
