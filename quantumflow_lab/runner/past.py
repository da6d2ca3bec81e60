"""An earlier run of a name, and what of it still holds.

As with make: a point is kept if its step has the same key, its coordinates were there,
and everything that it reads is kept as well, or runs again for the sole reason that its
value could not be stored. Nothing is kept of what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np

from quantumflow_lab.errors import StoreError
from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.bodies import Produced
from quantumflow_lab.runner.labels import axis_labels, lasting_labels
from quantumflow_lab.runner.live import MISSING, LiveRun, Missing, Output, StepState

Metrics: TypeAlias = Mapping[tuple[str, int], Mapping[str, Sequence[float]]]
"""Logged values by step and point, then by name."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The run in which a kept point was made."""

    run: str
    number: int | None
    """It is the *n*-th of its name, if that is known."""
    made: float
    """When the point was made, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class PastPoint:
    """One point that has its value."""

    number: int
    """Its flat number in the earlier run."""
    ref: Mapping[str, Any] | None
    """Where the store keeps the value; None if it lives in memory only."""
    origin: Origin
    began: float | None = None
    """When it was begun, seconds since the epoch."""


class PastStep(Protocol):
    """One step of an earlier run."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Axes of the step."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Length of each axis, or None if it was never known."""

    def point(self, number: int) -> PastPoint | None:
        """A point by its flat number, if it is done."""

    def value(self, number: int) -> Any:
        """Its value; ``MISSING`` if it is gone."""


class Past(Protocol):
    """An earlier run, or this one before it was taken up."""

    @property
    def run(self) -> str:
        """Identifier in the store."""

    @property
    def number(self) -> int | None:
        """It is the *n*-th of its name, if that is known."""

    @property
    def keys(self) -> Mapping[str, str | None]:
        """Key of each step."""

    @property
    def backends(self) -> Mapping[str, str]:
        """Key of each backend, by its name."""

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """Values of every axis that was known."""

    @property
    def steps(self) -> Mapping[str, PastStep]:
        """Every step, by name."""

    @property
    def outputs(self) -> Sequence[Output]:
        """What the steps showed."""

    @property
    def metrics(self) -> Metrics:
        """What the points logged."""


class LivePast:
    """An earlier run of this process, whose values are still in memory.

    Parameters
    ----------
    live
        The run.
    get
        Reads a value from the store; raises ``StoreError``.
    """

    def __init__(
        self, live: LiveRun, get: Callable[[Mapping[str, Any]], object]
    ) -> None:
        self.run, self.number = live.id, live.nth
        self.keys, self.backends = live.keys, live.backend_keys
        self.axes, self.outputs = live.axes, live.outputs
        self.steps = {
            name: _LiveStep(live, state, get) for name, state in live.steps.items()
        }
        self.metrics: dict[tuple[str, int], dict[str, Sequence[float]]] = {}
        for (step, point, name), values in live.metrics.items():
            self.metrics.setdefault((step, point), {})[name] = values


@dataclass(frozen=True, slots=True)
class _LiveStep:
    live: LiveRun
    state: StepState
    get: Callable[[Mapping[str, Any]], object]

    @property
    def dims(self) -> tuple[str, ...]:
        return self.state.dims

    @property
    def shape(self) -> tuple[int, ...] | None:
        return self.state.shape

    def point(self, number: int) -> PastPoint | None:
        if isinstance(self.state.values[number], Failed | Missing):
            return None
        ref, began = self.state.refs.get(number), self.state.began.get(number)
        if (made := self.state.kept.get(number)) is not None:
            return replace(made, number=number, ref=ref)
        ended = self.state.ended or began or self.live.started
        origin = Origin(self.live.id, self.live.nth, ended)
        return PastPoint(number, ref, origin, began)

    def value(self, number: int) -> Any:
        value, ref = self.state.values[number], self.state.refs.get(number)
        if ref is None or isinstance(value, _UNCHANGING):
            return value
        # Whoever has the run may have changed what is in memory.
        try:
            return self.get(ref)
        except StoreError:
            return MISSING


_CHANCE = {"rng", "sampler", "estimator"}
"""What a step may be given that another run gives otherwise."""
_UNCHANGING = (bool, int, float, complex, str, bytes, np.generic, type(None))


@dataclass
class Keeping:
    """Finds what a run need not do, since an earlier one has done it."""

    live: LiveRun
    past: Past
    _moved: dict[str, dict[int, int]] = field(default_factory=dict)

    def points(self, state: StepState) -> dict[int, Produced]:
        """The points of a step that need not run, with their values.

        The step and those it needs have been counted.
        """
        return {n: made for n, made in self.looked_at(state) if made is not None}

    def looked_at(self, state: StepState) -> Iterator[tuple[int, Produced | None]]:
        """The same point by point, so that who asks can do other things in between.

        None stands for a point that has to run.
        """
        old = self.past.steps.get(state.name)
        if old is None or old.shape is None or not self._holds(state, old):
            return
        assert state.shape is not None, "counted before"
        moved = [self.moved(name) for name in state.dims]
        places = [old.dims.index(name) for name in state.dims]
        for point, index in enumerate(np.ndindex(*state.shape)):
            there = [0] * len(places)
            for place, known, i in zip(places, moved, index, strict=True):
                there[place] = known.get(i, -1)
            if -1 in there or not self._needs_kept(state, point):
                yield point, None
                continue
            flat = int(np.ravel_multi_index(there, old.shape)) if there else 0
            yield point, self._made(state, point, old, flat)

    def _made(
        self, state: StepState, point: int, old: PastStep, flat: int
    ) -> Produced | None:
        """What point `flat` of the earlier step gives a point of this one."""
        if (made := old.point(flat)) is None:
            return None
        value = old.value(flat)
        if value is MISSING:
            if self._repeats(state):
                state.remade.add(point)
            return None
        if isinstance(value, Failed):
            return None
        return Produced(value, made.ref, kept=made)

    def moved(self, axis: str) -> dict[int, int]:
        """Where each value of an axis was along the earlier one, if it was there."""
        if axis not in self._moved:
            self._moved[axis] = dict(self._find(axis))
        return self._moved[axis]

    def _holds(self, state: StepState, old: PastStep) -> bool:
        """Whether a step is what it was, apart from points that came or went."""
        key = self.live.keys.get(state.name)
        return (
            key is not None
            and key == self.past.keys.get(state.name)
            and not self.live.is_fresh(state.name)
            and {*old.dims} == {*state.dims}
            and ("backend" in state.dims or all(map(self._knows, state.plan.backends)))
            and all(map(self._is_same, self._collected(state)))
        )

    def _collected(self, state: StepState) -> set[str]:
        """Axes of which one point sees all values."""
        needs = (self.live.steps[need] for need in state.plan.needs)
        seen = {*state.plan.over}.union(*(need.dims for need in needs))
        return seen - {*state.dims}

    def _is_same(self, axis: str) -> bool:
        count = len(self.live.axes[axis])
        same = [self.moved(axis).get(i) for i in range(count)]
        return same == list(range(len(self.past.axes.get(axis, ()))))

    def _needs_kept(self, state: StepState, point: int) -> bool:
        for name in state.plan.needs:
            need, reads = self.live.steps[name], state.edges[name][point].tolist()
            if not all(each in need.kept or each in need.remade for each in reads):
                return False
        return True

    def _repeats(self, state: StepState) -> bool:
        """Whether a step that runs again makes what it had made.

        A run that is taken up has its seed and the answers of its loops.
        """
        if state.kind in ("sample", "estimate"):
            return False  # other shots, whatever the seed
        return self.live.taken_up or _CHANCE.isdisjoint(state.plan.injected)

    def _find(self, axis: str) -> Iterator[tuple[int, int]]:
        values = self.live.axes[axis]
        before = lasting_labels(self.past.axes.get(axis, ()))
        places = {label: i for i, label in enumerate(before) if not _is_place(label)}
        for i, label in enumerate(axis_labels(self.live, axis)):
            if label not in places:
                continue
            if axis != "backend" or self._knows(str(values[i])):
                yield i, places[label]

    def _knows(self, backend: str) -> bool:
        """Whether a name stands for the backend that it stood for."""
        mine = self.live.backend_keys.get(backend, "")
        theirs = self.past.backends.get(backend, "")
        kind, _, place = mine.partition(" at ")
        other, _, there = theirs.partition(" at ")
        # An object of another process cannot be the same; its class has to do.
        same = place == there or place.split(":")[0] != there.split(":")[0]
        return kind == other and same


def _is_place(label: str) -> bool:
    """Whether a label tells a position only, so that it says nothing of the value."""
    return label.startswith("[")
