"""Backends that live in another Python environment.

Providers pin versions of Qiskit and of much else, so not all of them fit into one
environment. Here a child process runs the interpreter of the other environment and the
provider in it; circuits go there as QPY, counts come back as JSON, and to Qiskit it is
one more ``BackendV2``.
"""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options

from quantumflow_lab.backends.described import Described
from quantumflow_lab.errors import (
    BackendFailed,
    BadOption,
    EnvironmentBroken,
    UnknownBackendOption,
    did_you_mean,
)
from quantumflow_lab.workers.environment_circuits import common_qpy, written
from quantumflow_lab.workers.environment_job import EnvironmentJob
from quantumflow_lab.workers.environment_line import Line
from quantumflow_lab.workers.environment_process import (
    Environment,
    EnvironmentProcess,
)

_SHOTS = 1024


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
        self._line = Line(environment)
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
        pip = self._environment.pip
        body = written(circuits, self._qpy, self.name, self.qiskit_version, pip)
        shots = options["shots"]
        return EnvironmentJob(self, self._line, message, body, shots, circuits)

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
        message = {"ask": "retrieve", "job": job_id}
        return EnvironmentJob(self, self._line, message, known=job_id)


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
