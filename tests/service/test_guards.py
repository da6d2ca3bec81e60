"""What stands around every request: hosts, headers, sizes, times, ids, bad bodies."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab.service.guards import SECURE, TimeLimit
from tests.service.conftest import BELL, Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

ANSWERS = {
    "ok": ("GET", "/api/health", {}),
    "no token": ("GET", "/api/runs", {"headers": {"Authorization": ""}}),
    "no path": ("GET", "/nothing", {}),
    "no method": ("PATCH", "/api/runs", {}),
    "invalid": ("POST", "/api/workflows", {"json": {}}),
    "bad host": ("GET", "/api/health", {"headers": {"Host": "evil.example"}}),
}


@pytest.mark.parametrize("header", SECURE)
@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_has_the_secure_header(
    kind: str, header: str, caller: Caller
) -> None:
    method, path, rest = ANSWERS[kind]
    assert caller.ask(method, path, **rest).headers[header] == SECURE[header]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "10.0.0.1"]
)
def test_another_host_is_refused(host: str, caller: Caller) -> None:
    said = caller.get("/api/health", headers={"Host": host})
    assert said.status_code == 421
    assert said.json()["type"] == "urn:quantumflow-lab:problem:unknown-host"


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [
        ("lab.example.org", "lab.example.org:8321", 200),
        ("lab.example.org", "LAB.example.org", 200),
        ("*.example.org", "a.example.org", 200),
        ("*.example.org", "example.org", 421),
        ("*.example.org", "notexample.org", 421),
        ("[::1]", "[::1]:80", 200),
    ],
)
def test_hosts_are_those_of_the_settings(
    hosts: str, host: str, status: int, make_app: Callable[..., FastAPI]
) -> None:
    said = Caller(make_app(hosts=hosts)).get("/api/health", headers={"Host": host})
    assert said.status_code == status


def test_another_origin_gets_no_permission(
    caller: Caller, make_app: Callable[..., FastAPI]
) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    said = caller.ask("OPTIONS", "/api/runs", headers=asked)
    assert "access-control-allow-origin" not in said.headers
    mine = Caller(make_app(origins="https://lab.example.org"))
    said = mine.ask("OPTIONS", "/api/runs", headers=asked)
    assert "access-control-allow-origin" not in said.headers
    said = mine.ask(
        "OPTIONS", "/api/runs", headers={**asked, "Origin": "https://lab.example.org"}
    )
    assert said.headers["access-control-allow-origin"] == "https://lab.example.org"
    assert "access-control-allow-credentials" not in said.headers


@pytest.mark.parametrize("told", [True, False], ids=["length told", "chunked"])
def test_a_body_that_is_too_large_is_refused(
    told: bool, make_app: Callable[..., FastAPI], token: str
) -> None:
    mine = Caller(make_app(body_bytes=2000), token)
    body = b'{"name": "' + b"x" * 3000 + b'"}'

    async def pieces() -> Any:
        for at in range(0, len(body), 500):
            yield body[at : at + 500]

    said = mine.ask(
        "POST",
        "/api/workflows",
        content=body if told else pieces(),
        headers={"Content-Type": "application/json"},
    )
    assert said.status_code == 413
    assert (
        said.json()["detail"] == "a request has at most 2,000 bytes; send less at once"
    )


def test_a_request_keeps_its_id_and_gets_one_if_that_is_none(caller: Caller) -> None:
    said = caller.get("/api/health", headers={"X-Request-ID": "from-the-client-1"})
    assert said.headers["X-Request-ID"] == "from-the-client-1"
    for bad in ("short", "x" * 65, "a\tb-c-d-e-f", "<script>alert(1)</script>"):
        said = caller.get("/api/health", headers={"X-Request-ID": bad})
        assert re.fullmatch(r"[0-9a-f]{32}", said.headers["X-Request-ID"])


def test_an_answer_tells_how_long_it_took(caller: Caller) -> None:
    timing = caller.get("/api/health").headers["Server-Timing"]
    assert re.fullmatch(r"app;dur=[0-9.]+", timing)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"name": "w", "declared": NaN}',
        b'{"name": "\\ud800", "source": "x"}',
        b'{"name": "w", "source": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name": "w", "declared": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"name": "w", "declared": {"axes": {"t": {"values": [1e999]}}}}',
    ],
    ids=range(12),
)
def test_a_bad_body_is_the_callers_fault_and_is_not_repeated(
    body: bytes, caller: Caller
) -> None:
    said = caller.ask(
        "POST",
        "/api/workflows",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert said.status_code in (400, 422), said.text
    assert said.headers["Content-Type"] == "application/problem+json"
    assert len(said.content) < 6000


def test_what_was_sent_is_not_told_back(caller: Caller) -> None:
    said = caller.post("/api/workflows", {"name": "w", "secret-canary": "canary-value"})
    assert said.status_code == 422
    assert "canary-value" not in said.text


def test_a_fault_of_the_service_tells_its_id_and_nothing_else(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("/data/service/secret path")

    monkeypatch.setattr(caller.app.state.desk.answers, "runs", fail)
    said = caller.get("/api/runs")
    assert said.status_code == 500
    assert said.json() == {
        "type": "urn:quantumflow-lab:problem:internal",
        "title": "Internal",
        "status": 500,
        "detail": "the service failed; its log has more under this request id",
        "instance": "/api/runs",
        "request_id": said.headers["X-Request-ID"],
    }


def test_an_answer_that_does_not_begin_in_time_is_given_up() -> None:
    stopped = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "path": "/", "headers": [], "method": "GET"}
        await TimeLimit(slow, seconds=0.05)(scope, receive, send)
        await asyncio.wait_for(stopped.wait(), 5)

    asyncio.run(ask())
    assert sent[0]["status"] == 504


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/..%2f..%2fetc%2fpasswd",
        "/api/runs/../../etc/passwd",
        "/api/runs/bell",
        "/api/workflows/..%2ftokens",
        "/api/workflows/%00",
        "/api/performance/..%2f../x",
        "/api/backends/..%2f..%2ftokens.json",
        "/api/backends/os:system",
    ],
)
def test_names_lead_nowhere_else(path: str, caller: Caller) -> None:
    said = caller.get(path)
    assert said.status_code in (404, 422)
    assert said.headers["Content-Type"] == "application/problem+json"


def test_a_declared_workflow_cannot_name_what_leads_elsewhere(caller: Caller) -> None:
    for name in ("../x", "a/b", "a b", "", "import", "qf", "a" * 65, "__import__"):
        said = caller.post("/api/workflows", {"name": name, "declared": BELL})
        assert said.status_code == 422, name


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"])
def test_a_method_that_is_not_in_use_is_refused(method: str, caller: Caller) -> None:
    said = caller.ask(method, "/api/runs")
    assert said.status_code == 405
    assert said.headers["Allow"] == "GET"


def test_hsts_is_told_over_tls_only(caller: Caller) -> None:
    plain = caller.get("/api/health")
    assert "Strict-Transport-Security" not in plain.headers
    safe = caller.get("https://localhost/api/health")
    assert safe.headers["Strict-Transport-Security"].startswith("max-age=63072000")


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/xml", "multipart/form-data", "json"]
)
def test_a_body_that_is_no_json_is_refused_for_its_media_type(
    caller: Caller, kind: str | None
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    said = caller.post("/api/workflows", content=b"{}", headers=headers)
    assert (said.status_code, said.json()["title"]) == (415, "No json")
    assert said.json()["detail"] == (
        "a body comes as JSON: send it with Content-Type: application/json"
    )
    assert said.headers["Accept-Post"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/a+json"]
)
def test_any_json_is_read(caller: Caller, kind: str) -> None:
    headers = {"Content-Type": kind}
    said = caller.post("/api/workflows", content=b"{}", headers=headers)
    assert (said.status_code, said.json()["title"]) == (422, "Invalid request")


def test_who_has_no_token_hears_of_that_first(caller: Caller) -> None:
    nobody = Caller(caller.app)
    said = nobody.post("/api/workflows", content=b"{}", headers={"Content-Type": "a/b"})
    assert said.status_code == 401
