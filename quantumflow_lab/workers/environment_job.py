"""A job that runs in another Python environment."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from qiskit import QuantumCircuit
from qiskit.providers import JobStatus, JobV1

from quantumflow_lab.backends.described import raised_there, refused_there, result_of
from quantumflow_lab.backends.failures import backend_error
from quantumflow_lab.backends.jobs import awaited, nothing_came, unanswered
from quantumflow_lab.errors import (
    BackendFailed,
    JobCancelled,
    QuantumFlowError,
    WorkerLost,
)
from quantumflow_lab.ports import Fault, Stopped
from quantumflow_lab.workers.environment_line import Line, There

if TYPE_CHECKING:
    from qiskit.result import Result


class Place(Protocol):
    """What it asks of its backend."""

    name: str
    simulator: bool
    """Whether shots are simulated on this machine."""

    @property
    def retrieves(self) -> bool:
        """Whether jobs are found again by their id."""


class EnvironmentJob(JobV1):
    """A job on an :class:`~quantumflow_lab.workers.environment.EnvironmentBackend`."""

    def __init__(
        self,
        backend: Place,
        line: Line,
        message: Mapping[str, Any],
        body: bytes = b"",
        shots: int | None = None,
        circuits: Sequence[QuantumCircuit] | None = None,
        known: str | None = None,
    ):
        super().__init__(backend, None)
        self._line, self._retrievable = line, backend.retrieves
        self._message, self._body = message, body
        self._shots, self._circuits = shots, circuits
        self._heard: Future[str | None] = Future()
        self._answer: Future[Result] = Future()
        self.cancelled = threading.Event()
        """Set once somebody has cancelled it."""
        self.taken = False
        """Whether the other process has it, and with it perhaps its provider."""
        self.submitted: str | None = None
        """The provider's id, once the other process has told it."""
        self.used: Mapping[str, Any] = {}
        """What the other process says that it took, once it is final."""
        if known is not None:
            # Before anybody answers: it is not a job that was refused.
            self.taken_as(known)
        self.submit()

    def submit(self) -> None:
        """Send it; done once, when it is made."""
        thread = threading.Thread(target=self._work, daemon=True, name="qflow-env")
        thread.start()

    def job_id(self) -> str | None:
        """Wait until the provider has taken it; its id, or None if it gave none."""
        return self._heard.result()

    def result(self) -> Result:
        """Wait for the answer.

        Raises
        ------
        BackendFailed
            With what was raised there, or how the other process ended.
        WorkerLost
            The process ended while a device may have had the job.
        JobCancelled, JobUnanswered
            As :func:`quantumflow_lab.backends.jobs.awaited`; the latter also if a
            device may have taken the job and its answer was lost.
        """
        return self._answer.result()

    def status(self) -> JobStatus:
        """How far it is."""
        if not self._answer.done():
            return JobStatus.RUNNING
        if self.cancelled.is_set():
            return JobStatus.CANCELLED
        failed = self._answer.exception() is not None
        return JobStatus.ERROR if failed else JobStatus.DONE

    def cancel(self) -> bool:
        """End the process that runs it; what a provider has taken goes on there."""
        if self._answer.done():
            return False
        self.cancelled.set()
        self._line.drop(self)
        return True

    def _work(self) -> None:
        try:
            try:
                said = self._line.ask(self, self._message, self._body)
            finally:
                self.taken_as(None)
            self._answer.set_result(self._read(said))
        except Exception as error:  # noqa: BLE001 - it is for whoever waits
            self._answer.set_exception(error)

    @property
    def retrievable(self) -> bool:
        """Whether it can be asked for again by its id."""
        return self._retrievable

    def taken_as(self, job: str | None) -> None:
        """Its provider has it; the first word counts."""
        if not self._heard.done():
            self._heard.set_result(job)

    def _read(self, said: Mapping[str, Any]) -> Result:
        name = self._backend.name
        job = self.job_id()
        if said.get("say") == "error" and job is not None:
            raise unanswered(job, name, raised_there(said))
        if said.get("say") == "error":
            raise refused_there(said, name, device=not self._backend.simulator)
        return result_of(said, self._circuits, backend=name, shots=self._shots, job=job)

    def followed(self, there: There) -> dict[str, Any]:
        """Wait for what was sent; the answer."""
        backend = self._backend
        try:
            if backend.simulator:
                return there.result()
            said: dict[str, Any] = awaited(
                there, backend.name, lambda: not self.cancelled.is_set()
            )
            self.used = there.used()
            return said
        except Stopped:
            raise self.lost(there.job_id(), "") from None
        except JobCancelled:
            self.used = there.used()
            raise
        except (QuantumFlowError, EOFError, ValueError):
            # The latter two are the end of the process, not of the job.
            raise
        except Exception as error:  # noqa: BLE001 - whatever was raised there
            if backend.simulator:
                raise backend_error(error, backend.name) from None
            failure = nothing_came(there, error, backend.name)
            self.used = there.used()
            raise failure from None

    def lost(self, submitted: str | None, reason: str) -> Exception:
        """The error for a process that ended after it had taken the job."""
        backend = self._backend
        if self.cancelled.is_set():
            return BackendFailed(f"the job on {backend.name} was cancelled")
        if backend.simulator:
            return BackendFailed(
                f"{backend.name} lost the job: {reason}",
                backend=backend.name,
                fault=Fault.TRANSIENT,
            )
        job = "the job" if submitted is None else f"job {submitted}"
        return WorkerLost(
            f"the process of {backend.name} ended ({reason}); {job} may go on at its "
            "provider, so look there before you run the step again",
            backend=backend.name,
            job=submitted,
        )
