"""Where a cell stands, so that tracebacks, getsource and breakpoints point at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantumflow_lab.cell.text import MAGIC

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
    raw, number = _request(shell) or _running(shell)
    first_line = _line_of_magic(raw, body)
    if first_line is None:
        raw, first_line = f"{MAGIC} {line}\n{body}", 1
    file = shell.compile.cache(raw, number, raw_code=raw)
    return Place(file, f"Cell In[{number}]", first_line)


def _request(shell: InteractiveShell) -> tuple[str, int] | None:
    """Text and number of what a kernel was asked to run; of nothing in a terminal."""
    if not hasattr(shell, "get_parent"):
        return None
    content = shell.get_parent().get("content", {})
    counted = bool(content.get("store_history", True))
    return str(content.get("code", "")), shell.execution_count - counted


def _running(shell: InteractiveShell) -> tuple[str, int]:
    """Text and number of the cell that a terminal runs."""
    running = getattr(shell.displayhook, "exec_result", None)
    if running is None:
        return "", shell.execution_count
    return str(running.info.raw_cell), int(running.execution_count)


def _line_of_magic(raw: str, body: str) -> int | None:
    """The line above `body` in the text of the request."""
    lines = raw.splitlines()
    wanted = body.rstrip()
    for n, text in enumerate(lines, start=1):
        if text.strip().startswith(MAGIC) and "\n".join(lines[n:]).rstrip() == wanted:
            return n
    return None
