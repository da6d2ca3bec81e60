"""Bytes with the media type that says how to read them."""

from __future__ import annotations

from dataclasses import dataclass

from quantumflow_lab.errors import NotStorable

JSON = "application/json"
TREE = "application/vnd.qflow.tree+zip"
NPY = "application/x-npy"
QPY = "application/vnd.qiskit.qpy"
ARROW = "application/vnd.apache.arrow.stream"
PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as bytes."""

    media: str
    """Media type, which says how to read them."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a figure became; notebooks display it."""

    png: bytes
    """The file, PNG."""

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"Image({len(self.png)} bytes)"


def not_storable(value: object, why: str = "") -> NotStorable:
    """Say that a value has no form here, and which have."""
    kind = type(value)
    return NotStorable(
        f"cannot store a {kind.__module__}.{kind.__qualname__}{why}; return numbers,"
        " numpy arrays, circuits, states, operators, results, tables, or lists and"
        " dicts of them",
        type=f"{kind.__module__}.{kind.__qualname__}",
    )
