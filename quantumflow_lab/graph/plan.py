"""From numbered calls to units of the scheduler: a chain of calls is one unit.

Where a call has one need, which nobody else needs, both run in one go on one thread:
handing the result over would only cost.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from quantumflow_lab.graph.reading import Reading


@dataclass(slots=True)
class Plan:
    """What the threads run and the scheduler is told. All lists are by unit."""

    calls: list[Callable[..., Any]]
    """Called with the results of `needs`."""
    needs: list[tuple[int, ...]]
    """Earlier units, in the order of the arguments; a unit may repeat."""
    uses: list[int]
    """How often a result is wanted: by units that need it, and by the caller."""
    unit_of: list[int] | range
    """The unit of each number of the reading."""
    stop: list[bool]
    """Not empty once nothing more is wanted; chains look at it between calls."""


class Chain:
    """Calls of which each takes the result of the one before."""

    __slots__ = ("first", "rest", "stop")

    def __init__(self, calls: list[Callable[..., Any]], stop: list[bool]) -> None:
        self.first, *self.rest = calls
        self.stop = stop

    def __call__(self, *results: Any) -> Any:
        """Run them all, unless told to stop."""
        value = self.first(*results)
        stop = self.stop
        for call in self.rest:
            if stop:
                break
            value = call(value)
        return value


def plan(reading: Reading, wanted: Collection[int]) -> Plan:
    """Group what was read into units.

    Parameters
    ----------
    wanted
        Numbers whose results the caller wants; they end a chain.
    """
    needs = reading.needs
    counts = Counter(chain.from_iterable(needs))
    if counts[-1]:
        raise RuntimeError(reading.cycle())
    counts.update(wanted)
    uses = [*map(counts.get, range(len(needs)), repeat(0))]
    stop: list[bool] = []
    # Depth first numbers a need that has one user right before it.
    first = [
        number
        for number, mine in enumerate(needs)
        if len(mine) != 1 or mine[0] != number - 1 or uses[number - 1] != 1
    ]
    if len(first) == len(needs):
        return Plan(reading.calls, needs, uses, range(len(needs)), stop)
    return _chained(reading, uses, first, stop)


def _chained(
    reading: Reading, uses: list[int], first: list[int], stop: list[bool]
) -> Plan:
    """Group by the numbers that begin a unit."""
    spans = [*pairwise([*first, len(reading.needs)])]
    unit_of: list[int] = []
    for unit, (start, end) in enumerate(spans):
        unit_of.extend(repeat(unit, end - start))
    calls = reading.calls
    number = unit_of.__getitem__
    return Plan(
        [
            calls[start] if end - start == 1 else Chain(calls[start:end], stop)
            for start, end in spans
        ],
        [tuple(map(number, reading.needs[start])) for start in first],
        [uses[end - 1] for _, end in spans],
        unit_of,
        stop,
    )
