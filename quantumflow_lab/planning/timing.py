"""How long jobs run: a sum over what they are made of, learned from earlier jobs.

A job takes ``sum(terms * seconds)``: seconds of a term are those of the prior, and each
job that has run moves them. They are positive and known up to factors, so that they are
fitted as logarithms: the most likely ones under a normal prior and residuals of
Student's t, since now and then a machine is busy with something else. Terms of the
prior err together, as on a machine that is twice as fast, and each by itself.

The interval comes from residuals, each seen from a fit without that job, beside some
that the prior contributes (split conformal prediction, of which this is the weighted
form with leverages in place of refits).

References
----------
Lange, Little & Taylor 1989, *J. Am. Stat. Assoc.* 84, 881 (Student's t);
Barber, Candès, Ramdas & Tibshirani 2021, *Ann. Stat.* 49, 486 (jackknife+).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import exp, inf, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from quantumflow_lab.ports import BackendFacts, JobMetrics
from quantumflow_lab.work import Work

Numbers = NDArray[np.float64]

COVERED = 0.8
"""Part of jobs that the stated interval is to hold."""
MOST_JOBS = 300
"""Latest jobs of a backend that are learned from."""
_HALF_LIFE = 100.0
"""Later jobs of a backend after which one counts half."""
_FREEDOM = 2.0
"""Of Student's t; small, since one job in ten meets a busy machine."""
_PRIOR_JOBS = 4.0
"""Jobs that the prior's spread counts as."""
_TURNS = 40
_STILL = 1e-6
"""Change of a logarithm at which the fit has come to rest."""
_QUANTILES = tuple(NormalDist().inv_cdf((i + 0.5) / 10) for i in range(10))


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a kind of backend before any job of it is on record."""

    names: tuple[str, ...]
    """Of the terms."""
    seconds: tuple[float, ...]
    """Of each term."""
    common: float
    """Standard deviation of the logarithm of a factor that they share."""
    each: float
    """Of one that each has for itself."""
    spread: float
    """Of what a job takes, around what it should."""


SIMULATOR = Prior(
    ("job", *Work.__slots__),
    (5e-4, 3e-4, 2e-5, 2.5e-9, 2e-7, 3.5e-5, 1e-6, 1.7e-5),
    common=0.5,
    each=0.3,
    spread=0.25,
)
"""Measured with Qiskit Aer 0.17 on one core of a server of 2023 (``docs/quote.md``)."""
_QUARTER = log(1.25) / NormalDist().inv_cdf((1 + COVERED) / 2)
DEVICE = Prior(
    ("second by its durations",),
    (1.0,),
    common=sqrt(_QUARTER**2 - 0.08**2),
    each=0.0,
    spread=0.08,
)
"""A device is believed its durations, within a quarter either way."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of a job, with the interval that holds four fifths of such jobs."""

    value: float
    low: float
    high: float
    how: str
    """The formula with its numbers."""
    jobs: int
    """Earlier jobs of the backend it is learned from."""

    @property
    def source(self) -> str:
        """Who says so."""
        if not self.jobs:
            return "usual times of such backends"
        return f"{self.jobs} earlier job{'s' * (self.jobs != 1)} of it"


@dataclass(frozen=True, slots=True)
class Ran:
    """A job that has run."""

    terms: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Seconds of the terms of one backend, and how sure they are.

    Examples
    --------
    >>> slow = [Ran(job_terms(Work(1, 40)), 0.016)] * 20
    >>> model = Model.fitted(SIMULATOR, slow)
    >>> 0.014 < model.predict(job_terms(Work(1, 40))).value < 0.018
    True
    """

    prior: Prior
    logs: Numbers
    """Logarithms of the seconds of each term."""
    covariance: Numbers
    """Of `logs`."""
    spread: float
    """Of the logarithm of a job's seconds, around what they should be."""
    below: float
    """Logarithm of the factor from the prediction down to the interval's end."""
    above: float
    jobs: int

    @classmethod
    def fitted(cls, prior: Prior, past: Iterable[Ran]) -> Model:
        """Learn from earlier jobs, the latest first; none leaves the prior.

        Jobs that took no time, or consist of nothing, tell nothing.
        """
        first = islice(past, MOST_JOBS)
        past = [ran for ran in first if 0 < ran.seconds < inf and any(ran.terms)]
        believed = np.log(np.array(prior.seconds))
        size = len(believed)
        wide = np.full((size, size), prior.common**2) + np.eye(size) * prior.each**2
        if not past:
            end = NormalDist().inv_cdf((1 + COVERED) / 2) * prior.spread
            return cls(prior, believed, wide, prior.spread, -end, end, 0)
        terms = np.array([ran.terms for ran in past], dtype=np.float64)
        seen = np.log([ran.seconds for ran in past])
        recent = 0.5 ** (np.arange(len(past)) / _HALF_LIFE)
        precision = np.linalg.inv(wide)
        logs, spread = believed, 2 * prior.spread
        for _ in range(_TURNS):
            share, off = _seen_from(logs, terms, seen)
            trust = recent * (_FREEDOM + 1) / (_FREEDOM + (off / spread) ** 2)
            spread = _scale(trust, off, recent, prior.spread)
            weight = trust / spread**2
            curved = (share * weight[:, None]).T @ share + precision
            pull = share.T @ (weight * off) - precision @ (logs - believed)
            move = np.clip(np.linalg.solve(curved, pull), -1.0, 1.0)
            logs = logs + move
            if np.abs(move).max() < _STILL:
                break
        covariance = np.linalg.inv(curved)
        share, off = _seen_from(logs, terms, seen)
        unsure = np.einsum("ij,jk,ik->i", share, covariance, share)
        without = off / (1 - np.minimum(weight * unsure, 0.9))
        standing = without / np.sqrt(1 + unsure / spread**2)
        below, above = _interval(standing, recent, prior.spread)
        return cls(prior, logs, covariance, spread, below, above, len(past))

    def predict(self, terms: Sequence[float]) -> Estimate:
        """Seconds of a job of these terms."""
        parts = np.exp(self.logs) * np.array(terms, dtype=np.float64)
        value = float(parts.sum())
        if value <= 0:
            return Estimate(0.0, 0.0, 0.0, "nothing to run", self.jobs)
        share = parts / value
        unsure = float(share @ self.covariance @ share)
        wider = sqrt(1 + unsure / self.spread**2)
        return Estimate(
            value,
            value * exp(self.below * wider),
            value * exp(self.above * wider),
            self._how(terms),
            self.jobs,
        )

    def _how(self, terms: Sequence[float]) -> str:
        each = zip(terms, self.prior.names, np.exp(self.logs), strict=True)
        return " + ".join(f"{_count(n)} {name} x {s:.2g} s" for n, name, s in each if n)


def prior_of(facts: BackendFacts) -> Model:
    """What is believed of a backend of which no job is on record."""
    return _BELIEVED[facts.simulator]


def job_terms(work: Work, jobs: int = 1) -> tuple[float, ...]:
    """The terms of simulator jobs that do this work together."""
    return (jobs, *work.numbers())


def device_seconds(
    facts: BackendFacts, *, jobs: int, shots: int, busy_s: float
) -> float:
    """Seconds of a device by its durations: overhead of jobs, and time between shots.

    Parameters
    ----------
    busy_s
        Of all shots, without what lies between them.
    """
    return (
        jobs * (facts.price.job_s if facts.price else 0.0)
        + shots * between_shots(facts)
        + busy_s
    )


def between_shots(facts: BackendFacts) -> float:
    """Seconds between two shots of a device: its own word, else its price's."""
    if facts.rep_delay_s is not None:
        return facts.rep_delay_s
    return facts.price.rep_delay_s if facts.price else 0.0


def terms_of(facts: BackendFacts, metrics: JobMetrics) -> tuple[float, ...] | None:
    """The terms of a job, as it was made; None if nobody counted them."""
    if facts.simulator:
        return None if metrics.work is None else job_terms(metrics.work)
    if metrics.busy_s is None:
        return None
    shots, busy_s = metrics.shots, metrics.busy_s
    return (device_seconds(facts, jobs=1, shots=shots, busy_s=busy_s),)


def ran_of(facts: BackendFacts, metrics: JobMetrics) -> Ran | None:
    """A job to learn from; None if it tells nothing."""
    terms = terms_of(facts, metrics)
    seconds = metrics.run_s if facts.simulator else metrics.qpu_s
    return None if terms is None or seconds is None else Ran(terms, seconds)


def _count(number: float) -> str:
    return f"{number:,.0f}" if number < 1e6 else f"{number:.2g}"


def _seen_from(logs: Numbers, terms: Numbers, seen: Numbers) -> tuple[Numbers, Numbers]:
    """Shares of the terms in each job, and how far the job is off, as a logarithm."""
    parts = terms * np.exp(logs)
    total = parts.sum(axis=1)
    return parts / total[:, None], seen - np.log(total)


def _scale(trust: Numbers, off: Numbers, recent: Numbers, spread: float) -> float:
    """How far jobs are off, where the prior counts as some of them."""
    squares = _PRIOR_JOBS * spread**2 + float(trust @ off**2)
    return sqrt(squares / (_PRIOR_JOBS + float(recent.sum())))


def _interval(standing: Numbers, recent: Numbers, spread: float) -> tuple[float, float]:
    """Ends that hold the stated part of what is seen, and of what the prior adds."""
    added = np.array(_QUANTILES) * spread
    values = np.concatenate([standing, added])
    weights = np.concatenate([recent, np.full(len(added), _PRIOR_JOBS / len(added))])
    order = np.argsort(values)
    # The middle of each value's weight, so that the ends are alike on both sides.
    heaped = np.cumsum(weights[order]) - weights[order] / 2
    ends = [(1 - COVERED) / 2, (1 + COVERED) / 2]
    low, high = np.interp(ends, heaped / weights.sum(), values[order])
    return float(low), float(high)


_BELIEVED = {True: Model.fitted(SIMULATOR, ()), False: Model.fitted(DEVICE, ())}
