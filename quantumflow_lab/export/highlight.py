"""Python as HTML with a colour for each kind of word."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Iterator

from quantumflow_lab.widgets.escape import Markup, element, join

_KINDS = {tokenize.STRING: "string", tokenize.COMMENT: "comment"} | {
    kind: "string"
    for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if (kind := getattr(tokenize, name, None)) is not None
}


def highlighted(source: str) -> Markup:
    """A source with its words in ``<span class="qf-…">``; escaped throughout.

    Examples
    --------
    >>> print(highlighted("return 1 < x"))
    <span class="qf-keyword">return</span> 1 &lt; x
    """
    try:
        words = list(_words(source))
    except (tokenize.TokenError, SyntaxError):
        return join(source)
    lines = source.splitlines(keepends=True)
    pieces: list[str] = []
    line, column = 1, 0

    def upto(row: int, end: int) -> str:
        nonlocal line, column
        text = ""
        while line < row:
            text += lines[line - 1][column:]
            line, column = line + 1, 0
        text += lines[row - 1][column:end] if row <= len(lines) else ""
        column = end
        return text

    for kind, start, end in words:
        pieces.append(upto(*start))
        pieces.append(element("span", upto(*end), class_=f"qf-{kind}"))
    pieces.append(upto(len(lines), len(lines[-1]) if lines else 0))
    return join(*pieces)


Place = tuple[int, int]


def _words(source: str) -> Iterator[tuple[str, Place, Place]]:
    decorator = False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = _KINDS.get(token.type)
        if token.string == "@":
            # Only at the start of a line: elsewhere it multiplies matrices.
            decorator = not token.line[: token.start[1]].strip()
        elif token.type != tokenize.NAME and token.string != ".":
            decorator = False
        if decorator:
            kind = "decorator"
        elif token.type == tokenize.NAME and keyword.iskeyword(token.string):
            kind = "keyword"
        if kind is not None:
            yield kind, token.start, token.end
