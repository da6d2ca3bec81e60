"""The one way to run circuits on a backend that answers ``run()``.

Backends disagree about seeds in a batch, about what a failed circuit looks like, and
about the type of nearly everything they return. What a caller sees here is the same for
all: an :class:`Outcome` or an error for each circuit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from qiskit import QuantumCircuit
from qiskit_aer.noise import NoiseModel

from quantumflow_lab.backends.arrays import in_arrays
from quantumflow_lab.backends.counts import read_counts
from quantumflow_lab.backends.effort import form_of, work_of_batch
from quantumflow_lab.backends.estimating import ReadoutErrors
from quantumflow_lab.backends.facts import (
    SEED_OPTIONS,
    calibration_date,
    circuit_limit,
    is_aer,
    is_aer_based,
    is_basic,
    is_noisy,
    is_simulator,
    option_names,
    reads_qubits,
)
from quantumflow_lab.backends.failures import failed_with
from quantumflow_lab.backends.isa import Kept, Transpiler
from quantumflow_lab.backends.jobs import (
    fetched,
    id_of,
    name_of,
    nothing_came,
    reached,
    stop_unwanted,
    unanswered,
)
from quantumflow_lab.backends.memory import (
    NO_INITIALIZE,
    in_terms_of,
    is_unitary,
    option,
    without_initialize,
)
from quantumflow_lab.backends.names import make
from quantumflow_lab.backends.noise import Cuts, noisy_qubits, readout_errors
from quantumflow_lab.backends.noise_size import Sizes, on_qubits, sizes_of
from quantumflow_lab.backends.parts import Parts
from quantumflow_lab.backends.pieces import Outcome, Piece, Shared, assigned
from quantumflow_lab.backends.straight import (
    Straight,
    forms_sent,
    sent_forms,
    straight,
)
from quantumflow_lab.backends.usage import Told, ask
from quantumflow_lab.errors import (
    BackendFailed,
    CircuitRefused,
    JobUnanswered,
    QuantumFlowError,
    WorkerLost,
)
from quantumflow_lab.ports import Mode, Sent
from quantumflow_lab.work import Work

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

SEED_STEP = 2113
"""Aer runs circuit ``i`` of a batch with ``seed_simulator + 2113 * i``."""

LIGHT_WORK = 1 << 20
"""Amplitudes below which a second thread costs a circuit more than it gives."""

MANY = 20
"""Rows of an array that are worth a second thread, however light each of them is."""


@dataclass
class RunAdapter:
    """A backend, with all that is built once for it."""

    backend: BackendV2
    """The backend."""
    kept: InitVar[Kept | None] = None
    """Where ISA circuits outlive the process."""
    transpiler: Transpiler = field(init=False)
    """Its transpiler."""
    batches_seeds: bool = field(init=False)
    """True if a seeded batch gives what its circuits would give one by one."""
    max_circuits: int = field(init=False)
    """Most circuits in one ``run()``."""
    has_exact: bool = field(init=False)
    """True if it can save expectation values."""
    calibrated: str | None = field(init=False)
    """Date of its calibration data, ISO 8601, or None."""
    derived: Shared = field(default_factory=Shared)
    """Circuits made from ISA circuits, for as long as those are kept."""
    tag: str | None = None
    """Not told: backends that answer ``run()`` keep no tags."""
    job: Any = None
    """The job running now, for whoever wants to cancel it."""
    sent: Sent | None = None
    """How the batch that comes next was sent; None if it was not."""
    provider_job: str | None = None
    """Id of the last job of a device."""
    most_s: int | None = None
    """Not told: ``run()`` has no such option in common."""
    session: tuple[Mode, str] | None = None
    """None: backends that answer ``run()`` have none."""
    told: Told | None = None
    """What was said of the last job of a device, once it was final."""
    sending: Callable[[], None] = lambda: None
    """Called before a batch is sent to a device; raises ``Stopped`` if it must not."""
    submitted: Callable[[Sent], None] = lambda sent: None
    """Called as soon as a device has the job."""
    estimates: bool = False
    """It has no estimator of its own."""
    _options: set[str] = field(init=False)
    _cuts: Cuts = field(default_factory=Cuts)
    _exact: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self, kept: Kept | None) -> None:
        noisy = is_noisy(self.backend)
        self.transpiler = Transpiler(self.backend, noisy, kept=kept)
        self.batches_seeds = is_aer_based(self.backend)
        self.max_circuits = circuit_limit(self.backend)
        self.has_exact = self.batches_seeds or is_basic(self.backend)
        self.calibrated = calibration_date(self.backend)
        self._options = option_names(self.backend)

    @property
    def takes_seed(self) -> bool:
        """True if the backend has an option for the seed."""
        return not self._options.isdisjoint(SEED_OPTIONS)

    def run(
        self,
        pieces: Sequence[Piece],
        *,
        seed: int | None,
        options: Mapping[str, Any],
        threads: int | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Outcome | Exception]:
        """Run circuits of equal shots in one job.

        Parameters
        ----------
        pieces
            Circuits; all exact, or none.
        seed
            Seed of the first; the others follow by Aer's rule. Several circuits with a
            seed only if :attr:`batches_seeds`.
        options
            Run options.
        threads
            Threads for an Aer simulation, or None to leave it to Aer.
        wanted
            Asked while it is waited for a provider that cannot be reached.

        Returns
        -------
        list
            For each piece its outcome, or why it has none.

        Raises
        ------
        Exception
            Whatever the backend raised, if it failed as a whole.
        """
        settings = {"shots": pieces[0].shots, **options}
        if seed is not None and self.takes_seed:
            # Aer takes 64 bits; of other backends one can only count on 31.
            number = seed if self.batches_seeds else seed % 2**31
            settings |= dict.fromkeys(self._options.intersection(SEED_OPTIONS), number)
        backend = self.backend
        if pieces[0].exact:
            backend = self._exact_backend()
            settings.update(_exact_options(pieces, is_noisy(backend), options))
        if self._takes_arrays(options):
            circuits, settings["parameter_binds"] = in_arrays(pieces)
            settings["runtime_parameter_bind_enable"] = True
        elif self.has_exact:
            circuits = [piece.bound() for piece in pieces]
        else:
            return self._run_elsewhere(pieces, settings, seed, wanted)
        if backend is not self.backend:
            names = {*backend.target.operation_names}
            circuits = [in_terms_of(circuit, names) for circuit in circuits]
        if threads and self.batches_seeds:
            worth = threads if self._gains(pieces, len(circuits), options) else 1
            settings.setdefault("max_parallel_threads", worth)
        model = self._noise_model(options)
        if model is not None:
            settings["noise_model"] = self._cuts.of(model, circuits)
        method = option(settings, backend.options, "method", "automatic")
        if is_aer_based(backend) and method in NO_INITIALIZE:
            circuits = [without_initialize(circuit) for circuit in circuits]
        self.job = backend.run(circuits, **settings)
        try:
            result = self.job.result()
        finally:
            self.job = None
        return [
            self._read(result, i, piece, None if seed is None else seed + SEED_STEP * i)
            for i, piece in enumerate(pieces)
        ]

    def _run_elsewhere(
        self,
        pieces: Sequence[Piece],
        settings: Mapping[str, Any],
        seed: int | None,
        wanted: Callable[[], bool],
    ) -> list[Outcome | Exception]:
        """Run where habits are unknown, with as little room for them as can be."""
        # By its name a circuit is recognised in results of another order.
        names = [f"qflow_{i}" for i in range(len(pieces))]
        if self.sent is None:
            circuits = [piece.circuit for piece in pieces]
            forms = [self._straight(circuit) for circuit in circuits]
            told, named = sent_forms(forms, circuits), _named(pieces, forms, names)
            self.sending()
            job = self.job = self.backend.run(named, **settings)
        else:
            told = self.sent.bits
            forms = forms_sent(told)
            job = self.job = self._retrieved(self.sent, len(pieces), wanted)
        self.provider_job = id_of(job)
        self.submitted(Sent(self.provider_job, told))
        try:
            stop_unwanted(job, wanted)
            result = fetched(job, self.backend.name, wanted)
            self.told = ask(job, wanted, result)
        except QuantumFlowError as error:
            if not isinstance(error, JobUnanswered | WorkerLost):
                self.told = ask(job, wanted)
            raise
        except Exception as error:
            if is_simulator(self.backend):
                raise
            self.told = ask(job, wanted)
            raise nothing_came(job, error, self.backend.name) from error
        finally:
            if self.job is job:
                self.job = None
        parts = Parts.of(result, names)
        outcomes: list[Outcome | Exception] = []
        for i, (piece, found) in enumerate(zip(pieces, forms, strict=True)):
            place = parts.place(i)
            if isinstance(place, Exception):
                outcomes.append(place)
                continue
            used = None if seed is None else seed + SEED_STEP * i
            ran = piece if found is None else replace(piece, circuit=found.circuit)
            outcome = self._read(result, place, ran, used)
            if found is not None and isinstance(outcome, Outcome):
                outcome = replace(outcome, counts=found.restored(outcome.counts))
            outcomes.append(outcome)
        return outcomes

    def _retrieved(self, sent: Sent, count: int, wanted: Callable[[], bool]) -> Any:
        """A job of so many circuits that was sent before; nothing is sent here."""
        name, job = self.backend.name, sent.job
        if job is None:
            unheard = LookupError("nobody heard its id")
            raise unanswered(job, name, unheard)
        circuits = sum(alike for _, alike in sent.bits)
        if circuits != count:
            other = ValueError(f"it was sent with {circuits} circuits, not {count}")
            raise unanswered(job, name, other)
        look = self.backend.retrieve_job
        try:
            return reached(lambda: look(job), job, name, wanted)
        except JobUnanswered:
            raise
        except Exception as error:
            # That it is not found where it was sent is no proof that it did not run.
            raise unanswered(job, name, error) from error

    def _straight(self, circuit: QuantumCircuit) -> Straight | None:
        whole = reads_qubits(self.backend)
        found = self.derived.once(
            circuit, "straight", lambda: straight(circuit, whole=whole)
        )
        if whole and found is None:
            raise CircuitRefused(
                f"{self.backend.name} reads every qubit once, at the end: "
                "measure no qubit twice and nothing in mid-circuit",
                backend=self.backend.name,
            )
        return found

    def _takes_arrays(self, options: Mapping[str, Any]) -> bool:
        """Ideal Aer only: noise depends on angles that it would have to know."""
        return is_aer(self.backend) and not self._noisy(options)

    def _noisy(self, options: Mapping[str, Any]) -> bool:
        return self.transpiler.noisy or options.get("noise_model") is not None

    def _gains(
        self, pieces: Sequence[Piece], circuits: int, options: Mapping[str, Any]
    ) -> bool:
        """Whether Aer is faster with several threads.

        It shares the rows of an array among them, but the amplitudes of one circuit.
        """
        if len(pieces) >= MANY * circuits:
            return True
        noisy = self._noisy(options)
        return any(piece.amplitudes(noisy=noisy) >= LIGHT_WORK for piece in pieces)

    def _read(
        self, result: Any, index: int, piece: Piece, seed: int | None
    ) -> Outcome | Exception:
        error = _failure(result, index)
        if error is not None:
            return error
        if piece.exact:
            return Outcome({}, dict(result.data(index)), seed)
        try:
            counts = read_counts(result, index, piece.circuit)
        except BackendFailed as failed:
            return failed
        total = sum(counts.values())
        if total != piece.shots:
            return BackendFailed(
                f"the backend ran {total} shots instead of {piece.shots}",
                shots=piece.shots,
                returned=total,
            )
        return Outcome(counts, {}, seed)

    def readout_errors(self, options: Mapping[str, Any]) -> ReadoutErrors | None:
        """Readout errors where the backend or the options bring noise, else None."""
        model = self._noise_model(options)
        return None if model is None else readout_errors(model)

    def work(
        self,
        pieces: Sequence[Piece],
        options: Mapping[str, Any],
        seen: set[int] | None = None,
    ) -> Work:
        """What simulating a batch asks of this machine, if it is simulated here.

        Parameters
        ----------
        pieces
            As for :meth:`run`.
        options
            Run options.
        seen
            Ids of circuits that were handed over before; those of `pieces` are added.
        """
        if not (self.has_exact and pieces):
            return Work()
        forms = [
            self.derived.once(piece.circuit, "form", partial(form_of, piece.circuit))
            for piece in pieces
        ]
        noisy = self._has_model(options)
        own = self.backend.options
        found = work_of_batch(
            pieces,
            forms,
            method=option(options, own, "method", "automatic"),
            noisy=noisy,
            seen=(
                (set() if seen is None else seen)
                if self._takes_arrays(options)
                else None
            ),
        )
        if not noisy:
            return found
        distinct = {id(piece.circuit): piece.circuit for piece in pieces}
        qubits = frozenset[int]().union(
            *(
                self.derived.once(each, "noisy", partial(noisy_qubits, [each]))
                for each in distinct.values()
            )
        )
        return replace(found, noise=self._noise_read(options, qubits))

    def _has_model(self, options: Mapping[str, Any]) -> bool:
        """Whether it is simulated under noise; makes no model to find out."""
        if self._given_model(options) is None and self._sizes is not None:
            return self.batches_seeds
        return self._noise_model(options) is not None

    def _noise_read(self, options: Mapping[str, Any], qubits: frozenset[int]) -> int:
        """Instructions that Aer reads of the noise model for circuits on qubits."""
        if self._given_model(options) is None and self._sizes is not None:
            return on_qubits(self._sizes, qubits)
        model = self._noise_model(options)
        return 0 if model is None else self._cuts.instructions(model, qubits)

    def _given_model(self, options: Mapping[str, Any]) -> NoiseModel | None:
        """The noise model that is there, whether or not it is ideal."""
        found = options.get("noise_model") or self.backend.options.get("noise_model")
        return cast("NoiseModel | None", found)

    @cached_property
    def _sizes(self) -> Sizes | None:
        return sizes_of(self.backend)

    def _exact_backend(self) -> Any:
        """Where expectation values can be saved: the backend itself, if Aer runs it."""
        if self.batches_seeds:
            return self.backend
        with self._lock:
            if self._exact is None:
                self._exact = make("aer_statevector")
            return self._exact

    def _noise_model(self, options: Mapping[str, Any]) -> NoiseModel | None:
        """The noise of a simulation on Aer; None if it is ideal, or somewhere else."""
        if not self.batches_seeds:
            return None
        model = options.get("noise_model") or self._own_noise_model()
        return None if model is None or model.is_ideal() else model

    def _own_noise_model(self) -> NoiseModel | None:
        model: NoiseModel | None = self.backend.options.get("noise_model")
        if model is None and not is_aer(self.backend):
            # Fake devices build their model when they first run, and keep it here. It
            # knows more than NoiseModel.from_backend, such as unequal readout errors.
            job = self.backend.run(QuantumCircuit(1), shots=1, noise_model=NoiseModel())
            job.result()
            model = self.backend.options.get("noise_model")
        return model


def _named(
    pieces: Sequence[Piece], forms: Sequence[Straight | None], names: Sequence[str]
) -> list[QuantumCircuit]:
    """The circuits to send."""
    return [
        assigned(piece.circuit if form is None else form.circuit, piece.values).copy(
            name
        )
        for piece, form, name in zip(pieces, forms, names, strict=True)
    ]


def _exact_options(
    pieces: Sequence[Piece], noisy: bool, options: Mapping[str, Any]
) -> dict[str, Any]:
    noisy = noisy or options.get("noise_model") is not None
    if noisy or not all(is_unitary(piece.circuit) for piece in pieces):
        return {"method": "density_matrix"}
    return {}


def _failure(result: Any, index: int) -> Exception | None:
    """Why one circuit of a result failed, or None."""
    parts = getattr(result, "results", None)
    part = parts[index] if isinstance(parts, list) and index < len(parts) else None
    succeeded = getattr(result, "success", True)
    if succeeded or (part is not None and getattr(part, "success", False)):
        return None
    status = getattr(part, "status", "") or getattr(result, "status", "") or "failed"
    text = status if isinstance(status, str) else name_of(status)
    return failed_with(text.removeprefix("ERROR: ").strip())
