"""The colour of a backend: one everywhere, in figures and in views."""

from __future__ import annotations

from zlib import crc32

PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#332288",
    "#882255",
    "#999933",
    "#44AA99",
)
"""Safe for colour-blind readers: Okabe & Ito (2008), then P. Tol's muted ones."""

QUIET = "#8A8F98"
"""What belongs to no backend: classical steps, simulators without a name."""

_taken: dict[str, str] = {"aer": PALETTE[0], "python": QUIET}


def colour_of(name: str) -> str:
    """The colour of a backend, the same in every figure.

    It follows from the name. If two names ask for one colour, the one that was drawn
    first keeps it and the other takes the next that is free.

    Examples
    --------
    >>> colour_of("aer")
    '#0072B2'
    """
    if name not in _taken:
        start = crc32(name.encode()) % len(PALETTE)
        wished = [*PALETTE[start:], *PALETTE[:start]]
        used = set(_taken.values())
        _taken[name] = next((c for c in wished if c not in used), wished[0])
    return _taken[name]
