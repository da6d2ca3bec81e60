"""How a notebook function is written down elsewhere: its source, and what that reads.

A run records it with its inputs, so that a script can be made of the run when the
notebook has gone.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

from quantumflow_lab.cell.class_source import source_of
from quantumflow_lab.cell.inputs import closure_vars, looks_secret
from quantumflow_lab.cell.names import free_names, without_builtins
from quantumflow_lab.fingerprint import is_local


@dataclass(frozen=True, slots=True)
class Definition:
    """A name of the notebook, and how it comes about."""

    name: str
    text: str | None
    """Python that binds the name; None for a value, or for what has no text."""
    value: Any = None
    """The value, for one that has no text."""


def definitions(name: str, value: Any) -> tuple[Definition, ...]:
    """How a function, class or module of the notebook is defined, what it reads first.

    What looks like a secret is left out: it has neither text nor value.

    Parameters
    ----------
    name
        What the notebook calls it.
    value
        The function, class or module.

    Examples
    --------
    >>> from math import sqrt
    >>> [each.text for each in definitions("root", sqrt)]
    ['from math import sqrt as root']
    """
    found: dict[str, Definition] = {}
    _add(name, value, found, set())
    return tuple(found.values())


def _add(
    name: str, value: Any, found: dict[str, Definition], open_names: set[str]
) -> None:
    if name in found or name in open_names:
        return
    open_names.add(name)
    if isinstance(value, ModuleType):
        found[name] = Definition(name, _as("import", value.__name__, name))
    elif isinstance(value, (FunctionType, MethodType, type)) or inspect.isbuiltin(
        value
    ):
        for each in _code(name, value, found, open_names):
            found[name] = each
    elif looks_secret(name, value):
        found[name] = Definition(name, None)
    elif value is None or isinstance(value, bool | int | str):
        found[name] = Definition(name, f"{name} = {value!r}")
    else:
        found[name] = Definition(name, None, value)


def _code(
    name: str, value: Any, found: dict[str, Definition], open_names: set[str]
) -> Iterator[Definition]:
    if not is_local(sys.modules.get(value.__module__ or "")):
        module = _home(value)
        line = f"from {module} import {value.__qualname__}"
        yield Definition(name, _as("", line, name))
        return
    text = _source(value)
    if text is None:
        yield Definition(name, None)
        return
    visible = _visible(value)
    names = without_builtins(free_names(*ast.parse(text).body), visible)
    for other in names:
        if other in visible and other != value.__name__:
            _add(other, visible[other], found, open_names)
    given = _bound(text)
    if given is not None and given != name:
        text = f"{text}\n\n\n{name} = {given}"
    yield Definition(name, text if given is not None else None)


def _visible(value: Any) -> Mapping[str, Any]:
    """The names that the source of a function or class may read."""
    if isinstance(value, type):
        return vars(sys.modules[value.__module__])
    function = getattr(value, "__func__", value)
    return {**function.__globals__, **closure_vars(function).nonlocals}


def _source(value: Any) -> str | None:
    try:
        text = textwrap.dedent(source_of(value)).strip("\n")
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError):
        return None
    return None if _tells_secret(tree) else text


def _bound(text: str) -> str | None:
    """The name that a definition binds: of a function, class or assigned lambda."""
    match ast.parse(text).body:
        case [ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name)]:
            return name
        case [ast.ClassDef(name=name)]:
            return name
        case [ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda())]:
            return name
    return None


def _tells_secret(tree: ast.Module) -> bool:
    """Whether a text in the source is or looks like a secret, by its name or itself."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name), value=ast.Constant(value=str(text))):
                pass
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))
            ):
                pass
            case ast.Constant(value=str(text)):
                name = ""
            case _:
                continue
        if looks_secret(name, text):
            return True
    return False


def _home(value: Any) -> str:
    """The shortest module that has it, such as ``scipy.optimize``."""
    parts = str(value.__module__).split(".")
    for n in range(1, len(parts) + 1):
        module = ".".join(parts[:n])
        top = value.__qualname__.partition(".")[0]
        found = getattr(sys.modules.get(module), top, None)
        if found is value and not any(p.startswith("_") for p in parts[:n]):
            return module
    return str(value.__module__)


def _as(verb: str, what: str, name: str) -> str:
    line = f"{verb} {what}".strip()
    return line if line.split()[-1] == name else f"{line} as {name}"
