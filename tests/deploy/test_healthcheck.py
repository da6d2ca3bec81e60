"""The health check of the image asks, and its exit status says what was answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy import healthcheck


class Service(HTTPServer):
    """Answers every request with one status, and remembers the last."""

    status = 200
    asked: tuple[str, str | None] = ("", None)


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked = (self.path, self.headers["Host"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with Service(("127.0.0.1", 0), Answer) as service:
        monkeypatch.setenv("QFLOW_SERVICE_PORT", str(service.server_port))
        serve = partial(service.serve_forever, poll_interval=0.01)
        thread = threading.Thread(target=serve)
        thread.start()
        yield service
        service.shutdown()
        thread.join()


def test_service_that_lives_is_well(server: Service) -> None:
    assert healthcheck.main() == 0
    assert server.asked == ("/api/health/live", "localhost")


def test_it_asks_by_a_name_that_the_service_knows(
    server: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_SERVICE_HOSTS", "*.example.org, lab.example.org")
    assert healthcheck.main() == 0
    assert server.asked[1] == "lab.example.org"


def test_service_that_answers_otherwise_is_not(
    server: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 421
    assert healthcheck.main() == 1
    assert capsys.readouterr().err == "/api/health/live answers 421\n"


def test_nobody_there_is_not_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QFLOW_SERVICE_PORT", "1")
    assert healthcheck.main() == 1
    assert capsys.readouterr().err.startswith("no answer on port 1: ")
