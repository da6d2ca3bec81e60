"""What is checked in OpenQASM text before any parser sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from quantumflow_lab.errors import (
    BadCircuitText,
    CircuitTooLarge,
    ForbiddenInclude,
    Where,
)
from quantumflow_lab.sources.limits import Limits

STANDARD = {"qasm2": "qelib1.inc", "qasm3": "stdgates.inc"}
"""The include that each format may have; Qiskit has it built in."""

_SKIPPED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NOT_NEWLINE = re.compile(r"[^\n]")
_INCLUDE = re.compile(r"\binclude\s*(?:\"([^\"\n]*)\"|'([^'\n]*)')")
_REGISTER = re.compile(
    r"\b(?:(?P<old>qreg|creg)\s+\w+\s*\[\s*(?P<a>\d[\d_]*)"
    r"|(?P<new>qubit|bit)\s*\[\s*(?P<b>\d[\d_]*))"
)
_SHOWN = 160
"""Characters of a line that a message quotes."""


@dataclass(frozen=True, slots=True)
class Place(Where):
    """A place in a circuit's text."""

    column: int = 1
    """Column, counted from 1."""

    def __str__(self) -> str:
        head = f"  {self.file}, line {self.line}, column {self.column}"
        quoted = self.source.strip()
        return f"{head}:  {quoted}" if quoted else head


class Text:
    """A program, and the same with comments blanked out.

    Parameters
    ----------
    source
        The program.
    file
        What to call it in messages.
    """

    def __init__(self, source: str, file: str):
        self.source = source
        self.file = file
        self.code = _SKIPPED.sub(_blank, source)
        """Without comments; every character stays at its place."""
        self._lines = source.split("\n")
        self._code_lines = self.code.split("\n")

    def place(self, line: int, column: int) -> Place:
        """A line and column, both from 1; what lies outside moves to the nearest."""
        line = min(max(line, 1), len(self._lines))
        quoted = self._lines[line - 1]
        shown = "".join(c if c.isprintable() else " " for c in quoted[:_SHOWN])
        return Place(self.file, line, shown, min(max(column, 1), len(quoted) + 1))

    def place_at(self, offset: int) -> Place:
        """The place of a character."""
        line = self.source.count("\n", 0, offset) + 1
        return self.place(line, offset - self.source.rfind("\n", 0, offset))

    def last_code_before(self, line: int) -> tuple[int, str] | None:
        """The nearest line above that has code, and that code; lines from 1."""
        for number in range(min(line - 1, len(self._code_lines)), 0, -1):
            if code := self._code_lines[number - 1].rstrip():
                return number, code
        return None

    def code_line(self, line: int) -> str:
        """The code of a line, counted from 1."""
        inside = 1 <= line <= len(self._code_lines)
        return self._code_lines[line - 1] if inside else ""


def _blank(found: re.Match[str]) -> str:
    text = found[0]
    return text if text[0] in "\"'" else _NOT_NEWLINE.sub(" ", text)


def decoded(data: bytes, file: str) -> str:
    """The text of a file.

    Raises
    ------
    BadCircuitText
        If it is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadCircuitText(
            f"line {line} of {file} is not UTF-8 text; save the file as UTF-8",
            line=line,
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_text(text: Text, form: str, limits: Limits) -> None:
    """Refuse what a parser must not even try.

    Raises
    ------
    ForbiddenInclude
        If it includes anything but the standard gates of its format.
    CircuitTooLarge
        If its registers or its nesting are beyond the limits.
    """
    _check_includes(text, form)
    _check_registers(text, limits)
    _check_depth(text, limits)


def _check_includes(text: Text, form: str) -> None:
    for found in _INCLUDE.finditer(text.code):
        name = found[1] if found[1] is not None else found[2]
        if name != STANDARD[form]:
            raise ForbiddenInclude(
                f"include {name[:80]!r} is not read, only {STANDARD[form]!r} is;"
                " put the gate definitions into this text",
                where=text.place_at(found.start()),
                include=name[:200],
            )


def _check_registers(text: Text, limits: Limits) -> None:
    qubits = clbits = 0
    for found in _REGISTER.finditer(text.code):
        digits = (found["a"] or found["b"]).replace("_", "").lstrip("0") or "0"
        size = int(digits[:12])
        if found["old"] == "qreg" or found["new"] == "qubit":
            qubits += size
        else:
            clbits += size
        where = text.place_at(found.start())
        if qubits > limits.qubits:
            raise too_many("qubits", limits.qubits, where)
        if clbits > limits.clbits:
            raise too_many("clbits", limits.clbits, where)


def _check_depth(text: Text, limits: Limits) -> None:
    codes = np.frombuffer(text.code.encode("utf-8"), dtype=np.uint8)
    opens = np.isin(codes, np.frombuffer(b"([{", dtype=np.uint8))
    closes = np.isin(codes, np.frombuffer(b")]}", dtype=np.uint8))
    depth = np.cumsum(opens.astype(np.int32) - closes.astype(np.int32))
    if depth.size and depth.max() > limits.depth:
        line = int(np.count_nonzero(codes[: int(depth.argmax())] == 10)) + 1
        raise CircuitTooLarge(
            f"brackets are nested more than {limits.depth} deep; write it flatter",
            where=text.place(line, 1),
            what="depth",
            limit=limits.depth,
        )


def too_many(what: str, limit: int, where: Where | None = None) -> CircuitTooLarge:
    """The error for a circuit with more of something than the limit."""
    words = {
        "clbits": "classical bits",
        "instructions": "instructions once gates and loops are expanded",
    }
    return CircuitTooLarge(
        f"the circuit has more than {limit} {words.get(what, what)};"
        f" if you trust its source, raise QFLOW_PARSE_{what.upper()}",
        where=where,
        what=what,
        limit=limit,
    )
