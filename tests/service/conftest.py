"""A lab and its service, asked in this process as over the wire."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog

from quantumflow_lab import Lab
from quantumflow_lab.service.app import create_app
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import SCOPES, TokenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

STEP = "@qf.step\ndef number():\n    return 42\n"
BELL = {
    "circuits": {
        "pair": {
            "format": "qasm3",
            "source": 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; '
            "h q[0]; cx q[0], q[1]; c = measure q;",
        }
    },
    "steps": [{"name": "counts", "kind": "sample", "circuit": "pair", "shots": 200}],
}


class Caller:
    """Who asks an application, with a token or without."""

    def __init__(self, app: FastAPI, token: str | None = None) -> None:
        self.app = app
        self.token = token

    def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        headers = {**rest.pop("headers", {})}
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, headers=headers, **rest)

        return asyncio.run(go())

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.ask("GET", path, **rest)

    def post(self, path: str, json: Any = None, **rest: Any) -> httpx.Response:
        return self.ask(
            "POST", path, **({"json": json} if json is not None else {}) | rest
        )

    def run(self, workflow: dict[str, Any], name: str = "w", **options: Any) -> str:
        """Create a workflow, execute it, and give the id of the run."""
        kind = "source" if isinstance(workflow, str) else "declared"
        made = self.post("/api/workflows", {"name": name, kind: workflow})
        assert made.status_code in (200, 201), made.text
        path = f"/api/workflows/{made.json()['id']}/execute"
        run = self.post(path, {"if_running": "beside", **options})
        assert run.status_code == 202, run.text
        return str(run.json()["id"])

    def ended(self, run: str) -> dict[str, Any]:
        """The status of a run once it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = self.get(f"/api/runs/{run}").json()
            if status["ended"]:
                return dict(status)
            time.sleep(0.02)
        raise AssertionError(f"run {run} goes on: {status}")

    def events(self, run: str, last: str | None = None) -> list[tuple[str, str, Any]]:
        """Name, id and data of the events of a run, until its end."""
        headers = {} if last is None else {"Last-Event-ID": last}
        answer = self.get(f"/api/runs/{run}/events", headers=headers)
        assert answer.status_code == 200, answer.text
        return parse_events(answer.text)


def parse_events(text: str) -> list[tuple[str, str, Any]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if ": " in line
        )
        if "event" in fields:
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    """Nothing is logged but where a test wants it."""
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that tests of the service share: its processes take seconds to start."""
    lab = Lab(tmp_path_factory.mktemp("service"))
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def shared_app(served: Lab) -> Iterator[FastAPI]:
    app = create_app(
        served,
        ServiceSettings(
            allow_code=True,
            reads_per_minute=100_000,
            submits_per_minute=100_000,
            failures_per_minute=100_000,
        ),
        TokenFile(served.store.home),
    )
    yield app
    app.state.desk.close()


@pytest.fixture
def make_app(served: Lab, shared_app: FastAPI) -> Callable[..., FastAPI]:
    """Another service of the same lab, with settings of its own."""

    def make(**settings: Any) -> FastAPI:
        tokens = TokenFile(served.store.home)
        app = create_app(served, ServiceSettings(**settings), tokens)
        # Its processes take seconds to start.
        app.state.desk.circuits = shared_app.state.desk.circuits
        return app

    return make


@pytest.fixture(scope="session")
def token(served: Lab) -> str:
    """A token that may do everything."""
    return TokenFile(served.store.home).create("tester", list(SCOPES)).text


@pytest.fixture(scope="session")
def caller(shared_app: FastAPI, token: str) -> Caller:
    """Who may do everything."""
    return Caller(shared_app, token)


@pytest.fixture
def token_for(served: Lab) -> Iterator[Callable[..., str]]:
    """Makes tokens that go when the test ends."""
    tokens = TokenFile(served.store.home)
    names: list[str] = []

    def make(*scopes: str, expires: str = "1h") -> str:
        names.append(f"t{time.monotonic_ns()}")
        return tokens.create(names[-1], scopes, expires).text

    yield make
    for name in names:
        tokens.revoke(name)
