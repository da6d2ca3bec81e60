"""Jobs on their way to backends and back.

=================  ==================================================================
`requests`         what is asked of a backend
`open_job`         what is known of a job
`sending`          it goes out
`losses`           it fails, is lost, or nobody waits for it
`settling`         it is over
`bills`            what it costs
`booking`          what is written and told of it
=================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from quantumflow_lab.amounts import micro
from quantumflow_lab.core import Reason
from quantumflow_lab.errors import BudgetReached
from quantumflow_lab.planning.bounds import watched
from quantumflow_lab.ports import (
    Accepted,
    Backends,
    Clock,
    JobEvent,
    JobExecutor,
    Ledger,
    Lost,
    MemberDone,
    MemberFailed,
    Progress,
    Settled,
    Sink,
    Submitted,
)
from quantumflow_lab.runner.bills import bound
from quantumflow_lab.runner.bodies import Produced, finished
from quantumflow_lab.runner.booking import Booking
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.calls import Calls
from quantumflow_lab.runner.left import LeftJob
from quantumflow_lab.runner.live import LiveRun, Task
from quantumflow_lab.runner.losses import Losses
from quantumflow_lab.runner.open_job import OpenJob, Owner
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.requests import Requests
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sending import Sending
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.settling import Settling
from quantumflow_lab.runner.times import Times

Answer = Callable[[int, int, Produced | Exception, Reason, int], None]
"""Takes a unit, its attempt, its value or why it has none, of what sort that is, and
how many microseconds to wait at least before another try, or -1."""


@dataclass(frozen=True, slots=True)
class _Scheduled:
    """The scheduler, for a job of its own."""

    schedule: Schedule
    job: int
    answer: Answer

    def sent(self) -> None:
        self.schedule.events.sent(self.job)

    def over(self, cost: Decimal) -> None:
        self.schedule.events.settled(self.job).bill(self.job, micro(cost))


class Jobs:
    """Submits jobs, follows them and records them.

    Parameters
    ----------
    executor, backends, sink, clock
        Ports.
    schedule, recorder, calls, cache, times
        The runner's.
    post
        Hands a function to the runner's thread.
    answer
        Takes the answer of one member, in the runner's thread.
    secure
        Brings everything noted to the disk; False if that failed.
    ledger
        What all runs of the home may cost together.
    sessions
        What jobs of a run are sent in, where its mode wants that.
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
        cache: Cache,
        times: Times,
        post: Callable[[Callable[[], None]], None],
        answer: Answer,
        secure: Callable[[], bool],
        ledger: Ledger,
        sessions: Sessions,
    ):
        self._backends = backends
        self._executor = executor
        self._sink = sink
        self._clock = clock
        self._schedule = schedule
        self._cache = cache
        self._times = times
        self._post = post
        self._answer = answer
        self._secure = secure
        self._open: dict[int, OpenJob] = {}
        self._fetched = count(-1, -1)
        """Numbers of fetched jobs, which the scheduler does not know."""
        self._requests = Requests(schedule, calls, backends, sink)
        self._booking = Booking(recorder, ledger, clock)
        self._settling = Settling(self._open, self._booking, sessions, times, backends)
        self._sending = Sending(
            open=self._open,
            executor=executor,
            sessions=sessions,
            settling=self._settling,
            booking=self._booking,
            post=post,
            secure=secure,
            hear=self._event,
        )
        self._losses = Losses(
            open=self._open,
            executor=executor,
            backends=backends,
            sessions=sessions,
            sending=self._sending,
            settling=self._settling,
            post=post,
        )

    def submit(self, job: int, members: Sequence[tuple[int, int]]) -> None:
        """Send a job of units and attempts, of one run and one backend."""
        live, block, _ = self._schedule.find(members[0][0])
        assert block.ways is not None, "members of jobs have a backend"
        backend = block.ways.backend
        tasks = {unit: self._requests.task(unit) for unit, _ in members}
        taken = self._taken_by(backend, members, tasks)
        if not taken:
            self._schedule.events.settled(job).bill(job, 0)
            return
        facts = self._backends.known(backend)
        price = watched(facts, live.plan.budget)
        open_job = OpenJob(
            owner=_Scheduled(self._schedule, job, self._answer),
            number=job,
            live=live,
            states=self._requests.states(taken),
            request=self._requests.request(job, taken, tasks, block, price),
            submitted=self._clock.wall(),
            tasks=tasks,
            unanswered=set(taken),
            price=price,
            facts=facts,
            device=not facts.simulator,
            model=self._times.model(facts),
        )
        self._open[job] = open_job
        why = self._booking.keep_back(open_job)
        if why is not None:
            name = block.step.name
            error = BudgetReached(f"step '{name}' stopped: {why}", step=name)
            self._settling.abandon(open_job, error)
            return
        asked = None
        if open_job.device:
            asked = self._requests.kept(open_job.request, price)
        self._booking.record(open_job, "intended", asked=asked)
        self._sending.hand_over(open_job)

    def _taken_by(
        self,
        backend: str,
        members: Sequence[tuple[int, int]],
        tasks: Mapping[int, Task],
    ) -> list[tuple[int, int]]:
        """The members that a backend takes; the others are answered."""
        kind = self._requests.kind(members[0][0])
        taken = []
        for unit, attempt in members:
            error = self._requests.refusal(tasks[unit], kind, backend)
            if error is None:
                taken.append((unit, attempt))
            else:
                self._answer(unit, attempt, error, Reason.REFUSED, -1)
        return taken

    def fetch(self, live: LiveRun, left: LeftJob, owner: Owner) -> int:
        """Ask for a job that an earlier process has sent; how the executor calls it."""
        members = left.request.members
        names = dict.fromkeys(member.place["step"] for member in left.members)
        number = next(self._fetched)
        open_job = OpenJob(
            owner=owner,
            number=number,
            live=live,
            states=tuple(live.steps[name] for name in names),
            request=left.request,
            submitted=left.submitted,
            tasks={i: member.task for i, member in enumerate(left.members)},
            unanswered={(member.unit, member.attempt) for member in members},
            price=left.price,
            facts=self._backends.known(left.request.backend),
            device=True,
            model=self._times.model(self._backends.known(left.request.backend)),
            batches={**(left.request.sent_as or {})},
        )
        open_job.counted = bound(open_job)
        self._open[number] = open_job
        self._sending.hand_over(open_job)
        return number

    def stop(self, job: int) -> None:
        """Stop a job that nobody waits for any more."""
        if (open_job := self._open.get(job)) is not None:
            open_job.stopping = True
            if open_job.waiting:
                self._losses.lost(open_job, "cancelled")
            else:
                self._executor.cancel(job)

    def leave(self, job: int) -> None:
        """Hear no more of a job; what is recorded says that it may go on."""
        if (open_job := self._open.pop(job, None)) is not None:
            open_job.show(None)
            self._executor.cancel(job)

    def close(self) -> None:
        """The lab is closed: nobody waits for what jobs have cost."""
        self._losses.closing = True

    def _event(self, open_job: OpenJob, event: JobEvent) -> None:
        """Called on any thread; the costly part of an answer is done there."""
        produced: Produced | Exception | None = None
        if isinstance(event, MemberDone):
            try:
                produced = self._produced(open_job, event)
            except Exception as error:  # noqa: BLE001  # told as the point's failure
                # Never lost and submitted again: the job has run, and perhaps cost.
                produced = error
        self._post(lambda: self._follow(event, produced))

    def _produced(self, open_job: OpenJob, event: MemberDone) -> Produced:
        task = open_job.tasks[event.unit]
        lookup = task.lookup
        results = lookup.merged(event.results) if lookup else event.results
        produced = finished(task, results, self._sink)
        # A backend that stands in gives results of its own.
        if lookup is not None and lookup.backend == open_job.request.backend:
            alone = produced.ref if produced.value is results[0] else None
            self._cache.keep(open_job.live, lookup, results, alone)
        return produced

    def _follow(
        self, event: JobEvent, produced: Produced | Exception | None = None
    ) -> None:
        open_job = self._open.get(event.job)
        if open_job is None:
            return
        open_job.live.dirty = True
        match event:
            case Accepted():
                open_job.owner.sent()
            case Submitted():
                self._taken(open_job, event)
            case Progress():
                self._booking.does(open_job, event.phase)
            case MemberDone(_, unit, attempt):
                assert produced is not None, "made before the event was posted"
                if (unit, attempt) not in open_job.unanswered:
                    return  # said before the job was lost, and fetched
                open_job.unanswered.discard((unit, attempt))
                open_job.answers += 1
                open_job.owner.answer(unit, attempt, produced, Reason.PERMANENT, -1)
            case MemberFailed():
                self._losses.failed(open_job, event)
            case Settled():
                self._settling.settled(open_job, event.metrics)
            case Lost():
                self._losses.lost(open_job, event.reason)

    def _taken(self, open_job: OpenJob, event: Submitted) -> None:
        """A provider has the job, or one of several that it became."""
        open_job.batches[event.batch] = event.sent
        self._booking.taken(open_job, event.sent.job)
        # Whoever takes the run up has to know what was bought.
        self._secure()
