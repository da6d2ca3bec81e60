"""Results of other runs, in the place of jobs.

Equal PUBs of one run are numbered by where they stand, so that a point takes what the
same point of another run has taken, whichever asks first, and none takes what another
has: they stay independent samples. Where a seed was given it is part of the key; where
none was, a result with too many shots is cut and one with too few is topped up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from qiskit.primitives import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

from quantumflow_lab.errors import StoreError
from quantumflow_lab.planning.seeds import derive
from quantumflow_lab.ports import Backends, Clock, Known, Results, Sink
from quantumflow_lab.runner.labels import point_label
from quantumflow_lab.runner.live import Kind, LiveRun, Part, StepState, Task

CURRENT_S = 24 * 3600.0
"""Age at which a result of a device that tells no calibration is too old to take."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result of a PUB is, or will be kept."""

    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Found:
    """A result that is there already."""

    known: Known
    result: Any
    """The ``PubResult``."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is there of the PUBs of one point or call."""

    pubs: tuple[Any, ...]
    """As the step asked for them."""
    places: tuple[Place | None, ...]
    found: tuple[Found | None, ...]
    backend: str

    @property
    def missing(self) -> tuple[Any, ...]:
        """What has to run: PUBs without a result, and the shots that others lack."""
        pairs = zip(self.pubs, self.found, strict=True)
        left = (_left(pub, found) for pub, found in pairs)
        return tuple(pub for pub in left if pub is not None)

    @property
    def origin(self) -> Known | None:
        """The newest result among those found."""
        taken = [found.known for found in self.found if found is not None]
        return max(taken, key=lambda known: known.taken, default=None)

    @property
    def part(self) -> Part:
        """How much of what was asked for is there."""
        pairs = list(zip(self.pubs, self.found, strict=True))
        if all(isinstance(pub, SamplerPub) for pub in self.pubs):
            asked = sum(pub.size * pub.shots for pub in self.pubs)
            shots = ((p, min(f.known.shots, p.shots)) for p, f in pairs if f)
            return Part(sum(pub.size * n for pub, n in shots), asked, "shots")
        return Part(sum(f is not None for _, f in pairs), len(pairs), "PUBs")

    def merged(self, results: Sequence[Any]) -> list[Any]:
        """A result for every PUB, given those of :attr:`missing`."""
        queue, merged = iter(results), []
        for pub, found in zip(self.pubs, self.found, strict=True):
            if found is None:
                merged.append(next(queue))
            elif _left(pub, found) is None:
                merged.append(_taken(pub, found, self.backend))
            else:
                merged.append(_topped_up(pub, found, next(queue), self.backend))
        return merged


class Cache:
    """Looks results up and keeps them.

    Parameters
    ----------
    backends, results, sink, clock
        Ports.
    """

    def __init__(
        self, backends: Backends, results: Results, sink: Sink, clock: Clock
    ) -> None:
        self._backends = backends
        self._results = results
        self._sink = sink
        self._clock = clock

    def look(
        self, live: LiveRun, state: StepState, kind: Kind, task: Task, where: str
    ) -> Task:
        """The task with what is there of it, and only the rest to run.

        `where` names the point, or the call, of the step.
        """
        places = self._places(live, state, kind, task, where)
        if not any(places):
            return task
        found: list[Found | None] = [None] * len(places)
        if not live.is_fresh(state.name):
            for i, place in enumerate(places):
                found[i] = self._find(live, state, task, place, i)
        lookup = Lookup(task.pubs, places, tuple(found), task.backend)
        left = lookup.missing
        if left and (live.seeded or state.plan.others):
            # The seeds of the rest would be others than with all of them; a backend
            # that stands in would add its shots to those of another.
            lookup = replace(lookup, found=(None,) * len(places))
            left = lookup.missing
        if not any(lookup.found):
            return replace(task, lookup=lookup)
        return replace(
            task,
            pubs=left,
            circuits=sum(self._backends.circuits(kind, pub) for pub in left),
            shots=sum(self._backends.shots(kind, pub) for pub in left),
            lookup=lookup,
        )

    def keep(
        self,
        live: LiveRun,
        lookup: Lookup,
        results: Sequence[Any],
        ref: Mapping[str, Any] | None,
    ) -> None:
        """Keep what has been taken; `ref` is where the store has the only result."""
        now = self._clock.wall()
        for place, found, pub, result in zip(
            lookup.places, lookup.found, lookup.pubs, results, strict=True
        ):
            if place is None or (found is not None and _left(pub, found) is None):
                continue
            value = ref or self._sink.put(result)
            if value is not None:
                shots = getattr(pub, "shots", 0)
                # What tops up another result takes its place.
                number = place.number if found is None else found.known.number
                known = Known(live.id, live.name, now, shots, value, number)
                self._results.keep(place.key, known)

    def flush(self) -> None:
        """Make what has been kept there for others."""
        self._results.flush()

    def _places(
        self, live: LiveRun, state: StepState, kind: Kind, task: Task, where: str
    ) -> tuple[Place | None, ...]:
        options = task.options
        how = [options.get("optimization_level", 1)]
        how += [options.get("transpile", {}), options.get("options", {})]
        places, index = [], task.seed_index
        for i, pub in enumerate(task.pubs):
            key = self._backends.key(task.backend, kind, pub, how)
            if key is not None and live.seeded and not _is_exact(pub):
                shots = getattr(pub, "shots", 0)
                place = f"{state.name}.{task.backend}.{index}"
                key = f"{key}.{live.seed}.{place}.{shots}"
            index += self._backends.circuits(kind, pub)
            number = _number(state, where, i)
            places.append(Place(key, number) if key else None)
        return tuple(places)

    def _find(
        self, live: LiveRun, state: StepState, task: Task, place: Place | None, i: int
    ) -> Found | None:
        if place is None:
            return None
        known = self._results.find(
            place.key,
            place.number,
            # Atomic: bodies run in several threads.
            live.taken.setdefault(place.key, set()),
            besides=live.id,
            shots=getattr(task.pubs[i], "shots", 0),
            since=self._since(task.backend),
            reserved=lambda: _reserved(live, state, len(task.pubs)),
        )
        if known is None:
            return None
        try:
            return Found(known, self._sink.get(known.value))
        except StoreError:
            return None  # the value has gone, so it has to be taken anew

    def _since(self, backend: str) -> float:
        """When results of a backend were taken that are not too old."""
        facts = self._backends.known(backend)
        if facts.simulator or facts.calibrated is not None:
            return 0.0
        return self._clock.wall() - CURRENT_S


def _number(state: StepState, where: str, i: int) -> int:
    return derive(0, state.name, where, str(i))


def _reserved(live: LiveRun, state: StepState, pubs: int) -> frozenset[int]:
    """What other points will ask for, of which each may come before this one."""
    if not state.plan.quantum:
        return frozenset()
    if pubs not in state.reserved:
        labels = (point_label(live, state, point) for point in range(state.size))
        state.reserved[pubs] = frozenset(
            _number(state, label, i) for label in labels for i in range(pubs)
        )
    return state.reserved[pubs]


def _is_exact(pub: Any) -> bool:
    return getattr(pub, "precision", None) == 0


def _left(pub: Any, found: Found | None) -> Any:
    """What has to run of a PUB, or None."""
    if found is None:
        return pub
    if not isinstance(pub, SamplerPub) or found.known.shots >= pub.shots:
        return None
    rest = pub.shots - found.known.shots
    return SamplerPub(pub.circuit, pub.parameter_values, rest, validate=False)


def _taken(pub: Any, found: Found, backend: str) -> Any:
    """A result of another run, with no more shots than were asked for."""
    result = found.result
    metadata = {**result.metadata, "qflow": _with_origin(found, result, backend)}
    if not isinstance(pub, SamplerPub):
        return type(result)(result.data, metadata)
    bits = _by_name(pub, result)
    if found.known.shots > pub.shots:
        # Shots are in random order, so that the first of them are a fair sample.
        wanted = range(pub.shots)
        bits = {name: array.slice_shots(wanted) for name, array in bits.items()}
    data = DataBin(**bits, shape=result.data.shape)
    return SamplerPubResult(data, {**metadata, "shots": pub.shots})


def _by_name(pub: SamplerPub, result: Any) -> dict[str, BitArray]:
    """Bits of each register, called as this circuit calls it.

    Names that Qiskit makes up, such as ``c7``, are others in every circuit.
    """
    names = [register.name for register in pub.circuit.cregs]
    return dict(zip(names, result.data.values(), strict=True))


def _topped_up(pub: SamplerPub, found: Found, rest: Any, backend: str) -> Any:
    """A result of another run and the shots that it lacked."""
    bits = {
        name: BitArray.concatenate_shots([array, rest.data[name]])
        for name, array in _by_name(pub, found.result).items()
    }
    shots = found.known.shots + rest.metadata["shots"]
    data = DataBin(**bits, shape=rest.data.shape)
    about = _with_origin(found, rest, backend)
    metadata = {**rest.metadata, "shots": shots, "qflow": about}
    return SamplerPubResult(data, metadata)


def _with_origin(found: Found, result: Any, backend: str) -> dict[str, Any]:
    """What the metadata says; a backend may have been called otherwise before."""
    known = found.known
    taken = datetime.fromtimestamp(known.taken, UTC).isoformat(timespec="seconds")
    origin = {"run": known.run, "name": known.name, "taken": taken}
    about = result.metadata.get("qflow", {})
    return {**about, "backend": backend, "cached": origin}
