"""The lab: everything wired together, once per process."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantumflow_lab.amounts import Money
from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.conformance import Finding
from quantumflow_lab.clock import SystemClock
from quantumflow_lab.compare import Comparison, compare
from quantumflow_lab.doctor import DEADLINE_S, Report, examine
from quantumflow_lab.errors import UnknownRun
from quantumflow_lab.evidence import run_facts
from quantumflow_lab.export import Written
from quantumflow_lab.export.exporting import Exporter
from quantumflow_lab.forgetting import Forgotten, forget
from quantumflow_lab.hearing import Hearing
from quantumflow_lab.launch.calls import desk_for
from quantumflow_lab.launch.clusters import Clusters
from quantumflow_lab.launch.experience import Experience
from quantumflow_lab.launch.going import RunsHere
from quantumflow_lab.launch.launcher import Launcher
from quantumflow_lab.launch.opening import Calibrations
from quantumflow_lab.launch.preparing import Preparer, cap_of, read
from quantumflow_lab.launch.quoting import QUOTE_S, Quoting
from quantumflow_lab.launch.stopping import Stopping
from quantumflow_lab.listing import newest_runs, spend, spent_in
from quantumflow_lab.meant import meant_run, two_runs
from quantumflow_lab.planning.asked import Asked, listed
from quantumflow_lab.prices import PriceBook, with_home
from quantumflow_lab.primitives import LabEstimator, LabSampler
from quantumflow_lab.quote import Choice, Quote
from quantumflow_lab.run import Run, RunData
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.desk import Desk
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.runner import Runner
from quantumflow_lab.settings import Settings
from quantumflow_lab.store import Store, find_home
from quantumflow_lab.store.home import check_room, prepare_home
from quantumflow_lab.store.ledger import Ledger
from quantumflow_lab.store.projection import Compacted
from quantumflow_lab.takeup import Earlier
from quantumflow_lab.workers import Executors, StepThreads, WorkerPool
from quantumflow_lab.workflow import Workflow

if TYPE_CHECKING:
    import pyarrow as pa


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
        If nothing can be kept there, nor read. A home that can only be read answers
        what is asked of it, and refuses runs.
    BadOption
        A setting that cannot be.
    """

    def __init__(
        self, home: str | Path | None = None, *, settings: Settings | None = None
    ):
        self.settings = settings or Settings()
        self.store = Store(find_home(home or self.settings.home))
        cap_of(self.settings, "budget")
        self.backends = Registry(prices=lambda: self.prices)
        self._clock = clock = SystemClock()
        workers = self.settings.workers or 1
        self._pool = WorkerPool(
            size=workers,
            memory_mb=self.settings.memory_mb,
            cache=self.store.home / "cache" / "isa",
        )
        executor = Executors(self._pool, self.backends)
        ledger = Ledger(
            self.store.home,
            session=cap_of(self.settings, "budget_session"),
            month=cap_of(self.settings, "budget_month"),
            wall=clock.wall,
            before=partial(spent_in, self.store),
        )
        self._runner = Runner(
            backends=self.backends,
            jobs=executor,
            threads=StepThreads(self.settings.threads),
            sink=self.store,
            results=self.store.results,
            clock=clock,
            ledger=ledger,
            thread_slots=self.settings.threads,
            worker_slots=workers,
            log=_log_to(self.settings.schedule_log),
        )
        self._runs = RunsHere()
        self._earlier = Earlier(self.store, self.backends, clock)
        self._clusters = Clusters(executor)
        self.experience = Experience(
            self.store, self.backends, clock, self._runner.times
        )
        self._preparer = Preparer(
            lambda: self.settings, self.backends, clock, self.experience
        )
        self._quoting = Quoting(
            self._preparer, self._earlier, self.backends, self.store, executor, clock
        )
        self._stopping = Stopping(
            runs=self._runs,
            runner=self._runner,
            leases=self._earlier.leases,
            backends=self.backends,
            store=self.store,
            ledger=ledger,
            clock=clock,
        )
        self._launcher = Launcher(
            quoting=self._quoting,
            runs=self._runs,
            earlier=self._earlier,
            runner=self._runner,
            hearing=Hearing(self._earlier.leases, self._stopping.cancel_here),
            clusters=self._clusters,
            calibrations=Calibrations(self.backends),
            backends=self.backends,
            store=self.store,
            ledger=ledger,
            clock=clock,
        )

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
        flow, asked = read(workflow, name, asked, filename)
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
        seed: int | None = None,
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
        workflow, name, backend, shots, precision, seed, set, inputs, among, policy
            As in :meth:`run`.
        mode, deadline, budget, fresh
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
            seed=seed,
            set=dict(set or {}),
            fresh=fresh,
        )
        flow, asked = read(workflow, name, asked)
        return self._quoting.quote(flow, asked, inputs or {}, seconds)

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
        flow, given = read(workflow, name, asked)
        names = listed(among) or given.among
        return self._quoting.candidates(flow, given, inputs or {}, names, seconds)

    def load(self, name: str) -> Run:
        """The latest run of a name, the run of an id, or ``NAME:N``, from the store.

        Raises
        ------
        UnknownRun
            Naming the nearest one.
        """
        if (live := self._runs.named(name)) is not None:
            return Run(live, self)
        return Run(meant_run(self.store, name), self)

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
            Name of a workflow, whose latest run is meant, ``NAME:N`` for the *N*-th of
            its runs, or id of a run.
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
        if (live := self._runs.named(name)) is not None:
            return Run(live, self).resume()
        live = self._launcher.resume(
            meant_run(self.store, name),
            inputs or {},
            budget=budget,
            mode=mode,
            accept_drift=accept_drift,
            resubmit=resubmit,
            steal=steal,
            background=background,
        )
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
            ``running``, ``done``, ``failed``, ``paused``, ``cancelled``, or
            ``unfinished`` where no process has it any more.
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
        return newest_runs(
            self.store,
            self._clock.wall(),
            name=name,
            state=state,
            backend=backend,
            since=since,
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
        return spend(self.store, month=month, by=by)

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
        given = (a,) if b is None else (a, b)
        texts = [run if isinstance(run, str) else run.id for run in given]
        one, other = two_runs(self.store, *texts)
        return compare(run_facts(one), run_facts(other))

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
        mode: str | None = None,
        deadline: float | str | None = None,
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
        seed
            As in :meth:`run`.
        budget
            The most that all calls of the handle may cost together.
        mode, deadline
            As in :meth:`run`. A batch or session is opened with the first call and
            closed with the run, so close the handle, or use it as a context, as soon as
            you are done: half a minute of a session is paid, too.
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
        ModeRefused
            If the backend does not take jobs so.
        BadOption
            For a session without a deadline under a budget; and for `budget`, `mode`,
            `deadline` or `seed` in a step, whose run has them.
        """
        asked = Asked(
            backend=listed(backend),
            seed=seed,
            budget=budget,
            mode=mode,
            deadline=deadline,
        )
        return LabSampler(*self._desk(asked, name), options)

    def estimator(
        self,
        backend: str | object | None = None,
        *,
        name: str = "estimator",
        seed: int | None = None,
        budget: Money | str | None = None,
        mode: str | None = None,
        deadline: float | str | None = None,
        **options: Any,
    ) -> LabEstimator:
        """A ``BaseEstimatorV2`` for anywhere; see :meth:`sampler`.

        Parameters
        ----------
        backend, name, seed, budget, mode, deadline
            As in :meth:`sampler`.
        **options
            ``precision`` of PUBs that bring none (0 is exact on simulators),
            ``optimization_level``, ``transpile``, ``options``.

        Raises
        ------
        UnknownBackend, BudgetNeeded, ModeRefused, BadOption
            As :meth:`sampler`.
        """
        asked = Asked(
            backend=listed(backend),
            seed=seed,
            budget=budget,
            mode=mode,
            deadline=deadline,
        )
        return LabEstimator(*self._desk(asked, name), options)

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
        return [Run(live, self) for live in self._runs]

    def warm(self, workers: int = 1) -> None:
        """Start so many workers, so that the first jobs do not wait for them."""
        self._pool.warm(workers)

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
        JournalFull
            If the disk has no room for records.
        """
        prepare_home(self.store.home)
        check_room(self.store.home)

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
        self._stopping.cancel(run_id, step, point)

    def pause_run(self, run_id: str, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it."""
        self._stopping.pause(run_id, paused=paused)

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

    # Behind the above.

    def _launch(
        self,
        workflow: Workflow,
        asked: Asked,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        background: bool,
    ) -> Run:
        live = self._launcher.launch(
            workflow, asked, inputs, options, background=background
        )
        return self._attend(live, background=background)

    def _attend(self, live: LiveRun, *, background: bool) -> Run:
        run = Run(live, self)
        return run if background else _attended(run)

    def _desk(self, asked: Asked, name: str) -> tuple[StepContext | Desk, str]:
        """Who takes calls of a sampler or estimator, and for which backend."""

        def begin(flow: Workflow, asked: Asked, inputs: Mapping[str, Any]) -> Run:
            return self._launch(flow, asked, inputs, {}, background=True)

        return desk_for(
            asked, name, preparer=self._preparer, runs=self._runs, begin=begin
        )


def _attended(run: Run) -> Run:
    """Wait for a run; who gives up waiting gives up the run."""
    try:
        return run.wait()
    except KeyboardInterrupt:
        run.cancel()
        raise


def _log_to(path: Path | None) -> Callable[[bytes], object] | None:
    """What appends to a file of this process: its number is in the name."""
    if path is None:
        return None
    file = path.with_name(f"{path.stem}-{os.getpid()}{path.suffix}")
    # Unbuffered: what the scheduler was told is there even if the process dies.
    raw = file.open("wb", buffering=0)
    atexit.register(raw.close)
    return raw.write


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
