"""What a job asked of a device, as one value of the store, and back.

Written before the job is sent, so that a process that takes the run up can fetch what
the job came to without running any step for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from qiskit import QuantumCircuit
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from quantumflow_lab.ports import (
    JobRequest,
    Known,
    Member,
    MemberForecast,
    Sent,
    Shape,
)
from quantumflow_lab.price import Price
from quantumflow_lab.runner.cached import Found, Lookup, Place
from quantumflow_lab.runner.live import Task
from quantumflow_lab.work import NO_WORK, Work

Get = Callable[[Mapping[str, Any]], object]
"""Reads a value of the store; raises ``StoreError``."""


@dataclass(frozen=True, slots=True)
class LeftMember:
    """One point of a step, or one call of a loop."""

    place: Mapping[str, Any]
    """The point, as records name it."""
    attempt: int
    began: float | None
    """When the point was begun, seconds since the epoch."""
    call: tuple[str, int] | None
    """What a call asks, as a key, and how many equal ones came before; None for a
    point of a sample or estimate step."""
    task: Task


@dataclass(frozen=True, slots=True)
class LeftJob:
    """A job that an earlier process has sent, or was about to."""

    request: JobRequest
    """Its members are numbered by their position."""
    members: tuple[LeftMember, ...]
    answered: frozenset[int]
    """Members whose answer was recorded."""
    price: Price | None
    submitted: float
    """Seconds since the epoch."""


def packed(
    request: JobRequest, members: Sequence[LeftMember], price: Price | None
) -> dict[str, Any]:
    """A job as a value that the codec knows, if it knows its circuits and options."""
    circuits = _Circuits()
    return {
        "kind": request.kind,
        "mode": request.mode,
        "seed": request.seed,
        "price": None if price is None else asdict(price),
        "members": [
            {
                "place": member.place,
                "attempt": member.attempt,
                "began": member.began,
                "call": None if member.call is None else list(member.call),
                "seed_index": sent.seed_index,
                **_packed_task(member.task, circuits),
            }
            for sent, member in zip(request.members, members, strict=True)
        ],
        "circuits": circuits.all,
    }


def unpacked(
    value: Any,
    get: Get,
    *,
    job: int,
    tag: str,
    backend: str,
    sent_as: Mapping[int, Sent],
    submitted: float,
    is_answered: Callable[[LeftMember], bool],
) -> LeftJob:
    """The job of a value that :func:`packed` has made.

    Raises
    ------
    StoreError
        If a result that its answer has to be joined with is gone.
    """
    members = tuple(_member(each, value["circuits"], get) for each in value["members"])
    request = JobRequest(
        job=job,
        tag=tag,
        kind=value["kind"],
        backend=backend,
        members=tuple(
            Member(
                unit=i,
                attempt=member.attempt,
                pubs=member.task.pubs,
                seed_index=member.task.seed_index,
                **member.task.options,
            )
            for i, member in enumerate(members)
        ),
        seed=value["seed"],
        sent_as=sent_as,
        # Jobs of earlier versions have none.
        mode=value.get("mode", "job"),
    )
    return LeftJob(
        request=request,
        members=members,
        answered=frozenset(i for i, each in enumerate(members) if is_answered(each)),
        price=None if value["price"] is None else Price(**value["price"]),
        submitted=submitted,
    )


def packed_batches(batches: Mapping[int, Sent]) -> dict[str, Any]:
    """What is known of the batches of a job that were sent, for its records."""
    return {
        str(number): (
            {"job": sent.job, "bits": [[b, n] for b, n in sent.bits]}
            if sent.bits
            else sent.job
        )
        for number, sent in batches.items()
    }


def batches_of(packed: Mapping[str, Any] | None) -> dict[int, Sent]:
    """What :func:`packed_batches` was given.

    Examples
    --------
    >>> batches_of({"0": "x7", "2": {"job": "x8", "bits": [[[1, 0], 2], [None, 1]]}})
    {0: Sent(job='x7', bits=()), 2: Sent(job='x8', bits=(((1, 0), 2), (None, 1)))}
    """
    found = {}
    for number, said in (packed or {}).items():
        told = said if isinstance(said, dict) else {"job": said, "bits": ()}
        bits = [(b if b is None else tuple(b), n) for b, n in told["bits"]]
        found[int(number)] = Sent(told["job"], tuple(bits))
    return found


class _Circuits:
    """Circuits, each once: PUBs that shared one share it again."""

    def __init__(self) -> None:
        self.all: list[QuantumCircuit] = []
        self._places: dict[int, int] = {}

    def place(self, circuit: QuantumCircuit) -> int:
        if id(circuit) not in self._places:
            self._places[id(circuit)] = len(self.all)
            self.all.append(circuit)
        return self._places[id(circuit)]


def _packed_task(task: Task, circuits: _Circuits) -> dict[str, Any]:
    lookup = task.lookup
    return {
        "pubs": [_packed_pub(pub, circuits) for pub in task.pubs],
        "shape": _packed_shape(task.shape),
        "options": dict(task.options),
        "backend": task.backend,
        "circuits": task.circuits,
        "shots": task.shots,
        "lookup": None if lookup is None else _packed_lookup(lookup, circuits),
        "forecast": None if task.forecast is None else asdict(task.forecast),
    }


def _member(packed: Any, circuits: Sequence[QuantumCircuit], get: Get) -> LeftMember:
    lookup = packed["lookup"]
    # Jobs of earlier versions have none.
    forecast = packed.get("forecast")
    task = Task(
        pubs=tuple(_pub(pub, circuits) for pub in packed["pubs"]),
        shape=_shape(packed["shape"]),
        options=packed["options"],
        seed_index=packed["seed_index"],
        backend=packed["backend"],
        circuits=packed["circuits"],
        shots=packed["shots"],
        payload=0,
        counted=False,
        lookup=None if lookup is None else _lookup(lookup, circuits, get),
        forecast=None if forecast is None else _forecast(forecast),
    )
    call = packed["call"]
    return LeftMember(
        place=packed["place"],
        attempt=packed["attempt"],
        began=packed["began"],
        call=None if call is None else (call[0], call[1]),
        task=task,
    )


def _forecast(packed: Mapping[str, Any]) -> MemberForecast:
    found = MemberForecast(**{**packed, "work": NO_WORK})
    # Jobs of earlier versions have no work.
    work = packed.get("work")
    return found if work is None else replace(found, work=Work(**work))


def _packed_pub(pub: Any, circuits: _Circuits) -> dict[str, Any]:
    values = pub.parameter_values
    found = {
        "circuit": circuits.place(pub.circuit),
        "values": [[list(names), array] for names, array in values.data.items()],
        "shape": list(values.shape),
    }
    if isinstance(pub, SamplerPub):
        return {**found, "shots": pub.shots}
    observables = pub.observables.tolist()
    return {**found, "observables": observables, "precision": pub.precision}


def _pub(packed: Any, circuits: Sequence[QuantumCircuit]) -> SamplerPub | EstimatorPub:
    circuit = circuits[packed["circuit"]]
    data = {tuple(names): array for names, array in packed["values"]}
    values = BindingsArray(data, shape=tuple(packed["shape"]))
    if "shots" in packed:
        return SamplerPub(circuit, values, packed["shots"])
    observables = ObservablesArray.coerce(packed["observables"])
    return EstimatorPub(circuit, observables, values, packed["precision"])


def _packed_shape(shape: Shape) -> dict[str, Any]:
    return {
        "kind": shape.kind,
        "keys": list(shape.keys),
        "parts": [_packed_shape(part) for part in shape.parts],
        "about": [None if each is None else dict(each) for each in shape.about],
    }


def _shape(packed: Any) -> Shape:
    return Shape(
        packed["kind"],
        tuple(packed["keys"]),
        tuple(map(_shape, packed["parts"])),
        tuple(packed["about"]),
    )


def _packed_lookup(lookup: Lookup, circuits: _Circuits) -> dict[str, Any]:
    return {
        "pubs": [_packed_pub(pub, circuits) for pub in lookup.pubs],
        "places": [None if each is None else asdict(each) for each in lookup.places],
        "found": [
            None if each is None else asdict(each.known) for each in lookup.found
        ],
        "backend": lookup.backend,
    }


def _lookup(packed: Any, circuits: Sequence[QuantumCircuit], get: Get) -> Lookup:
    places, known = packed["places"], packed["found"]
    found = [None if each is None else Known(**each) for each in known]
    return Lookup(
        pubs=tuple(_pub(pub, circuits) for pub in packed["pubs"]),
        places=tuple(None if each is None else Place(**each) for each in places),
        found=tuple(
            None if each is None else Found(each, get(each.value)) for each in found
        ),
        backend=packed["backend"],
    )
