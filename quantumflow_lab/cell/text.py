"""The text of a cell, and places in it.

Lines are counted from 1 with the magic line as line 1. Columns are counted in
characters, where :mod:`ast` counts bytes.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import cached_property

from quantumflow_lab.errors import CellSyntaxError, MagicLineError, Where
from quantumflow_lab.workflow import Span

MAGIC = "%%qflow"
LONGEST = 160
"""Characters of a line that a message quotes."""

# What Python counts as ends of lines; str.splitlines() knows more of them.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class CellText:
    """The body of a cell and where it stands."""

    body: str
    """Text below the magic line."""
    name: str = "cell"
    """Name of the workflow."""
    magic: str | None = None
    """The magic line, if the text came with it."""
    file: str = "cell"
    """What messages call the cell."""
    first_line: int = 1
    """Line of the magic line in that file."""

    @cached_property
    def lines(self) -> list[str]:
        """All lines, the magic line first."""
        return [self.magic or f"{MAGIC} {self.name}", *_LINE_END.split(self.body)]

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed body; its line numbers are those of the cell.

        Raises
        ------
        CellSyntaxError
            With Python's own message, line and caret.
        """
        source = "\n" + self.body
        try:
            with warnings.catch_warnings():
                # Told once, when the cell is compiled for good.
                warnings.simplefilter("ignore", SyntaxWarning)
                # Some errors, such as a 'break' without a loop, only compiling finds.
                compile(source, self.file, "exec", dont_inherit=True)
                return ast.parse(source)
        except SyntaxError as error:
            raise self._syntax_error(error) from error
        except ValueError as error:
            raise CellSyntaxError(f"this cell is not Python: {error}") from error
        except (RecursionError, MemoryError) as error:
            message = "this cell is nested too deeply for Python; take it apart"
            raise CellSyntaxError(message) from error

    def where(self, place: int | ast.AST | Span) -> Where:
        """The place of a node, span or line, for messages."""
        if isinstance(place, ast.AST):
            line = int(getattr(place, "lineno", 1))
        else:
            line = place.line if isinstance(place, Span) else place
        return Where(self.file, line + self.first_line - 1, self._quoted(line))

    def _quoted(self, line: int) -> str:
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return source if len(source) <= LONGEST else source[: LONGEST - 1] + "…"

    def span(self, node: ast.expr | ast.stmt, start: ast.AST | None = None) -> Span:
        """Where a node stands; ``start`` is an earlier node to begin with."""
        first = node if start is None else start
        line, column = getattr(first, "lineno", 1), getattr(first, "col_offset", 0)
        end_line, end = node.end_lineno or line, node.end_col_offset or column
        start_column = self._chars(line, column)
        return Span(line, start_column, end_line, self._chars(end_line, end))

    def text(self, span: Span) -> str:
        """The text of a span."""
        lines = self.lines[span.line - 1 : span.end_line]
        lines[-1] = lines[-1][: span.end_column]
        lines[0] = lines[0][span.column :]
        return "\n".join(lines)

    def _chars(self, line: int, offset: int) -> int:
        encoded = self.lines[line - 1].encode()[:offset]
        return len(encoded.decode(errors="ignore"))

    def _syntax_error(self, error: SyntaxError) -> CellSyntaxError:
        line = error.lineno or 1
        if line == 1:
            # The magic line is not Python's to judge: it stands for the whole cell.
            return CellSyntaxError(f"this cell is not Python: {error.msg}")
        source = self._quoted(line)
        message = error.msg
        if source.lstrip().startswith(("%", "!")):
            message += "; magics and ! commands belong in a cell of their own"
        column = min((error.offset or 1) - 1, LONGEST)
        return CellSyntaxError(
            message,
            where=_CaretWhere(
                self.file, line + self.first_line - 1, source, column=column
            ),
            line=line,
            column=column,
        )


@dataclass(frozen=True, slots=True)
class _CaretWhere(Where):
    """A place with a caret below it, as Python prints syntax errors."""

    column: int = 0

    def __str__(self) -> str:
        quoted = Where.__str__(self)
        indent = len(self.source) - len(self.source.lstrip())
        head = len(quoted) - len(self.source.strip())
        return f"{quoted}\n{' ' * (head + max(self.column - indent, 0))}^"


def split_cell(text: str) -> tuple[str | None, str, int]:
    """Take a cell apart: its magic line if it has one, its body, blank lines above.

    Raises
    ------
    MagicLineError
        If there is a comment above the magic line, which hides it from IPython.
    """
    lines = _LINE_END.split(text)
    for n, line in enumerate(lines):
        stripped = line.strip()
        if stripped == MAGIC or stripped.startswith(MAGIC + " "):
            _refuse_comment(lines[:n])
            return stripped, "\n".join(lines[n + 1 :]), n
        if stripped and not stripped.startswith("#"):
            break
    return None, text, 0


def misplaced_magic(text: str, *, file: str = "cell") -> MagicLineError | None:
    """The error to raise for a cell whose ``%%qflow`` is hidden below a comment.

    IPython takes such a cell for Python; an input transformer asks here first.
    """
    try:
        split_cell(text)
    except MagicLineError as error:
        where = error.where
        place = None if where is None else Where(file, where.line, where.source)
        return MagicLineError(error.message, where=place)
    return None


def _refuse_comment(above: list[str]) -> None:
    for n, line in enumerate(above, start=1):
        if line.strip():
            message = f"{MAGIC} must be the first line; move this comment below it"
            raise MagicLineError(message, where=Where("cell", n, line))
