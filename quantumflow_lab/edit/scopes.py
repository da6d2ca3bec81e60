"""Where a name of a cell is used: by Python's rules of scope, not by its letters."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from quantumflow_lab.edit.source import Source
from quantumflow_lab.errors import EditRefused

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class Scope:
    """A function, class, comprehension or the cell itself."""

    node: ast.AST
    parent: Scope | None = None
    bound: set[str] = field(default_factory=set)
    outward: dict[str, str] = field(default_factory=dict)
    """Names declared ``global`` or ``nonlocal``, with which of the two."""

    def owner(self, name: str) -> Scope:
        """The scope whose variable a name is when it is read here."""
        if self.parent is None:
            return self
        if self.outward.get(name) == "global":
            return self.top
        if name in self.bound and name not in self.outward:
            return self
        return self.parent._enclosing(name)

    def _enclosing(self, name: str) -> Scope:
        """As :meth:`owner`, from a scope inside: names of a class are not seen."""
        if isinstance(self.node, ast.ClassDef) and self.parent is not None:
            return self.parent._enclosing(name)
        return self.owner(name)

    @property
    def top(self) -> Scope:
        """The cell."""
        return self if self.parent is None else self.parent.top


@dataclass(frozen=True, slots=True)
class Use:
    """A place where a name is read or bound."""

    node: ast.AST
    """The name itself, or what binds it."""
    scope: Scope


def uses(tree: ast.Module, name: str) -> Iterator[tuple[Use, Scope]]:
    """Every use of a name, with the scope that owns it there."""
    walker = _Walker(name)
    walker.body(tree.body, Scope(tree))
    for use in walker.found:
        yield use, use.scope.owner(name)


def place(source: Source, node: ast.AST, name: str) -> int:
    """Offset of a name in the node that reads or binds it.

    Raises
    ------
    EditRefused
        If it cannot be told, as within an f-string under Python 3.11.
    """
    if isinstance(node, ast.Name | ast.arg):
        at = source.start(node)
        if source.text[at : at + len(name)] == name:
            return at
        line = source.cell.where(node).line
        raise EditRefused(
            f"line {line} uses '{name}' within an f-string; change it there by hand",
            line=line,
        )
    start, end = source.start(node), source.end(node)
    tokens = [t for t in source.tokens if start <= t.start < end]
    match node:
        case ast.alias() | ast.MatchAs():
            return next(t.start for t in reversed(tokens) if t.text == name)
        case ast.ExceptHandler():
            at = next(n for n, t in enumerate(tokens) if t.text == "as")
            return tokens[at + 1].start
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            at = next(n for n, t in enumerate(tokens) if t.text in ("def", "class"))
            return tokens[at + 1].start
    return next(t.start for t in tokens if t.text == name)


class _Walker:
    """Goes through a cell, noting scopes and the uses of one name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.found: list[Use] = []

    def body(self, nodes: Iterable[ast.AST], scope: Scope) -> None:
        for node in nodes:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._bind(node.name, node, scope)
                self.body(node.decorator_list, scope)
                self._function(node, scope)
            case ast.Lambda():
                self._function(node, scope)
            case ast.ClassDef():
                self._bind(node.name, node, scope)
                self.body([*node.decorator_list, *node.bases, *node.keywords], scope)
                self.body(node.body, Scope(node, scope))
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node, scope)
            case _:
                self._name_in(node, scope)

    def _name_in(self, node: ast.AST, scope: Scope) -> None:
        """Go through what opens no scope of its own."""
        match node:
            case ast.NamedExpr(target=target, value=value):
                self._visit(value, scope)
                home = scope
                while isinstance(home.node, _Comprehension) and home.parent:
                    home = home.parent
                self._bind(target.id, target, home)
            case ast.Name(id=name, ctx=ast.Load()):
                self._note(name, node, scope)
            case ast.Name(id=name):
                self._bind(name, node, scope)
            case ast.Global() | ast.Nonlocal():
                word = "global" if isinstance(node, ast.Global) else "nonlocal"
                scope.outward |= dict.fromkeys(node.names, word)
                for name in node.names:
                    self._note(name, node, scope)
            case _:
                if bound := _bound_here(node):
                    self._bind(bound, node, scope)
                self.body(ast.iter_child_nodes(node), scope)

    def _function(self, node: _Function, scope: Scope) -> None:
        inner = Scope(node, scope)
        args = node.args
        self.body(filter(None, [*args.defaults, *args.kw_defaults]), scope)
        named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        for each in filter(None, [*named, args.vararg, args.kwarg]):
            self._bind(each.arg, each, inner)
            if each.annotation is not None:
                self._visit(each.annotation, scope)
        if isinstance(node, ast.Lambda):
            self._visit(node.body, inner)
            return
        if node.returns is not None:
            self._visit(node.returns, scope)
        self.body(node.body, inner)

    def _comprehension(self, node: _Comprehension, scope: Scope) -> None:
        inner = Scope(node, scope)
        # The first list is taken outside, as Python does.
        self._visit(node.generators[0].iter, scope)
        for n, each in enumerate(node.generators):
            self.body([each.iter] if n else [], inner)
            self.body([each.target, *each.ifs], inner)
        if isinstance(node, ast.DictComp):
            self.body([node.key, node.value], inner)
        else:
            self._visit(node.elt, inner)

    def _bind(self, name: str, node: ast.AST, scope: Scope) -> None:
        scope.bound.add(name)
        self._note(name, node, scope)

    def _note(self, name: str, node: ast.AST, scope: Scope) -> None:
        if name == self._name:
            self.found.append(Use(node, scope))


def _bound_here(node: ast.AST) -> str | None:
    """The name that a node binds without a node of its own for it."""
    match node:
        case ast.alias(name=name, asname=asname):
            return asname or name.partition(".")[0]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return name
    return None
