"""Our own client and a service over loopback: cells, values, quotes, refusals."""

from __future__ import annotations

import base64
import pickle
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uvicorn
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.errors import (
    BadDocument,
    BadOption,
    BudgetNeeded,
    CellError,
    NoService,
    NotRemote,
    RunCancelled,
    RunIsLive,
    StepFailed,
    StepTimeout,
    TokenRefused,
    UnknownBackend,
    UnknownRun,
    UnknownStep,
)
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.remote.address import Address
from quantumflow_lab.remote.body import run_body
from quantumflow_lab.remote.http import Connection
from quantumflow_lab.remote.lab import RemoteLab
from quantumflow_lab.remote.secret import Secret
from quantumflow_lab.service.app import create_app
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import TokenFile
from quantumflow_lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI

pytestmark = pytest.mark.timeout(180)


class Served:
    """An application on a port of this machine."""

    def __init__(self, app: FastAPI, **options: Any) -> None:
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", **options)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture(scope="module")
def url(shared_app: FastAPI) -> Iterator[str]:
    served = Served(shared_app)
    yield served.url
    served.close()


def connected(url: str, token: str) -> RemoteLab:
    return RemoteLab(Connection(Address.of(url), Secret(token)), Settings())


@pytest.fixture
def remote(url: str, token: str) -> RemoteLab:
    return connected(url, token)


# What a notebook may have.


def line(x: float) -> float:
    return SLOPE * x + offset()


def offset() -> float:
    return float(TABLE[1])


class Reading:
    scale = 10

    def __init__(self, x: float) -> None:
        self.x = x

    def scaled(self) -> float:
        return line(self.x) * self.scale


SLOPE = 3
TABLE = np.array([0.25, 0.5])
CELL = """
theta = qf.axis(np.linspace(0, 1, 3), unit="rad")

@qf.circuit
def turned(theta):
    qc = QuantumCircuit(1)
    qc.ry(theta * np.pi, 0)
    qc.measure_all()
    return qc

@qf.sample(shots=200)
def counts(turned):
    return turned

@qf.step
def ones(counts, theta):
    print("theta is", theta)
    return counts.data.meas.get_counts().get("1", 0)

@qf.step(over="theta")
def fit(ones, theta, kept):
    return {"read": Reading(2.0).scaled(), "kept": kept.sum(), "n": len(ones)}
"""


def notebook(**more: Any) -> dict[str, Any]:
    return {
        "np": np,
        "QuantumCircuit": QuantumCircuit,
        "Reading": Reading,
        "kept": np.arange(4),
        "qf": qf,
        **more,
    }


def test_a_cell_gives_there_what_it_gives_here(remote: RemoteLab, served: Lab) -> None:
    there = remote.run(CELL, name="both", inputs=notebook(), seed=7)
    here = served.run(
        CELL, name="both_here", inputs=notebook(), seed=7, fresh=True
    ).wait()
    assert there.state == here.state == "done"
    assert points(there["ones"]) == points(here["ones"])
    assert there["fit"] == here["fit"] == {"read": 65.0, "kept": 6, "n": 3}
    assert type(there["fit"]["kept"]) is type(here["fit"]["kept"])
    assert there["counts"].sel(theta=1.0).data.meas.get_counts() == {"1": 200}
    assert there["turned"].sel(theta=0.5) == here["turned"].sel(theta=0.5)
    assert there.table("ones").equals(here.table("ones"))
    assert there.units("ones") == here.units("ones") == {"theta": "rad"}
    assert list(there) == list(here)
    assert there.seed == here.seed == 7
    assert there.asked.set == here.asked.set
    assert there.workflow.step_names == here.workflow.step_names
    assert repr(there).splitlines()[1:] == repr(here).splitlines()[1:]
    assert sorted(o.data for o in there.outputs) == sorted(o.data for o in here.outputs)
    assert [row["step"] for row in there.jobs] == [row["step"] for row in here.jobs]
    for kind in ("timeline", "counts", "sweep", "cost"):
        assert there.figure(kind).axes
    with pytest.raises(UnknownStep, match="did you mean 'ones'"):
        there["one"]


def test_what_did_not_change_is_kept_there_and_an_edit_of_a_function_is_seen(
    remote: RemoteLab,
) -> None:
    first = "def f(x):\n    return x + 1\n"
    cell = "@qf.step\ndef y():\n    return f(1)\n\n@qf.step\ndef z():\n    return 5\n"
    values = []
    for text in (first, first, first.replace("1", "2")):
        names = executed(text)
        run = remote.run(cell, name="edited", inputs=names)
        steps = {each["name"]: each for each in run.snapshot()["steps"]}
        kept = [name for name, each in steps.items() if each["kept"]]
        values.append((run["y"], kept))
    assert values == [(2, []), (2, ["y", "z"]), (3, ["z"])]


def executed(text: str) -> dict[str, Any]:
    """The names of a notebook that has run a cell."""
    import linecache

    file = f"<cell {hash(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, file, "exec"), names)
    return names


def test_options_and_values_that_are_set_go_along(remote: RemoteLab) -> None:
    cell = "n = 3\npairs = [(0, 1)]\n\n@qf.step\ndef y():\n    return [n, pairs]\n"
    values = {"n": 2**70, "pairs": [(1, 2), (3, 4)]}
    run = remote.run(cell, name="dials", set=values, seed=11, deadline="10 min")
    assert run["y"] == [2**70, [(1, 2), (3, 4)]]
    assert type(remote.run(cell, name="dials", set={"n": 4})["y"][0]) is int
    assert (run.seed, run.asked.deadline) == (11, 600.0)
    again = run.rerun(seed=12, set={"n": 1})
    assert (again["y"][0], again.seed) == (1, 12)


def test_axes_and_runs_of_the_notebook_go_along(remote: RemoteLab) -> None:
    first = remote.run("@qf.step\ndef a():\n    return 20\n", name="first")
    cell = "@qf.step\ndef b(x, first):\n    return x + first['a']\n"
    names = {"x": qf.axis([1, 2], unit="s"), "first": first}
    run = remote.run(cell, name="second", inputs=names)
    assert points(run["b"]) == [21, 22]
    assert run.units("b") == {"x": "s"}


def test_a_run_is_found_again_by_who_comes_back(remote: RemoteLab, served: Lab) -> None:
    run = remote.run("@qf.step\ndef a():\n    print('hi')\n    return 1\n", name="back")
    other = connected(remote.url, token_of(remote))
    back = other.load("back")
    assert (back.id, back["a"], back.state) == (run.id, 1, "done")
    assert [each.data for each in back.outputs] == ["hi\n"]
    assert other.load(run.id).id == run.id
    (row,) = other.runs("back")
    assert (row["name"], row["state"], row["run"]) == ("back", "done", run.id)
    (kept,) = other.runs("back", since="1 h")
    # What is told from memory has not gone through the clock of the database.
    near = {"started": pytest.approx(row["started"], abs=2e-6)}
    near["wall_s"] = pytest.approx(row["wall_s"], abs=1e-3)
    assert kept == {**row, **near}
    assert list(row) == list(served.runs("back")[0])
    assert other.runs("back", find="no such words") == []
    assert [{**kept, **near}] == served.runs("back")
    with pytest.raises(BadOption, match="since must be a duration"):
        other.runs(since="yesterday")
    with pytest.raises(UnknownRun, match="did you mean 'back'"):
        other.load("bakc")
    with pytest.raises(UnknownRun, match="begun by another process; run its cell"):
        back.rerun()


def points(grid: Any) -> list[Any]:
    return list(np.asarray(grid, dtype=object))


def token_of(remote: RemoteLab) -> str:
    return remote._connection._token.text


def test_more_runs_than_a_page_has_are_listed(
    remote: RemoteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantumflow_lab.remote.lab._PAGE", 2)
    for _ in range(3):
        remote.run("@qf.step\ndef a():\n    return 1\n", name="pages")
    rows = remote.runs("pages", limit=3)
    assert [row["number"] for row in rows] == sorted(
        (row["number"] for row in rows), reverse=True
    )
    assert len({row["run"] for row in rows}) == 3


WAITS = """
import time

i = qf.axis(range(4))

@qf.step
def held(i, gate):
    from pathlib import Path
    end = time.monotonic() + 30
    while not Path(gate).exists() and time.monotonic() < end:
        time.sleep(0.01)
    return i
"""


def test_cancel_pause_and_resume_go_to_the_service(
    remote: RemoteLab, tmp_path: Path
) -> None:
    names = {"gate": str(tmp_path / "gate")}
    run = remote.run(WAITS, name="held", inputs=names, background=True)
    with pytest.raises(RunIsLive, match="%qflow load held to follow it"):
        remote.run(WAITS, name="held", inputs=names)
    assert run.id in [each.id for each in remote.live()]
    run.pause()
    until(lambda: run.state == "paused")
    run.resume()
    until(lambda: run.state == "running")
    with pytest.raises(TimeoutError):
        run.wait(0.05)
    run.cancel("held", i=3)
    run.cancel()
    run.wait(30)
    assert run.state == "cancelled"
    assert {type(each) for _, each in run.partial("held").items()} == {qf.Failed}
    (tmp_path / "gate").touch()
    more = remote.resume("held")
    assert (more.id, more.state, points(more["held"])) == (
        run.id,
        "done",
        [0, 1, 2, 3],
    )


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_step_that_fails_says_so_as_it_does_here(remote: RemoteLab) -> None:
    cell = """
i = qf.axis([0, 1, 2])

@qf.step
def inverse(i):
    return 1 / i

@qf.step
def whole():
    return {}["nothing"]

@qf.step(timeout=0.05)
def slow():
    import time
    time.sleep(2)
"""
    run = remote.run(cell, name="fails", background=True)
    run.wait()
    assert run.state == "failed"
    (said,) = [each for each in run.failures() if "inverse" in each]
    assert said.startswith("1 of 3 points of 'inverse' failed: StepFailed: step ")
    assert "ZeroDivisionError: division by zero" in said
    assert points(run["inverse"])[1:] == [1.0, 0.5]
    failed = run["inverse"].sel(i=0)
    assert isinstance(failed, qf.Failed)
    assert failed.reason == "ZeroDivisionError"
    with pytest.raises(StepFailed, match="KeyError: 'nothing'") as caught:
        run.raise_failure()
    assert 'return {}["nothing"]' in str(caught.value)
    with pytest.raises(StepFailed) as caught:
        run["slow"]
    assert isinstance(caught.value.__cause__, StepTimeout)


def test_a_quote_is_that_of_the_service(remote: RemoteLab, served: Lab) -> None:
    there = remote.plan(CELL, name="quoted", inputs=notebook(), shots=50)
    here = served.plan(CELL, name="quoted", inputs=notebook(), shots=50)
    assert there.sentences == here.sentences
    assert [(r.step, r.backend, str(r.circuits)) for r in there.steps] == [
        (r.step, r.backend, str(r.circuits)) for r in here.steps
    ]
    assert repr(there).splitlines()[:5] == repr(here).splitlines()[:5]
    assert "quoted · quote, nothing was run" in there._repr_html_()
    assert there.costs_nothing


def test_a_run_that_costs_something_stops_at_its_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QFLOW_BUDGET", raising=False)
    lab = Lab(tmp_path / "home")
    price = qf.Price("USD", per_shot=Decimal("0.01"))
    lab.backends.add("dear", AerSimulator(), price=price)
    token = TokenFile(lab.store.home).create("me", ["read", "run", "code"]).text
    app = create_app(lab, ServiceSettings(allow_code=True), TokenFile(lab.store.home))
    served = Served(app)
    try:
        remote = connected(served.url, token)
        with pytest.raises(
            BudgetNeeded, match=r"would cost 6\.00 USD on 'dear'"
        ) as said:
            remote.run(CELL, name="dear_run", inputs=notebook(), backend="dear")
        assert repr(said.value.quote) == repr(
            remote.plan(CELL, name="dear_run", inputs=notebook(), backend="dear")
        )
        assert remote.runs() == []
        budget = {"backend": "dear", "budget": "7 USD", "inputs": notebook()}
        run = remote.run(CELL, name="dear_run", **budget)
        assert run.snapshot()["cost"]["money"] == "6 USD of 7 USD"
        assert str(run.asked.budget) == "7 USD"
    finally:
        served.close()
        app.state.desk.close()
        lab.close()


# Refusals.


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            {"thing": object()},
            (
                "'thing' of the notebook cannot go to the service: cannot store a "
                "builtins.object; return numbers"
            ),
        ),
        ({"thing": threading.Lock()}, "'thing' of the notebook cannot go"),
        ({"thing": qf.axis([object()])}, "axis 'thing' of the notebook cannot go"),
        (
            {"thing": qf.step(line)},
            (
                "'thing' is a step of the notebook, which cannot go to the service; "
                "move it into the cell"
            ),
        ),
    ],
)
def test_what_cannot_cross_is_told_before_anything_is_sent(
    names: dict[str, Any], says: str, remote: RemoteLab
) -> None:
    before = remote.runs(limit=200)
    with pytest.raises(NotRemote) as caught:
        remote.run("@qf.step\ndef a(thing):\n    return 1\n", name="no", inputs=names)
    assert says in str(caught.value)
    assert remote.runs(limit=200) == before


def test_what_is_too_large_names_its_largest_part(remote: RemoteLab) -> None:
    names = {"much": np.zeros(400_000), "little": 1}
    cell = "@qf.step\ndef a(much, little):\n    return 1\n"
    with pytest.raises(NotRemote) as caught:
        remote.run(cell, name="large", inputs=names)
    assert str(caught.value).startswith(
        "the cell with what it reads is 4.3 MB, more than the 2.1 MB that the service "
        "takes; 'much' is the largest part: read it in a step"
    )


def test_pictures_that_steps_return_are_shown_here(remote: RemoteLab) -> None:
    cell = """
@qf.step
def drawn():
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    return figure
"""
    run = remote.run(cell, name="drawn")
    (shown,) = [each for each in run.outputs if each.mime == "image/png"]
    assert base64.b64decode(shown.data).startswith(b"\x89PNG")
    assert run["drawn"].png.startswith(b"\x89PNG")


def test_code_that_does_not_run_there_says_so(remote: RemoteLab) -> None:
    names = executed("import sys\ndef f():\n    return 1\n")
    body = run_body(
        qf.Workflow.from_source("@qf.step\ndef a():\n    return f()\n", "broken"),
        Asked(),
        names,
        lambda _: None,
    )
    text = base64.b64encode(b"import no_such_module as f").decode()
    body["inputs"]["f"]["data"] = text
    with pytest.raises(BadDocument, match="ModuleNotFoundError: No module named 'no_"):
        remote._begin(body)
    body["inputs"]["f"]["data"] = base64.b64encode(b"raise SystemExit(1)").decode()
    with pytest.raises(BadDocument, match="does not run on the service: SystemExit: 1"):
        remote._begin(body)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    shared_app: FastAPI, token: str, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography")
    files = certificate(tmp_path)
    served = Served(shared_app, ssl_certfile=files[0], ssl_keyfile=files[1])
    url = served.url.replace("http:", "https:")
    try:
        with pytest.raises(NoService, match="is not trusted: self-signed certificate"):
            connected(url, token)
        known = ssl.create_default_context(cafile=files[0])
        line = Connection(Address.of(url), Secret(token), known)
        assert RemoteLab(line, Settings()).about.token == "tester"
    finally:
        served.close()


def certificate(folder: Path) -> tuple[str, str]:
    """A certificate for this machine that it has signed itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    host = x509.IPAddress(IPv4Address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + WEEK)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


WEEK = timedelta(days=7)


def test_backends_and_executors_of_this_process_are_refused(remote: RemoteLab) -> None:
    cell = "@qf.step\ndef a():\n    return 1\n"
    sim = AerSimulator()
    for given, names in ((sim, {}), ("sim", {"sim": sim})):
        with pytest.raises(NotRemote, match="is an object of this notebook, which"):
            remote.run(cell, name="no", backend=given, inputs=names)
    uses = "@qf.step\ndef a(sim):\n    return 1\n"
    with pytest.raises(NotRemote, match="'sim' is a backend of this notebook"):
        remote.run(uses, name="no", inputs={"sim": sim})
    with pytest.raises(NotRemote, match="--executor dask is for the lab of this"):
        remote.run(cell, name="no", executor="dask")
    with pytest.raises(NotRemote, match="choose another name"):
        remote.run(cell, name="größe")
    with pytest.raises(NotRemote, match="made of functions of this process"):
        remote.run(qf.workflow("made", qf.step(offset)))
    with pytest.raises(UnknownBackend, match="did you mean 'aer'"):
        remote.run(cell, name="no", backend="aerr")
    with pytest.raises(NotRemote, match="type it where the service is"):
        remote.resume("held", steal=True)


def test_a_run_of_another_lab_is_refused(remote: RemoteLab, served: Lab) -> None:
    mine = served.run("@qf.step\ndef a():\n    return 1\n", name="mine").wait()
    cell = "@qf.step\ndef b(mine):\n    return 1\n"
    with pytest.raises(NotRemote, match=r"take what the cell needs .* mine\['…'\]"):
        remote.run(cell, name="no", inputs={"mine": mine})


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda lab: lab.sql("SELECT 1"), "qflow sql asks the service's"),
        (lambda lab: lab.spend(), "%qflow disconnect first"),
        (lambda lab: lab.export("a"), "run.table(STEP) has the values here"),
        (lambda lab: lab.compare("a"), "%qflow compare asks a store"),
        (lambda lab: lab.forget(before="1d"), "%qflow forget asks a store"),
        (lambda lab: lab.candidates(None), "--among A,B --plan says it"),
        (lambda lab: lab.prices, "%qflow prices asks a store"),
        (lambda lab: lab.compose(), "%qflow compose asks a store"),
    ],
)
def test_what_only_a_lab_of_this_process_can_do_says_so(
    ask: Callable[[RemoteLab], Any], says: str, remote: RemoteLab
) -> None:
    with pytest.raises(NotRemote) as caught:
        ask(remote)
    assert says in str(caught.value)


def test_errors_of_a_cell_point_at_the_cell(remote: RemoteLab) -> None:
    flow = qf.Workflow.from_source(
        "n = 1\nm = n / 0\n\n@qf.step\ndef a():\n    return m\n",
        "raises",
        file="Cell In[4]",
        first_line=3,
    )
    with pytest.raises(Exception, match="ZeroDivisionError: division by zero"):
        remote.run(flow)
    flow = qf.Workflow.from_source(
        "@qf.step\ndef a(nothing):\n    return 1\n", "names", file="Cell In[5]"
    )
    with pytest.raises(CellError, match="Cell In\\[5\\], line 3"):
        remote.run(flow)
    assert NoService.slug == "no-service"


def test_a_token_without_the_scope_says_what_to_ask_for(
    url: str, token_for: Callable[..., str]
) -> None:
    cell = "@qf.step\ndef a():\n    return 1\n"
    declared_only = connected(url, token_for("read", "run"))
    for ask in (declared_only.run, declared_only.plan):
        with pytest.raises(TokenRefused) as caught:
            ask(cell, name="no")
        assert "lacks the scope 'code'; ask the service's operator" in str(caught.value)
        assert "--scope read --scope run --scope code" in str(caught.value)
    assert declared_only.runs(limit=1) is not None
    with pytest.raises(TokenRefused, match="lacks the scope 'read'"):
        connected(url, token_for("run"))
    with pytest.raises(TokenRefused, match="does not know this token"):
        connected(url, "qfl_000000000000_" + "x" * 43)


def test_a_service_that_takes_no_python_says_so(
    make_app: Callable[..., FastAPI], token: str
) -> None:
    served = Served(make_app())
    try:
        remote = connected(served.url, token)
        with pytest.raises(TokenRefused, match="may start it with --allow-code"):
            remote.run("@qf.step\ndef a():\n    return 1\n", name="no")
    finally:
        served.close()


def test_a_token_that_is_revoked_in_mid_run_ends_the_watch_and_not_the_run(
    url: str, served: Lab, token_for: Callable[..., str], tmp_path: Path
) -> None:
    remote = connected(url, token_for("read", "run", "code"))
    names = {"gate": str(tmp_path / "gate")}
    run = remote.run(WAITS, name="revoked", inputs=names, background=True)
    until(lambda: bool(run.snapshot()["steps"]))
    remote._connection._token = Secret("qfl_000000000000_" + "x" * 43)
    with pytest.raises(TokenRefused, match="does not know this token"):
        run.cancel()
    mine = served.load("revoked")
    assert mine.state == "running"
    mine.cancel()
    mine.wait(30)
    assert RunCancelled.slug == "run-cancelled"


def test_the_token_is_in_nothing_that_can_be_shown(
    remote: RemoteLab, token: str
) -> None:
    run = remote.run("@qf.step\ndef a():\n    return 1\n", name="shown")
    secret = Secret(token)
    shown = [repr(remote), repr(remote._connection), repr(run), repr(secret)]
    shown += [repr(vars(remote)), repr(vars(run.data)), repr(vars(remote._connection))]
    assert not [each for each in shown if token in each]
    with pytest.raises(TypeError, match="a token is not pickled"):
        pickle.dumps(secret)
