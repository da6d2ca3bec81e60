"""A job cut into parts for several workers, and the one job that they make again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import Lock

from quantumflow_lab.ports import (
    JobEvent,
    JobMetrics,
    JobRequest,
    Lost,
    MemberDone,
    MemberFailed,
    Settled,
)

MOST = 200
"""Members of a part, so that results arrive while others are made."""


def cut(request: JobRequest, threads: int) -> list[JobRequest]:
    """Cut a job into parts of about equal size, one for each thread at least.

    Seeds belong to circuits, so a part gives what it would have given in the whole.
    """
    members = request.members
    parts = min(len(members), max(threads, -(-len(members) // MOST), 1))
    edges = [i * len(members) // parts for i in range(parts + 1)] if parts else []
    return [replace(request, members=members[a:b]) for a, b in pairwise(edges)]


@dataclass(slots=True)
class Whole:
    """A job whose parts are out."""

    job: int
    on_event: Callable[[JobEvent], None]
    open: int
    """Parts that have not ended."""
    metrics: JobMetrics | None = None
    lost: str | None = None
    """Why a part came to nothing."""
    over: bool = False
    telling: Lock = field(default_factory=Lock)
    """Held while events of one part are told: parts end in several threads."""

    def take(self, events: Sequence[JobEvent]) -> list[JobEvent]:
        """What to tell of the whole when a part has ended with these events."""
        told: list[JobEvent] = []
        for event in events:
            match event:
                case Settled():
                    self.metrics = together(self.metrics, event.metrics)
                case Lost():
                    self.lost = event.reason
                case MemberDone() | MemberFailed():
                    told.append(event)
                case _:
                    continue  # phases of a part say nothing of the whole
        self.open -= 1
        if self.over:
            return []
        if self.open == 0:
            told.append(self.end())
        return told

    def end(self) -> JobEvent:
        """The last word: members of lost parts have no answer, so it is lost."""
        self.over = True
        if self.lost is not None:
            return Lost(self.job, self.lost)
        return Settled(self.job, self.metrics or JobMetrics())


def together(one: JobMetrics | None, other: JobMetrics) -> JobMetrics:
    """Metrics of two parts as those of one job: times add up, sizes are the larger.

    Examples
    --------
    >>> both = together(JobMetrics(shots=10, depth=3), JobMetrics(shots=5, depth=7))
    >>> both.shots, both.depth
    (15, 7)
    """
    if one is None:
        return other
    work = None if one.work is None or other.work is None else one.work + other.work
    return replace(
        one,
        circuits=one.circuits + other.circuits,
        shots=one.shots + other.shots,
        queue_s=max(one.queue_s, other.queue_s),
        transpile_s=one.transpile_s + other.transpile_s,
        run_s=one.run_s + other.run_s,
        depth=max(one.depth, other.depth),
        two_qubit_gates=max(one.two_qubit_gates, other.two_qubit_gates),
        qubits=max(one.qubits, other.qubits),
        peak_memory_mb=max(one.peak_memory_mb, other.peak_memory_mb),
        work=work,
    )
