"""What an operator sees: JSON lines, few labels, and no secret anywhere."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from quantumflow_lab.service import logs
from quantumflow_lab.service.meters import Meters
from quantumflow_lab.service.settings import ServiceSettings
from tests.service.conftest import BELL, Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configured = structlog.get_config()
    path = tmp_path / "log.jsonl"
    settings = ServiceSettings(log_file=path, log_bytes=20_000, log_files=2)
    handler = logs.configure(settings)
    yield path
    handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    structlog.configure(**configured)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_request_is_one_line_of_json(caller: Caller, log_file: Path) -> None:
    caller.get("/api/runs?limit=1", headers={"X-Request-ID": "request-42"})
    (line,) = [each for each in lines(log_file) if each["event"] == "request"]
    assert line.pop("ms") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "quantumflow_lab.service",
        "request_id": "request-42",
        "route": "/api/runs",
        "method": "GET",
        "status": 200,
        "client": "127.0.0.1",
        "token": "tester",
    }


def test_the_file_is_rotated(log_file: Path) -> None:
    for number in range(400):
        logs.log.info("something", number=number, padding="x" * 100)
    names = sorted(path.name for path in log_file.parent.glob("log.jsonl*"))
    assert names == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]
    assert all(path.stat().st_size <= 20_000 for path in log_file.parent.glob("log*"))


def test_a_fault_is_logged_under_the_id_that_the_caller_got(
    caller: Caller, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(caller.app.state.desk.answers, "runs", fail)
    said = caller.get("/api/runs")
    (line,) = [each for each in lines(log_file) if "exception" in each]
    assert "the disk is on fire" in line["exception"]
    assert line["request_id"] == said.json()["request_id"]


def test_no_line_of_the_log_can_be_forged(caller: Caller, log_file: Path) -> None:
    caller.get('/api/runs/x%0a{"event":"forged"}')
    caller.get("/api/health", headers={"X-Request-ID": 'a","event":"forged'})
    ours = [line for line in lines(log_file) if "quantumflow" in line["logger"]]
    assert {line["event"] for line in ours} == {"request"}


def test_no_answer_and_no_log_has_a_secret(
    caller: Caller, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "canary-0123456789-of-a-provider"
    monkeypatch.setenv("QISKIT_IBM_TOKEN", canary)
    said: list[str] = []

    def keep(answer: Any) -> Any:
        said.append(answer.text + str(answer.headers))
        return answer

    text = (
        "@qf.step\ndef leak():\n    import os\n"
        "    print(os.environ['QISKIT_IBM_TOKEN'])\n"
        "    raise ValueError(os.environ['QISKIT_IBM_TOKEN'])\n"
    )
    run = caller.run(text, "leaking")  # type: ignore[arg-type]
    caller.ended(run)
    for path in ("", "/events", "/results", "/results/leak"):
        keep(caller.get(f"/api/runs/{run}{path}"))
    keep(caller.post("/api/quotes", {"source": f"x = '{canary}'\n@qf.step\ndef a(:"}))
    keep(caller.post("/api/workflows", {"name": canary, "declared": BELL}))
    keep(caller.get(f"/api/runs?name={canary}"))
    keep(caller.get("/api/runs", headers={"Authorization": f"Bearer {canary}"}))
    logs.log.info("by mistake", authorization=f"Bearer {caller.token}", key=canary)
    assert caller.token is not None
    for place in [*said, log_file.read_text()]:
        assert canary not in place
        assert caller.token not in place


def test_labels_have_only_so_many_values() -> None:
    meters = Meters({"aer"})
    for number in range(50):
        meters.request("/api/runs/{run}", f"VERB{number}", 200 + number, 0.1)
        meters.run("done", [f"backend{number}"], 1.0)
    meters.run("done", ["aer"], 1.0)
    text = meters.text().decode()
    requests = [t for t in text.splitlines() if t.startswith("qflow_http_requests_t")]
    assert requests == [
        (
            'qflow_http_requests_total{method="other",route="/api/runs/{run}",'
            'status="2xx"} 50.0'
        )
    ]
    runs = [t for t in text.splitlines() if t.startswith("qflow_runs_total")]
    assert runs == [
        'qflow_runs_total{backend="other",state="done"} 50.0',
        'qflow_runs_total{backend="aer",state="done"} 1.0',
    ]


def test_paths_that_are_not_there_share_a_label(caller: Caller) -> None:
    for number in range(5):
        caller.get(f"/nothing/{number}")
    text = caller.get("/metrics").text
    assert 'route="unknown"' in text
    assert "/nothing" not in text


def test_metrics_count_runs_and_refusals(caller: Caller) -> None:
    caller.ended(caller.run(BELL, "counted"))
    Caller(caller.app).get("/api/runs")
    text = caller.get("/metrics").text
    assert 'qflow_runs_total{backend="aer",state="done"}' in text
    assert 'qflow_refused_total{reason="token"}' in text
    assert "qflow_runs_live 0.0" in text


def test_readiness_says_what_fails(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quantumflow_lab.errors import HomeNotWritable

    def fail() -> None:
        raise HomeNotWritable("cannot write /secret/path")

    monkeypatch.setattr(caller.app.state.desk.lab, "check_store", fail)
    said = caller.get("/api/health/ready")
    assert said.status_code == 503
    assert said.json() == {
        "status": "failing",
        "checks": {"scheduler": True, "store": False},
    }
    assert caller.get("/api/health").status_code == 200
    assert caller.get("/api/health/live").json() == {"status": "ok"}
