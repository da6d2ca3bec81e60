"""Seeds: everything random in a run follows from one number.

Circuit *i* of a step on a backend runs with ``base + 2113 * i``, the rule by which Aer
seeds the circuits of one batch, so that splitting a job never changes a count. The base
depends on the run's seed and the names of step and backend; that of a generator on the
point as well: adding a step, a backend or a point shifts nothing elsewhere.
"""

from __future__ import annotations

from hashlib import blake2b
from secrets import randbits

import numpy as np

_STRIDE = 1_000_003
"""Keeps the sequences of points that hold different numbers of circuits apart."""


def draw_seed() -> int:
    """A fresh seed for a run, 31 bits."""
    return randbits(31)


def derive(seed: int, *names: str) -> int:
    """A seed of 31 bits from a run's seed and the names of what it is for.

    Examples
    --------
    >>> derive(7, "counts") == derive(7, "counts") != derive(8, "counts")
    True
    """
    text = "\x1f".join([str(seed), *names]).encode()
    return int.from_bytes(blake2b(text, digest_size=4).digest()) >> 1


def seed_index(member: int, circuits: int) -> int:
    """Position of a point's first circuit in the seed sequence of its step.

    Parameters
    ----------
    member
        Position of the point among those of its step on the same backend.
    circuits
        Circuits this point sends; points of one step usually send equally many.

    Examples
    --------
    >>> [seed_index(member, 1) for member in range(3)]
    [0, 1, 2]
    >>> [seed_index(member, 2) for member in range(2)]
    [1000003, 1000005]
    """
    return member * circuits + (circuits - 1) * _STRIDE


def generator(seed: int, step: str, point: str) -> np.random.Generator:
    """The ``rng`` of one point of one step."""
    return np.random.default_rng(derive(seed, "rng", step, point))
