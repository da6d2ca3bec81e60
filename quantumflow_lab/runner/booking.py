"""What is written and told of a job: the journal, the ledger, who watches."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quantumflow_lab.amounts import Money
from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import StoreError
from quantumflow_lab.planning.billing import Bill
from quantumflow_lab.planning.bounds import beside, consent
from quantumflow_lab.planning.timing import Estimate
from quantumflow_lab.ports import Clock, JobMetrics, Ledger, Phase
from quantumflow_lab.runner import records, telling
from quantumflow_lab.runner.bills import billed, bound, quoted
from quantumflow_lab.runner.open_job import OpenJob
from quantumflow_lab.runner.recorder import Recorder

log = logging.getLogger(__name__)


@dataclass
class Booking:
    """Keeps the books. Belongs to the runner's thread.

    Parameters
    ----------
    ledger
        What all runs of the home may cost together.
    """

    recorder: Recorder
    ledger: Ledger
    clock: Clock

    def record(
        self,
        open_job: OpenJob,
        stage: str,
        metrics: JobMetrics | None = None,
        error: str | None = None,
        bill: Bill | None = None,
        asked: Mapping[str, Any] | None = None,
        predicted: Estimate | None = None,
    ) -> None:
        """Note where a job stands; without a bill it counts as what it may cost."""
        self.recorder.note(
            records.job(
                open_job.live,
                open_job.states[0],
                open_job.request,
                stage,
                submitted=open_job.submitted,
                now=self.clock.wall(),
                metrics=metrics,
                batches=open_job.batches,
                error=error,
                # Should this process die, it counts as what it may have cost.
                billed=bill or billed(open_job, stage),
                quoted=quoted(open_job),
                answered=open_job.answers,
                device=open_job.device,
                currency=open_job.price.currency if open_job.price else None,
                asked=asked,
                predicted=predicted,
            )
        )

    def keep_back(self, open_job: OpenJob) -> str | None:
        """Have the ledger keep back what a job may cost; why it does not."""
        price = open_job.price
        if open_job.facts.billed and not open_job.live.may_bill:
            return consent(open_job.facts, open_job.live.name)
        if price is None or price.free:
            return None
        counted = [price, *filter(None, [beside(price, open_job.facts)])]
        most = [Money(bound(open_job, each), each.currency) for each in counted]
        try:
            return self.ledger.reserve(open_job.request.tag, *most)
        except StoreError as error:
            return f"what its next job costs cannot be written down: {error.message}"

    def settle(self, open_job: OpenJob, stage: str, metrics: JobMetrics) -> None:
        """Tell the ledger what a job has cost, in all that it counts."""
        tag, price = open_job.request.tag, open_job.price
        counted = filter(None, [price, beside(price, open_job.facts)])
        costs = [
            Money(billed(open_job, stage, metrics, each).amount, each.currency)
            for each in counted
        ]
        try:
            self.ledger.settle(tag, *costs)
        except StoreError as error:
            # It counts as the most that it may have cost until somebody can write.
            log.warning("the cost of %s cannot be written down: %s", tag, error)

    def handed_over(self, open_job: OpenJob) -> None:
        """A job goes to the executor: it is told of from now on."""
        open_job.trace = open_job.live.watch.traces.open(
            open_job.request.tag,
            tuple(state.name for state in open_job.states),
            open_job.request.backend,
            self.clock.wall(),
            circuits=open_job.asked.circuits,
            shots=open_job.asked.shots,
        )
        self._tell(open_job, "submitted", telling.job_handed_over(open_job))

    def taken(self, open_job: OpenJob, name: str | None) -> None:
        """A provider has it, and calls it so."""
        if open_job.trace is not None:
            open_job.trace.provider_job = name
        self._tell(open_job, "sent", telling.job_taken(open_job, name))
        self.record(open_job, "sent")

    def does(self, open_job: OpenJob, phase: Phase) -> None:
        """It has come to another phase."""
        open_job.show(phase)
        if open_job.trace is not None:
            open_job.trace.enter(phase, self.clock.wall())
        if open_job.device:
            self._tell(open_job, str(phase), telling.job_does(open_job, phase))

    def over(
        self, open_job: OpenJob, stage: str, cost: Decimal, error: str | None
    ) -> None:
        """Nothing more will be heard of it."""
        why = None if error is None else Secrets.of().hide_text(error)
        self._tell(open_job, stage, telling.job_over(open_job, stage, cost, why))
        if (trace := open_job.trace) is not None:
            trace.ended, trace.state = self.clock.wall(), stage
            if open_job.price is not None:
                trace.cost = str(Money(cost, open_job.price.currency))

    def _tell(self, open_job: OpenJob, kind: str, words: str) -> None:
        """Jobs on this machine are many: those of a step are told as one."""
        request = open_job.request
        names = tuple(state.name for state in open_job.states)
        same = request.tag if open_job.device else (names, request.backend)
        now = self.clock.wall()
        open_job.live.watch.story.tell(kind, words, now, same=same)
