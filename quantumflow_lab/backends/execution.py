"""What every job does where its backend is: it tells, settles, and says what failed."""

from __future__ import annotations

import resource
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from quantumflow_lab.backends.adapters import Adapter
from quantumflow_lab.backends.dry import Forecasts, Sized
from quantumflow_lab.backends.failures import fault_of, patience_of
from quantumflow_lab.backends.forecast import Forecaster
from quantumflow_lab.backends.isa import Settings
from quantumflow_lab.backends.pieces import Shared
from quantumflow_lab.backends.prepare import Maker
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
)
from quantumflow_lab.work import Work

MAX_SEED_TRANSPILER = 2**31
"""Qiskit's passes take seeds below this."""

QUIET_S = 0.1
"""Seconds between two events that say the same."""


@dataclass
class Execution(ABC):
    """One job, however its members run."""

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

    @abstractmethod
    def run(self) -> None:
        """Run it: every member is answered, then the job is settled."""

    @abstractmethod
    def circuits(self) -> Iterator[tuple[Member, list[Sized], Work]]:
        """The circuits of each member as they would run, and what simulating asks."""

    def forecast(self) -> None:
        """Answer every member with what it would take, and run nothing."""
        forecasts = Forecasts(Forecaster(self.adapter.transpiler.target))
        for member, circuits, work in self.circuits():
            found = forecasts.of(circuits, work)
            where = self.request.job, member.unit, member.attempt
            self.emit(MemberDone(*where, (found,)))
        self.emit(Settled(self.request.job, JobMetrics()))

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

    def busy_s(self, circuits: Sequence[Sized]) -> float | None:
        """Seconds of all shots by the durations of the device, if it tells them."""
        try:
            forecaster = Forecaster(self.adapter.transpiler.target)
            return Forecasts(forecaster).of(circuits).busy_s
        except Exception:  # noqa: BLE001 - an odd target is no reason to lose results
            return None

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

    def maker(self, member: Member) -> Maker:
        """Make circuits of a member's PUBs."""
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
        """Whether noise is simulated under these options."""
        return self.adapter.transpiler.noisy or options.get("noise_model") is not None

    def hear(self) -> None:
        """Keep what was said of the batch that has just ended."""
        if (batch := self.batch - 1) in self.told:
            self.told[batch] = self.adapter.told

    def fail(self, member: Member, error: Exception) -> None:
        """Answer a member with an error, and say whose fault it is."""
        where = self.request.job, member.unit, member.attempt
        fault, patience = fault_of(error), patience_of(error)
        self.emit(MemberFailed(*where, error, fault, patience))

    def say_running(self) -> None:
        """Say that circuits run, unless that was just said."""
        now = time.monotonic()
        if now - self.said_running > QUIET_S:
            self.said_running = now
            self.emit(Progress(self.request.job, Phase.RUNNING))


def peak_memory_mb() -> float:
    """Most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)
