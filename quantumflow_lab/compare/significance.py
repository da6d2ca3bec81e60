"""Whether two samples may come from one distribution: p-values and their correction.

Tables of counts are compared by Pearson's X² and by G at once, and the larger p-value
counts. With equal shots X² alone would do. With unequal ones X² finds too much where
few counts are expected and more are there, G where fewer are there. The larger p-value
keeps what it promises also far down in the tail, where a correction for many points
looks. See A. Agresti, *Categorical Data Analysis* (3rd ed., Wiley 2013), sections 3.2
and 16.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, erfc, xlogy

LEAST_EXPECTED = 5.0
"""Counts that a cell must lead to expect in either sample; smaller ones are pooled."""

Floats = NDArray[np.float64]


def counts_p(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """How likely two tables of counts differ at least this much by chance.

    Where most shots are in outcomes too rare to be compared, such as those of a wide
    random circuit, the bits are compared one by one, corrected for their number.

    Parameters
    ----------
    a, b
        Counts by outcome, outcomes of one length; neither is empty.

    Examples
    --------
    >>> round(counts_p({"0": 520, "1": 480}, {"0": 480, "1": 520}), 4)
    0.0736
    >>> counts_p({"0": 1000}, {"0": 1000})
    1.0
    """
    outcomes = sorted(a.keys() | b.keys())
    table = np.array([[each.get(o, 0) for o in outcomes] for each in (a, b)], float)
    width = len(outcomes[0])
    if len(outcomes) > width > 1 and _rare(table) > 0.5:
        ones = np.array([[bit == "1" for bit in outcome] for outcome in outcomes])
        set_ = table @ ones
        unset = table.sum(axis=1, keepdims=True) - set_
        bits = np.stack([set_, unset], axis=-1).swapaxes(0, 1)
        return min(1.0, width * min(map(_table_p, bits)))
    return _table_p(table)


def estimates_p(
    a: Floats,
    a_std: Floats,
    b: Floats,
    b_std: Floats,
    shots: tuple[int, int] | None = None,
) -> tuple[Floats, Floats]:
    """Differences of estimates in standard deviations, and their two-sided p-values.

    Parameters
    ----------
    a, b
        Means, of one shape.
    a_std, b_std
        Standard deviations of the means. Where both are zero or one is not finite, the
        p-value is NaN: nothing is known of the uncertainty.
    shots
        Shots behind each of the two, if known. A deviation that few shots estimate may
        be far too small, such as zero where an outcome is rare; if the other run knows
        it better, the difference is measured with what both know together.

    Examples
    --------
    >>> z, p = estimates_p(*map(np.array, ([0.5], [0.03], [0.6], [0.04])))
    >>> round(float(z[0]), 3), round(float(p[0]), 4)
    (2.0, 0.0455)
    """
    std = np.hypot(a_std, b_std)
    if shots is not None:
        n, m = shots
        variance = ((n * a_std) ** 2 + (m * b_std) ** 2) / (n + m)
        std = np.maximum(std, np.sqrt(variance * (1 / n + 1 / m)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where((std > 0) & np.isfinite(std), (b - a) / std, np.nan)
    return z, erfc(np.abs(z) / np.sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, after Holm (1979).

    All that are below a level are wrong together with no more than that probability,
    however they hang together.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1.0)
    return [float(each) for each in corrected]


def _expected(table: Floats) -> Floats:
    """The lower of the two counts that one distribution would lead to expect."""
    totals = table.sum(axis=1)
    least: Floats = table.sum(axis=0) * totals.min() / totals.sum()
    return least


def _rare(table: Floats) -> float:
    """Share of the shots in outcomes that are too rare to be compared."""
    rare = _expected(table) < LEAST_EXPECTED
    return float(table[:, rare].sum() / table.sum())


def _table_p(table: Floats) -> float:
    """The p-value of a table of two rows."""
    cells = _pooled(table)
    if cells.shape[1] < 2:
        return _exact_p(table)
    totals = cells.sum(axis=1, keepdims=True)
    expected = totals * cells.sum(axis=0) / totals.sum()
    pearson = ((cells - expected) ** 2 / expected).sum()
    g = 2 * xlogy(cells, cells / expected).sum()
    return float(chdtrc(cells.shape[1] - 1, max(min(pearson, g), 0.0)))


def _pooled(table: Floats) -> Floats:
    """The table with its small cells as one, itself large enough."""
    order = np.argsort(-table.sum(axis=0), kind="stable")
    table = table[:, order]
    large = int((_expected(table) >= LEAST_EXPECTED).sum())
    rest = table[:, large:].sum(axis=1, keepdims=True)
    if not rest.any():
        return table[:, :large]
    cells = np.hstack([table[:, :large], rest])
    if large and _expected(cells)[-1] < LEAST_EXPECTED:
        cells[:, -2] += cells[:, -1]
        cells = cells[:, :-1]
    return cells


def _exact_p(table: Floats) -> float:
    """Fisher's exact test of the commonest outcome against the others."""
    commonest = int(table.sum(axis=0).argmax())
    one = table[:, commonest]
    two = np.stack([one, table.sum(axis=1) - one]).astype(int)
    if not two.sum(axis=1).all():
        return 1.0
    # Here: few need it, and it takes long to import.
    from scipy.stats import fisher_exact

    p = float(fisher_exact(two).pvalue)
    return p if isfinite(p) else 1.0
