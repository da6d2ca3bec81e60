"""Jobs on their way out: to the executor, in a session, and only once recorded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

from quantumflow_lab.errors import BudgetReached, JournalFull
from quantumflow_lab.ports import Fault, JobEvent, JobExecutor, Sent
from quantumflow_lab.runner.booking import Booking
from quantumflow_lab.runner.open_job import REASONS, OpenJob
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.settling import Settling

_SILENCE_S = 60.0
"""Seconds after which a runner that does not answer has stopped."""


@dataclass
class Sending:
    """Sends jobs. Belongs to the runner's thread.

    Parameters
    ----------
    open
        Jobs that are open, by how the executor calls them.
    post
        Hands a function to the runner's thread.
    secure
        Brings everything noted to the disk; False if that failed.
    hear
        Called on any thread with what happens to a job.
    """

    open: dict[int, OpenJob]
    executor: JobExecutor
    sessions: Sessions
    settling: Settling
    booking: Booking
    post: Callable[[Callable[[], None]], None]
    secure: Callable[[], bool]
    hear: Callable[[OpenJob, JobEvent], None]

    def hand_over(self, open_job: OpenJob) -> None:
        """Give a job to the executor, and tell of it."""
        for state in open_job.states:
            state.jobs += 1
            state.used.add(open_job.request.backend)
        self.booking.handed_over(open_job)
        self.execute(open_job)

    def execute(self, open_job: OpenJob) -> None:
        """Send it, as soon as there is the session that it is sent in."""
        request = open_job.request
        if request.mode == "job" or request.sent_as is not None:
            self._send(open_job)
            return
        open_job.waiting = True
        self.sessions.want(
            open_job.live,
            request.backend,
            request.most_s,
            lambda found: self._in_session(open_job, found),
        )

    def _in_session(self, open_job: OpenJob, found: str | Exception) -> None:
        """What a job waited for is there, or why it is not."""
        open_job.waiting = False
        where = open_job.live, open_job.request.backend
        if self.open.get(open_job.number) is not open_job:
            if isinstance(found, str):
                self.sessions.over(*where, found)
            return
        if isinstance(found, str):
            open_job.request = replace(open_job.request, session=found)
            self._send(open_job)
            return
        error = found
        if isinstance(error, BudgetReached):
            step = open_job.states[0].name
            error = BudgetReached(f"step '{step}' stopped: {error.message}", step=step)
        fault = getattr(error, "facts", {}).get("fault", Fault.PERMANENT)
        self.settling.abandon(open_job, error, REASONS[Fault(fault)])

    def _send(self, open_job: OpenJob) -> None:
        self.executor.submit(
            replace(open_job.request, job=open_job.number),
            lambda event: self.hear(open_job, event),
            lambda batch: self._may_send(open_job, batch),
        )

    def _may_send(self, open_job: OpenJob, batch: int) -> bool:
        """Called on any thread but the runner's."""
        if not open_job.device:
            return True
        said: Future[bool] = Future()

        def answer() -> None:
            if not said.set_running_or_notify_cancel():
                return
            try:
                said.set_result(self._sending(open_job, batch))
            except BaseException:
                said.set_result(False)  # else who asks would wait for ever
                raise

        self.post(answer)
        try:
            return said.result(_SILENCE_S)
        except TimeoutError:
            # Unless it is about to answer, nobody asks any more.
            return not said.cancel() and said.result()

    def _sending(self, open_job: OpenJob, batch: int) -> bool:
        """A batch is about to be sent, which has to be on the disk before."""
        if open_job.stopping or self.open.get(open_job.number) is not open_job:
            return False
        open_job.batches[batch] = Sent(None)
        self.booking.record(open_job, "sent")
        if self.secure():
            return True
        del open_job.batches[batch]
        why = "the job could not be recorded, so it was not sent"
        self.settling.abandon(open_job, JournalFull(why))
        return False
