"""Named queries without what holds anyway, and as a person may ask them again."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OPTIONAL = re.compile(r"(\s*)AND \(\$(\w+) IS NULL OR (.*)\)")
_NAME = re.compile(r"\$(\w+)")


def pruned(sql: str, params: Mapping[str, object]) -> str:
    """SQL without the conditions on parameters that are None.

    DuckDB would find that they hold, but read the tables that they name all the same.

    Parameters
    ----------
    sql
        A condition that may be left out has a line of its own, such as
        ``AND ($name IS NULL OR name = $name)``.
    params
        A parameter that is not given is None.

    Examples
    --------
    >>> sql = "SELECT 1\\nWHERE true\\n    AND ($name IS NULL OR name = $name)"
    >>> print(pruned(sql, {"name": "bell"}))
    SELECT 1
    WHERE true
        AND name = $name
    >>> print(pruned(sql, {}))
    SELECT 1
    WHERE true
    """
    lines = []
    for line in sql.splitlines():
        optional = _OPTIONAL.fullmatch(line)
        if optional is None:
            lines.append(line)
        elif params.get(optional[2]) is not None:
            lines.append(f"{optional[1]}AND {optional[3]}")
    return "\n".join(lines)


def names_in(sql: str) -> set[str]:
    """Names of the parameters of a query."""
    return set(_NAME.findall(sql))


def with_values(sql: str, params: Mapping[str, object]) -> str:
    """The same with values in place of parameters, and without comments.

    Parameters
    ----------
    sql
        As in :func:`pruned`.
    params
        Numbers, texts or None.

    Examples
    --------
    >>> print(with_values("-- A name.\\nSELECT $name, $n", {"name": "it's"}))
    SELECT 'it''s', NULL
    """
    lines = pruned(sql, params).splitlines()
    said = "\n".join(line for line in lines if not line.startswith("--"))
    return _NAME.sub(lambda found: _literal(params.get(found[1])), said)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"no literal for a {type(value).__name__}")
