"""A job that has been submitted and not settled, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from quantumflow_lab.core import Reason
from quantumflow_lab.errors import BackendFailed, JobCancelled, JobNeverArrived
from quantumflow_lab.planning.timing import Model
from quantumflow_lab.ports import (
    BackendFacts,
    Fault,
    JobRequest,
    MemberFailed,
    Phase,
    Sent,
)
from quantumflow_lab.price import Price, Usage
from quantumflow_lab.runner.bodies import Produced
from quantumflow_lab.runner.live import LiveRun, StepState, Task
from quantumflow_lab.runner.traces import Trace

REASONS = {
    Fault.TRANSIENT: Reason.TRANSIENT,
    Fault.PERMANENT: Reason.PERMANENT,
    Fault.TOO_BIG: Reason.TOO_BIG,
    Fault.REFUSED: Reason.REFUSED,
}
"""What a fault of a backend is to the scheduler."""


class Owner(Protocol):
    """Whom a job is sent for; hears of it in the runner's thread."""

    def sent(self) -> None:
        """The executor has the job."""

    def answer(
        self,
        unit: int,
        attempt: int,
        answer: Produced | Exception,
        reason: Reason,
        wait_us: int,
    ) -> None:
        """The answer of one member; see :data:`Answer`."""

    def over(self, cost: Decimal) -> None:
        """Nothing more will be heard of the job, which has cost that."""


@dataclass(slots=True)
class OpenJob:
    """A job that has been submitted and not settled."""

    owner: Owner
    number: int
    """How the executor calls it."""
    live: LiveRun
    states: tuple[StepState, ...]
    """Steps whose members it has."""
    request: JobRequest
    submitted: float
    """Seconds since the epoch."""
    tasks: dict[int, Task]
    """What each unit runs; kept here, since an answer may come after a cancel."""
    unanswered: set[tuple[int, int]]
    """Units and attempts that have no answer yet."""
    price: Price | None
    """What it costs, in what the run counts; None for nothing."""
    facts: BackendFacts
    """Of its backend."""
    device: bool
    """Whether it goes on without us once it is sent."""
    model: Model
    """What was believed of its backend when it was sent."""
    counted: Decimal = Decimal(0)
    """What the run counts of it as spent already."""
    stopping: bool = False
    waiting: bool = False
    """Whether it is sent once there is a session for it."""
    failure: str | None = None
    """What the first member that failed was told."""
    answers: int = 0
    """Members that had a result."""
    batches: dict[int, Sent] = field(default_factory=dict)
    """Those that a device may have taken."""
    untold: bool = False
    """Whether it may have run although nobody can say so."""
    failed: bool = False
    """Whether some of it failed there, after it was taken."""
    cancelled: bool = False
    """Whether some of it was cancelled there, by whomever."""
    absent: list[Task] = field(default_factory=list)
    """What never arrived at its provider."""
    unheard: bool = False
    """Whether its provider could not be asked, so that it may still go on."""
    asking: bool = False
    """Whether nobody waits for it any more, but for what it has cost."""
    accounted: bool = False
    """Whether its provider has told how it ended although nobody waited."""
    pieces: list[MemberFailed] = field(default_factory=list)
    """Members of a job that was too big, until all are known: they are cut together."""
    trace: Trace | None = None
    """What is told of it while it is on its way."""

    @property
    def asked(self) -> Usage:
        """What its members ask for, all of them."""
        tasks = [self.tasks[member.unit] for member in self.request.members]
        circuits = sum(task.circuits for task in tasks)
        return Usage(circuits, sum(task.shots for task in tasks))

    @property
    def taken(self) -> bool:
        """Whether a provider has said that it has it."""
        return any(batch.job for batch in self.batches.values())

    @property
    def never(self) -> bool:
        """Whether all of it is known never to have arrived."""
        return len(self.absent) == len(self.request.members)

    def show(self, phase: Phase | None) -> None:
        """Tell its steps what it is doing."""
        for state in self.states:
            state.phase = phase


def is_settled_by(error: Exception) -> bool:
    """Whether an error is a provider's last word on a job."""
    failed_there = isinstance(error, BackendFailed) and "job" in error.facts
    return failed_there or isinstance(error, JobCancelled | JobNeverArrived)
