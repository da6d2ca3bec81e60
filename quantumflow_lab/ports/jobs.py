"""Jobs: what is asked of a backend, what is heard of it, and who runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

from quantumflow_lab.ports.terms import Fault, Mode, Phase
from quantumflow_lab.price import Usage
from quantumflow_lab.work import NO_WORK, Work


# Without slots, with which pickle would take a detour through Python for each.
@dataclass(frozen=True)
class Member:
    """One unit's share of a job: the PUBs of one point, or of one call of a loop."""

    unit: int
    """Scheduler number of the unit."""
    attempt: int
    """Which try this is, from 1."""
    pubs: tuple[Any, ...]
    """Normalised PUBs: ``SamplerPub`` or ``EstimatorPub``."""
    seed_index: int | None
    """Position of the first circuit in the seed sequence, or None for unseeded."""
    optimization_level: int = 1
    """Level of the preset pass manager, 0 to 3."""
    transpile: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of Qiskit's ``generate_preset_pass_manager``, by point."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Run options of the backend; members with equal ones share one ``run()`` call."""


Bits: TypeAlias = tuple[int | None, ...]
"""Which classical bit of a circuit each bit that a provider returns is."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch of a job, as a provider has taken it."""

    job: str | None
    """The provider's id; None if nobody heard it."""
    bits: tuple[tuple[Bits | None, int], ...] = ()
    """How its circuits were measured, and how many one after the other were measured
    so; None for bits as the circuit has them. Empty where results go by name."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A batch of members that run on one backend with the same options."""

    job: int
    """Scheduler number of the job."""
    tag: str
    """Deterministic tag, unique per submission."""
    kind: Literal["sample", "estimate"]
    backend: str
    """Name of a registered backend."""
    members: tuple[Member, ...]
    seed: int | None
    """Base seed: circuit ``i`` of the step runs with ``seed + 2113 * i``."""
    sent_as: Mapping[int, Sent] | None = None
    """If it was sent already, and is to be fetched: the batches that may have been."""
    most_s: int | None = None
    """Seconds of a device after which its provider is to stop the job, if it can."""
    mode: Mode = "job"
    """How the device takes it."""
    session: str | None = None
    """The session or batch that it belongs to, as its provider calls that."""
    dry: bool = False
    """True to run nothing: each member's result is a :class:`MemberForecast`."""
    site: str = ""
    """Name of the cluster that is to run it; empty for this machine."""


@dataclass(frozen=True, slots=True)
class MemberForecast:
    """What the circuits of a member would take of a device; see ``docs/quote.md``."""

    circuits: int = 0
    shots: int = 0
    """Over all circuits; 0 if they are exact."""
    busy_s: float | None = 0.0
    """Seconds of all shots, without what lies between them; None if nobody knows."""
    one_qubit: int = 0
    """One-qubit gates, each as often as its circuit has shots."""
    two_qubit: int = 0
    measured: int = 0
    success: float | None = None
    """Mean over the circuits of the estimated probability of success, from 0 to 1."""
    depth: int = 0
    """Of the deepest circuit."""
    two_qubit_gates: int = 0
    """Of the circuit that has most."""
    qubits: int = 0
    """Most that any circuit uses."""
    work: Work = NO_WORK
    """What they would ask of a simulator on this machine."""


@dataclass(frozen=True, slots=True)
class JobMetrics:
    """What a finished job was made of and what it took. Times in seconds."""

    circuits: int = 0
    shots: int = 0
    """Shots over all circuits."""
    queue_s: float = 0.0
    """In the queues here, and in that of a device which tells."""
    transpile_s: float = 0.0
    run_s: float = 0.0
    """Of execution; where a device does not tell, from sending to the answer."""
    depth: int = 0
    """Depth of the deepest ISA circuit."""
    two_qubit_gates: int = 0
    """Two-qubit gates of the ISA circuit that has most."""
    qubits: int = 0
    """Most qubits that any ISA circuit really uses."""
    peak_memory_mb: float = 0.0
    """Peak resident memory of the worker process, in MiB."""
    provider_job: str | None = None
    usage: Usage | None = None
    """What its provider says it used; None if that does not tell of all of it."""
    qpu_s: float | None = None
    """Seconds for which it held a quantum processor, likewise."""
    provider: str | None = None
    """Whose rules it is billed by, such as ``ibm``; None if that is unknown."""
    work: Work | None = None
    """What it asked of a simulator on this machine; None if nobody counted."""
    busy_s: float | None = None
    """Seconds of all shots by the durations of a device, without what lies between
    them; None if it does not say."""

    def machine_s(self, *, device: bool) -> float:
        """Seconds for which it kept this machine busy, not a device elsewhere."""
        return self.transpile_s if device else self.transpile_s + self.run_s

    def after(self, waited: float) -> JobMetrics:
        """The same for a job that had waited here before it was begun."""
        return replace(self, queue_s=self.queue_s + waited)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The executor took the job; it waits or runs now."""

    job: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """A provider has taken the job, or one of several that it became."""

    job: int
    sent: Sent
    """Its id, which is known here, and how it was sent."""
    batch: int = 0
    """Which of several it is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The job entered a new phase."""

    job: int
    phase: Phase


# Without slots, as `Member`.
@dataclass(frozen=True)
class MemberDone:
    """One member has its results: a ``PubResult`` for each of its PUBs, in order."""

    job: int
    unit: int
    attempt: int
    results: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class MemberFailed:
    """One member has none, and why."""

    job: int
    unit: int
    attempt: int
    error: Exception
    fault: Fault
    retry_after: float | None = None
    """Seconds that the backend asks to wait before another try."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Every member of the job has been answered; the last event of a job."""

    job: int
    metrics: JobMetrics


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker died; members without an answer have to run again. Ends the job."""

    job: int
    reason: str
    """Such as ``worker killed by signal 9``."""


JobEvent = Accepted | Submitted | Progress | MemberDone | MemberFailed | Settled | Lost


MaySend: TypeAlias = Callable[[int], bool]
"""Asked with the number of a batch just before it is sent to a device, on any thread;
waits until that is on the disk. False if it must not be sent."""


def may_send(batch: int) -> bool:
    """The :data:`MaySend` of jobs that nobody records."""
    return True


class JobExecutor(Protocol):
    """Runs jobs on backends. Events arrive on any thread, in order for one job."""

    def submit(
        self,
        request: JobRequest,
        on_event: Callable[[JobEvent], None],
        may_send: MaySend = may_send,
    ) -> None:
        """Take a job. Never raises for the job's own faults: those arrive as events."""

    def cancel(self, job: int) -> None:
        """Stop a job now; it ends with ``Lost`` unless it had settled."""

    def close(self) -> None:
        """Stop everything, leave no process behind."""
