"""Errors in what a magic line names, told with that line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quantumflow_lab.cell.text import MAGIC
from quantumflow_lab.errors import UnknownBackend, UnknownOption, UnknownStep, Where
from quantumflow_lab.magics.place import Place


@contextmanager
def on_the_line(place: Place, line: str) -> Iterator[None]:
    """Quote the magic line with a name on it that nothing has.

    Names in the body bring the line of the body with them.
    """
    __tracebackhide__ = True
    try:
        yield
    except (UnknownBackend, UnknownOption, UnknownStep) as error:
        if error.where is not None:
            raise
        where = Where(place.label, place.first_line, f"{MAGIC} {line}")
        raise type(error)(error.message, where=where, **error.facts) from None
