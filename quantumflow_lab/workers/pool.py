"""Jobs in child processes."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.errors import BackendFailed, QuantumFlowError
from quantumflow_lab.ports import (
    Accepted,
    Fault,
    JobEvent,
    JobRequest,
    Lost,
    MaySend,
    MemberFailed,
    Phase,
    Progress,
    Settled,
    may_send,
)
from quantumflow_lab.processors import processors
from quantumflow_lab.workers.frames import Asking, Broken, Work, pack_request
from quantumflow_lab.workers.listeners import OnEvent, refuse, tell
from quantumflow_lab.workers.process import WorkerProcess, child_environment

GRACE_S = 2.0
"""Seconds that a worker has to cancel its job at a provider."""
DEFAULT_SIZE = 4
"""Workers, unless the machine has fewer processors."""


@dataclass
class _Task:
    """A job between its submission and its last event."""

    request: JobRequest
    spec: BackendSpec
    on_event: OnEvent
    may_send: MaySend
    submitted: float
    sent: bool = False
    """Whether a device may have it."""
    cancelled: bool = False
    requeued: bool = False
    """Whether it was given to a process that had died already, or to none."""


@dataclass
class _Seat:
    """A place in the pool: one kernel thread and the child it waits for."""

    process: WorkerProcess | None = None
    task: _Task | None = None
    refusal: Exception | None = None
    """Why the system did not start a process for it."""

    @property
    def died_idle(self) -> bool:
        """Whether its process has died while it waited for a job, and wants a new one.

        One that has done nothing and lived for moments is not replaced before there is
        a job, lest processes are started without end.
        """
        process = self.process
        return process is not None and process.proven and not process.alive


class WorkerPool:
    """Runs jobs in child processes; implements ``JobExecutor``.

    Each worker has a thread in the kernel, which waits for it outside the interpreter
    lock. Children are started when they are needed, kept, and replaced when they die.

    Parameters
    ----------
    size
        Jobs at a time; by default the number of processors, at most 4.
    memory_mb
        Memory one worker may take beside its own, in MiB; None for no limit.
    cache
        Folder in which workers keep ISA circuits that took long; None keeps none.
    """

    def __init__(
        self,
        *,
        size: int | None = None,
        memory_mb: int | None = None,
        cache: Path | None = None,
    ):
        self.size = size or min(processors(), DEFAULT_SIZE)
        self._memory_mb = memory_mb
        self._cache = cache
        self._builtin = Registry()
        self._queue: deque[_Task] = deque()
        self._seats: list[_Seat] = []
        self._threads: list[threading.Thread] = []
        self._idle = 0
        """Seats without a job, those among them whose process is not ready yet."""
        self._changed = threading.Condition()
        self._closed = False

    def warm(self, workers: int = 1) -> None:
        """Start so many workers in the background, less those that there are."""
        with self._changed:
            while len(self._seats) < min(workers, self.size) and not self._closed:
                self._open_seat()

    def submit(
        self,
        request: JobRequest,
        on_event: OnEvent,
        may_send: MaySend = may_send,
        *,
        spec: BackendSpec | None = None,
    ) -> None:
        """Take a job; its events come from a thread of the pool.

        Parameters
        ----------
        request
            The job.
        on_event
            Called with each event, in order.
        may_send
            Asked before a batch is sent to a device.
        spec
            The backend; by default the built-in one of that name.
        """
        tell(on_event, Accepted(request.job))
        try:
            spec = spec or self._builtin.spec(request.backend)
        except QuantumFlowError as error:
            refuse(request, on_event, error)
            return
        assert spec is not None, "a built-in backend is portable"
        task = _Task(request, spec, on_event, may_send, time.monotonic())
        with self._changed:
            if not self._closed:
                self._queue.append(task)
                if len(self._queue) > self._idle and len(self._seats) < self.size:
                    self._open_seat()
                # Not one: it may find that its process has died.
                self._changed.notify_all()
                return
        tell(on_event, Lost(request.job, "the lab is closed"))

    def cancel(self, job: int) -> None:
        """Stop a job: out of the queue, or its worker is killed and replaced.

        A worker whose job a device may have is given a moment to cancel it there.
        """
        with self._changed:
            waiting = [task for task in self._queue if task.request.job == job]
            for task in waiting:
                self._queue.remove(task)
            for seat in self._seats:
                if seat.task is not None and seat.task.request.job == job:
                    seat.task.cancelled = True
                    if seat.process is not None:
                        _end(seat.process, gently=seat.task.sent)
        for task in waiting:
            tell(task.on_event, Lost(job, "cancelled"))

    def close(self) -> None:
        """Kill every worker and wait until they are gone."""
        with self._changed:
            self._closed = True
            waiting = list(self._queue)
            self._queue.clear()
            for seat in self._seats:
                if seat.process is not None:
                    seat.process.kill()
            self._changed.notify_all()
        for task in waiting:
            tell(task.on_event, Lost(task.request.job, "the lab is closed"))
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=5)

    def pids(self) -> list[int]:
        """Process ids of the workers that live now."""
        with self._changed:
            processes = [seat.process for seat in self._seats if seat.process]
            return [process.pid for process in processes if process.alive]

    def _open_seat(self) -> None:
        seat = _Seat()
        self._seats.append(seat)
        thread = threading.Thread(
            target=self._serve, args=(seat,), daemon=True, name="qflow-worker"
        )
        self._threads.append(thread)
        thread.start()

    def _serve(self, seat: _Seat) -> None:
        while (task := self._next(seat)) is not None:
            try:
                lost = self._run(seat, task)
            except Exception as error:  # noqa: BLE001 - unpickling runs foreign code
                # Else nobody would hear of this job again, nor use this seat.
                told = f"{type(error).__name__}: {error}"
                lost = f"its worker cannot be understood: {told}"
                if seat.process is not None:
                    seat.process.kill()
            with self._changed:
                seat.task = None
            if lost is not None:
                reason = "cancelled" if task.cancelled else lost
                tell(task.on_event, Lost(task.request.job, reason))
        if seat.process is not None:
            seat.process.kill()
            seat.process.bury()

    def _man(self, seat: _Seat) -> None:
        """Give a seat a living process that is ready, unless none starts."""
        if seat.process is not None and seat.process.alive:
            return
        if seat.process is not None:
            seat.process.bury()
        with self._changed:
            seat.process = seat.refusal = None
            closed = self._closed
        process = None if closed else self._start(seat)
        if process is None:
            return
        with self._changed:
            seat.process = process
            if self._closed:
                process.kill()
        process.wait_ready()

    def _start(self, seat: _Seat) -> WorkerProcess | None:
        try:
            return WorkerProcess(self._memory_mb, self._cache, self._look_up)
        except (OSError, RuntimeError) as error:  # no memory, process or thread
            seat.refusal = error
            return None

    def _next(self, seat: _Seat) -> _Task | None:
        """Wait for a job with a process that can begin it at once, if one starts."""
        with self._changed:
            self._idle += 1
        while True:
            self._man(seat)
            with self._changed:
                while not (self._queue or self._closed or seat.died_idle):
                    self._changed.wait()
                if seat.died_idle and not self._closed:
                    continue
                self._idle -= 1
                if self._closed:
                    return None
                seat.task = self._queue.popleft()
                return seat.task

    def _look_up(self) -> None:
        """A process has ended; called by a thread of it."""
        with self._changed:
            self._changed.notify_all()

    def _run(self, seat: _Seat, task: _Task) -> str | None:
        """See one job through; why it was lost, or None."""
        heard, lost = self._try(seat, task)
        # A worker that dies before it says a word died while it was idle, which is no
        # fault of the job: the next free one gets it. Once, lest the job is the killer.
        if lost is None or heard or task.requeued:
            return lost
        with self._changed:
            if task.cancelled or self._closed:
                return lost
            seat.task, task.requeued = None, True
            self._queue.appendleft(task)
            self._changed.notify_all()
        return None

    def _try(self, seat: _Seat, task: _Task) -> tuple[bool, str | None]:
        """Give a job to a process: whether it said anything, and why it was lost."""
        payload, process = _packed(task), seat.process
        if task.cancelled:
            return False, "cancelled"  # its process was killed for it
        if process is None:
            why = "the lab is closed" if seat.refusal is None else str(seat.refusal)
            return False, f"worker did not start: {why}"
        started = time.monotonic()
        known = task.spec.key in process.backends
        environ = child_environment()
        work = Work(
            job=task.request.job,
            payload=payload,
            key=task.spec.key,
            spec=None if known else task.spec,
            threads=self._threads_per_job(),
            environ=None if environ == process.environ else environ,
        )
        process.environ = environ
        heard = False
        try:
            process.send(work)
            process.backends.add(task.spec.key)
            tell(task.on_event, Progress(task.request.job, Phase.TRANSPILING))
            while True:
                events = process.receive()
                heard = process.served = True
                if self._pass_on(events, process, task, started):
                    return heard, None
        except (BrokenPipeError, EOFError):
            return heard, process.bury()

    def _pass_on(
        self,
        events: list[JobEvent | Asking | Broken],
        process: WorkerProcess,
        task: _Task,
        started: float,
    ) -> bool:
        """Tell what a worker said; True if that was its last word on the job."""
        for event in events:
            if isinstance(event, Broken):
                process.backends.discard(task.spec.key)
                refuse(task.request, task.on_event, event.error)
                return True
            if isinstance(event, Asking):
                task.sent |= (may := task.may_send(event.batch))
                process.send(may)
                continue
            if isinstance(event, Settled):
                waited = started - task.submitted
                metrics = event.metrics.after(waited)
                tell(task.on_event, Settled(event.job, metrics))
                return True
            tell(task.on_event, event)
        return False

    def _threads_per_job(self) -> int:
        with self._changed:
            busy = sum(seat.task is not None for seat in self._seats)
        return max(1, processors() // max(1, busy))


def _end(process: WorkerProcess, *, gently: bool) -> None:
    if gently:
        process.terminate()
        killer = threading.Timer(GRACE_S, process.kill)
        killer.daemon = True
        killer.start()
    else:
        process.kill()


def _packed(task: _Task) -> bytes:
    """The request as bytes; members that cannot be pickled are answered and dropped."""
    request = task.request
    try:
        return pack_request(request)
    except Exception:  # noqa: BLE001 - pickling runs foreign code
        kept = tuple(
            member
            for member in request.members
            if _packs_alone(replace(request, members=(member,)), task.on_event)
        )
    task.request = replace(request, members=kept)
    return pack_request(task.request)


def _packs_alone(request: JobRequest, on_event: OnEvent) -> bool:
    try:
        pack_request(request)
    except Exception as error:  # noqa: BLE001 - as above
        (member,) = request.members
        text = f"{type(error).__name__}: {error}"
        failed = BackendFailed(f"the circuit cannot be sent to a worker: {text}")
        tell(
            on_event,
            MemberFailed(
                request.job, member.unit, member.attempt, failed, Fault.PERMANENT
            ),
        )
        return False
    return True
