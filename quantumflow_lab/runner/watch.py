"""What a live run tells beyond its counts: events, jobs, and the latest results.

All of it is kept small enough to be sent ten times a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from quantumflow_lab.runner.drawing import Spot, drawn
from quantumflow_lab.runner.glimpse import HISTOGRAMS, Glimpse, glimpse, is_number
from quantumflow_lab.runner.story import Story
from quantumflow_lab.runner.traces import Traces

SHARE = 0.05
"""Most of the runner's time that goes into looking at results."""
MOST_TEXT = 48_000
"""Letters of all results together, as JSON about as many bytes; newest steps first."""

POINTS = 256
"""Points of a step that are drawn together."""

Place = Callable[[int], Spot]
"""Says where a point is."""


@dataclass(slots=True)
class Latest:
    """The points of a step that ended last."""

    points: deque[int] = field(default_factory=lambda: deque(maxlen=POINTS))
    ended: int = 0
    """Points that have ended, of which these are the latest."""
    seen: dict[int, tuple[Spot, Glimpse | None]] = field(default_factory=dict)
    told: dict[str, Any] | None = None
    size: int = 0
    fresh: bool = False
    """Whether a point has ended since it was told."""

    def renew(self, value_of: Callable[[int], Any], place: Place) -> None:
        """Look at the points that are new, and forget those that are old."""
        found: dict[int, tuple[Spot, Glimpse | None]] = {}
        for point in reversed(self.points):
            here = self.seen.get(point)
            found[point] = here or (place(point), glimpse(value_of(point)))
            if len(found) >= HISTOGRAMS and not is_number(found[point][1]):
                break
        self.seen = dict(reversed(found.items()))
        seen = [(spot, each) for spot, each in self.seen.values() if each]
        self.told = drawn(seen, self.ended)
        self.size = len(repr(self.told))
        self.fresh = False


@dataclass(slots=True)
class Watch:
    """All that, of one run."""

    story: Story = field(default_factory=Story)
    traces: Traces = field(default_factory=Traces)
    latest: dict[str, Latest] = field(default_factory=dict)
    """By step, the step of the newest point last."""
    numeric: dict[str, bool] = field(default_factory=dict)
    """Whether the values of an axis are numbers, once somebody asked."""
    _rest_until: float = 0.0

    def ended(self, step: str, point: int) -> None:
        """A point has its value."""
        latest = self.latest.pop(step, None) or Latest()
        latest.points.append(point)
        latest.ended += 1
        latest.fresh = True
        self.latest[step] = latest

    def results(
        self,
        value_of: Callable[[str, int], Any],
        place: Callable[[str, int], Spot],
        *,
        final: bool,
    ) -> dict[str, dict[str, Any]]:
        """The latest results by step.

        Looking at them takes no more than :data:`SHARE` of the time, unless it is the
        last look.
        """
        begin = perf_counter()
        if final or begin >= self._rest_until:
            for step, latest in self.latest.items():
                if latest.fresh:
                    latest.renew(partial(value_of, step), partial(place, step))
            end = perf_counter()
            self._rest_until = end + (end - begin) / SHARE
        found: dict[str, dict[str, Any]] = {}
        room = MOST_TEXT
        for step, latest in reversed(self.latest.items()):
            room -= latest.size
            if latest.told is not None and room >= 0:
                found[step] = latest.told
        return found
