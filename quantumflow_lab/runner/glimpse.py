"""The latest results of a step in few numbers, to be drawn while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTCOMES = 16
"""Outcomes of a histogram that have a bar of their own."""
HISTOGRAMS = 3
"""Histograms of a step."""
VALUES = 64
"""Expectation values of a step."""
MOST_SHOTS = 100_000
"""Shots that are counted while a run goes on; more would take longer than a tick."""
_PUBS = 8
_LABEL = 60


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each outcome was measured."""

    label: str
    """Which PUB and parameter sets of the point it is of; empty for all there is."""
    shots: int
    outcomes: int
    """Outcomes that were seen."""
    counts: Mapping[str, int]
    """The most frequent ones, at most :data:`OUTCOMES`; empty if not counted."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """Expectation values with their standard errors."""

    values: tuple[tuple[float | None, float | None], ...]
    """None is a value, or an error, that is not a finite number; it keeps its place."""
    total: int
    """How many the result holds, of which the first are in `values`."""


Glimpse = tuple[Histogram, ...] | Estimates
"""What one point has."""


def glimpse(value: Any) -> Glimpse | None:
    """What can be drawn of the value of a point; None if nothing.

    Parameters
    ----------
    value
        Of a sample or estimate step: a ``PubResult``, or a list or dict of them. Of any
        other step: a number.

    Examples
    --------
    >>> glimpse(0.25)
    Estimates(values=((0.25, None),), total=1)
    """
    try:
        return _looked_at(value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # values are the user's, of any shape, and may only look like ours


def _looked_at(value: Any) -> Glimpse | None:
    if isinstance(value, int | float | np.integer | np.floating):
        if isinstance(value, bool):
            return None
        return _estimates(np.atleast_1d(np.asarray(value, dtype=float)), None)
    pubs = list(_pubs(value))
    drawn = [h for label, pub in pubs[:HISTOGRAMS] if (h := _histogram(label, pub))]
    if drawn:
        return tuple(drawn)
    found = [pub.data for _, pub in pubs if hasattr(pub.data, "evs")]
    if not found:
        return None
    evs = [np.ravel(np.asarray(data.evs, dtype=float)) for data in found]
    stds = [_stds(data, len(e)) for data, e in zip(found, evs, strict=True)]
    return _estimates(np.concatenate(evs), np.concatenate(stds))


def is_number(each: Glimpse | None) -> bool:
    """Whether it is one number, of which many points are drawn together."""
    return isinstance(each, Estimates) and each.total == 1


def _pubs(value: Any) -> Iterator[tuple[str, Any]]:
    """The results of PUBs in a value, with a name where there are several."""
    if hasattr(value, "data") and hasattr(value.data, "keys"):
        yield "", value
    elif isinstance(value, Mapping):
        named = list(value.items())[:_PUBS]
        yield from ((str(k)[:_LABEL], v) for k, v in named if hasattr(v, "data"))
    elif isinstance(value, list | tuple):
        numbered = list(enumerate(value))[:_PUBS]
        yield from ((f"PUB {i}", v) for i, v in numbered if hasattr(v, "data"))


def _histogram(label: str, pub: Any) -> Histogram | None:
    """Counts of all registers and parameter sets of a PUB together."""
    registers = list(pub.data.values()) if hasattr(pub, "join_data") else []
    if not registers or not _bits(registers):
        return None
    sets = registers[0].size
    if sets > 1:
        label = ", ".join(filter(None, (label, f"{sets:,} parameter sets together")))
    shots = sets * registers[0].num_shots
    if not 0 < shots <= MOST_SHOTS:
        return Histogram(label, shots, 0, {})
    joined = pub.join_data()
    counts, outcomes = _counted(joined.array, joined.num_bits)
    return Histogram(label, shots, outcomes, counts)


def _bits(arrays: Any) -> bool:
    return all(hasattr(a, "get_counts") and hasattr(a, "array") for a in arrays)


def _counted(array: NDArray[np.uint8], bits: int) -> tuple[dict[str, int], int]:
    """Counts of the most frequent bit strings, and how many there are.

    By NumPy, since every shot as a text takes too long.
    """
    rows = array.reshape(-1, array.shape[-1])
    # Rows of at most eight bytes are numbers, which are sorted five times as fast.
    width = max(rows.shape[1], 8)
    filled = np.zeros((len(rows), width), np.uint8)
    filled[:, width - rows.shape[1] :] = rows
    kind = np.dtype(">u8") if width == 8 else np.dtype((np.void, width))
    found, numbers = np.unique(filled.view(kind).ravel(), return_counts=True)
    # Stable, so that of equally frequent strings always the same are kept.
    most = np.argsort(-numbers, kind="stable")[:OUTCOMES]
    native = width == 8
    whole = (int(i) if native else int.from_bytes(i.tobytes()) for i in found[most])
    names = (f"{each:0{bits}b}" for each in whole)
    return dict(zip(names, numbers[most].tolist(), strict=True)), len(found)


def _stds(data: Any, size: int) -> NDArray[np.float64]:
    stds = np.ravel(np.asarray(getattr(data, "stds", np.nan), dtype=float))
    return stds if len(stds) == size else np.full(size, np.nan)


def _estimates(
    evs: NDArray[np.float64], stds: NDArray[np.float64] | None
) -> Estimates | None:
    if not len(evs):
        return None
    known = np.full(len(evs), np.nan) if stds is None else stds
    pairs = zip(evs[:VALUES].tolist(), known[:VALUES].tolist(), strict=True)
    return Estimates(tuple((_finite(v), _finite(s)) for v, s in pairs), len(evs))


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
