"""The compiled `place` and the one in Python say the same, word for word."""

from __future__ import annotations

from array import array
from random import Random

import pytest

from quantumflow_lab._fallback.place import place as plain_place
from quantumflow_lab.errors import SchedulerError

_core = pytest.importorskip("quantumflow_lab._core")

SEEDS = 600
PLACES = (_core.place, plain_place)


def problem(rng: Random) -> list[int]:
    """Random words; large numbers now and then, so that floats must round alike."""
    n, m = rng.randint(0, 12), rng.randint(1, 4)
    scale = rng.choice([1, 1, 1000, 7**13])
    pairs = [
        (rng.randrange(to), to) for to in range(1, n) for _ in range(rng.randint(0, 2))
    ]
    if n and rng.random() < 0.5:  # numbers need not follow the order of the graph
        names = rng.sample(range(n), n)
        pairs = [(names[a], names[b]) for a, b in pairs]
    limits = [rng.choice([-1, rng.randint(0, 300) * scale]) for _ in range(2)]
    words = [rng.randint(0, 2), *limits, n, m, len(pairs)]
    for _ in range(m):
        words += [rng.randint(1, 3), rng.randint(0, 30) * scale, rng.randint(1, 6)]
        words += [rng.randint(0, 9) * scale]
    words += [rng.choice([0, 1, 333_333]) for _ in range(m * m)]
    families = rng.randint(1, max(n, 1))
    for _ in range(n):
        words += [rng.randrange(families), rng.choice([0, 1, 1, 2, 3, 50])]
        words += [rng.randint(0, 20) * scale]
        words += [
            rng.choice([-1, *[rng.randint(0, 20) * scale] * 6]) for _ in range(m - 1)
        ]
        words += [rng.randint(0, 9) * scale for _ in range(m)]
    for source, to in pairs:
        words += [source, to, rng.randint(0, 9_000_000)]
    return words


def answer(place: object, words: list[int], evaluations: int, seed: int) -> object:
    try:
        return place(array("q", words), evaluations, seed)  # type: ignore[operator]
    except SchedulerError as error:
        return str(error)


def test_both_place_random_problems_alike() -> None:
    for seed in range(SEEDS):
        rng = Random(seed)
        words, evaluations = problem(rng), rng.choice([0, 100, 600, 2500])
        drawn = rng.choice([seed, -seed, 2**63 - 1])
        both = [
            answer(f, words, evaluations, drawn) for f in (_core.place, plain_place)
        ]
        assert both[0] == both[1], f"seed {seed}"
        assert isinstance(both[0], bytes), f"seed {seed}: {both[0]!r}"


def test_both_refuse_damaged_words_alike() -> None:
    refused = 0
    for seed in range(3 * SEEDS):
        rng = Random(seed)
        words = problem(rng)
        for _ in range(rng.randint(1, 2)):
            bad = rng.choice([-(2**63), -2, -1, 0, 1, 5, 257, 2**40, 2**62, 2**63 - 1])
            words[rng.randrange(len(words))] = bad
        if rng.random() < 0.2:
            del words[rng.randrange(len(words)) :]
        both = [answer(place, words, 50, seed) for place in PLACES]
        assert both[0] == both[1], f"seed {seed}"
        refused += isinstance(both[0], str)
    assert refused > SEEDS
