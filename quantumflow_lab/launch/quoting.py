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
from quantumflow_lab.planning.decide import Foreseen, Quoted, needs_quote
from quantumflow_lab.planning.plan import Plan
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
        live = self.decided(workflow, asked, inputs, seconds)
        return self._quoted(live, workflow, inputs, seconds)

    def decided(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        seconds: float = QUOTE_S,
    ) -> LiveRun:
        """A run that has not begun, its backends chosen by what they are quoted."""
        live = self.preparer.prepared(workflow, asked, inputs)
        if not asked.among:
            return live
        kept = asked.fresh is not True and self.store.results.any
        if not needs_quote(live.plan, self.backends.known, kept=kept):
            return live
        choices = dict.fromkeys(
            name
            for step in live.plan.steps
            if step.others
            for name in (*step.backends, *step.others)
        )
        quotes = self._apart(workflow, asked, inputs, [*choices], seconds, live)
        quoted = _foreseen(live.plan, quotes)
        return self.preparer.prepared(workflow, asked, inputs, quoted, live)

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
        quotes = self._apart(workflow, asked, inputs, names, seconds)
        return choose(
            workflow.name,
            quotes,
            policy=asked.policy or "balanced",
            mode=cast("Mode", asked.mode or "job"),
            budget=cap(self.preparer.budget(asked)),
            deadline=None if asked.deadline is None else duration(asked.deadline),
        )

    def _apart(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        among: Sequence[Any],
        seconds: float,
        before: LiveRun | None = None,
    ) -> dict[str, Quote | str]:
        """The quote of each backend as if there were no other, or why it has none.

        `before` is the same run, whose functions need not run again.
        """
        end = time.monotonic() + seconds
        begun: dict[str, Callable[[], Quote] | str] = {}
        known_as = [self.preparer.known_as(each, inputs, {}) for each in among]
        past: Past | None = None
        for each, known in zip(among, known_as, strict=True):
            alone = replace(asked, backend=(each,), among=(), budget=None)
            try:
                live = self.preparer.prepared(workflow, alone, inputs, before=before)
                if past is None:
                    fixed = (n for step in live.plan.steps for n in step.backends)
                    past = self.preparer.experience.of(workflow, [*known_as, *fixed])
                left = end - time.monotonic()
                begun[known] = self._quoter(live, past, inputs, left).begin(live)
            except BackendError as error:
                begun[known] = error.message
        return {n: q if isinstance(q, str) else q() for n, q in begun.items()}

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


def _foreseen(plan: Plan, quotes: Mapping[str, Quote | str]) -> Quoted:
    """What each step would take on each backend, each with what is kept there."""
    found: dict[tuple[str, str], Foreseen] = {}
    for name, quote in quotes.items():
        if isinstance(quote, str):
            refused = Foreseen(None, None, None, possible=False)
            found.update(((step.name, name), refused) for step in plan.steps)
        else:
            found.update(quote.foreseen)
    return found
