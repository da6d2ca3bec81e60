"""The text of a cell as a part of a script: the user's own, but for our decorators."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from quantumflow_lab.cell.names import bound_names
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.errors import NotExportable
from quantumflow_lab.workflow import Workflow

PACKAGE = "quantumflow_lab"
SHIMS = ("log", "sampler", "estimator", "Failed")
"""What a function may ask of the package, and a script can answer."""


@dataclass
class CellParts:
    """A cell taken apart."""

    imports: list[str] = field(default_factory=list)
    """Import statements, which a script has at its top."""
    future: list[str] = field(default_factory=list)
    """Those from ``__future__``."""
    body: str = ""
    """Everything else, in order."""
    aliases: set[str] = field(default_factory=set)
    """What the functions call the package, if they ask anything of it."""
    asked: set[str] = field(default_factory=set)
    """What they ask of it."""
    backends: set[str] = field(default_factory=set)
    """Names of backends in ``qf.sampler("…")`` and ``qf.estimator("…")``."""
    silent: set[str] = field(default_factory=set)
    """Which of the two is asked for without a backend."""


def take_apart(
    workflow: Workflow,
    axis: Callable[[str], str],
    replaced: Callable[[Sequence[str]], str | None],
) -> CellParts:
    """The parts of a cell.

    Parameters
    ----------
    workflow
        The cell.
    axis
        Statement in the place of the declaration of an axis.
    replaced
        Statements for assigned names that were given another value, or None.

    Raises
    ------
    NotExportable
        Naming the line that a script cannot have.
    """
    cell = CellText(workflow.source, workflow.name)
    parts = CellParts()
    pieces: list[tuple[str, bool]] = []
    after = 2  # the magic line is line 1
    for node in cell.tree.body:
        first = _first_line(node)
        comments = _comments(cell.lines[after - 1 : first - 1])
        after = max(after, (node.end_lineno or first) + 1)
        if isinstance(node, ast.Import | ast.ImportFrom):
            _import(parts, cell, node)
            text = ""
        else:
            text = _statement(workflow, cell, node, axis, replaced)
        whole = "\n".join(each for each in (comments, text) if each)
        if whole:
            pieces.append((whole, isinstance(node, _DEFINITIONS)))
    rest = _comments(cell.lines[after - 1 :])
    parts.body = joined([*pieces, (rest, False)] if rest else pieces)
    look(parts, parts.body, cell)
    return parts


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def joined(pieces: Sequence[tuple[str, bool]]) -> str:
    """Pieces of a module, with two empty lines around definitions."""
    text = ""
    for n, (piece, definition) in enumerate(pieces):
        if n:
            wide = definition or pieces[n - 1][1]
            text += "\n\n\n" if wide else "\n"
        text += piece
    return text


def look(parts: CellParts, text: str, cell: CellText | None = None) -> None:
    """Take note of what a text asks of the package.

    Raises
    ------
    NotExportable
        If it is something that only the lab can do.
    """
    names = {"qf", PACKAGE, *parts.aliases}
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=asked) if name in names:
                if asked not in SHIMS:
                    raise NotExportable(
                        f"the cell asks for {name}.{asked}, which a script without "
                        "quantumflow_lab does not have; do it outside of the cell",
                        asked=asked,
                    )
                parts.aliases.add(name)
                parts.asked.add(asked)
            case ast.Name(id="get_ipython"):
                raise NotExportable(
                    "the cell asks for get_ipython, which a script does not have; do "
                    "that in another cell",
                    asked="get_ipython",
                )
            case ast.Name(id="display"):
                parts.asked.add("display")
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr=asked)
            ) if name in names and asked in ("sampler", "estimator"):
                _note_backend(parts, node, asked)


def _note_backend(parts: CellParts, call: ast.Call, asked: str) -> None:
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "backend")]
    if not given:
        parts.silent.add(asked)
    for each in given:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            parts.backends.add(each.value)


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _comments(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line.strip().startswith("#"))


def _import(
    parts: CellParts, cell: CellText, node: ast.Import | ast.ImportFrom
) -> None:
    if isinstance(node, ast.ImportFrom):
        if (node.module or "").partition(".")[0] == PACKAGE:
            others = [n.name for n in node.names if n.name in SHIMS]
            if others:
                raise NotExportable(
                    f"the cell imports {others[0]} from {PACKAGE}; write "
                    f"qf.{others[0]} instead, which a script can stand in for",
                    asked=others[0],
                )
            return
        kept = parts.future if node.module == "__future__" else parts.imports
        kept.append(cell.text(cell.span(node)))
        return
    for each in node.names:
        if each.name == PACKAGE:
            continue
        parts.imports.append(ast.unparse(ast.Import([each])))


def _statement(
    workflow: Workflow,
    cell: CellText,
    node: ast.stmt,
    axis: Callable[[str], str],
    replaced: Callable[[Sequence[str]], str | None],
) -> str:
    if isinstance(node, _DEFINITIONS):
        return "\n".join(_without_ours(workflow, cell, node))
    names = bound_names(node)
    declared = [name for name in names if name in workflow.axis_names]
    tail = cell.lines[(node.end_lineno or node.lineno) - 1]
    comment = tail[len(tail.encode()[: node.end_col_offset].decode()) :].strip()
    comment = f"  {comment}" if comment.startswith("#") else ""
    if declared and not isinstance(node, ast.Expr):
        return f"{axis(declared[0])}{comment}"
    given = replaced(names)
    if given is not None:
        return given
    return cell.text(cell.span(node)) + comment


def _without_ours(workflow: Workflow, cell: CellText, node: ast.stmt) -> Iterator[str]:
    """The lines of a function or class, without the decorator of a step."""
    first, last = _first_line(node), node.end_lineno or node.lineno
    name = getattr(node, "name", "")
    if name in workflow.step_names:
        first = (node.decorator_list[0].end_lineno or first) + 1  # type: ignore[attr-defined]  # a step is a function
    yield from cell.lines[first - 1 : last]
