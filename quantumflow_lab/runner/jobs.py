"""Jobs on their way to backends and back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any, Protocol, cast

from quantumflow_lab.amounts import Money, micro
from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.core import Reason
from quantumflow_lab.errors import (
    BackendError,
    BackendFailed,
    BadShots,
    BudgetReached,
    JobCancelled,
    JobNeverArrived,
    JobUnanswered,
    JournalFull,
    SessionClosed,
    StoreError,
    WorkerLost,
)
from quantumflow_lab.grid import text_of
from quantumflow_lab.planning.billing import NOTHING, Bill, Ended, Rule, bill
from quantumflow_lab.planning.bounds import (
    MARGIN,
    extra,
    most_seconds,
    per_circuit,
    rate_of,
    reserve,
    together,
    usage_of,
    watched,
)
from quantumflow_lab.planning.modes import in_session
from quantumflow_lab.planning.seeds import derive
from quantumflow_lab.planning.timing import Estimate, Model
from quantumflow_lab.ports import (
    Accepted,
    BackendFacts,
    Backends,
    Clock,
    Fault,
    JobEvent,
    JobExecutor,
    JobMetrics,
    JobRequest,
    Ledger,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    Phase,
    Progress,
    Sent,
    Settled,
    Sink,
    Submitted,
)
from quantumflow_lab.price import Price, Usage
from quantumflow_lab.runner import records, telling
from quantumflow_lab.runner.bodies import Produced, finished
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.calls import Calls
from quantumflow_lab.runner.left import LeftJob, LeftMember, packed
from quantumflow_lab.runner.live import Block, Kind, LiveRun, StepState, Task
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.times import Times, predicted
from quantumflow_lab.runner.traces import Trace

log = logging.getLogger(__name__)
Quoted = tuple[Decimal, Decimal, Decimal]
"""The least, the expected and the most."""

Answer = Callable[[int, int, Produced | Exception, Reason, int], None]
"""Takes a unit, its attempt, its value or why it has none, of what sort that is, and
how many microseconds to wait at least before another try, or -1."""


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


_SILENCE_S = 60.0
"""Seconds after which a runner that does not answer has stopped."""
ACCOUNT_S = 5.0
"""Seconds in which a provider is asked what a job that was stopped has cost."""
_MAY_GO_ON = "; it may go on there, so look there before you run the step again"

_STEP_APART = 10**9
"""Seeds between steps that share a job; no step has so many circuits."""

_REASONS = {
    Fault.TRANSIENT: Reason.TRANSIENT,
    Fault.PERMANENT: Reason.PERMANENT,
    Fault.TOO_BIG: Reason.TOO_BIG,
    Fault.REFUSED: Reason.REFUSED,
}


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
        self._sessions = sessions
        self._executor = executor
        self._backends = backends
        self._sink = sink
        self._clock = clock
        self._schedule = schedule
        self._recorder = recorder
        self._calls = calls
        self._cache = cache
        self._times = times
        self._post = post
        self._answer = answer
        self._secure = secure
        self._ledger = ledger
        self.closing = False
        """Whether the lab is closed, so that nobody waits for what jobs have cost."""
        self._open: dict[int, OpenJob] = {}
        self._fetched = count(-1, -1)
        """Numbers of fetched jobs, which the scheduler does not know."""

    def submit(self, job: int, members: Sequence[tuple[int, int]]) -> None:
        """Send a job of units and attempts, of one run and one backend."""
        live, block, _ = self._schedule.find(members[0][0])
        assert block.ways is not None, "members of jobs have a backend"
        backend = block.ways.backend
        kind = self._kind(block, members[0][0])
        tasks = {unit: self._task(unit) for unit, _ in members}
        taken = [m for m in members if self._takes(m, tasks[m[0]], kind, backend)]
        if not taken:
            self._schedule.events.settled(job).bill(job, 0)
            return
        request = JobRequest(
            job=job,
            tag=records.tag(live.id, live.epoch, job),
            kind=kind,
            backend=backend,
            members=tuple(
                _member(*member, tasks[member[0]], self._apart(member[0], block.step))
                for member in taken
            ),
            seed=derive(live.seed, block.step.name, backend),
            site=live.site_of(facts := self._backends.known(backend)),
            mode=live.plan.mode,
        )
        now = self._clock.wall()
        price = watched(facts, live.plan.budget)
        if price is not None and rate_of(price):
            expected = together(task.forecast for task in tasks.values())
            request = replace(request, most_s=most_seconds(price, facts, expected))
        open_job = OpenJob(
            owner=_Scheduled(self._schedule, job, self._answer),
            number=job,
            live=live,
            states=self._states(taken),
            request=request,
            submitted=now,
            tasks=tasks,
            unanswered=set(taken),
            price=price,
            facts=facts,
            device=not facts.simulator,
            model=self._times.model(facts),
        )
        self._open[job] = open_job
        why = self._kept_back(open_job, price)
        if why is not None:
            name = block.step.name
            error = BudgetReached(f"step '{name}' stopped: {why}", step=name)
            self._abandon(open_job, error)
            return
        self._record(
            open_job,
            "intended",
            asked=self._asked(request, price) if open_job.device else None,
        )
        self._hand_over(open_job)

    def _kept_back(self, open_job: OpenJob, price: Price | None) -> str | None:
        """Have the ledger keep back what a job may cost; why it does not."""
        if price is None or price.free:
            return None
        most = Money(_bound(open_job), price.currency)
        try:
            return self._ledger.reserve(open_job.request.tag, most)
        except StoreError as error:
            return f"what its next job costs cannot be written down: {error.message}"

    def _settle(self, tag: str, cost: Decimal) -> None:
        try:
            self._ledger.settle(tag, cost)
        except StoreError as error:
            # It counts as the most that it may have cost until somebody can write.
            log.warning("the cost of %s cannot be written down: %s", tag, error)

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
        open_job.counted = _bound(open_job)
        self._open[number] = open_job
        self._hand_over(open_job)
        return number

    def _hand_over(self, open_job: OpenJob) -> None:
        for state in open_job.states:
            state.jobs += 1
            state.used.add(open_job.request.backend)
        open_job.trace = open_job.live.watch.traces.open(
            open_job.request.tag,
            tuple(state.name for state in open_job.states),
            open_job.request.backend,
            self._clock.wall(),
            circuits=open_job.asked.circuits,
            shots=open_job.asked.shots,
        )
        self._tell(open_job, "submitted", telling.job_handed_over(open_job))
        self._execute(open_job)

    def _execute(self, open_job: OpenJob) -> None:
        """Send it, as soon as there is the session that it is sent in."""
        request = open_job.request
        if request.mode == "job" or request.sent_as is not None:
            self._send(open_job)
            return
        open_job.waiting = True
        self._sessions.want(
            open_job.live,
            request.backend,
            request.most_s,
            lambda found: self._in_session(open_job, found),
        )

    def _in_session(self, open_job: OpenJob, found: str | Exception) -> None:
        """What a job waited for is there, or why it is not."""
        open_job.waiting = False
        where = open_job.live, open_job.request.backend
        if self._open.get(open_job.number) is not open_job:
            if isinstance(found, str):
                self._sessions.over(*where, found)
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
        self._abandon(open_job, error, _REASONS[Fault(fault)])

    def _send(self, open_job: OpenJob) -> None:
        self._executor.submit(
            replace(open_job.request, job=open_job.number),
            lambda event: self._event(open_job, event),
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

        self._post(answer)
        try:
            return said.result(_SILENCE_S)
        except TimeoutError:
            # Unless it is about to answer, nobody asks any more.
            return not said.cancel() and said.result()

    def _sending(self, open_job: OpenJob, batch: int) -> bool:
        """A batch is about to be sent, which has to be on the disk before."""
        if open_job.stopping or self._open.get(open_job.number) is not open_job:
            return False
        open_job.batches[batch] = Sent(None)
        self._record(open_job, "sent")
        if self._secure():
            return True
        del open_job.batches[batch]
        why = "the job could not be recorded, so it was not sent"
        self._abandon(open_job, JournalFull(why))
        return False

    def _asked(
        self, request: JobRequest, price: Price | None
    ) -> Mapping[str, Any] | None:
        """Where the store keeps what a job asks; None if it cannot."""
        members = []
        for member in request.members:
            live, block, point = self._schedule.find(member.unit)
            call = self._calls.find(member.unit)
            if call is not None and call.key is None:
                return None  # nobody would know the call again
            members.append(
                LeftMember(
                    place=records.place(live, block.step, point),
                    attempt=member.attempt,
                    began=block.step.began.get(point),
                    call=None if call is None else (call.key or "", call.number),
                    task=self._task(member.unit),
                )
            )
        return self._sink.put(packed(request, members, price))

    def _takes(
        self, member: tuple[int, int], task: Task, kind: Kind, backend: str
    ) -> bool:
        """Whether a backend that stands in takes this member; if not, answer it."""
        if task.backend == backend:
            return True
        options = task.options
        try:
            self._backends.preflight(
                backend,
                kind,
                task.pubs,
                options.get("options", {}),
                options.get("transpile", {}),
            )
        except (BackendError, BadShots) as error:
            self._answer(*member, error, Reason.REFUSED, -1)
            return False
        task.backend = backend
        return True

    def stop(self, job: int) -> None:
        """Stop a job that nobody waits for any more."""
        if (open_job := self._open.get(job)) is not None:
            open_job.stopping = True
            if open_job.waiting:
                self._lost(open_job, "cancelled")
            else:
                self._executor.cancel(job)

    def leave(self, job: int) -> None:
        """Hear no more of a job; what is recorded says that it may go on."""
        if (open_job := self._open.pop(job, None)) is not None:
            open_job.show(None)
            self._executor.cancel(job)

    def _apart(self, unit: int, first: StepState) -> int:
        """Keeps seeds of steps apart that share a job, and with it the base."""
        _, block, _ = self._schedule.find(unit)
        return 0 if block.step is first else block.step.index * _STEP_APART

    def _states(self, members: Sequence[tuple[int, int]]) -> tuple[StepState, ...]:
        """The steps of members, each once, in their order."""
        blocks = (self._schedule.find(unit)[1] for unit, _ in members)
        return tuple({id(block.step): block.step for block in blocks}.values())

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
                open_job.show(event.phase)
                self._trace(open_job, event.phase)
            case MemberDone(_, unit, attempt):
                assert produced is not None, "made before the event was posted"
                if (unit, attempt) not in open_job.unanswered:
                    return  # said before the job was lost, and fetched
                open_job.unanswered.discard((unit, attempt))
                open_job.answers += 1
                open_job.owner.answer(unit, attempt, produced, Reason.PERMANENT, -1)
            case MemberFailed():
                self._failed(open_job, event)
            case Settled():
                self._settled(open_job, event.metrics)
            case Lost():
                self._lost(open_job, event.reason)

    def _taken(self, open_job: OpenJob, event: Submitted) -> None:
        """A provider has the job, or one of several that it became."""
        name = event.sent.job
        open_job.batches[event.batch] = event.sent
        if open_job.trace is not None:
            open_job.trace.provider_job = name
        self._tell(open_job, "sent", telling.job_taken(open_job, name))
        self._record(open_job, "sent")
        # Whoever takes the run up has to know what was bought.
        self._secure()

    def _settled(self, open_job: OpenJob, metrics: JobMetrics) -> None:
        if not open_job.answers:
            never = _ended(open_job, "settled") is Ended.NEVER
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
            self._over(open_job, "cancelled", metrics, why)
        elif open_job.unheard:
            # It may go on, so that it can be asked for when the run is taken up.
            self._over(open_job, "sent", metrics, open_job.failure)
        else:
            self._over(open_job, "settled", metrics, why)

    def _failed(self, open_job: OpenJob, event: MemberFailed) -> None:
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
        reason, error = _REASONS[event.fault], event.error
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
        if self._sessions.gone(open_job.live, request.backend, name):
            return Reason.LOST, error
        twice = SessionClosed(
            f"{error.message}, as was one before it: run it with --mode job, or see "
            "what its plan allows",
        )
        twice.facts = error.facts
        return Reason.PERMANENT, twice

    def _abandon(
        self,
        open_job: OpenJob,
        error: Exception,
        reason: Reason = Reason.PERMANENT,
    ) -> None:
        for unit, attempt in sorted(open_job.unanswered):
            open_job.owner.answer(unit, attempt, error, reason, -1)
        self._over(open_job, "cancelled", JobMetrics(), text_of(error))

    def _lost(self, open_job: OpenJob, reason: str) -> None:
        request, step = open_job.request, open_job.states[0].name
        fetching = request.sent_as is not None
        # What a device may have taken is fetched, and not sent again.
        open_there = bool(open_job.batches)
        asks = not (open_job.stopping and self.closing)
        if open_there and not fetching and asks:
            heard = any(sent.job for sent in open_job.batches.values())
            if self._backends.fetches(request.backend, request.kind, heard=heard):
                open_job.request = replace(request, sent_as={**open_job.batches})
                if open_job.stopping:
                    self._account(open_job, reason)
                self._execute(open_job)
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
        self._over(open_job, stage, JobMetrics(), reason)

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
            if self._open.get(open_job.number) is open_job:
                self._executor.cancel(open_job.number)

        timer = threading.Timer(ACCOUNT_S, lambda: self._post(enough))
        timer.daemon = True
        timer.start()

    def _over(
        self,
        open_job: OpenJob,
        stage: str,
        metrics: JobMetrics,
        error: str | None = None,
    ) -> None:
        live = open_job.live
        for piece in open_job.pieces:
            where = piece.unit, piece.attempt
            open_job.owner.answer(*where, piece.error, Reason.TOO_BIG, -1)
        del self._open[open_job.number]
        open_job.show(None)
        if (name := open_job.request.session) is not None:
            self._sessions.over(live, open_job.request.backend, name)
        live.machine_s += metrics.machine_s(device=open_job.device)
        billed = _billed(open_job, stage, metrics)
        cost = billed.amount
        if open_job.price is not None:
            if stage != "sent":
                self._settle(open_job.request.tag, cost)
            currency = open_job.price.currency
            spent = live.spent.get(currency, Decimal(0))
            live.spent[currency] = spent + cost - open_job.counted
        facts = self._backends.known(open_job.request.backend)
        ran = stage == "settled" and open_job.answers > 0
        said = predicted(open_job.model, facts, metrics) if ran else None
        self._record(open_job, stage, metrics, error, billed, predicted=said)
        self._told_over(open_job, stage, cost, error)
        open_job.owner.over(cost)
        if ran:
            self._times.ended(facts, metrics)

    def _trace(self, open_job: OpenJob, phase: Phase) -> None:
        if open_job.trace is not None:
            open_job.trace.enter(phase, self._clock.wall())
        if open_job.device:
            self._tell(open_job, str(phase), telling.job_does(open_job, phase))

    def _told_over(
        self, open_job: OpenJob, stage: str, cost: Decimal, error: str | None
    ) -> None:
        why = None if error is None else Secrets.of().hide_text(error)
        self._tell(open_job, stage, telling.job_over(open_job, stage, cost, why))
        if (trace := open_job.trace) is not None:
            trace.ended, trace.state = self._clock.wall(), stage
            if open_job.price is not None:
                trace.cost = str(Money(cost, open_job.price.currency))

    def _tell(self, open_job: OpenJob, kind: str, words: str) -> None:
        """Jobs on this machine are many: those of a step are told as one."""
        request = open_job.request
        names = tuple(state.name for state in open_job.states)
        same = request.tag if open_job.device else (names, request.backend)
        now = self._clock.wall()
        open_job.live.watch.story.tell(kind, words, now, same=same)

    def _record(
        self,
        open_job: OpenJob,
        stage: str,
        metrics: JobMetrics | None = None,
        error: str | None = None,
        billed: Bill | None = None,
        asked: Mapping[str, Any] | None = None,
        predicted: Estimate | None = None,
    ) -> None:
        self._recorder.note(
            records.job(
                open_job.live,
                open_job.states[0],
                open_job.request,
                stage,
                submitted=open_job.submitted,
                now=self._clock.wall(),
                metrics=metrics,
                batches=open_job.batches,
                error=error,
                # Should this process die, it counts as what it may have cost.
                billed=billed or _billed(open_job, stage),
                quoted=_quoted(open_job),
                answered=open_job.answers,
                device=open_job.device,
                currency=open_job.price.currency if open_job.price else None,
                asked=asked,
                predicted=predicted,
            )
        )


def _billed(open_job: OpenJob, stage: str, metrics: JobMetrics | None = None) -> Bill:
    """What a job costs by what is known of it."""
    if open_job.price is None:
        return NOTHING
    known = metrics or JobMetrics()
    ended = _ended(open_job, stage)
    price = alone = open_job.price
    if ended is not Ended.UNKNOWN:
        price = in_session(alone, open_job.request.mode)
    found = bill(
        price,
        ended,
        most=_bound(open_job, price),
        ran=_ran(open_job, known),
        used=known.usage,
        provider=known.provider,
    )
    covered = price is not alone and rate_of(alone) and price.free
    if covered and found.rule not in (Rule.NOT_TAKEN, Rule.NOT_CHARGED):
        return replace(found, rule=Rule.SESSION)
    return found


def _ended(open_job: OpenJob, stage: str) -> Ended:
    """What became of a job, for its bill."""
    sent = bool(open_job.batches) if open_job.device else stage != "intended"
    if not sent:
        return Ended.NEVER
    known = stage == "settled" or open_job.accounted
    if not known or open_job.untold:
        return Ended.UNKNOWN
    if open_job.answers:
        whole = not (open_job.failed or open_job.cancelled)
        return Ended.DONE if whole else Ended.PART
    if open_job.never:
        return Ended.NEVER
    if open_job.failed or open_job.cancelled:
        return Ended.FAILED if open_job.failed else Ended.CANCELLED
    # What a provider has taken it may bill, whatever we could read of it.
    return Ended.PART if open_job.taken else Ended.NEVER


def is_settled_by(error: Exception) -> bool:
    """Whether an error is a provider's last word on a job."""
    failed_there = isinstance(error, BackendFailed) and "job" in error.facts
    return failed_there or isinstance(error, JobCancelled | JobNeverArrived)


def _bound(open_job: OpenJob, price: Price | None = None) -> Decimal:
    """The most that a job may cost, by its price or another."""
    price = price or open_job.price
    if price is None:
        return Decimal(0)
    tasks = [open_job.tasks[member.unit] for member in open_job.request.members]
    asked = open_job.asked
    most = reserve(price) + asked.circuits * per_circuit(price)
    most += asked.shots * price.per_shot
    return most + extra(price, open_job.facts, together(t.forecast for t in tasks))


def _ran(open_job: OpenJob, metrics: JobMetrics) -> Usage:
    """What a job has used, as far as nobody tells: as was expected."""
    expected = _expected(open_job)
    return replace(expected, circuits=metrics.circuits, shots=metrics.shots)


def _expected(open_job: OpenJob) -> Usage:
    """What was to be expected of what arrived."""
    absent = set(map(id, open_job.absent))
    ran = (task for task in open_job.tasks.values() if id(task) not in absent)
    forecast = together(task.forecast for task in ran)
    assert open_job.price is not None, "asked of jobs that cost something"
    return usage_of(open_job.price, open_job.facts, forecast, jobs=1)


def _quoted(open_job: OpenJob) -> Quoted | None:
    """What a job was to cost, where that follows from what it asks."""
    if open_job.price is None:
        return None
    price = in_session(open_job.price, open_job.request.mode)
    if not price.needs_forecast:
        cost = price.of(open_job.asked)
        return cost, cost, cost
    if any(task.forecast is None for task in open_job.tasks.values()):
        return None
    asked = open_job.asked
    usage = replace(_expected(open_job), circuits=asked.circuits, shots=asked.shots)
    cost = price.of(usage)
    return cost / MARGIN, cost, cost * MARGIN


def _member(unit: int, attempt: int, task: Task, apart: int) -> Member:
    return Member(
        unit=unit,
        attempt=attempt,
        pubs=task.pubs,
        seed_index=task.seed_index + apart,
        **task.options,
    )
