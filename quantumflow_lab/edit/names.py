"""Which names a cell may give."""

from __future__ import annotations

import keyword

from quantumflow_lab.errors import EditRefused


def check_identifier(name: str) -> None:
    """Refuse what Python does not take as the name of a step, an axis or a dial.

    Raises
    ------
    EditRefused
        Saying what to type instead.

    Examples
    --------
    >>> check_identifier("for")
    Traceback (most recent call last):
      ...
    quantumflow_lab.errors.EditRefused: 'for' is a word of Python itself; write for_
    """
    if keyword.iskeyword(name):
        raise EditRefused(f"'{name}' is a word of Python itself; write {name}_")
    if not name.isidentifier():
        raise EditRefused(f"'{name}' is no Python name; use letters, digits and _")
