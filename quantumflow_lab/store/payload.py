"""A record as JSON that every reader takes: DuckDB is stricter than Python's writer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

VERSION = 1
"""Version of the record kinds."""

OUTLIVE = ("calibration", "forget")
"""Kinds that stay when their run is forgotten: what a device said of itself, which
later runs of the process do not record again, and that the run was forgotten."""

BLANK = "forgotten"
"""Kind of what :mod:`.erasing` leaves in place of a record."""


def payload(record: Mapping[str, Any], now: float) -> bytes:
    """One record as one line of JSON.

    NaN and infinities become the texts ``NaN``, ``Infinity`` and ``-Infinity``, which a
    DOUBLE column reads back; half a surrogate pair becomes ``?``; numpy scalars become
    numbers.

    Parameters
    ----------
    record
        With at least ``kind``; see ``docs/store.md``.
    now
        Seconds since the epoch, for records without ``ts``.
    """
    full = {"kind": record["kind"], "v": VERSION, "ts": now, **record}
    try:
        text = _dump(full)
    except ValueError:
        text = _dump(_finite(full))
    return text.encode("utf-8", "replace")


def _dump(value: object) -> str:
    return json.dumps(
        value,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        default=_plain,
    )


def _plain(value: Any) -> object:
    """What JSON makes of a value that is not its own; those of numpy can say."""
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
