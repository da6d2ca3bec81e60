"""What a script is about: a recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.export.imports import NEEDED
from quantumflow_lab.export.names import Names
from quantumflow_lab.stored import StoredRun
from quantumflow_lab.workflow import Workflow


@dataclass
class Subject:
    """A run as the store has it, and what follows from its record."""

    stored: StoredRun

    def __post_init__(self) -> None:
        self.flow: Workflow = self.stored.workflow
        self.record = self.stored.record
        self.inputs = {each["name"]: each for each in self.record["inputs"]}
        """What it read of its notebook."""
        self.set: Mapping[str, Any] = self.record["options"]["set"]
        plan = self.record["options"]["plan"]
        self.dims = {each["name"]: tuple(each["dims"]) for each in plan["steps"]}
        self.axes = {name: self.stored.axes[name] for name in plan["axes"]}
        self.indexed = frozenset(
            name for name, values in self.axes.items() if not _are_keys(values)
        )
        """Axes whose points are told by their number."""

    def names(self) -> Names:
        """Names of the cell and its notebook."""
        taken = {
            *self.flow.step_names,
            *self.flow.axis_names,
            *self.inputs,
            *(each.name for each in self.flow.assignments),
            *(each.name for each in self.flow.helpers),
            *(name for each in self.flow.imports for name in each.names),
        }
        given = [each.source for each in self.flow.imports]
        for each in self.inputs.values():
            given += [str(d["text"]) for d in each.get("defined") or ()]
        # What is imported there as here is one thing.
        return Names(taken - {name for name, line in NEEDED.items() if line in given})


def _are_keys(values: Sequence[Any]) -> bool:
    """Whether the points along an axis can be told by their values."""
    try:
        return len(set(values)) == len(values) and all(v == v for v in values)
    except TypeError:
        return False
