"""The health check of the image asks, and its exit status says what was answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy import healthcheck


class Service(BaseHTTPRequestHandler):
    """Answers as the service does, with the status of its server."""

    def do_GET(self) -> None:
        self.server.seen = (self.path, self.headers["Host"])  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        monkeypatch.setenv("QFLOW_SERVICE_PORT", str(server.server_port))
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_service_that_lives_is_well(server: HTTPServer) -> None:
    server.status = 200  # type: ignore[attr-defined]
    assert healthcheck.main() == 0
    assert server.seen == ("/api/health/live", "localhost")  # type: ignore[attr-defined]


def test_it_asks_by_a_name_that_the_service_knows(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_SERVICE_HOSTS", "*.example.org, lab.example.org")
    server.status = 200  # type: ignore[attr-defined]
    assert healthcheck.main() == 0
    assert server.seen[1] == "lab.example.org"  # type: ignore[attr-defined]


def test_service_that_answers_otherwise_is_not(
    server: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 421  # type: ignore[attr-defined]
    assert healthcheck.main() == 1
    assert capsys.readouterr().err == "/api/health/live answers 421\n"


def test_nobody_there_is_not_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QFLOW_SERVICE_PORT", "1")
    assert healthcheck.main() == 1
    assert capsys.readouterr().err.startswith("no answer on port 1: ")
