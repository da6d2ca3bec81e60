"""A named query as a person may ask it again, the values of its parameters in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OPTIONAL = re.compile(r"(\s*)AND \(\$(\w+) IS NULL OR (.*)\)")
_NAME = re.compile(r"\$(\w+)")


def with_values(sql: str, params: Mapping[str, object]) -> str:
    """SQL with its parameters filled in, and without conditions that hold anyway.

    Parameters
    ----------
    sql
        With parameters such as ``$name``. A condition that may be left out has a line
        of its own, ``AND ($name IS NULL OR …)``.
    params
        Numbers, texts or None; a parameter that is not given is None.

    Examples
    --------
    >>> sql = "SELECT 1\\nWHERE true\\n    AND ($name IS NULL OR name = $name)"
    >>> print(with_values(sql, {"name": "it's"}))
    SELECT 1
    WHERE true
        AND name = 'it''s'
    >>> print(with_values(sql, {}))
    SELECT 1
    WHERE true
    """
    lines = []
    for line in sql.splitlines():
        optional = _OPTIONAL.fullmatch(line)
        if line.startswith("--") or (optional and params.get(optional[2]) is None):
            continue
        said = f"{optional[1]}AND {optional[3]}" if optional else line
        lines.append(_NAME.sub(lambda found: _literal(params.get(found[1])), said))
    return "\n".join(lines)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"no literal for a {type(value).__name__}")
