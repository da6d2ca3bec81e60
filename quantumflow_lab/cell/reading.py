"""From the statements of a cell to the values of :mod:`quantumflow_lab.workflow`.

Nothing is executed. What the text says on its own is checked here: which statements
may stand at the top, which decorators there are, and how options are written. What
depends on several statements is checked in :mod:`quantumflow_lab.cell.hints`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn, TypeGuard

from quantumflow_lab.cell.names import (
    bound_names,
    code_hash,
    free_names,
    without_builtins,
)
from quantumflow_lab.cell.options import check_name, check_value
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.errors import (
    BadAxis,
    BadDecorator,
    BadOption,
    BareStatement,
    UnknownNeed,
    UnknownOption,
    did_you_mean,
)
from quantumflow_lab.workflow import (
    INJECTED,
    KINDS,
    Assignment,
    AxisDeclaration,
    Helper,
    Import,
    Kind,
    Option,
    Step,
)

PACKAGE = "quantumflow_lab"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass
class Parts:
    """The statements of a cell, sorted by what they are."""

    steps: list[Step] = field(default_factory=list)
    nodes: dict[str, ast.FunctionDef] = field(default_factory=dict)
    """Function of each step, for places in messages."""
    axes: list[AxisDeclaration] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    helpers: list[Helper] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    statements: dict[str, ast.stmt] = field(default_factory=dict)
    """Statement that binds each name last."""
    first: dict[str, ast.stmt] = field(default_factory=dict)
    """Statement that binds each name first."""
    doubles: list[tuple[str, ast.stmt, ast.stmt]] = field(default_factory=list)
    """Names of steps bound twice, with both statements."""

    def bind(self, statement: ast.stmt, *names: str, step: bool = False) -> None:
        """Note what a statement binds; a step shares its name with nothing."""
        for name in names:
            earlier = self.statements.get(name)
            if earlier is not None and (step or name in self.nodes):
                self.doubles.append((name, earlier, statement))
            self.statements[name] = statement
            self.first.setdefault(name, statement)


def read_parts(text: CellText, *, known: Iterable[str] = ()) -> Parts:
    """Sort the statements of a cell, and read each.

    Parameters
    ----------
    text
        The cell.
    known
        Names of the notebook, which may hide builtins.

    Raises
    ------
    CellError
        For the first statement that cannot be what it should.
    """
    body = text.tree.body
    own = frozenset(name for statement in body for name in bound_names(statement))
    future = any(_is_future(statement) for statement in body)
    reader = _Reader(text, _Aliases.of(body), future, own, own | frozenset(known))
    for n, statement in enumerate(body):
        if not (n == 0 and _is_docstring(statement)):
            reader.read(statement)
    return reader.parts


@dataclass(frozen=True)
class _Aliases:
    """What the cell calls this package and its decorators."""

    packages: frozenset[str]
    names: dict[str, str]

    @classmethod
    def of(cls, body: Iterable[ast.stmt]) -> _Aliases:
        packages = {"qf", PACKAGE}
        names: dict[str, str] = {}
        for node in body:
            if isinstance(node, ast.Import):
                found = [each for each in node.names if each.name == PACKAGE]
                packages.update(each.asname or each.name for each in found)
            elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
                names |= {each.asname or each.name: each.name for each in node.names}
        return cls(frozenset(packages), names)

    def root(self, node: ast.expr) -> str | None:
        """What the cell calls the package, if the expression starts from it."""
        while isinstance(node, (ast.Call, ast.Attribute)):
            node = node.func if isinstance(node, ast.Call) else node.value
        named = isinstance(node, ast.Name) and node.id in self.packages
        return node.id if named else None  # type: ignore[attr-defined]  # a name

    def attribute(self, node: ast.expr) -> str | None:
        """Which attribute of the package an expression names, if any."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node.attr if node.value.id in self.packages else None
        return None


@dataclass
class _Reader:
    text: CellText
    aliases: _Aliases
    future: bool
    """Whether annotations are never evaluated."""
    own: frozenset[str]
    """Names that the cell binds."""
    shadowed: frozenset[str]
    """Names that hide a builtin of that name."""
    parts: Parts = field(default_factory=Parts)

    def read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self._import(statement)
            case ast.Assign(targets=targets, value=value) if _only_names(targets):
                self._assignment(statement, targets, value)
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                self._assignment(statement, [target], value)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._definition(statement)
            case _:
                self._refuse_bare(statement)

    @property
    def _injected(self) -> frozenset[str]:
        """What the lab provides, where the cell has nothing of that name."""
        return frozenset(INJECTED) - self.own

    def _reads(self, *nodes: ast.AST) -> tuple[str, ...]:
        # qf is always in scope, and the same everywhere.
        names = free_names(*nodes, annotations=not self.future)
        names = tuple(name for name in names if name != "qf")
        return without_builtins(names, self.shadowed)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            raise BareStatement(
                "'import *' hides where names come from; import them by name",
                where=self.text.where(node),
            )
        names = bound_names(node)
        self.parts.bind(node, *names)
        span = self.text.span(node)
        self.parts.imports.append(Import(names, self.text.text(span), span))

    def _assignment(
        self, node: ast.stmt, targets: list[ast.expr], value: ast.expr
    ) -> None:
        names = bound_names(node)
        self.parts.bind(node, *names)
        self._forget(names)
        span, value_span = self.text.span(node), self.text.span(value)
        source, reads = self.text.text(value_span), self._reads(value)
        one = len(targets) == 1 and isinstance(targets[0], ast.Name)
        if isinstance(value, ast.Call) and self.aliases.attribute(value.func) == "axis":
            self._check_axis(node, names, value)
            self.parts.axes.append(AxisDeclaration(names[0], source, reads, span))
            return
        literal = one and _is_literal(value)
        self.parts.assignments += [
            Assignment(name, source, reads, literal, span, value_span) for name in names
        ]

    def _check_axis(
        self, node: ast.stmt, names: tuple[str, ...], call: ast.Call
    ) -> None:
        for keyword in call.keywords:
            if keyword.arg not in (None, "values", "unit"):
                hint = did_you_mean(str(keyword.arg), ["unit"])
                raise UnknownOption(
                    f"qf.axis has no option '{keyword.arg}'{hint}",
                    where=self.text.where(keyword),
                    option=keyword.arg,
                )
        if len(names) != 1:
            message = "an axis has one name; write NAME = qf.axis(...)"
            raise BadAxis(message, where=self.text.where(node))
        if names[0] == "backend":
            raise BadAxis(
                "the axis 'backend' is made by a list of backends; write --backend a,b "
                'or backend=["a", "b"] instead',
                where=self.text.where(node),
            )

    def _forget(self, names: tuple[str, ...]) -> None:
        """A name that is assigned again is what it was assigned last."""
        parts = self.parts
        parts.axes = [each for each in parts.axes if each.name not in names]
        kept = [each for each in parts.assignments if each.name not in names]
        parts.assignments = kept

    def _definition(self, node: Definition) -> None:
        decorators = [(self._kind(each), each) for each in node.decorator_list]
        ours = [(kind, each) for kind, each in decorators if kind is not None]
        if not ours:
            self._helper(node)
            return
        kind, decorator = ours[0]
        if not isinstance(node, ast.FunctionDef):
            what = "a class" if isinstance(node, ast.ClassDef) else "an async function"
            raise BadDecorator(
                f"@qf.{kind} goes on a plain function, '{node.name}' is {what}",
                where=self.text.where(decorator),
            )
        if len(ours) > 1 or decorator is not node.decorator_list[0]:
            raise BadDecorator(
                f"@qf.{kind} must be the first decorator of '{node.name}', once",
                where=self.text.where(ours[-1][1]),
            )
        self._step(node, kind, decorator)

    def _kind(self, decorator: ast.expr) -> Kind | None:
        func = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = self.aliases.attribute(func)
        for kind in KINDS:
            if name == kind:
                return kind
        if self.aliases.root(decorator) is None:
            return None
        hint = did_you_mean(name or "", KINDS)
        raise BadDecorator(
            f"there is no decorator @{ast.unparse(decorator)}{hint}",
            where=self.text.where(decorator),
        )

    def _helper(self, node: Definition) -> None:
        self.parts.bind(node, node.name)
        span = self.text.span(node, start=_first_node(node))
        helper = Helper(node.name, self._reads(node), code_hash(node), span)
        self.parts.helpers.append(helper)

    def _step(self, node: ast.FunctionDef, kind: Kind, decorator: ast.expr) -> None:
        self.parts.bind(node, node.name, step=True)
        asked, defaults = self._parameters(node)
        options = tuple(self._options(kind, decorator))
        bare = _without_decorators(node)
        injected = tuple(each for each in asked if each in self._injected)
        code_span = self.text.span(node)
        step = Step(
            name=node.name,
            kind=kind,
            needs=tuple(each for each in asked if each not in injected),
            injected=injected,
            defaults=defaults,
            options=options,
            over=self._over(decorator),
            map=self._map(decorator),
            reads=tuple(each for each in self._reads(bare) if each != node.name),
            code=self.text.text(code_span),
            code_hash=code_hash(bare),
            span=self.text.span(node, start=_first_node(node)),
        )
        self.parts.nodes[node.name] = node
        self.parts.steps.append(step)

    def _parameters(
        self, node: ast.FunctionDef
    ) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        arguments = node.args
        for star, name in (("*", arguments.vararg), ("**", arguments.kwarg)):
            if name is not None:
                self._refuse_parameter(node, f"{star}{name.arg}", name)
        for name in arguments.posonlyargs:
            self._refuse_parameter(node, f"{name.arg}, /", name)
        needs, defaults = [], []
        for argument, default in parameters(node):
            if default is None:
                needs.append(argument.arg)
            else:
                source = self.text.text(self.text.span(default))
                defaults.append((argument.arg, source))
        return tuple(needs), tuple(defaults)

    def _refuse_parameter(
        self, node: ast.FunctionDef, shown: str, place: ast.arg
    ) -> NoReturn:
        raise UnknownNeed(
            f"step '{node.name}' has a parameter '{shown}', but needs go by name; "
            "write each need as a plain parameter",
            where=self.text.where(place),
            step=node.name,
        )

    def _options(self, kind: Kind, decorator: ast.expr) -> Iterator[Option]:
        if not isinstance(decorator, ast.Call):
            return
        if decorator.args:
            raise BadOption(
                f"options go by name, such as @qf.{kind}(timeout=60)",
                where=self.text.where(decorator.args[0]),
            )
        for keyword in decorator.keywords:
            where = self.text.where(keyword)
            if keyword.arg is None:
                message = f"write the options of @qf.{kind}(...) out, without '**'"
                raise BadOption(message, where=where)
            check_name(kind, keyword.arg, where=where)
            if _is_literal(keyword.value):
                value = ast.literal_eval(keyword.value)
                check_value(keyword.arg, value, where=where)
            span = self.text.span(keyword.value)
            names = self._reads(keyword.value)
            yield Option(keyword.arg, self.text.text(span), names, span)

    def _over(self, decorator: ast.expr) -> tuple[str, ...]:
        node = _keyword(decorator, "over")
        if node is None:
            return ()
        items = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
        return tuple(self._axis_name(each, "over") for each in items)

    def _map(self, decorator: ast.expr) -> str | None:
        node = _keyword(decorator, "map")
        return None if node is None else self._axis_name(node, "map")

    def _axis_name(self, node: ast.expr, option: str) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Name):
            return node.id
        raise BadOption(
            f'{option} takes a name as it stands in the cell, such as {option}="x"',
            where=self.text.where(node),
            option=option,
        )

    def _refuse_bare(self, node: ast.stmt) -> NoReturn:
        raise BareStatement(
            f"{_describe(node)} cannot stand at the top of a %%qflow cell; "
            "put this in a step or in the next cell",
            where=self.text.where(node),
        )


def parameters(node: ast.FunctionDef) -> list[tuple[ast.arg, ast.expr | None]]:
    """Parameters of a function with their defaults, those by keyword included."""
    positional = [*node.args.posonlyargs, *node.args.args]
    missing = len(positional) - len(node.args.defaults)
    defaults: list[ast.expr | None] = [None] * missing
    defaults += node.args.defaults
    pairs = list(zip(positional, defaults, strict=True))
    return pairs + list(zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True))


def _without_decorators(node: ast.FunctionDef) -> ast.FunctionDef:
    fields = dict(ast.iter_fields(node)) | {"decorator_list": []}
    return ast.copy_location(ast.FunctionDef(**fields), node)


def _first_node(node: Definition) -> ast.AST:
    """Where a definition starts: the @ of its first decorator, if it has one."""
    if not node.decorator_list:
        return node
    first = node.decorator_list[0]
    return ast.Pass(lineno=first.lineno, col_offset=node.col_offset)


def _keyword(decorator: ast.expr, name: str) -> ast.expr | None:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    value = next((each.value for each in keywords if each.arg == name), None)
    none = isinstance(value, ast.Constant) and value.value is None
    return None if none else value


def _only_names(targets: list[ast.expr]) -> TypeGuard[list[ast.expr]]:
    plain = (ast.Name, ast.Tuple, ast.List, ast.Starred, ast.Store, ast.Load)
    nodes = [node for target in targets for node in ast.walk(target)]
    return all(isinstance(node, plain) for node in nodes)


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _is_future(node: ast.stmt) -> bool:
    if not isinstance(node, ast.ImportFrom) or node.module != "__future__":
        return False
    return any(each.name == "annotations" for each in node.names)


def _is_docstring(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


_WORDS: dict[type[ast.stmt], str] = {
    ast.For: "a 'for' loop",
    ast.AsyncFor: "an 'async for' loop",
    ast.While: "a 'while' loop",
    ast.If: "an 'if'",
    ast.With: "a 'with'",
    ast.AsyncWith: "an 'async with'",
    ast.Try: "a 'try'",
    ast.Delete: "a 'del'",
    ast.Raise: "a 'raise'",
    ast.Assert: "an 'assert'",
    ast.Match: "a 'match'",
    ast.Pass: "a 'pass'",
    ast.Global: "a 'global'",
    ast.AugAssign: "an assignment that changes a value",
    ast.AnnAssign: "an annotation without a value",
    ast.Assign: "an assignment to a part of a value",
}


def _describe(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr):
        call = isinstance(node.value, ast.Call)
        return "a bare call" if call else "a bare expression"
    return _WORDS.get(type(node), "this statement")
