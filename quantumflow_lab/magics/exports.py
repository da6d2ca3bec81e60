"""The options of ``%qflow export``, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from quantumflow_lab.errors import MagicLineError, did_you_mean
from quantumflow_lab.magics.table import Table

EXPORT_OPTIONS = ("--as", "--to", "--force")
_KEYWORDS = {"--as": "form", "--to": "to"}


def export_options(words: Sequence[str]) -> dict[str, Any]:
    """Keywords of :meth:`quantumflow_lab.Lab.export` from the words of a line.

    Raises
    ------
    MagicLineError
        Naming the nearest option, or one that lacks its value.

    Examples
    --------
    >>> export_options(["--as", "html", "--to=out", "--force"])
    {'form': 'html', 'to': 'out', 'force': True}
    """
    found: dict[str, Any] = {}
    left = list(words)
    while left:
        option, equals, value = left.pop(0).partition("=")
        if option == "--force" and not equals:
            found["force"] = True
        elif option not in _KEYWORDS:
            hint = did_you_mean(option, EXPORT_OPTIONS)
            raise MagicLineError(f"%qflow export has no option {option}{hint}")
        elif not equals and not left:
            example = "py" if option == "--as" else "reports/bell.html"
            raise MagicLineError(f"{option} needs a value, such as {option} {example}")
        else:
            found[_KEYWORDS[option]] = value if equals else left.pop(0)
    return found


def written_table(paths: Iterable[Path]) -> Table:
    """The files that were written, and their sizes."""
    rows = ({"file": str(path), "bytes": path.stat().st_size} for path in paths)
    return Table.of(rows, "file", "bytes")
