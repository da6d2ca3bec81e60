"""What waits for a worker, and which worker takes it: no thread, no Dask.

A worker has as much out as it has threads, and once more if its points are quick, so
that it need not wait for the next group. All else waits here, where it can be cancelled
at once and where no worker can lose it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.cluster.pace import Pace
from quantumflow_lab.cluster.parcels import Key
from quantumflow_lab.cluster.parts import Whole
from quantumflow_lab.ports import Away, Came, JobRequest, Room


@dataclass(slots=True, eq=False)
class Waiting:
    """A point on its way, or about to be."""

    away: Away
    on_end: Callable[[Key, Came], None]
    stopped: bool = False


@dataclass(slots=True, eq=False)
class WaitingPart:
    """A part of a job on its way, or about to be."""

    request: JobRequest
    spec: BackendSpec
    whole: Whole
    number: int


@dataclass(slots=True, eq=False)
class Seat:
    """A worker, as far as we use it."""

    address: str
    threads: int
    out: int = 0
    """Groups and parts of ours that it has."""
    holds: set[str] = field(default_factory=set)
    """Functions and backends that it was sent."""


Load = list[Waiting] | WaitingPart


@dataclass
class Queue:
    """Points by step, parts of jobs, and the workers there are."""

    seats: dict[str, Seat] = field(default_factory=dict)
    points: dict[str, OrderedDict[Key, Waiting]] = field(default_factory=dict)
    """By the name of their function; the one whose turn it is comes first."""
    parts: deque[WaitingPart] = field(default_factory=deque)
    paces: dict[str, Pace] = field(default_factory=dict)

    @property
    def threads(self) -> int:
        """Of all workers."""
        return sum(seat.threads for seat in self.seats.values())

    def room(self, out: set[str]) -> Room:
        """What can be taken: as many points as the slowest step in work allows.

        `out` names the functions of points that workers have.
        """
        threads = self.threads
        work = out | {code for code, line in self.points.items() if line}
        paces = [self.paces[code] for code in work if code in self.paces]
        points = min((p.points(threads) for p in paces), default=threads)
        return Room(len(self.seats), threads, points)

    def add(self, waiting: Waiting, *, first: bool = False) -> None:
        """A point waits; `first` if it did before."""
        code, key = waiting.away.code, waiting.away.key
        self.paces.setdefault(code, Pace())
        line = self.points.setdefault(code, OrderedDict())
        line[key] = waiting
        if first:
            line.move_to_end(key, last=False)

    def forget(self, code: str) -> None:
        """A step has ended."""
        self.points.pop(code, None)
        self.paces.pop(code, None)

    def remove(self, key: Key) -> Waiting | None:
        """Take a point out, if it still waits."""
        for line in self.points.values():
            if key in line:
                return line.pop(key)
        return None

    def next(self) -> tuple[Seat, Load] | None:
        """The next thing to send, and where; None while nothing can be sent."""
        if not self.seats:
            return None
        seat = min(self.seats.values(), key=lambda s: s.out / s.threads)
        if self.parts and seat.out < seat.threads:
            return seat, self.parts.popleft()
        for code in [code for code, line in self.points.items() if line]:
            pace = self.paces[code]
            idle = seat.out < seat.threads
            full = not pace.slow and len(self.points[code]) >= pace.size
            # Ahead of time only whole groups, else many small ones would travel.
            if idle or (full and seat.out < 2 * seat.threads):
                return seat, self._group(code, pace)
        return None

    def _group(self, code: str, pace: Pace) -> list[Waiting]:
        line = self.points.pop(code)
        # To the end, so that steps take turns.
        self.points[code] = line
        size = pace.take(len(line), self.threads)
        group: list[Waiting] = []
        while line and len(group) < size:
            again = next(iter(line.values())).away.attempt > 1
            if again and group:
                break
            group.append(line.popitem(last=False)[1])
            if again:
                break  # alone, lest it takes others down once more
        return group

    def clear(self) -> tuple[list[Waiting], list[WaitingPart]]:
        """All that waits, which waits no more."""
        lines = self.points.values()
        points = [waiting for line in lines for waiting in line.values()]
        parts = list(self.parts)
        self.points.clear()
        self.parts.clear()
        return points, parts
