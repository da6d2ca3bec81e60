"""Jobs that fail, are lost, or that nobody waits for: what to make of the doubt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from quantumflow_lab.core import Reason
from quantumflow_lab.errors import (
    BackendFailed,
    JobCancelled,
    JobNeverArrived,
    JobUnanswered,
    SessionClosed,
    WorkerLost,
)
from quantumflow_lab.grid import text_of
from quantumflow_lab.ports import (
    Backends,
    Fault,
    JobExecutor,
    JobMetrics,
    MemberFailed,
)
from quantumflow_lab.runner.open_job import REASONS, OpenJob, is_settled_by
from quantumflow_lab.runner.sending import Sending
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.settling import Settling

ACCOUNT_S = 5.0
"""Seconds in which a provider is asked what a job that was stopped has cost."""
_MAY_GO_ON = "; it may go on there, so look there before you run the step again"


@dataclass
class Losses:
    """Decides what follows. Belongs to the runner's thread.

    Parameters
    ----------
    open
        Jobs that are open, by how the executor calls them.
    post
        Hands a function to the runner's thread.
    """

    open: dict[int, OpenJob]
    executor: JobExecutor
    backends: Backends
    sessions: Sessions
    sending: Sending
    settling: Settling
    post: Callable[[Callable[[], None]], None]
    closing: bool = False
    """Whether the lab is closed, so that nobody waits for what jobs have cost."""

    def failed(self, open_job: OpenJob, event: MemberFailed) -> None:
        """A member has no result: answer it, or keep it until all are known."""
        open_job.failure = open_job.failure or text_of(event.error)
        open_job.untold |= isinstance(event.error, JobUnanswered | WorkerLost)
        open_job.cancelled |= isinstance(event.error, JobCancelled)
        # With a name its provider had taken it.
        in_name = isinstance(event.error, BackendFailed) and "job" in event.error.facts
        open_job.failed |= in_name
        fetching = open_job.request.sent_as is not None
        open_job.unheard |= isinstance(event.error, JobUnanswered | WorkerLost)
        # What goes wrong on our side says nothing of what became of it there.
        open_job.unheard |= fetching and not is_settled_by(event.error)
        reason, error = REASONS[event.fault], event.error
        if isinstance(error, SessionClosed):
            open_job.failed |= "job" in error.facts
            reason, error = self._without_session(open_job, error)
        if isinstance(event.error, JobNeverArrived):
            reason = Reason.LOST  # so that it is sent
            if "ran" not in event.error.facts:
                open_job.absent.append(open_job.tasks[event.unit])
        if open_job.asking:
            return
        if event.fault is Fault.TOO_BIG:
            open_job.pieces.append(event)
            return
        open_job.unanswered.discard((event.unit, event.attempt))
        patience = event.retry_after
        wait = -1 if patience is None else round(patience * 1e6)
        where = event.unit, event.attempt
        open_job.owner.answer(*where, error, reason, wait)

    def _without_session(
        self, open_job: OpenJob, error: SessionClosed
    ) -> tuple[Reason, Exception]:
        """What to make of a session that its provider has closed: open one more."""
        request = open_job.request
        name = request.session or ""
        if self.sessions.gone(open_job.live, request.backend, name):
            return Reason.LOST, error
        twice = SessionClosed(
            f"{error.message}, as was one before it: run it with --mode job, or see "
            "what its plan allows",
        )
        twice.facts = error.facts
        return Reason.PERMANENT, twice

    def lost(self, open_job: OpenJob, reason: str) -> None:
        """Its executor knows no more of a job: fetch it, or answer for it."""
        request, step = open_job.request, open_job.states[0].name
        fetching = request.sent_as is not None
        # What a device may have taken is fetched, and not sent again.
        open_there = bool(open_job.batches)
        asks = not (open_job.stopping and self.closing)
        if open_there and not fetching and asks:
            heard = any(sent.job for sent in open_job.batches.values())
            if self.backends.fetches(request.backend, request.kind, heard=heard):
                open_job.request = replace(request, sent_as={**open_job.batches})
                if open_job.stopping:
                    self._account(open_job, reason)
                self.sending.execute(open_job)
                return
        error = WorkerLost(
            f"step '{step}' lost its job on {request.backend}: {reason}"
            f"{_MAY_GO_ON if open_there else ''}",
            step=step,
            job=request.tag,
        )
        why = Reason.PERMANENT if open_there else Reason.LOST
        for unit, attempt in sorted(open_job.unanswered):
            open_job.owner.answer(unit, attempt, error, why, -1)
        stage = "cancelled" if open_job.stopping else "lost"
        unheard = any(sent.job is None for sent in open_job.batches.values())
        doubtful = fetching or unheard or not open_job.stopping
        if open_there and doubtful and not open_job.asking:
            stage = "sent"  # what became of it there nobody has said
        self.settling.over(open_job, stage, JobMetrics(), reason)

    def _account(self, open_job: OpenJob, reason: str) -> None:
        """Ask for what a stopped job has cost, for a while; it has no answer."""
        open_job.asking, open_job.failure = True, reason
        step, request = open_job.states[0].name, open_job.request
        error = WorkerLost(
            f"step '{step}' lost its job on {request.backend}: {reason}",
            step=step,
            job=request.tag,
        )
        for unit, attempt in sorted(open_job.unanswered):
            open_job.owner.answer(unit, attempt, error, Reason.PERMANENT, -1)
        open_job.unanswered.clear()

        def enough() -> None:
            if self.open.get(open_job.number) is open_job:
                self.executor.cancel(open_job.number)

        timer = threading.Timer(ACCOUNT_S, lambda: self.post(enough))
        timer.daemon = True
        timer.start()
