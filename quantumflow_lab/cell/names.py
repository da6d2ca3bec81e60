"""Which global names a piece of Python reads, and a hash blind to its layout."""

from __future__ import annotations

import ast
import builtins
import hashlib
import symtable
import warnings
from collections.abc import Iterable, Iterator
from copy import deepcopy

BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__", "__annotations__"}
NOTEBOOK = frozenset({"display", "get_ipython", "open", "exit", "quit"})
"""Names that IPython itself puts in scope; they are passed on, never captured."""

USUAL_IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "math": "import math",
    "minimize": "from scipy.optimize import minimize",
    "curve_fit": "from scipy.optimize import curve_fit",
    "QuantumCircuit": "from qiskit import QuantumCircuit",
    "QuantumRegister": "from qiskit import QuantumRegister",
    "ClassicalRegister": "from qiskit import ClassicalRegister",
    "transpile": "from qiskit import transpile",
    "Parameter": "from qiskit.circuit import Parameter",
    "ParameterVector": "from qiskit.circuit import ParameterVector",
    "SparsePauliOp": "from qiskit.quantum_info import SparsePauliOp",
    "Statevector": "from qiskit.quantum_info import Statevector",
    "AerSimulator": "from qiskit_aer import AerSimulator",
}
"""What to type for names that a first cell tends to forget."""


def free_names(*nodes: ast.AST, annotations: bool = True) -> tuple[str, ...]:
    """Global names that the nodes read, in the order of their first use.

    Builtins are among them; names that only appear as locals, parameters or attributes
    are not, nor those in annotations of local variables, which Python never evaluates.

    Parameters
    ----------
    nodes
        Statements or expressions.
    annotations
        Whether those of functions are evaluated: not under
        ``from __future__ import annotations``.

    Examples
    --------
    >>> free_names(ast.parse("def f(x): return x + y + max(z for z in w)"))
    ('y', 'max', 'w')
    """
    nodes = tuple(_Evaluated(annotations).visit(deepcopy(node)) for node in nodes)
    walked = [each for node in nodes for each in ast.walk(node)]
    inner = {each.target.id for each in walked if isinstance(each, ast.NamedExpr)}
    used = [name for node in nodes for name in _globals(_table(node))]
    used = [name for name in used if name not in inner]
    first = {name: n for n, name in reversed(list(enumerate(_in_order(nodes))))}
    return tuple(sorted(dict.fromkeys(used), key=lambda name: first.get(name, -1)))


def bound_names(statement: ast.stmt) -> tuple[str, ...]:
    """Names that a top-level statement binds, sorted."""
    table = _table(statement)
    bound = (each for each in table.get_symbols() if _binds(each))
    return tuple(sorted(each.get_name() for each in bound))


def code_hash(node: ast.AST) -> str:
    """Hash of a piece of Python: blind to comments, blank lines, quotes and spacing.

    Unlike the hash of :func:`ast.dump` it is the same under every version of Python
    that parses the text alike: empty fields do not count.

    Examples
    --------
    >>> one, two = ast.parse("x = [1,2]  # why"), ast.parse("x = [1, 2]")
    >>> code_hash(one) == code_hash(two)
    True
    """
    return hashlib.sha256(_dump(node).encode()).hexdigest()[:32]


def first_use(node: ast.AST, name: str) -> ast.Name | None:
    """The first place in the text where a name is read."""
    uses = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    reads = [each for each in uses if each.id == name]
    return min(reads, key=lambda each: (each.lineno, each.col_offset), default=None)


def without_builtins(names: Iterable[str], shadowed: Iterable[str]) -> tuple[str, ...]:
    """Names that no builtin answers, or that ``shadowed`` answers before it does."""
    own = frozenset(shadowed) - NOTEBOOK
    hidden = BUILTINS | NOTEBOOK
    return tuple(name for name in names if name in own or name not in hidden)


class _Evaluated(ast.NodeTransformer):
    """Takes annotations away that Python does not evaluate."""

    def __init__(self, annotations: bool) -> None:
        self.annotations = annotations
        self.inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = node.annotation if self.annotations else None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if self.inside or not self.annotations:
            node.annotation = ast.Constant(None)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = node.returns if self.annotations else None
        outside, self.inside = self.inside, True
        self.generic_visit(node)
        self.inside = outside
        return node


def _table(node: ast.AST) -> symtable.SymbolTable:
    # Unparsed, so that a single node has a table of its own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return symtable.symtable(ast.unparse(node), "cell", "exec")


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    at_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        name = symbol.get_name()
        global_here = at_top or (symbol.is_global() and not _binds(symbol))
        special = name.startswith("__") or not name.isidentifier()
        if symbol.is_referenced() and global_here and not special:
            yield name
    own = {each.get_name() for each in table.get_symbols() if _binds(each)}
    for child in table.get_children():
        # What the statement itself binds at the top is not read from outside.
        yield from (name for name in _globals(child) if not (at_top and name in own))


def _binds(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _in_order(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        names.sort(key=lambda each: (each.lineno, each.col_offset))
        yield from (each.id for each in names)


def _dump(node: object) -> str:
    if isinstance(node, list):
        return "[" + ",".join(_dump(each) for each in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (
        f"{name}={_dump(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != [] and name not in ("kind", "type_comment")
    )
    return f"{type(node).__name__}({','.join(fields)})"
