"""Frozen dataclasses as plain JSON values, and back, guided by their annotations.

Understands what the values of :mod:`quantumflow_lab.workflow` are made of: text,
numbers, truth values, optional ones, literals, tuples and other dataclasses. Fields
excluded from comparison stay at home.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from quantumflow_lab.errors import BadDocument

FORMAT = "qflow/1"

T = TypeVar("T")


def parse(document: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
    """A document as a dict, its format checked and taken off.

    Raises
    ------
    BadDocument
        If it is not JSON, not an object, or of another or newer format.
    """
    if isinstance(document, (str, bytes)):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise BadDocument(f"a {FORMAT} document is JSON: {error}") from error
    if not isinstance(document, Mapping):
        kind = type(document).__name__
        raise BadDocument(f"a {FORMAT} document is a JSON object, this is a {kind}")
    if (found := document.get("format")) != FORMAT:
        raise BadDocument(_wrong_format(found), found=found)
    return {name: value for name, value in document.items() if name != "format"}


def _wrong_format(found: object) -> str:
    version = found.removeprefix("qflow/") if isinstance(found, str) else ""
    if isinstance(found, str) and found.startswith("qflow/") and version.isdigit():
        return f"this document is {found}, newer than {FORMAT}; upgrade quantumflow-lab"
    return f"this is no {FORMAT} document: its format is {found!r}"


def encode(value: object) -> Any:
    """A dataclass, tuple or plain value as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in _own(value)}
    if isinstance(value, tuple):
        return [encode(each) for each in value]
    return value


def decode(kind: type[T], value: object, path: str = "document") -> T:
    """An instance of a dataclass from JSON values, every one of them checked.

    Raises
    ------
    BadDocument
        Naming the path of the first value that does not fit, such as
        ``document.steps[0].kind``.
    """
    if not isinstance(value, Mapping):
        raise _misfit(path, "an object", value)
    hints, known = get_type_hints(kind), {field.name: field for field in _own(kind)}
    if unknown := sorted(str(name) for name in value if name not in known):
        message = f"{path} has a field this version does not know: {unknown[0]}"
        raise BadDocument(message)
    arguments = {}
    for name, field in known.items():
        if name in value:
            arguments[name] = _decode(hints[name], value[name], f"{path}.{name}")
        elif field.default is MISSING:
            raise BadDocument(f"{path} has no field '{name}'")
    return kind(**arguments)


def _own(value: object) -> list[Field[Any]]:
    return [field for field in fields(value) if field.compare]  # type: ignore[arg-type]  # any dataclass


def _decode(hint: Any, value: object, path: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        (inner,) = (each for each in arguments if each is not NoneType)
        return _decode(inner, value, path)
    if origin is Literal:
        if value not in arguments:
            raise _misfit(path, "one of " + " ".join(map(str, arguments)), value)
        return value
    if origin is tuple:
        return _decode_tuple(arguments, value, path)
    if is_dataclass(hint):
        return decode(hint, value, path)  # type: ignore[arg-type]  # is_dataclass says it is a class
    if type(value) is not hint:
        raise _misfit(path, hint.__name__, value)
    return value


def _decode_tuple(arguments: tuple[Any, ...], value: object, path: str) -> Any:
    if not isinstance(value, list):
        raise _misfit(path, "a list", value)
    if arguments[-1] is Ellipsis:
        arguments = arguments[:1] * len(value)
    if len(arguments) != len(value):
        raise _misfit(path, f"a list of {len(arguments)}", value)
    pairs = enumerate(zip(arguments, value, strict=True))
    return tuple(_decode(hint, each, f"{path}[{n}]") for n, (hint, each) in pairs)


def _misfit(path: str, wanted: str, value: object) -> BadDocument:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    return BadDocument(f"{path} must be {wanted}, not {shown}")
