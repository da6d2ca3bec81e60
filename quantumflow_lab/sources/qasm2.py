"""OpenQASM 2, read by Qiskit's own parser."""

from __future__ import annotations

import re
from typing import Any

from qiskit import qasm2

from quantumflow_lab.errors import BadCircuitText
from quantumflow_lab.sources.hints import explain
from quantumflow_lab.sources.text import Text

_PLACE = re.compile(r"<input>:(\d+),(\d+): (.*)", re.DOTALL)
_SYNTAX = re.compile(r"needed|unexpected end-of-file|doesn't match any valid token")
_GATE_CLASS = re.compile(r"(\w+)Gate\.__init__\(\)")


def read_qasm2(text: Text) -> Any:
    """The circuit of a program, with the gates that ``QuantumCircuit`` writes.

    Raises
    ------
    BadCircuitText
        With the place and what to type.
    """
    try:
        return qasm2.loads(
            text.source,
            include_path=(),
            custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )
    except qasm2.QASM2Error as error:
        raise _explained(text, error.message) from None
    except TypeError as error:
        # Gates beside the standard ones are not checked for the number of angles.
        raise _wrong_angles(text, str(error)) from None


def _explained(text: Text, message: str) -> BadCircuitText:
    found = _PLACE.search(message)
    if found is None:
        return BadCircuitText(message)
    line, column, what = int(found[1]), int(found[2]) + 1, found[3]
    ended = "end-of-file" in what
    if ended:
        line, column = text.source.count("\n") + 2, 1
    syntax = _SYNTAX.match(what) is not None
    return explain(text, "qasm2", what, line, column, syntax=syntax)


def _wrong_angles(text: Text, message: str) -> BadCircuitText:
    found = _GATE_CLASS.search(message)
    if found is None:
        return BadCircuitText(message)
    name = found[1].lower()
    what = f"gate '{name}' has the wrong number of angles: {message.split('() ')[-1]}"
    call = re.search(rf"^\s*({re.escape(name)})\b", text.code, re.MULTILINE)
    where = None if call is None else text.place_at(call.start(1))
    return BadCircuitText(what, where=where, gate=name)
