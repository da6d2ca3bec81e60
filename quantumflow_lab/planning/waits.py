"""How long a job will wait for a device, by how long others have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_WEEK = 7 * 86400.0
"""Seconds after which a wait counts half."""
_MANY = 30
"""Jobs from which on the hour of the day is looked at."""
_NEAR_H = 2.0
"""Hours around the time of the day that count in full."""
_ELSEWHEN = 0.25
"""What other hours count."""
_PRIOR_JOBS, _PRIOR_SPREAD = 2.0, 1.2
"""Jobs that the prior counts as: within a factor of five around the middle."""
_FACTORS = tuple(
    exp(_PRIOR_SPREAD * NormalDist().inv_cdf((i + 0.5) / 10)) for i in range(10)
)


@dataclass(frozen=True, slots=True)
class Waited:
    """A job that has waited for a device."""

    seconds: float
    submitted: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a job of a backend will wait, in seconds."""

    low: float
    """A tenth waits no longer."""
    middle: float
    high: float
    """A tenth waits longer."""
    jobs: int
    """Earlier jobs of the backend that tell so."""
    hour: bool = False
    """Whether those of this time of the day count most."""


def forecast_wait(past: Sequence[Waited], now: float) -> Waits | None:
    """Expect a wait as others were; None if none is known.

    Recent waits count more, and with thirty of them those at this time of the day. A
    handful tells little, so that the interval is wider than what they span.

    Parameters
    ----------
    past
        Jobs of one device.
    now
        When it would be sent, seconds since the epoch.

    Examples
    --------
    >>> wait = forecast_wait([Waited(60.0, 0.0), Waited(80.0, 3600.0)], now=7200.0)
    >>> 60 <= wait.middle <= 80, wait.low < 60, wait.high > 80
    (True, True, True)
    >>> forecast_wait([], now=0.0) is None
    True
    """
    if not past:
        return None
    seconds = np.array([max(each.seconds, 0.0) for each in past])
    ages = np.array([max(now - each.submitted, 0.0) for each in past])
    weights = 0.5 ** (ages / _WEEK)
    hour = len(past) >= _MANY
    if hour:
        apart = np.array([now - each.submitted for each in past]) / 3600 % 24
        near = np.minimum(apart, 24 - apart) <= _NEAR_H
        weights = np.where(near, weights, _ELSEWHEN * weights)
    # Only their ratios mean something: old jobs are still better than none.
    weights = weights * (len(past) / weights.sum())
    (middle,) = _quantiles(seconds, weights, [0.5])
    # The prior says how far apart waits are, and nothing of how long.
    low, high = _quantiles(
        np.concatenate([seconds, middle * np.array(_FACTORS)]),
        np.concatenate([weights, np.full(10, _PRIOR_JOBS / 10)]),
        [0.1, 0.9],
    )
    return Waits(min(low, middle), middle, max(high, middle), len(past), hour)


def _quantiles(
    values: NDArray[np.float64], weights: NDArray[np.float64], at: list[float]
) -> list[float]:
    order = np.argsort(values)
    heaped = np.cumsum(weights[order]) - weights[order] / 2
    return [float(x) for x in np.interp(at, heaped / weights.sum(), values[order])]
