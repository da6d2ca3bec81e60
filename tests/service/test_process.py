"""A real process of ``qflow serve``: signals, kill -9, and what the next one finds."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

from quantumflow_lab.cli import main
from quantumflow_lab.errors import BadOption
from quantumflow_lab.service.serving import check
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import TokenFile
from tests.service.conftest import parse_events

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.timeout(300)
"""A service takes seconds to start, and more of them on a busy machine."""

ROOT = Path(__file__).parents[2]
SLOW = """
import time
from pathlib import Path
i = qf.axis(range(30))

@qf.step
def slow(i):
    print("point", i)
    while i >= 4 and not Path(%r).exists():
        time.sleep(0.05)
    with Path(%r).open("a") as ran:
        ran.write(f"{i} ")
    return i * i
"""
FLIP = {
    "circuit": {
        "format": "qasm2",
        "source": 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; '
        "x q[0]; measure q -> c;",
    },
    "primitive": "sampler",
    "wait": 30,
}


class Process:
    """A service in a process of its own, on a port that was free."""

    def __init__(
        self, home: Path, *, flags: Sequence[str] = (), **settings: str
    ) -> None:
        self.home = home
        self.log = home.parent / f"log-{time.monotonic_ns()}.jsonl"
        told = {f"QFLOW_SERVICE_{name.upper()}": v for name, v in settings.items()}
        command = [sys.executable, "-P", "-m", "quantumflow_lab", "serve"]
        self._process = subprocess.Popen(
            [*command, "--port", "0", "--log-file", str(self.log), *flags],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "QFLOW_HOME": str(home),
                **told,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        assert self._process.stderr is not None
        while "serving on" not in self.said:
            line = self._process.stderr.readline()
            assert line, self.said
            self.said += line
        self.url = re.findall(r"http://\S+", self.said)[-1]

    def client(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait(60)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


def begin(client: httpx.Client, text: str, name: str) -> str:
    new = {"name": name, "source": text}
    made = client.post("/api/workflows", json=new).raise_for_status().json()["id"]
    run = client.post(f"/api/workflows/{made}/execute", json={})
    return str(run.raise_for_status().json()["id"])


def until(client: httpx.Client, run: str, state: str, done: int = 0) -> dict[str, Any]:
    """The status of a run once it is in a state and points of its step are done."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = client.get(f"/api/runs/{run}").raise_for_status().json()
        steps = status["snapshot"]["steps"]
        if status["state"] == state and steps[0]["counts"].get("done", 0) >= done:
            return dict(status)
        time.sleep(0.05)
    raise AssertionError(status)


@pytest.fixture
def token(home: Path) -> str:
    return TokenFile(home).create("me", ["read", "run", "code"]).text


def events_of(client: httpx.Client, run: str, last: str | None = None) -> Any:
    headers = {} if last is None else {"Last-Event-ID": last}
    return parse_events(client.get(f"/api/runs/{run}/events", headers=headers).text)


def test_no_end_of_the_service_loses_a_run(
    home: Path, token: str, tmp_path: Path
) -> None:
    """Killed in mid-run, then told to stop in mid-run, then left to end it."""
    gate, ran = tmp_path / "gate", tmp_path / "ran"
    code: Any = {"flags": ["--allow-code"], "drain_seconds": "0.5"}
    with Process(home, **code) as first:
        with first.client(token) as client:
            run = begin(client, SLOW % (str(gate), str(ran)), "cut")
            until(client, run, "running", done=4)
        first.signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
    with Process(home, **code) as second, second.client(token) as client:
        until(client, run, "running", done=4)
        text = ""
        with client.stream("GET", f"/api/runs/{run}/events") as stream:
            for piece in stream.iter_text():
                text += piece
                if text.count("event: snapshot") == 1 and "bye" not in text:
                    second.signal(signal.SIGTERM)
        assert second.wait() == 0
    seen = parse_events(text)
    assert seen[-1][0] == "bye"
    assert second.lines()[-1]["event"] == "stopped"
    assert second.lines()[-1]["left"] == [run]
    gate.touch()
    with Process(home, **code) as third, third.client(token) as client:
        until(client, run, "done", done=30)
        results = client.get(f"/api/runs/{run}/results/slow?limit=30").json()
        assert [p["value"] for p in results["points"]] == [i * i for i in range(30)]
        events = events_of(client, run, seen[-1][1])
        assert events[0][0] == "reset"
        assert events[-1][2] == {"state": "done"}
        outputs = [e[2]["data"] for e in events if e[0] == "output"]
        assert {int(text.split()[1]) for text in outputs} == {*range(30)}
        assert [r["id"] for r in client.get("/api/runs").json()["items"]] == [run]
    # What was done is not done again.
    points = ran.read_text().split()
    assert [points.count(str(i)) for i in range(4)] == [1, 1, 1, 1]


def test_a_service_that_is_told_to_stop_lets_its_runs_end_and_takes_no_other(
    home: Path, token: str, tmp_path: Path
) -> None:
    gate, ran = tmp_path / "gate", tmp_path / "ran"
    asked = {"X-Request-ID": "request-0001"}
    with (
        Process(home, flags=["--allow-code"]) as service,
        service.client(token) as client,
    ):
        said = client.post("/api/quantum/execute", json=FLIP, headers=asked).json()
        jobs = client.get(f"/api/performance/{said['id']}").json()["jobs"]
        run = begin(client, SLOW % (str(gate), str(ran)), "drained")
        until(client, run, "running", done=4)
        service.signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while client.get("/api/health/ready").status_code != 503:
            assert time.monotonic() < deadline
        assert client.get("/api/health/live").status_code == 200
        made = client.get("/api/workflows").json()["items"][0]["id"]
        beside = {"if_running": "beside"}
        refused = client.post(f"/api/workflows/{made}/execute", json=beside)
        client.post(f"/api/runs/{run}/cancel", json={})
        assert service.wait() == 0
    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:quantumflow-lab:problem:draining"
    assert "Retry-After" in refused.headers
    lines = service.lines()
    assert lines[-1]["left"] == []
    # From the request to the run, and from there to the tag that a provider is given.
    mine = [line for line in lines if line.get("request_id") == "request-0001"]
    assert [line["event"] for line in mine] == ["run started", "request"]
    assert mine[0]["run"] == said["id"]
    assert (mine[1]["route"], mine[1]["token"]) == ("/api/quantum/execute", "me")
    assert jobs[0]["tag"].startswith(said["id"])
    journal = b"".join(p.read_bytes() for p in (home / "journal").iterdir())
    assert b'"request":"request-0001"' in journal.replace(b" ", b"")


def test_without_a_token_the_terminal_gets_one_and_no_file_does(home: Path) -> None:
    with Process(home) as service:
        token = re.findall(r"qfl_\S+", service.said)[0]
        with service.client(token) as client:
            assert client.get("/api/runs").status_code == 200
        port = service.url.rsplit(":", 1)[1]
        other = subprocess.run(
            [sys.executable, "-P", "-m", "quantumflow_lab", "serve", "--port", port],
            env={**os.environ, "PYTHONPATH": str(ROOT), "QFLOW_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        service.signal(signal.SIGINT)
        assert service.wait() == 0
    assert other.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}; choose another --port" in other.stderr
    assert "Traceback" not in other.stderr
    secret = token.split("_", 2)[2].encode()
    files = [service.log, *(p for p in home.rglob("*") if p.is_file())]
    assert not [path for path in files if secret in path.read_bytes()]


@pytest.mark.parametrize(
    ("settings", "tokens", "says"),
    [
        ({"host": "0.0.0.0"}, 0, "there is no token: type qflow token create"),
        ({"host": "0.0.0.0"}, 1, "in the clear: give --certificate FILE"),
        ({"host": "lab.example.org"}, 1, "in the clear"),
        ({"certificate": Path("a.pem")}, 1, "TLS needs both --certificate"),
        (
            {"certificate": Path("no/a.pem"), "key": Path("no/b.pem")},
            1,
            "no certificate and key are in no/a.pem and no/b.pem: No such file",
        ),
    ],
)
def test_what_would_be_unsafe_is_not_served(
    settings: dict[str, Any], tokens: int, says: str, home: Path
) -> None:
    file = TokenFile(home)
    for number in range(tokens):
        file.create(f"t{number}", ["read"])
    with pytest.raises(BadOption, match=re.escape(says)):
        check(ServiceSettings(**settings), file)


def test_what_is_safe_is_served(home: Path) -> None:
    file = TokenFile(home)
    check(ServiceSettings(), file)
    check(ServiceSettings(host="::1"), file)
    file.create("t", ["read"])
    check(ServiceSettings(host="0.0.0.0", behind_proxy=True), file)


def test_a_setting_that_cannot_be_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QFLOW_SERVICE_ORIGINS", "*")
    assert main(["serve"]) == 1
    assert (
        "name each origin; '*' would let any web page call" in capsys.readouterr().err
    )
    with contextlib.suppress(SystemExit):
        assert main(["serve", "--port", "many"]) == 1
    assert "QFLOW_SERVICE" in capsys.readouterr().err
