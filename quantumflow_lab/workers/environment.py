"""Backends that live in another Python environment.

Providers pin versions of Qiskit and of much else, so not all of them fit into one
environment. Here a child process runs the interpreter of the other environment and the
provider in it; circuits go there as QPY, counts come back as JSON, and to Qiskit it is
one more ``BackendV2``.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit, qpy
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit.qpy import common

from quantumflow_lab.backends.described import (
    Described,
    raised_there,
    refused_there,
    result_of,
)
from quantumflow_lab.backends.failures import backend_error
from quantumflow_lab.backends.jobs import awaited, nothing_came, unanswered
from quantumflow_lab.delays import with_units
from quantumflow_lab.errors import (
    BackendFailed,
    BadOption,
    EnvironmentBroken,
    JobCancelled,
    NoCommonQpy,
    QuantumFlowError,
    UnknownBackendOption,
    WorkerLost,
    did_you_mean,
)
from quantumflow_lab.ports import Fault, Stopped
from quantumflow_lab.workers.environment_process import (
    Environment,
    EnvironmentProcess,
)

if TYPE_CHECKING:
    from qiskit.result import Result

_SHOTS = 1024

_log = logging.getLogger(__name__)


class EnvironmentBackend(BackendV2):
    """A backend that another Python environment has.

    The environment needs the provider and Qiskit 1.3 or newer, nothing of ours. It is
    asked at once what its backend is like; a process of its own is started again where
    and when circuits run.

    Parameters
    ----------
    python
        Interpreter of the environment, its command such as ``python3.12``, or the
        folder of a virtual environment.
    factory
        ``module:name`` of what makes the backend there: a class, a function, or a
        provider with ``get_backend``.
    arguments
        Its keyword arguments; what JSON has. Tokens are better left to environment
        variables, which the other process inherits.
    backend
        Name to ask a provider for.
    simulator
        True if you know that it simulates on this machine, so that it is free and
        shares the processors with the others. By default it counts as a device.
    start_timeout
        Seconds for importing the provider and making the backend.

    Raises
    ------
    EnvironmentBroken
        It does not come to a backend; the message says what to type.
    NoCommonQpy
        Its Qiskit is too old.
    BadOption
        An argument that cannot be.

    Examples
    --------
    ::

        adonis = qf.EnvironmentBackend("envs/iqm", "iqm.qiskit_iqm:IQMFakeAdonis")
        qf.lab().backends.add("adonis", adonis)
    """

    code_is_elsewhere = True
    """Nobody here sees whether what it does was edited."""

    def __init__(
        self,
        python: str | Path,
        factory: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        backend: str | None = None,
        simulator: bool = False,
        start_timeout: float = 120.0,
    ):
        environment = Environment(
            python=_interpreter(python),
            factory=_checked_factory(factory),
            arguments=_json_of(arguments or {}, "arguments"),
            backend=() if backend is None else (str(backend),),
            folder=str(Path.cwd()),
            start_timeout=float(start_timeout),
        )
        process = EnvironmentProcess(environment)
        try:
            said = process.open()
        finally:
            process.kill()
            process.bury()
        self._become(environment, said, simulator)

    def _become(
        self, environment: Environment, said: dict[str, Any], simulator: bool
    ) -> None:
        try:
            known = Described.of(said)
        except BackendFailed as error:
            raise EnvironmentBroken(
                f"{environment.python}: {error}", python=environment.python
            ) from error
        self.simulator = simulator
        """True if shots are simulated on this machine, as whoever made it said."""
        self.qiskit_version = known.qiskit
        """Version of Qiskit in the other environment."""
        self._environment, self._said, self._known = environment, said, known
        self._qpy = common_qpy(known.qpy, environment)
        super().__init__(
            name=known.name, description=known.text, backend_version=known.version
        )
        self._options = Options(**known.options)
        self._line = _Line(environment)
        # Not __del__, which may come when the modules it needs are gone.
        weakref.finalize(self, self._line.close)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._environment, self._said, self.simulator)

    def __repr__(self) -> str:
        environment = self._environment
        return f"<EnvironmentBackend {environment.factory} in {environment.python}>"

    @property
    def target(self) -> Any:
        """The ``Target``, as the other environment described it."""
        return self._known.target

    @property
    def max_circuits(self) -> int | None:
        """Most circuits in one job, if it says so."""
        return self._known.max_circuits

    @property
    def max_shots(self) -> int | None:
        """Most shots of one circuit, if it says so."""
        return self._known.max_shots

    @property
    def retrieves(self) -> bool:
        """Whether :meth:`retrieve_job` finds jobs again."""
        return self._known.retrieves

    @property
    def kinds(self) -> tuple[str, ...]:
        """Its class there and those above it, as ``package:class``."""
        return self._known.kinds

    @property
    def circuits_in_task(self) -> bool:
        """Whether a task of the provider has all the circuits of a job."""
        return self._known.circuits_in_task

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(
        self, run_input: QuantumCircuit | Sequence[QuantumCircuit], **options: Any
    ) -> EnvironmentJob:
        """Run circuits in the other environment; returns at once.

        Parameters
        ----------
        run_input
            A circuit or several, in the instructions of the target.
        **options
            ``shots``, and the options the backend has there; what JSON has.

        Raises
        ------
        UnknownBackendOption, BadOption
            Naming the option.
        NoCommonQpy
            A circuit cannot be written for the Qiskit there.
        """
        one = isinstance(run_input, QuantumCircuit)
        circuits = [run_input] if one else list(run_input)
        for name, value in options.items():
            if name != "shots" and name not in self._known.options:
                raise UnknownBackendOption(
                    f"{self.name} has no option '{name}'"
                    f"{did_you_mean(name, {'shots', *self._known.options})}",
                    option=name,
                )
            _json_of(value, f"option '{name}' of {self.name}")
        options.setdefault("shots", self._known.options.get("shots") or _SHOTS)
        message = {"ask": "run", "options": dict(options)}
        body = self._written(circuits)
        return EnvironmentJob(self, message, body, options["shots"], circuits)

    def retrieve_job(self, job_id: str) -> EnvironmentJob:
        """A job that the provider has taken, from this process or another one.

        Parameters
        ----------
        job_id
            The provider's id.

        Raises
        ------
        BackendFailed
            The backend there has no ``retrieve_job``.
        """
        if not self.retrieves:
            raise BackendFailed(
                f"{self.name} has no retrieve_job: look for job {job_id} there",
                backend=self.name,
            )
        return EnvironmentJob(self, {"ask": "retrieve", "job": job_id}, known=job_id)

    def _written(self, circuits: Sequence[QuantumCircuit]) -> bytes:
        buffer = io.BytesIO()
        try:
            bare = [with_units(_bare(each)) for each in circuits]
            qpy.dump(bare, buffer, version=self._qpy)
        except (qpy.QpyError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise NoCommonQpy(
                f"a circuit cannot be written for {self.name}, whose Qiskit "
                f"{self.qiskit_version} reads QPY {self._qpy}: {error}; update Qiskit "
                f"there ({self._environment.pip} --upgrade qiskit), or do without what "
                "it names",
                version=self._qpy,
            ) from error
        return buffer.getvalue()


class EnvironmentJob(JobV1):
    """A job on an :class:`EnvironmentBackend`."""

    def __init__(
        self,
        backend: EnvironmentBackend,
        message: Mapping[str, Any],
        body: bytes = b"",
        shots: int | None = None,
        circuits: Sequence[QuantumCircuit] | None = None,
        known: str | None = None,
    ):
        super().__init__(backend, None)
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
        if (
            known is not None
        ):  # Before anybody answers: it is not a job that was refused.
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

    @property
    def _line(self) -> _Line:
        line: _Line = self._backend._line
        return line

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
        backend: EnvironmentBackend = self._backend
        return backend.retrieves

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

    def followed(self, there: _There) -> dict[str, Any]:
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


class _There:
    """A job in the other environment, asked about by a process that has it."""

    def __init__(self, process: EnvironmentProcess, job: str | None):
        self._process, self._job = process, job

    def job_id(self) -> str | None:
        return self._job

    def status(self) -> str | None:
        status = self._asked("status").get("status")
        return status if isinstance(status, str) else None

    def result(self) -> dict[str, Any]:
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


class _Line:
    """The process of one backend, started when needed, and the jobs in their order."""

    def __init__(self, environment: Environment):
        self._environment = environment
        self._process: EnvironmentProcess | None = None
        self._serving: EnvironmentJob | None = None
        self._turn = threading.Lock()
        self._lock = threading.Lock()

    def ask(
        self, job: EnvironmentJob, message: Mapping[str, Any], body: bytes
    ) -> dict[str, Any]:
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

    def drop(self, job: EnvironmentJob) -> None:
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

    def _manned(self, job: EnvironmentJob) -> EnvironmentProcess:
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
    job: EnvironmentJob,
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
    return job.followed(_There(process, job.submitted))


def common_qpy(reads: int, environment: Environment) -> int:
    """The newest QPY that this Qiskit writes and the other one reads.

    Raises
    ------
    NoCommonQpy
        There is none.
    """
    oldest: int = common.QPY_COMPATIBILITY_VERSION
    if reads < oldest:
        raise NoCommonQpy(
            f"{environment.python} reads QPY up to {reads}, this Qiskit writes "
            f"{oldest} and newer: type {environment.pip} --upgrade 'qiskit>=1.3'",
            reads=reads,
            writes=oldest,
        )
    return min(reads, int(common.QPY_VERSION))


def _rebuilt(
    environment: Environment, said: dict[str, Any], simulator: bool
) -> EnvironmentBackend:
    backend = EnvironmentBackend.__new__(EnvironmentBackend)
    backend._become(environment, said, simulator)
    return backend


def _interpreter(python: str | Path) -> str:
    # Links are kept: that of a virtual environment is what makes it one.
    found = shutil.which(python) if Path(python).name == str(python) else None
    path = Path(found or python).expanduser().absolute()
    return str(path / "bin" / "python" if path.is_dir() else path)


def _checked_factory(factory: str) -> str:
    module, colon, name = str(factory).partition(":")
    parts = [*module.split("."), *name.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        raise BadOption(
            f"factory must be 'module:name', such as 'iqm.qiskit_iqm:IQMFakeAdonis', "
            f"not {factory!r}"
        )
    return str(factory)


def _json_of(value: object, what: str) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadOption(
            f"{what} must be what JSON has (numbers, text, lists, dicts): {error}"
        ) from error


def _bare(circuit: QuantumCircuit) -> QuantumCircuit:
    """Without what running does not need and the other side may not know."""
    if not circuit.metadata and circuit.layout is None:
        return circuit
    bare = circuit.copy()
    bare.metadata = {}
    bare._layout = None
    return bare


def _why(error: Exception, epitaph: str) -> str:
    return f"it said {error}" if isinstance(error, ValueError) else epitaph
