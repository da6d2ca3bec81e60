"""What a run would take, and which backends it had better use, without a shot."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from quantumflow_lab.amounts import cap
from quantumflow_lab.amounts import seconds as duration
from quantumflow_lab.backends import Registry
from quantumflow_lab.errors import BackendError, BadOption
from quantumflow_lab.launch.experience import Past
from quantumflow_lab.launch.opening import taken_inputs
from quantumflow_lab.launch.preparing import Preparer
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.planning.decide import needs_quote
from quantumflow_lab.ports import Clock, JobExecutor, Mode
from quantumflow_lab.quote import Choice, Quote, Quoter
from quantumflow_lab.quote.choice import choose
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.store import Store
from quantumflow_lab.takeup import Earlier
from quantumflow_lab.workflow import Workflow

QUOTE_S = 60.0
"""Seconds that a quote may take."""


@dataclass
class Quoting:
    """Quotes workflows, and plans them by what they are quoted.

    Functions of steps that need no result of a backend run for that.
    """

    preparer: Preparer
    earlier: Earlier
    backends: Registry
    store: Store
    executor: JobExecutor
    clock: Clock

    def quote(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        seconds: float = QUOTE_S,
    ) -> Quote:
        """What a run would take; what `seconds` do not suffice for is unknown."""
        live = self.preparer.prepared(workflow, asked, inputs)
        quote = self._quoted(live, workflow, inputs, seconds)
        if not (asked.among and needs_quote(live.plan, self.backends.known)):
            return quote
        if quote.costs_nothing:
            return quote  # it is kept there, and would not be elsewhere
        again = self.preparer.prepared(workflow, asked, inputs, quote.foreseen, live)
        if again.plan.steps == live.plan.steps:
            return quote
        return self._quoted(again, workflow, inputs, seconds)

    def decided(
        self, workflow: Workflow, asked: Asked, inputs: Mapping[str, Any]
    ) -> LiveRun:
        """A run that has not begun, its backends chosen by what they are quoted."""
        live = self.preparer.prepared(workflow, asked, inputs)
        if not (asked.among and needs_quote(live.plan, self.backends.known)):
            return live
        quote = self.begun(live, workflow, inputs)
        if quote.costs_nothing:
            return live  # it is kept there, and would not be elsewhere
        return self.preparer.prepared(workflow, asked, inputs, quote.foreseen, live)

    def begun(
        self, live: LiveRun, workflow: Workflow, inputs: Mapping[str, Any]
    ) -> Quote:
        """What a run that is about to begin would take; it stays as it is."""
        return self._quoted(self.preparer.twin(live), workflow, inputs, QUOTE_S)

    def candidates(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        among: Sequence[Any],
        seconds: float,
    ) -> Choice:
        """Rank backends for a workflow by cost, time and success.

        Parameters
        ----------
        among
            Names or objects; none for those that were added to the lab.
        seconds
            Time for all of them together.

        Raises
        ------
        UnknownBackend
            Naming the nearest one.
        BadOption
            If there is nothing to compare.
        """
        names = among or self.backends.added()
        if not names:
            raise BadOption("name the backends to compare, such as among=['a', 'b']")
        end = time.monotonic() + seconds
        begun: dict[str, Callable[[], Quote] | str] = {}
        known_as = [self.preparer.known_as(each, inputs, {}) for each in names]
        past: Past | None = None
        for each, known in zip(names, known_as, strict=True):
            alone = replace(asked, backend=(each,), among=(), budget=None)
            try:
                live = self.preparer.prepared(workflow, alone, inputs)
                if past is None:
                    fixed = (n for step in live.plan.steps for n in step.backends)
                    past = self.preparer.experience.of(workflow, [*known_as, *fixed])
                left = end - time.monotonic()
                begun[known] = self._quoter(live, past, inputs, left).begin(live)
            except BackendError as error:
                begun[known] = error.message
        quotes = {n: q if isinstance(q, str) else q() for n, q in begun.items()}
        return choose(
            workflow.name,
            quotes,
            policy=asked.policy or "balanced",
            mode=cast("Mode", asked.mode or "job"),
            budget=cap(self.preparer.budget(asked)),
            deadline=None if asked.deadline is None else duration(asked.deadline),
        )

    def _quoted(
        self,
        live: LiveRun,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        seconds: float,
    ) -> Quote:
        """What a run that was planned would take."""
        steps = live.plan.steps
        used = [name for step in steps for name in (*step.backends, *step.others)]
        past = self.preparer.experience.of(workflow, used)
        return self._quoter(live, past, inputs, seconds).quote(live)

    def _quoter(
        self, live: LiveRun, past: Past, inputs: Mapping[str, Any], seconds: float
    ) -> Quoter:
        live.inputs = taken_inputs(live, inputs)
        self.earlier.look(live)
        history, waits = past
        return Quoter(
            backends=self.backends,
            executor=self.executor,
            results=self.store.results,
            clock=self.clock,
            history=history,
            waits=waits,
            get=self.store.get,
            seconds=seconds,
        )
