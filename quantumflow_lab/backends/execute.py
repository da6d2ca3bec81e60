"""A job, from request to results, in whatever process holds the backend."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import cloudpickle
from qiskit import QuantumCircuit
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.transpiler import generate_preset_pass_manager

from quantumflow_lab.backends.adapter import SEED_STEP, RunAdapter
from quantumflow_lab.backends.adapters import Adapter
from quantumflow_lab.backends.dry import Forecasts, Sized
from quantumflow_lab.backends.failures import (
    backend_error,
    failed_together,
    fault_of,
    patience_of,
    refused,
)
from quantumflow_lab.backends.forecast import Forecaster
from quantumflow_lab.backends.isa import Isa, Settings
from quantumflow_lab.backends.names import make
from quantumflow_lab.backends.pieces import Outcome, Piece, Prepared, Shared
from quantumflow_lab.backends.prepare import Maker, circuit_count, shot_count
from quantumflow_lab.backends.primitive_adapter import PrimitiveAdapter
from quantumflow_lab.backends.pubs import shots_of
from quantumflow_lab.backends.usage import Told, together
from quantumflow_lab.errors import JobNeverArrived
from quantumflow_lab.ports import (
    JobEvent,
    JobMetrics,
    JobRequest,
    MaySend,
    Member,
    MemberDone,
    MemberFailed,
    Phase,
    Progress,
    Sent,
    Settled,
    Stopped,
    Submitted,
    may_send,
)
from quantumflow_lab.work import Work

MAX_SEED_TRANSPILER = 2**31
"""Qiskit's passes take seeds below this."""

FEW, MOMENT = 10, 1 << 16
"""Circuits and their work that are over before anybody could see that they run."""

QUIET_S = 0.1
"""Seconds between two events that say the same."""


def execute(
    request: JobRequest,
    adapter: Adapter,
    emit: Callable[[JobEvent], None],
    *,
    threads: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
    may_send: MaySend = may_send,
) -> None:
    """Run a job and tell how it goes.

    Every member is answered by ``MemberDone`` or ``MemberFailed`` before ``Settled``
    ends the job. A member that fails leaves its siblings alone. Of a dry job nothing
    runs.

    Parameters
    ----------
    request
        The job.
    adapter
        Its backend.
    emit
        Takes the events, in order, in this thread.
    threads
        Threads this job may use for simulating; None leaves it to the backend.
    wanted
        Asked before anything is sent to the backend.
    may_send
        Asked before a batch is sent to a device.

    Raises
    ------
    Stopped
        If the job is not wanted any more.
    """
    native = request.kind == "estimate" and adapter.estimates
    kind = _NativeJob if native else _Job
    job = kind(request, adapter, emit, threads, wanted, may_send)
    if request.dry:
        job.forecast()
    else:
        job.run()


def load() -> None:
    """Import what the first job would import, and start no thread."""
    generate_preset_pass_manager(optimization_level=1, target=make("aer").target)


def warm_up() -> None:
    """Do once, before the first job, what the first job would wait for."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    member = Member(0, 1, (SamplerPub(bell, shots=1),), None)
    request = JobRequest(0, "warm-up", "sample", "aer", (member,), None)
    execute(request, RunAdapter(make("aer")), lambda event: None)


@dataclass
class _Share:
    """What is known of one member while its job runs."""

    member: Member
    prepared: list[Prepared]
    outcomes: list[Outcome] = field(default_factory=list)
    answered: bool = False

    @property
    def pieces(self) -> list[Piece]:
        return [piece for pub in self.prepared for piece in pub.pieces]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A piece on its way to a batch."""

    share: _Share
    piece: Piece
    seed: int | None


@dataclass
class _Job:
    request: JobRequest
    adapter: Adapter
    emit: Callable[[JobEvent], None]
    threads: int | None
    wanted: Callable[[], bool]
    may_send: MaySend
    said_running: float = 0.0
    batch: int = 0
    """Number of the next batch."""
    told: dict[int, Told | None] = field(default_factory=dict)
    """What was said of each batch that a device has taken."""
    shared: Shared = field(default_factory=Shared)

    def forecast(self) -> None:
        """Answer every member with what it would take, and run nothing."""
        forecasts = Forecasts(Forecaster(self.adapter.transpiler.target))
        for member, circuits, work in self.circuits():
            found = forecasts.of(circuits, work)
            where = self.request.job, member.unit, member.attempt
            self.emit(MemberDone(*where, (found,)))
        self.emit(Settled(self.request.job, JobMetrics()))

    def circuits(self) -> Iterator[tuple[Member, list[Sized], Work]]:
        """The circuits of each member as they would run, and what simulating asks."""
        shares, seen = list(self.prepare()), set[int]()
        for share in shares:
            work = self.adapter.work(share.pieces, share.member.options, seen)
            yield share.member, _sized(share.pieces), work

    def run(self) -> None:
        started = time.perf_counter()
        self.tell()
        self.emit(Progress(self.request.job, Phase.TRANSPILING))
        shares = list(self.prepare())
        transpiled = time.perf_counter()
        work = Work()
        for batch in self.batches(self.slots(shares)):
            self.address()
            self.run_batch(batch)
            work += self.work_of(batch)
        for share in shares:
            # A PUB of an empty shape, or of constants, needs no circuit at all.
            self.answer_if_complete(share)
        metrics = replace(
            _sizes(shares),
            transpile_s=transpiled - started,
            run_s=time.perf_counter() - transpiled,
            work=work if self.adapter.has_exact else None,
            busy_s=None if self.adapter.has_exact else self.busy_s(shares),
        )
        self.settle(metrics)

    def tell(self) -> None:
        """Tell the adapter how the job is to be sent."""
        request = self.request
        self.adapter.most_s, self.adapter.session = request.most_s, None
        if request.session is not None:
            self.adapter.session = request.mode, request.session

    def settle(self, metrics: JobMetrics) -> None:
        """End the job, with what was said of it where it ran."""
        told = together(self.told.values())
        metrics = replace(
            metrics,
            provider_job=self.adapter.provider_job,
            peak_memory_mb=peak_memory_mb(),
            queue_s=told.queue_s or 0.0,
            run_s=metrics.run_s if told.run_s is None else told.run_s,
            usage=told.usage(metrics.circuits, metrics.shots),
            qpu_s=told.qpu_s,
            provider=told.provider,
        )
        self.emit(Settled(self.request.job, metrics))

    def work_of(self, batch: Sequence[_Slot]) -> Work:
        """What a batch asked of this machine."""
        pieces = [slot.piece for slot in batch]
        return self.adapter.work(pieces, batch[0].share.member.options)

    def busy_s(self, shares: Sequence[_Share]) -> float | None:
        """Seconds of all shots by the durations of the device, if it tells them."""
        circuits = [each for share in shares for each in _sized(share.pieces)]
        return _busy_s(circuits, self.adapter)

    def address(self) -> None:
        """Tell the adapter which batch comes next."""
        request, batch = self.request, self.batch
        self.batch += 1

        def submitted(sent: Sent) -> None:
            self.told[batch] = None
            if sent.job is not None:
                self.emit(Submitted(request.job, sent, batch))

        self.adapter.submitted, self.adapter.told = submitted, None
        self.adapter.tag = f"{request.tag}-{batch}" if batch else request.tag

        def sending() -> None:
            if not self.may_send(batch):
                raise Stopped

        self.adapter.sending = sending
        before = request.sent_as
        self.adapter.sent = None if before is None else before.get(batch)

    def check_sent(self) -> None:
        """Refuse a batch of a job that is fetched, if it was never sent."""
        request = self.request
        if request.sent_as is not None and self.adapter.sent is None:
            raise JobNeverArrived(
                f"job {self.adapter.tag} was never sent to {request.backend}",
                backend=request.backend,
                tag=self.adapter.tag,
            )

    def prepare(self) -> Iterator[_Share]:
        for member in self.request.members:
            maker = self.maker(member)
            try:
                prepared = [
                    maker.prepare(pub, self.request.kind) for pub in member.pubs
                ]
            except Exception as error:  # noqa: BLE001 - passes raise anything
                self.fail(member, refused(error, self.request.backend))
            else:
                yield _Share(member, prepared)

    def maker(self, member: Member) -> Maker:
        seed = self.request.seed
        settings = Settings(
            member.optimization_level,
            None if seed is None else seed % MAX_SEED_TRANSPILER,
            member.transpile,
        )
        return Maker(
            self.request.backend,
            self.request.tag,
            self.adapter.calibrated,
            self.adapter.transpiler,
            settings,
            self.noisy(member.options),
            lambda: self.adapter.readout_errors(member.options),
            self.shared,
            self.adapter.derived,
        )

    def noisy(self, options: Mapping[str, Any]) -> bool:
        return self.adapter.transpiler.noisy or options.get("noise_model") is not None

    def slots(self, shares: Sequence[_Share]) -> Iterator[_Slot]:
        for share in shares:
            for offset, piece in enumerate(share.pieces):
                yield _Slot(share, piece, self.seed(share.member, piece, offset))

    def seed(self, member: Member, piece: Piece, offset: int) -> int | None:
        if self.request.seed is None or member.seed_index is None or piece.exact:
            return None
        # Not taken modulo anything: Aer counts up in 64 bits within a batch, and a
        # batch has to give what its circuits give alone.
        return self.request.seed + SEED_STEP * (member.seed_index + offset)

    def batches(self, slots: Iterator[_Slot]) -> Iterator[list[_Slot]]:
        """Cut into runs of one ``run()`` each, so that seeds come out as one by one."""
        batch: list[_Slot] = []
        for slot in slots:
            full = len(batch) >= self.adapter.max_circuits
            if batch and (full or not self.follows(batch[-1], slot)):
                yield batch
                batch = []
            batch.append(slot)
        if batch:
            yield batch

    def follows(self, before: _Slot, slot: _Slot) -> bool:
        one, other = before.piece, slot.piece
        if (one.shots, one.exact) != (other.shots, other.exact):
            return False
        if not _equal(before.share.member.options, slot.share.member.options):
            return False
        if before.seed is None or slot.seed is None:
            return before.seed is slot.seed
        if not self.adapter.takes_seed:
            return True
        return self.adapter.batches_seeds and slot.seed == before.seed + SEED_STEP

    def run_batch(self, batch: Sequence[_Slot]) -> None:
        batch = [slot for slot in batch if not slot.share.answered]
        if not batch:
            return
        if not self.wanted():
            raise Stopped
        if len(batch) > FEW or max(map(self.work, batch)) > MOMENT:
            self.say_running()
        for slot, outcome in zip(batch, self.outcomes(batch), strict=True):
            share = slot.share
            if isinstance(outcome, Outcome):
                share.outcomes.append(outcome)
                self.answer_if_complete(share)
            elif not share.answered:
                share.answered = True
                if isinstance(outcome, JobNeverArrived) and share.outcomes:
                    told = JobNeverArrived(str(outcome), ran=len(share.outcomes))
                    told.facts |= outcome.facts
                    outcome = told
                self.fail(share.member, outcome)

    def outcomes(self, batch: Sequence[_Slot]) -> list[Outcome | Exception]:
        """Run a batch; if it fails as a whole on a simulator, its members one by one.

        Elsewhere every further job is the scheduler's to decide: it cuts the batch.
        """
        pieces = [slot.piece for slot in batch]
        options = batch[0].share.member.options
        try:
            self.check_sent()
            return self.adapter.run(
                pieces,
                seed=batch[0].seed,
                options=options,
                threads=self.threads,
                wanted=self.wanted,
            )
        except Exception as error:  # noqa: BLE001 - a backend raises whatever it likes
            groups = _by_member(batch)
            failure = backend_error(error, self.request.backend)
        finally:
            self.hear()
        if len(groups) == 1:
            return [failure] * len(batch)
        if not self.adapter.has_exact:
            return [failed_together(failure)] * len(batch)
        return [outcome for group in groups for outcome in self.outcomes(group)]

    def hear(self) -> None:
        """Keep what was said of the batch that has just ended."""
        if (batch := self.batch - 1) in self.told:
            self.told[batch] = self.adapter.told

    def work(self, slot: _Slot) -> float:
        """Amplitudes over all layers; nobody knows how long other backends take."""
        if not self.adapter.has_exact:
            return math.inf
        noisy = self.noisy(slot.share.member.options)
        return slot.piece.amplitudes(noisy=noisy) * slot.piece.size.depth

    def answer_if_complete(self, share: _Share) -> None:
        if share.answered or len(share.outcomes) < len(share.pieces):
            return
        share.answered = True
        queue, member = iter(share.outcomes), share.member
        try:
            results = tuple(
                pub.finish([next(queue) for _ in pub.pieces]) for pub in share.prepared
            )
        except Exception as error:  # noqa: BLE001 - one odd register, not all members
            self.fail(member, refused(error, self.request.backend))
        else:
            done = MemberDone(self.request.job, member.unit, member.attempt, results)
            self.emit(done)

    def fail(self, member: Member, error: Exception) -> None:
        where = self.request.job, member.unit, member.attempt
        fault, patience = fault_of(error), patience_of(error)
        self.emit(MemberFailed(*where, error, fault, patience))

    def say_running(self) -> None:
        now = time.monotonic()
        if now - self.said_running > QUIET_S:
            self.said_running = now
            self.emit(Progress(self.request.job, Phase.RUNNING))


class _NativeJob(_Job):
    """Estimates by the estimator of the backend, all members in one job."""

    def circuits(self) -> Iterator[tuple[Member, list[Sized], Work]]:
        for one in self.asked():
            yield one.member, one.sized(), Work()

    def run(self) -> None:
        started = time.perf_counter()
        self.tell()
        self.emit(Progress(self.request.job, Phase.TRANSPILING))
        asked = list(self.asked())
        transpiled = time.perf_counter()
        groups = groupby(asked, key=lambda one: cloudpickle.dumps(one.member.options))
        for _, group in groups:
            self.estimate(list(group))
        pubs = [pub for one in asked for _, pub in one.pubs]
        sizes = [isa.size for one in asked for isa, _ in one.pubs]
        metrics = JobMetrics(
            circuits=len(pubs),
            shots=sum(shot_count("estimate", pub) for pub in pubs),
            transpile_s=transpiled - started,
            run_s=time.perf_counter() - transpiled,
            depth=max((size.depth for size in sizes), default=0),
            two_qubit_gates=max((size.two_qubit_gates for size in sizes), default=0),
            qubits=max((size.qubits for size in sizes), default=0),
            busy_s=_busy_s([e for one in asked for e in one.sized()], self.adapter),
        )
        self.settle(metrics)

    def asked(self) -> Iterator[_Asked]:
        for member in self.request.members:
            maker = self.maker(member)
            try:
                pubs = [maker.native(pub) for pub in member.pubs]
            except Exception as error:  # noqa: BLE001 - passes raise anything
                self.fail(member, refused(error, self.request.backend))
            else:
                yield _Asked(member, maker, pubs)

    def estimate(self, asked: Sequence[_Asked]) -> None:
        self.address()
        if not self.wanted():
            raise Stopped
        self.say_running()
        pubs = [pub for one in asked for _, pub in one.pubs]
        assert isinstance(self.adapter, PrimitiveAdapter), "others measure estimates"
        seed, options = self.request.seed, asked[0].member.options
        try:
            self.check_sent()
            results = self.adapter.estimate(
                pubs, seed=seed, options=options, wanted=self.wanted
            )
        except Exception as error:  # noqa: BLE001 - a backend raises whatever it likes
            failure = backend_error(error, self.request.backend)
            for one in asked:
                alone = len(asked) == 1
                self.fail(one.member, failure if alone else failed_together(failure))
            return
        finally:
            self.hear()
        queue = iter(results)
        for one in asked:
            told = tuple(
                one.maker.told(isa, pub, next(queue))
                for (isa, _), pub in zip(one.pubs, one.member.pubs, strict=True)
            )
            member = one.member
            done = MemberDone(self.request.job, member.unit, member.attempt, told)
            self.emit(done)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A member and its PUBs in terms of the target."""

    member: Member
    maker: Maker
    pubs: list[tuple[Isa, EstimatorPub]]

    def sized(self) -> list[Sized]:
        return [
            (
                isa.circuit,
                isa.size,
                circuit_count("estimate", pub),
                shots_of(pub.precision),
            )
            for isa, pub in self.pubs
        ]


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one is other or (not one and not other):
        return True
    # Bytes, because noise models and arrays do not compare to a plain truth value.
    same: bool = cloudpickle.dumps(dict(one)) == cloudpickle.dumps(dict(other))
    return same


def _by_member(batch: Sequence[_Slot]) -> list[list[_Slot]]:
    groups: dict[int, list[_Slot]] = {}
    for slot in batch:
        groups.setdefault(id(slot.share), []).append(slot)
    return list(groups.values())


def _sized(pieces: Sequence[Piece]) -> list[Sized]:
    return [
        (piece.circuit, piece.size, 1, 0 if piece.exact else piece.shots)
        for piece in pieces
    ]


def _busy_s(circuits: Sequence[Sized], adapter: Adapter) -> float | None:
    """Seconds of all shots by the durations of a device, if it tells them."""
    try:
        return Forecasts(Forecaster(adapter.transpiler.target)).of(circuits).busy_s
    except Exception:  # noqa: BLE001 - an odd target is no reason to lose what has run
        return None


def _sizes(shares: Sequence[_Share]) -> JobMetrics:
    pieces = [piece for share in shares for piece in share.pieces]
    sizes = [piece.size for piece in pieces]
    return JobMetrics(
        circuits=len(pieces),
        shots=sum(piece.shots for piece in pieces if not piece.exact),
        depth=max((size.depth for size in sizes), default=0),
        two_qubit_gates=max((size.two_qubit_gates for size in sizes), default=0),
        qubits=max((size.qubits for size in sizes), default=0),
    )


def peak_memory_mb() -> float:
    """Most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)
