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

    from quantumflow_lab.graph.numbering import Numbers


FEW = 16
"""Sources are few if there is less than one to so many units."""


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
    """The unit of each number."""
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


def plan(numbers: Numbers, wanted: Collection[int]) -> Plan:
    """Group what was numbered into units.

    Parameters
    ----------
    wanted
        Numbers whose results the caller wants; they end a chain.

    Raises
    ------
    RuntimeError
        If keys need each other.
    """
    needs = numbers.needs
    counts = Counter(chain.from_iterable(needs))
    if counts[-1]:
        raise numbers.cycle(numbers)
    counts.update(wanted)
    uses = [*map(counts.get, range(len(needs)), repeat(0))]
    made = Plan(numbers.calls, needs, uses, range(len(needs)), [])
    # Depth first numbers a need that has one user right before it.
    first = [
        number
        for number, mine in enumerate(needs)
        if len(mine) != 1 or mine[0] != number - 1 or uses[number - 1] != 1
    ]
    if len(first) < len(needs):
        made = _chained(made, first)
    if made.needs.count(()) * FEW > len(made.needs):
        made = _eager(made)
    return made


def _chained(made: Plan, first: list[int]) -> Plan:
    """Join units to chains that begin with these."""
    calls, needs, uses, stop = made.calls, made.needs, made.uses, made.stop
    spans = [*pairwise([*first, len(needs)])]
    unit_of: list[int] = []
    for unit, (start, end) in enumerate(spans):
        unit_of.extend(repeat(unit, end - start))
    number = unit_of.__getitem__
    return Plan(
        [
            calls[start] if end - start == 1 else Chain(calls[start:end], stop)
            for start, end in spans
        ],
        [tuple(map(number, needs[start])) for start in first],
        [uses[end - 1] for _, end in spans],
        unit_of,
        stop,
    )


def _eager(made: Plan) -> Plan:
    """Put each unit right after the last of the sources that it depends on.

    Depth first alone would run all of ``x.min()`` before ``x.max()``, and hold every
    chunk of ``x`` for that long.
    """
    last: list[int] = []
    for unit, mine in enumerate(made.needs):
        last.append(max(map(last.__getitem__, mine)) if mine else unit)
    order = sorted(range(len(last)), key=last.__getitem__)
    rank = last
    for place, unit in enumerate(order):
        rank[unit] = place
    place_of = rank.__getitem__
    return Plan(
        [*map(made.calls.__getitem__, order)],
        [tuple(map(place_of, made.needs[unit])) for unit in order],
        [*map(made.uses.__getitem__, order)],
        [*map(place_of, made.unit_of)],
        made.stop,
    )
