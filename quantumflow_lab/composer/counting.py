"""How many values an axis has, as far as its text alone tells."""

from __future__ import annotations

import ast
from collections.abc import Mapping


def listed(text: str | None) -> list[str]:
    """Names with commas between them.

    Examples
    --------
    >>> listed("aer, fake_lima"), listed(None)
    (['aer', 'fake_lima'], [])
    """
    return [each.strip() for each in (text or "").split(",") if each.strip()]


def axis_unit(source: str) -> str | None:
    """The unit in ``qf.axis(values, unit="s")``."""
    for name, value in _arguments(source):
        if name in ("unit", "1") and isinstance(value, ast.Constant):
            return value.value if isinstance(value.value, str) else None
    return None


def axis_size(source: str, literals: Mapping[str, str]) -> int | None:
    """The number of values in ``qf.axis(values)``, None if running it alone would tell.

    Parameters
    ----------
    source
        The right-hand side.
    literals
        Text of each assignment that is a literal.

    Examples
    --------
    >>> axis_size("qf.axis(np.linspace(0, 1, n + 1))", {"n": "20"})
    21
    >>> axis_size("qf.axis(range(0, 10, 3))", {}), axis_size("qf.axis(mine())", {})
    (4, None)
    """
    values = dict(_arguments(source))
    node = values.get("values", values.get("0"))
    return None if node is None else _size(node, literals)


def _arguments(source: str) -> list[tuple[str, ast.expr]]:
    """Arguments of a call by name, or by number."""
    try:
        # In brackets, since an assignment may go on over several lines in its own.
        node = ast.parse(f"({source}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return []
    return _given(node) if isinstance(node, ast.Call) else []


def _given(node: ast.Call) -> list[tuple[str, ast.expr]]:
    by_number = [(str(n), each) for n, each in enumerate(node.args)]
    return by_number + [(str(each.arg), each.value) for each in node.keywords]


def _size(node: ast.expr, literals: Mapping[str, str]) -> int | None:
    if isinstance(node, ast.List | ast.Tuple):
        starred = any(isinstance(each, ast.Starred) for each in node.elts)
        return None if starred else len(node.elts)
    if isinstance(node, ast.Name) and node.id in literals:
        value = ast.literal_eval(literals[node.id])
        return len(value) if isinstance(value, list | tuple) else None
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func).rpartition(".")[2]
    given = dict(_given(node))
    if name in ("linspace", "logspace", "geomspace"):
        count = given.get("num", given.get("2"))
        return 50 if count is None else _number(count, literals)
    if name in ("range", "arange"):
        bounds = [_number(each, literals) for each in node.args]
        if bounds and not node.keywords and None not in bounds:
            return _range(bounds)  # type: ignore[arg-type]  # no None by the line above
    if name in ("list", "sorted", "array", "asarray") and len(node.args) == 1:
        return _size(node.args[0], literals)
    return None


def _range(bounds: list[int]) -> int | None:
    try:
        return len(range(*bounds))
    except (TypeError, ValueError, OverflowError):
        return None


def _number(node: ast.expr, literals: Mapping[str, str]) -> int | None:
    """A whole number, perhaps of sums and products of others."""
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            return value
        case ast.Name(id=name) if name in literals:
            value = ast.literal_eval(literals[name])
            return value if type(value) is int else None
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            number = _number(inner, literals)
            return None if number is None else -number
        case ast.BinOp(left=left, op=op, right=right):
            one, two = _number(left, literals), _number(right, literals)
            if one is None or two is None:
                return None
            match op:
                case ast.Add():
                    return one + two
                case ast.Sub():
                    return one - two
                case ast.Mult():
                    return one * two
    return None
