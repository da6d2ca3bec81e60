"""Colours for cells: Python, with the lines that belong to IPython."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pygments.lexer import bygroups, inherit
from pygments.lexers.python import PythonLexer
from pygments.token import Keyword, Operator, Punctuation, String

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class CellLexer(PythonLexer):
    """Python with magics, as ``%%qflow bell --backend aer``, and with … in it."""

    name = "Cell"
    aliases: ClassVar[list[str]] = ["cell"]
    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"^([ \t]*%%?)(\w+)(.*\n)", bygroups(Operator, Keyword, String)),
            ("…", Punctuation),
            inherit,
        ]
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    for language in ("python", "py", "ipython3"):
        app.add_lexer(language, CellLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
