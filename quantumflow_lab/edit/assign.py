"""Edits of dials and axes: the assignments at the top of a cell."""

from __future__ import annotations

import ast

from quantumflow_lab.edit.blocks import put_in, taken_out
from quantumflow_lab.edit.names import check_identifier
from quantumflow_lab.edit.source import Change, Source, expression
from quantumflow_lab.errors import EditRefused


def assign(source: Source, name: str, text: str | None) -> str:
    """Give a name another value, add one above the first step, or remove it.

    Parameters
    ----------
    source
        The cell.
    name
        Of a dial or an axis.
    text
        The right-hand side as Python; None removes the statement.

    Raises
    ------
    EditRefused
        If the name is no assignment of its own, or the value no expression.

    Examples
    --------
    >>> print(assign(Source("%%qflow t\\nn = 3  # rounds"), "n", "4"))
    %%qflow t
    n = 4  # rounds
    """
    node = source.parts.statements.get(name)
    if node is None:
        return source.text if text is None else _new(source, name, text)
    value = _value(source, node, name)
    if text is None:
        return source.change(taken_out(source, node))
    typed = source.typed(expression(text, f"'{name}'"))
    return source.change(Change(source.start(value), source.end(value), typed))


def _new(source: Source, name: str, text: str) -> str:
    check_identifier(name)
    typed = source.typed(expression(text, f"'{name}'"))
    return source.change(put_in(source, f"{name} = {typed}"))


def _value(source: Source, node: ast.stmt, name: str) -> ast.expr:
    match node:
        case ast.Assign(targets=[ast.Name()], value=value):
            return value
        case ast.AnnAssign(value=ast.expr() as value):
            return value
        case ast.Assign():
            raise EditRefused(
                f"'{name}' is assigned together with other names, in line "
                f"{node.lineno}; change that line in the text",
                line=node.lineno,
            )
    what = "a step" if name in source.parts.nodes else "no assignment"
    raise EditRefused(f"'{name}' is {what}, in line {node.lineno}", line=node.lineno)
