"""Where calls of a sampler or an estimator go that somebody makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from quantumflow_lab.amounts import Money, cap
from quantumflow_lab.amounts import seconds as duration
from quantumflow_lab.errors import BadOption
from quantumflow_lab.launch.going import RunsHere
from quantumflow_lab.launch.preparing import Preparer
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.planning.modes import check_backends
from quantumflow_lab.ports import Mode
from quantumflow_lab.quote.needed import calls_need_budget
from quantumflow_lab.runner.context import StepContext, running_context
from quantumflow_lab.runner.desk import SOURCE, Begun, Desk
from quantumflow_lab.runner.live import LiveRun
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
    ModeRefused, BadOption
        As of a run of that mode; and for options that in a step are those of its run.
    """
    given = asked.backend[0] if asked.backend else preparer.settings.backend
    backend = preparer.known_as(given, {}, {})
    if (step := running_context()) is not None:
        # In a step its calls are calls of the step, or it would wait for a slot
        # that the step holds.
        _refuse_in_step(asked, name)
        return step, backend
    facts = preparer.backends.known(backend)
    if facts.billed and preparer.budget(asked) is None:
        raise calls_need_budget(facts, name)
    mode = cast("Mode", asked.mode or "job")
    check_backends(
        mode,
        [facts],
        cap(preparer.budget(asked)),
        None if asked.deadline is None else duration(asked.deadline),
        capped=preparer.capped,
        others=() if mode == "job" else preparer.backends.offering(mode),
    )
    asked = replace(asked, backend=(backend,))
    before: list[LiveRun] = []

    def begun(desk: Desk) -> Begun:
        left = replace(asked, budget=_left_of(preparer.budget(asked), before))
        flow = Workflow.from_source(SOURCE, runs.free_name(name))
        run = begin(flow, left, {"desk": desk})
        if (live := runs.named(flow.name)) is not None:
            before.append(live)
        return run

    def ready() -> None:
        # What those have cost is known once their last jobs are settled.
        for live in tuple(before) if cap(preparer.budget(asked)) else ():
            live.finished.result()

    return Desk(begun, ready), backend


def _left_of(
    budget: Money | str | None, before: Sequence[LiveRun]
) -> Money | str | None:
    """What the earlier runs of a handle have left of its budget."""
    if (most := cap(budget)) is None:
        return budget
    costs = (
        (
            live.spent.get(most.currency, Decimal(0))
            if live.finished.done()
            else cast("Money", live.plan.budget).amount
        )
        for live in before
    )
    return replace(most, amount=max(most.amount - sum(costs), Decimal(0)))


def _refuse_in_step(asked: Asked, name: str) -> None:
    """In a step a handle's calls are those of the run, which has these for all."""
    for option in ("budget", "mode", "deadline", "seed"):
        if getattr(asked, option) is not None:
            raise BadOption(
                f"lab.{name}({option}=…) in a step: its calls belong to the run, so "
                f"write --{option} on the %%qflow line",
                option=option,
            )
