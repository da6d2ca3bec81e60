"""What jobs of this process are expected to take, learned as they run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from quantumflow_lab.planning.expect import Learned
from quantumflow_lab.planning.timing import (
    MOST_JOBS,
    Estimate,
    Model,
    Ran,
    prior_of,
    ran_of,
    terms_of,
)
from quantumflow_lab.ports import BackendFacts, JobMetrics

_GROWN = 1.1
"""Jobs, against those of the last fit, with which it pays to fit anew."""


@dataclass(slots=True)
class _Seen:
    model: Model
    past: deque[Ran] = field(default_factory=lambda: deque(maxlen=MOST_JOBS))
    """The latest first."""
    since: int = 0
    """Jobs that the model has not seen."""


@dataclass(slots=True)
class Times:
    """A model of each backend; for any thread.

    A model is fitted anew when there are a tenth more jobs, so that a run of many small
    jobs spends no time on it.
    """

    _seen: dict[str, _Seen] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def learn(self, backends: Mapping[str, Learned]) -> None:
        """Take over what the store knows: models, and the jobs they are of."""
        with self._lock:
            for name, known in backends.items():
                self._seen[name] = _Seen(known.model, deque(known.past, MOST_JOBS))

    def model(self, facts: BackendFacts) -> Model:
        """What is believed of a backend now."""
        with self._lock:
            return self._of(facts).model

    def ended(self, facts: BackendFacts, metrics: JobMetrics) -> None:
        """Learn from a job that has run."""
        ran = ran_of(facts, metrics)
        if ran is None:
            return
        with self._lock:
            seen = self._of(facts)
            seen.past.appendleft(ran)
            seen.since += 1
            if seen.since >= max(1.0, (_GROWN - 1) * seen.model.jobs):
                seen.model = Model.fitted(seen.model.prior, seen.past)
                seen.since = 0

    def _of(self, facts: BackendFacts) -> _Seen:
        if facts.name not in self._seen:
            self._seen[facts.name] = _Seen(prior_of(facts))
        return self._seen[facts.name]


def predicted(
    model: Model, facts: BackendFacts, metrics: JobMetrics
) -> Estimate | None:
    """What a model gives for a job of this make; None if nothing is known of it."""
    terms = terms_of(facts, metrics)
    return None if terms is None else model.predict(terms)
