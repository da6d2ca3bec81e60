"""A value as a JSON tree, with its large leaves beside it."""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
import math
import zipfile
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from quantumflow_lab.codec import kinds
from quantumflow_lab.codec.media import JSON, NPY, TREE, Encoded, not_storable
from quantumflow_lab.errors import NotStorable, StoreError

_SMALL = 512
"""Bytes up to which a leaf stays in the JSON text."""


def encode(value: object) -> Encoded:
    """Turn a value into bytes.

    Raises
    ------
    NotStorable
        If it, or something in it, is of no kind listed in `quantumflow_lab.codec`.

    Examples
    --------
    >>> encode({"t1": 1e-4, "shape": (2, 3)}).data
    b'{"t1":0.0001,"shape":{"$":"tuple","v":[2,3]}}'
    >>> kept = encode((1 + 2j, {"a"}))
    >>> decode(kept.media, kept.data)
    ((1+2j), {'a'})
    """
    packer = _Packer()
    try:
        tree = packer.pack(value)
        text = json.dumps(tree, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise NotStorable(
            "cannot store a value that contains itself or is nested too deeply;"
            " return a flatter one"
        ) from error
    if not packer.leaves:
        return Encoded(JSON, text)
    if isinstance(tree, dict) and tree.get("$") == "leaf":
        return packer.leaves[0]
    return Encoded(TREE, _zip(text, packer.leaves))


def decode(media: str, data: bytes) -> object:
    """Turn bytes back into the value.

    Raises
    ------
    StoreError
        If the media type is unknown, or the bytes are not of it.
    """
    if media not in _DECODERS:
        raise StoreError(
            f"cannot read a stored value of type {media!r}; a newer version wrote it:"
            " pip install -U quantumflow-lab"
        )
    try:
        return _DECODERS[media](data)
    except Exception as error:
        raise StoreError(
            f"a stored value of type {media!r} does not read: {error};"
            " run its step again with --fresh"
        ) from error


def _zip(text: bytes, leaves: list[Encoded]) -> bytes:
    """Uncompressed and dated 1980, so that equal values have equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("tree.json"), text)
        for number, leaf in enumerate(leaves):
            archive.writestr(zipfile.ZipInfo(str(number)), leaf.data)
    return out.getvalue()


def _unzip(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        tree = json.loads(archive.read("tree.json"))
        return _unpack(tree, archive.read)


class _Packer:
    """Makes the JSON tree of a value and puts its large leaves aside."""

    def __init__(self) -> None:
        self.leaves: list[Encoded] = []

    def pack(self, value: Any) -> Any:
        plain = _PLAIN.get(type(value))
        if plain is not None:
            return plain(self, value)
        for kind in type(value).__mro__:
            name = f"{kind.__module__}.{kind.__qualname__}"
            if name in _TYPES and (kind is type(value) or name in kinds.OPEN):
                return self._pack_type(name, value)
        raise not_storable(value)

    def _pack_type(self, name: str, value: Any) -> Any:
        tag, state = _TYPES[name]
        try:
            found = state(value)
        except NotStorable:
            raise
        except Exception as error:
            raise not_storable(value, f": {error}") from error
        if isinstance(found, Encoded):
            return self._pack_leaf(found)
        return {"$": tag, "v": self.pack(found)}

    def _pack_leaf(self, leaf: Encoded) -> Any:
        if len(leaf.data) <= _SMALL and leaf.media == NPY:
            return {"$": "small", "media": leaf.media, "v": _text(leaf.data)}
        self.leaves.append(leaf)
        return {"$": "leaf", "media": leaf.media, "at": len(self.leaves) - 1}

    def pack_float(self, value: float) -> Any:
        return value if math.isfinite(value) else {"$": "float", "v": repr(value)}

    def pack_int(self, value: int) -> Any:
        # Other readers of JSON keep 64 bits, and Python's own has a limit of digits.
        return value if value.bit_length() < 64 else {"$": "int", "v": hex(value)}

    def pack_list(self, value: list[Any]) -> Any:
        return [self.pack(item) for item in value]

    def pack_dict(self, value: dict[Any, Any]) -> Any:
        if "$" not in value and all(type(key) is str for key in value):
            return {key: self.pack(item) for key, item in value.items()}
        pairs = [[self.pack(key), self.pack(item)] for key, item in value.items()]
        return {"$": "dict", "v": pairs}

    def pack_set(self, value: set[Any] | frozenset[Any]) -> Any:
        items = sorted((self.pack(item) for item in value), key=json.dumps)
        return {"$": type(value).__name__, "v": items}


def _tagged(tag: str, state: Callable[[Any], Any]) -> Callable[[_Packer, Any], Any]:
    return lambda packer, value: {"$": tag, "v": packer.pack(state(value))}


def _as_is(packer: _Packer, value: Any) -> Any:
    return value


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _datetime_state(value: datetime.datetime) -> list[Any]:
    zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    naive = value.replace(tzinfo=None) if zone else value
    return [naive.isoformat(), zone, value.fold]


def _datetime(state: list[Any]) -> datetime.datetime:
    text, zone, fold = state
    found = datetime.datetime.fromisoformat(text).replace(fold=fold)
    return found.replace(tzinfo=ZoneInfo(zone)) if zone else found


def _delta_state(value: datetime.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


_PLAIN: dict[type, Callable[[_Packer, Any], Any]] = {
    type(None): _as_is,
    bool: _as_is,
    str: _as_is,
    int: _Packer.pack_int,
    float: _Packer.pack_float,
    list: _Packer.pack_list,
    dict: _Packer.pack_dict,
    set: _Packer.pack_set,
    frozenset: _Packer.pack_set,
    tuple: _tagged("tuple", list),
    complex: _tagged("complex", lambda value: [value.real, value.imag]),
    bytes: _tagged("bytes", _text),
    datetime.datetime: _tagged("datetime", _datetime_state),
    datetime.date: _tagged("date", datetime.date.isoformat),
    datetime.timedelta: _tagged("timedelta", _delta_state),
    decimal.Decimal: _tagged("decimal", str),
}


def _result_state(value: Any) -> list[Any]:
    """Data and metadata; what cannot be stored of the latter is left out by name."""
    kept, left = {}, []
    for key, item in value.metadata.items():
        try:
            if not _is_plain(item):
                encode(item)
        except NotStorable:
            left.append(key)
        else:
            kept[key] = item
    if left:
        kept["not_stored"] = left
    return [value.data, kept]


def _is_plain(value: Any, depth: int = 3) -> bool:
    """Whether a value is flat enough, and of JSON's types, to be stored for certain."""
    kind = type(value)
    if kind is dict and depth:
        return all(type(k) is str and _is_plain(v, depth - 1) for k, v in value.items())
    if kind is list and depth:
        return all(_is_plain(v, depth - 1) for v in value)
    return _PLAIN.get(kind) is _as_is or kind in (int, float)


# Which metadata can be kept is for this module to say, so these two are not of `kinds`.
_TYPES = kinds.TYPES | {
    "qiskit.primitives.containers.pub_result.PubResult": ("pub_result", _result_state),
    "qiskit.primitives.containers.sampler_pub_result.SamplerPubResult": (
        "sampler_result",
        _result_state,
    ),
}

_TAGS: dict[str, Callable[[Any], object]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "float": float,
    "int": lambda text: int(text, 16),
    "complex": lambda parts: complex(*parts),
    "bytes": base64.b64decode,
    "datetime": _datetime,
    "date": datetime.date.fromisoformat,
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "decimal": decimal.Decimal,
    **kinds.TAGS,
}

_DECODERS: dict[str, Callable[[bytes], object]] = {
    JSON: lambda data: _unpack(json.loads(data), None),
    TREE: _unzip,
    **kinds.LEAVES,
}


def _unpack(tree: Any, read: Callable[[str], bytes] | None) -> Any:
    if isinstance(tree, list):
        return [_unpack(item, read) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tag = tree.get("$")
    if tag is None:
        return {key: _unpack(item, read) for key, item in tree.items()}
    if tag == "small":
        return _DECODERS[tree["media"]](base64.b64decode(tree["v"]))
    if tag == "leaf" and read is not None:
        return _DECODERS[tree["media"]](read(str(tree["at"])))
    return _TAGS[tag](_unpack(tree["v"], read))
