"""What functions of steps returned when a run was quoted.

The run that follows has the same values, seed and axes, so they need not run again:
what they returned is taken once, and what they printed and logged is told then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from quantumflow_lab.runner.context import StepContext, StepPort

Said: TypeAlias = Callable[[StepPort, StepContext], None]
"""Tells the runner once more what a function has told."""
_Key: TypeAlias = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Returned:
    """The value of a function at one point, and what it said on its way."""

    value: Any
    said: Sequence[Said] = ()


@dataclass(slots=True)
class Tried:
    """Values by step and point, and by backend for functions that are told theirs."""

    _values: dict[_Key, Returned] = field(default_factory=dict)

    def put(self, context: StepContext, returned: Returned, *, told: bool) -> None:
        """Keep the value of a point.

        Parameters
        ----------
        told
            Whether the function is told its backend.
        """
        self._values[_key(context, told=told)] = returned

    def look(self, context: StepContext, *, told: bool) -> Returned | None:
        """The value of a point, which stays."""
        return self._values.get(_key(context, told=told))

    def take(self, context: StepContext, *, told: bool) -> Returned | None:
        """The value of a point, once: another attempt runs the function."""
        return self._values.pop(_key(context, told=told), None)


def _key(context: StepContext, *, told: bool) -> _Key:
    return context.step, context.point, context.backend if told else ""
