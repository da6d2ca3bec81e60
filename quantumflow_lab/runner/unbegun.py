"""Points that are cancelled before they began, many at a time.

A run of 100,000 points is cancelled in one event, and the scheduler answers with a word
for each unit. What has not begun has nothing to tell apart from its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quantumflow_lab.core import Cause, Command, Final, UnitState


@dataclass(frozen=True, slots=True)
class Unbegun:
    """Consecutive units that were cancelled before their first attempt."""

    first: int
    count: int


def gathered(commands: Iterable[Command]) -> Iterator[Command | Unbegun]:
    """Commands in their order, with the units that were never begun in one piece each.

    Examples
    --------
    >>> from quantumflow_lab.core import Run
    >>> ends = [Final(n, UnitState.CANCELLED, 0, Cause.CANCELLED) for n in (4, 5, 6)]
    >>> list(gathered([*ends, Run(7, 1)]))
    [Unbegun(first=4, count=3), Run(unit=7, attempt=1)]
    """
    first = count = 0
    for command in commands:
        if isinstance(command, Final) and _is_unbegun(command):
            if count and command.unit == first + count:
                count += 1
                continue
            if count:
                yield Unbegun(first, count)
            first, count = command.unit, 1
            continue
        if count:
            yield Unbegun(first, count)
            count = 0
        yield command
    if count:
        yield Unbegun(first, count)


def _is_unbegun(final: Final) -> bool:
    return (
        final.attempt == 0
        and final.state is UnitState.CANCELLED
        and final.cause is Cause.CANCELLED
    )
