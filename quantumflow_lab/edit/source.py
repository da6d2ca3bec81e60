"""The text of a cell with every place in it as an offset, and changes of it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from quantumflow_lab.cell import read_cell
from quantumflow_lab.cell.reading import Parts, read_parts
from quantumflow_lab.cell.text import MAGIC, CellText, split_cell
from quantumflow_lab.errors import EditRefused, QuantumFlowError, did_you_mean

_LINE_END = re.compile(r"\r\n|\r|\n")
_SKIPPED = frozenset(
    {
        *(tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT),
        tokenize.ENDMARKER,
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """A piece of the text, and what takes its place."""

    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of Python, comments included, line ends and indents left out."""

    text: str
    start: int
    end: int
    comment: bool


@dataclass(frozen=True)
class Source:
    """A cell, its magic line included.

    Offsets count characters of the whole text; lines are those of the cell, the magic
    line first.
    """

    text: str

    @cached_property
    def newline(self) -> str:
        """How lines end in this cell."""
        found = _LINE_END.search(self.text)
        return found[0] if found else "\n"

    @cached_property
    def above(self) -> int:
        """Empty lines above the magic line."""
        return self._split[2]

    @cached_property
    def _split(self) -> tuple[str, str, int]:
        magic, body, above = split_cell(self.text)
        if magic is None:
            raise EditRefused(f"the cell needs a first line such as {MAGIC} bell")
        return magic, body, above

    @cached_property
    def lines(self) -> list[tuple[int, int]]:
        """Start and end of each line from the magic line on, line ends left out."""
        ends = [*_LINE_END.finditer(self.text)]
        starts = [0, *(each.end() for each in ends)]
        stops = [*(each.start() for each in ends), len(self.text)]
        return list(zip(starts, stops, strict=True))[self.above :]

    @cached_property
    def cell(self) -> CellText:
        """As the reader of cells takes it."""
        magic, body, above = self._split
        return CellText(body, "cell", magic, first_line=1 + above)

    @cached_property
    def parts(self) -> Parts:
        """Its statements.

        Raises
        ------
        CellError
            If it is not Python, or something stands at its top that may not.
        """
        return read_parts(self.cell)

    @cached_property
    def tokens(self) -> list[Token]:
        """All tokens of the body."""
        rows = ["", *(self.line(n) for n in range(2, len(self.lines) + 1))]
        readline = io.StringIO("\n".join(rows) + "\n").readline
        return [
            Token(
                each.string,
                self.lines[each.start[0] - 1][0] + each.start[1],
                self.lines[each.end[0] - 1][0] + each.end[1],
                each.type == tokenize.COMMENT,
            )
            for each in tokenize.generate_tokens(readline)
            if each.type not in _SKIPPED
        ]

    def line(self, number: int) -> str:
        """The text of a line, the magic line being line 1."""
        start, end = self.lines[number - 1]
        return self.text[start:end]

    def blank(self, number: int) -> bool:
        """Whether a line is empty."""
        return not self.line(number).strip()

    def line_of(self, offset: int) -> int:
        """The line in which an offset lies."""
        return sum(start <= offset for start, _ in self.lines)

    def offset(self, line: int, column: int) -> int:
        """Where :mod:`ast` says something is: it counts columns in bytes."""
        encoded = self.line(line).encode()[:column]
        return self.lines[line - 1][0] + len(encoded.decode(errors="ignore"))

    def start(self, node: ast.AST) -> int:
        """Offset of the first character of a node."""
        return self.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]  # of nodes with a place

    def end(self, node: ast.AST) -> int:
        """Offset behind the last character of a node."""
        return self.offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]  # as above

    def typed(self, text: str) -> str:
        """A text with the line ends of this cell."""
        return self.newline.join(_LINE_END.split(text))

    def step(self, name: str) -> ast.FunctionDef:
        """The function of a step.

        Raises
        ------
        EditRefused
            Naming the nearest one.
        """
        node = self.parts.nodes.get(name)
        if node is None:
            hint = did_you_mean(name, self.parts.nodes)
            raise EditRefused(f"there is no step '{name}'{hint}")
        return node

    @property
    def readable(self) -> bool:
        """Whether the reader of cells finds no fault."""
        try:
            read_cell(self.text)
        except QuantumFlowError:
            return False
        return True

    def change(self, *changes: Change) -> str:
        """The text with some of its pieces replaced.

        Raises
        ------
        EditRefused
            With the reader's message, if the cell could be read and no longer can.
        """
        text = replaced(self.text, changes)
        if text == self.text:
            return text
        try:
            if self.readable:
                read_cell(text)
            else:
                # What is wrong elsewhere is no fault of this edit.
                _ = Source(text).parts
        except QuantumFlowError as error:
            raise EditRefused(
                error.message, where=error.where, **error.facts
            ) from error
        return text


def replaced(text: str, changes: Iterable[Change]) -> str:
    """A text with some of its pieces replaced, which may touch and not overlap.

    Examples
    --------
    >>> replaced("abc", [Change(2, 3, "z"), Change(0, 0, "x")])
    'xabz'
    """
    pieces, at = [], 0
    # Sorting is stable: of two at one place the first one given comes first.
    for each in sorted(changes, key=lambda each: (each.start, each.end)):
        pieces += [text[at : each.start], each.text]
        at = each.end
    return "".join([*pieces, text[at:]])


def expression(text: str, what: str) -> str:
    """The text of a value, if it is one Python expression.

    Raises
    ------
    EditRefused
        If it is not.
    """
    typed = text.strip()
    try:
        ast.parse(typed, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise EditRefused(
            f"{what} takes one Python expression such as 1000 or \"aer\"; '{typed}' is "
            f"none: {why}"
        ) from error
    tokens = tokenize.generate_tokens(io.StringIO(f"({typed}\n)").readline)
    end = typed.count("\n") + 1
    if any(t.type == tokenize.COMMENT and t.start[0] == end for t in tokens):
        # It would hide what follows on the line.
        raise EditRefused(
            f"{what} takes a value without a comment behind it; '{typed}' has one"
        )
    return typed
