"""Values as Python text, laid out as black does; large ones in a file beside."""

from __future__ import annotations

import ast
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, SparsePauliOp

from quantumflow_lab.errors import NotExportable
from quantumflow_lab.written import write_circuit

SMALL = 24
"""Elements of an array or of an axis up to which they are written out."""
WIDTH = 88


@dataclass
class Values:
    """Writes values, and remembers what the text needs."""

    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    """What goes into the ``.npz`` beside the script, by name."""
    circuits: dict[str, bytes] = field(default_factory=dict)
    """Circuits as QPY, by name."""
    imports: set[str] = field(default_factory=set)
    """Statements that the text needs."""

    def text(self, name: str, value: Any) -> str:
        """A value as an expression.

        Parameters
        ----------
        name
            What the run calls it, for messages and for what stands beside.

        Raises
        ------
        NotExportable
            If it has no text.
        """
        if type(value) in (list, tuple, set, frozenset):
            return self._listed(name, value)
        if type(value) is dict:
            items = value.items()
            words = [
                f"{self.text(name, k)}: {self.text(f'{name}_{i}', v)}"
                for i, (k, v) in enumerate(items)
            ]
            return "{" + ", ".join(words) + "}"
        for kind, write in self._kinds.items():
            if isinstance(value, kind):
                return write(name, value)
        raise NotExportable(
            f"'{name}' is a {type(value).__name__}, which has no text in a script; "
            "make it in the cell, or in a function that the cell calls",
            name=name,
        )

    @property
    def _kinds(self) -> dict[Any, Callable[[str, Any], str]]:
        return {
            np.generic: lambda name, value: self.text(name, value.item()),
            (bool, int, str, bytes, type(None)): lambda _, value: quoted(value),
            float: lambda _, value: _number(value),
            complex: lambda _, value: (
                f"complex({_number(value.real)}, {_number(value.imag)})"
            ),
            np.ndarray: self._array,
            SparsePauliOp: self._operator,
            Pauli: self._pauli,
            QuantumCircuit: self._circuit,
        }

    def _listed(self, name: str, value: Any) -> str:
        words = [self.text(f"{name}_{i}", each) for i, each in enumerate(value)]
        inside = ", ".join(words)
        match value:
            case list():
                return f"[{inside}]"
            case tuple():
                return f"({inside},)" if len(words) == 1 else f"({inside})"
            case frozenset():
                return f"frozenset([{inside}])"
        return f"{{{inside}}}" if words else "set()"

    def _array(self, name: str, value: np.ndarray[Any, Any]) -> str:
        self.imports.add("import numpy as np")
        if value.dtype.kind not in "biufcU":
            raise NotExportable(
                f"'{name}' is an array of {value.dtype}, which has no text in a "
                "script; make it in the cell",
                name=name,
            )
        if value.size > SMALL:
            self.arrays[name] = value
            return f'DATA["{name}"]'
        usual = np.array(value.tolist()).dtype == value.dtype and value.size
        dtype = "" if usual else f', dtype="{value.dtype}"'
        return f"np.array({self.text(name, value.tolist())}{dtype})"

    def _operator(self, name: str, value: SparsePauliOp) -> str:
        self.imports.add("from qiskit.quantum_info import SparsePauliOp")
        coefficients = value.coeffs
        if coefficients.dtype == object:
            raise NotExportable(
                f"'{name}' has coefficients with parameters; make it in the cell",
                name=name,
            )
        numbers = coefficients.real if np.isrealobj(coefficients) else coefficients
        if np.all(np.isreal(numbers)):
            numbers = numbers.real
        labels = self.text(name, value.paulis.to_labels())
        return f"SparsePauliOp({labels}, {self.text(name, numbers.tolist())})"

    def _pauli(self, name: str, value: Pauli) -> str:
        self.imports.add("from qiskit.quantum_info import Pauli")
        return f"Pauli({quoted(value.to_label())})"

    def _circuit(self, name: str, value: QuantumCircuit) -> str:
        self.imports.add("from qiskit import qpy")
        self.circuits[name] = write_circuit(value)
        return f'stored_circuit("{name}")'

    def npz(self) -> bytes:
        """The arrays as one ``.npz``."""
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **self.arrays)
        return out.getvalue()


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def quoted(value: Any) -> str:
    """A plain value as black writes it: in double quotes where that needs no escape.

    Examples
    --------
    >>> print(quoted("00"), quoted('say "x"'), quoted(3))
    "00" 'say "x"' 3
    """
    text = repr(value)
    for start in ("'", "b'"):
        if text.startswith(start) and '"' not in text:
            return text[: len(start) - 1] + '"' + text[len(start) : -1] + '"'
    return text


def laid_out(prefix: str, text: str, suffix: str = "", *, indent: str = "") -> str:
    """A statement on one line if it fits, else its brackets one element a line.

    Examples
    --------
    >>> print(laid_out("x = ", "[1, 2]"))
    x = [1, 2]
    """
    line = f"{indent}{prefix}{text}{suffix}"
    if len(line) <= WIDTH or "\n" in text:
        return line
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return line
    parts = _inside(node, text)
    if parts is None:
        return line
    head, elements, tail = parts
    deeper = indent + "    "
    # Black keeps the inside of a call or a comprehension together if it can.
    comma = "" if isinstance(node, ast.ListComp) else ","
    joined = deeper + f"{comma} ".join(key + value for key, value in elements)
    if isinstance(node, ast.ListComp | ast.Call) and len(joined) <= WIDTH:
        return "\n".join([f"{indent}{prefix}{head}", joined, f"{indent}{tail}{suffix}"])
    lines = [laid_out(key, value, comma, indent=deeper) for key, value in elements]
    return "\n".join([f"{indent}{prefix}{head}", *lines, f"{indent}{tail}{suffix}"])


def _inside(node: ast.expr, text: str) -> tuple[str, list[tuple[str, str]], str] | None:
    """Opening, elements as prefix and text, and closing of a bracketed expression."""

    def piece(each: ast.expr) -> str:
        return ast.get_source_segment(text, each) or ast.unparse(each)

    match node:
        case ast.List(elts=elements) if elements:
            return "[", [("", piece(each)) for each in elements], "]"
        case ast.Tuple(elts=elements) if elements:
            return "(", [("", piece(each)) for each in elements], ")"
        case ast.Set(elts=elements):
            return "{", [("", piece(each)) for each in elements], "}"
        case ast.Dict(keys=keys, values=values) if keys:
            pairs = [
                (f"{piece(k)}: " if k else "**", piece(v))
                for k, v in zip(keys, values, strict=True)
            ]
            return "{", pairs, "}"
        case ast.ListComp(elt=element, generators=[loop]):
            words = f"{piece(loop.target)} in {piece(loop.iter)}"
            return "[", [("", piece(element)), ("for ", words)], "]"
        case ast.Call(func=func, args=args, keywords=keywords) if args or keywords:
            inner = [("", piece(each)) for each in args]
            inner += [
                (f"{w.arg}=" if w.arg else "**", piece(w.value)) for w in keywords
            ]
            return f"{piece(func)}(", inner, ")"
    return None
