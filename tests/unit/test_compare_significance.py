"""How sure a difference is: closed forms, exact enumeration, stated confidence."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from scipy import stats

from quantumflow_lab.compare.significance import counts_p, estimates_p, holm


def as_counts(numbers: np.ndarray, width: int = 3) -> dict[str, int]:
    return {f"{i:0{width}b}": int(n) for i, n in enumerate(numbers) if n}


def test_large_tables_get_the_larger_p_value_of_pearson_and_g() -> None:
    rng = np.random.default_rng(7)
    for shots in ((1000, 1000), (300, 5000)):
        p = rng.dirichlet(np.full(8, 20))
        a, b = (rng.multinomial(n, p) for n in shots)
        pearson, g = (
            stats.chi2_contingency([a, b], correction=False, lambda_=kind).pvalue
            for kind in ("pearson", "log-likelihood")
        )
        assert counts_p(as_counts(a), as_counts(b)) == pytest.approx(max(pearson, g))


def test_small_cells_are_pooled_until_five_are_expected() -> None:
    a = {"000": 500, "001": 480, "010": 9, "011": 3, "100": 4, "111": 4}
    b = {"000": 490, "001": 487, "010": 12, "011": 4, "100": 3, "110": 4}
    pooled = [[500, 480, 9, 11], [490, 487, 12, 11]]
    pearson, g = (
        stats.chi2_contingency(pooled, correction=False, lambda_=kind).pvalue
        for kind in ("pearson", "log-likelihood")
    )
    assert counts_p(a, b) == pytest.approx(max(pearson, g))


def test_a_rest_too_small_to_stand_alone_joins_the_smallest_cell() -> None:
    a = {"00": 500, "01": 494, "10": 6}
    b = {"00": 480, "01": 517, "11": 3}
    joined = {"00": 506, "01": 494}, {"00": 483, "01": 517}
    assert counts_p(a, b) == counts_p(*joined)


def test_few_shots_are_compared_exactly() -> None:
    # Of the ways to share 8 and 8 shots out, two are as uneven as this one.
    assert counts_p({"00": 8}, {"11": 8}) == pytest.approx(2 / comb(16, 8))
    assert counts_p({"0": 3}, {"0": 2}) == 1.0


def test_bits_are_compared_where_outcomes_hardly_repeat() -> None:
    rng = np.random.default_rng(3)

    def sampled(ones: np.ndarray) -> dict[str, int]:
        shots = (rng.random((1000, 30)) < ones).astype(int)
        names, numbers = np.unique(
            ["".join(map(str, row)) for row in shots], return_counts=True
        )
        return dict(zip(names.tolist(), numbers.tolist(), strict=True))

    fair = np.full(30, 0.5)
    biased = np.where(np.arange(30) == 17, 0.65, 0.5)
    assert counts_p(sampled(fair), sampled(fair)) > 0.01
    assert counts_p(sampled(fair), sampled(biased)) < 1e-3


@pytest.mark.parametrize("shots", [(20, 20), (60, 60), (15, 150), (200, 4000)])
@pytest.mark.parametrize("p", [0.03, 0.1, 0.3, 0.5])
def test_equal_coins_differ_no_more_often_than_the_level_says(
    shots: tuple[int, int], p: float
) -> None:
    """No sampling: the probability of every pair of counts is summed."""
    n, m = shots
    chance = np.outer(
        stats.binom.pmf(range(n + 1), n, p), stats.binom.pmf(range(m + 1), m, p)
    )
    found = dict.fromkeys((1e-2, 1e-3, 1e-5), 0.0)
    for k, j in product(range(n + 1), range(m + 1)):
        if chance[k, j] > 1e-12:
            value = counts_p({"0": k, "1": n - k}, {"0": j, "1": m - j})
            for level in found:
                found[level] += chance[k, j] * (value <= level)
    # The approximation may be this far off; with X² alone it is ninefold at 1e-5.
    assert all(chance <= 1.3 * level for level, chance in found.items()), found


@pytest.mark.parametrize("shots", [(100, 100), (50, 400), (400, 50)])
@pytest.mark.parametrize("p", [0.002, 0.01, 0.1, 0.5])
def test_equal_expectation_values_differ_no_more_often_than_the_level_says(
    shots: tuple[int, int], p: float
) -> None:
    """Summed over every pair of counts; with the deviations alone it is sixfold."""
    n, m = shots
    chance = np.outer(
        stats.binom.pmf(range(n + 1), n, p), stats.binom.pmf(range(m + 1), m, p)
    )
    means = [1 - 2 * np.arange(k + 1) / k for k in shots]
    stds = [np.sqrt((1 - x**2) / k) for x, k in zip(means, shots, strict=True)]
    grids = np.meshgrid(means[0], means[1], indexing="ij")
    deviations = np.meshgrid(stds[0], stds[1], indexing="ij")
    _, found = estimates_p(grids[0], deviations[0], grids[1], deviations[1], shots)
    # NaN stands where both saw one outcome only, the same or the opposite.
    least = np.where(np.isnan(found), np.where(grids[0] == grids[1], 1, 0), found)
    for level in (1e-2, 1e-3):
        assert chance[least <= level].sum() <= 2 * level


def test_a_difference_of_estimates_is_told_in_standard_deviations() -> None:
    a, b = np.array([0.5, 1.0, 0.2, 0.1]), np.array([0.6, 1.0, 0.3, 0.4])
    a_std, b_std = np.array([0.03, 0, 0, np.nan]), np.array([0.04, 0, 0, 0.1])
    z, p = estimates_p(a, a_std, b, b_std)
    assert z[0] == pytest.approx(2)
    assert p[0] == pytest.approx(2 * stats.norm.sf(2))
    assert np.isnan(p[1:]).all()


def test_holm_multiplies_by_the_number_of_those_left() -> None:
    assert holm([0.04, 0.001, 0.02, 0.9]) == pytest.approx([0.08, 0.004, 0.06, 0.9])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
