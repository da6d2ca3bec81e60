"""A run of a service: told by its stream, its values fetched when looked at."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.errors import NoService
from quantumflow_lab.grid import Failed
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.remote.http import Connection
from quantumflow_lab.remote.problems import run_error, step_error
from quantumflow_lab.remote.sse import Event, Parser
from quantumflow_lab.runner.live import MISSING, Output
from quantumflow_lab.workflow import Workflow

FRESH_S = 1.0
"""Seconds for which a snapshot is not asked for again where nobody listens."""
PAGE = 250
"""Points that are fetched at once."""
_OPTIONS = ("policy", "mode", "deadline", "budget", "shots", "precision", "seed")


class RemoteValues(Sequence[Any]):
    """Values of a step's points, fetched page by page when they are looked at."""

    def __init__(self, connection: Connection, run: str, step: str, size: int) -> None:
        self._connection = connection
        self._path = ("runs", run, "results", step)
        self._size = size
        self._pages: dict[int, list[Any]] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, point: Any) -> Any:
        if not 0 <= point < self._size:
            raise IndexError(point)
        page, at = divmod(int(point), PAGE)
        if page not in self._pages:
            said = self._connection.get(
                *self._path, form="exact", offset=page * PAGE, limit=PAGE
            )
            self._pages[page] = [_value(each) for each in said.value()["points"]]
        return self._pages[page][at]


def _value(point: Sequence[Any]) -> Any:
    match point:
        case ["value", value]:
            return value
        case ["failed", [str(reason), str(message), attempt, job]]:
            return Failed(reason, message, attempt, job)
        case ["lost", str(why)]:
            return Failed("NotStorable", why, 0)
        case ["open", _]:
            return MISSING
    raise NoService(f"the service tells of a point what we do not know: {point[0]!r}")


@dataclass(frozen=True, slots=True)
class RemoteStep:
    """One step; implements :class:`quantumflow_lab.run.StepData`."""

    name: str
    kind: str
    dims: tuple[str, ...]
    shape: tuple[int, ...] | None
    values: RemoteValues
    final: bool
    failure: Mapping[str, str] | None
    """Type and message of the first failure."""
    traceback: str | None

    def error(self) -> BaseException | None:
        """The failure of the first point that failed."""
        if self.failure is None:
            return None
        return step_error(self.failure, self.name, self.traceback)


class RemoteData:
    """A run of a service; implements :class:`quantumflow_lab.run.RunData`.

    Parameters
    ----------
    connection
        The service.
    status
        How the run stands, as the service told last.
    follow
        Listens to it until it ends; called once, when somebody waits for the end.
    sent
        What the run was begun with, if it was begun here.
    """

    def __init__(
        self,
        connection: Connection,
        status: Mapping[str, Any],
        follow: Callable[[RemoteData], None],
        sent: Mapping[str, Any] | None = None,
    ) -> None:
        self.connection = connection
        self.sent = sent
        self.id = str(status["id"])
        self.name = str(status["name"])
        self.seed = int(status["seed"])
        self._view: dict[str, Any] = dict(status["snapshot"])
        self._seen = time.monotonic()
        self.broken: Exception | None = None
        """Why nothing more is heard of it."""
        self.ended = bool(status["ended"])
        self._outputs: list[Output] = []
        self._again: Counter[str] = Counter()
        """Outputs that the service is about to tell once more."""
        self._described: tuple[object, dict[str, Any]] | None = None
        self._steps: dict[str, RemoteStep] = {}
        """Those whose values do not change any more."""
        self._lock = threading.RLock()
        self._future: Future[None] = Future()
        self._follow: Callable[[RemoteData], None] | None = follow
        """None once somebody listens, or has listened to the end."""
        if self.ended:
            self._finish()

    # What the stream tells; one thread at a time.

    def take(self, event: Event) -> str | None:
        """Take note of an event; its state, if the run has ended by it."""
        try:
            data = json.loads(event.data)
        except ValueError as error:
            raise NoService("the service's events do not read") from error
        match event.kind, data:
            case "snapshot", {"steps": _}:
                self._view = data
            case "output", {"step": str(step), "mime": str(mime), "data": what}:
                self._add(Output(step, mime, what))
            case "reset", _:
                self._again = Counter(map(_key, self._outputs))
            case "end", {"state": str(state)}:
                return state
        return None

    def _add(self, output: Output) -> None:
        """Add an output, unless it was told before."""
        key = _key(output)
        if self._again[key] > 0:
            self._again[key] -= 1
        else:
            self._outputs.append(output)

    def say(self, words: str) -> None:
        """Show a line under the title, until the service tells more."""
        self._view = {**self._view, "message": words}

    def end(self, state: str) -> None:
        """The run has ended, or nobody goes on with it."""
        self._view = {**self._view, "state": state}
        self.ended = True
        self._finish()

    def lose(self, error: Exception) -> None:
        """Nothing more will be heard of it; the run itself may go on."""
        self.broken = error
        self.say(str(error))
        self._finish()

    def _finish(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    # What runs are asked for.

    @property
    def view(self) -> dict[str, Any]:
        """The latest snapshot; asked for now and then where nobody listens."""
        if self._follow is not None and not self.ended:
            self._look()
        return self._view

    def _look(self) -> None:
        if time.monotonic() - self._seen < FRESH_S:
            return
        self._seen = time.monotonic()
        status = self.connection.get("runs", self.id).json()
        self._view = dict(status["snapshot"])
        if status["ended"]:
            self.ended = True
            self._finish()

    def listen(self) -> None:
        """Have it followed to its end, unless it is already."""
        if not self.ended and (follow := self._is_first()):
            follow(self)

    @property
    def state(self) -> str:
        """How it stands."""
        return str(self.view.get("state", "running"))

    @property
    def paused(self) -> bool:
        """Whether nothing of it starts for now."""
        return bool(self.view.get("paused")) and not self.ended

    @property
    def error(self) -> Exception | None:
        """What broke the run itself, or the line to it."""
        if self.broken is not None or not self.ended:
            return self.broken
        said = self._description()["error"]
        return None if said is None else run_error(said)

    @property
    def asked(self) -> Asked:
        """The options it was asked for, backends by name."""
        kept = self._description()["asked"]
        return Asked(
            backend=tuple(kept["backend"]),
            among=tuple(kept["among"]),
            set=kept["set"],
            **{name: kept[name] for name in _OPTIONS},
        )

    @property
    def workflow(self) -> Workflow:
        """What is run."""
        return Workflow.from_json(self._description()["document"])

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """Values of every axis known so far."""
        axes = self._description()["axes"]
        return {name: tuple(values) for name, values in axes.items()}

    @property
    def units(self) -> Mapping[str, str | None]:
        """Unit of each axis that has one."""
        units: dict[str, str | None] = self._description()["units"]
        return units

    @property
    def steps(self) -> Mapping[str, RemoteStep]:
        """Steps by name."""
        return {each["name"]: self._step(each) for each in self._description()["steps"]}

    @property
    def outputs(self) -> Sequence[Output]:
        """What steps printed and displayed, each once."""
        if self.ended and self._is_first():
            parser = Parser()
            for piece in self.connection.stream("runs", self.id, "events"):
                for event in parser.feed(piece):
                    self.take(event)
        return self._outputs

    @property
    def finished(self) -> Future[None]:
        """Resolves when the run has ended, or nothing more is heard of it."""
        self.listen()
        return self._future

    def _is_first(self) -> Callable[[RemoteData], None] | None:
        """What listens, for who asks first."""
        with self._lock:
            follow, self._follow = self._follow, None
        return follow

    def _description(self) -> dict[str, Any]:
        """What the service tells beside values; once for each state of the run."""
        with self._lock:
            view = self.view
            if self._described is None or self._described[0] is not view:
                said = self.connection.get("runs", self.id, "results", form="exact")
                self._described = view, said.value()
            return self._described[1]

    def _step(self, told: Mapping[str, Any]) -> RemoteStep:
        name = told["name"]
        with self._lock:
            if name in self._steps:
                return self._steps[name]
            shape = told["shape"]
            step = RemoteStep(
                name=name,
                kind=told["kind"],
                dims=tuple(told["dims"]),
                shape=None if shape is None else tuple(shape),
                values=RemoteValues(self.connection, self.id, name, told["total"]),
                final=told["final"],
                failure=told["error"],
                traceback=told["traceback"],
            )
            if step.final:
                self._steps[name] = step
            return step


def _key(output: Output) -> str:
    return json.dumps([output.step, output.mime, output.data], sort_keys=True)
