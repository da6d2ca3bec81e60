"""Backends that are spoken to through a sampler and an estimator, not ``run()``.

IBM's devices are of this kind, and whatever else comes as a pair of Qiskit primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2, Options

from quantumflow_lab.backends.facts import is_ibm_device, is_simulator
from quantumflow_lab.errors import BadOption, UnknownBackendOption
from quantumflow_lab.ports import Mode

Maker = Callable[..., Any]
"""Makes a primitive from ``mode`` and ``options``, as those of qiskit-ibm-runtime."""

_UNKNOWN = {
    "extra_forbidden",
    "no_such_attribute",
    "unexpected_keyword_argument",
}
"""What options models say of a name that they do not have."""

LONGEST_S = 3 * 3600
"""Longest time of a job at IBM, in seconds."""
_MODES: tuple[Mode, ...] = ("job", "batch", "session")
_OURS = {"default_shots", "default_precision"}
"""Options of primitives that the lab sets by PUB."""


class PrimitiveBackend(BackendV2):
    """A backend that runs circuits through primitives.

    Parameters
    ----------
    backend
        What the circuits are transpiled for; IBM's primitives run on it.
    sampler
        A class such as ``qiskit_ibm_runtime.executor_sampler.Sampler``, the default,
        which is made with ``mode=`` and ``options=`` for each job; or a sampler, which
        is used as it is and takes no options.
    estimator
        The same for estimates; None measures them with the sampler. By default that of
        qiskit-ibm-runtime where the sampler is.
    mode
        A session or batch of qiskit-ibm-runtime, instead of the backend.

    Raises
    ------
    BadOption
        An argument that cannot be.

    Examples
    --------
    >>> from qiskit.primitives import StatevectorSampler
    >>> from qiskit.providers.fake_provider import GenericBackendV2
    >>> ideal = PrimitiveBackend(GenericBackendV2(2), sampler=StatevectorSampler())
    >>> ideal.num_qubits
    2
    """

    def __init__(
        self,
        backend: BackendV2,
        *,
        sampler: Maker | BaseSamplerV2 | None = None,
        estimator: Maker | BaseEstimatorV2 | None = None,
        mode: object | None = None,
    ):
        if not isinstance(backend, BackendV2):
            raise BadOption(
                "a PrimitiveBackend is made of a BackendV2, not of "
                f"{type(backend).__name__}"
            )
        for name, given in (("sampler", sampler), ("estimator", estimator)):
            if not (given is None or callable(given) or hasattr(given, "run")):
                raise BadOption(
                    f"{name} of a PrimitiveBackend is a primitive or what makes one, "
                    f"not {given!r}"
                )
        if sampler is None:
            sampler, usual = _of_ibm()
            estimator = usual if estimator is None else estimator
        super().__init__(name=backend.name)
        self.backend = backend
        """What the circuits are transpiled for."""
        self._makers = {"sample": sampler, "estimate": estimator}
        self._mode = backend if mode is None else mode
        self._options = Options(**dict.fromkeys(sorted(self._option_names())))

    @property
    def target(self) -> Any:
        """The target of the backend."""
        return self.backend.target

    @property
    def max_circuits(self) -> int | None:
        """Most circuits in one job, if the backend says so."""
        limit: int | None = getattr(self.backend, "max_circuits", None)
        return limit

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    @property
    def estimates(self) -> bool:
        """Whether it has an estimator of its own."""
        return self._makers["estimate"] is not None

    def finds_jobs(self, kind: str) -> bool:
        """Whether jobs of a kind can be found again, by their id or by their tag."""
        tagged = "environment" in self._names_of(self._makers[kind])
        return tagged and getattr(self.backend, "service", None) is not None

    @property
    def modes(self) -> tuple[Mode, ...]:
        """How it takes jobs: a device of IBM that was given no mode, in any way."""
        fixed = self._mode is not self.backend or any(map(_is_made, self._made))
        return ("job",) if fixed or not is_ibm_device(self.backend) else _MODES

    @property
    def _made(self) -> list[Any]:
        return [maker for maker in self._makers.values() if maker is not None]

    @property
    def takes_seed(self) -> bool:
        """Whether it is a simulation that takes a seed."""
        return "simulator" in self._options and is_simulator(self.backend)

    def run(self, run_input: Any, **options: Any) -> Any:
        """Not there: circuits go through the primitives."""
        raise NotImplementedError(f"{self.name} has no run(), only primitives")

    def primitive(
        self,
        kind: str,
        options: Mapping[str, Any],
        *,
        tag: str | None = None,
        seed: int | None = None,
        most_s: int | None = None,
        session: Any = None,
    ) -> Any:
        """The sampler (``sample``) or estimator (``estimate``) for one job.

        Parameters
        ----------
        kind
            ``sample`` or ``estimate``.
        options
            Options of the primitive, nested as it has them.
        tag
            Put on the job where the provider keeps tags.
        seed
            Of a simulation.
        most_s
            Seconds after which the provider is to stop the job, where it can; an option
            of the user's that is shorter stays.
        session
            The session or batch that the job belongs to.

        Raises
        ------
        UnknownBackendOption
            Naming the option at whatever depth.
        BadOption
            A value that the primitive refuses.
        """
        maker = self._makers[kind]
        if maker is None or _is_made(maker):
            return maker
        given = {name: value for name, value in options.items() if value is not None}
        if tag is not None and "environment" in self._options:
            environment = dict(given.get("environment", {}))
            environment["job_tags"] = [*environment.get("job_tags", ()), tag]
            given["environment"] = environment
        if most_s is not None and "max_execution_time" in self._options:
            asked = given.get("max_execution_time", LONGEST_S)
            given["max_execution_time"] = min(asked, most_s, LONGEST_S)
        if seed is not None and self.takes_seed:
            given["simulator"] = {**given.get("simulator", {}), "seed_simulator": seed}
        try:
            return maker(mode=session or self._mode, options=given)
        except ValidationError as error:
            raise _refused(error, self.name) from None

    def _option_names(self) -> set[str]:
        names = set[str]().union(*map(self._names_of, self._makers.values()))
        return {name for name in names - _OURS if not name.startswith("_")}

    def _names_of(self, maker: Any) -> set[str]:
        """Options that a maker takes; none of a primitive that is made already."""
        if maker is None or _is_made(maker):
            return set()
        options = type(getattr(maker(mode=self._mode), "options", None))
        names: set[str] = set()
        # Models in the client-side classes, dataclasses in the older ones.
        for kind in ("model_fields", "__dataclass_fields__"):
            fields = getattr(options, kind, None)
            names |= set(fields) if isinstance(fields, Mapping) else set()
        return names


def _is_made(maker: Any) -> bool:
    """Whether it is a primitive, and no class of them."""
    return isinstance(maker, BaseSamplerV2 | BaseEstimatorV2)


def _of_ibm() -> tuple[Maker, Maker]:
    try:
        from qiskit_ibm_runtime.executor_estimator import Estimator
        from qiskit_ibm_runtime.executor_sampler import Sampler
    except ImportError:
        raise BadOption(
            "a PrimitiveBackend without sampler= uses IBM's: "
            "pip install qiskit-ibm-runtime, or give sampler="
        ) from None
    return Sampler, Estimator


def _refused(error: ValidationError, name: str) -> Exception:
    """The first complaint of an options model, in our words."""
    first = error.errors()[0]
    # The older classes name their own types in between.
    names = [str(part) for part in first["loc"]]
    path = ".".join(name for name in names if name[0].islower() and name.isidentifier())
    if first["type"] in _UNKNOWN:
        return UnknownBackendOption(f"{name} has no option '{path}'", option=path)
    return BadOption(f"option '{path}' of {name}: {first['msg']}")
