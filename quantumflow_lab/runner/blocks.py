"""Which unit of the scheduler runs which point of which step."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from quantumflow_lab.runner.live import LiveRun, StepState


class Role(StrEnum):
    """What a unit of the scheduler does for its point."""

    BODY = "body"
    """Runs the function of the step."""
    EXEC = "exec"
    """Runs the PUBs that the function returned."""
    CALL = "call"
    """Runs PUBs that a loop step sent while running."""


@dataclass(slots=True, eq=False)
class Ways:
    """The backends that a class of units may use, and where it is now."""

    names: tuple[str, ...]
    now: int = 0

    @property
    def backend(self) -> str:
        """The backend that its next job uses."""
        return self.names[self.now]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive units of one step and role."""

    first: int
    step: StepState
    role: Role
    points: NDArray[np.int64]
    """Point of each unit, ascending."""
    ways: Ways | None = None
    """Where its jobs go; None for functions."""


class Blocks:
    """Finds the block a unit belongs to."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._blocks: list[tuple[LiveRun, Block]] = []
        self.next = 0
        """First unit number not yet given away."""

    def add(self, run: LiveRun, block: Block) -> None:
        """Take the next ``len(block.points)`` unit numbers."""
        self._firsts.append(block.first)
        self._blocks.append((run, block))
        self.next = block.first + len(block.points)

    def find(self, unit: int) -> tuple[LiveRun, Block, int]:
        """Run, block and point of a unit of a run that has not ended."""
        run, block = self._blocks[bisect_right(self._firsts, unit) - 1]
        return run, block, int(block.points[unit - block.first])

    def forget(self, run: LiveRun) -> None:
        """Let go of a run and its values."""
        kept = [(owner, block) for owner, block in self._blocks if owner is not run]
        self._blocks = kept
        self._firsts = [block.first for _, block in kept]
