"""Jobs on their way to backends and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from quantumflow_lab import records
from quantumflow_lab.bodies import Kind, Produced
from quantumflow_lab.calls import Calls
from quantumflow_lab.core import Reason
from quantumflow_lab.errors import JournalFull, WorkerLost
from quantumflow_lab.live import Block, LiveRun, StepState, Task
from quantumflow_lab.planning.seeds import derive
from quantumflow_lab.ports import (
    Accepted,
    Backends,
    Clock,
    JobEvent,
    JobExecutor,
    JobMetrics,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    Progress,
    Settled,
    Sink,
)
from quantumflow_lab.recorder import Recorder
from quantumflow_lab.schedule import Schedule

Answer = Callable[[int, int, Produced | Exception, Reason], None]
"""Takes a unit, its attempt, its value or why it has none, and of what sort that is."""


@dataclass(slots=True)
class OpenJob:
    """A job that has been submitted and not settled."""

    live: LiveRun
    state: StepState
    request: JobRequest
    submitted: float
    """Seconds since the epoch."""
    tasks: dict[int, Task]
    """What each unit runs; kept here, since an answer may come after a cancel."""
    unanswered: set[tuple[int, int]]
    """Units and attempts that have no answer yet."""
    stopping: bool = False


class Jobs:
    """Submits jobs, follows them and records them.

    Parameters
    ----------
    executor, backends, sink, clock
        Ports.
    schedule, recorder, calls
        The runner's.
    post
        Hands a function to the runner's thread.
    answer
        Takes the answer of one member, in the runner's thread.
    secure
        Brings everything noted to the disk; False if that failed.
    """

    def __init__(
        self,
        *,
        executor: JobExecutor,
        backends: Backends,
        sink: Sink,
        clock: Clock,
        schedule: Schedule,
        recorder: Recorder,
        calls: Calls,
        post: Callable[[Callable[[], None]], None],
        answer: Answer,
        secure: Callable[[], bool],
    ):
        self._executor = executor
        self._backends = backends
        self._sink = sink
        self._clock = clock
        self._schedule = schedule
        self._recorder = recorder
        self._calls = calls
        self._post = post
        self._answer = answer
        self._secure = secure
        self._open: dict[int, OpenJob] = {}

    def submit(self, job: int, members: Sequence[tuple[int, int]]) -> None:
        """Send a job of units and attempts, all of one step or loop."""
        live, block, _ = self._schedule.find(members[0][0])
        tasks = {unit: self._task(unit) for unit, _ in members}
        request = JobRequest(
            job=job,
            tag=f"{live.id}.{job}",
            kind=self._kind(block, members[0][0]),
            backend=str(block.backend),
            members=tuple(_member(*member, tasks[member[0]]) for member in members),
            seed=derive(live.seed, block.step.name, str(block.backend)),
        )
        now = self._clock.wall()
        open_job = OpenJob(live, block.step, request, now, tasks, set(members))
        self._open[job] = open_job
        block.step.jobs += 1
        self._record(open_job, "intended")
        paid = not self._backends.facts(request.backend).simulator
        # What costs money is on the disk before it is sent.
        if paid and not self._secure():
            self._abandon(open_job, "the job could not be recorded, so it was not sent")
            return
        self._executor.submit(request, lambda event: self._event(open_job, event))

    def stop(self, job: int) -> None:
        """Stop a job that nobody waits for any more."""
        if job in self._open:
            self._open[job].stopping = True
            self._executor.cancel(job)

    def _task(self, unit: int) -> Task:
        if call := self._calls.find(unit):
            return call.task
        _, block, point = self._schedule.find(unit)
        return block.step.tasks[point]

    def _kind(self, block: Block, unit: int) -> Kind:
        call = self._calls.find(unit)
        return call.kind if call else cast("Kind", block.step.plan.kind)

    def _event(self, open_job: OpenJob, event: JobEvent) -> None:
        """Called on any thread; the costly part of an answer is done there."""
        produced: Produced | Exception | None = None
        if isinstance(event, MemberDone):
            try:
                value = open_job.tasks[event.unit].shape.restore(event.results)
                produced = Produced(value, self._sink.put(value))
            except Exception as error:  # noqa: BLE001  # told as the point's failure
                # Never lost and submitted again: the job has run, and perhaps cost.
                produced = error
        self._post(lambda: self._follow(event, produced))

    def _follow(
        self, event: JobEvent, produced: Produced | Exception | None = None
    ) -> None:
        open_job = self._open.get(event.job)
        if open_job is None:
            return
        open_job.live.dirty = True
        match event:
            case Accepted():
                self._schedule.events.sent(event.job)
                self._record(open_job, "sent")
            case Progress():
                open_job.state.phase = event.phase
            case MemberDone(_, unit, attempt):
                assert produced is not None, "made before the event was posted"
                open_job.unanswered.discard((unit, attempt))
                self._answer(unit, attempt, produced, Reason.PERMANENT)
            case MemberFailed(_, unit, attempt, error, transient):
                open_job.unanswered.discard((unit, attempt))
                reason = Reason.TRANSIENT if transient else Reason.PERMANENT
                self._answer(unit, attempt, error, reason)
            case Settled():
                self._over(open_job, "settled", event.metrics)
            case Lost():
                self._lost(open_job, event.reason)

    def _abandon(self, open_job: OpenJob, reason: str) -> None:
        for unit, attempt in sorted(open_job.unanswered):
            self._answer(unit, attempt, JournalFull(reason), Reason.PERMANENT)
        self._over(open_job, "cancelled", JobMetrics(), reason)

    def _lost(self, open_job: OpenJob, reason: str) -> None:
        error = WorkerLost(
            f"step '{open_job.state.name}' lost its job on "
            f"{open_job.request.backend}: {reason}",
            step=open_job.state.name,
            job=open_job.request.tag,
        )
        for unit, attempt in sorted(open_job.unanswered):
            self._answer(unit, attempt, error, Reason.LOST)
        stage = "cancelled" if open_job.stopping else "lost"
        self._over(open_job, stage, JobMetrics(), reason)

    def _over(
        self,
        open_job: OpenJob,
        stage: str,
        metrics: JobMetrics,
        error: str | None = None,
    ) -> None:
        job = open_job.request.job
        del self._open[job]
        open_job.state.phase = None
        open_job.live.machine_s += metrics.transpile_s + metrics.run_s
        self._record(open_job, stage, metrics, error)
        self._schedule.events.settled(job).bill(job, 0)

    def _record(
        self,
        open_job: OpenJob,
        stage: str,
        metrics: JobMetrics | None = None,
        error: str | None = None,
    ) -> None:
        self._recorder.note(
            records.job(
                open_job.live,
                open_job.state,
                open_job.request,
                stage,
                submitted=open_job.submitted,
                now=self._clock.wall(),
                metrics=metrics,
                error=error,
            )
        )


def _member(unit: int, attempt: int, task: Task) -> Member:
    return Member(
        unit=unit,
        attempt=attempt,
        pubs=task.pubs,
        seed_index=task.seed_index,
        **task.options,
    )
