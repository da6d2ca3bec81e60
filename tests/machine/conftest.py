"""A scheduler to tell events and hear commands, compiled and in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import _fallback
from quantumflow_lab.core import UNIT_STATES, Events, Scheduler, decode

if TYPE_CHECKING:
    from quantumflow_lab.core import Command

GRACE_US = 150


class Machine:
    """A scheduler with one run (0) and a lane (0); every batch is checked."""

    def __init__(self, kind: type[Any]) -> None:
        self.scheduler = kind(seed=7, grace_us=GRACE_US)

    def tell(self, events: Events, at: int = 0) -> list[Command]:
        """Commands that these events cause."""
        commands = list(decode(self.scheduler.handle(events, at)))
        self.scheduler.check()
        return commands

    def begin(self, *needs: list[int], slots: int = 1, **spec: Any) -> list[Command]:
        """Open run 0 with units of class 0, all on lane 0."""
        return self.tell(
            setup(slots=slots, **spec)
            .define(run=0, cls=0, first=0, needs=needs)
            .seal(0)
        )

    def state(self, unit: int) -> str:
        """Name of a unit's state."""
        return UNIT_STATES[self.scheduler.unit_state(unit)]


def setup(*, slots: int = 1, cap: int = -1, **spec: Any) -> Events:
    """Lane 0, run 0 and class 0 of step 0."""
    events = Events().lane(0, slots=slots).run(0, seed=1, cap=cap)
    return events.define_class(0, run=0, step=0, lane=0, **spec)


@pytest.fixture(params=[Scheduler, _fallback.Scheduler], ids=["core", "fallback"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A fresh machine of each kind."""
    return Machine(request.param)
