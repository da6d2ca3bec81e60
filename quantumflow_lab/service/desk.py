"""What the routes ask of the lab: one at a time where that matters, and not too often.

What goes on here is told from memory, and what has ended is remembered for a while.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from quantumflow_lab.errors import (
    BadDocument,
    QuantumFlowError,
    RunIsLive,
    UnknownBackend,
    did_you_mean,
)
from quantumflow_lab.grid import text_of
from quantumflow_lab.lab import Lab
from quantumflow_lab.quote import Quote
from quantumflow_lab.remote.notebook import Carried, arrived
from quantumflow_lab.run import Run
from quantumflow_lab.service.answers import Answers
from quantumflow_lab.service.circuits import WARM, Circuits
from quantumflow_lab.service.declared import Bounds, Cell, Declared, cell_of
from quantumflow_lab.service.keys import RequestKey, RequestKeys
from quantumflow_lab.service.known import KnownRuns
from quantumflow_lab.service.logs import log
from quantumflow_lab.service.meters import Meters
from quantumflow_lab.service.models import EncodedValue, RunOptions
from quantumflow_lab.service.problems import Problem
from quantumflow_lab.service.saved import SavedWorkflows
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import Token
from quantumflow_lab.store.lease import held_runs

LATE_S = 2.0
"""Seconds by which what quotes go by may be behind."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and in which request."""

    token: Token
    request_id: str
    is_good: Callable[[], bool]
    """Whether the token still is."""


class Desk:
    """Where the service meets its lab; may be used by any thread.

    Parameters
    ----------
    lab
        What does the work.
    settings
        What may be asked for.
    """

    def __init__(self, lab: Lab, settings: ServiceSettings) -> None:
        self.lab = lab
        self.settings = settings
        self.circuits = Circuits(settings.parsing)
        self.workflows = SavedWorkflows(lab.store.home, settings.saved_workflows)
        self.meters = Meters(
            {*settings.backends, *lab.backends.added(), lab.settings.backend, "aer"},
            live=lambda: len(lab.live()),
        )
        self.runs = KnownRuns(lab)
        self.draining = threading.Event()
        """Set once nothing new begins."""
        self.leaving = threading.Event()
        """Set once the service stops; streams end then."""
        self.settled = threading.Event()
        """Cleared while runs that an earlier service has left are taken up."""
        self.settled.set()
        self.bounds = Bounds(
            circuits=settings.circuits,
            points=settings.points,
            shots=settings.shots,
            step_seconds=settings.step_seconds,
        )
        self._starting = threading.Lock()
        self._keys = RequestKeys(lab.store)
        self._streams: dict[str, int] = {}
        self._lock = threading.Lock()
        self.answers = Answers(lab, self.runs.own)
        lab.experience.late_s = LATE_S

    # Begin.

    def declared(self, declared: Declared) -> Cell:
        """The cell of a declared workflow; its circuits are read elsewhere."""
        for step in declared.steps:
            if step.backend is not None:
                self.refuse_backend(step.backend)
        return cell_of(declared, self.circuits.read, self.bounds)

    def python(self, source: str, inputs: Mapping[str, EncodedValue]) -> Cell:
        """The cell of Python; whether it is allowed has been asked before."""
        sent = {name: value.model_dump() for name, value in inputs.items()}
        return Cell(
            source,
            {name: self._opened(name, each) for name, each in sent.items()},
            code=True,
            sent={n: each for n, each in sent.items() if each["kind"] != "value"},
        )

    def start(
        self,
        cell: Cell,
        name: str,
        options: RunOptions,
        asker: Asker,
        *,
        beside: bool = False,
        key: RequestKey | None = None,
    ) -> Run:
        """Begin a run.

        Parameters
        ----------
        cell
            What to run.
        name
            Name of the run.
        options
            How.
        asker
            Who asks: recorded with the run.
        beside
            Add a number to the name while a run of that name goes on.
        key
            Chosen by who asks, so that asking once more gives the run that was begun.
        """
        asked = self._asked(options, cell)
        about = _about(cell, options, asker, key)
        with self._starting:
            begun = self._keys.run_of(asker.token.name, key)
            if begun is not None:
                return self.runs.of(begun)
            self._refuse_more()
            # Others may begin runs meanwhile; to be refused takes longer than to look.
            taken = {run.name for run in self.lab.live()} if beside else frozenset()
            for number in count(1):
                called = name if number == 1 else f"{name}_{number}"
                if called in taken:
                    continue
                try:
                    run = self.lab.run(
                        cell.source,
                        name=called,
                        inputs=cell.inputs,
                        background=True,
                        options=about,
                        **asked,
                    )
                    break
                except RunIsLive as error:
                    if not beside:
                        raise _live(error, self._live_of(called)) from error
                except (Exception, SystemExit) as error:
                    raise _told(error, cell) from error
            self._keys.add(asker.token.name, key, run.id)
        self.attend(run)
        log.info("run started", run=run.id, name=run.name, token=asker.token.name)
        return run

    def quote(self, cell: Cell, name: str, options: RunOptions) -> Quote:
        """What a run would take."""
        try:
            return self.lab.plan(
                cell.source,
                name=name,
                inputs=cell.inputs,
                seconds=self.settings.quote_seconds,
                **self._asked(options, cell),
            )
        except (Exception, SystemExit) as error:
            raise _told(error, cell) from error

    def take_up(self) -> list[str]:
        """Go on with runs that an earlier service has left; returns their ids."""
        taken, store = [], self.lab.store
        held = sorted(held_runs(store.home / "runs"))
        for row in store.query("left_by_services", held=held):
            try:
                record = store.run_record(row["run"])
                inputs = self._sent_with(record)
                run = self.lab.resume(row["run"], inputs=inputs, background=True)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - its cell is code
                # One that another process has, or that needs a person's word, or whose
                # assignments do not come out any more.
                log.warning("run not taken up", run=row["run"], why=text_of(error))
                continue
            self.attend(run)
            taken.append(run.id)
            log.info("run taken up", run=run.id, name=run.name)
        return taken

    def expects(self, run: Run) -> bool:
        """Whether a run goes on that this process does not have.

        Another one has it, or nobody, and it may be taken up in a moment.
        """
        if run.done and run.state == "running":
            return True
        left = run.done and run.state == "unfinished"
        return left and not (self.settled.is_set() or self.leaving.is_set())

    def attend(self, run: Run) -> None:
        """Remember a run, and count it when it ends."""
        self.runs.add(run)
        self.answers.begun(run.id)
        began = time.monotonic()

        def ended() -> None:
            used = [
                s["backend"] for s in run.snapshot().get("steps", ()) if s["backend"]
            ]
            names = {name.strip() for each in used for name in each.split(",")}
            seconds = time.monotonic() - began
            self.meters.run(run.state, names, seconds)
            self.runs.add(run)
            self.answers.ended(run.id)
            log.info(
                "run ended",
                run=run.id,
                name=run.name,
                state=run.state,
                seconds=round(seconds, 3),
            )

        run.when_done(ended)

    # Look.

    def names(self) -> list[str]:
        """Backends that may be used."""
        return sorted(self.settings.backends) or self.lab.backends.names()

    def refuse_backend(self, name: str) -> None:
        """Refuse a backend that may not be used.

        Raises
        ------
        UnknownBackend
            Naming the nearest.
        """
        known = self.names()
        if name not in known:
            raise UnknownBackend(
                f"no backend '{name[:64]}'{did_you_mean(name, known)}", name=name
            )

    # Act.

    def resume(
        self,
        run_id: str,
        *,
        budget: str | None,
        mode: str | None,
        accept_drift: bool,
        resubmit: bool,
    ) -> Run:
        """Go on with a run that is paused, failed, was cancelled or left."""
        run = self.runs.of(run_id)
        if not run.done:
            return run.resume()
        self._refuse_more()
        run = self.lab.resume(
            run_id,
            inputs=self._sent_with(self.lab.store.run_record(run_id)),
            budget=budget,
            mode=mode,
            accept_drift=accept_drift,
            resubmit=resubmit,
            background=True,
        )
        self.attend(run)
        return run

    @contextmanager
    def streaming(self, token: Token) -> Iterator[None]:
        """Count a stream of events while it is open."""
        with self._lock:
            self._streams[token.id] = self._streams.get(token.id, 0) + 1
            self.meters.streams += 1
        try:
            yield
        finally:
            with self._lock:
                self._streams[token.id] -= 1
                self.meters.streams -= 1

    def refuse_stream(self, token: Token) -> None:
        """Refuse one more stream of events than a token may have.

        Raises
        ------
        Problem
            429, to come back when another one is closed.
        """
        most = self.settings.streams
        if self._streams.get(token.id, 0) >= most:
            self.meters.refused("busy")
            raise Problem(
                429,
                "too-many-streams",
                f"this token follows {most} runs, as many as it may; close one first",
                retry_after=5,
            )

    def warm(self) -> None:
        """Import and start what the first request would wait for."""
        self.circuits.warm()
        self.circuits.read(WARM, "warm-up")
        self.answers.runs(limit=1)

    def close(self) -> None:
        """End the processes that read circuits, and what asks the store."""
        self.circuits.close()
        self.answers.close()

    def _asked(self, options: RunOptions, cell: Cell) -> dict[str, Any]:
        for name in (*options.backend, *options.among):
            self.refuse_backend(name)
        if (options.shots or 0) > self.settings.shots:
            raise BadDocument(
                f"{options.shots:,} shots are more than the {self.settings.shots:,} "
                "that this service takes"
            )
        return {
            "backend": options.backend or None,
            "among": options.among or None,
            "policy": options.policy,
            "mode": options.mode,
            "deadline": options.deadline,
            "budget": options.budget,
            "shots": options.shots,
            "precision": options.precision,
            "seed": options.seed,
            "set": {n: self._set(n, value, cell) for n, value in options.set.items()},
            "fresh": options.fresh,
        }

    def _refuse_more(self) -> None:
        if self.draining.is_set():
            raise Problem(
                503,
                "draining",
                "the service is about to stop; try again soon",
                retry_after=10,
            )
        if len(self.lab.live()) >= self.settings.live_runs:
            self.meters.refused("busy")
            raise Problem(
                429,
                "busy",
                f"{self.settings.live_runs} runs go on, as many as may; try again when "
                "one has ended",
                retry_after=2,
            )

    def _set(self, name: str, value: Any, cell: Cell) -> Any:
        """A value that takes the place of an assignment."""
        if not isinstance(value, EncodedValue):
            return value
        if not cell.code or value.kind != "value":
            raise BadDocument(f"set.{name[:64]}: send a number, a text or a list")
        return self._opened(name, value.model_dump())

    def _opened(self, name: str, sent: Mapping[str, str]) -> Any:
        """What somebody sent of a notebook."""
        try:
            data = base64.b64decode(sent["data"], validate=True)
            return arrived(
                name, Carried(sent["kind"], sent["media"], data), self.runs.of
            )
        except (binascii.Error, ValueError) as error:
            raise BadDocument(f"input '{name[:64]}' does not read: {error}") from error

    def _sent_with(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What a run was sent and the store does not keep."""
        sent = record["options"].get("service", {}).get("inputs", {})
        return {name: self._opened(name, each) for name, each in sent.items()}

    def _live_of(self, name: str) -> str | None:
        return next((run.id for run in self.lab.live() if run.name == name), None)


def _about(
    cell: Cell, options: RunOptions, asker: Asker, key: RequestKey | None
) -> dict[str, Any]:
    """What is recorded of a run beside what it was asked to do."""
    service: dict[str, Any] = {
        "request": asker.request_id,
        "token": asker.token.name,
    }
    if key is not None:
        service |= {"key": key.text, "asked": key.asked}
    if cell.sent:
        service["inputs"] = cell.sent
    about = {"notebook": f"service:{asker.token.name}", "service": service}
    return about if options.project is None else about | {"project": options.project}


def _live(error: RunIsLive, run: str | None) -> Problem:
    text = (
        f"{error.message.partition(';')[0]}; wait for it, cancel it, or send "
        'if_running: "beside"'
    )
    return Problem(409, error.slug, text, run=run)


def _told(error: BaseException, cell: Cell) -> BaseException:
    """What went wrong in code that somebody sent is theirs to know."""
    if isinstance(error, QuantumFlowError | Problem) or not cell.code:
        return error
    return Problem(422, "cell-raised", f"{type(error).__name__}: {error}")
