"""The one way to run circuits on a backend that only speaks primitives.

It offers what :class:`quantumflow_lab.backends.adapter.RunAdapter` offers: an outcome
or an error for each circuit, counts being the common currency.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from qiskit.primitives.containers import PubResult

from quantumflow_lab.backends.counts import Counts
from quantumflow_lab.backends.facts import calibration_date, circuit_limit, is_noisy
from quantumflow_lab.backends.failures import (
    is_full,
    is_in_doubt,
    text_of,
)
from quantumflow_lab.backends.isa import Kept, Transpiler
from quantumflow_lab.backends.jobs import (
    PATIENCE_S,
    awaited,
    id_of,
    nothing_came,
    reached,
    rest,
    stop_unwanted,
)
from quantumflow_lab.backends.pieces import Outcome, Piece, Shared
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.backends.sessions import attached, is_gone, is_shut, shut
from quantumflow_lab.backends.usage import Told, ask
from quantumflow_lab.errors import (
    BackendFailed,
    JobNeverArrived,
    JobUnanswered,
    QuantumFlowError,
    WorkerLost,
)
from quantumflow_lab.ports import Mode, Sent
from quantumflow_lab.work import Work

LOOK_FOR_S = (0.0, 1.0, 4.0)
"""Seconds before each look for a job that may have arrived."""
ROOM_S = 5.0
"""Seconds between two submits to a provider with a limit of pending jobs."""


@dataclass
class PrimitiveAdapter:
    """A backend and its primitives."""

    backend: PrimitiveBackend
    """The backend."""
    kept: InitVar[Kept | None] = None
    """Where ISA circuits outlive the process."""
    transpiler: Transpiler = field(init=False)
    """Its transpiler."""
    max_circuits: int = field(init=False)
    """Most circuits in one job."""
    calibrated: str | None = field(init=False)
    """Date of its calibration data, ISO 8601, or None."""
    derived: Shared = field(default_factory=Shared)
    """Circuits made from ISA circuits, for as long as those are kept."""
    tag: str | None = None
    """Put on the jobs, where the provider keeps tags."""
    job: Any = None
    """The job running now, for whoever wants to cancel it."""
    sent: Sent | None = None
    """How the batch that comes next was sent; None if it was not."""
    provider_job: str | None = None
    """Id of the last job, as its provider knows it."""
    told: Told | None = None
    """What was said of the last job of a device, once it was final."""
    sending: Callable[[], None] = lambda: None
    """Called before a batch is sent to a device; raises ``Stopped`` if it must not."""
    submitted: Callable[[Sent], None] = lambda sent: None
    """Called as soon as the provider has the job."""
    most_s: int | None = None
    """Seconds after which the provider is to stop the next job."""
    session: tuple[Mode, str] | None = None
    """How the next job is sent, and the id of the session or batch; None if alone."""
    batches_seeds: bool = False
    """Nothing is promised of seeds in a batch."""
    has_exact: bool = False
    """Primitives have shots."""
    _attached: tuple[str, Any] | None = None
    """The session or batch of the last job, by its id."""

    def __post_init__(self, kept: Kept | None) -> None:
        noisy = is_noisy(self.backend)
        self.transpiler = Transpiler(self.backend, noisy, kept=kept)
        self.max_circuits = circuit_limit(self.backend)
        self.calibrated = calibration_date(self.backend.backend)

    @property
    def takes_seed(self) -> bool:
        """True if a simulation behind it takes a seed."""
        return self.backend.takes_seed

    @property
    def estimates(self) -> bool:
        """True if it has an estimator of its own."""
        return self.backend.estimates

    def readout_errors(self, options: Mapping[str, Any]) -> None:
        """None: what is exact is refused before."""

    def work(
        self,
        pieces: Sequence[Piece],
        options: Mapping[str, Any],
        seen: set[int] | None = None,
    ) -> Work:
        """Nothing: what its primitives do with circuits is theirs."""
        return Work()

    def run(
        self,
        pieces: Sequence[Piece],
        *,
        seed: int | None,
        options: Mapping[str, Any],
        threads: int | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Outcome | Exception]:
        """Run circuits in one job; see :meth:`RunAdapter.run`."""
        sampler = self._primitive("sample", options, seed)
        pubs: list[tuple[Any, Any, int]] = []
        alike: list[list[Piece]] = []
        for _, group in groupby(pieces, key=lambda piece: id(piece.circuit)):
            same = list(group)
            values = [piece.values for piece in same]
            if values[0]:
                pubs.append((same[0].circuit, np.array(values), same[0].shots))
                alike.append(same)
            else:
                # A circuit without parameters has no array to be repeated along.
                pubs += [(piece.circuit, None, piece.shots) for piece in same]
                alike += [[piece] for piece in same]
        result = self._wait(self._sent(sampler, pubs, wanted), wanted)
        if len(result) != len(pubs):
            raise BackendFailed(
                f"{self.backend.name} answered {len(result)} of {len(pubs)} PUBs"
            )
        return [
            _outcome(part, index if piece.values else None, piece, seed)
            for part, same in zip(result, alike, strict=True)
            for index, piece in enumerate(same)
        ]

    def estimate(
        self,
        pubs: Sequence[Any],
        *,
        seed: int | None,
        options: Mapping[str, Any],
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[PubResult]:
        """Estimate ISA PUBs in one job, with the estimator of the backend."""
        estimator = self._primitive("estimate", options, seed)
        results = list(self._wait(self._sent(estimator, pubs, wanted), wanted))
        if len(results) != len(pubs):
            raise BackendFailed(
                f"{self.backend.name} answered {len(results)} of {len(pubs)} PUBs"
            )
        return results

    def _primitive(
        self, kind: str, options: Mapping[str, Any], seed: int | None
    ) -> Any:
        """The sampler or estimator for the next job."""
        return self.backend.primitive(
            kind,
            options,
            tag=self.tag,
            seed=_modest(seed),
            most_s=self.most_s,
            # What was sent already is only asked for.
            session=None if self.sent is not None else self._session(),
        )

    def _session(self) -> Any:
        """The session or batch that the next job belongs to, looked up once."""
        if self.session is None:
            return None
        mode, name = self.session
        if self._attached is None or self._attached[0] != name:
            device = self.backend.backend
            try:
                self._attached = name, attached(device, mode, name)
            except Exception as error:
                if is_gone(error):
                    raise shut(error, self.backend.name, mode, name) from error
                raise
        return self._attached[1]

    def _sent(
        self, primitive: Any, pubs: Sequence[Any], wanted: Callable[[], bool]
    ) -> Any:
        """The job, also if only the answer to its submission was lost on the way."""
        # Another job may use this adapter when this one was given up.
        tag, since = self.tag, time.monotonic()
        if self.sent is not None:
            return self._fetched(self.sent, tag, wanted)
        self.sending()
        while True:
            try:
                return primitive.run(pubs)
            except Exception as error:
                if self.session is not None and is_shut(error):
                    raise shut(error, self.backend.name, *self.session) from error
                late = time.monotonic() - since > PATIENCE_S
                if late or not is_full(error):
                    doubt = is_in_doubt(error)
                    found = self._found(tag, error, wanted) if doubt else None
                    if found is None:
                        raise
                    return found
            # Nothing was taken: there is room once an earlier job has ended.
            rest(ROOM_S, wanted)

    def _fetched(self, sent: Sent, tag: str | None, wanted: Callable[[], bool]) -> Any:
        """A job that was sent before; nothing is sent here."""
        if (name := sent.job) is not None:
            look = self.backend.backend.service.job
            return reached(lambda: look(name), name, self.backend.name, wanted)
        job = self._found(tag, TimeoutError("nobody heard the answer"), wanted)
        if job is None:
            raise JobNeverArrived(
                f"{self.backend.name} has no job tagged {tag}: it never arrived",
                backend=self.backend.name,
                tag=tag,
            )
        return job

    def _found(
        self, tag: str | None, error: Exception, wanted: Callable[[], bool]
    ) -> Any:
        """The job of a tag, where its provider keeps tags; None if it never came."""
        service = getattr(self.backend.backend, "service", None)
        if service is None or tag is None:
            return None
        for pause in LOOK_FOR_S:
            rest(pause, wanted)
            try:
                jobs = service.jobs(job_tags=[tag], limit=None)
            except Exception as other:  # noqa: BLE001 - a client raises anything
                raise JobUnanswered(
                    f"{self.backend.name} may have taken the job tagged {tag} "
                    f"({text_of(error)}), and cannot be asked ({text_of(other)}): look "
                    "there before you run the step again",
                    backend=self.backend.name,
                    tag=tag,
                ) from error
            if jobs:
                return jobs[0]
        return None

    def _wait(self, job: Any, wanted: Callable[[], bool]) -> Any:
        self.job, self.provider_job = job, id_of(job)
        self.submitted(Sent(self.provider_job))
        try:
            stop_unwanted(job, wanted)
            result = awaited(job, self.backend.name, wanted)
            self.told = ask(job, wanted)
            return result
        except QuantumFlowError as error:
            if not isinstance(error, JobUnanswered | WorkerLost):
                self.told = ask(job, wanted)
            raise
        except Exception as error:
            if getattr(self.backend.backend, "service", None) is None:
                raise
            self.told = ask(job, wanted)
            if self.session is not None and is_shut(error):
                where = self.backend.name, *self.session
                raise shut(error, *where, job=self.provider_job) from error
            raise nothing_came(job, error, self.backend.name) from error
        finally:
            # A later job may have taken the place of one that was given up.
            if self.job is job:
                self.job = None


def _modest(seed: int | None) -> int | None:
    return None if seed is None else seed % 2**31


def _outcome(
    result: Any, index: int | None, piece: Piece, seed: int | None
) -> Outcome | Exception:
    """The counts of one parameter set of a PUB, over all bits of the circuit."""
    circuit = piece.circuit
    bits = np.zeros((piece.shots, circuit.num_clbits), dtype=np.uint8)
    arrays = dict(result.data.items())
    for register in circuit.cregs:
        array = arrays.get(register.name)
        if array is None:
            if any(bit in item.clbits for item in circuit.data for bit in register):
                return BackendFailed(f"the backend left out register {register.name}")
            continue  # nothing was measured into it
        if array.num_shots != piece.shots:
            return BackendFailed(
                f"the backend ran {array.num_shots} shots instead of {piece.shots}",
                shots=piece.shots,
                returned=array.num_shots,
            )
        rows = array.array if index is None else array.array[index]
        where = [circuit.find_bit(bit).index for bit in register]
        # BitArray is big-endian: the last bit of the last byte is bit 0.
        unpacked = np.unpackbits(
            rows.reshape(piece.shots, -1)[:, ::-1], axis=1, bitorder="little"
        )
        bits[:, where] = unpacked[:, : len(where)]
    return Outcome(_counted(bits), {}, seed)


def _counted(bits: np.ndarray[Any, np.dtype[np.uint8]]) -> Counts:
    packed = np.packbits(bits, axis=1, bitorder="little")
    rows, numbers = np.unique(packed, axis=0, return_counts=True)
    return {
        int.from_bytes(row.tobytes(), "little"): int(number)
        for row, number in zip(rows, numbers, strict=True)
    }
