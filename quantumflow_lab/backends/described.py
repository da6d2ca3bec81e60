"""Backends of another environment, from what that environment says of them.

It is another program with other libraries, so all of it is checked here, and nowhere
else: types, sizes and ranges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from qiskit.circuit import (
    BreakLoopOp,
    ContinueLoopOp,
    ForLoopOp,
    Gate,
    IfElseOp,
    Instruction,
    Parameter,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from quantumflow_lab.backends.failures import backend_error, is_in_doubt, text_of
from quantumflow_lab.errors import BackendFailed, JobUnanswered

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

MOST_QUBITS = 100_000
MOST_OPERATIONS = 10_000
MOST_PLACES = 2_000_000
"""Places over all operations."""
MOST_OPTIONS = 1000
MOST_CIRCUITS = 1_000_000
MOST_KINDS = 100
MOST_TEXT = 4000
MOST_WIDTH = 1000
"""Qubits, classical bits and parameters of one operation."""

_OPEN: Mapping[str, type] = {
    "break_loop": BreakLoopOp,
    "continue_loop": ContinueLoopOp,
    "for_loop": ForLoopOp,
    "if_else": IfElseOp,
    "switch_case": SwitchCaseOp,
    "while_loop": WhileLoopOp,
}
"""Operations without a fixed width that both sides know by name."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a backend in another environment says of itself."""

    name: str
    text: str
    version: str
    qiskit: str
    """Version of Qiskit there."""
    qpy: int
    """Newest QPY that it reads."""
    max_circuits: int | None
    max_shots: int | None
    retrieves: bool
    """Whether it finds jobs again by their id."""
    kinds: tuple[str, ...]
    """Its class there and those above it, as ``package:class``."""
    circuits_in_task: bool
    """Whether a task of the provider has all the circuits of a job."""
    options: Mapping[str, bool | int | float | str | None]
    """Run options and their defaults; None also for a default that is no JSON."""
    target: Target

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Described:
        """Check a description and build the target.

        Raises
        ------
        BackendFailed
            It is no description; the message says what is wrong with it.
        """
        about = _mapping(said.get("backend"), "backend")
        return cls(
            name=_text(about.get("name"), "name") or "backend",
            text=_text(about.get("text"), "text"),
            version=_text(about.get("version"), "version"),
            qiskit=_text(said.get("qiskit"), "qiskit"),
            qpy=_whole(said.get("qpy"), "qpy", most=1000),
            max_circuits=_whole_or_none(about.get("max_circuits"), "max_circuits"),
            max_shots=_whole_or_none(about.get("max_shots"), "max_shots"),
            retrieves=about.get("retrieves") is True,
            kinds=tuple(
                _text(kind, "class")
                for kind in _list(about.get("kinds") or [], "kinds", most=MOST_KINDS)
            ),
            circuits_in_task=about.get("sets") is True,
            options=_options(about.get("options")),
            target=_target(about),
        )


def _target(about: Mapping[str, Any]) -> Target:
    width = _whole_or_none(about.get("num_qubits"), "num_qubits", most=MOST_QUBITS)
    qubits = _list(about.get("qubits"), "qubits", most=width or 0)
    target = Target(
        num_qubits=width,
        dt=_number_or_none(about.get("dt"), "dt"),
        qubit_properties=[_qubit(each) for each in qubits] or None,
        **_timing(about.get("timing")),
    )
    room = MOST_PLACES
    for said in _list(about.get("operations"), "operations", most=MOST_OPERATIONS):
        operation = _mapping(said, "operation")
        name = _text(operation.get("name"), "operation")
        if operation.get("open") is True:
            # What has no name in common is left out: the transpiler does without.
            if name in _OPEN:
                target.add_instruction(_OPEN[name], name=name)
            continue
        places = _places(operation, name, width, room)
        room -= len(places)
        if name != "barrier":
            target.add_instruction(_instruction(operation, name), places, name=name)
    return target


def _timing(said: object) -> dict[str, int]:
    timing = _mapping(said, "timing")
    names = "granularity", "min_length", "pulse_alignment", "acquire_alignment"
    return {name: _whole(timing.get(name), name) for name in names}


def _qubit(said: object) -> QubitProperties:
    t1, t2, frequency = (
        _number_or_none(value, "qubits")
        for value in _list(said, "qubits", most=3, least=3)
    )
    return QubitProperties(t1=t1, t2=t2, frequency=frequency)


def _instruction(said: Mapping[str, Any], name: str) -> Instruction:
    """The standard gate of that name, or an opaque one as wide as was said."""
    qubits, clbits = (
        _whole(said.get(what), f"{what} of '{name}'", least=0, most=MOST_WIDTH)
        for what in ("qubits", "clbits")
    )
    params = _list(said.get("params"), f"params of '{name}'", most=MOST_WIDTH)
    values = [
        Parameter(f"{name}_{i}") if param is None else _number(param, f"'{name}'")
        for i, param in enumerate(params)
    ]
    base = _text(said.get("base"), f"base of '{name}'")
    known = get_standard_gate_name_mapping().get(base)
    shape = qubits, clbits, len(values)
    if known is not None and shape == _shape(known):
        if all(isinstance(value, Parameter) for value in values):
            return known
        fixed = known.to_mutable()
        fixed.params = values
        return fixed
    if clbits:
        return Instruction(base, qubits, clbits, values)
    return Gate(base, qubits, values)


def _shape(known: Instruction) -> tuple[int, int, int]:
    return known.num_qubits, known.num_clbits, len(known.params)


def _places(
    said: Mapping[str, Any], name: str, width: int | None, room: int
) -> dict[tuple[int, ...] | None, InstructionProperties | None]:
    places: dict[tuple[int, ...] | None, InstructionProperties | None] = {}
    for each in _list(said.get("places"), f"places of '{name}'", most=room):
        qubits, duration, error = _list(each, f"place of '{name}'", most=3, least=3)
        place = None
        if qubits is not None:
            most = (width or MOST_QUBITS) - 1
            place = tuple(
                _whole(qubit, f"qubit of '{name}'", least=0, most=most)
                for qubit in _list(qubits, f"qubits of '{name}'", most=MOST_WIDTH)
            )
            if len(place) != said.get("qubits") or len(set(place)) != len(place):
                raise _wrong(f"place {place} of '{name}'")
        numbers = [
            _number_or_none(value, f"{what} of '{name}'", least=0)
            for what, value in (("duration", duration), ("error", error))
        ]
        known = any(number is not None for number in numbers)
        places[place] = InstructionProperties(*numbers) if known else None
    return places


def _options(said: object) -> dict[str, bool | int | float | str | None]:
    options = _mapping(said, "options", most=MOST_OPTIONS)
    for name, value in options.items():
        _text(name, "options")
        if not isinstance(value, bool | int | float | str | None):
            raise _wrong(f"option '{name}'")
    return dict(options)


def result_of(
    said: Mapping[str, Any],
    circuits: Sequence[QuantumCircuit] | None,
    *,
    backend: str,
    shots: int | None,
    job: str | None,
) -> Result:
    """Qiskit's ``Result`` for the answer to a job; outcomes keyed as they came.

    Parameters
    ----------
    said
        The answer.
    circuits, shots
        What was asked; None for a job that somebody else has sent.
    backend, job
        Names for messages and for the result.

    Raises
    ------
    BackendFailed
        The answer is none.
    """
    most = MOST_CIRCUITS if circuits is None else len(circuits)
    parts = _list(said.get("circuits"), "circuits", most=most)
    if circuits is not None and len(parts) != len(circuits):
        raise BackendFailed(
            f"{backend} answered {len(parts)} of {len(circuits)} circuits",
            backend=backend,
        )
    taken = _number_or_none(said.get("time_taken"), "time_taken")
    named = {circuit.name: circuit for circuit in circuits or ()}
    return Result(
        backend_name=backend,
        job_id=job,
        success=said.get("success") is True,
        status=_text(said.get("status"), "status"),
        results=[
            _experiment(_mapping(part, "circuit"), named, circuit, shots)
            for part, circuit in zip(parts, circuits or repeat(None), strict=False)
        ],
        **({} if taken is None else {"time_taken": taken}),
    )


def _experiment(
    said: Mapping[str, Any],
    named: Mapping[str, QuantumCircuit],
    circuit: QuantumCircuit | None,
    shots: int | None,
) -> ExperimentResult:
    counts = _mapping(said.get("counts"), "counts")
    name = said.get("name")
    name = None if name is None else _text(name, "name")
    widest = MOST_QUBITS
    header: dict[str, Any] = {} if name is None else {"name": name}
    # Answers may come in another order, if they say for which circuit they are.
    circuit = named.get(name or "", circuit)
    if circuit is not None:
        widest = circuit.num_clbits + len(circuit.cregs) + 100
        header = {
            "name": circuit.name,
            "memory_slots": circuit.num_clbits,
            "creg_sizes": [[creg.name, creg.size] for creg in circuit.cregs],
        }
    for key, number in counts.items():
        _text(key, "counts", most=widest)
        _whole(number, "counts", least=0)
    return ExperimentResult(
        shots=sum(counts.values()) if shots is None else shots,
        success=said.get("success") is True,
        data=ExperimentResultData(counts=dict(counts)),
        status=_text(said.get("status"), "status"),
        header=header,
    )


def raised_there(said: Mapping[str, Any]) -> Exception:
    """What was raised there, with what the sorting of errors looks at."""
    kind: type[Exception] = Exception
    if said.get("memory") is True:
        kind = MemoryError
    elif said.get("network") is True:
        kind = OSError
    error: Any = type(_name_of(said), (kind,), {})(_text(said.get("text"), "text"))
    status, wait = said.get("status"), said.get("retry_after")
    if status is not None:
        error.status_code = _whole(status, "status", least=0)
    if wait is not None:
        error.retry_after = _number(wait, "retry_after", least=0)
    error.retried = said.get("retried") is True
    raised: Exception = error
    return raised


def refused_there(said: Mapping[str, Any], backend: str, *, device: bool) -> Exception:
    """The error for a job that was not taken, as far as one can tell.

    Sorted as if it had been raised here, but for one that a device may have taken:
    there is no way to look for it, and to send it again might be to pay twice.
    """
    error = raised_there(said)
    if device and is_in_doubt(error) and said.get("unsent") is not True:
        return JobUnanswered(
            f"{backend} may have taken the job, but its answer was lost "
            f"({text_of(error)}): look there before you run the step again",
            backend=backend,
        )
    return backend_error(error, backend)


def _name_of(said: Mapping[str, Any]) -> str:
    name = _text(said.get("class"), "class")
    return name if name.isidentifier() else "Exception"


# --- checks ----------------------------------------------------------------------


def _wrong(what: str) -> BackendFailed:
    return BackendFailed(
        f"the other environment said something impossible about {what}", about=what
    )


def _mapping(value: object, what: str, most: int | None = None) -> Mapping[str, Any]:
    if not isinstance(value, dict) or (most is not None and len(value) > most):
        raise _wrong(what)
    return value


def _list(value: object, what: str, *, most: int, least: int = 0) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise _wrong(what)
    return value


def _text(value: object, what: str, *, most: int = MOST_TEXT) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise _wrong(what)
    return value


def _whole(value: object, what: str, *, least: int = 1, most: int = 2**53) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _wrong(what)
    return value


def _whole_or_none(value: object, what: str, *, most: int = 2**53) -> int | None:
    return None if value is None else _whole(value, what, most=most)


def _number(value: object, what: str, *, least: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(what)
    try:
        number = float(value)
    except OverflowError:
        raise _wrong(what) from None
    if not math.isfinite(number) or number < least:
        raise _wrong(what)
    return number


def _number_or_none(
    value: object, what: str, *, least: float = -math.inf
) -> float | None:
    return None if value is None else _number(value, what, least=least)
