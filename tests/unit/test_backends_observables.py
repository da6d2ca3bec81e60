"""Terms, groups and readings, with the numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from quantumflow_lab.backends.counts import bit_matrix, shots_matrix
from quantumflow_lab.backends.observables import (
    groups,
    mean,
    mean_and_variance,
    misread,
    pauli_operator,
)

PERFECT = None
ALWAYS_ONE = np.array([[0.0, 1.0], [0.0, 1.0]])
ONE_IN_FOUR = np.array([[1.0, 0.0], [0.25, 0.75]])


def test_terms_are_grouped_by_the_basis_they_share():
    found = groups(["ZZI", "IZZ", "XIX", "IYI", "XXX", "III", "Z0I"])
    assert [group.terms for group in found] == [
        ["ZZI", "IZZ", "Z0I"],
        ["XIX", "IYI"],
        ["XXX"],
    ]
    assert found[1].basis == {0: "X", 1: "Y", 2: "X"}


def test_misreading_the_first_bit_changes_the_first_bit():
    there = np.array([1.0, 0.0, 0.0, 0.0])  # outcome 00
    assert misread(there, [ALWAYS_ONE, PERFECT]).tolist() == [0, 1, 0, 0]
    assert misread(there, [PERFECT, ALWAYS_ONE]).tolist() == [0, 0, 1, 0]


def test_misreadings_of_three_bits_multiply():
    there = np.zeros(8)
    there[0b101] = 1.0
    read = misread(there, [ONE_IN_FOUR, ALWAYS_ONE, ONE_IN_FOUR])
    expected = np.zeros(8)
    expected[0b111] = 0.75**2
    expected[0b110] = expected[0b011] = 0.75 * 0.25
    expected[0b010] = 0.25**2
    np.testing.assert_allclose(read, expected)


def test_mean_and_its_variance_by_hand():
    (group,) = groups(["ZI", "IZ"])
    # 3 shots of 00 (sum +3), 1 shot of 01 (IZ = -1: 1 - 2 = -1) with ZI + 2 IZ
    wanted = {"ZI": 1.0, "IZ": 2.0}
    value, variance = mean_and_variance(group, {0b00: 3, 0b01: 1}, wanted)
    assert value == (3 * 3 - 1) / 4
    # deviations 1, 1, 1, -3: sum of squares 12, over (n - 1) n = 12
    assert variance == pytest.approx(1.0)


def test_the_mean_of_probabilities_is_that_of_infinitely_many_shots():
    (group,) = groups(["ZI", "IZ"])
    probabilities = np.array([0.75, 0.25, 0.0, 0.0])
    assert mean(group, probabilities, {"ZI": 1.0, "IZ": 2.0}) == 2.0


def test_an_operator_acts_only_where_it_acts():
    operator, acting = pauli_operator({"ZIIX": 0.5, "IIIY": 2.0})
    assert acting == [0, 3]
    assert sorted(operator.to_list()) == [("IY", 2 + 0j), ("ZX", 0.5 + 0j)]
    assert pauli_operator({"II": 3.0}) is None


def test_bits_wider_than_a_machine_word_are_read():
    outcome = (1 << 132) | 1
    row = bit_matrix([outcome], 133)[0]
    assert np.flatnonzero(row).tolist() == [0, 132]


def test_shots_keep_the_counts():
    shots = shots_matrix({0b10: 2, 0b01: 1}, 2, np.random.default_rng(1))
    assert sorted(map(tuple, shots.tolist())) == [(0, 1), (0, 1), (1, 0)]
