"""Ranges of numbers as their user wrote them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from quantumflow_lab.export.values import WIDTH

_NUMPY = {
    *("linspace", "arange", "logspace", "geomspace", "pi"),
}
_NODES = (
    *(ast.Expression, ast.Call, ast.keyword, ast.Attribute, ast.Name, ast.Load),
    *(ast.Constant, ast.List, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.operator),
    ast.unaryop,
)


def _is_plain(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in _EVALUATED
        case ast.Attribute(attr=name):
            return name in _NUMPY
        case ast.BinOp(op=ast.Pow() | ast.LShift()):
            return False
    return isinstance(node, _NODES)


def range_text(source: str, values: Sequence[Any]) -> str | None:
    """The text of an axis where it gives its values again, and nothing else.

    Only ranges of numpy and Python are tried, of numbers that stand there.

    Examples
    --------
    >>> range_text("qf.axis(np.linspace(0, 1, 3), unit='s')", (0.0, 0.5, 1.0))
    'np.linspace(0, 1, 3).tolist()'
    >>> range_text("qf.axis(delays)", (0.0, 0.5, 1.0)) is None
    True
    """
    call = ast.parse(source.strip() or "0", mode="eval").body
    if not isinstance(call, ast.Call) or len(call.args) != 1:
        return None
    given = call.args[0]
    text = ast.get_source_segment(source.strip(), given) or ""
    if len(text) > WIDTH or "\n" in text or not all(map(_is_plain, ast.walk(given))):
        return None
    names = {"__builtins__": {}, **_EVALUATED}
    try:
        found = eval(text, names)  # noqa: S307  # ranges of numbers, see above
        listed = found.tolist() if isinstance(found, np.ndarray) else list(found)
    except Exception:  # noqa: BLE001  # whatever numpy says of odd arguments
        return None
    if listed != list(values):
        return None
    if isinstance(found, np.ndarray):
        return f"{text}.tolist()"
    return text if isinstance(found, list) else f"list({text})"


_EVALUATED = {"np": np, "range": range, "list": list}
