"""A backend under examination: jobs go in, results or reasons come out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from quantumflow_lab.backends.conformance.allowance import allowance
from quantumflow_lab.backends.isa import Settings, Transpiler
from quantumflow_lab.backends.pubs import Kind
from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.ports import (
    Accepted,
    BackendFacts,
    JobEvent,
    JobExecutor,
    JobMetrics,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    Settled,
)

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives.containers import PubResult
    from qiskit.providers import BackendV2

SEED = 1701
"""Seed of every job and transpilation that does not say otherwise."""

SHOTS = 1000
"""Shots of a circuit whose distribution is looked at."""

MOST_HANGS = 3
"""After so many jobs without an end nothing more is sent."""

WIDTH = 5
"""Qubits a check uses of a device that has more: enough to tell orders apart."""


class NoResult(Exception):
    """A job that ended without results."""

    def __init__(self, text: str, error: Exception | None = None):
        super().__init__(text)
        self.error = error
        """What the lab says of the failure; None if it hung or its process died."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A job that hung, or took its process with it."""

    check: str
    text: str
    hung: bool
    """True for a hang, False for a death."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What one job took."""

    wall_s: float
    """From submission to its last event."""
    metrics: JobMetrics


@dataclass
class _Ear:
    """Hears the events of one job."""

    events: list[JobEvent] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    made: float = field(default_factory=time.monotonic)

    def __call__(self, event: JobEvent) -> None:
        self.events.append(event)
        if not isinstance(event, Accepted):
            self.begun.set()
        if isinstance(event, Settled | Lost):
            self.over.set()


@dataclass
class Bench:
    """What probes talk to."""

    name: str
    """Name of the backend in the registry."""
    registry: Registry
    jobs: JobExecutor
    """Where jobs go: worker processes, or the kernel."""
    deadline: float
    """Seconds that one job may take."""
    warm: Callable[[], object] = lambda: None
    """Waits until a worker process is up: its start is our time, not the backend's."""
    incidents: list[Incident] = field(default_factory=list)
    """Jobs that hung, or took their process with them, so far."""
    check: str = ""
    """The check that asks now."""
    metrics: list[JobMetrics] = field(default_factory=list)
    """What the jobs so far were made of."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _transpiler: Transpiler | None = None
    _is_cold: bool = True
    """True if there may be no worker process."""

    @property
    def facts(self) -> BackendFacts:
        """What the lab reads off the backend."""
        return self.registry.known(self.name)

    @property
    def backend(self) -> BackendV2:
        """The backend in this process."""
        return self.registry.backend(self.name)

    @property
    def width(self) -> int:
        """Qubits that checks use, 1 to 5."""
        return min(self.facts.num_qubits or WIDTH, WIDTH)

    @property
    def shots(self) -> int:
        """Shots of a circuit whose distribution is looked at."""
        return min(SHOTS, self.facts.max_shots)

    def places(self, *qubits: int) -> dict[str, Any]:
        """Transpiler options that put a circuit on these qubits of a device."""
        if self.facts.num_qubits is None:
            return {}
        return {"initial_layout": list(qubits)}

    def sample(
        self,
        pubs: Sequence[Any],
        *,
        shots: int | None = None,
        seed: int | None = SEED,
        index: int = 0,
        transpile: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> list[PubResult]:
        """Sample PUBs in one job; without `seed` as one batch.

        Parameters
        ----------
        pubs
            Circuits or PUBs.
        shots
            Shots of each; by default :attr:`shots`.
        seed, index
            Seed of the job, and the position of its first circuit in the sequence.
        transpile, options
            As in :class:`quantumflow_lab.ports.Member`.

        Raises
        ------
        NoResult
            The job failed, hung, or its process died.
        """
        normal, _ = self.registry.normalise(
            "sample",
            list(pubs),
            backend=self.name,
            shots=shots or self.shots,
            precision=None,
        )
        how = Member(0, 1, normal, None if seed is None else index)
        how = replace(how, transpile=transpile or {}, options=options or {})
        return self.run("sample", how, seed)[0]

    def estimate(
        self,
        pubs: Sequence[Any],
        *,
        precision: float,
        transpile: Mapping[str, Any] | None = None,
    ) -> list[PubResult]:
        """Estimate PUBs in one job.

        Raises
        ------
        NoResult
            The job failed, hung, or its process died.
        """
        normal, _ = self.registry.normalise(
            "estimate", list(pubs), backend=self.name, shots=None, precision=precision
        )
        member = Member(0, 1, normal, 0, transpile=transpile or {})
        return self.run("estimate", member)[0]

    def counts(self, circuits: Sequence[QuantumCircuit], **how: Any) -> list[Counts]:
        """Sample circuits; their counts over all classical bits."""
        return [Counts.of(result) for result in self.sample(circuits, **how)]

    def run(
        self, kind: Kind, member: Member, seed: int | None = SEED
    ) -> tuple[list[PubResult], Timing]:
        """Run one member as one job, and wait for it."""
        job, ear = self.submit(kind, member, seed)
        metrics = self._await(job, ear)
        return _results(ear), Timing(time.monotonic() - ear.made, metrics)

    def submit(
        self, kind: Kind, member: Member, seed: int | None = SEED
    ) -> tuple[int, _Ear]:
        """Send a job without waiting for it."""
        if sum(incident.hung for incident in self.incidents) >= MOST_HANGS:
            raise NoResult(f"not sent: {MOST_HANGS} jobs before it hung")
        if self._is_cold and self.facts.portable:
            self.warm()
        self._is_cold = False
        job = next(self._numbers)
        # The transpiler is seeded in any case, so that allowances are of what ran.
        base = SEED if seed is None else seed
        request = JobRequest(job, f"doctor-{job}", kind, self.name, (member,), base)
        ear = _Ear()
        self.jobs.submit(request, ear)
        return job, ear

    def stop(self, job: int, ear: _Ear) -> bool:
        """Cancel a job; False if that has not ended it before the deadline."""
        self._is_cold = True
        self.jobs.cancel(job)
        return ear.over.wait(self.deadline)

    def allowance(
        self, circuit: QuantumCircuit, transpile: Mapping[str, Any] | None = None
    ) -> float:
        """How far noise may move a probability of this circuit; 0 if there is none."""
        if not self.facts.noisy:
            return 0.0
        if self._transpiler is None:
            self._transpiler = Transpiler(self.backend, noisy=True)
        settings = Settings(1, SEED, transpile or {})
        isa = self._transpiler.isa(circuit, settings)
        return allowance(isa.circuit, self._transpiler.target)

    @contextmanager
    def asking(self, check: str) -> Iterator[None]:
        """Put incidents down to a check."""
        self.check = check
        yield
        self.check = ""

    def _await(self, job: int, ear: _Ear) -> JobMetrics:
        if not ear.over.wait(self.deadline):
            text = f"a job had no end after {self.deadline:g} s"
            self.incidents.append(Incident(self.check, text, hung=True))
            self.stop(job, ear)
            raise NoResult(text)
        last = ear.events[-1]
        if isinstance(last, Lost):
            self._is_cold = True
            self.incidents.append(Incident(self.check, last.reason, hung=False))
            raise NoResult(f"the process was lost: {last.reason}")
        assert isinstance(last, Settled), "nothing else ends a job"
        self.metrics.append(last.metrics)
        return last.metrics


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes of one circuit; bit *i* of an outcome is classical bit *i*."""

    of_outcome: Mapping[int, int]
    shots: int

    @classmethod
    def of(cls, result: PubResult) -> Counts:
        """Read a result whose registers stand in the order of the circuit."""
        bits = result.join_data()
        return cls(bits.get_int_counts(), bits.num_shots)

    def where(self, bit: int, value: int = 1) -> int:
        """Shots in which a classical bit has a value."""
        return sum(
            number
            for outcome, number in self.of_outcome.items()
            if (outcome >> bit & 1) == value
        )

    def __getitem__(self, outcome: int) -> int:
        return self.of_outcome.get(outcome, 0)


def _results(ear: _Ear) -> list[PubResult]:
    for event in ear.events:
        if isinstance(event, MemberDone):
            return list(event.results)
    error = next(e.error for e in ear.events if isinstance(e, MemberFailed))
    raise NoResult(f"{type(error).__name__}: {error}", error)
