"""Values of steps as JSON that any program reads; exact ones come through the codec."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.live import MISSING

MOST = 4096
"""Outcomes of one histogram, and places of one array, that are told."""
DEEPEST = 32


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON: numbers that are none become null, results their data.

    Examples
    --------
    >>> plain({"t1": np.float64(0.5), "bad": float("nan"), "z": 1 + 2j})
    {'t1': 0.5, 'bad': None, 'z': [1.0, 2.0]}
    >>> plain(Failed("StepTimeout", "took too long", 2))
    {'failed': 'StepTimeout', 'message': 'took too long'}
    """
    if depth > DEEPEST:
        return _other(value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < 64 else str(value)
    if isinstance(value, float):  # NumPy's own is one too
        return float(value) if math.isfinite(value) else None
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, np.generic):
        return plain(value.item(), depth + 1)
    return _compound(value, depth + 1)


def _compound(value: Any, depth: int) -> Any:
    if value is MISSING:
        return None
    if isinstance(value, Failed):
        return {"failed": value.reason, "message": hidden(value.message)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), depth) if value.size <= MOST else _other(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each, depth) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [plain(each, depth) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "data") and hasattr(value, "metadata"):
        return _result(value)
    return _other(value)


def hidden(text: str) -> str:
    """What an error said or a step printed, without secrets that it quotes."""
    return Secrets.of().hide_text(text)


def _result(result: Any) -> Any:
    """Counts by register, or expectation values with their errors."""
    data = result.data
    if hasattr(data, "evs"):
        stds = getattr(data, "stds", None)
        return {"evs": plain(np.asarray(data.evs)), "stds": plain(np.asarray(stds))}
    found: dict[str, Any] = {}
    for name in data:
        bits = data[name]
        if not hasattr(bits, "get_counts"):
            found[name] = plain(np.asarray(bits))
        elif bits.shape:
            found[name] = [_counts(bits.get_counts(i)) for i in np.ndindex(*bits.shape)]
        else:
            found[name] = _counts(bits.get_counts())
    return {"counts": found}


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent outcomes, in the order of their bits."""
    often = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST]
    return {bits: int(number) for bits, number in sorted(often)}


def _other(value: Any) -> dict[str, str]:
    kind = type(value)
    return {"type": f"{kind.__module__}.{kind.__qualname__}", "see": "form=exact"}
