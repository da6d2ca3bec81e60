"""Jobs that are over: what they have used, what that costs, who is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from quantumflow_lab.core import Reason
from quantumflow_lab.grid import text_of
from quantumflow_lab.planning.billing import Ended
from quantumflow_lab.ports import Backends, JobMetrics
from quantumflow_lab.price import Usage
from quantumflow_lab.runner.bills import billed, ended_as
from quantumflow_lab.runner.booking import Booking
from quantumflow_lab.runner.open_job import OpenJob
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.times import Times, predicted


@dataclass
class Settling:
    """Closes jobs. Belongs to the runner's thread.

    Parameters
    ----------
    open
        Jobs that are open, by how the executor calls them.
    """

    open: dict[int, OpenJob]
    booking: Booking
    sessions: Sessions
    times: Times
    backends: Backends

    def settled(self, open_job: OpenJob, metrics: JobMetrics) -> None:
        """Its executor has told all: count what ran, and close it."""
        if not open_job.answers:
            never = ended_as(open_job, "settled") is Ended.NEVER
            sent = Usage() if never else open_job.asked
            metrics = replace(metrics, circuits=sent.circuits, shots=sent.shots)
        for task in open_job.absent:
            metrics = replace(
                metrics,
                circuits=max(metrics.circuits - task.circuits, 0),
                shots=max(metrics.shots - task.shots, 0),
            )
        if (used := metrics.usage) is not None:
            circuits, shots = metrics.circuits, metrics.shots
            least = min(used.circuits, circuits), min(used.shots, shots)
            used = replace(used, circuits=least[0], shots=least[1])
            metrics = replace(metrics, usage=used)
        why = None if open_job.answers else open_job.failure
        if open_job.asking:
            open_job.accounted = not open_job.unheard
            self.over(open_job, "cancelled", metrics, why)
        elif open_job.unheard:
            # It may go on, so that it can be asked for when the run is taken up.
            self.over(open_job, "sent", metrics, open_job.failure)
        else:
            self.over(open_job, "settled", metrics, why)

    def abandon(
        self,
        open_job: OpenJob,
        error: Exception,
        reason: Reason = Reason.PERMANENT,
    ) -> None:
        """It was not sent: its members get the error."""
        for unit, attempt in sorted(open_job.unanswered):
            open_job.owner.answer(unit, attempt, error, reason, -1)
        self.over(open_job, "cancelled", JobMetrics(), text_of(error))

    def over(
        self,
        open_job: OpenJob,
        stage: str,
        metrics: JobMetrics,
        error: str | None = None,
    ) -> None:
        """Close a job.

        Parameters
        ----------
        stage
            What its last record says: ``settled``, ``lost``, ``cancelled``, or ``sent``
            where it may go on without us.
        """
        live = open_job.live
        for piece in open_job.pieces:
            where = piece.unit, piece.attempt
            open_job.owner.answer(*where, piece.error, Reason.TOO_BIG, -1)
        del self.open[open_job.number]
        open_job.show(None)
        if (name := open_job.request.session) is not None:
            self.sessions.over(live, open_job.request.backend, name)
        live.machine_s += metrics.machine_s(device=open_job.device)
        due = billed(open_job, stage, metrics)
        cost = due.amount
        if open_job.price is not None:
            if stage != "sent":
                self.booking.settle(open_job, stage, metrics)
            currency = open_job.price.currency
            spent = live.spent.get(currency, Decimal(0))
            live.spent[currency] = spent + cost - open_job.counted
        facts = self.backends.known(open_job.request.backend)
        ran = stage == "settled" and open_job.answers > 0
        said = predicted(open_job.model, facts, metrics) if ran else None
        self.booking.record(open_job, stage, metrics, error, due, predicted=said)
        self.booking.over(open_job, stage, cost, error)
        open_job.owner.over(cost)
        if ran:
            self.times.ended(facts, metrics)
