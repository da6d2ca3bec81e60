"""The imperative shell around the scheduler: one thread that owns it.

Other threads post small functions to the runner's inbox. The thread runs them, hands
the events they caused to the scheduler in one batch, carries out the commands that come
back and writes what happened to the journal in one write. Nothing here decides *what*
runs next; that is the scheduler's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import Any, Literal, Protocol, cast

from quantumflow_lab import core
from quantumflow_lab.amounts import micro
from quantumflow_lab.core import Cause, Outcome, Reason, UnitState
from quantumflow_lab.errors import (
    BudgetReached,
    DeadlinePassed,
    PriceUnknown,
    QuantumFlowError,
    RunCancelled,
    SchedulerBug,
    StepFailed,
    StepSkipped,
    StepTimeout,
    StoreError,
    WorkerLost,
)
from quantumflow_lab.grid import Failed, text_of
from quantumflow_lab.planning.bounds import extra, rate_of, watched
from quantumflow_lab.planning.decide import need_price
from quantumflow_lab.planning.seeds import derive
from quantumflow_lab.ports import (
    Backends,
    Came,
    Clock,
    Cluster,
    JobExecutor,
    Ledger,
    MemberForecast,
    Results,
    Room,
    Sink,
    Stopped,
)
from quantumflow_lab.runner import console, records
from quantumflow_lab.runner.away import away, on_its_way
from quantumflow_lab.runner.blame import hidden
from quantumflow_lab.runner.bodies import (
    Produced,
    call_key,
    completed,
    found_or_left,
    make_task,
    run_body,
)
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.calls import Calls, PendingCall, Waiting
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.fetching import Fetching
from quantumflow_lab.runner.forecasts import Forecasts
from quantumflow_lab.runner.jobs import Jobs
from quantumflow_lab.runner.labels import point_label
from quantumflow_lab.runner.live import MISSING, LiveRun, Output, Role, StepState, Task
from quantumflow_lab.runner.news import News
from quantumflow_lab.runner.past import Past
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.snapshot import final_state, is_busy, snapshot
from quantumflow_lab.runner.telling import cancel_pressed, step_ended
from quantumflow_lab.runner.times import Times

log = logging.getLogger(__name__)

_SNAPSHOT_US = 100_000
"""Shortest time between two snapshots of a run."""
_STILL_US = 2_000_000
"""Longest time, so that a view can tell a quiet run from a kernel that has gone."""
_CLOSE_US = 2_000_000
"""Longest time that a closing lab waits for its runs to end."""
_CLOSE_OPEN_US = 10_000_000
"""The same where a provider has a session open, which is billed until it is closed."""


class Threads(Protocol):
    """Runs functions of steps, as ``quantumflow_lab.workers.StepThreads`` does."""

    def start(
        self,
        key: tuple[int, int],
        call: Callable[[], Any],
        on_end: Callable[[tuple[int, int], Any, BaseException | None], None],
    ) -> None:
        """Run `call` in a thread and tell how it ended."""

    def stop(self, key: tuple[int, int]) -> None:
        """Raise ``Stopped`` in the thread."""

    def close(self) -> None:
        """Stop them all."""


class Runner:
    """Runs plans until they end.

    Parameters
    ----------
    backends, jobs, threads, sink, results, clock, ledger
        The ports it acts through.
    thread_slots
        Classical steps that may run at once.
    worker_slots
        Jobs that simulators may run at once on this machine.
    log
        Takes all that the scheduler is told, for ``qflow replay``.
    """

    def __init__(
        self,
        *,
        backends: Backends,
        jobs: JobExecutor,
        threads: Threads,
        sink: Sink,
        results: Results,
        clock: Clock,
        ledger: Ledger,
        thread_slots: int,
        worker_slots: int,
        log: Callable[[bytes], object] | None = None,
    ):
        self._cache = Cache(backends, results, sink, clock)
        self._backends = backends
        self._executor = jobs
        self._threads = threads
        self._sink = sink
        self._clock = clock
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._schedule = Schedule(
            backends,
            thread_slots=thread_slots,
            worker_slots=worker_slots,
            log=log,
        )
        self._recorder = Recorder(sink, clock)
        self.times = Times()
        self._calls = Calls(self._schedule)
        self._sessions = Sessions(
            backends=backends,
            clock=clock,
            ledger=ledger,
            schedule=self._schedule,
            recorder=self._recorder,
            post=self._post,
            secure=lambda: self._flush(sync=True),
        )
        self._jobs = Jobs(
            executor=jobs,
            backends=backends,
            sink=sink,
            clock=clock,
            schedule=self._schedule,
            recorder=self._recorder,
            calls=self._calls,
            cache=self._cache,
            times=self.times,
            post=self._post,
            answer=self._answer,
            secure=lambda: self._flush(sync=True),
            ledger=ledger,
            sessions=self._sessions,
        )
        self._forecasts = Forecasts(jobs, self._post)
        self._fetching = Fetching(self._jobs, self._recorder, clock)
        self._runs: dict[int, LiveRun] = {}
        self._news = News(self._schedule, clock, backends.known, lambda: self._runs)
        self._by_id: dict[str, LiveRun] = {}
        self._produced: dict[tuple[int, int], Produced | Task] = {}
        """Answers by unit and attempt, until the scheduler credits or drops them."""
        self._failures: dict[int, BaseException] = {}
        """The last failure of each unit that is not final."""
        self._clusters: list[Cluster] = []
        """Those whose room is watched."""
        self._closing = False
        self._left = False
        """Whether runs are left as they are, for another process."""
        self._starting = threading.Lock()
        """Held while a run begins, so that none does behind the last turn."""
        self._end_by: int | None = None
        """When a closing lab leaves, monotonic microseconds."""
        self._thread = threading.Thread(
            target=self._loop, name="qflow-runner", daemon=True
        )
        self._thread.start()

    # Called from any thread.

    def start(self, live: LiveRun) -> None:
        """Begin a run; its future ``finished`` resolves when it has ended.

        Raises
        ------
        SchedulerBug
            If an earlier bug has stopped the runner.
        """
        with self._starting:
            self.check()
            self._by_id[live.id] = live
            console.catch()
            self._post(lambda: self._start(live))

    def check(self) -> None:
        """Refuse when nothing can be started any more.

        Raises
        ------
        SchedulerBug
            If the lab is closed, or an earlier bug has stopped it.
        """
        if self._closing or self._end_by is not None:
            raise SchedulerBug(
                "this lab has stopped; restart the kernel for another one, "
                "what was recorded is kept"
            )

    def cancel(
        self, live: LiveRun, step: str | None = None, point: int | None = None
    ) -> None:
        """Stop a run, one of its steps, or one point of a step."""
        self._post(lambda: self._cancel(live, step, point))

    def pause(self, live: LiveRun, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it."""
        self._post(lambda: self._pause(live, paused=paused))

    def close(self) -> None:
        """Cancel what runs and leave no thread or process behind."""
        self._post(self._close)
        self._thread.join(timeout=_CLOSE_OPEN_US / 1e6 + 2)
        self._executor.close()
        self._threads.close()

    def leave(self) -> None:
        """Stop at once, as a process that dies does, but write what is known first.

        Nothing is cancelled: runs stay unfinished, and their jobs on devices go on.
        """
        self._post(self._leave)
        self._thread.join(timeout=5)

    # Called from threads of steps (the StepPort).

    def emit(self, context: StepContext, mime: str, data: Any) -> None:
        """Show something under the name of a step."""
        self._post(lambda: self._show(context, mime, data))

    def log(self, context: StepContext, name: str, value: float) -> None:
        """Record one value of a metric."""
        self._post(lambda: self._log(context, name, value))

    def call(
        self,
        context: StepContext,
        kind: Literal["sample", "estimate"],
        backend: str | None,
        pubs: Sequence[Any],
        options: Mapping[str, Any],
    ) -> PendingCall:
        """Send PUBs of a loop step through the scheduler."""
        live = self._by_id.get(context.run)
        if live is None:
            raise Stopped  # the step has outlived its run
        made = self._calls.count(context, live.steps[context.step].plan.calls)
        name = backend or context.backend
        need_price(live.plan.budget, self._backends.known(name))
        where = point_label(live, live.steps[context.step], context.point)
        seed_at = derive(live.seed, context.step, where, str(made))
        task = make_task(
            live,
            self._backends,
            kind,
            list(pubs),
            options,
            backend=name,
            others=live.steps[context.step].plan.others,
            seed_at=seed_at,
        )
        state = live.steps[context.step]
        key = call_key(self._backends, kind, name, task)
        number = 0 if key is None else self._calls.number(context, key)
        pending = PendingCall(
            tag=f"{live.id}.{context.step}.{context.point}.{made}",
            parent=context,
            task=task,
            backend=name,
            kind=kind,
            key=key,
            number=number,
            park=lambda call: self._post(lambda: self._calls.park(call)),
            withdraw=lambda call: self._post(lambda: self._calls.withdraw(call)),
        )
        if (known := self._replayed(live, pending)) is not None:
            pending.results = known
            self._post(lambda: self._calls.found(live, state, None, None))
            return pending
        if options.get("cache") is not False:
            call = f"{where} {made}"
            pending.task = self._cache.look(live, state, kind, task, call)
        produced = found_or_left(pending.task, self._sink)
        if isinstance(produced, Produced):
            pending.results = tuple(produced.value)
            self._post(lambda: self._found(live, state, pending, produced))
        else:
            self._post(lambda: self._define_call(live, pending))
        return pending

    def _replayed(self, live: LiveRun, call: PendingCall) -> tuple[Any, ...] | None:
        """The answer that a call had before the run was taken up."""
        replay = live.replays.get((call.parent.step, call.parent.point))
        if replay is None or call.key is None or call.parent.attempt > 1:
            return None
        reference = replay.find((call.key, call.number))
        if reference is None:
            return None
        return tuple(cast("list[Any]", self._sink.get(reference)))

    def rest(self, context: StepContext) -> Waiting:
        """Give the slot of a step back until :meth:`go_on`."""
        waiting = Waiting(context)
        self._post(lambda: self._calls.park(waiting))
        return waiting

    def go_on(self, waiting: Waiting) -> None:
        """Let a step that rests have a slot again, and then go on."""

        def answer() -> None:
            waiting.results = ()
            self._calls.release(waiting)

        self._post(answer)

    def _post(self, action: Callable[[], None]) -> None:
        self._inbox.put(action)

    # The thread.

    def _loop(self) -> None:
        while not self._closing:
            try:
                self._drain()
                self._turn()
                self._leave_if_done()
            except Exception as error:
                # A bug here has to end the runs, or their cells would wait for ever.
                log.exception("the runner failed")
                self._break(error)
        with self._starting:
            late = [] if self._left else list(self._by_id.values())
        for live in late:
            live.state = "cancelled"
            self._finish(live)

    def _drain(self) -> None:
        """Wait for something to do, then do all that waits."""
        try:
            self._inbox.get(timeout=self._patience())()
            while True:
                self._inbox.get_nowait()()
        except Empty:
            return

    def _patience(self) -> float | None:
        """Seconds until something is due, or None."""
        views = [_view_due(live) for live in self._runs.values()]
        times = [self._schedule.next_wake(), self._recorder.due(), *views, self._end_by]
        due = [time for time in times if time is not None]
        if not due:
            return None
        return max(0.0, (min(due) - self._clock.now_us()) / 1e6)

    def _turn(self) -> None:
        """One batch of events, its commands, its records."""
        while True:
            for command in self._schedule.turn(self._clock.now_us()):
                self._carry_out(command)
            if not self._schedule.events:
                break
        self._forecasts.flush()
        self._flush()
        self._refresh()

    def _carry_out(self, command: core.Command) -> None:
        match command:
            case core.Run(unit, attempt):
                self._run(unit, attempt)
            case core.Resume(unit, attempt):
                self._calls.resume(unit, attempt)
            case core.Submit(job, _, members):
                self._jobs.submit(job, members)
            case core.Stop(unit, attempt):
                self._calls.stop(unit, attempt)
                self._threads.stop((unit, attempt))
                for cluster in self._clusters:
                    cluster.stop((unit, attempt))
            case core.StopJob(job):
                self._jobs.stop(job)
            case core.Final(unit, state, attempt, cause):
                self._final(unit, state, attempt, cause)
            case core.Retry(unit, attempt, _):
                self._retrying(unit, attempt)
            case core.Ended(run, outcome):
                self._ended(self._runs[run], outcome)
            case _:
                self._news.tell(command)

    def _found(
        self, live: LiveRun, state: StepState, call: PendingCall, produced: Produced
    ) -> None:
        """A call was answered by what other runs have taken."""
        self._recorder.note(_call_record(live, call, produced.ref, self._clock.wall()))
        self._calls.found(live, state, produced.origin, produced.part)

    def _define_call(self, live: LiveRun, call: PendingCall) -> None:
        self._recorder.note(_call_record(live, call, None, self._clock.wall()))
        names = (call.backend, *live.steps[call.parent.step].plan.others)
        if not self._forecasts_wanted(live, names):
            self._calls.define(live, call)
            return

        def heard(answer: MemberForecast | Exception) -> None:
            if live.number not in self._runs or call.done():
                return
            try:
                forecast = self._take_forecast(live, call.task, answer)
            except QuantumFlowError as error:
                call.error = error
                self._calls.release(call)
            else:
                self._calls.define(live, call, self._extra(live, names, forecast))

        self._forecasts.ask(live, call.kind, call.task, heard)

    def _forecasts_wanted(self, live: LiveRun, names: Sequence[str]) -> bool:
        """Whether the cost on one of these backends depends on circuits there."""
        prices = (watched(self._backends.known(n), live.plan.budget) for n in names)
        return any(price is not None and price.needs_forecast for price in prices)

    def _extra(
        self, live: LiveRun, names: Sequence[str], forecast: MemberForecast
    ) -> Decimal:
        """The most that time and gates of a task may cost, wherever it goes."""
        most = Decimal(0)
        for facts in map(self._backends.known, names):
            price = watched(facts, live.plan.budget)
            if price is not None and price.needs_forecast:
                most = max(most, extra(price, facts, forecast))
        return most

    # Runs and steps.

    def _start(self, live: LiveRun) -> None:
        if self._end_by is not None:
            live.state = "cancelled"
            self._finish(live)
            return
        self._runs[live.number] = live
        if live.cluster is not None:
            self._watch(live.cluster)
            self._tell(live, "cluster", on_its_way(live))
        budget = live.plan.budget
        cap = -1 if budget is None else budget.micro
        self._schedule.events.run(live.number, seed=live.seed, cap=cap)
        if live.plan.deadline is not None:
            self._schedule.events.deadline(live.number, live.deadline_us)
        self._sessions.shut(live, live.left_sessions, lambda: self._fetch(live))

    def _fetch(self, live: LiveRun) -> None:
        """What an earlier process has left takes no more jobs: fetch what it took."""
        if live.number not in self._runs or live.cancelled:
            return
        if live.left:
            self._fetching.begin(live, lambda failure: self._fetched(live, failure))
        else:
            self._begin(live)

    def _fetched(self, live: LiveRun, failure: Exception | None) -> None:
        """The jobs that an earlier process has left are settled, or one cannot be."""
        if live.number not in self._runs or live.cancelled:
            return
        if failure is not None:
            self._give_up(live, failure)
        elif self._flush(sync=True):
            threading.Thread(target=self._renew, args=(live,), daemon=True).start()

    def _renew(self, live: LiveRun) -> None:
        """Let a run see what was fetched; in a thread, as it asks the store."""
        try:
            live.renew()
        except Exception as error:  # noqa: BLE001  # ends this run, and no other
            failure = error
            self._post(lambda: self._give_up(live, failure))
        else:
            self._post(lambda: self._begin(live))

    def _give_up(self, live: LiveRun, failure: Exception) -> None:
        if live.number in self._runs:
            live.error = failure
            self._cancel(live, None, None)

    def _begin(self, live: LiveRun) -> None:
        """Once it is known what was spent before, begin."""
        if live.number in self._runs:
            self._sessions.settle(live, lambda: self._begun(live))

    def _begun(self, live: LiveRun) -> None:
        """Tell the scheduler what the run has spent by now, and what it can count."""
        if live.number not in self._runs or live.cancelled:
            return
        budget = live.plan.budget
        if budget is not None and (spent := live.spent.get(budget.currency)):
            self._schedule.events.spent(live.number, micro(spent))
        self._define(live)

    def _define(self, live: LiveRun) -> None:
        """Tell the scheduler of every step whose points can be counted by now."""
        if live.cancelled or live.is_late(self._clock.now_us()):
            return
        while fresh := live.definable():
            for state in fresh:
                if state.size:
                    self._schedule.define_step(live, state)
                    self._keep(live, state)
                else:
                    self._close_step(live, state)
        if not live.sealed and live.counted:
            live.sealed = True
            self._schedule.events.seal(live.number)

    def _keep(self, live: LiveRun, state: StepState) -> None:
        """Take the points that an earlier run has made and nothing has changed."""
        if live.keeping is None:
            return
        for point, produced in live.keeping.points(state).items():
            assert produced.kept is not None, "that is what keeping finds"
            state.kept[point] = produced.kept
            end, body = int(state.units[point]), state.first_body + point
            self._produced[end, 0] = produced
            self._schedule.events.known(end)
            if end != body:
                self._schedule.events.known(body)
        if state.kept:
            self._repeat(live, state, live.keeping.past)

    def _repeat(self, live: LiveRun, state: StepState, past: Past) -> None:
        """What kept points had logged, and what a step kept as a whole had shown."""
        noted: list[records.Record] = []
        now = self._clock.wall()
        for point, made in state.kept.items():
            for name, values in past.metrics.get((state.name, made.number), {}).items():
                live.metrics[state.name, point, name] = list(values)
                where = live, state.name, point, name
                noted += (
                    records.metric(*where, v, n, now) for n, v in enumerate(values)
                )
        if len(state.kept) == state.size:
            for output in past.outputs:
                if output.step == state.name:
                    live.outputs.append(output)
                    if isinstance(output.data, str):
                        noted.append(records.output(live, output, 0, now))
        for record in noted if not live.taken_up else ():
            self._recorder.note(record)

    def _cancel(self, live: LiveRun, step: str | None, point: int | None) -> None:
        if live.number in self._runs:
            self._tell(live, "cancelled", cancel_pressed(live, step, point))
            live.cancelled = live.cancelled or step is None
            if live.cancelled:
                self._fetching.stop(live)
            self._schedule.cancel(live, step, point)

    def _pause(self, live: LiveRun, *, paused: bool) -> None:
        if live.number not in self._runs or live.paused == paused:
            return
        live.paused, live.dirty = paused, True
        if paused:
            live.paused_at = self._clock.wall()
        else:
            self._rest(live)
        live.message = f"paused; run.resume() or %qflow resume {live.name} goes on"
        if not paused:
            live.message = None
        self._tell(live, "paused" if paused else "resumed", live.message or "resumed")
        self._schedule.events.pause(live.number, paused=paused)
        if paused:
            self._sessions.pause(live)

    def _rest(self, live: LiveRun, only: StepState | None = None) -> None:
        """Count a pause that ends out of the time of the steps that stood still."""
        counts, now = self._schedule.counts(live), self._clock.wall()
        for state in live.steps.values() if only is None else [only]:
            if state.started is None or state.ended is not None:
                continue
            if not is_busy(state, counts):
                since = max(live.paused_at, state.started, state.latest)
                state.rested += max(now - since, 0.0)

    def _run(self, unit: int, attempt: int) -> None:
        live, block, point = self._schedule.find(unit)
        state = block.step
        now = self._clock.wall()
        state.started = state.started or now
        state.began.setdefault(point, now)
        live.dirty = True
        if attempt > 1:
            live.forget_metrics(state.name, point)
        context = StepContext(
            port=self,
            run=live.id,
            step=state.name,
            unit=unit,
            attempt=attempt,
            point=point,
            backend=live.backend_of(state, point),
        )
        if live.cluster is not None and state.name in live.codes:
            self._send_away(live.cluster, live, state, context)
            return
        try:
            self._threads.start(
                (unit, attempt),
                lambda: self._body(live, state, context),
                self._body_ended,
            )
        except RuntimeError as error:
            # The machine has no thread left: this attempt fails, the lab goes on.
            self._answer(unit, attempt, error, Reason.TRANSIENT, -1)

    def _send_away(
        self, cluster: Cluster, live: LiveRun, state: StepState, context: StepContext
    ) -> None:
        """Run the function on a cluster; what follows from its value is done here."""
        options: dict[str, Any] = {}

        def end(key: tuple[int, int], came: Came) -> None:
            for name, value in came.metrics:
                self.log(context, name, value)
            for mime, data in came.outputs:
                self.emit(context, mime, data)
            produced, error = None, came.error
            if error is None:
                try:
                    produced = completed(
                        live,
                        state,
                        context,
                        self._backends,
                        self._sink,
                        self._cache,
                        options,
                        came.value,
                    )
                except Exception as raised:  # noqa: BLE001 - PUBs of the user's
                    error = raised
            self._body_ended(key, produced, error, retries=state.plan.attempts > 1)

        cluster.call(away(live, state, context, options), end)

    def _watch(self, cluster: Cluster) -> None:
        """Follow what a cluster can take."""
        self._resized(cluster.name, cluster.room)
        if cluster not in self._clusters:
            self._clusters.append(cluster)
            cluster.watch(
                lambda room: self._post(lambda: self._resized(cluster.name, room))
            )

    def _resized(self, name: str, room: Room) -> None:
        """Workers have come or gone, or points turn out to be quick."""
        self._schedule.resize(name, room)
        for live in self._runs.values():
            if live.cluster is None or live.cluster.name != name:
                continue
            if room.workers != live.workers:
                live.workers, live.dirty = room.workers, True
                workers = f"{room.workers:,} worker{'s' * (room.workers != 1)}"
                words = f"{name} has {workers} now, {room.threads:,} threads"
                if not room.workers:
                    words = f"{name} has no worker; the run goes on when one comes"
                self._tell(live, "cluster", words)
                live.message = None if room.workers else words

    def _body(
        self, live: LiveRun, state: StepState, context: StepContext
    ) -> Produced | Task:
        """Called in the step's thread."""
        try:
            return run_body(
                live, state, context, self._backends, self._sink, self._cache
            )
        finally:
            console.finish(context)

    def _body_ended(
        self,
        key: tuple[int, int],
        produced: Produced | Task | None,
        error: BaseException | None,
        *,
        retries: bool = True,
    ) -> None:
        """Called in the step's thread, or in one of a cluster's.

        Without `retries` only what is lost is tried again.
        """
        if isinstance(error, Stopped):
            self._post(lambda: self._stopped(key))
        elif error is not None:
            reason = Reason.TRANSIENT if _worth_retrying(error) else Reason.PERMANENT
            if isinstance(error, WorkerLost):
                reason = Reason.LOST
            elif not retries:
                reason = Reason.PERMANENT
            self._post(lambda: self._answer(*key, error, reason, -1))
        elif produced is not None:
            self._post(lambda: self._answer(*key, produced, Reason.PERMANENT, -1))

    def _stopped(self, key: tuple[int, int]) -> None:
        self._schedule.events.stopped(*key)

    def _answer(
        self,
        unit: int,
        attempt: int,
        answer: Produced | Task | BaseException,
        reason: Reason,
        wait_us: int,
    ) -> None:
        """Tell the scheduler how an attempt ended; it decides whether that counts."""
        if self._schedule.final(unit):
            return
        if isinstance(answer, BaseException):
            self._failures[unit] = answer
            self._schedule.events.failed(unit, attempt, reason, retry_after=wait_us)
        else:
            _, block, point = self._schedule.find(unit)
            sends = block.role is Role.BODY and block.step.plan.quantum
            end = int(block.step.units[point]) if sends else unit
            if isinstance(answer, Task):
                live, names = self._schedule.find(unit)[0], _names(block.step, answer)
                if answer.forecast is None and self._forecasts_wanted(live, names):
                    self._forecast(live, block.step, unit, attempt, answer)
                    return
                more = answer.forecast
                dear = Decimal(0) if more is None else self._extra(live, names, more)
                self._schedule.weigh(end, answer, dear)
            elif sends:
                # Other runs have taken all of it: there is nothing to send.
                self._produced[end, 0] = answer
                self._schedule.events.known(end).done(unit, attempt)
                return
            self._produced[unit, attempt] = answer
            self._schedule.events.done(unit, attempt)

    def _forecast(
        self, live: LiveRun, step: StepState, unit: int, attempt: int, task: Task
    ) -> None:
        """Find out what a task will take, then go on with it."""

        def heard(answer: MemberForecast | Exception) -> None:
            try:
                self._take_forecast(live, task, answer)
            except QuantumFlowError as error:
                lost = isinstance(error, WorkerLost)
                reason = Reason.TRANSIENT if lost else Reason.PERMANENT
                self._answer(unit, attempt, error, reason, -1)
            else:
                self._answer(unit, attempt, task, Reason.PERMANENT, -1)

        kind = cast("Literal['sample', 'estimate']", step.plan.kind)
        self._forecasts.ask(live, kind, task, heard)

    def _take_forecast(
        self, live: LiveRun, task: Task, answer: MemberForecast | Exception
    ) -> MemberForecast:
        """Keep what a task will take; raise why it cannot run, or be watched."""
        if isinstance(answer, Exception):
            raise answer
        facts = self._backends.known(task.backend)
        price = watched(facts, live.plan.budget)
        timed = price is not None and rate_of(price)
        if timed and answer.busy_s is None and live.plan.budget is not None:
            raise PriceUnknown(
                f"a budget in {live.plan.budget.currency} cannot be kept: "
                f"'{task.backend}' is billed by time, and its target does not tell how "
                "long circuits take; run it without a budget, or give it a price by "
                "shots",
                backend=task.backend,
            )
        task.forecast = answer
        return answer

    def _retrying(self, unit: int, attempt: int) -> None:
        live, block, _ = self._schedule.find(unit)
        live.dirty = True
        why = hidden(self._failures.get(unit))
        words = f"{block.step.name}: try {attempt} failed, trying again ({why})"
        self._tell(live, "retried", words, same=block.step.name)
        if not live.paused:
            live.message = words

    # Final states.

    def _final(self, unit: int, state: UnitState, attempt: int, cause: Cause) -> None:
        live, block, point = self._schedule.find(unit)
        produced = self._produced.pop((unit, attempt), None)
        failure = self._failures.pop(unit, None)
        live.dirty = True
        done = state is UnitState.DONE
        if block.role is Role.CALL:
            self._call_final(live, block.step, unit, state, produced, failure)
            return
        step = block.step
        if isinstance(produced, Task):
            step.tasks[point] = produced
            return
        if step.values[point] is not MISSING:
            return
        if done and produced is not None:
            step.values[point], step.refs[point] = produced.value, produced.ref
            step.take_note(produced.origin, produced.part, point)
            step.done += 1
            live.watch.ended(step.name, point)
        else:
            error = _reason(live, step, point, state, cause, failure)
            self._no_value(step, point, state, attempt, error)
        step.tasks.pop(point, None)
        self._calls.forget(unit, attempt)
        self._point_final(live, step, point, state, attempt)

    def _call_final(
        self,
        live: LiveRun,
        step: StepState,
        unit: int,
        state: UnitState,
        produced: Produced | Task | None,
        failure: BaseException | None,
    ) -> None:
        if isinstance(produced, Produced) and state is UnitState.DONE:
            if (call := self._calls.find(unit)) is not None:
                now = self._clock.wall()
                self._recorder.note(_call_record(live, call, produced.ref, now))
            self._calls.end(unit, tuple(produced.value), None)
        elif state is UnitState.FAILED:
            self._calls.end(unit, None, _call_error(step, failure))
        else:
            self._calls.end(unit, None, None)

    def _no_value(
        self,
        step: StepState,
        point: int,
        state: UnitState,
        attempt: int,
        error: BaseException,
    ) -> None:
        """Put a ``Failed`` where a value should be, and count it."""
        job = getattr(error, "facts", {}).get("job")
        step.values[point] = Failed(type(error).__name__, text_of(error), attempt, job)
        if state is UnitState.FAILED or isinstance(
            error, BudgetReached | DeadlinePassed
        ):
            step.failed += 1
            step.exceptions[point] = error
        elif state is UnitState.SKIPPED:
            step.skipped += 1
        else:
            step.cancelled += 1

    def _point_final(
        self,
        live: LiveRun,
        step: StepState,
        point: int,
        state: UnitState,
        attempt: int,
    ) -> None:
        now = self._clock.wall()
        name = "failed" if point in step.exceptions else state.name.lower()
        if not (live.taken_up and point in step.kept):
            self._recorder.note(records.point(live, step, point, name, attempt, now))
        step.open -= 1
        if step.open == 0 and live.paused:
            self._rest(live, step)
        step.latest = now
        if step.open == 0:
            self._close_step(live, step)
            self._define(live)

    def _close_step(self, live: LiveRun, step: StepState) -> None:
        """Every point of a step is final: steps that map over it can be counted."""
        step.ended = self._clock.wall()
        self._recorder.note(records.step(live, step, final_state(step), step.ended))
        self._tell(live, *step_ended(live, step))
        live.open_maps(step)

    def _ended(self, live: LiveRun, outcome: Outcome) -> None:
        """Nothing of it is out any more; what it has opened is closed first."""
        self._fetching.stop(live)
        self._sessions.end(live, lambda: self._over(live, outcome))

    def _over(self, live: LiveRun, outcome: Outcome) -> None:
        if live.number not in self._runs:
            return  # a closing lab has waited long enough
        if live.paused:
            live.paused, live.message = False, None
        live.state = outcome.name.lower()
        if live.short and outcome is Outcome.DONE:
            live.state = "paused"
        if live.error is not None:
            live.state = "failed"
        live.ended_us = self._clock.now_us()
        wall = (live.ended_us - live.started_us) / 1e6
        self._recorder.note(records.ended(live, self._clock.wall(), wall))
        self._flush(sync=True)
        if live.error is not None:
            live.state, live.message = "failed", str(live.error)
        self._view(live)
        del self._runs[live.number]
        self._finish(live)

    def _finish(self, live: LiveRun) -> None:
        """Let go of a run, and of whoever waits for it."""
        console.release()
        self._schedule.forget(live)
        self._sessions.forget(live)
        self._by_id.pop(live.id, None)
        # Else it would hold the run before it, and that the one before.
        live.keeping, live.replays = None, {}
        if live.cluster is not None:
            for code in live.codes.values():
                live.cluster.forget(code)
        live.let_go()
        live.finished.set_result(None)

    # What others see.

    def _tell(
        self, live: LiveRun, kind: str, words: str, *, same: str | None = None
    ) -> None:
        live.watch.story.tell(kind, words, self._clock.wall(), same=same)

    def _flush(self, *, sync: bool = False) -> bool:
        try:
            if self._recorder.flush(sync=sync):
                self._cache.flush()
        except StoreError as error:
            self._unrecorded(error)
            return False
        return True

    def _unrecorded(self, error: StoreError) -> None:
        """The journal cannot be written: stop rather than run what would be lost."""
        for live in self._runs.values():
            if live.error is None:
                live.error = error
                self._cancel(live, None, None)

    def _log(self, context: StepContext, name: str, value: float) -> None:
        live = self._by_id.get(context.run)
        if live is None:
            return
        key = context.step, context.point, name
        values = live.metrics.setdefault(key, [])
        now = self._clock.wall()
        record = records.metric(
            live, context.step, context.point, name, value, len(values), now
        )
        values.append(value)
        live.dirty = True
        self._recorder.note(record)

    def _show(self, context: StepContext, mime: str, data: Any) -> None:
        live = self._by_id.get(context.run)
        if live is None:
            return
        output = Output(context.step, mime, data)
        live.outputs.append(output)
        if isinstance(data, str):
            now = self._clock.wall()
            self._recorder.note(records.output(live, output, context.point, now))

    def _refresh(self) -> None:
        now = self._clock.now_us()
        for live in self._runs.values():
            if now >= _view_due(live):
                live.view_due = now + _SNAPSHOT_US
                self._view(live)

    def _view(self, live: LiveRun) -> None:
        """Renew what widgets see of a run."""
        counts = self._schedule.counts(live)
        live.reserved = self._schedule.reserved(live) + self._sessions.held(live)
        live.view = snapshot(live, counts, self._clock.now_us())
        live.dirty = False

    # The end.

    def _close(self) -> None:
        self._jobs.closing = True
        for live in self._runs.values():
            self._cancel(live, None, None)
        patience = _CLOSE_OPEN_US if self._sessions.busy else _CLOSE_US
        self._end_by = self._clock.now_us() + patience

    def _leave(self) -> None:
        self._flush(sync=True)
        self._closing = self._left = True

    def _leave_if_done(self) -> None:
        """A closing lab waits for the last words of its runs, but not for long."""
        if self._end_by is None:
            return
        if self._runs and self._clock.now_us() < self._end_by:
            return
        for live in self._runs.values():
            live.state = "cancelled"
            self._finish(live)
        self._runs.clear()
        self._closing = True

    def _break(self, error: Exception) -> None:
        """End every run with a bug's error: the schedule cannot be trusted any more."""
        self._closing = True
        for live in self._runs.values():
            # Not recorded any more, but a session is billed until it is closed.
            try:
                self._sessions.end(live, lambda: None)
            except Exception:  # perhaps the very bug, and the run has to end
                log.exception("sessions of run %s may be open", live.id)
            live.state, live.error = "failed", error
            live.ended_us = self._clock.now_us()
            self._finish(live)
        self._runs.clear()
        self._executor.close()


def _names(step: StepState, task: Task) -> tuple[str, ...]:
    """Where a task may go."""
    return task.backend, *step.plan.backends, *step.plan.others


def _view_due(live: LiveRun) -> int:
    """When a run wants a new snapshot, monotonic microseconds."""
    return live.view_due if live.dirty else live.view_due + _STILL_US


def _call_record(
    live: LiveRun, call: PendingCall, value: Mapping[str, Any] | None, now: float
) -> records.Record:
    where = call.parent.step, call.parent.point
    return records.call(live, *where, call.key, call.number, value, now)


def _call_error(step: StepState, failure: BaseException | None) -> Exception:
    if isinstance(failure, Exception):
        return failure
    return StepFailed(f"a quantum call of step '{step.name}' got no answer in time")


def _worth_retrying(error: BaseException) -> bool:
    """Whether another try may help: not with what we refuse, nor with an exit."""
    if isinstance(error, WorkerLost):
        return True
    return isinstance(error, Exception) and not isinstance(error, QuantumFlowError)


def _reason(
    live: LiveRun,
    step: StepState,
    point: int,
    state: UnitState,
    cause: Cause,
    failure: BaseException | None,
) -> BaseException:
    """The error that stands for a point without a value."""
    if step.name in live.short and cause in (Cause.BUDGET, Cause.CANCELLED):
        return live.short[step.name]
    if cause is Cause.DEADLINE:
        return DeadlinePassed(
            f"step '{step.name}' was stopped at the deadline of {live.plan.deadline:g} "
            "s; give the run more time or less to do",
            step=step.name,
        )
    if cause is Cause.TIMEOUT:
        return StepTimeout(
            f"step '{step.name}' took longer than its timeout of "
            f"{step.plan.timeout:g} s; raise timeout= or give it less to do",
            step=step.name,
        )
    if state is UnitState.FAILED and failure is not None:
        return failure
    if state is UnitState.SKIPPED:
        return StepSkipped(
            f"step '{step.name}' did not run because {live.missing(step, point)}"
        )
    if state is UnitState.FAILED:
        return StepFailed(f"step '{step.name}' failed without a reason")
    return RunCancelled(f"step '{step.name}' was cancelled")
