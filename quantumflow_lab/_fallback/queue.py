"""Who wants to start on a lane: ``rust/core/src/queue.rs``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.terms import FOREVER

if TYPE_CHECKING:
    from quantumflow_lab._fallback.tables import Class, Unit


class Lowest:
    """A set of numbers that gives its lowest first."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._set: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._set)

    def __iter__(self) -> Iterator[int]:
        return iter(self._set)

    def add(self, number: int) -> None:
        """Add a number that is not in it."""
        self._set.add(number)
        heappush(self._heap, number)

    def remove(self, number: int) -> None:
        """Remove a number; its place in the heap is skipped later."""
        self._set.remove(number)

    def lowest(self) -> int:
        """The lowest number."""
        while self._heap[0] not in self._set:
            heappop(self._heap)
        return self._heap[0]


class Level:
    """What one run could start at one priority."""

    def __init__(self) -> None:
        self.jobs = Lowest()
        self.units = Lowest()

    def __bool__(self) -> bool:
        return bool(self.jobs or self.units)


@dataclass(slots=True)
class Share:
    """One run's part of a lane."""

    served: int = 0
    """Expected microseconds of what it has started here."""
    paused: bool = False
    levels: dict[int, Level] = field(default_factory=dict)


class Queue:
    """Who may start: runs by the time they were served, then by priority."""

    def __init__(self) -> None:
        self._shares: dict[int, Share] = {}
        self._clock = 0
        """What the run had that started last, before that start."""

    def __bool__(self) -> bool:
        return any(s.levels and not s.paused for s in self._shares.values())

    def _share(self, run: int) -> Share:
        return self._shares.setdefault(run, Share())

    def _level(self, cls: Class) -> Level:
        share = self._share(cls.run.number)
        if not share.levels:
            share.served = max(share.served, self._clock)
        return share.levels.setdefault(cls.priority, Level())

    def add_unit(self, unit: Unit) -> None:
        """Queue a ready unit."""
        self._level(unit.cls).units.add(unit.number)

    def add_job(self, cls: Class) -> None:
        """Queue the forming job of a class; it stays until it is not due."""
        self._level(cls).jobs.add(cls.number)

    def remove_unit(self, unit: Unit) -> None:
        """Take a unit out."""
        self._level(unit.cls).units.remove(unit.number)
        self._drop_empty(unit.cls)

    def remove_job(self, cls: Class) -> None:
        """Take a class out that is no longer due."""
        self._level(cls).jobs.remove(cls.number)
        self._drop_empty(cls)

    def _drop_empty(self, cls: Class) -> None:
        levels = self._share(cls.run.number).levels
        if not levels[cls.priority]:
            del levels[cls.priority]

    def next(self) -> tuple[bool, int] | None:
        """What starts next: whether it is a job, and the number of class or unit."""
        waiting = (
            (share.served, run)
            for run, share in self._shares.items()
            if share.levels and not share.paused
        )
        turn = min(waiting, default=None)
        if turn is None:
            return None
        levels = self._shares[turn[1]].levels
        level = levels[max(levels)]
        if level.jobs:
            return True, level.jobs.lowest()
        return False, level.units.lowest()

    def charge(self, run: int, expected: int) -> None:
        """A run has started something that is expected to take this long."""
        share = self._share(run)
        self._clock = max(self._clock, share.served)
        share.served = min(share.served + max(expected, 1), FOREVER)

    def pause(self, run: int, paused: bool) -> None:
        """Nothing of a paused run starts; it keeps its place."""
        share = self._share(run)
        if share.paused and not paused and share.levels:
            share.served = max(share.served, self._clock)
        share.paused = paused

    def forget(self, run: int) -> None:
        """Let go of a run that has ended."""
        self._shares.pop(run, None)

    def units(self) -> list[int]:
        """All queued units."""
        levels = [v for share in self._shares.values() for v in share.levels.values()]
        return [unit for level in levels for unit in level.units]
