"""Whole statements: where their lines begin and end, and the gaps around them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from quantumflow_lab.edit.source import Change, Source
from quantumflow_lab.errors import EditRefused


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of a statement."""

    first: int
    last: int
    """Included."""

    @classmethod
    def of(cls, source: Source, node: ast.stmt) -> Block:
        """The lines of a statement: decorators, and comments that end its body."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorators)])
        last = node.end_lineno or node.lineno
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            last = _comments_below(source, last)
        return cls(first, last)

    def above(self, source: Source) -> int:
        """Empty lines above."""
        count = 0
        while source.blank(self.first - 1 - count):
            count += 1
        return count

    def below(self, source: Source) -> int | None:
        """Empty lines below; None if nothing else follows."""
        for number in range(self.last + 1, len(source.lines) + 1):
            if not source.blank(number):
                return number - self.last - 1
        return None


def taken_out(source: Source, node: ast.stmt) -> Change:
    """Take a statement's lines out, with the smaller of the two gaps around it.

    Raises
    ------
    EditRefused
        If something else stands on its lines.
    """
    block = Block.of(source, node)
    _refuse_shared(source, node, block)
    above, below = block.above(source), block.below(source)
    before = block.first - 1 - above
    start = source.lines[before - 1][1]
    if below is None:
        return Change(start, source.lines[block.last - 1][1])
    # Below the magic line a statement that was put in brought its gap along.
    kept = min(above, below) if before == 1 else max(above, below)
    end = source.lines[block.last + below - 1][1]
    return Change(start, end, source.newline * kept)


def appended(source: Source, text: str) -> Change:
    """Put a statement below everything else, with the gap that steps have here."""
    last = max(
        n for n in range(1, len(source.lines) + 1) if n == 1 or not source.blank(n)
    )
    at = source.lines[last - 1][1]
    gap = _usual_gap(source) if source.cell.tree.body else 0
    return Change(at, at, source.newline * (gap + 1) + source.typed(text))


def put_in(source: Source, line: str) -> Change:
    """Put an assignment or an import above the first step, below what stands there."""
    nodes = {id(each) for each in source.parts.nodes.values()}
    head: list[ast.stmt] = []
    for node in source.cell.tree.body:
        if id(node) in nodes:
            break
        head.append(node)
    if head:
        return _behind(source, head[-1], line)
    number = 2
    while number <= len(source.lines) and source.blank(number):
        number += 1
    if number > len(source.lines):
        at = source.lines[0][1]
        return Change(at, at, source.newline + line)
    at = source.lines[number - 1][0]
    gap = max(number - 2, 1)
    return Change(at, at, line + source.newline * (gap + 1))


def _behind(source: Source, node: ast.stmt, line: str) -> Change:
    block = Block.of(source, node)
    at = source.lines[block.last - 1][1]
    below = block.below(source)
    alike = _is_import(node) == line.startswith(("import ", "from "))
    plain = alike and not isinstance(
        node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Expr)
    )
    gap = 0 if plain else 1 if below is None else below
    return Change(at, at, source.newline * (gap + 1) + line)


def imported(source: Source, name: str, line: str) -> Change | None:
    """Put an import in, unless the cell has the name already."""
    if name in source.parts.statements:
        return None
    body = source.cell.tree.body
    imports = [node for node in body if _is_import(node)]
    if imports:
        return _behind(source, imports[-1], line)
    if body and not isinstance(body[0], ast.Expr):
        block = Block.of(source, body[0])
        at = source.lines[block.first - 1][0]
        gap = max(block.above(source), 1)
        return Change(at, at, line + source.newline * (gap + 1))
    return put_in(source, line)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _usual_gap(source: Source) -> int:
    """Empty lines above the last step, 1 if there is none."""
    for node in reversed(list(source.parts.nodes.values())):
        block = Block.of(source, node)
        if block.first > 2:
            return max(block.above(source), 1)
    return 1


def _comments_below(source: Source, last: int) -> int:
    for number in range(last + 1, len(source.lines) + 1):
        line = source.line(number)
        if not line.strip():
            continue
        if not (line.lstrip().startswith("#") and line[:1].isspace()):
            break
        last = number
    return last


def _refuse_shared(source: Source, node: ast.stmt, block: Block) -> None:
    for other in source.cell.tree.body:
        if other is node:
            continue
        theirs = Block.of(source, other)
        if theirs.first <= block.last and block.first <= theirs.last:
            raise EditRefused(
                f"line {block.first} holds several statements; give each a line of "
                "its own first",
                line=block.first,
            )
