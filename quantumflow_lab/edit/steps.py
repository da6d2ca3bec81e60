"""Edits of steps: add, remove, connect, disconnect, their options and their code."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantumflow_lab.cell.options import check_name
from quantumflow_lab.cell.reading import parameters
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.edit.blocks import appended, imported, taken_out
from quantumflow_lab.edit.brackets import arguments, signature
from quantumflow_lab.edit.names import check_identifier
from quantumflow_lab.edit.source import Change, Source, expression
from quantumflow_lab.errors import (
    EditRefused,
    QuantumFlowError,
    UnknownOption,
    did_you_mean,
)
from quantumflow_lab.workflow import KINDS, Kind

INDENT = "    "
EMPTY = "..."
"""Body of a step that has nothing to return yet."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a step does, as text."""

    lines: tuple[str, ...]
    """Without the indent of the function."""
    needs: tuple[str, ...] = ()
    imports: Mapping[str, str] | None = None
    """Names that the lines read, and the import of each."""


def add_step(
    source: Source,
    kind: str,
    name: str | None = None,
    *,
    needs: Sequence[str] = (),
    body: Body | None = None,
) -> str:
    """Put a new step below the others.

    Parameters
    ----------
    source
        The cell.
    kind
        Such as ``sample``.
    name
        Of the step; by default one that is free.
    needs
        Its parameters.
    body
        What it does; by default it returns its needs where that makes sense for its
        kind, else nothing yet.

    Raises
    ------
    EditRefused
        If there is no such kind, or the name is taken.

    Examples
    --------
    >>> print(add_step(Source("%%qflow bell\\n"), "sample", "counts", needs=["pair"]))
    %%qflow bell
    @qf.sample
    def counts(pair):
        return pair
    <BLANKLINE>
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        raise EditRefused(f"there is no kind of step '{kind}'{hint}")
    name = name or free_name(source, _USUAL[kind])
    check_identifier(name)
    if name in source.parts.statements:
        raise EditRefused(f"the cell has a '{name}' already; choose another name")
    written = body or Body((_returned(source, kind, needs),))
    asked = ", ".join(dict.fromkeys([*needs, *written.needs]))
    lines = [f"{INDENT}{line}".rstrip() for line in written.lines]
    text = "\n".join([f"@qf.{kind}", f"def {name}({asked}):", *lines])
    if not source.cell.tree.body and written.imports:
        return source.change(
            appended(source, "\n".join([*written.imports.values(), "", text]))
        )
    return source.change(*_imports(source, written), appended(source, text))


def remove_step(source: Source, name: str) -> str:
    """Take a step out; the steps that need it stay as they are, and say so."""
    return source.change(taken_out(source, source.step(name)))


def connect(source: Source, name: str, to: str) -> str:
    """Make a step need something: the parameter `name`.

    Raises
    ------
    EditRefused
        If it needs it already, or the steps would need each other in a circle.
    """
    node = source.step(to)
    names = [each.arg for each, _ in parameters(node)]
    if name in names:
        raise EditRefused(f"step '{to}' needs '{name}' already")
    check_identifier(name)
    brackets = signature(source, node)
    args = node.args
    bare = len(args.args) - len(args.defaults)
    return source.change(
        brackets.insert(bare, name),
        *_follow(source, node, [*_bare(node), name]),
    )


def disconnect(source: Source, name: str, to: str) -> str:
    """Take the parameter `name` away from a step.

    Raises
    ------
    EditRefused
        If its body still reads it: only its author knows what to do without.
    """
    node = source.step(to)
    names = [each.arg for each, _ in parameters(node)]
    if name not in names:
        raise EditRefused(f"step '{to}' does not need '{name}'")
    left = [each for each in _bare(node) if each != name]
    follow = _follow(source, node, left)
    if not follow:
        _refuse_read(source, node, name)
    brackets = signature(source, node)
    items = [source.text[start:end] for start, end in brackets.items]
    starts = [source.start(each) for each, _ in parameters(node) if each.arg == name]
    index = next(n for n, (at, _) in enumerate(brackets.items) if at == starts[0])
    changes = [brackets.remove(index)]
    if items[index - 1 : index] == ["*"] and index == len(items) - 1:
        # A star needs a name behind it.
        end = changes[0].end
        changes = [Change(brackets.remove(index - 1).start, end)]
    return source.change(*changes, *follow)


def set_option(source: Source, step: str, name: str, text: str | None) -> str:
    """Give an option of a step a value, or take it away.

    Parameters
    ----------
    text
        The value as Python, such as ``"aer"`` with its quotes; None takes it away.

    Raises
    ------
    EditRefused
        If the kind of step has no such option, or the value cannot be one.
    """
    node = source.step(step)
    kind = next(each.kind for each in source.parts.steps if each.name == step)
    try:
        check_name(kind, name)
    except UnknownOption as error:
        raise EditRefused(error.message, where=error.where, **error.facts) from error
    decorator = node.decorator_list[0]
    if not isinstance(decorator, ast.Call):
        if text is None:
            return source.text
        value = expression(text, f"{name}=")
        at = source.end(decorator)
        return source.change(Change(at, at, f"({name}={value})"))
    given = next((n for n, k in enumerate(decorator.keywords) if k.arg == name), None)
    brackets = arguments(source, decorator)
    if text is None:
        return source.text if given is None else _without(source, decorator, given)
    value = expression(text, f"{name}=")
    if given is None:
        new = f"{name}={value}"
        return source.change(brackets.insert(len(brackets.items), new))
    old = decorator.keywords[given].value
    return source.change(Change(source.start(old), source.end(old), value))


def set_code(source: Source, step: str, text: str) -> str:
    """Replace the function of a step, from its ``def`` on.

    Raises
    ------
    EditRefused
        If the text is anything but one function of that name.
    """
    node = source.step(step)
    typed = text.strip("\r\n").rstrip()
    try:
        body = CellText(typed).tree.body
    except QuantumFlowError as error:
        raise EditRefused(error.message) from error
    found = body[0] if len(body) == 1 else None
    if not isinstance(found, ast.FunctionDef) or found.decorator_list:
        raise EditRefused(
            f"the code of a step is one function; write def {step}(...): and its body, "
            "without a decorator"
        )
    if found.name != step:
        raise EditRefused(
            f"this is the code of '{step}', but it defines '{found.name}'; rename the "
            "step, so that what needs it follows"
        )
    return source.change(
        Change(source.start(node), source.end(node), source.typed(typed))
    )


def set_body(source: Source, step: str, body: Body) -> str:
    """Replace what a step does; its parameters stay, and those it lacks are added."""
    node = source.step(step)
    changes = list(_imports(source, body))
    names = [each.arg for each, _ in parameters(node)]
    lacking = [each for each in body.needs if each not in names]
    if lacking:
        bare = len(node.args.args) - len(node.args.defaults)
        changes.append(signature(source, node).insert(bare, ", ".join(lacking)))
    return source.change(*changes, _body_change(source, node, body.lines))


def free_name(source: Source, wanted: str, taken: Sequence[str] = ()) -> str:
    """A name that nothing in the cell has: `wanted`, or with a number."""
    known = {*source.parts.statements, *taken}
    known |= {
        each.id for each in ast.walk(source.cell.tree) if isinstance(each, ast.Name)
    }
    name, n = wanted, 1
    while name in known or keyword.iskeyword(name):
        n += 1
        name = f"{wanted}_{n}"
    return name


_USUAL = {
    "circuit": "circuit",
    "observable": "observable",
    "sample": "counts",
    "estimate": "value",
    "step": "result",
}


def _imports(source: Source, body: Body) -> list[Change]:
    changes: dict[int, Change] = {}
    for name, line in (body.imports or {}).items():
        change = imported(source, name, line)
        if change is None:
            continue
        earlier = changes.get(change.start)
        if earlier is not None:
            # Several new imports stand in one block.
            head, tail = _split_import(earlier.text, source.newline)
            change = Change(
                change.start, change.end, f"{head}{source.newline}{line}{tail}"
            )
        changes[change.start] = change
    return list(changes.values())


def _split_import(text: str, newline: str) -> tuple[str, str]:
    bare = text.rstrip("\r\n")
    return bare, text[len(bare) :]


def _bare(node: ast.FunctionDef) -> list[str]:
    return [each.arg for each, default in parameters(node) if default is None]


def _returned(source: Source, kind: str, needs: Sequence[str]) -> str:
    """What a step of circuits or observables returns on its own: its PUBs."""
    kinds: dict[str, Kind] = {each.name: each.kind for each in source.parts.steps}
    circuits = [n for n in needs if kinds.get(n, "circuit") == "circuit"]
    circuits = [n for n in circuits if n in kinds or not source.parts.statements.get(n)]
    others = [n for n in needs if kinds.get(n) == "observable"]
    if kind == "sample" and circuits:
        one = len(circuits) == 1
        return f"return {circuits[0]}" if one else f"return [{', '.join(circuits)}]"
    if kind == "estimate" and len(circuits) == 1:
        others = [f"[{', '.join(others)}]"] if len(others) > 1 else others
        return f"return {', '.join([*circuits, *others])}"
    return EMPTY


def _follow(
    source: Source, node: ast.FunctionDef, needs: Sequence[str]
) -> tuple[Change, ...]:
    """The body anew, if it says no more than what its needs say of themselves."""
    kind = next(each.kind for each in source.parts.steps if each.name == node.name)
    if len(node.body) != 1 or kind not in ("sample", "estimate"):
        return ()
    start, end = source.start(node.body[0]), source.end(node.body[0])
    if source.text[start:end] != _returned(source, kind, _bare(node)):
        return ()
    new = _returned(source, kind, needs)
    return (Change(start, end, new),)


def _refuse_read(source: Source, node: ast.FunctionDef, name: str) -> None:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id == name:
            line = source.cell.where(each).line
            raise EditRefused(
                f"step '{node.name}' still uses '{name}', in line {line}; change its "
                "code first",
                line=line,
            )


def _without(source: Source, call: ast.Call, index: int) -> str:
    brackets = arguments(source, call)
    if len(brackets.items) == 1 and not brackets.has_comment:
        return source.change(Change(source.end(call.func), source.end(call)))
    return source.change(brackets.remove(index))


def _body_change(source: Source, node: ast.FunctionDef, lines: Sequence[str]) -> Change:
    first = node.body[0]
    docstring = ast.get_docstring(node) is not None
    if docstring and len(node.body) > 1:
        first = node.body[1]
    start = source.start(first)
    line = source.line_of(start)
    opening = source.lines[line - 1][0]
    indent = source.text[opening:start]
    if indent.strip() or (docstring and len(node.body) == 1):
        # def f(): return 1, or nothing but a docstring.
        at = source.end(first) if docstring else len(source.text[:start].rstrip())
        new = "".join(f"\n{INDENT}{each}".rstrip(" ") for each in lines)
        return Change(at, source.end(node), source.typed(new))
    head, *rest = lines
    new = "".join([head, *(f"\n{indent}{each}".rstrip(" ") for each in rest)])
    return Change(start, source.end(node), source.typed(new))
