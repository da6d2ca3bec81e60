"""Give a step, an axis or an assignment another name, everywhere it is meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantumflow_lab.edit.magic import Word, magic_words
from quantumflow_lab.edit.names import check_identifier
from quantumflow_lab.edit.scopes import Scope, Use, place, uses
from quantumflow_lab.edit.source import Change, Source
from quantumflow_lab.errors import EditRefused, did_you_mean
from quantumflow_lab.workflow import INJECTED


def rename(source: Source, name: str, to: str) -> str:
    """Rename what the cell calls `name`.

    Its definition follows, the parameters of that name, what the bodies of those steps
    do with them, options that name it, ``--fresh=NAME`` and ``--set NAME=...``. What an
    import binds is imported ``as`` the new name. A variable that only happens to be
    called alike stays.

    Parameters
    ----------
    source
        The cell.
    name
        Of a step, an axis or an assignment.
    to
        A Python name that nothing in reach has yet.

    Raises
    ------
    EditRefused
        Naming the line that is in the way.

    Examples
    --------
    >>> cell = "%%qflow t\\n@qf.step\\ndef a(): ...\\n@qf.step\\ndef b(a): return a"
    >>> print(rename(Source(cell), "a", "one"))
    %%qflow t
    @qf.step
    def one(): ...
    @qf.step
    def b(one): return one
    """
    parts = source.parts
    if name not in parts.statements:
        hint = did_you_mean(name, parts.statements)
        raise EditRefused(f"nothing in this cell is called '{name}'{hint}")
    if to == name:
        return source.text
    _check(source, name, to)
    changes = {_renamed(source, use, name, to) for use, _ in _meant(source, name)}
    changes |= set(_strings(source, name, to)) | set(_options(source, name, to))
    return source.change(*changes)


def _check(source: Source, name: str, to: str) -> None:
    check_identifier(to)
    if to in INJECTED or to == "qf":
        raise EditRefused(
            f"'{to}' is what the lab itself provides; choose another name"
        )
    reached = {id(source.cell.tree)}
    for use, owner in _meant(source, name):
        scope = use.scope
        while scope is not owner and scope.parent is not None:
            reached.add(id(scope.node))
            scope = scope.parent
        reached.add(id(owner.node))
    for use, owner in uses(source.cell.tree, to):
        if id(owner.node) in reached:
            line = source.cell.where(use.node).line
            raise EditRefused(
                f"'{to}' is used already, in line {line}; choose another name",
                line=line,
            )


def _renamed(source: Source, use: Use, name: str, to: str) -> Change:
    """One use under the new name; what a module calls it stays."""
    at = place(source, use.node, name)
    match use.node:
        case ast.alias(name=full, asname=None) if full != name:
            line = source.cell.where(use.node).line
            raise EditRefused(
                f"line {line} binds '{name}' by importing '{full}', which cannot be "
                f"done under another name; change the text by hand",
                line=line,
            )
        case ast.alias(asname=None):
            to = f"{name} as {to}"
    return Change(at, at + len(name), to)


def _meant(source: Source, name: str) -> Iterator[tuple[Use, Scope]]:
    """Uses of the cell's own name, and of parameters that stand for it."""
    asking = {id(node) for node in source.parts.nodes.values() if _asks(node, name)}
    for use, owner in uses(source.cell.tree, name):
        if owner.parent is None or id(owner.node) in asking:
            yield use, owner


def _asks(node: ast.FunctionDef, name: str) -> bool:
    return any(each.arg == name for each in (*node.args.args, *node.args.kwonlyargs))


def _strings(source: Source, name: str, to: str) -> Iterator[Change]:
    """``over="name"`` and ``map="name"``."""
    for node in source.parts.nodes.values():
        decorator = node.decorator_list[0]
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        for given in keywords:
            if given.arg not in ("over", "map"):
                continue
            for each in ast.walk(given.value):
                if isinstance(each, ast.Constant) and each.value == name:
                    start, end = source.start(each), source.end(each)
                    typed = source.text[start:end]
                    yield Change(start, end, typed.replace(name, to))


def _options(source: Source, name: str, to: str) -> Iterator[Change]:
    """``--fresh=name`` and ``--set name=value``."""
    before = ""
    for word in magic_words(source):
        if word.text == f"--fresh={name}":
            yield Change(word.start, word.end, f"--fresh={to}")
        given = word.text if before == "--set" else word.text.removeprefix("--set=")
        if given.startswith(f"{name}=") and "--set" in (before, word.text[:5]):
            yield _set(source, word, name, to)
        before = word.text


def _set(source: Source, word: Word, name: str, to: str) -> Change:
    typed = source.text[word.start : word.end]
    found = re.match(rf"""(?:--set=)?["']?({re.escape(name)})=""", typed)
    if found is None:
        raise EditRefused(
            f"the magic line gives '{name}' a value as {typed}; write it as "
            f"--set {name}=VALUE, and rename it then"
        )
    return Change(word.start + found.start(1), word.start + found.end(1), to)
