"""Two values of a step side by side: equal, different with a p-value, or changed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.exceptions import QiskitError

from quantumflow_lab.compare.shown import NUMBERS, number, relative, short, with_error
from quantumflow_lab.compare.significance import counts_p, estimates_p
from quantumflow_lab.errors import NotStorable
from quantumflow_lab.fingerprint import fingerprint

MOST_TABLES = 5000
"""Tables of counts that are compared at one point; of more, some evenly spaced."""

ROUNDING = 1e-12
"""Relative difference up to which numbers that are not whole are equal."""

_OUTCOME = re.compile(r"[01]+(?: [01]+)*")


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a value that is not the same in both runs."""

    part: str
    """Which part, such as ``['t1']`` or ``evs[3]``; empty for the whole value."""
    a: str
    b: str
    change: str
    """The difference, such as ``-9.1 %``; empty where there is none to name."""
    size: float
    """What to sort by: the difference in standard deviations, or relative to A."""
    p: float | None
    """How likely chance alone makes it; None if no uncertainty is known."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Two values of one point side by side."""

    p: float | None
    """The least p-value of its parts, corrected for their number, if any has one."""
    changes: tuple[Change, ...]
    """Parts that are not the same."""
    apart: str | None = None
    """Why the values cannot be compared."""

    @property
    def equal(self) -> bool:
        """Whether they are the same, to rounding."""
        return not self.changes and self.apart is None

    @property
    def changed(self) -> bool:
        """Whether a part has changed of which no uncertainty is known."""
        return any(change.p is None for change in self.changes)


class _Apart(Exception):
    """Values of different kinds."""


@dataclass(frozen=True, slots=True)
class _Part:
    tests: int
    """How many p-values stand behind `p`."""
    p: float | None
    """The least of them, not corrected."""
    changes: tuple[Change, ...]


def weigh(a: Any, b: Any) -> Weighed:
    """Compare two values of a point.

    Counts (of a ``SamplerPubResult``, or a dict of outcomes) are compared as samples,
    ``evs`` by their ``stds``; of other numbers no uncertainty is known. Lists, dicts
    and arrays are taken apart.

    Examples
    --------
    >>> [change] = weigh({"t1": 1e-4, "n": 3}, {"t1": 8e-5, "n": 3}).changes
    >>> change.part, change.a, change.b, change.change, change.p
    ("['t1']", '0.0001', '8e-05', '-20 %', None)
    >>> weigh([1, 2], "x").apart
    'list, then str'
    """
    try:
        parts = list(_parts("", a, b))
    except _Apart as why:
        return Weighed(None, (), str(why))
    tests = sum(part.tests for part in parts)
    found = [part.p for part in parts if part.p is not None]
    changes = [change for part in parts for change in part.changes]
    return Weighed(min(1.0, min(found) * tests) if found else None, tuple(changes))


def tables_in(value: Any) -> int:
    """How many tables of counts a value holds, at least 1: what comparing it takes."""
    if isinstance(value, Mapping):
        return max(1, sum(map(tables_in, value.values())))
    if isinstance(value, list | tuple):
        return max(1, sum(map(tables_in, value)))
    return max(1, math.prod(value.data.shape)) if _is_sampled(value) else 1


def shots_in(value: Any) -> int:
    """Shots behind the counts that a value holds, over all their tables."""
    if _is_counts(value):
        return sum(value.values())
    if _is_sampled(value):
        return sum(f.num_shots * math.prod(f.shape) for f in value.data.values())
    if isinstance(value, Mapping):
        value = list(value.values())
    return sum(map(shots_in, value)) if isinstance(value, list | tuple) else 0


def results_in(value: Any) -> Iterator[Any]:
    """The results of primitives that a value consists of."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from results_in(each)
    elif _is_result(value):
        yield value


def _parts(where: str, a: Any, b: Any) -> Iterator[_Part]:
    if _is_result(a) and _is_result(b):
        yield from _results(where, a, b)
    elif _is_counts(a) and _is_counts(b):
        yield _counts(where, a, b)
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        yield from _mappings(where, a, b)
    elif (pair := _arrays(a, b)) is not None:
        yield _numbers(where, *pair)
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
        if len(a) != len(b):
            raise _Apart(_told(where, f"{len(a)} elements, then {len(b)}"))
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _parts(f"{where}[{i}]", one, other)
    else:
        yield from _others(where, a, b)


def _others(where: str, a: Any, b: Any) -> Iterator[_Part]:
    """Values that are equal or not, and nothing between."""
    if type(a) is not type(b):
        raise _Apart(_told(where, f"{_kind(a)}, then {_kind(b)}"))
    if isinstance(a, np.ndarray) and a.shape != b.shape:
        raise _Apart(_told(where, f"shape {a.shape}, then {b.shape}"))
    if not _same(where, a, b):
        yield _Part(0, None, (Change(where, short(a), short(b), "", 1.0, None),))


def _mappings(
    where: str, a: Mapping[Any, Any], b: Mapping[Any, Any]
) -> Iterator[_Part]:
    for key in dict.fromkeys([*a, *b]):
        path = f"{where}[{key!r}]"
        if key in a and key in b:
            yield from _parts(path, a[key], b[key])
        else:
            one, other = (short(x[key]) if key in x else "none" for x in (a, b))
            yield _Part(0, None, (Change(path, one, other, "", math.inf, None),))


def _results(where: str, a: Any, b: Any) -> Iterator[_Part]:
    names, others = tuple(a.data.keys()), tuple(b.data.keys())
    if names != others:
        fields = f"{', '.join(names)}, then {', '.join(others)}"
        raise _Apart(_told(where, fields))
    if a.data.shape != b.data.shape:
        raise _Apart(_told(where, f"shape {a.data.shape}, then {b.data.shape}"))
    if _is_sampled(a) and _is_sampled(b):
        yield from _samples(where, a, b)
    elif {"evs", "stds"} <= set(names):
        yield _estimates(f"{where}evs", a, b)
    else:
        for name in names:
            yield from _parts(f"{where}{name}", a.data[name], b.data[name])


def _samples(where: str, a: Any, b: Any) -> Iterator[_Part]:
    widths = [{n: bits.num_bits for n, bits in each.data.items()} for each in (a, b)]
    for name, width in widths[0].items():
        if width != widths[1][name]:
            raise _Apart(
                _told(where, f"{name} of {width} bits, then {widths[1][name]}")
            )
    one, other = _joined(a), _joined(b)
    for flat in evenly(math.prod(one.shape), MOST_TABLES):
        at = _at(flat, one.shape)
        path = f"{where}{_index(at)}"
        yield _counts(path, outcomes(one, at), outcomes(other, at))


def _joined(result: Any) -> Any:
    """Bits of all registers together."""
    registers = list(result.data.values())
    return registers[0] if len(registers) == 1 else result.join_data()


def outcomes(bits: Any, at: tuple[int, ...] = ()) -> dict[str, int]:
    """What ``BitArray.get_counts`` gives at one place, many times as fast.

    Examples
    --------
    >>> from qiskit.primitives import BitArray
    >>> outcomes(BitArray.from_counts({"011": 2, "100": 3}))
    {'011': 2, '100': 3}
    """
    rows = np.ascontiguousarray(bits.array[at])
    found, counts = np.unique(rows.view(f"V{rows.shape[-1]}"), return_counts=True)
    names = (int.from_bytes(each.tobytes(), "big") for each in found)
    return {
        f"{name:0{bits.num_bits}b}": int(count)
        for name, count in zip(names, counts, strict=True)
    }


def _counts(where: str, a: Mapping[str, int], b: Mapping[str, int]) -> _Part:
    if not a or not b:
        raise _Apart(_told(where, "no shots"))
    if {len(o.replace(" ", "")) for o in (*a, *b)} - {_width(a)}:
        raise _Apart(_told(where, f"outcomes of {_width(a)} bits, then {_width(b)}"))
    a, b = ({o.replace(" ", ""): n for o, n in each.items()} for each in (a, b))
    p = counts_p(a, b)
    shots = sum(a.values()), sum(b.values())
    if all(
        a.get(o, 0) * shots[1] == b.get(o, 0) * shots[0] for o in a.keys() | b.keys()
    ):
        return _Part(1, p, ())
    shares = {
        o: (a.get(o, 0) / shots[0], b.get(o, 0) / shots[1]) for o in a.keys() | b.keys()
    }
    most = max(sorted(shares), key=lambda o: abs(shares[o][1] - shares[o][0]))
    one, other = shares[most]
    name = f"{where} P({most})".strip()
    told = f"{other - one:+.4f}"
    change = Change(name, f"{one:.4f}", f"{other:.4f}", told, abs(other - one), p)
    return _Part(1, p, (change,))


def _estimates(where: str, a: Any, b: Any) -> _Part:
    means = np.asarray(a.data.evs, float), np.asarray(b.data.evs, float)
    stds = np.asarray(a.data.stds, float), np.asarray(b.data.stds, float)
    z, p = estimates_p(means[0], stds[0], means[1], stds[1], _shots(a, b))
    known = np.isfinite(p)
    differs = ~np.isclose(*means, rtol=ROUNDING, atol=1e-12, equal_nan=True)
    sizes = np.where(known, np.abs(z), np.abs(means[1] - means[0]))
    changes = []
    for tested in (True, False):
        concerned = differs & (known == tested)
        if concerned.any():
            at = _at(int(np.where(concerned, sizes, -1.0).argmax()), z.shape)
            one, other = (float(mean[at]) for mean in means)
            changes.append(
                Change(
                    part=f"{where}{_index(at)}",
                    a=with_error(one, float(stds[0][at])),
                    b=with_error(other, float(stds[1][at])),
                    change=f"{z[at]:+.1f} σ" if tested else relative(one, other),
                    size=float(sizes[at]),
                    p=float(p[at]) if tested else None,
                )
            )
    least = float(p[known].min()) if known.any() else None
    return _Part(int(known.sum()), least, tuple(changes))


def _shots(a: Any, b: Any) -> tuple[int, int] | None:
    """Shots behind two estimates, if both say so."""
    n, m = (each.metadata.get("shots") for each in (a, b))
    known = all(isinstance(each, int) and each > 0 for each in (n, m))
    return (n, m) if known else None


def _numbers(where: str, a: NDArray[Any], b: NDArray[Any]) -> _Part:
    scale = max(abs(x).max(initial=0.0, where=np.isfinite(x)) for x in (a, b))
    whole = a.dtype.kind in "biu" and b.dtype.kind in "biu"
    near = 0.0 if whole else ROUNDING * scale
    differs = ~np.isclose(a, b, rtol=0.0, atol=near, equal_nan=True)
    count = int(differs.sum())
    if not count:
        return _Part(0, None, ())
    with np.errstate(invalid="ignore"):
        sizes = np.nan_to_num(np.abs(b - a), nan=np.inf, posinf=np.inf)
    at = _at(int(np.where(differs, sizes, -1).argmax()), a.shape)
    one, other = a[at].item(), b[at].item()
    path = f"{where}{_index(at)}"
    if a.size > 1:
        path += f" ({count:,} of {a.size:,})"
    told = "" if isinstance(one, complex) else relative(one, other)
    size = abs(other - one) / abs(one) if one else math.inf
    size = size if math.isfinite(size) else math.inf
    change = Change(path, number(one), number(other), told, size, None)
    return _Part(0, None, (change,))


def _arrays(a: Any, b: Any) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Both as numeric arrays of one shape, or None if they are something else."""
    found = []
    for value in (a, b):
        flat = isinstance(value, list | tuple)
        if flat and not (value and all(isinstance(v, NUMBERS) for v in value)):
            return None
        if not flat and not isinstance(value, (*NUMBERS, np.ndarray)):
            return None
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            return None
        found.append(array.astype(complex if array.dtype.kind == "c" else float))
    return (found[0], found[1]) if found[0].shape == found[1].shape else None


def _at(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()


def _index(at: tuple[int, ...]) -> str:
    return "".join(f"[{i}]" for i in at)


def evenly(size: int, most: int) -> Sequence[int]:
    """Numbers below `size`, all of them or `most` evenly spaced.

    Examples
    --------
    >>> list(evenly(3, 5)), list(evenly(10, 3))
    ([0, 1, 2], [0, 4, 9])
    """
    if size <= most:
        return range(size)
    return [int(i) for i in np.linspace(0, size - 1, most).round()]


def _same(where: str, a: Any, b: Any) -> bool:
    if isinstance(a, int | str | bytes):
        return bool(a == b)
    try:
        return fingerprint(a) == fingerprint(b)
    except (NotStorable, QiskitError) as error:
        raise _Apart(_told(where, f"{_kind(a)} that cannot be read back")) from error


def _is_result(value: Any) -> bool:
    return hasattr(value, "metadata") and hasattr(getattr(value, "data", None), "keys")


def _is_sampled(value: Any) -> bool:
    return (
        _is_result(value)
        and hasattr(value, "join_data")
        and len(value.data) > 0
        and all(hasattr(field, "get_counts") for field in value.data.values())
    )


def _is_counts(value: Any) -> bool:
    """Whether a dict is a table of counts: outcomes in bits, whole numbers of shots.

    One of single digits may as well number qubits, so it counts as numbers.
    """
    return (
        isinstance(value, Mapping)
        and all(isinstance(k, str) and _OUTCOME.fullmatch(k) for k in value)
        and all(type(n) is int and n >= 0 for n in value.values())
        and any(value.values())
        and _width(value) > 1
        and len({len(k) for k in value}) == 1
    )


def _width(counts: Mapping[str, int]) -> int:
    return len(next(iter(counts)).replace(" ", ""))


def _told(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
