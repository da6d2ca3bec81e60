"""The source of a class of a notebook, which Python before 3.13 does not find."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType


def source_of(value: object) -> str:
    """Source of a function or class, as :func:`inspect.getsource` gives it.

    A class of a notebook stands around its methods, which know their cell.

    Raises
    ------
    OSError, TypeError
        If it is not known.
    """
    try:
        return inspect.getsource(value)  # type: ignore[arg-type]  # raises TypeError
    except (OSError, TypeError):
        found = _around_methods(value) if isinstance(value, type) else None
        if found is None:
            raise
        return found


def _around_methods(kind: type) -> str | None:
    for code in _codes(kind):
        lines = linecache.getlines(code.co_filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and _holds(node, kind, code):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                return "".join(lines[first - 1 : node.end_lineno])
    return None


def _codes(kind: type) -> Iterator[CodeType]:
    for member in vars(kind).values():
        plain = getattr(member, "fget", None) or getattr(member, "__func__", member)
        plain = inspect.unwrap(plain) if callable(plain) else plain
        if isinstance(plain, FunctionType):
            yield plain.__code__


def _holds(node: ast.ClassDef, kind: type, code: CodeType) -> bool:
    end = node.end_lineno or node.lineno
    return node.name == kind.__name__ and node.lineno <= code.co_firstlineno <= end
