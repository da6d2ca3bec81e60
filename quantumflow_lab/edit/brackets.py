"""A list in brackets: parameters of a function, options of a decorator.

Items are put in and taken out so that everything else stays where it is, comments
included.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from quantumflow_lab.cell.reading import parameters
from quantumflow_lab.edit.source import Change, Source, Token

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Brackets:
    """The round brackets that follow some place, and the items between them."""

    source: Source
    start: int
    """Behind the bracket that opens."""
    end: int
    """Of the bracket that closes."""
    items: tuple[tuple[int, int], ...]
    """Start and end of each item, a bare ``*`` among them."""
    commas: tuple[int, ...]
    """Commas between and behind them."""

    @classmethod
    def of(
        cls, source: Source, after: int, nodes: Sequence[tuple[int, int]]
    ) -> Brackets:
        """Find the brackets.

        Parameters
        ----------
        after
            Offset from which to look.
        nodes
            Start and end of what :mod:`ast` knows of the items; commas inside do not
            separate.
        """
        tokens = [each for each in source.tokens if each.start >= after]
        first = _opening(tokens)
        commas, inside, last = _separators(tokens, first, nodes)
        return cls(source, tokens[first].end, last, _items(inside, commas), commas)

    @property
    def has_comment(self) -> bool:
        """Whether there is a comment between the brackets."""
        tokens = self.source.tokens
        return any(t.comment and self.start <= t.start < self.end for t in tokens)

    def insert(self, index: int, text: str) -> Change:
        """Put an item in front of the one with this index, or behind the last."""
        if not self.items:
            return Change(self.start, self.start, text)
        if index == 0:
            at = self.items[0][0]
            return Change(at, at, f"{text}, ")
        start, end = self.items[index - 1]
        comma = next((at for at in self.commas if at >= end), None)
        if comma is not None and self._alone(start, comma + 1):
            line = self.source.line_of(comma)
            stop = self.source.lines[line - 1][1]
            indent = self._indent(start)
            return Change(stop, stop, f"{self.source.newline}{indent}{text},")
        return Change(end, end, f", {text}")

    def remove(self, index: int) -> Change:
        """Take the item with this index out; a comment beside it stays."""
        start, end = self.items[index]
        comma = next((at for at in self.commas if at >= end), None)
        text = self.source.text
        if comma is not None and self._alone(start, comma + 1):
            line = self.source.line_of(start)
            first, stop = self.source.lines[line - 1]
            if not text[comma + 1 : stop].strip() and line < len(self.source.lines):
                return Change(first, self.source.lines[line][0])
        if index > 0:
            before = self.items[index - 1][1]
            if text[before:start].replace(",", "", 1).strip(" \t") == "":
                return Change(before, end)
        if comma is None:
            return Change(start, end)
        stop = comma + 1
        while text[stop : stop + 1] in (" ", "\t"):
            stop += 1
        return Change(start, stop)

    def _alone(self, start: int, end: int) -> bool:
        """Whether nothing but a comment shares the lines of what stands there."""
        first = self.source.lines[self.source.line_of(start) - 1][0]
        line = self.source.line_of(end)
        rest = self.source.text[end : self.source.lines[line - 1][1]].strip()
        before = self.source.text[first:start]
        one = line == self.source.line_of(start)
        return one and not before.strip() and (not rest or rest.startswith("#"))

    def _indent(self, start: int) -> str:
        first = self.source.lines[self.source.line_of(start) - 1][0]
        return self.source.text[first:start]


def signature(source: Source, node: ast.FunctionDef) -> Brackets:
    """The parameters of a function."""
    pairs = parameters(node)
    spans = [
        (source.start(each), source.end(each if default is None else default))
        for each, default in pairs
    ]
    name = next(
        token
        for token in source.tokens
        if token.start > source.start(node) and token.text == node.name
    )
    return Brackets.of(source, name.end, spans)


def arguments(source: Source, call: ast.Call) -> Brackets:
    """The keywords of a call."""
    spans = [(source.start(each), source.end(each.value)) for each in call.keywords]
    return Brackets.of(source, source.end(call.func), spans)


def _opening(tokens: Sequence[Token]) -> int:
    """The first round bracket that opens, type parameters passed over."""
    depth = 0
    for n, token in enumerate(tokens):
        if token.text == "(" and depth == 0:
            return n
        depth += (token.text == "[") - (token.text == "]")
    raise AssertionError("a call or a function has round brackets")


def _separators(
    tokens: Sequence[Token], first: int, nodes: Sequence[tuple[int, int]]
) -> tuple[tuple[int, ...], list[Token], int]:
    """Commas between items, the tokens in the brackets, and where they close."""
    depth = 0
    commas: list[int] = []
    inside: list[Token] = []
    for token in tokens[first:]:
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if depth == 0:
            return tuple(commas), inside, token.start
        within = any(start <= token.start < end for start, end in nodes)
        if token.text == "," and depth == 1 and not within:
            commas.append(token.start)
        inside.append(token)
    raise AssertionError("a cell that was parsed closes its brackets")


def _items(
    inside: Sequence[Token], commas: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    tokens = [each for each in inside[1:] if not each.comment]
    for low, high in zip([0, *commas], [*commas, float("inf")], strict=True):
        part = [each for each in tokens if low < each.start < high]
        part = [each for each in part if each.start not in commas]
        if part:
            found.append((part[0].start, part[-1].end))
    return tuple(found)
