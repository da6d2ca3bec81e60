"""OpenQASM 3, read by the reference parser and Qiskit's importer for it."""

from __future__ import annotations

import re
from typing import Any

import openqasm3
from openqasm3.parser import QASM3ParsingError
from qiskit.circuit.exceptions import CircuitError
from qiskit_qasm3_import import ConversionError
from qiskit_qasm3_import.converter import ConvertVisitor, GateBuilder
from qiskit_qasm3_import.types import Gate

from quantumflow_lab.errors import BadCircuitText
from quantumflow_lab.sources.hints import explain
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.sources.text import Text, too_many

_LEXER = re.compile(r"L(\d+):C(\d+): (.*)", re.DOTALL)
_WORDS = re.compile("[A-Z][a-z]+")
_FAULTS = (CircuitError, IndexError, TypeError, ValueError, ArithmeticError)
"""What the importer lets through, without a place."""
_PLACE = re.compile(r"(\d+),(\d+): (.*)", re.DOTALL)


def read_qasm3(text: Text, limits: Limits) -> Any:
    """The circuit of a program.

    Raises
    ------
    BadCircuitText
        With the place and what to type.
    CircuitTooLarge
        As soon as it has more instructions than the limit.
    """
    try:
        program = openqasm3.parse(text.source)
    except QASM3ParsingError as error:
        raise _syntax(text, error) from None
    try:
        return _Converter(text, limits).convert(program).circuit
    except ConversionError as error:
        found = _PLACE.match(error.message)
        if found is None:
            raise BadCircuitText(error.message) from None
        line, column = int(found[1]), int(found[2]) + 1
        raise explain(text, "qasm3", found[3], line, column, syntax=False) from None


def _syntax(text: Text, error: QASM3ParsingError) -> BadCircuitText:
    found = _LEXER.match(str(error))
    if found is not None:
        line, column, what = int(found[1]), int(found[2]) + 1, found[3]
        return explain(text, "qasm3", what, line, column, syntax=True)
    cause = error.__cause__
    while cause is not None and cause.args and isinstance(cause.args[0], Exception):
        cause = cause.args[0]
    token = getattr(cause, "offendingToken", None)
    if token is None:
        return BadCircuitText("it does not parse as OpenQASM 3")
    what = f"{token.text[:80]!r} does not fit here"
    line, column = token.line, token.column + 1
    if token.type == -1:
        what = "the text ends in the middle of a statement"
        line, column = text.source.count("\n") + 2, 1
    return explain(text, "qasm3", what, line, column, syntax=True)


class _Converter(ConvertVisitor):
    """The importer, which says where each fault is and stops at the limit."""

    def __init__(self, text: Text, limits: Limits):
        super().__init__()
        self._text = text
        self._limits = limits

    def visit(self, node: Any, context: Any = None) -> Any:
        try:
            found = super().visit(node, context)
        except _FAULTS as error:
            raise _told(node, error) from error
        most = self._limits.instructions
        if context is not None and len(context.circuit.data) > most:
            where = self._text.place(node.span.start_line, node.span.start_column + 1)
            raise too_many("instructions", most, where)
        return found

    def visit_QuantumGate(self, node: Any, context: Any) -> Any:  # noqa: N802
        symbol = context.symbol_table.get(node.name.name, node)
        if symbol is not None and isinstance(symbol.type, Gate):
            name, kind = node.name.name, symbol.type
            _check_count(name, "angle", kind.n_classical, len(node.arguments))
            if not node.modifiers:
                _check_count(name, "qubit", kind.n_quantum, len(node.qubits))
        return super().visit_QuantumGate(node, context)

    def visit_QuantumGateDefinition(self, node: Any, context: Any) -> Any:  # noqa: N802
        context = super().visit_QuantumGateDefinition(node, context)
        # The importer binds angles in the order of their names; they are meant in the
        # order in which the gate declares them.
        symbol = context.symbol_table.get(node.name.name, node)
        definition = symbol.data._definition
        by_name = {each.name: each for each in definition.parameters}
        order = [by_name[argument.name] for argument in node.arguments]
        symbol.data = GateBuilder(node.name.name, definition, order)
        return context

    def generic_visit(self, node: Any, context: Any = None) -> Any:
        what = " ".join(_WORDS.findall(type(node).__name__)).lower()
        raise ValueError(f"Qiskit has no {what}; write the program without it")


def _check_count(gate: str, what: str, takes: Any, got: int) -> None:
    # The importer has their number, or a list of their types.
    takes = takes if isinstance(takes, int) else len(takes)
    if takes != got:
        things = what if takes == 1 else f"{what}s"
        raise ValueError(f"gate '{gate}' takes {takes} {things}, but got {got}")


def _told(node: Any, error: Exception) -> ConversionError:
    message = getattr(error, "message", None) or str(error)
    return ConversionError(message.strip("'\""), node)
