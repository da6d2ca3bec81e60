"""The runs that a runner has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from quantumflow_lab.runner.live import LiveRun


@dataclass(eq=False, slots=True)
class Going:
    """Runs that go on, by their number for the scheduler and by their id for steps."""

    numbered: dict[int, LiveRun] = field(default_factory=dict)
    """Those that the scheduler has been told of; for the runner's thread only."""
    named: dict[str, LiveRun] = field(default_factory=dict)
    """Those whose steps may ask for something, by id; for any thread."""

    def __contains__(self, live: LiveRun) -> bool:
        return live.number in self.numbered

    def __iter__(self) -> Iterator[LiveRun]:
        return iter(self.numbered.values())

    def __bool__(self) -> bool:
        return bool(self.numbered)
