"""A workflow as JSON: circuits and observables as data, steps that name them.

It becomes the text of a cell that consists of our own words, and values that go in as
inputs, as those of a notebook do. Nothing that somebody sends is ever part of that text
but names, which are checked, and numbers.
"""

from __future__ import annotations

import base64
import binascii
import keyword
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from quantumflow_lab.errors import BadDocument, CircuitTooLarge, did_you_mean

WORD = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
_TAKEN = frozenset(("qf", "sampler", "estimator", "rng", "backend", "over", "map"))
"""Names that mean something else in a cell."""


def _usable(name: str) -> str:
    if keyword.iskeyword(name) or name in _TAKEN or name.startswith("qflow_"):
        raise ValueError(f"{name!r} means something else; choose another name")
    return name


Word = Annotated[str, StringConstraints(pattern=WORD), AfterValidator(_usable)]
"""A name that is one in Python, too."""
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=128)]


class Strict(BaseModel):
    """Refuses fields that it does not know, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CircuitSource(Strict):
    """One circuit."""

    format: Literal["qasm3", "qasm2", "qpy"]
    source: str = Field(
        min_length=1,
        description="The text, or for qpy the bytes of the file as base64.",
        examples=[
            (
                'OPENQASM 3.0; include "stdgates.inc"; input float theta; qubit q; '
                "bit c; ry(theta) q; c = measure q;"
            )
        ],
    )

    def content(self) -> bytes:
        """What it says, as bytes.

        Raises
        ------
        BadDocument
            If QPY does not come as base64.
        """
        if self.format != "qpy":
            return self.source.encode("utf-8", "replace")
        try:
            return base64.b64decode(self.source, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadDocument(
                f"a circuit in QPY comes as base64: {error}; send "
                "base64.b64encode(data).decode()"
            ) from error


class AxisOf(Strict):
    """A parameter that takes the values of an axis."""

    axis: Word


class AxisValues(Strict):
    """Values that steps run over."""

    values: list[Number] = Field(min_length=1, max_length=100_000)
    unit: Annotated[str, StringConstraints(max_length=32)] | None = None


Observable = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[IXYZ]{1,1024}$")], Number],
    Field(min_length=1, max_length=100_000),
]
"""Pauli strings and their coefficients; qubit 0 stands to the right."""


class DeclaredStep(Strict):
    """Counts of a circuit, or expectation values of observables in its state."""

    name: Word
    kind: Literal["sample", "estimate"]
    circuit: Word
    observables: list[Word] = Field(default_factory=list, max_length=1000)
    parameters: dict[Text, Number | AxisOf] = Field(
        default_factory=dict, max_length=10_000
    )
    backend: Text | None = None
    shots: int | None = Field(default=None, ge=1, le=10**9)
    precision: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    optimization_level: int | None = Field(default=None, ge=0, le=3)
    timeout: float | None = Field(
        default=None, gt=0, le=86_400, allow_inf_nan=False, description="Seconds."
    )

    @model_validator(mode="after")
    def _check_kind(self) -> DeclaredStep:
        if self.kind == "estimate" and not self.observables:
            raise ValueError("an estimate step names at least one observable")
        if self.kind == "sample" and self.observables:
            raise ValueError("a sample step has no observables; make it an estimate")
        if self.kind == "sample" and self.precision is not None:
            raise ValueError("a sample step has shots, not a precision")
        return self

    @property
    def axes(self) -> list[str]:
        """Axes that it runs over, in the order of its parameters."""
        used = (v.axis for v in self.parameters.values() if isinstance(v, AxisOf))
        return list(dict.fromkeys(used))


BELL: dict[str, Any] = {
    "format": "qflow-steps/1",
    "circuits": {
        "turned": {
            "format": "qasm3",
            "source": (
                'OPENQASM 3.0; include "stdgates.inc"; input float theta; '
                "qubit[2] q; ry(theta) q[0]; cx q[0], q[1];"
            ),
        }
    },
    "observables": {"zz": {"ZZ": 1.0}, "energy": {"XX": 0.5, "ZZ": -0.5}},
    "axes": {"theta": {"values": [0.0, 0.5, 1.0], "unit": "rad"}},
    "steps": [
        {
            "name": "values",
            "kind": "estimate",
            "circuit": "turned",
            "observables": ["zz", "energy"],
            "parameters": {"theta": {"axis": "theta"}},
            "precision": 0.02,
        }
    ],
}


class Declared(Strict):
    """A workflow without code."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [BELL]}
    )

    format: Literal["qflow-steps/1"] = "qflow-steps/1"
    circuits: dict[Word, CircuitSource] = Field(min_length=1, max_length=1000)
    observables: dict[Word, Observable] = Field(default_factory=dict, max_length=1000)
    axes: dict[Word, AxisValues] = Field(default_factory=dict, max_length=16)
    steps: list[DeclaredStep] = Field(min_length=1, max_length=256)

    @model_validator(mode="after")
    def _check_names(self) -> Declared:
        names = [*self.axes, *(step.name for step in self.steps)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' names two axes or steps")
        for step in self.steps:
            for what, used, known in (
                ("circuit", [step.circuit], self.circuits),
                ("observable", step.observables, self.observables),
                ("axis", step.axes, self.axes),
            ):
                for name in used:
                    if name not in known:
                        hint = did_you_mean(name, known)
                        raise ValueError(
                            f"step '{step.name}' names {what} '{name}', which is not "
                            f"there{hint}"
                        )
        return self


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one declared workflow may ask for."""

    circuits: int = 64
    points: int = 10_000
    shots: int = 1_000_000
    step_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Cell:
    """What the lab runs: a text and the values it reads."""

    source: str
    inputs: dict[str, Any]
    code: bool = False
    """Whether somebody else wrote the text, so that its errors are theirs."""
    sent: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Inputs that the store does not keep, as they came: code, axes and runs."""


Read = Callable[[CircuitSource, str], Any]
"""Reads a circuit of this name, in a process that can do nothing else."""


def check_bounds(declared: Declared, bounds: Bounds) -> None:
    """Refuse what asks for too much, before anything of it is read.

    Raises
    ------
    CircuitTooLarge
        With the limit.
    """
    if len(declared.circuits) > bounds.circuits:
        raise _too_many("circuits", len(declared.circuits), bounds.circuits)
    for step in declared.steps:
        points = math.prod(len(declared.axes[name].values) for name in step.axes)
        if points > bounds.points:
            raise _too_many(f"points of step '{step.name}'", points, bounds.points)
        if (step.shots or 0) > bounds.shots:
            raise _too_many(f"shots of step '{step.name}'", step.shots, bounds.shots)
        if step.precision and step.precision**-2 > bounds.shots:
            wanted = f"a precision of {step.precision:g} in step '{step.name}'"
            raise CircuitTooLarge(
                f"{wanted} takes more than {bounds.shots:,} shots; ask for less",
                limit=bounds.shots,
            )


def cell_of(declared: Declared, read: Read, bounds: Bounds) -> Cell:
    """The cell that does what a document says.

    Parameters
    ----------
    declared
        The document, its names checked.
    read
        Reads a circuit.
    bounds
        What it may ask for.

    Raises
    ------
    CircuitSourceError
        If a circuit does not parse, or is beyond a limit.
    BadDocument
        If an observable and a circuit do not fit, or parameters are left over.
    """
    check_bounds(declared, bounds)
    used = dict.fromkeys(step.circuit for step in declared.steps)
    circuits = {name: read(declared.circuits[name], name) for name in used}
    for step in declared.steps:
        _check_step(step, circuits[step.circuit], declared)
    seen = dict.fromkeys(name for step in declared.steps for name in step.observables)
    inputs = {f"qflow_circuit_{name}": each for name, each in circuits.items()}
    inputs |= {
        f"qflow_observable_{name}": _operator(declared.observables[name])
        for name in seen
    }
    return Cell("\n".join(_lines(declared, bounds)) + "\n", inputs)


def _lines(declared: Declared, bounds: Bounds) -> Iterator[str]:
    for name in dict.fromkeys(a for step in declared.steps for a in step.axes):
        axis = declared.axes[name]
        unit = "" if axis.unit is None else f", unit={axis.unit!r}"
        yield f"{name} = qf.axis({axis.values!r}{unit})"
    for step in declared.steps:
        options = {
            "backend": step.backend,
            "shots": step.shots,
            "precision": step.precision,
            "optimization_level": step.optimization_level,
            "timeout": step.timeout or bounds.step_seconds,
        }
        given = (f"{n}={v!r}" for n, v in options.items() if v is not None)
        yield ""
        yield f"@qf.{step.kind}({', '.join(given)})"
        yield f"def {step.name}({', '.join(step.axes)}):"
        yield f"    return {_pub(step)}"


def _pub(step: DeclaredStep) -> str:
    parts = [f"qflow_circuit_{step.circuit}"]
    observables = [f"qflow_observable_{name}" for name in step.observables]
    if len(observables) == 1:
        parts += observables
    elif observables:
        parts.append(f"[{', '.join(observables)}]")
    values = (
        f"{name!r}: {value.axis if isinstance(value, AxisOf) else repr(value)}"
        for name, value in step.parameters.items()
    )
    if step.parameters:
        parts.append("{" + ", ".join(values) + "}")
    return f"({', '.join(parts)},)"


def _operator(terms: dict[str, float]) -> Any:
    # A parser of circuits is not needed to read letters, and Qiskit takes its time.
    from qiskit.quantum_info import SparsePauliOp

    return SparsePauliOp.from_list(list(terms.items()))


def _check_step(step: DeclaredStep, circuit: Any, declared: Declared) -> None:
    known = [parameter.name for parameter in circuit.parameters]
    for name in step.parameters:
        if name not in known:
            raise BadDocument(
                f"circuit '{step.circuit}' of step '{step.name}' has no parameter "
                f"'{name}'{did_you_mean(name, known)}"
            )
    if missing := [name for name in known if name not in step.parameters]:
        raise BadDocument(
            f"step '{step.name}' gives no value to parameter '{missing[0]}' of circuit "
            f"'{step.circuit}'; add it to parameters"
        )
    for name in step.observables:
        for label in declared.observables[name]:
            if len(label) != circuit.num_qubits:
                raise BadDocument(
                    f"observable '{name}' has {len(label)} letters in {label[:40]!r}, "
                    f"but circuit '{step.circuit}' has {circuit.num_qubits} qubits"
                )


def _too_many(what: str, count: int | None, limit: int) -> CircuitTooLarge:
    return CircuitTooLarge(
        f"{count:,} {what} are more than the {limit:,} that this service takes; ask "
        "for less at once",
        limit=limit,
    )
