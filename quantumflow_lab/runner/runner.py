"""The imperative shell around the scheduler: one thread that owns it.

Other threads post small functions to the runner's inbox. The thread runs them, hands
the events they caused to the scheduler in one batch, carries out the commands that come
back and writes what happened to the journal in one write. Nothing here decides *what*
runs next; that is the scheduler's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from quantumflow_lab import core
from quantumflow_lab.errors import SchedulerBug, StoreError
from quantumflow_lab.ports import Backends, Clock, JobExecutor, Ledger, Results, Sink
from quantumflow_lab.runner import console
from quantumflow_lab.runner.answers import Answers
from quantumflow_lab.runner.attempts import Attempts, Threads
from quantumflow_lab.runner.beginning import Beginning
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.calls import Calls
from quantumflow_lab.runner.ending import Ending
from quantumflow_lab.runner.fetching import Fetching
from quantumflow_lab.runner.finals import Finals
from quantumflow_lab.runner.forecasts import Forecasts
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.jobs import Jobs
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.news import News
from quantumflow_lab.runner.outputs import Outputs
from quantumflow_lab.runner.pauses import Pauses
from quantumflow_lab.runner.port import Port
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.rooms import Rooms
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.runner.steps import Steps
from quantumflow_lab.runner.times import Times
from quantumflow_lab.runner.unbegun import Unbegun
from quantumflow_lab.runner.views import Views

log = logging.getLogger(__name__)

_CLOSE_US = 2_000_000
"""Longest time that a closing lab waits for its runs to end."""
_CLOSE_OPEN_US = 10_000_000
"""The same where a provider has a session open, which is billed until it is closed."""


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
        self._executor = jobs
        self._threads = threads
        self._clock = clock
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.times = Times()
        self._going = going = Going()
        self._cache = Cache(backends, results, sink, clock)
        self._recorder = Recorder(sink, clock)
        self._schedule = Schedule(
            backends,
            thread_slots=thread_slots,
            worker_slots=worker_slots,
            log=log,
        )
        self._calls = Calls(self._schedule)
        self._forecasts = Forecasts(jobs, self._post)
        self._sessions = Sessions(
            backends=backends,
            clock=clock,
            ledger=ledger,
            schedule=self._schedule,
            recorder=self._recorder,
            post=self._post,
            secure=self._secure,
        )
        self._answers = Answers(self._schedule, self._forecasts, backends)
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
            answer=self._answers.answer,
            secure=self._secure,
            ledger=ledger,
            sessions=self._sessions,
        )
        self._views = Views(going, self._schedule, self._sessions, clock)
        self._news = News(
            self._schedule, clock, backends.known, going, self._calls.blame
        )
        self._pauses = Pauses(self._schedule, self._sessions, clock)
        steps = Steps(self._schedule, self._answers, self._recorder, clock, self._post)
        self._finals = Finals(
            schedule=self._schedule,
            answers=self._answers,
            calls=self._calls,
            steps=steps,
            pauses=self._pauses,
            recorder=self._recorder,
            clock=clock,
        )
        rooms = Rooms(self._schedule, going, clock, self._post)
        self._attempts = Attempts(
            port=Port(
                post=self._post,
                going=going,
                outputs=Outputs(going, self._recorder, clock),
                calls=self._calls,
                forecasts=self._forecasts,
                cache=self._cache,
                recorder=self._recorder,
                backends=backends,
                sink=sink,
                clock=clock,
            ),
            post=self._post,
            schedule=self._schedule,
            answers=self._answers,
            rooms=rooms,
            cache=self._cache,
            threads=threads,
            backends=backends,
            sink=sink,
            clock=clock,
        )
        fetching = Fetching(self._jobs, self._recorder, clock)
        self._ending = Ending(
            going=going,
            schedule=self._schedule,
            sessions=self._sessions,
            fetching=fetching,
            recorder=self._recorder,
            views=self._views,
            clock=clock,
            secure=self._secure,
        )
        self._beginning = Beginning(
            going=going,
            schedule=self._schedule,
            sessions=self._sessions,
            fetching=fetching,
            rooms=rooms,
            steps=steps,
            ending=self._ending,
            clock=clock,
            post=self._post,
            secure=self._secure,
        )
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
            self._going.named[live.id] = live
            console.catch()
            self._post(lambda: self._begin(live))

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
        self._post(lambda: self._ending.cancel(live, step, point))

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
            if not self._left:
                self._ending.refuse_late()

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
        times = [self._schedule.next_wake(), self._recorder.due(), self._end_by]
        due = [*self._views.due(), *(time for time in times if time is not None)]
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
        self._views.refresh()

    def _carry_out(self, command: core.Command | Unbegun) -> None:
        match command:
            case core.Run(unit, attempt):
                self._attempts.run(unit, attempt)
            case core.Resume(unit, attempt):
                self._calls.resume(unit, attempt)
            case core.Submit(job, _, members):
                self._jobs.submit(job, members)
            case core.Stop(unit, attempt):
                self._calls.stop(unit, attempt)
                self._attempts.stop(unit, attempt)
            case core.StopJob(job):
                self._jobs.stop(job)
            case core.Final(unit, state, attempt, cause):
                self._finals.final(unit, state, attempt, cause)
            case Unbegun(first, count):
                self._finals.unbegun(first, count)
            case core.Retry(unit, attempt, _):
                self._attempts.retrying(unit, attempt)
            case core.Ended(run, outcome):
                self._ending.ended(self._going.numbered[run], outcome)
            case _:
                self._news.tell(command)

    def _begin(self, live: LiveRun) -> None:
        if self._end_by is None:
            self._beginning.start(live)
        else:
            self._ending.refuse(live)

    def _pause(self, live: LiveRun, *, paused: bool) -> None:
        if live in self._going:
            self._pauses.pause(live, paused=paused)

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
        for live in self._going:
            if live.error is None:
                self._ending.give_up(live, error)

    def _secure(self) -> bool:
        """Bring everything noted to the disk; False if that failed."""
        return self._flush(sync=True)

    # The end.

    def _close(self) -> None:
        self._jobs.close()
        for live in self._going:
            self._ending.cancel(live)
        patience = _CLOSE_OPEN_US if self._sessions.busy else _CLOSE_US
        self._end_by = self._clock.now_us() + patience

    def _leave(self) -> None:
        self._secure()
        self._closing = self._left = True

    def _leave_if_done(self) -> None:
        """A closing lab waits for the last words of its runs, but not for long."""
        if self._end_by is None:
            return
        if self._going and self._clock.now_us() < self._end_by:
            return
        self._ending.drop()
        self._closing = True

    def _break(self, error: Exception) -> None:
        """End every run with a bug's error: the schedule cannot be trusted any more."""
        self._closing = True
        self._ending.break_off(error)
        self._executor.close()
