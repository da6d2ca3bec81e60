"""What each step of a plan is, as a key: equal keys, and nothing need be run again.

A key covers all that decides a value and is the same at every point: the function and
what it reads, its options, its accuracy, its backends, and a seed that somebody gave.
What is on an axis is not in it, so that a longer one leaves the points it had: whoever
compares two runs compares coordinates too, and what the name of a backend stands for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.cell import Bound
from quantumflow_lab.cell.inputs import import_key
from quantumflow_lab.planning.plan import Plan, StepPlan
from quantumflow_lab.workflow import Step, Workflow

_WITHOUT_EFFECT = ("retries", "timeout", "cache", "calls")
"""Options that decide how a step runs, not what it gives."""


def step_keys(
    bound: Bound,
    plan: Plan,
    *,
    fingerprint: Callable[[Any], str],
    seed: int | None,
) -> dict[str, str | None]:
    """The key of each step, or None.

    A step has none that reads something without a key, or was told to take nothing of
    other runs.

    Parameters
    ----------
    bound, plan
        The workflow with its values, and what is to be done.
    fingerprint
        Key of a value; raises for one that has none.
    seed
        Seed that the user gave, if any.
    """
    keys = _Keys(bound, plan, fingerprint)
    return {
        step.name: keys.of(bound.workflow.step(step.name), step, seed)
        for step in plan.steps
    }


@dataclass
class _Keys:
    bound: Bound
    plan: Plan
    fingerprint: Callable[[Any], str]
    _names: dict[str, object] = field(default_factory=dict)

    def of(self, step: Step, plan: StepPlan, seed: int | None) -> str | None:
        if self.bound.options[step.name].get("cache") is False:
            return None
        options = {o.name: o.source for o in step.options}
        random = plan.quantum or bool(plan.injected)
        # Along the axis `backend` each point has its own.
        alone = plan.backends if "backend" not in (*plan.dims, *plan.over) else ()
        try:
            parts = [
                [step.kind, step.code_hash, step.needs, step.defaults],
                [(k, v) for k, v in options.items() if k not in _WITHOUT_EFFECT],
                [(name, self.name(name)) for name in sorted(self.read_by(step))],
                alone,
                self.accuracy() if random else None,
                seed if random else None,
            ]
        except LookupError:
            return None
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def accuracy(self) -> list[object]:
        return [self.plan.shots, self.plan.precision, self.plan.usual_shots]

    def read_by(self, step: Step) -> set[str]:
        """Names that a step reads, itself or through the cell.

        Through assignments too: the value of a lambda does not show what it calls.
        """
        workflow = self.bound.workflow
        known = {helper.name: helper.reads for helper in workflow.helpers}
        known |= {each.name: each.names for each in workflow.assignments}
        open_names = [*step.needs, *step.option_names, *step.reads]
        seen: set[str] = set()
        while open_names:
            name = open_names.pop()
            if name not in seen:
                seen.add(name)
                open_names.extend(known.get(name, ()))
        return seen - {*workflow.step_names, *self.bound.axes}

    def name(self, name: str) -> object:
        """What a name stands for; raises ``LookupError`` if it has no key."""
        if name not in self._names:
            self._names[name] = self._found(self.bound.workflow, name)
        return self._names[name]

    def _found(self, workflow: Workflow, name: str) -> object:
        for helper in workflow.helpers:
            if helper.name == name:
                return helper.code_hash
        for line in workflow.imports:
            if name in line.names:
                return [line.source, self._import(name)]
        for read in workflow.inputs:
            if read.name == name:
                if read.fingerprint is None:
                    raise LookupError(name)
                return read.fingerprint
        if name in self.bound.values:
            return self._value(workflow, name)
        return None

    def _import(self, name: str) -> str:
        # All bodies of a cell see the same globals.
        body = next(iter(self.bound.bodies.values()))
        return import_key(getattr(body, "__globals__", {}).get(name), self.fingerprint)

    def _value(self, workflow: Workflow, name: str) -> object:
        """An assignment by its value; one that has no key by what it is made of."""
        try:
            return self.fingerprint(self.bound.values[name])
        except Exception:  # noqa: BLE001 - whatever a type of the user's own raises
            # What its text reads stands among the names of the step as well.
            made = {each.name: each.source for each in workflow.assignments}
            if name not in made:
                raise LookupError(name) from None
            return made[name]
