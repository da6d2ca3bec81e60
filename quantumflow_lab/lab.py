"""The lab: everything wired together, once per process."""

from __future__ import annotations

import atexit
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, cast

from quantumflow_lab.amounts import Money, cap, money
from quantumflow_lab.amounts import seconds as duration
from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.conformance import Finding
from quantumflow_lab.cell import bind
from quantumflow_lab.cell.definitions import definitions
from quantumflow_lab.cell.options import is_backend
from quantumflow_lab.clock import SystemClock
from quantumflow_lab.closing import close_left
from quantumflow_lab.cluster import find_cluster
from quantumflow_lab.compare import Comparison, compare
from quantumflow_lab.doctor import DEADLINE_S, Report, examine
from quantumflow_lab.errors import (
    BackendError,
    BadOption,
    ClusterDiffers,
    NestedRun,
    NoCluster,
    NothingToResume,
    RunIsLive,
    UnknownBackend,
    UnknownRun,
    did_you_mean,
)
from quantumflow_lab.evidence import label, numbered_run, run_before, run_facts
from quantumflow_lab.export import Written
from quantumflow_lab.export.exporting import Exporter
from quantumflow_lab.fingerprint import fingerprint
from quantumflow_lab.forgetting import Forgotten, forget
from quantumflow_lab.hearing import Hearing
from quantumflow_lab.planning.asked import Asked, asked_in, listed
from quantumflow_lab.planning.decide import Quoted, needs_quote
from quantumflow_lab.planning.expect import History, history_of, learned_of
from quantumflow_lab.planning.keys import step_keys
from quantumflow_lab.planning.plan import Policy
from quantumflow_lab.planning.prepare import Defaults, prepare
from quantumflow_lab.planning.seeds import draw_seed
from quantumflow_lab.planning.waits import Waited, Waits, forecast_wait
from quantumflow_lab.ports import Mode
from quantumflow_lab.prices import PriceBook, with_home
from quantumflow_lab.primitives import LabEstimator, LabSampler
from quantumflow_lab.quote import Choice, Quote, Quoter
from quantumflow_lab.quote.choice import choose
from quantumflow_lab.quote.needed import budget_needed, calls_need_budget
from quantumflow_lab.run import Run, RunData
from quantumflow_lab.runner import records
from quantumflow_lab.runner.away import pack_steps
from quantumflow_lab.runner.context import StepContext, running_context
from quantumflow_lab.runner.desk import SOURCE, Desk
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.runner import Runner
from quantumflow_lab.runner.snapshot import snapshot
from quantumflow_lab.settings import Settings
from quantumflow_lab.store import Store, find_home
from quantumflow_lab.store.home import prepare_home
from quantumflow_lab.store.lease import Lease, refuse_held, take
from quantumflow_lab.store.ledger import Ledger
from quantumflow_lab.store.projection import Compacted
from quantumflow_lab.store.wishes import ask_to_cancel
from quantumflow_lab.stored import StoredRun
from quantumflow_lab.takeup import (
    Earlier,
    check_inputs,
    check_set,
    kept_inputs,
    stored_run,
    without_backend,
)
from quantumflow_lab.workers import Executors, StepThreads, WorkerPool
from quantumflow_lab.workflow import Workflow

if TYPE_CHECKING:
    import pyarrow as pa

    from quantumflow_lab.cluster.executor import DaskCluster

SPENT_BY = ("backend", "project", "notebook")

RUN_STATES = ("done", "failed", "paused", "cancelled", "unfinished")

QUOTE_S = 60.0
"""Seconds that a quote may take."""
LARGEST_INPUT = 1 << 28
"""Bytes of a notebook array up to which runs keep it, to go on without the notebook."""


class Lab:
    """A place where workflows run and their runs are kept.

    Parameters
    ----------
    home
        Folder for journals and database; by default that of the settings, see
        :func:`quantumflow_lab.store.find_home`.
    settings
        Settings to use instead of those of the environment.

    Raises
    ------
    HomeNotWritable
        If nothing can be kept there.
    BadOption
        A setting that cannot be.
    """

    def __init__(
        self, home: str | Path | None = None, *, settings: Settings | None = None
    ):
        self.settings = settings or Settings()
        self.late_s = 0.0
        """Seconds by which forecasts may be behind what was recorded."""
        self.store = Store(find_home(home or self.settings.home))
        self._cap("budget")
        self.backends = Registry(prices=lambda: self.prices)
        self._clock = SystemClock()
        self._pool = WorkerPool(
            size=self.settings.workers,
            memory_mb=self.settings.memory_mb,
            cache=self.store.home / "cache" / "isa",
        )
        self._executor = Executors(self._pool, self.backends)
        self._ledger = Ledger(
            self.store.home,
            session=self._cap("budget_session"),
            month=self._cap("budget_month"),
            wall=self._clock.wall,
            before=self._spent_in,
        )
        self._runner = Runner(
            backends=self.backends,
            jobs=self._executor,
            threads=StepThreads(self.settings.threads),
            sink=self.store,
            results=self.store.results,
            clock=self._clock,
            ledger=self._ledger,
            thread_slots=self.settings.threads,
            worker_slots=self.settings.workers,
            log=_log_to(self.settings.schedule_log),
        )
        self._clusters: dict[str, DaskCluster] = {}
        self._numbers = count(1)
        self._lock = threading.RLock()
        self._live: dict[str, LiveRun] = {}
        self._calibrated: set[tuple[str, str, str | None]] = set()
        """Backends and dates of calibrations that this process has recorded."""
        self._earlier = Earlier(self.store, self.backends, self._clock)
        self._hearing = Hearing(self._earlier.leases, self._cancel_own)

    @property
    def prices(self) -> PriceBook:
        """What devices cost, by the package and by ``prices.toml`` of the home.

        Raises
        ------
        BadPrices
            With the file, the row and the field.
        """
        return with_home(self.store.home)

    def run(
        self,
        workflow: Workflow | str,
        *,
        name: str | None = None,
        backend: str | object | Sequence[str | object] | None = None,
        shots: int | None = None,
        precision: float | None = None,
        seed: int | None = None,
        set: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        among: str | object | Sequence[str | object] | None = None,
        policy: str | None = None,
        mode: str | None = None,
        deadline: float | str | None = None,
        budget: Money | str | None = None,
        fresh: bool | str = False,
        executor: str | None = None,
        background: bool = False,
        options: Mapping[str, Any] | None = None,
        filename: str | None = None,
    ) -> Run:
        """Run a workflow.

        Parameters
        ----------
        workflow
            A workflow, or the text of a cell, whose magic line gives the options that
            are not given here.
        name
            Name, for text whose magic line gives none.
        backend
            Backend of steps that name none; several are the axis ``backend``.
        among
            Backends instead, of which each step that names none uses one; the others
            stand in when it fails, refuses the work or costs too much.
        policy
            What their choice and the size of jobs aim at: ``cheapest`` within the
            deadline, ``fastest`` within the budget, or ``balanced``, the default.
        mode
            How a device that has several ways takes the jobs: ``job``, each alone;
            ``batch``, together, each billed as if alone; or ``session``, which is
            billed from its first job until it is closed.
        deadline
            Seconds, or a duration such as ``10 min``: what has not ended by then is
            cancelled.
        budget
            Money such as ``20 USD``, seconds of a device such as ``2 min``, or
            ``unlimited``: no job is submitted that might pass it.
        fresh
            True to take no result of another run; the name of a step to take none for
            it and the steps below it.
        executor
            Where functions of steps and jobs of simulators run: ``local``, the default,
            ``dask`` for the current client of Dask, or ``dask:ADDRESS`` for the
            scheduler there; see ``docs/cluster.md``.
        shots
            Shots of sample steps that name none, at least 1.
        precision
            Precision of estimate steps that name none; 0 is exact on simulators.
        seed
            The number that everything random follows from; drawn if not given.
        set
            Values that replace top-level assignments, by name.
        inputs
            The names that the cell may read, such as a notebook's.
        background
            True to return at once, else when the run has ended.
        options
            What to record beside the above, such as the text of the magic line, the
            ``notebook``, and the ``project`` if it is not that of the settings.
        filename
            What Python calls the file of the cell, so that tracebacks and breakpoints
            point there; by default a name of its own.

        Raises
        ------
        CellError, BackendError
            Before anything runs or is recorded.
        StoreError
            If the run cannot be recorded; then it does not start.
        RunIsLive
            If a run of this name goes on.
        BudgetNeeded
            If it would cost something, and neither `budget` nor the settings say how
            much it may; ``error.quote`` tells what it would take.
        NoCluster, ClusterDiffers
            If `executor` names a cluster that is not there or cannot be used.
        """
        asked = Asked(
            backend=listed(backend),
            among=listed(among),
            policy=policy,
            mode=mode,
            deadline=deadline,
            budget=budget,
            shots=shots,
            precision=precision,
            seed=seed,
            set=dict(set or {}),
            fresh=fresh,
            executor=executor,
        )
        flow, asked = _read(workflow, name, asked, filename)
        return self._launch(
            flow, asked, inputs or {}, options or {}, background=background
        )

    def plan(
        self,
        workflow: Workflow | str,
        *,
        name: str | None = None,
        backend: str | object | Sequence[str | object] | None = None,
        shots: int | None = None,
        precision: float | None = None,
        set: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        among: str | object | Sequence[str | object] | None = None,
        policy: str | None = None,
        mode: str | None = None,
        deadline: float | str | None = None,
        budget: Money | str | None = None,
        fresh: bool | str = False,
        seconds: float = QUOTE_S,
    ) -> Quote:
        """What :meth:`run` would take, without a single shot.

        Functions of steps that need no result of a backend run, since what they return
        is what would be sent; loops do not. Circuits are transpiled for devices.

        Parameters
        ----------
        workflow, name, backend, shots, precision, set, inputs, among, policy, mode
            As in :meth:`run`.
        deadline, budget, fresh
            Likewise.
        seconds
            What cannot be found out by then is unknown.

        Returns
        -------
        Quote
            Jobs, circuits, shots, times, money and success of each step on each backend
            that it may use; ``quote.plan`` is what would be done.

        Raises
        ------
        CellError, BackendError
            As :meth:`run` would.
        """
        asked = Asked(
            backend=listed(backend),
            among=listed(among),
            policy=policy,
            mode=mode,
            deadline=deadline,
            budget=budget,
            shots=shots,
            precision=precision,
            set=dict(set or {}),
            fresh=fresh,
        )
        flow, asked = _read(workflow, name, asked)
        return self._quote(flow, asked, inputs or {}, seconds)

    def candidates(
        self,
        workflow: Workflow | str,
        *,
        name: str | None = None,
        among: str | object | Sequence[str | object] | None = None,
        shots: int | None = None,
        precision: float | None = None,
        set: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        policy: str | None = None,
        mode: str | None = None,
        deadline: float | str | None = None,
        budget: Money | str | None = None,
        seconds: float = QUOTE_S,
    ) -> Choice:
        """Rank backends for a workflow by cost, time and success, without a shot.

        Parameters
        ----------
        workflow, name, shots, precision, set, inputs, policy, mode, deadline, budget
            As in :meth:`run`.
        among
            Backends to compare; by default those that were added to the lab.
        seconds
            Time for all of them together.

        Returns
        -------
        Choice
            The best first, with what rules others out; ``figure()`` draws them.

        Raises
        ------
        UnknownBackend
            Naming the nearest one.
        BadOption
            If there is nothing to compare.
        """
        asked = Asked(
            policy=policy,
            mode=mode,
            deadline=deadline,
            budget=budget,
            shots=shots,
            precision=precision,
            set=dict(set or {}),
            fresh=True,
        )
        flow, given = _read(workflow, name, asked)
        names = listed(among) or given.among or self.backends.added()
        if not names:
            raise BadOption("name the backends to compare, such as among=['a', 'b']")
        quotes: dict[str, Quote | str] = {}
        for each in names:
            known = self._known_as(each, inputs or {}, {})
            alone = replace(given, backend=(each,), among=(), budget=None)
            try:
                share = seconds / len(names)
                quotes[known] = self._quote(flow, alone, inputs or {}, share)
            except BackendError as error:
                quotes[known] = error.message
        return choose(
            flow.name,
            quotes,
            policy=given.policy or "balanced",
            mode=cast("Mode", given.mode or "job"),
            budget=cap(self._budget(given)),
            deadline=None if given.deadline is None else duration(given.deadline),
        )

    def _quote(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        seconds: float,
    ) -> Quote:
        live = self._prepared(workflow, asked, inputs)
        quote = self._quoted(live, workflow, inputs, seconds)
        if not (asked.among and needs_quote(live.plan, self.backends.known)):
            return quote
        again = self._prepared(workflow, asked, inputs, quote.foreseen)
        if again.plan.steps == live.plan.steps:
            return quote
        return self._quoted(again, workflow, inputs, seconds)

    def _quoted(
        self,
        live: LiveRun,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        seconds: float,
    ) -> Quote:
        """What a run that was planned would take."""
        live.inputs = _taken(live, inputs)
        self._earlier.look(live)
        steps = live.plan.steps
        used = [name for step in steps for name in (*step.backends, *step.others)]
        history, waits = self._history(workflow, used)
        quoter = Quoter(
            backends=self.backends,
            executor=self._executor,
            results=self.store.results,
            clock=self._clock,
            history=history,
            waits=waits,
            get=self.store.get,
            seconds=seconds,
        )
        return quoter.quote(live)

    def load(self, name: str) -> Run:
        """The latest run of a name, or the run of an id, read back from the store.

        Raises
        ------
        UnknownRun
            Naming the nearest one.
        """
        if name in self._live:
            return Run(self._live[name], self)
        return Run(self._stored(name), self)

    def _stored(self, name: str) -> StoredRun:
        """The latest run of a name, or the run of an id, from the store."""
        try:
            return stored_run(self.store, self.store.latest_run(name) or name)
        except UnknownRun:
            known = (row["name"] for row in self.store.query("history"))
            hint = did_you_mean(name, known)
            raise UnknownRun(f"no run is called '{name}'{hint}", run=name) from None

    def resume(
        self,
        name: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        budget: Money | str | None = None,
        mode: str | None = None,
        accept_drift: bool = False,
        resubmit: bool = False,
        steal: bool = False,
        background: bool = False,
    ) -> Run:
        """Go on with a run that is paused, failed, was cancelled or lost its process.

        It keeps its id and its seed. What is done is not done again; a loop is answered
        what it was answered before, and goes on from there.

        Parameters
        ----------
        name
            Name of a workflow, whose latest run is meant, or id of a run.
        inputs
            Where to find what the run read of its notebook and the store cannot keep,
            such as functions and backends.
        budget
            Most that it may cost in all, with what it has cost, instead of before.
        mode
            How its jobs are sent from now on, instead of before.
        accept_drift
            Go on also with a loop that does not ask again what it had asked.
        resubmit
            Give up jobs that a device may have taken, and submit their work again.
        steal
            Take the run also if another machine had it and cannot be asked.
        background
            Return at once.

        Raises
        ------
        UnknownRun
            Naming the nearest one.
        NothingToResume
            If it is done.
        RunIsHeld
            If another process has it.
        InputsChanged
            If what it read is gone or has changed.
        OpenJobs
            If devices may have taken jobs of it that cannot be fetched.
        """
        if (live := self._live.get(name)) is not None:
            return Run(live, self).resume()
        stored = self._stored(name)
        _refuse_done(stored)
        _refuse_nesting(background)
        with self._lock:
            self._runner.check()
            self._refuse_twin(stored.name)
            lease = take(self._earlier.leases, stored.id, steal=steal)
            try:
                # Once more: whoever had it may have ended it in this moment.
                stored = stored_run(self.store, stored.id)
                _refuse_done(stored)
                found = {**(inputs or {}), **kept_inputs(stored, inputs or {})}
                flow = Workflow.from_source(stored.record["source"], stored.name)
                check_set(stored)
                asked = stored.asked
                if budget is not None:
                    asked = replace(asked, budget=budget)
                if mode is not None:
                    asked = replace(asked, mode=mode)
                live = self._decided(flow, asked, found)
                check_inputs(live, stored.record)
            except UnknownBackend as error:
                lease.leave()
                raise without_backend(stored, error) from error
            except BaseException:
                lease.leave()
                raise
            self._earlier.take_up(
                live, stored, lease, accept_drift=accept_drift, resubmit=resubmit
            )
            try:
                self._send_to_cluster(live)
            except (NoCluster, ClusterDiffers) as error:
                # What is left comes out the same here.
                warnings.warn(
                    f"the run goes on without its cluster: {error}", stacklevel=2
                )
            self._start(live, lease, found, stored.record["options"])
        return self._attend(live, background=background)

    def runs(
        self,
        name: str | None = None,
        *,
        state: str | None = None,
        backend: str | None = None,
        since: float | str | None = None,
        find: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> list[dict[str, Any]]:
        """The newest runs, as rows of the named query ``history``.

        Parameters
        ----------
        name
            Of one workflow.
        state
            ``done``, ``failed``, ``cancelled`` or ``unfinished``.
        backend
            That asked for a backend of this name.
        since
            Begun in the last seconds, or in a duration such as ``3 d``.
        find
            With these words in the text of the cell, in capitals or not.
        before
            That stand behind the run of this id in the list, for its next page.
        limit
            Most rows.

        Raises
        ------
        BadOption
            A state or a duration that cannot be.
        """
        if state is not None and state not in RUN_STATES:
            hint = did_you_mean(state, RUN_STATES)
            raise BadOption(f"no run is {state!r}{hint}", option="state")
        begun = None
        if since is not None:
            if (span := duration(since)) is None:
                raise BadOption(
                    f"since must be a duration such as '3d' or '90min', not {since!r}",
                    option="since",
                )
            begun = self._clock.wall() - span
        return self.store.query(
            "history",
            name=name,
            state=state,
            backend=backend,
            since=begun,
            find=find,
            before=before,
            limit=limit,
        )

    def spend(
        self, *, month: str | None = None, by: str = "backend"
    ) -> list[dict[str, Any]]:
        """What jobs have used and cost, as rows of the named query ``spend``.

        Months are those of UTC in which a job was submitted. Amounts in different
        currencies, seconds of devices and credits among them, have rows of their own.

        Parameters
        ----------
        month
            Only this one, such as ``2026-11``.
        by
            ``backend``, ``project`` or ``notebook``.

        Raises
        ------
        BadOption
            A month or a grouping that cannot be.
        """
        if by not in SPENT_BY:
            hint = did_you_mean(by, SPENT_BY)
            raise BadOption(f"spend is not told by {by!r}{hint}", option="by")
        if month is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise BadOption(
                f"month must be such as '2026-11', not {month!r}", option="month"
            )
        return self.store.query("spend", month=month, by=by)

    def compare(self, a: str | Run, b: str | Run | None = None) -> Comparison:
        """Why a run is not like another one: what changed, and whether results did.

        Parameters
        ----------
        a, b
            Two runs: the name of a workflow, whose latest run is meant, a name with a
            number such as ``bell:12``, the id of a run, or a run. If `a` stands alone
            it is compared with the run of its name before it.

        Returns
        -------
        Comparison
            From `a` to `b`, or from the run before to `a`.

        Raises
        ------
        UnknownRun
            Naming the nearest one.
        BadOption
            If both are the same run.
        """
        one = self._meant(a)
        if b is None:
            one, other = stored_run(self.store, run_before(self.store, one)), one
        else:
            other = self._meant(b)
        if one.id == other.id:
            raise BadOption(
                f"both are {label(one)}; '%qflow history {one.name}' lists the others",
                option="b",
            )
        return compare(run_facts(one), run_facts(other))

    def _meant(self, run: str | Run) -> StoredRun:
        """The recorded run that a person means."""
        text = run if isinstance(run, str) else run.id
        return self._stored(numbered_run(self.store, text) or text)

    def sql(self, query: str, params: Sequence[Any] = ()) -> pa.Table:
        """Ask the store; see ``docs/store.md`` for its views.

        Raises
        ------
        BadQuery
            If DuckDB refuses it.
        """
        return self.store.sql(query, params)

    def compact(self) -> Compacted:
        """Give back the room on the disk that nothing uses; see ``docs/store.md``.

        Raises
        ------
        StoreLocked
            If another lab or a foreign program holds the database.
        """
        return self.store.compact()

    def forget(
        self,
        before: str | datetime,
        name: str | None = None,
        *,
        dry_run: bool = True,
    ) -> Forgotten:
        """Forget whole runs that ended before a moment, or tell which would go.

        Their points, costs and numbers are in no answer any more. What they take on
        the disk is erased by :meth:`compact`. Runs that have not ended, have jobs at a
        device, or are held by a process stay, and are named.

        Parameters
        ----------
        before
            An age with its unit, such as ``90d``, or a date, such as ``2026-01-31``.
        name
            Of one workflow.
        dry_run
            True to delete nothing.

        Raises
        ------
        BadOption
            If `before` is neither, or yet to come.
        StoreError
            If it cannot be recorded; the runs that it was recorded of have gone.
        """
        found = forget(self.store, self._clock, before, name, dry_run=dry_run)
        if not dry_run:
            self._earlier.drop(found.runs)
        return found

    def sampler(
        self,
        backend: str | object | None = None,
        *,
        name: str = "sampler",
        seed: int | None = None,
        budget: Money | str | None = None,
        **options: Any,
    ) -> LabSampler:
        """A ``BaseSamplerV2`` for anywhere: a notebook, a script, another library.

        Its calls are scheduled, recorded and counted like those of a step. They belong
        to a run, which begins with the first call and ends when the handle is closed or
        has not been called for half a minute.

        Parameters
        ----------
        backend
            Name or object; by default the backend of the settings.
        name
            Name of the run; a number is added while a run of that name goes on.
        seed, budget
            As in :meth:`run`.
        **options
            ``shots`` of PUBs that bring none, ``optimization_level``, ``transpile``,
            ``options``, and ``cache=False`` to take nothing of other runs.

        Raises
        ------
        UnknownBackend
            Naming the nearest one.
        BudgetNeeded
            If its calls cost something, and neither `budget` nor the settings say how
            much they may.
        """
        asked = Asked(backend=listed(backend), seed=seed, budget=budget)
        return LabSampler(*self._handle(asked, name, options))

    def estimator(
        self,
        backend: str | object | None = None,
        *,
        name: str = "estimator",
        seed: int | None = None,
        budget: Money | str | None = None,
        **options: Any,
    ) -> LabEstimator:
        """A ``BaseEstimatorV2`` for anywhere; see :meth:`sampler`.

        Parameters
        ----------
        backend, name, seed, budget
            As in :meth:`sampler`.
        **options
            ``precision`` of PUBs that bring none (0 is exact on simulators),
            ``optimization_level``, ``transpile``, ``options``.

        Raises
        ------
        UnknownBackend, BudgetNeeded
            As :meth:`sampler`.
        """
        asked = Asked(backend=listed(backend), seed=seed, budget=budget)
        return LabEstimator(*self._handle(asked, name, options))

    def export(
        self,
        name: str,
        form: str = "py",
        *,
        to: str | Path | None = None,
        force: bool = False,
    ) -> Written:
        """Write a run to files that need nothing of this package.

        Parameters
        ----------
        name
            Name of a workflow, whose latest run is meant, or id of a run. For tables,
            ``name.step`` takes one step.
        form
            ``py``, a script of plain Qiskit; ``html``, a report that works offline;
            ``csv`` or ``parquet``, the table of each step.
        to
            A file or a folder; by default ``<name>-<number>.<form>`` in the working
            directory.
        force
            Replace files that are there.

        Returns
        -------
        tuple of Path
            The files, the one to open first.

        Raises
        ------
        UnknownRun, UnknownStep, BadOption
            Naming the nearest.
        FileExists, ExportFailed
            If it cannot be written there.
        NotExportable
            If a script cannot say what the run did.
        """
        exporter = Exporter(self.store, self.backends, self.load, self.settings.shots)
        return exporter.export(name, form, to=to, force=force)

    def live(self) -> list[Run]:
        """Runs that go on in this process."""
        return [Run(live, self) for live in tuple(self._live.values())]

    def warm(self) -> None:
        """Start the workers, so that the first job does not wait for them."""
        self._pool.warm()

    def doctor(
        self,
        backend: str | object,
        *,
        deadline: float = DEADLINE_S,
        heard: Callable[[Finding], None] = lambda finding: None,
    ) -> Report:
        """Put a backend through the conformance suite, in a worker of its own.

        Parameters
        ----------
        backend
            A name that the lab knows, ``module:factory``, or a ``BackendV2``.
        deadline
            Seconds that one job may take before it counts as hanging.
        heard
            Called with each finding as soon as it is made.

        Raises
        ------
        UnknownBackend
            Nothing of that name, or the factory gave no backend.
        """
        return examine(backend, self.backends, deadline=deadline, heard=heard)

    def close(self) -> None:
        """Cancel what runs, write what is left, leave no process behind."""
        self._runner.close()
        self.store.close()

    def leave(self) -> None:
        """Write what is left and stop, but let runs be taken up by another process.

        Unlike :meth:`close` it cancels nothing: jobs on devices go on there, and
        :meth:`resume` fetches them. To be followed by the end of the process, which
        ends what still runs on this machine.
        """
        self._runner.leave()
        self._pool.close()
        self.store.close()

    def check_scheduler(self) -> None:
        """Refuse where no run could start.

        Raises
        ------
        SchedulerBug
            If the lab is closed, or an earlier bug has stopped it.
        """
        self._runner.check()

    def check_store(self) -> None:
        """Refuse where nothing can be recorded.

        Raises
        ------
        HomeNotWritable
            Naming the folder.
        """
        prepare_home(self.store.home)

    # What runs ask for (run.Control).

    def cancel_run(self, run_id: str, step: str | None, point: int | None) -> None:
        """Stop a run, a step or a point; a run that has ended stays as it is.

        A run of another process is asked to end, which takes it a moment. A session
        that a process which is gone has left open is closed.

        Raises
        ------
        RunIsHeld
            For a step or a point of a run that goes on in another process.
        """
        if self._cancel_own(run_id, step, point):
            return
        if step is not None:
            refuse_held(self._earlier.leases, run_id)
        elif ask_to_cancel(self._earlier.leases, run_id):
            return
        close_left(
            self.store, self.backends, self._ledger, self._clock, run=run_id, besides=()
        )

    def _cancel_own(
        self, run_id: str, step: str | None = None, point: int | None = None
    ) -> bool:
        """Stop a run of this process; False if it has none of that id."""
        for live in tuple(self._live.values()):
            if live.id == run_id:
                self._runner.cancel(live, step, point)
                return True
        return False

    def pause_run(self, run_id: str, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it."""
        for live in tuple(self._live.values()):
            if live.id == run_id:
                self._runner.pause(live, paused=paused)
                return
        refuse_held(self._earlier.leases, run_id)

    def rows(self, query: str, run_id: str) -> list[dict[str, Any]]:
        """Rows of a named query for one run."""
        return self.store.query(query, run=run_id)

    def again(self, data: RunData, *, seed: int | None, set: Mapping[str, Any]) -> Run:
        """Run the same workflow once more."""
        if not isinstance(data, LiveRun):
            raise UnknownRun(
                f"run '{data.name}' was made by another process; run its cell again",
                run=data.id,
            )
        values = {**data.asked.set, **set}
        asked = replace(data.asked, seed=seed, set=values, fresh=True)
        inputs, origin = data.inputs, data.origin
        return self._launch(data.workflow, asked, inputs, origin, background=False)

    # Preparing.

    def _decided(
        self, workflow: Workflow, asked: Asked, inputs: Mapping[str, Any]
    ) -> LiveRun:
        """The same as :meth:`_prepared`, its backends chosen by what they are quoted.

        Functions of its steps run for that, as for any quote.
        """
        live = self._prepared(workflow, asked, inputs)
        if not (asked.among and needs_quote(live.plan, self.backends.known)):
            return live
        quote = self._quoted(live, workflow, inputs, QUOTE_S)
        return self._prepared(workflow, asked, inputs, quote.foreseen)

    def _prepared(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        quoted: Quoted | None = None,
    ) -> LiveRun:
        """Bind and plan a workflow; nothing is recorded and nothing runs."""
        bound = bind(workflow, inputs, set=asked.set, fingerprint=fingerprint)
        mode = cast("Mode", asked.mode or "job")
        defaults = Defaults(
            backends=asked.backend or (self.settings.backend,),
            shots=asked.shots,
            precision=asked.precision,
            usual_shots=self.settings.shots,
            among=asked.among,
            policy=cast("Policy", asked.policy or "balanced"),
            mode=mode,
            deadline=None if asked.deadline is None else duration(asked.deadline),
            budget=cap(self._budget(asked)),
            capped=any(map(self._cap, ("budget_session", "budget_month"))),
            elsewhere=() if mode == "job" else self.backends.offering(mode),
        )
        taken: dict[str, object] = {}

        def known_as(given: object) -> str:
            return self._known_as(given, inputs, taken)

        history = History()
        if asked.among or asked.policy or asked.deadline or asked.budget:
            # Only where something is to be decided by it.
            used = map(known_as, defaults.among or defaults.backends)
            history, _ = self._history(workflow, used)
        facts = self.backends.facts
        plan = prepare(bound, defaults, known_as, facts, history, quoted or {})
        return LiveRun(
            id=_run_id(self._clock.wall()),
            number=next(self._numbers),
            plan=plan,
            bound=bound,
            seed=draw_seed() if asked.seed is None else asked.seed,
            started=self._clock.wall(),
            started_us=self._clock.now_us(),
            asked=asked,
            keys=step_keys(bound, plan, fingerprint=fingerprint, seed=asked.seed),
            backend_keys={
                name: self.backends.identity(name)
                for step in plan.steps
                for name in (*step.backends, *step.others)
            },
        )

    def _history(
        self, workflow: Workflow, backends: Iterable[str]
    ) -> tuple[History, dict[str, Waits]]:
        """What steps of the same code took in earlier runs, and all jobs of backends.

        What the lab learns while jobs run goes on from there. Beside it how long jobs
        will wait, where earlier ones tell.
        """
        names = list(dict.fromkeys(backends))
        codes = [f"{step.name} {step.code_hash}" for step in workflow.steps]
        ran, took, waited = self.store.queries(
            [
                ("ran", {"backends": names}),
                ("timings", {"name": workflow.name, "codes": codes}),
                ("waits", {"backends": names}),
            ],
            late=self.late_s,
        )
        learned = learned_of(ran, self.backends.facts)
        self._runner.times.learn(learned)
        return history_of(took, learned), self._waits(waited)

    def _waits(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Waits]:
        past: dict[str, list[Waited]] = {}
        for row in rows:
            waited = Waited(row["queue_s"], row["submitted"])
            past.setdefault(row["backend"], []).append(waited)
        now = self._clock.wall()
        found = {name: forecast_wait(waits, now) for name, waits in past.items()}
        return {name: wait for name, wait in found.items() if wait is not None}

    def _spent_in(self, month: str) -> dict[str, Decimal]:
        """What jobs of a month, such as ``2026-11``, have cost by currency."""
        rows = self.store.query("spent_in", month=month)
        return {row["currency"]: Decimal(repr(round(row["cost"], 9))) for row in rows}

    def _cap(self, name: str) -> Money | None:
        """A cap of the settings."""
        text = getattr(self.settings, name)
        if text is not None and money(text) is None:
            raise BadOption(
                f"setting {name} (QFLOW_{name.upper()}) must be money such as "
                f"'20 USD', or 'unlimited', not {text!r}",
                option=name,
            )
        return cap(text)

    def _budget(self, asked: Asked) -> Money | str | None:
        return self.settings.budget if asked.budget is None else asked.budget

    def _known_as(
        self, given: object, inputs: Mapping[str, Any], taken: dict[str, object]
    ) -> str:
        """Name of a backend; one from the notebook goes by its variable's name.

        Parameters
        ----------
        given
            A name, or a backend.
        inputs
            The notebook.
        taken
            Names that backends of the same run have already.
        """
        backend = given if is_backend(given) else inputs.get(str(given))
        if not is_backend(backend):
            return self.backends.facts(str(given)).name
        names = [str(given)] if isinstance(given, str) else []
        names += [name for name, value in inputs.items() if value is backend]
        name = [*names, str(getattr(backend, "name", type(backend).__name__))][0]
        for number in count(2):
            if taken.setdefault(name, backend) is backend:
                break
            name = f"{name.removesuffix(f'_{number - 1}')}_{number}"
        self.backends.again(name, backend)
        return name

    def _launch(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        background: bool,
    ) -> Run:
        _refuse_nesting(background)
        with self._lock:
            self._runner.check()
            self._refuse_twin(workflow.name)
            live = self._decided(workflow, asked, inputs)
            self._refuse_surprise(live, workflow, asked, inputs)
            self._send_to_cluster(live)
            lease = self._earlier.begin(live)
            try:
                self._close_left(live)
            except BaseException:
                lease.leave()
                raise
            self._start(live, lease, inputs, options)
        return self._attend(live, background=background)

    def _send_to_cluster(self, live: LiveRun) -> None:
        """Find the cluster that a run asks for, and give it the functions."""
        executor = live.asked.executor
        if executor is None or executor == "local":
            return
        cluster = find_cluster(executor, self._clusters)
        before = self._clusters.get(cluster.name)
        if before is not cluster:
            if before is not None:
                before.close()
            self._clusters[cluster.name] = cluster
            self._executor.add(cluster)
        pack_steps(live, cluster)

    def _close_left(self, live: LiveRun) -> None:
        """Close what processes that are gone have left open, before devices are used.

        What a run that is taken up has left, it closes by itself.
        """
        if any(not self.backends.known(name).simulator for name in live.backend_keys):
            close_left(
                self.store,
                self.backends,
                self._ledger,
                self._clock,
                besides=[live.id, *(each.id for each in tuple(self._live.values()))],
            )

    def _refuse_surprise(
        self,
        live: LiveRun,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
    ) -> None:
        """A run that somebody bills needs a budget, unless what it needs is kept."""
        names = {n for step in live.plan.steps for n in (*step.backends, *step.others)}
        billed = [n for n in sorted(names) if self.backends.known(n).billed]
        if billed and self._budget(asked) is None:
            quote = self._quote(workflow, asked, inputs, QUOTE_S)
            if not quote.costs_nothing:
                raise budget_needed(quote, billed)

    def _refuse_twin(self, name: str) -> None:
        earlier = self._live.get(name)
        if earlier is not None and not earlier.finished.done():
            raise RunIsLive(
                f"a run of '{name}' goes on; wait for it, or type "
                f"%qflow cancel {name}",
                name=name,
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
            live.inputs = _taken(live, inputs)
            axes = {name: self.store.put(list(v)) for name, v in live.axes.items()}
            kept = {
                i.name: self.store.put(live.inputs[i.name])
                for i in live.bound.inputs
                if i.kind == "value" and _is_modest(live.inputs.get(i.name))
            }
            defined = {
                i.name: self._defined(i.name, live.inputs[i.name])
                for i in live.bound.inputs
                if i.kind in ("function", "class", "module")
            }
            options = {"project": self.settings.project, **options}
            live.origin = {name: options.get(name) for name in ("project", "notebook")}
            record = records.started(live, live.asked, axes, kept, options, defined)
            self.store.begin(record)
            self.store.append(list(self._calibrations(live)))
            live.view = snapshot(live, {}, self._clock.now_us())
            live.let_go = lambda: self._forget(live, lease)
            self._live[live.name] = live
            self._runner.start(live)
        except BaseException:
            self._live.pop(live.name, None)
            lease.leave()
            raise
        self._hearing.listen(live.id)
        if self._live.get(live.name) is not live:
            # It has ended meanwhile, and nobody will say so once more.
            self._hearing.stop(live.id)

    def _defined(self, name: str, value: Any) -> list[dict[str, Any]]:
        """The source of an input that is code, so that scripts can be made of it."""
        return [
            {
                "name": each.name,
                "text": each.text,
                "kept": None if each.value is None else self.store.put(each.value),
            }
            for each in definitions(name, value)
        ]

    def _calibrations(self, live: LiveRun) -> Iterator[records.Record]:
        """What the devices of a run say of themselves, each once."""
        for name in live.backend_keys:
            facts = self.backends.known(name)
            seen = name, facts.key, facts.calibrated
            if seen in self._calibrated:
                continue
            self._calibrated.add(seen)
            if (data := self.backends.calibration(name)) is not None:
                yield records.calibration(live, facts, data)

    def _attend(self, live: LiveRun, *, background: bool) -> Run:
        run = Run(live, self)
        return run if background else _attended(run)

    def _handle(
        self, asked: Asked, name: str, options: Mapping[str, Any]
    ) -> tuple[StepContext | Desk, str, Mapping[str, Any]]:
        """What a sampler or estimator is made with."""
        given = asked.backend[0] if asked.backend else self.settings.backend
        backend = self._known_as(given, {}, {})
        if (step := running_context()) is not None:
            # In a step its calls are calls of the step, or it would wait for a slot
            # that the step holds.
            return step, backend, options
        facts = self.backends.known(backend)
        if facts.billed and self._budget(asked) is None:
            raise calls_need_budget(facts, name)
        asked = replace(asked, backend=(backend,))

        def begin(desk: Desk) -> Run:
            flow = Workflow.from_source(SOURCE, self._free_name(name))
            return self._launch(flow, asked, {"desk": desk}, {}, background=True)

        return Desk(begin), backend, options

    def _free_name(self, name: str) -> str:
        """The name, with a number while a run of that name goes on."""
        names = (name if i == 1 else f"{name}_{i}" for i in count(1))
        return next(each for each in names if each not in self._live)

    def _forget(self, live: LiveRun, lease: Lease) -> None:
        lease.release()
        # The next run of the name may have begun before this one was forgotten.
        with self._lock:
            if self._live.get(live.name) is live:
                del self._live[live.name]
                self._earlier.remember(live)
        self._hearing.stop(live.id)


def _read(
    workflow: Workflow | str,
    name: str | None,
    asked: Asked,
    filename: str | None = None,
) -> tuple[Workflow, Asked]:
    """A workflow with its options, from the text of a cell if need be."""
    if isinstance(workflow, str):
        asked = asked.over(asked_in(workflow))
        workflow = _read_once(workflow, name)
    return replace(workflow, filename=filename or workflow.filename), asked


@lru_cache(maxsize=64)
def _read_once(text: str, name: str | None) -> Workflow:
    """The workflow of a text, which is read again and again as it is run."""
    return Workflow.from_source(text, name)


def _taken(live: LiveRun, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Notebook values as the run took them at its start, to run it again with."""
    values = {**inputs, **live.bound.values}
    return {i.name: values[i.name] for i in live.bound.inputs if i.name in values}


def _refuse_done(stored: StoredRun) -> None:
    if stored.state == "done":
        raise NothingToResume(
            f"run {stored.record['number']} of '{stored.name}' is done; type "
            f"%qflow load {stored.name} to have it",
            run=stored.id,
        )


def _is_modest(value: Any) -> bool:
    return int(getattr(value, "nbytes", 0)) <= LARGEST_INPUT


def _attended(run: Run) -> Run:
    """Wait for a run; who gives up waiting gives up the run."""
    try:
        return run.wait()
    except KeyboardInterrupt:
        run.cancel()
        raise


def _refuse_nesting(background: bool) -> None:
    context = running_context()
    if context is not None and not background:
        raise NestedRun(
            f"step '{context.step}' would wait for a run that waits for its slot; use "
            "lab.run(..., background=True), or make the inner cell steps of this one",
            step=context.step,
        )


def _log_to(path: Path | None) -> Callable[[bytes], object] | None:
    """What appends to a file of this process: its number is in the name."""
    if path is None:
        return None
    file = path.with_name(f"{path.stem}-{os.getpid()}{path.suffix}")
    # Unbuffered: what the scheduler was told is there even if the process dies.
    raw = file.open("wb", buffering=0)
    atexit.register(raw.close)
    return raw.write


def _run_id(now: float) -> str:
    """Sorts by time; unique across processes."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{token_hex(4)}"


_lock = threading.Lock()
_lab: Lab | None = None


def lab() -> Lab:
    """The lab of this process, made on first use."""
    global _lab  # one lab for a process is the point
    with _lock:
        if _lab is None:
            _lab = Lab()
            atexit.register(_lab.close)
        return _lab
