"""Equal keys for equal values, in this process and the next.

A circuit's key is blind to what names itself (the circuit, its quantum registers, gates
made from circuits, loop variables) and sees everything else: each gate, angle,
condition, classical register, layout and the global phase. A function's key is its
source without comments and layout, its defaults and what it closes over.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import re
import struct
import sysconfig
import textwrap
import types
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from quantumflow_lab.codec import encode
from quantumflow_lab.errors import NotStorable

if TYPE_CHECKING:
    from qiskit.circuit import CircuitInstruction, Operation, QuantumCircuit

_Places = dict[Any, int]
"""Number of each bit in the outermost circuit."""

_Numbers = dict[str, int]
"""Number of each parameter in the order of appearance."""

_CIRCUIT = "qiskit.circuit.quantumcircuit.QuantumCircuit"
_NAMED_BY_QISKIT = re.compile(r"c*[A-Za-z]\w*-\d+(_dg)?")
"""Names with a counter, such as ``circuit-12`` and ``EfficientSU2-3``."""
_REGISTER_BY_QISKIT = re.compile(r"c\d+")
_EXPRESSION = "op operand left right target index value name var".split()
"""Attributes that make up the nodes of ``qiskit.circuit.classical.expr``."""
_SCALARS = frozenset({type(None), bool, int, float, str})
_NUMBERS = "biufcSU"
"""Kinds of arrays whose bytes are all of them."""
_VARIABLE_BY_QISKIT = re.compile(r"_loop_i_\d+")


def fingerprint(value: object) -> str:
    """SHA-256 of a value's canonical form, as 64 hexadecimal digits.

    Parameters
    ----------
    value
        What :mod:`quantumflow_lab.codec` can store, or a Python function or class;
        lists, tuples and dicts may mix them. The order of a dict counts: results
        follow it.

    Raises
    ------
    NotStorable
        For anything else.

    Examples
    --------
    >>> fingerprint([1, 2.0]) == fingerprint([1, 2.0])
    True
    >>> fingerprint(1) == fingerprint(1.0)
    False
    """
    return _key(value).hex()


def circuit_key(circuit: QuantumCircuit) -> tuple[str, tuple[str, ...]]:
    """A key of what a circuit does, and the order in which it takes its parameters.

    Unlike :func:`fingerprint` it is blind to names of parameters: they are numbered by
    first appearance, so that values hashed in the returned order complete the key. The
    order of instructions counts also on different qubits, since random numbers are
    drawn in it.

    Raises
    ------
    NotStorable
        If the circuit contains something without a content key.

    Examples
    --------
    >>> from qiskit.circuit import Parameter, QuantumCircuit
    >>> one, other = QuantumCircuit(1), QuantumCircuit(1)
    >>> one.rx(Parameter("a"), 0) and other.rx(Parameter("b"), 0) and None
    >>> circuit_key(one)[0] == circuit_key(other)[0], circuit_key(other)[1]
    (True, ('b',))
    """
    numbers: _Numbers = {}
    parts = list(_circuit_parts(circuit, numbers))
    known = {parameter.name for parameter in circuit.parameters}
    order = tuple(name for name in numbers if name in known)
    return _hash("circuit", *parts).hex(), order


def is_local(module: types.ModuleType | None) -> bool:
    """Whether a module is the user's own: of the notebook, or a file beside it."""
    if module is None or module.__name__ == "__main__":
        return True
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    path = Path(file).resolve()
    return not any(path.is_relative_to(each) for each in _installed())


@cache
def _installed() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    package = Path(__file__).parent
    return (*(Path(paths[each]).resolve() for each in names), package)


def _key(value: Any) -> bytes:
    kind = type(value)
    if kind in _SCALARS:
        return _hash(kind.__name__, repr(value))
    if kind in (list, tuple):
        return _hash(kind.__name__, *(_key(item) for item in value))
    if kind is dict:
        pairs = (_key(part) for pair in value.items() for part in pair)
        return _hash("dict", *pairs)
    if isinstance(value, types.FunctionType):
        return _hash("function", *_function_parts(value))
    if isinstance(value, type | types.BuiltinFunctionType):
        return _hash("code", *_code_parts(value))
    if any(f"{k.__module__}.{k.__qualname__}" == _CIRCUIT for k in kind.__mro__):
        return _hash("circuit", *_circuit_parts(value))
    if kind.__name__ == "ndarray" and value.dtype.kind in _NUMBERS:
        # Equal numbers, however they lie in memory.
        return _hash("array", f"{value.dtype.str} {value.shape}", value.tobytes())
    encoded = encode(value)
    return _hash("value", encoded.media, encoded.data)


def _hash(*parts: str | bytes) -> bytes:
    """Each part with its length before it, so that parts do not run together."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def _function_parts(function: types.FunctionType) -> Iterator[str | bytes]:
    yield from _code_parts(function)
    yield _key(function.__defaults__ or ())
    yield _key(function.__kwdefaults__ or {})
    for cell in function.__closure__ or ():
        # A function that closes over itself would never end.
        inside = cell.cell_contents
        yield b"itself" if inside is function else _key(inside)


def _code_parts(code: Any) -> Iterator[str | bytes]:
    """The source; for what has none, such as C functions, the name."""
    try:
        source = textwrap.dedent(inspect.getsource(code))
        yield ast.unparse(ast.parse(source))
    except (OSError, TypeError):
        yield f"{code.__module__}.{code.__qualname__}"
    except SyntaxError:
        # A lambda in the middle of an expression: its line alone need not parse.
        yield source


def _circuit_parts(
    circuit: QuantumCircuit, numbers: _Numbers | None = None
) -> Iterator[str | bytes]:
    """Everything that counts; with `numbers`, parameters by number instead of name."""
    places = _places(circuit)
    yield f"{circuit.num_qubits} {circuit.num_clbits}"
    for register in circuit.cregs:
        name = register.name
        yield "" if _REGISTER_BY_QISKIT.fullmatch(name) else name
        yield _bits(places, register)
    if circuit.layout is not None:
        yield _layout(circuit)
    yield from _body_parts(circuit, places, numbers)


def _body_parts(
    circuit: QuantumCircuit, places: _Places, numbers: _Numbers | None
) -> Iterator[str | bytes]:
    yield _angle(circuit.global_phase, numbers)
    for item in circuit.data:
        operation = item.operation
        if getattr(operation, "blocks", ()):
            yield _hash(*_control_parts(item, places, numbers))
        else:
            yield f"{_bits(places, item.qubits)} {_bits(places, item.clbits)}"
            yield _hash(*_operation_parts(operation, places, numbers))


def _places(circuit: QuantumCircuit) -> _Places:
    numbered = (*enumerate(circuit.qubits), *enumerate(circuit.clbits))
    return {bit: number for number, bit in numbered}


def _bits(places: _Places, bits: Iterable[Any]) -> str:
    return ",".join(str(places[bit]) for bit in bits)


def _layout(circuit: QuantumCircuit) -> str:
    layout = circuit.layout
    return f"{layout.initial_index_layout()} {layout.final_index_layout()}"


def _control_parts(
    item: CircuitInstruction, places: _Places, numbers: _Numbers | None
) -> Iterator[str | bytes]:
    """Blocks in terms of the outer bits: Qiskit orders the inner ones as it likes."""
    operation = item.operation
    yield operation.name
    if getattr(operation, "annotations", ()):
        raise NotStorable("an annotated box in a circuit has no content key")
    for name in ("label", "unit"):
        yield str(getattr(operation, name, None))
    for name in ("condition", "target", "duration"):
        yield _condition(places, getattr(operation, name, None))
    for parameter in operation.params:
        if not hasattr(parameter, "qubits"):
            yield _parameter(parameter, numbers)
    for labels, _ in getattr(operation, "cases_specifier", tuple)():
        yield str([str(label) for label in labels])
    for block in operation.blocks:
        inner = {b: places[o] for b, o in zip(block.qubits, item.qubits, strict=True)}
        inner |= {b: places[o] for b, o in zip(block.clbits, item.clbits, strict=True)}
        yield _hash(*_body_parts(block, inner, numbers))


def _operation_parts(
    operation: Operation, places: _Places, numbers: _Numbers | None
) -> Iterator[str | bytes]:
    from qiskit.circuit import AnnotatedOperation, Instruction

    if isinstance(operation, AnnotatedOperation):
        yield f"annotated {operation.modifiers}"
        yield _hash(*_operation_parts(operation.base_op, places, numbers))
        return
    if not isinstance(operation, Instruction):
        # A Clifford and the like: its content is neither in its name nor defined.
        raise NotStorable(f"{type(operation).__name__} in a circuit has no content key")
    # Qiskit's shared gate objects are of private subclasses; the base is what they are.
    kind = getattr(operation, "base_class", type(operation))
    yield kind.__name__
    # What has no definition is known by its name alone.
    counted = _NAMED_BY_QISKIT.fullmatch(operation.name) and operation.definition
    yield "" if counted is not None else operation.name
    for name in ("label", "unit", "ctrl_state", "num_ctrl_qubits"):
        found = getattr(operation, name, None)
        yield "" if found is None else str(found)
    yield _condition(places, getattr(operation, "condition", None))
    for parameter in getattr(operation, "params", ()):
        if _is_expression(parameter):
            yield _condition(places, parameter)
        else:
            yield _parameter(parameter, numbers)
    if not kind.__module__.startswith("qiskit.circuit.library.standard"):
        yield from _definition(operation, numbers)


def _definition(operation: Any, numbers: _Numbers | None) -> Iterator[str | bytes]:
    definition = getattr(operation, "definition", None)
    if definition is not None:
        yield _hash(*_circuit_parts(definition, numbers))


def _parameter(value: Any, numbers: _Numbers | None) -> str | bytes:
    module = type(value).__module__
    if isinstance(value, int | float):
        return _angle(float(value), None)
    if module.startswith(("qiskit.circuit", "qiskit._accelerate.circuit")):
        return _angle(value, numbers)
    if isinstance(value, range) or value is None:
        return repr(value)
    return _key(value)


def _angle(value: Any, numbers: _Numbers | None) -> str:
    """Every bit of a number; an expression as Qiskit writes it, with all digits."""
    if isinstance(value, int | float):
        return struct.pack("<d", value).hex()
    text = _VARIABLE_BY_QISKIT.sub("_loop_i", str(value))
    if numbers is None:
        return text
    names = [re.escape(parameter.name) for parameter in value.parameters]
    return re.sub(
        rf"(?<!\w)({'|'.join(names) or '(?!)'})(?!\w)",
        lambda found: f"#{numbers.setdefault(found[0], len(numbers))}",
        text,
    )


def _condition(places: _Places, found: Any) -> str:
    """Conditions by bit, whatever the register is called."""
    if isinstance(found, tuple):
        return f"{_condition(places, found[0])} = {found[1]}"
    if type(found).__name__ == "Clbit":
        return f"bit {places[found]}"
    if type(found).__name__ == "ClassicalRegister":
        return f"bits {_bits(places, found)}"
    if _is_expression(found):
        parts = [
            _condition(places, getattr(found, name))
            for name in _EXPRESSION
            if hasattr(found, name)
        ]
        return json.dumps([type(found).__name__, str(found.type), *parts])
    # A variable has a random id beside its name.
    return "" if found is None or isinstance(found, UUID) else str(found)


def _is_expression(value: object) -> bool:
    return hasattr(value, "const") and hasattr(value, "accept")
