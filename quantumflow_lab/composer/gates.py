"""Circuits drawn gate by gate: to Qiskit code that a person would write, and back."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.edit.source import expression
from quantumflow_lab.errors import EditRefused, did_you_mean

MOST_QUBITS, MOST_COLUMNS = 8, 40


@dataclass(frozen=True, slots=True)
class GateKind:
    """A gate of the palette; its name is the method of ``QuantumCircuit``."""

    name: str
    title: str
    qubits: int
    """How many it acts on; 0 for all of the circuit."""
    parameters: int = 0
    """Angles, which come first among the arguments."""


GATES = {
    each.name: each
    for each in (
        *(GateKind(name, name.upper(), 1) for name in ("h", "x", "y", "z", "s")),
        GateKind("sdg", "S†", 1),
        GateKind("t", "T", 1),
        GateKind("tdg", "T†", 1),
        GateKind("sx", "√X", 1),
        GateKind("sxdg", "√X†", 1),
        GateKind("id", "I", 1),
        *(GateKind(name, name.upper(), 1, 1) for name in ("rx", "ry", "rz")),
        GateKind("p", "P", 1, 1),
        GateKind("u", "U", 1, 3),
        *(GateKind(name, name.upper(), 2) for name in ("cx", "cy", "cz", "ch")),
        GateKind("swap", "SWAP", 2),
        GateKind("iswap", "iSWAP", 2),
        GateKind("ecr", "ECR", 2),
        *(GateKind(name, name.upper(), 2, 1) for name in ("cp", "crx", "cry", "crz")),
        *(GateKind(name, name.upper(), 2, 1) for name in ("rxx", "ryy", "rzz", "rzx")),
        GateKind("ccx", "CCX", 3),
        GateKind("ccz", "CCZ", 3),
        GateKind("cswap", "CSWAP", 3),
        GateKind("reset", "|0⟩", 1),
        GateKind("measure", "measure", 1),
        GateKind("barrier", "barrier", 0),
        GateKind("measure_all", "measure all", 0),
    )
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate in its place."""

    name: str
    qubits: tuple[int, ...]
    column: int = 0
    parameters: tuple[str, ...] = ()
    """Python expressions, such as ``pi / 2`` or the name of an axis."""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "qubits": list(self.qubits),
            "column": self.column,
            "parameters": list(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class GateCircuit:
    """Gates in columns, of which no two in one column share a qubit."""

    qubits: int
    gates: tuple[Gate, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"qubits": self.qubits, "gates": [g.document() for g in self.gates]}


def gate_circuit(document: Mapping[str, Any]) -> GateCircuit:
    """Read what the gate editor sends.

    Raises
    ------
    EditRefused
        Naming the gate that cannot be.
    """
    match document:
        case {"qubits": int(qubits), "gates": [*listed]} if qubits is not True:
            pass
        case _:
            raise EditRefused("a circuit of gates has qubits and a list of gates")
    if not 1 <= qubits <= MOST_QUBITS:
        raise EditRefused(
            f"the gate editor takes 1 to {MOST_QUBITS} qubits, not {qubits}; write "
            "larger circuits as code"
        )
    gates = sorted(
        (_gate(each, qubits) for each in listed),
        key=_order,
    )
    _refuse_overlap(gates)
    return GateCircuit(qubits, tuple(gates))


def _gate(document: object, qubits: int) -> Gate:
    match document:
        case {"name": str(name), "qubits": [*on], "column": int(column), **more}:
            given = more.get("parameters")
            angles = list(given) if isinstance(given, list | tuple) else []
        case _:
            raise EditRefused("a gate has a name, qubits and a column")
    kind = GATES.get(name)
    if kind is None:
        raise EditRefused(f"there is no gate '{name}'{did_you_mean(name, GATES)}")
    if kind.qubits == 0:
        on = list(range(qubits))
    inside = all(type(q) is int and 0 <= q < qubits for q in on)
    if not inside or len(set(on)) != len(on) or len(on) != (kind.qubits or qubits):
        number = kind.qubits or qubits
        raise EditRefused(
            f"gate '{name}' takes {number} different qubit{'s' * (number > 1)} from 0 "
            f"to {qubits - 1}; these are {on}"
        )
    if not 0 <= column < MOST_COLUMNS:
        raise EditRefused(
            f"the gate editor takes {MOST_COLUMNS} columns; write a longer circuit as "
            "code"
        )
    if len(angles) != kind.parameters:
        raise EditRefused(
            f"gate '{name}' takes {kind.parameters} parameters, not {len(angles)}"
        )
    return Gate(name, tuple(on), column, tuple(_angle(name, each) for each in angles))


def _order(gate: Gate) -> tuple[int, int]:
    return gate.column, min(gate.qubits)


def _angle(name: str, text: object) -> str:
    typed = expression(str(text), f"a parameter of '{name}'")
    if "\n" in typed:
        raise EditRefused(f"a parameter of '{name}' stands on one line: {typed!r}")
    return typed


def _refuse_overlap(gates: Sequence[Gate]) -> None:
    taken: set[tuple[int, int]] = set()
    for gate in gates:
        places = {(gate.column, qubit) for qubit in gate.qubits}
        if both := sorted(places & taken):
            column, qubit = both[0]
            raise EditRefused(
                f"two gates share qubit {qubit} in column {column}; move '{gate.name}' "
                "to another column"
            )
        taken |= places


def gate_lines(circuit: GateCircuit) -> tuple[str, ...]:
    """The body of a function that makes the circuit.

    Examples
    --------
    >>> pair = GateCircuit(2, (Gate("h", (0,)), Gate("cx", (0, 1), 1)))
    >>> print("\\n".join(gate_lines(pair)))
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    return qc
    """
    bits = any(gate.name == "measure" for gate in circuit.gates)
    size = f"{circuit.qubits}, {circuit.qubits}" if bits else f"{circuit.qubits}"
    calls = (f"qc.{each.name}({_arguments(each)})" for each in circuit.gates)
    return (f"qc = QuantumCircuit({size})", *calls, "return qc")


def _arguments(gate: Gate) -> str:
    if GATES[gate.name].qubits == 0:
        return ""
    qubits = gate.qubits * 2 if gate.name == "measure" else gate.qubits
    return ", ".join([*gate.parameters, *map(str, qubits)])


def gates_of(code: str) -> GateCircuit | None:
    """The gates of a function, or None if it does anything but put gates on a circuit.

    A body with comments is left to its author: drawn anew it would lose them.

    Examples
    --------
    >>> code = "def pair():\\n qc = QuantumCircuit(2)\\n qc.h(0)\\n return qc"
    >>> gates_of(code)
    GateCircuit(qubits=2, gates=(Gate(name='h', qubits=(0,), column=0, parameters=()),))
    >>> gates_of("def pair(n):\\n return QuantumCircuit(n)") is None
    True
    """
    try:
        (function,) = ast.parse(code).body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(function, ast.FunctionDef) or _has_comment(code, function):
        return None
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    match body:
        case [
            ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(
                    func=ast.Name(id="QuantumCircuit"), args=sizes, keywords=[]
                ),
            ),
            *calls,
            ast.Return(value=ast.Name(id=returned)),
        ] if (
            name == returned
        ):
            qubits = _size(sizes)
        case _:
            return None
    if qubits is None:
        return None
    gates = [_call(each, name, qubits, code) for each in calls]
    if any(gate is None for gate in gates):
        return None
    bits = any(gate is not None and gate.name == "measure" for gate in gates)
    if bits != (len(sizes) == 2):
        return None
    placed = tuple(sorted(_placed(filter(None, gates), qubits), key=_order))
    if any(gate.column >= MOST_COLUMNS for gate in placed):
        return None
    return GateCircuit(qubits, placed)


def _size(sizes: Sequence[ast.expr]) -> int | None:
    """Qubits of a circuit with as many bits, or none."""
    numbers = [each.value for each in sizes if isinstance(each, ast.Constant)]
    if len(numbers) != len(sizes) or len(set(numbers)) != 1 or len(sizes) > 2:
        return None
    qubits = numbers[0]
    good = type(qubits) is int and 1 <= qubits <= MOST_QUBITS
    return qubits if good else None  # type: ignore[return-value]  # an int by the line above


def _call(node: ast.stmt, circuit: str, qubits: int, code: str) -> Gate | None:
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr=gate),
                args=arguments,
                keywords=[],
            )
        ) if (
            name == circuit and gate in GATES
        ):
            kind = GATES[gate]
        case _:
            return None
    texts = [ast.get_source_segment(code, each) or "" for each in arguments]
    angles = tuple(texts[: kind.parameters])
    on = [
        each.value if isinstance(each, ast.Constant) else None
        for each in arguments[kind.parameters :]
    ]
    if gate == "measure":
        # Bit and qubit of one number.
        on = on[:1] if len(on) == 2 and on[0] == on[1] else [None]
    given = {"name": gate, "qubits": on, "column": 0, "parameters": angles}
    if kind.qubits == 0 and arguments:
        return None
    try:
        return _gate(given, qubits)
    except EditRefused:
        return None


def _placed(gates: Iterator[Gate], qubits: int) -> Iterator[Gate]:
    """Each gate in the first column that is free from its lowest to highest qubit."""
    free = [0] * qubits
    for gate in gates:
        low, high = min(gate.qubits), max(gate.qubits) + 1
        column = max(free[low:high])
        free[low:high] = [column + 1] * (high - low)
        yield Gate(gate.name, gate.qubits, column, gate.parameters)


def _has_comment(code: str, function: ast.FunctionDef) -> bool:
    first = function.body[0].lineno
    tokens = tokenize.generate_tokens(io.StringIO(code + "\n").readline)
    return any(t.type == tokenize.COMMENT and t.start[0] >= first for t in tokens)
