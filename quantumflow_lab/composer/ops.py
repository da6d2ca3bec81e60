"""What an edit of the view makes of the text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quantumflow_lab.composer.expressions import imports_of, names_of
from quantumflow_lab.composer.gates import gate_circuit, gate_lines
from quantumflow_lab.composer.library import library_body
from quantumflow_lab.edit import (
    Body,
    Source,
    add_step,
    assign,
    connect,
    disconnect,
    free_name,
    remove_step,
    rename,
    set_body,
    set_code,
    set_magic,
    set_option,
    set_title,
)
from quantumflow_lab.errors import EditRefused

Op = Mapping[str, Any]
"""An edit as the view sends it, described in ``docs/composer.md``."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a notebook has, as far as an edit goes by it."""

    all: Collection[str] = ()
    circuits: Collection[str] = field(default=())
    """Those that are circuits."""


def _accepts(_: str) -> None:
    """Any text will do."""


def applied(
    text: str,
    op: Op,
    names: Names = Names(),
    check_qasm: Callable[[str], object] = _accepts,
) -> str:
    """The text after an edit.

    Parameters
    ----------
    text
        Of the cell, with its magic line.
    op
        The edit.
    names
        Of the notebook.
    check_qasm
        Raises if a text is no circuit.

    Raises
    ------
    EditRefused
        If the edit cannot be made; then nothing has changed.

    Examples
    --------
    >>> applied("%%qflow bell\\n", {"do": "magic", "name": "shots", "text": "100"})
    '%%qflow bell --shots 100\\n'
    """
    source = Source(text)
    match op:
        case {"do": "text", "text": str(new)}:
            return new
        case {"do": "add", "kind": str(kind)}:
            name, needs = op.get("name") or None, _texts(op.get("needs") or ())
            return _add(source, kind, name, needs, names)
        case {"do": "remove", "step": str(step)}:
            return remove_step(source, step)
        case {"do": "rename", "step": str(step), "to": str(to)}:
            return rename(source, step, to)
        case {"do": "connect", "from": str(name), "to": str(step)}:
            return connect(source, name, step)
        case {"do": "disconnect", "from": str(name), "to": str(step)}:
            return disconnect(source, name, step)
        case {"do": "code", "step": str(step), "text": str(code)}:
            return set_code(source, step, code)
        case {"do": "title", "name": str(name)}:
            return set_title(source, name)
    return _valued(source, op, names, check_qasm)


def _valued(
    source: Source, op: Op, names: Names, check_qasm: Callable[[str], object]
) -> str:
    match op:
        case {"do": "option", "step": str(step), "name": str(name), "text": value}:
            return set_option(source, step, name, _value(value))
        case {"do": "magic", "name": str(name), "text": value}:
            return set_magic(source, name, _value(value))
        case {"do": "assign", "name": str(name), "text": value}:
            return assign(source, name, _value(value))
        case {"do": "circuit", "source": Mapping() as given}:
            wanted, body = _circuit(given, names, check_qasm)
            return _put(source, op.get("step"), wanted, body, names)
    raise EditRefused(
        f"there is no edit {op.get('do')!r} of this form; reload the view"
    )


def _value(text: object) -> str | None:
    """A value as typed; an empty one is none."""
    if text is None or isinstance(text, str):
        return text if text and text.strip() else None
    raise EditRefused(f"a value is text, not {text!r}")


def _texts(listed: object) -> tuple[str, ...]:
    if isinstance(listed, list | tuple) and all(isinstance(n, str) for n in listed):
        return tuple(listed)
    raise EditRefused("needs are a list of names")


_STARTS = {
    "circuit": Body(
        (
            "qc = QuantumCircuit(2)",
            "qc.h(0)",
            "qc.cx(0, 1)",
            "qc.measure_all()",
            "return qc",
        )
    ),
    "observable": Body(('return SparsePauliOp("ZZ")',)),
}
"""What a new step begins with, where its needs do not say it."""


def _add(
    source: Source, kind: str, name: str | None, needs: tuple[str, ...], names: Names
) -> str:
    body = _STARTS.get(kind)
    full = None if body is None else _filled(source, body, names)
    return add_step(source, kind, name, needs=needs, body=full)


def _put(source: Source, step: object, wanted: str, body: Body, names: Names) -> str:
    """Let a step make a circuit, or a new one."""
    full = _filled(source, body, names)
    if step is None:
        taken = [*(full.imports or {}), *names_of(body.lines)]
        name = free_name(source, wanted, taken)
        return add_step(source, "circuit", name, body=full)
    node = source.step(str(step))
    kind = next(each.kind for each in source.parts.steps if each.name == node.name)
    if kind != "circuit":
        raise EditRefused(
            f"step '{step}' is of kind {kind}; only a circuit step makes a circuit"
        )
    return set_body(source, node.name, full)


def _filled(source: Source, body: Body, names: Names) -> Body:
    """A body with the needs and imports that its lines ask for."""
    read = names_of(body.lines)
    parts = source.parts
    asked = {each.name for each in parts.steps} | {each.name for each in parts.axes}
    have = {*parts.statements, *names.all}
    return replace(
        body,
        needs=tuple(name for name in read if name in asked),
        imports=imports_of(read, have, body.imports or {}),
    )


def _circuit(
    given: Mapping[str, Any], names: Names, check_qasm: Callable[[str], object]
) -> tuple[str, Body]:
    """The name that suits a circuit, and how it is made."""
    match given:
        case {"library": str(name)}:
            arguments = given.get("arguments") or {}
            return library_body(name, {str(k): str(v) for k, v in arguments.items()})
        case {"notebook": str(name)}:
            if name not in names.circuits:
                raise EditRefused(f"the notebook has no circuit '{name}' any more")
            return f"{name}_circuit", Body((f"return {name}",))
        case {"qasm": str(text)}:
            check_qasm(text)
            return "circuit", Body((f"return qf.read_circuit({_quoted(text)})",))
        case {"gates": Mapping() as drawn}:
            return "circuit", Body(gate_lines(gate_circuit(drawn)))
    raise EditRefused("a circuit comes from the library, the notebook, QASM or gates")


def _quoted(text: str) -> str:
    """OpenQASM as a Python literal, line by line where nothing has to be escaped."""
    plain = text.strip().replace("\r\n", "\n").expandtabs(4)
    lines = plain.split("\n")
    if "\\" in plain or '"""' in plain or not all(map(str.isprintable, lines)):
        return repr(plain)
    return f'"""\n{plain}\n"""'
