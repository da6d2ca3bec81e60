"""The process that has a backend of another environment, and the order of its jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from quantumflow_lab.backends.described import raised_there
from quantumflow_lab.errors import EnvironmentBroken
from quantumflow_lab.workers.environment_process import Environment, EnvironmentProcess

_log = logging.getLogger(__name__)


class Job(Protocol):
    """A job, as far as its process is concerned."""

    cancelled: threading.Event
    """Set once somebody has cancelled it."""
    taken: bool
    """Whether the other process has it, and with it perhaps its provider."""
    submitted: str | None
    """The provider's id, once the other process has told it."""

    @property
    def retrievable(self) -> bool:
        """Whether it can be asked for again by its id."""

    def taken_as(self, job: str | None) -> None:
        """Its provider has it."""

    def followed(self, there: There) -> dict[str, Any]:
        """Wait for what was sent; the answer."""

    def lost(self, submitted: str | None, reason: str) -> Exception:
        """The error for a process that ended after it had taken the job."""


class There:
    """A job in the other environment, asked about by a process that has it."""

    def __init__(self, process: EnvironmentProcess, job: str | None):
        self._process, self._job = process, job

    def job_id(self) -> str | None:
        """The provider's id."""
        return self._job

    def status(self) -> str | None:
        """What it is doing, in Qiskit's words."""
        status = self._asked("status").get("status")
        return status if isinstance(status, str) else None

    def result(self) -> dict[str, Any]:
        """Wait for its answer."""
        return self._asked("result")

    def used(self) -> dict[str, Any]:
        """What it took; empty if nobody can say."""
        try:
            return self._asked("used")
        except Exception:  # noqa: BLE001 - a job that is done has not failed for this
            _log.debug("another environment did not say what a job took", exc_info=True)
            return {}

    def _asked(self, what: str) -> dict[str, Any]:
        open_ = True
        try:
            self._process.ask({"ask": what})
        except BrokenPipeError:
            open_ = False
        if not open_:
            # Without the other as its cause: that would pass for a broken way to the
            # provider.
            raise EOFError("the pipe is closed")
        said = self._process.hear()
        if said.get("say") == "error":
            raise raised_there(said)
        return said


class Line:
    """The process of one backend, started when needed, and the jobs in their order."""

    def __init__(self, environment: Environment):
        self._environment = environment
        self._process: EnvironmentProcess | None = None
        self._serving: Job | None = None
        self._turn = threading.Lock()
        self._lock = threading.Lock()

    def ask(self, job: Job, message: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        """Run one job; the last thing that was said of it."""
        with self._turn:
            for _ in range(2):
                try:
                    process = self._manned(job)
                except EnvironmentBroken as error:
                    if not job.taken:
                        raise
                    reason = str(error)
                    break
                try:
                    return _said(process, job, message, body)
                except (BrokenPipeError, EOFError, ValueError) as error:
                    process.kill()
                    reason = _why(error, process.bury())
                    if job.cancelled.is_set():
                        break
                    if job.submitted is not None and job.retrievable:
                        message, body = {"ask": "retrieve", "job": job.submitted}, b""
                    elif job.taken:
                        # One that died before it took the job died while it was idle.
                        break
                finally:
                    with self._lock:
                        self._serving = None
            raise job.lost(job.submitted, reason)

    def drop(self, job: Job) -> None:
        """End the process if it serves this job."""
        with self._lock:
            if self._serving is job and self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.bury()

    def _manned(self, job: Job) -> EnvironmentProcess:
        """A living process that has the backend."""
        with self._lock:
            if job.cancelled.is_set():
                raise job.lost(None, "")
            process = self._process
            if process is not None and process.alive:
                self._serving = job
                return process
        if process is not None:
            process.bury()
        process = EnvironmentProcess(self._environment)
        with self._lock:
            # Known before it is open, so that a cancel reaches it.
            self._process, self._serving = process, job
            if job.cancelled.is_set():
                process.kill()
        try:
            process.open()
        except EnvironmentBroken:
            self.close()
            if job.cancelled.is_set():
                raise job.lost(None, "") from None
            raise
        return process


def _said(
    process: EnvironmentProcess,
    job: Job,
    message: Mapping[str, Any],
    body: bytes,
) -> dict[str, Any]:
    """What a process says of a job in the end."""
    process.ask(message, body)
    said = process.hear()
    if said.get("say") == "taken":
        job.taken = True
        said = process.hear()
    if said.get("say") != "submitted":
        return said
    if isinstance(name := said.get("job"), str):
        job.submitted = name
        job.taken_as(name)
    return job.followed(There(process, job.submitted))


def _why(error: Exception, epitaph: str) -> str:
    return f"it said {error}" if isinstance(error, ValueError) else epitaph
