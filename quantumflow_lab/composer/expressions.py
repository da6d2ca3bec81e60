"""Expressions that people type into forms, and the names that they read."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping

from quantumflow_lab.cell.names import USUAL_IMPORTS, free_names
from quantumflow_lab.edit.source import expression
from quantumflow_lab.errors import EditRefused

_IMPORTS = {**USUAL_IMPORTS, "pi": "from math import pi"}


def expressions(texts: Mapping[str, str], what: str) -> dict[str, str]:
    """Arguments of a call, each a Python expression on one line.

    Raises
    ------
    EditRefused
        Naming the argument that is none.
    """
    found = {name: expression(text, f"{what}({name}=)") for name, text in texts.items()}
    for name, text in found.items():
        if "\n" in text or "#" in text:
            raise EditRefused(f"{what}({name}=) takes a value on one line")
    return found


def names_of(lines: Iterable[str]) -> tuple[str, ...]:
    """Names that a body reads and does not bind."""
    body = "\n".join(f"    {line}" for line in lines)
    return free_names(*ast.parse(f"def f():\n{body}\n").body)


def imports_of(
    names: Iterable[str], have: Collection[str], given: Mapping[str, str]
) -> dict[str, str]:
    """The imports that a body lacks, of those that are known.

    Examples
    --------
    >>> imports_of(["pi", "theta", "np"], {"np"}, {})
    {'pi': 'from math import pi'}
    """
    known = {**_IMPORTS, **given}
    return {n: known[n] for n in names if n in known and n not in have}
