"""The seams of the lab: values that cross them, and the protocols on either side.

Deciding code takes and returns these values; acting code implements the protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import BadOption
from quantumflow_lab.price import Price, Usage
from quantumflow_lab.work import NO_WORK, Work


class Stopped(BaseException):
    """Raised inside a step that has to stop.

    No ``Exception``, so that an optimiser's ``except Exception`` does not swallow it.
    """


Mode = Literal["job", "batch", "session"]
"""How jobs are sent to a device: each alone; together, and billed as if alone; or in a
session, which is billed by the clock."""


class Phase(StrEnum):
    """What a job on a backend is doing, as the widget shows it."""

    QUEUED = "queued"
    TRANSPILING = "transpiling"
    RUNNING = "running"
    FETCHING = "fetching"


class Fault(StrEnum):
    """Of what sort the failure of a member is."""

    TRANSIENT = "transient"
    """The same request may succeed when tried again."""
    PERMANENT = "permanent"
    """It never will."""
    TOO_BIG = "too_big"
    """The job was larger than the backend takes; a smaller one may pass."""
    REFUSED = "refused"
    """This backend does not take such work; another one may."""


_MOST = 2**31 - 1
_SLOWEST, _FASTEST = 1e-3, 6e6
"""Jobs a minute."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a backend lets one do at once; None for no limit."""

    open_jobs: int | None = None
    """Jobs that may be queued or running."""
    jobs_per_minute: float | None = None
    """Submits in a minute, in the long run; a few may come at once."""
    circuits: int | None = None
    """Circuits in one job."""
    shots: int | None = None
    """Shots in one job, over all its circuits."""
    payload: int | None = None
    """Bytes of circuits (as QPY) and parameter values in one job."""

    def __post_init__(self) -> None:
        for name in ("open_jobs", "circuits", "shots", "payload"):
            given = getattr(self, name)
            whole = isinstance(given, int | float) and given == given // 1
            if given is not None and not (whole and 1 <= given <= _MOST):
                raise BadOption(
                    f"{name} of a limit must be a whole number from 1 to {_MOST}, "
                    f"not {given!r}"
                )
            object.__setattr__(self, name, None if given is None else int(given))
        rate = self.jobs_per_minute
        known = isinstance(rate, int | float) and not isinstance(rate, bool)
        if rate is not None and not (known and _SLOWEST <= rate <= _FASTEST):
            raise BadOption(
                f"jobs_per_minute must be a number from {_SLOWEST} to {_FASTEST}, "
                f"not {rate!r}"
            )


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """What the lab knows of a backend before it submits anything."""

    name: str
    """Name under which the lab knows it, such as ``fake_manila``."""
    key: str
    """Content key: equal for two backends only if they are the same."""
    num_qubits: int | None
    """Width of the device, or None if the backend does not say."""
    simulator: bool
    """True if shots are simulated on this machine."""
    exact: bool
    """True if ``precision=0`` has a meaning: expectation values without shot noise."""
    noisy: bool
    """True if results carry device noise, real or modelled."""
    operations: frozenset[str]
    """Names of the instructions the target takes."""
    max_shots: int
    """Most shots one circuit may ask for."""
    max_circuits: int
    """Most circuits in one job."""
    options: frozenset[str]
    """Names of the run options the backend understands; others are refused."""
    portable: bool
    """True if it can be rebuilt in a worker process; else it runs in the kernel."""
    calibrated: str | None = None
    """Date of the calibration data, ISO 8601, where the device has any."""
    price: Price | None = None
    """What it costs; None for free on a simulator, and for unknown elsewhere."""
    billed: bool = False
    """True if somebody bills it, even if its price is unknown."""
    limits: Limits = Limits()
    """What its provider lets one do at once."""
    rep_delay_s: float | None = None
    """Seconds between two shots, if the backend says so."""
    modes: tuple[Mode, ...] = ("job",)
    """How it takes jobs."""

    @property
    def local(self) -> bool:
        """True if it only shares the workers of this machine with its likes."""
        return self.simulator and self.limits == Limits()


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


@dataclass(frozen=True, slots=True)
class Room:
    """What a cluster can take at the moment."""

    workers: int
    threads: int
    """Over all workers: jobs that it can run at once."""
    points: int
    """Points of steps that may be out at once. More than threads where they are quick,
    since they travel in groups."""


@dataclass(frozen=True, slots=True)
class Away:
    """One attempt of one point of a step, whose function runs on a cluster."""

    unit: int
    """Scheduler number of the unit."""
    attempt: int
    code: str
    """Names the function, as :meth:`Cluster.learn` was told."""
    run: str
    step: str
    point: int
    """Flat number of the point within the step."""
    backend: str
    """Backend of the step there."""
    arguments: Callable[[], Mapping[str, Any]]
    """Makes what the point does not share with all others; called on any thread."""

    @property
    def key(self) -> tuple[int, int]:
        """Unit and attempt."""
        return self.unit, self.attempt


@dataclass(frozen=True, slots=True)
class Came:
    """How an attempt ended elsewhere."""

    value: Any = None
    error: BaseException | None = None
    """What it raised; ``Stopped`` if it was stopped, ``WorkerLost`` if the worker is
    gone."""
    metrics: Sequence[tuple[str, float]] = ()
    """What it logged, in order."""
    outputs: Sequence[tuple[str, Any]] = ()
    """MIME type and content of what it showed, in order."""


class Cluster(JobExecutor, Protocol):
    """Other machines, which run functions of steps and jobs of simulators.

    What runs next is not theirs to say: each attempt is on one worker, is tried there
    once, and is answered even if that worker dies.
    """

    @property
    def name(self) -> str:
        """What messages call it, such as ``dask at tcp://…``."""

    @property
    def room(self) -> Room:
        """What it can take at the moment."""

    def watch(self, changed: Callable[[Room], None]) -> None:
        """Call back, on any thread, when the room is another."""

    def learn(self, code: str, payload: bytes) -> None:
        """Keep a pickled function and the arguments that all its points share."""

    def forget(self, code: str) -> None:
        """Drop what :meth:`learn` was told."""

    def call(self, away: Away, on_end: Callable[[tuple[int, int], Came], None]) -> None:
        """Run a point. Never raises; its end arrives on any thread."""

    def stop(self, key: tuple[int, int]) -> None:
        """Raise ``Stopped`` in a point, unless it has ended."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The form in which a step returned its PUBs."""

    kind: Literal["one", "list", "dict"] = "one"
    """One PUB, a list, or a dict."""
    keys: tuple[Any, ...] = ()
    """Keys of a dict, in order."""
    parts: tuple[Shape, ...] = ()
    """Shapes of the elements of a list or the values of a dict."""
    about: tuple[Mapping[str, Any] | None, ...] = ()
    """Metadata of the circuit of each PUB, where it does not travel with the PUB."""

    def restore(self, results: Sequence[Any]) -> Any:
        """Put one result per PUB back in this form.

        Examples
        --------
        >>> pair = Shape("list", parts=(Shape(), Shape()))
        >>> Shape("dict", keys=("a", "b"), parts=(Shape(), pair)).restore([1, 2, 3])
        {'a': 1, 'b': [2, 3]}
        """
        for result, metadata in zip(results, self.about, strict=False):
            result.metadata["circuit_metadata"] = metadata
        return self._take(iter(results))

    def _take(self, results: Iterator[Any]) -> Any:
        if self.kind == "one":
            return next(results)
        taken = [part._take(results) for part in self.parts]
        return (
            dict(zip(self.keys, taken, strict=True)) if self.kind == "dict" else taken
        )


class Backends(Protocol):
    """The backends that the lab knows by name."""

    def facts(self, name: str) -> BackendFacts:
        """Look a backend up; raises ``UnknownBackend`` naming the nearest."""

    def known(self, name: str) -> BackendFacts:
        """The facts as they were when a plan last asked for them; cheap."""

    def names(self) -> list[str]:
        """Names for completion, sorted."""

    def add(
        self,
        name: str,
        backend: object,
        *,
        price: Price | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Register a ``BackendV2`` under a name."""

    def normalise(
        self,
        kind: Literal["sample", "estimate"],
        value: object,
        *,
        backend: str,
        shots: int | None,
        precision: float | None,
    ) -> tuple[tuple[Any, ...], Shape]:
        """PUBs of what a step returned, and how they were arranged.

        Raises the ``PubError`` that says what to return instead.
        """

    def circuits(self, kind: Literal["sample", "estimate"], pub: Any) -> int:
        """Circuits that running one normalised PUB takes."""

    def shots(self, kind: Literal["sample", "estimate"], pub: Any) -> int:
        """Shots over all circuits of one normalised PUB; 0 if it is exact."""

    def payload(self, pubs: Sequence[Any]) -> int:
        """Bytes of normalised PUBs on their way to a provider."""

    def key(
        self, name: str, kind: Literal["sample", "estimate"], pub: Any, how: object
    ) -> str | None:
        """Content key of what a PUB gives on a backend, shots and seed left out.

        `how` is what else decides, options and the like; None if there is no key.
        """

    def question(self, kind: Literal["sample", "estimate"], pub: Any) -> str | None:
        """Content key of a normalised PUB, whatever backend it is for."""

    def identity(self, name: str) -> str:
        """What a backend is, so that another of its name is told apart."""

    def fetches(
        self, name: str, kind: Literal["sample", "estimate"], *, heard: bool
    ) -> bool:
        """Whether a job that was sent can be fetched, its id `heard` or not."""

    def open_session(self, name: str, mode: Mode, most_s: int | None) -> str:
        """Open a session or batch of so many seconds; its provider's id for it."""

    def close_session(self, name: str, mode: Mode, session: str) -> None:
        """Let it take no more jobs; what it has taken comes to its end."""

    def session_seconds(self, name: str, mode: Mode, session: str) -> float | None:
        """Seconds that a session which was closed is billed; None if nobody tells."""

    def preflight(
        self,
        name: str,
        kind: Literal["sample", "estimate"],
        pubs: Sequence[Any],
        options: Mapping[str, Any],
        transpile: Mapping[str, Any],
    ) -> None:
        """Raise the error that running these PUBs would meet."""


@dataclass(frozen=True, slots=True)
class Known:
    """A result that some run has taken."""

    run: str
    """Id of the run."""
    name: str
    """Its name."""
    taken: float
    """When it was taken, seconds since the epoch."""
    shots: int
    """Shots, for samples; 0 for estimates."""
    value: Mapping[str, Any]
    """Where the store keeps the ``PubResult``."""
    number: int
    """Which of the equal PUBs of its run it is."""


class Results(Protocol):
    """Results of all runs of a home, by content."""

    def find(
        self,
        key: str,
        number: int,
        taken: set[int],
        *,
        besides: str,
        shots: int = 0,
        since: float = 0,
        reserved: Callable[[], Set[int]] = frozenset,
    ) -> Known | None:
        """A result not older than `since` that another run than `besides` has taken.

        That of a number if there is one, else another that is neither `reserved` nor
        `taken`, to which it is added; the newest with enough shots, or that with most
        of them.
        """

    def keep(self, key: str, known: Known) -> None:
        """Add a result; others find it after the next :meth:`flush`."""

    def flush(self) -> None:
        """Make what has been added there for others."""


class Sink(Protocol):
    """Where records of a run go; see ``docs/store.md`` for their kinds and fields."""

    def append(
        self, records: Sequence[Mapping[str, Any]], *, sync: bool = False
    ) -> None:
        """Add records in one write; with ``sync`` they are on the disk on return."""

    def put(self, value: object) -> Mapping[str, Any] | None:
        """Store a value by content; None if it lives in memory only."""

    def get(self, reference: Mapping[str, Any]) -> object:
        """The value behind what :meth:`put` returned; raises ``StoreError``."""


class Ledger(Protocol):
    """What all runs of a home may cost together."""

    def reserve(self, tag: str, *most: Money) -> str | None:
        """Keep back the most that a job may cost; why not, if it cannot be."""

    def settle(self, tag: str, *cost: Money) -> None:
        """Put what a job has cost in the place of what was kept back."""


class Clock(Protocol):
    """Time, as an argument."""

    def now_us(self) -> int:
        """Monotonic microseconds."""

    def wall(self) -> float:
        """Seconds since the epoch, UTC."""
