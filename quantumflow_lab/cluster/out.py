"""What has left for a worker, and what is to be stopped there: no thread, no Dask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.cluster.parcels import Key
from quantumflow_lab.cluster.parts import Whole
from quantumflow_lab.cluster.queue import Load, Seat, Waiting, WaitingPart


@dataclass(slots=True, eq=False)
class Sent:
    """A task of Dask."""

    future: Any
    seat: Seat
    load: Load
    holds: str
    """What the worker has once it has taken this."""


def _lists() -> defaultdict[str, list[Any]]:
    return defaultdict(list)


@dataclass
class Out:
    """Tasks, their points, and the stops that their workers have not heard of."""

    sent: dict[str, Sent] = field(default_factory=dict)
    """Tasks by their keys."""
    leaving: dict[Key, Waiting] = field(default_factory=dict)
    """Points that are chosen and not sent yet."""
    points: dict[Key, tuple[str, Waiting]] = field(default_factory=dict)
    """Points that were sent, and the addresses that have them."""
    stops: dict[str, list[Key]] = field(default_factory=_lists)
    """Points to be stopped, by the address of their worker."""
    part_stops: dict[str, list[int]] = field(default_factory=_lists)
    """Numbers of parts to be stopped, by the address of their worker."""

    @property
    def codes(self) -> set[str]:
        """Functions of the points that workers have."""
        loads = (sent.load for sent in self.sent.values())
        return {load[0].away.code for load in loads if isinstance(load, list)}

    def leave(self, load: Load) -> None:
        """A load was chosen, and is on its way."""
        self.leaving = _by_key(load)

    def add(self, key: str, sent: Sent) -> None:
        """It is sent: what was stopped on its way is to be told so now."""
        self.sent[key] = sent
        self.leaving = {}
        address, load = sent.seat.address, sent.load
        if isinstance(load, WaitingPart):
            if load.whole.over:
                self.part_stops[address].append(load.number)
            return
        self.points.update({w.away.key: (address, w) for w in load})
        if stopped := [w.away.key for w in load if w.stopped]:
            self.stops[address] += stopped

    def take(self, key: str) -> bool:
        """A task is out no more; False if it was not."""
        sent = self.sent.pop(key, None)
        if sent is None:
            return False
        for each in _by_key(sent.load):
            self.points.pop(each, None)
        return True

    def of(self, seats: Collection[Seat]) -> list[str]:
        """Keys of the tasks that these workers have."""
        return [key for key, sent in self.sent.items() if sent.seat in seats]

    def stop(self, key: Key) -> None:
        """Stop a point that waits for no worker any more."""
        if (waiting := self.leaving.get(key)) is not None:
            waiting.stopped = True  # told its worker as soon as that has it
        elif key in self.points:
            address, waiting = self.points[key]
            if not waiting.stopped:
                waiting.stopped = True
                self.stops[address].append(key)

    def stop_whole(self, whole: Whole) -> None:
        """Stop the parts of a job."""
        for sent in self.sent.values():
            if isinstance(sent.load, WaitingPart) and sent.load.whole is whole:
                self.part_stops[sent.seat.address].append(sent.load.number)

    def stop_all(self) -> None:
        """Stop whatever is out."""
        for sent in self.sent.values():
            if isinstance(sent.load, WaitingPart):
                self.part_stops[sent.seat.address].append(sent.load.number)
            else:
                self.stops[sent.seat.address].extend(_by_key(sent.load))

    def take_stops(self) -> tuple[dict[str, list[Key]], dict[str, list[int]]]:
        """Points and parts that workers have to be told of now."""
        stops = self.stops, self.part_stops
        self.stops, self.part_stops = _lists(), _lists()
        return stops


def _by_key(load: Load) -> dict[Key, Waiting]:
    """The points of a load; a part of a job has none."""
    points = load if isinstance(load, list) else []
    return {waiting.away.key: waiting for waiting in points}
