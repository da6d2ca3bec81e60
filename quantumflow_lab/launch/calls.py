"""Where calls of a sampler or an estimator go that somebody makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from quantumflow_lab.launch.going import RunsHere
from quantumflow_lab.launch.preparing import Preparer
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.quote.needed import calls_need_budget
from quantumflow_lab.runner.context import StepContext, running_context
from quantumflow_lab.runner.desk import SOURCE, Begun, Desk
from quantumflow_lab.workflow import Workflow

Begin = Callable[[Workflow, Asked, Mapping[str, Any]], Begun]
"""Begins a run of a workflow with its options and inputs."""


def desk_for(
    asked: Asked, name: str, *, preparer: Preparer, runs: RunsHere, begin: Begin
) -> tuple[StepContext | Desk, str]:
    """Who takes the calls, and the backend that they are for.

    Parameters
    ----------
    asked
        Options of the run that they belong to.
    name
        Name of that run; a number is added while a run of that name goes on.

    Raises
    ------
    UnknownBackend
        Naming the nearest one.
    BudgetNeeded
        If calls cost something, and nobody says how much they may.
    """
    given = asked.backend[0] if asked.backend else preparer.settings.backend
    backend = preparer.known_as(given, {}, {})
    if (step := running_context()) is not None:
        # In a step its calls are calls of the step, or it would wait for a slot
        # that the step holds.
        return step, backend
    facts = preparer.backends.known(backend)
    if facts.billed and preparer.budget(asked) is None:
        raise calls_need_budget(facts, name)
    asked = replace(asked, backend=(backend,))

    def begun(desk: Desk) -> Begun:
        flow = Workflow.from_source(SOURCE, runs.free_name(name))
        return begin(flow, asked, {"desk": desk})

    return Desk(begun), backend
