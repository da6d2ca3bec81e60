"""Jobs of backends that cannot leave the kernel, in threads of it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantumflow_lab.backends.adapters import Adapter, adapter_for
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.failures import backend_error
from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.ports import (
    Accepted,
    JobEvent,
    JobRequest,
    Lost,
    MaySend,
    Settled,
    Stopped,
    may_send,
)
from quantumflow_lab.workers.listeners import OnEvent, refuse, tell

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

_log = logging.getLogger(__name__)


@dataclass
class _Task:
    request: JobRequest
    on_event: OnEvent
    may_send: MaySend
    submitted: float
    left: bool = False
    """True once nobody waits for it any more."""


@dataclass
class _Line:
    """The jobs of one backend, one after the other."""

    backend: BackendV2
    adapter: Adapter | None = None
    """Made in the thread, since a backend may be long in telling what it is like."""
    queue: deque[_Task] = field(default_factory=deque)
    running: _Task | None = None
    served: bool = False


class KernelJobs:
    """Runs jobs in threads of the kernel; implements ``JobExecutor``.

    A job cannot be stopped in its middle here: :meth:`cancel` asks the backend to, and
    leaves the thread to itself.

    Parameters
    ----------
    backends
        Where the backend objects are.
    """

    def __init__(self, backends: Registry):
        self._backends = backends
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()
        self._closed = False

    def submit(
        self, request: JobRequest, on_event: OnEvent, may_send: MaySend = may_send
    ) -> None:
        """Take a job; its events come from a thread of its backend."""
        tell(on_event, Accepted(request.job))
        task = _Task(request, on_event, may_send, time.monotonic())
        backend = self._backends.backend(request.backend)
        with self._lock:
            if self._closed:
                task.left = True
            else:
                line = self._lines.get(request.backend)
                if line is None or line.backend is not backend:
                    line = self._lines[request.backend] = _Line(backend)
                line.queue.append(task)
                self._serve(line)
        if task.left:
            tell(on_event, Lost(request.job, "the lab is closed"))

    def cancel(self, job: int) -> None:
        """Drop a job from the queue, or stop waiting for it."""
        with self._lock:
            tasks = [
                task
                for line in self._lines.values()
                for task in (*line.queue, line.running)
                if task is not None and task.request.job == job and not task.left
            ]
            for task in tasks:
                self._leave(task)
        for task in tasks:
            tell(task.on_event, Lost(job, "cancelled"))

    def close(self) -> None:
        """Stop waiting for everything."""
        with self._lock:
            self._closed = True
            jobs = [
                task.request.job
                for line in self._lines.values()
                for task in (*line.queue, line.running)
                if task is not None
            ]
        for job in jobs:
            self.cancel(job)

    def _leave(self, task: _Task) -> None:
        for line in self._lines.values():
            if task in line.queue:
                line.queue.remove(task)
            if line.running is task:
                if (adapter := line.adapter) is not None:
                    # Once it is marked, its thread may forget the job.
                    job, task.left = adapter.job, True
                    # One that comes only now is stopped by its thread, or here.
                    _ask_to_stop(job or adapter.job)
                # Its thread may hang in the backend, and comes back to its adapter; the
                # next job gets another of both.
                line.running, line.served, line.adapter = None, False, None
                self._serve(line)
        task.left = True

    def _serve(self, line: _Line) -> None:
        if line.queue and not line.served:
            line.served = True
            threading.Thread(
                target=self._work, args=(line,), daemon=True, name="qflow-kernel-job"
            ).start()

    def _work(self, line: _Line) -> None:
        while True:
            with self._lock:
                if not line.queue:
                    line.served = False
                    return
                task = line.running = line.queue.popleft()
            self._run(line, task)
            with self._lock:
                if line.running is not task:
                    return
                line.running = None

    def _run(self, line: _Line, task: _Task) -> None:
        waited = time.monotonic() - task.submitted

        def emit(event: JobEvent) -> None:
            if isinstance(event, Settled):
                event = Settled(event.job, event.metrics.after(waited))
            with self._lock:
                if task.left:
                    return
                task.left = isinstance(event, Settled)
            tell(task.on_event, event)

        try:
            adapter = self._adapter(line, task)
        except Exception as error:  # noqa: BLE001 - a backend raises whatever it likes
            refuse(task.request, emit, backend_error(error, task.request.backend))
            return
        try:
            execute(
                task.request,
                adapter,
                emit,
                wanted=lambda: not task.left,
                may_send=task.may_send,
            )
        except Stopped:
            with self._lock:
                gone, task.left = task.left, True
            if not gone:
                tell(task.on_event, Lost(task.request.job, "it was not to be sent"))
        except BaseException as error:  # noqa: BLE001 - a backend may even try to exit
            with self._lock:
                gone, task.left = task.left, True
            if not gone:
                reason = f"{type(error).__name__}: {error}"
                tell(task.on_event, Lost(task.request.job, reason))

    def _adapter(self, line: _Line, task: _Task) -> Adapter:
        """The adapter of a line, made anew after a job that was left in its middle."""
        with self._lock:
            if line.running is task and line.adapter is not None:
                return line.adapter
        made = adapter_for(line.backend)
        with self._lock:
            if line.running is task:
                line.adapter = made
        return made


def _ask_to_stop(job: object) -> None:
    cancel = getattr(job, "cancel", None)
    if cancel is not None:
        # In a thread of its own: some backends block here, and some raise.
        threading.Thread(target=_quietly, args=(cancel,), daemon=True).start()


def _quietly(cancel: object) -> None:
    assert callable(cancel)
    try:
        cancel()
    except Exception:  # noqa: BLE001 - a backend raises whatever it likes
        _log.debug("a job could not be cancelled", exc_info=True)
