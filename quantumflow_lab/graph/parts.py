"""Calls whose arguments are not just results: constants, nested tasks, containers.

Reading a task gives one callable that takes the results it needs, in order. A `Part`
is what an argument becomes if it depends on a result; everything else is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Part(Protocol):
    """Something that the results of a task are filled into."""

    def fill(self, results: Sequence[Any]) -> Any:
        """The value, given all results that the task needs."""


@dataclass(frozen=True, slots=True)
class Need:
    """The result at this place."""

    at: int

    def fill(self, results: Sequence[Any]) -> Any:
        """Pick the result."""
        return results[self.at]


@dataclass(frozen=True, slots=True)
class Call:
    """A nested task; also the way containers are built around results."""

    func: Callable[..., Any]
    parts: Sequence[Any]
    named: dict[str, Any]

    def fill(self, results: Sequence[Any]) -> Any:
        """Fill the arguments, then call."""
        args = [filled(part, results) for part in self.parts]
        if not self.named:
            return self.func(*args)
        named = {name: filled(part, results) for name, part in self.named.items()}
        return self.func(*args, **named)

    def __call__(self, *results: Any) -> Any:
        """Be the call of a whole task."""
        return self.fill(results)


@dataclass(frozen=True, slots=True)
class Steps:
    """Tasks that Dask has fused into one, of which the last is the value."""

    inputs: Sequence[Any]
    """What comes from outside."""
    steps: Sequence[tuple[Any, tuple[int, ...]]]
    """Parts filled from the inputs and the steps before; and what ends with each."""

    def fill(self, results: Sequence[Any]) -> Any:
        """Take the steps in order, and let go of what no other needs."""
        values = [filled(part, results) for part in self.inputs]
        for part, ended in self.steps:
            values.append(filled(part, values))
            for at in ended:
                values[at] = None
        return values[-1]

    def __call__(self, *results: Any) -> Any:
        """Be the call of a whole task."""
        return self.fill(results)


@dataclass(frozen=True, slots=True)
class Flat:
    """The most frequent shape: a function of constants and results, nothing nested."""

    func: Callable[..., Any]
    args: list[Any]
    """The constants; what stands at the places of results does not matter."""
    places: tuple[int, ...]
    """Where the results go, in their order."""

    def __call__(self, *results: Any) -> Any:
        """Put the results between the constants, then call."""
        args = self.args.copy()
        for place, result in zip(self.places, results, strict=True):
            args[place] = result
        return self.func(*args)


PARTS = (Need, Call, Steps)


def filled(part: Any, results: Sequence[Any]) -> Any:
    """What a part becomes; a constant stays as it is."""
    return part.fill(results) if isinstance(part, PARTS) else part


def has_parts(values: Iterable[Any]) -> bool:
    """Whether anything depends on a result."""
    return any(isinstance(value, PARTS) for value in values)


def call_of(func: Callable[..., Any], parts: Sequence[Any]) -> Callable[..., Any]:
    """The call of a task, as plain as its arguments allow."""
    if any(isinstance(part, (Call, Steps)) for part in parts):
        return Call(func, parts, {})
    places = [at for at, part in enumerate(parts) if isinstance(part, Need)]
    if len(places) == len(parts):
        return func
    return Flat(func, [*parts], tuple(places))


def gather(kind: type, *items: Any) -> Any:
    """Build a list, tuple or set of this type; a named tuple takes its fields."""
    return kind(*items) if hasattr(kind, "_fields") else kind(items)
