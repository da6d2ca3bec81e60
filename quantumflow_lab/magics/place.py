"""Where a cell stands, so that tracebacks, getsource and breakpoints point at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantumflow_lab.cell_text import MAGIC

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True, slots=True)
class Place:
    """A ``%%qflow`` cell among the cells of a notebook."""

    file: str
    """File name to compile under, the one the debugger knows."""
    label: str
    """What messages call it, such as ``Cell In[8]``."""
    first_line: int
    """Line of the magic line."""


def place_of(shell: InteractiveShell, line: str, body: str) -> Place:
    """Find the running cell, and have IPython remember its text as typed.

    The name that ipykernel's compiler gives is a hash of the raw text, which the
    front end's debugger computes as well. Line numbers are those of the raw text, also
    below ``%%time``.
    """
    running = getattr(shell.displayhook, "exec_result", None)
    raw = "" if running is None else running.info.raw_cell
    number = shell.execution_count if running is None else running.execution_count
    first_line = _line_of_magic(raw, body)
    if first_line is None:
        raw, first_line = f"{MAGIC} {line}\n{body}", 1
    file = shell.compile.cache(raw, number, raw_code=raw)
    return Place(file, f"Cell In[{number}]", first_line)


def _line_of_magic(raw: str, body: str) -> int | None:
    """The line above `body` in the text of the request."""
    lines = raw.splitlines()
    wanted = body.rstrip()
    for n, text in enumerate(lines, start=1):
        if text.strip().startswith(MAGIC) and "\n".join(lines[n:]).rstrip() == wanted:
            return n
    return None
