"""The lab of a service, with the methods of :class:`quantumflow_lab.Lab`."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from quantumflow_lab import codec
from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import (
    NoService,
    NotRemote,
    RunIsLive,
    UnknownRun,
    Where,
    did_you_mean,
)
from quantumflow_lab.meant import NUMBERED
from quantumflow_lab.planning.asked import Asked, asked_in, listed
from quantumflow_lab.remote.about import About, Versions, differences, refuse_other
from quantumflow_lab.remote.body import refuse_large, run_body
from quantumflow_lab.remote.data import RemoteData
from quantumflow_lab.remote.follow import Follower
from quantumflow_lab.remote.http import Connection
from quantumflow_lab.remote.order import Order, begin
from quantumflow_lab.remote.quote import RemoteQuote
from quantumflow_lab.run import Run, RunData
from quantumflow_lab.settings import Settings
from quantumflow_lab.workflow import Workflow

RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
NAMES_S = 30.0
"""Seconds for which the names of backends are remembered."""
_PAGE = 200
_COLUMNS = (
    *("number", "name", "started", "state", "wall_s", "steps", "points", "failed"),
    *("jobs", "shots", "machine_s", "qpu_s", "cost", "currency"),
    *("costs", "backends", "run"),
)
"""Of the query ``history``, in its order."""
_CALLED = {"wall_s": "seconds", "run": "id"}
"""What the service calls some of them."""


@dataclass(frozen=True, slots=True)
class RemoteBackend:
    """What a service tells of a backend."""

    name: str
    simulator: bool | None
    qubits: int | None
    noisy: bool | None
    billed: bool | None
    """Whether a run on it needs a budget."""


class RemoteBackends:
    """The backends of a service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: tuple[float, list[str]] | None = None

    def names(self) -> list[str]:
        """All that may be used."""
        now = time.monotonic()
        if self._names is None or now - self._names[0] > NAMES_S:
            self._names = now, [each.name for each in self.glimpses()]
        return self._names[1]

    def glimpses(self) -> list[RemoteBackend]:
        """A row for each; what the service would have to load is None."""
        items = self._connection.get("backends").json()["items"]
        return [RemoteBackend(**each) for each in items]

    def facts(self, name: str) -> RemoteBackend:
        """What is known of one."""
        return RemoteBackend(**self._connection.get("backends", name).json())

    def added(self) -> list[str]:
        """Those of this process, of which a service has none."""
        return []


class RemoteLab:
    """The lab of a service.

    Runs are the same objects as those of :class:`quantumflow_lab.Lab`; they go on
    without this process, and :meth:`load` gives them back.

    Parameters
    ----------
    connection
        The service.
    settings
        Those of this process, for what a face asks of them.

    Raises
    ------
    NoService
        If it does not answer, or not as a lab does.
    TokenRefused
        If it does not know the token.
    ServiceDiffers
        If its version cannot exchange values with ours.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.settings = settings
        self.backends = RemoteBackends(connection)
        self._connection = connection
        self.about = self._ask_about()
        self._known: WeakValueDictionary[str, RemoteData] = WeakValueDictionary()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RemoteLab({self.url!r})"

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._connection.url

    def differences(self) -> list[str]:
        """What is not the same there and here, one line each."""
        return differences(self.about.versions, Versions.ours())

    def _ask_about(self) -> About:
        about = About.of(self._connection.get("about").json())
        refuse_other(about.versions, Versions.ours())
        return about

    # Run.

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
        """Run a workflow on the service.

        Parameters
        ----------
        workflow, name, backend, shots, precision, seed, set, inputs, among, policy
            As in :meth:`quantumflow_lab.Lab.run`.
        mode, deadline, budget, fresh, background
            Likewise.
        executor
            ``local`` or None: the service runs steps itself.
        options
            Of these, ``project`` is recorded.
        filename
            Of no use here.

        Raises
        ------
        CellError
            Before anything is sent.
        NotRemote
            If something cannot go to the service, before anything is sent.
        TokenRefused
            If the token may not send cells, with what to ask for.
        BudgetNeeded
            With the service's quote as ``error.quote``.
        RunIsLive
            If a run of this name goes on there.
        """
        self.about.refuse_cell()
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
        flow, asked = _read(workflow, name, asked)
        project = (options or {}).get("project")
        body = run_body(flow, asked, inputs or {}, self._id_of, project)
        refuse_large(body, self.about.body_bytes)
        run = self._begin(body, Where(flow.file, flow.first_line, ""))
        return run if background else _attended(run)

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
    ) -> RemoteQuote:
        """What :meth:`run` would take over there, without a single shot."""
        self.about.refuse_cell()
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
        flow, asked = _read(workflow, name, asked)
        body = run_body(flow, asked, inputs or {}, self._id_of)
        refuse_large(body, self.about.body_bytes)
        where = Where(flow.file, flow.first_line, "")
        said = self._connection.post("quotes", body=body, where=where)
        return RemoteQuote(said.json())

    def _begin(self, body: Mapping[str, Any], where: Where | None = None) -> Run:
        try:
            status = begin(self._connection, body, where)
        except RunIsLive as error:
            raise RunIsLive(
                f"a run of '{body['name']}' goes on at {self.url}; type %qflow load "
                f"{body['name']} to follow it, or %qflow cancel {body['name']}",
                name=body["name"],
            ) from error
        return self._held(status, sent=body, anew=True)

    # Find.

    def load(self, name: str) -> Run:
        """The latest run of a name, or the run of an id, followed if it goes on.

        Raises
        ------
        UnknownRun
            Naming the nearest one.
        """
        return self._held(self._status(self._run_id(name)))

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
        """Go on with a run of the service that is paused, failed, or was left.

        Parameters
        ----------
        name, budget, mode, accept_drift, resubmit, background
            As in :meth:`quantumflow_lab.Lab.resume`.
        inputs
            Of no use: the service keeps what the run was sent.
        steal
            For who has the home of a run; a service does not take it.
        """
        if steal:
            raise NotRemote(
                "--steal takes a run from another machine that has the same home; type "
                "it where the service is, or leave it out"
            )
        body = {
            "budget": None if budget is None else str(budget),
            "mode": mode,
            "accept_drift": accept_drift,
            "resubmit": resubmit,
        }
        run_id = self._run_id(name)
        said = self._connection.post("runs", run_id, "resume", body=body)
        run = self._held(said.json(), anew=True)
        return run if background else _attended(run)

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
        """The newest runs of the service; see :meth:`quantumflow_lab.Lab.runs`."""
        asked = {
            "name": name,
            "state": state,
            "backend": backend,
            "since": f"{since} s" if isinstance(since, int | float) else since,
            "find": find,
        }
        rows: list[dict[str, Any]] = []
        while len(rows) < limit:
            most = min(limit - len(rows), _PAGE)
            page = self._connection.get("runs", cursor=before, limit=most, **asked)
            found = page.json()
            rows += [_row(each) for each in found["items"]]
            before = found["next"]
            if before is None:
                break
        return rows

    def live(self) -> list[Run]:
        """Runs that go on there, whoever has begun them."""
        rows = self.runs(state="running", limit=_PAGE)
        found = [self._held(self._status(row["run"]), listen=False) for row in rows]
        # A list may be a second old.
        return [run for run in found if not run.done]

    def _run_id(self, name: str) -> str:
        if RUN_ID.fullmatch(name):
            return name
        if numbered := NUMBERED.fullmatch(name):
            rows = self.runs(numbered[1], limit=_PAGE)
            rows = [row for row in rows if row["number"] == int(numbered[2])]
        else:
            rows = self.runs(name, limit=1)
        if not rows:
            known = (row["name"] for row in self.runs(limit=_PAGE))
            hint = did_you_mean(name, known)
            raise UnknownRun(f"no run of {self.url} is called '{name}'{hint}", run=name)
        return str(rows[0]["run"])

    def _status(self, run_id: str) -> dict[str, Any]:
        status: dict[str, Any] = self._connection.get("runs", run_id).json()
        return status

    def _held(
        self,
        status: Mapping[str, Any],
        *,
        sent: Mapping[str, Any] | None = None,
        anew: bool = False,
        listen: bool = True,
    ) -> Run:
        """A run; the same one twice is followed once."""
        with self._lock:
            data = self._known.get(status["id"])
            if data is None or anew or data.ended or data.broken is not None:
                data = RemoteData(self._connection, status, _follow, sent)
                self._known[data.id] = data
        if listen:
            data.listen()
        return Run(data, self)

    def _id_of(self, run: Any) -> str | None:
        """The id of a run of this service."""
        data = getattr(run, "data", None)
        mine = isinstance(data, RemoteData) and data.connection.url == self.url
        return data.id if mine and data is not None else None

    # What runs ask for (run.Control).

    def cancel_run(self, run_id: str, step: str | None, point: int | None) -> None:
        """Stop a run, a step or a point; asked again until the service answers."""
        body = {"step": step, "point": point}
        self._order(run_id, "cancel", {k: v for k, v in body.items() if v is not None})

    def pause_run(self, run_id: str, *, paused: bool) -> None:
        """Let nothing more of a run start, or go on with it."""
        self._order(run_id, "pause" if paused else "resume", {})

    def _order(self, run_id: str, verb: str, body: Mapping[str, Any]) -> None:
        data = self._known.get(run_id)
        say = data.say if data is not None else _to_stderr
        Order(self._connection, run_id, verb, body, say).send()

    def rows(self, query: str, run_id: str) -> list[dict[str, Any]]:
        """Rows of a named query for one run."""
        said = self._connection.get("performance", run_id, form="exact").value()
        if not isinstance(said, dict) or query not in said:
            raise NoService(f"the service tells no '{query}' of runs")
        rows: list[dict[str, Any]] = said[query]
        return rows

    def again(self, data: RunData, *, seed: int | None, set: Mapping[str, Any]) -> Run:
        """Run the same workflow once more."""
        sent = data.sent if isinstance(data, RemoteData) else None
        if sent is None:
            raise UnknownRun(
                f"run '{data.name}' was begun by another process; run its cell again",
                run=data.id,
            )
        values = {**sent["set"], **_encoded(set)}
        body = {**sent, "set": values, "fresh": True, "seed": seed}
        return _attended(self._begin(body))

    # What only the lab of this process has.

    def spend(self, **_: Any) -> NoReturn:
        """Refused: what jobs have cost is told where the service is."""
        raise self._not_here("spend", 'qflow sql "SELECT * FROM qf_costs"')

    def compare(self, *_: Any) -> NoReturn:
        """Refused."""
        raise self._not_here("compare")

    def candidates(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise self._not_here("backends NAME", instead="--among A,B --plan says it")

    def export(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise self._not_here(
            "export", "qflow export", instead="run.table(STEP) has the values here"
        )

    def forget(self, **_: Any) -> NoReturn:
        """Refused."""
        raise self._not_here("forget")

    def sql(self, *_: Any) -> NoReturn:
        """Refused."""
        raise self._not_here("sql", "qflow sql")

    def compose(self, *_: Any) -> NoReturn:
        """Refused."""
        raise self._not_here("compose")

    @property
    def prices(self) -> NoReturn:
        """Refused."""
        raise self._not_here("prices")

    def _not_here(
        self, command: str, there: str = "", *, instead: str = ""
    ) -> NotRemote:
        ways = [
            "type %qflow disconnect first to ask the lab of this notebook",
            f"{there} asks the service's, where it runs" if there else "",
            instead,
        ]
        return NotRemote(
            f"%qflow {command} asks a store, which {self.url} keeps to itself; "
            + ", or ".join(filter(None, ways)),
            command=command,
        )


def _read(
    workflow: Workflow | str, name: str | None, asked: Asked
) -> tuple[Workflow, Asked]:
    if isinstance(workflow, Workflow):
        return workflow, asked
    return Workflow.from_source(workflow, name), asked.over(asked_in(workflow))


def _follow(data: RemoteData) -> None:
    Follower(data).start()


def _attended(run: Run) -> Run:
    """Wait for a run; who gives up waiting gives up the run."""
    try:
        return run.wait()
    except KeyboardInterrupt:
        run.cancel()
        raise


def _row(line: Mapping[str, Any]) -> dict[str, Any]:
    """A run of a list under the names that the query ``history`` has."""
    row = {name: line[_CALLED.get(name, name)] for name in _COLUMNS}
    return {**row, "costs": [*line["costs"].items()] or None}


def _encoded(values: Mapping[str, Any]) -> dict[str, Any]:
    from quantumflow_lab.remote.notebook import Carried

    found = {}
    for name, value in values.items():
        encoded = codec.encode(value)
        found[name] = Carried("value", encoded.media, encoded.data).document()
    return found


def _to_stderr(words: str) -> None:
    sys.stderr.write(f"{words}\n")
