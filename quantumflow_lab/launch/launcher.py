"""Runs begin here, and are taken up: refuse, take the lease, record, let go."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quantumflow_lab.amounts import Money
from quantumflow_lab.backends import Registry
from quantumflow_lab.clock import SystemClock
from quantumflow_lab.closing import close_left
from quantumflow_lab.errors import (
    ClusterDiffers,
    NestedRun,
    NoCluster,
    NothingToResume,
    UnknownBackend,
)
from quantumflow_lab.hearing import Hearing
from quantumflow_lab.launch.clusters import Clusters
from quantumflow_lab.launch.going import RunsHere
from quantumflow_lab.launch.opening import Calibrations, opening, taken_inputs
from quantumflow_lab.launch.quoting import Quoting
from quantumflow_lab.meant import left_run
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.ports import Ledger
from quantumflow_lab.quote.needed import budget_needed
from quantumflow_lab.runner.context import running_context
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.runner import Runner
from quantumflow_lab.runner.snapshot import snapshot
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import Lease, take
from quantumflow_lab.stored import StoredRun
from quantumflow_lab.takeup import (
    Earlier,
    check_inputs,
    check_set,
    kept_inputs,
    stored_run,
    without_backend,
)
from quantumflow_lab.workflow import Workflow


@dataclass
class Launcher:
    """Lets runs go, one at a time.

    Parameters
    ----------
    quoting
        Plans them.
    runs
        Those that go on.
    earlier
        Those before them, and the leases.
    """

    quoting: Quoting
    runs: RunsHere
    earlier: Earlier
    runner: Runner
    hearing: Hearing
    clusters: Clusters
    calibrations: Calibrations
    backends: Registry
    store: Store
    ledger: Ledger
    clock: SystemClock
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def launch(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        background: bool,
    ) -> LiveRun:
        """Begin a run, or go on with one that was left and is the same.

        Parameters
        ----------
        inputs
            The notebook.
        options
            What to record beside what was asked.
        background
            Whether nobody will wait for it.
        """
        _refuse_nesting(background=background)
        with self._lock:
            self.runner.check()
            self.runs.refuse_twin(workflow.name)
            live = self.quoting.decided(workflow, asked, inputs)
            self._refuse_surprise(live, workflow, inputs)
            self.clusters.send(live)
            self.store.check_writable()
            lease = self.earlier.begin(live)
            try:
                self._close_left(live)
            except BaseException:
                lease.leave()
                raise
            self._start(live, lease, inputs, options)
        return live

    def resume(
        self,
        stored: StoredRun,
        inputs: Mapping[str, Any],
        *,
        budget: Money | str | None,
        mode: str | None,
        accept_drift: bool,
        resubmit: bool,
        steal: bool,
        background: bool,
    ) -> LiveRun:
        """Go on with a run of the store; parameters are those of ``Lab.resume``."""
        _refuse_done(stored, self.store)
        _refuse_nesting(background=background)
        with self._lock:
            self.runner.check()
            self.runs.refuse_twin(stored.name)
            self.store.check_writable()
            lease = take(self.earlier.leases, stored.id, steal=steal)
            try:
                # Once more: whoever had it may have ended it in this moment.
                stored = stored_run(self.store, stored.id)
                _refuse_done(stored, self.store)
                found = {**inputs, **kept_inputs(stored, inputs)}
                live = self._planned_again(stored, found, budget, mode)
            except UnknownBackend as error:
                lease.leave()
                raise without_backend(stored, error) from error
            except BaseException:
                lease.leave()
                raise
            self.earlier.take_up(
                live, stored, lease, accept_drift=accept_drift, resubmit=resubmit
            )
            try:
                self.clusters.send(live)
            except (NoCluster, ClusterDiffers) as error:
                # What is left comes out the same here.
                warnings.warn(
                    f"the run goes on without its cluster: {error}", stacklevel=3
                )
            except BaseException:
                lease.leave()
                raise
            self._start(live, lease, found, stored.record["options"])
        return live

    def _planned_again(
        self,
        stored: StoredRun,
        inputs: Mapping[str, Any],
        budget: Money | str | None,
        mode: str | None,
    ) -> LiveRun:
        """A recorded run as it was planned, with what it may cost and how from now."""
        flow = Workflow.from_source(stored.record["source"], stored.name)
        check_set(stored)
        asked = stored.asked
        if budget is not None:
            asked = replace(asked, budget=budget)
        if mode is not None:
            asked = replace(asked, mode=mode)
        live = self.quoting.decided(flow, asked, inputs)
        check_inputs(live, stored.record)
        return live

    def _refuse_surprise(
        self,
        live: LiveRun,
        workflow: Workflow,
        inputs: Mapping[str, Any],
    ) -> None:
        """A run that somebody bills needs a budget, unless what it needs is kept."""
        names = {n for step in live.plan.steps for n in (*step.backends, *step.others)}
        billed = [n for n in sorted(names) if self.backends.known(n).billed]
        if billed and not live.may_bill:
            quote = self.quoting.begun(live, workflow, inputs)
            if not quote.costs_nothing:
                raise budget_needed(quote, billed)

    def _close_left(self, live: LiveRun) -> None:
        """Close what processes that are gone have left open, before devices are used.

        What a run that is taken up has left, it closes by itself.
        """
        if any(not self.backends.known(name).simulator for name in live.backend_keys):
            close_left(
                self.store,
                self.backends,
                self.ledger,
                self.clock,
                besides=[live.id, *(each.id for each in self.runs)],
            )

    def _start(
        self,
        live: LiveRun,
        lease: Lease,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        """Record a run, then let it go."""
        try:
            live.inputs = taken_inputs(live, inputs)
            project = self.quoting.preparer.settings.project
            options = {"project": project, **options}
            live.origin = {name: options.get(name) for name in ("project", "notebook")}
            self.store.begin(opening(live, options, self.store))
            self.store.append(list(self.calibrations.news(live)))
            live.view = snapshot(live, {}, self.clock.now_us())
            live.let_go = lambda: self._forget(live, lease)
            self.runs.add(live)
            self.runner.start(live)
        except BaseException:
            self.runs.remove(live)
            lease.leave()
            raise
        self.hearing.listen(live.id)
        if self.runs.named(live.name) is not live:
            # It has ended meanwhile, and nobody will say so once more.
            self.hearing.stop(live.id)

    def _forget(self, live: LiveRun, lease: Lease) -> None:
        """A run has ended; called in the runner's thread."""
        lease.release()
        # Not under the lock, which whoever plans a run may hold for a minute. Until it
        # is removed no other run of the name begins.
        if self.runs.named(live.name) is live:
            self.earlier.remember(live)
            self.runs.remove(live)
        self.hearing.stop(live.id)


def _refuse_done(stored: StoredRun, store: Store) -> None:
    if stored.state == "done":
        left = left_run(store, stored.name)
        hint = f"; %qflow resume {left} goes on with one that was left" if left else ""
        raise NothingToResume(
            f"run {stored.record['number']} of '{stored.name}' is done; type "
            f"%qflow load {stored.name} to have it{hint}",
            run=stored.id,
        )


def _refuse_nesting(*, background: bool) -> None:
    """Refuse a run that its own step would wait for."""
    context = running_context()
    if context is not None and not background:
        raise NestedRun(
            f"step '{context.step}' would wait for a run that waits for its slot; use "
            "lab.run(..., background=True), or make the inner cell steps of this one",
            step=context.step,
        )
