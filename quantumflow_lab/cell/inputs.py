"""Notebook names that a cell reads: taken at the start, fingerprinted, secrets refused.

Values are copied, so that what the notebook does to them later does no harm.
Functions, classes and modules go by reference and count with their source,
transitively over the notebook's functions and local modules.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from quantumflow_lab.cell.class_source import source_of
from quantumflow_lab.cell.options import is_backend, shown
from quantumflow_lab.errors import SecretInput, Where
from quantumflow_lab.fingerprint import is_local
from quantumflow_lab.workflow import Input, InputKind

Fingerprint = Callable[[Any], str]

SECRET_NAME = re.compile(
    r"(token|secret|password|passwd|credential|api_?key)s?\d*(_|$)", re.IGNORECASE
)
SECRET_LENGTH = 16
"""Shorter texts are words and bit strings of textbooks, not keys of a provider."""
SECRET_VALUE = re.compile(
    r"(ghp_|gho_|github_pat_|sk-|AKIA|xox[abp]-|qfl_|eyJ[\w-]+\.eyJ)[\w-]{12,}"
)


@dataclass(frozen=True, slots=True)
class Captured:
    """A notebook name as the run sees it."""

    value: Any
    """The copy, or the thing itself where it goes by reference."""
    input: Input


def capture(
    name: str, value: Any, fingerprint: Fingerprint, where: Where | None = None
) -> Captured:
    """Take a notebook value for a run.

    Parameters
    ----------
    name, value
        What the notebook calls it, and what it is.
    fingerprint
        Content key of a plain value; may raise for a value it does not know.
    where
        Where the cell reads it, for the message.

    Raises
    ------
    SecretInput
        If it is or looks like a secret.
    """
    refuse_secret(name, value, where)
    if isinstance(value, ModuleType):
        return _taken(name, value, "module", _module_key(value), _module_label(value))
    if isinstance(value, type):
        return _taken(name, value, "class", _code_key(value, fingerprint), "class")
    if isinstance(value, (FunctionType, MethodType)):
        key = _code_key(value, fingerprint)
        return _taken(name, value, "function", key, f"function {value.__name__}")
    if inspect.isbuiltin(value):
        label = f"{value.__module__}.{value.__qualname__}"
        return _taken(name, value, "function", _hash("builtin", label), label)
    if run := getattr(value, "qf_run_id", None):
        return _taken(name, value, "run", f"run:{run}", f"run {run}")
    if is_backend(value):
        label = f"backend {_backend_name(value)}"
        return _taken(name, value, "backend", _value_key(value, fingerprint), label)
    try:
        taken = copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # whatever a type's own copying raises
        return _taken(name, value, "live", None, f"{summary(value)}, not copied")
    return _taken(name, taken, "value", _value_key(taken, fingerprint), summary(taken))


def import_key(value: Any, fingerprint: Fingerprint) -> str:
    """Key of what a cell imports: of the user's own modules, with their source."""
    if isinstance(value, ModuleType):
        return _module_key(value)
    if isinstance(value, (FunctionType, MethodType, type)):
        return _code_key(value, fingerprint)
    return _value_key(value, fingerprint) or type(value).__qualname__


def _taken(
    name: str, value: Any, kind: InputKind, key: str | None, label: str
) -> Captured:
    return Captured(value, Input(name, kind, key, label))


def refuse_secret(name: str, value: Any, where: Where | None = None) -> None:
    """Refuse a value that is or looks like a secret.

    Raises
    ------
    SecretInput
        Without the value, naming the places where secrets may live.
    """
    kinds = {kind.__name__ for kind in type(value).__mro__}
    if kinds & {"SecretStr", "SecretBytes", "Secret"} or looks_secret(name, value):
        raise SecretInput(
            f"'{name}' looks like a secret, and runs keep their inputs; keep it in the "
            "environment, the keyring or the provider's saved account, and read it "
            "there",
            where=where,
            name=name,
        )


def refuse_secret_text(name: str, value: Any, where: Where | None = None) -> None:
    """Refuse a literal in a cell that looks like a secret: runs keep their source.

    Raises
    ------
    SecretInput
        Without the value.
    """
    refuse_secret(name, value, where)


def looks_secret(name: str, value: Any) -> bool:
    """Whether a value is or looks like a secret, by its name or by itself."""
    texts = list(_texts(value))
    named = bool(SECRET_NAME.search(name)) and any(map(_may_be_key, texts))
    return named or any(SECRET_VALUE.match(each) for each in texts)


def _may_be_key(text: str) -> bool:
    return len(text) >= SECRET_LENGTH and not set(text) <= {"0", "1"}


def _texts(value: Any) -> Iterator[str]:
    """Texts in a value and in plain containers of it, of which numbers have none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (bytes, bytearray)):
        yield bytes(value).decode("latin-1")
    elif isinstance(value, Mapping):
        yield from (text for each in value.values() for text in _texts(each))
    elif type(value) in (list, tuple, set, frozenset):
        yield from (text for each in value for text in _texts(each))


def summary(value: Any) -> str:
    """What to show of a value: itself if short, else its kind and size.

    Examples
    --------
    >>> summary(0.5), summary([1, 2, 3]), summary("ab" * 99)
    ('0.5', '[1, 2, 3]', 'str of 198')
    """
    try:
        return _described(value)
    except Exception:  # noqa: BLE001  # whatever a type's own shape, repr or len raises
        return type(value).__name__


def _described(value: Any) -> str:
    name = type(value).__name__
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple):
        return f"{name} {shape}" + ("" if dtype is None else f" {dtype}")
    if value is None or isinstance(value, (int, float, complex, str, list, tuple)):
        text = shown(value)
        if "…" not in text and len(text) <= 40:
            return text
    return f"{name} of {len(value)}" if hasattr(value, "__len__") else name


def literal_key(value: Any) -> str:
    """Key of a value that Python can write as a literal.

    Raises
    ------
    ValueError
        For any other value.
    """
    text = repr(value)
    if ast.literal_eval(text) != value:
        raise ValueError(f"{shown(value)} has no literal")
    return _hash("literal", text)


def _backend_name(value: Any) -> str:
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else type(value).__name__


def _value_key(value: Any, fingerprint: Fingerprint) -> str | None:
    try:
        return fingerprint(value)
    except Exception:  # noqa: BLE001  # a value without a key is recorded without
        return None


def _code_key(value: Any, fingerprint: Fingerprint) -> str:
    """Key of a function or class: its source and all that it reads in the notebook."""
    return _hash("code", *_code_parts(value, fingerprint, set()))


def _code_parts(value: Any, fingerprint: Fingerprint, seen: set[int]) -> Iterator[str]:
    if id(value) in seen:
        return
    seen.add(id(value))
    label = f"{value.__module__}.{value.__qualname__}"
    if not is_local(sys.modules.get(value.__module__)):
        yield label
        return
    yield _source(value, label)
    for name, used in _reads(value):
        yield name
        if isinstance(used, (FunctionType, type)):
            yield from _code_parts(used, fingerprint, seen)
        elif isinstance(used, ModuleType):
            yield _module_key(used)
        else:
            yield _value_key(used, fingerprint) or type(used).__qualname__


def _reads(value: Any) -> Iterator[tuple[str, Any]]:
    """Globals and closure variables that a function or a class's methods read."""
    if isinstance(value, type):
        members = [inspect.unwrap(m) for m in vars(value).values() if callable(m)]
        functions = [each for each in members if isinstance(each, FunctionType)]
    else:
        functions = [getattr(value, "__func__", value)]
    for function in functions:
        found = closure_vars(function)
        yield from sorted({**found.globals, **found.nonlocals}.items())


def closure_vars(function: FunctionType) -> inspect.ClosureVars:
    """As :func:`inspect.getclosurevars`, without variables that have no value yet."""
    names, cells = function.__code__.co_freevars, function.__closure__ or ()
    empty = {n for n, each in zip(names, cells, strict=True) if not _is_filled(each)}
    filled = (
        CellType(None) if n in empty else c for n, c in zip(names, cells, strict=True)
    )
    plain = FunctionType(
        function.__code__, function.__globals__, closure=tuple(filled) or None
    )
    found = inspect.getclosurevars(plain)
    kept = {name: each for name, each in found.nonlocals.items() if name not in empty}
    return found._replace(nonlocals=kept)


def _is_filled(cell: CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # Python's way of saying that nothing was assigned yet
        return False
    return True


def _source(value: Any, label: str) -> str:
    try:
        return source_of(value)
    except (OSError, TypeError):
        code = getattr(value, "__code__", None)
        return label if code is None else f"{label}:{code.co_code.hex()}"


def _module_key(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    if file is not None and is_local(module):
        return _hash("module", module.__name__, Path(file).read_bytes().hex())
    version = getattr(module, "__version__", "")
    return _hash("module", module.__name__, str(version))


def _module_label(module: ModuleType) -> str:
    version = getattr(module, "__version__", None)
    label = f"module {module.__name__}"
    return f"{label} {version}" if isinstance(version, str) else label


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
