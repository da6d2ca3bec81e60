"""What to type instead, where a parser only says what it saw."""

from __future__ import annotations

import re

from qiskit.qasm2 import LEGACY_CUSTOM_INSTRUCTIONS
from qiskit_qasm3_import.converter import _STDGATES

from quantumflow_lab.errors import BadCircuitText, did_you_mean
from quantumflow_lab.sources.text import STANDARD, Text

_OPENQASM2 = frozenset(
    "u3 u2 u1 cx id u0 u p x y z h s sdg t tdg rx ry rz sx sxdg cz cy swap ch ccx cswap"
    " crx cry crz cu1 cp cu3 csx cu rxx rzz rccx rc3x c3x c3sqrtx c4x".split()
)
GATES = {
    "qasm2": _OPENQASM2 | {each.name for each in LEGACY_CUSTOM_INSTRUCTIONS},
    "qasm3": frozenset(_STDGATES) | {"U", "gphase"},
}
"""Gates that the standard include of each format defines."""

_NAMED = re.compile(
    r"(?:custom instruction |gate |symbol )?'(?P<name>\w+)' (?:is not |before def)"
    r"|[Uu]ndefined symbol '(?P<other>\w+)'"
)
_DECLARED = re.compile(
    r"\b(?:gate|opaque|qreg|creg|let|(?:qubit|bit|float|angle)(?:\s*\[[^\]]*\])?)"
    r"\s+([A-Za-z_]\w*)"
)
_ENDS = (";", "{", "}")
_STARTS = ";{})@"
"""What stands before a statement, and so before the name of a gate."""


def explain(
    text: Text, form: str, message: str, line: int, column: int, *, syntax: bool
) -> BadCircuitText:
    """A parser's complaint with the place and what to type.

    Parameters
    ----------
    text
        The program.
    form
        Its format.
    message
        What the parser said.
    line, column
        Where, both from 1.
    syntax
        Whether the grammar was broken there, so that a semicolon may be missing above.
    """
    if syntax and (found := _missing_semicolon(text, line, column)) is not None:
        return found
    name = _unknown_name(message)
    if name is not None:
        column = _column_of(text, name, line, column)
        message = _about_name(text, form, name, line, column)
    where = text.place(line, column)
    return BadCircuitText(message, where=where, line=where.line, column=where.column)


def _missing_semicolon(text: Text, line: int, column: int) -> BadCircuitText | None:
    if text.code_line(line)[: column - 1].strip():
        return None
    above = text.last_code_before(line)
    if above is None or above[1].endswith(_ENDS):
        return None
    number, code = above
    where = text.place(number, len(code) + 1)
    return BadCircuitText(
        f"line {number} does not end with ';'; write {code.strip()[:80]};",
        where=where,
        line=where.line,
        column=where.column,
    )


def _unknown_name(message: str) -> str | None:
    found = _NAMED.search(message)
    if found is None or "already" in message:
        return None
    name: str = found["name"] or found["other"]
    return name


def _about_name(text: Text, form: str, name: str, line: int, column: int) -> str:
    include = STANDARD[form]
    if name in GATES[form] and include not in text.code:
        return (
            f"gate '{name}' is not defined without the standard gates;"
            f' write include "{include}"; below the first line'
        )
    known = {found[1] for found in _DECLARED.finditer(text.code)}
    before = text.code_line(line)[: column - 1].rstrip()
    if not before or before[-1] in _STARTS:
        known |= GATES[form]
    return f"'{name}' is not defined{did_you_mean(name, known)}"


def _column_of(text: Text, name: str, line: int, column: int) -> int:
    """Where the name stands in its line: one parser counts from the file's start."""
    code = text.code_line(line)
    if code[column - 1 :].startswith(name):
        return column
    found = re.search(rf"\b{re.escape(name)}\b", code)
    return column if found is None else found.start() + 1
