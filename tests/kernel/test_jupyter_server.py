"""What a Jupyter server with our extension answers, to whom, and what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from quantumflow_lab.store import Store
from tests.unit.explored import PAST

ROOT = Path(__file__).parents[2]
DATA = ROOT / "quantumflow_lab.data" / "data"
TOKEN = "of-this-test"
LOADED = """
import sys
from unittest.mock import Mock
import quantumflow_lab_jupyter as extension

(point,) = extension._jupyter_server_extension_points()
assert point == {"module": extension.__name__}
extension._load_jupyter_server_extension(Mock(root_dir=".", base_url="/"))
print(sorted({"quantumflow_lab", "qiskit", "duckdb"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that shows a folder whose home has a past."""
    root = tmp_path_factory.mktemp("server")
    folder = root / "shown"
    (folder / ".qflow").mkdir(parents=True)
    with Store(folder / ".qflow") as store:
        store.append(PAST)
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    env = {
        **{key: value for key, value in os.environ.items() if key != "QFLOW_HOME"},
        **{f"JUPYTER_{name}": str(root / name) for name in names},
        "JUPYTER_CONFIG_PATH": str(DATA / "etc" / "jupyter"),
    }
    command = [
        *(sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
        f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={TOKEN}",
    ]
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{_port(root / 'RUNTIME_DIR')}/quantumflow"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _port(runtime: Path) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for file in runtime.glob("jpserver-*.json"):
            if text := file.read_text(encoding="utf-8"):
                return int(json.loads(text)["port"])
        time.sleep(0.05)
    raise RuntimeError((runtime.parent / "log").read_text(encoding="utf-8"))


def ask(method: str, url: str, **options: Any) -> httpx.Response:
    headers = {"Authorization": f"token {TOKEN}"}
    return httpx.request(method, url, headers=headers, timeout=60, **options)


def test_runs_are_told_to_who_has_logged_in(address: str) -> None:
    answer = ask("GET", f"{address}/runs", params={"near": "a.ipynb", "find": "bell"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert {row["name"] for row in answer.json()["runs"]} == {"bell"}
    assert httpx.get(f"{address}/runs").status_code == 403
    assert httpx.post(f"{address}/runs/a/cancel").status_code == 403


def test_another_page_of_the_browser_cannot_cancel(address: str) -> None:
    with httpx.Client(timeout=60) as browser:
        browser.get(f"{address.removesuffix('quantumflow')}login", params={"next": "/"})
        browser.get(f"{address}/runs", params={"token": TOKEN}).raise_for_status()
        assert browser.get(f"{address}/runs").status_code == 200
        assert browser.post(f"{address}/runs/a/cancel").status_code == 403
        ours = {"X-XSRFToken": browser.cookies["_xsrf"]}
        answer = browser.post(f"{address}/runs/a/cancel", headers=ours)
        assert (answer.status_code, answer.json()) == (200, {"asked": False})


def test_a_run_that_has_ended_is_asked_nothing(address: str) -> None:
    answer = ask("POST", f"{address}/runs/a/cancel")
    assert (answer.status_code, answer.json()) == (200, {"asked": False})


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "runs?limit=0", 409, "limit must be from 1 to 500, not 0"),
        ("GET", "runs?limit=many", 409, "limit must be from 1 to 500, not 0"),
        ("GET", "runs?near=../x", 409, "'../x' lies outside of what this server shows"),
        ("GET", "runs/x/cell", 404, "the store has no run 'x'; see '%qflow history'"),
        (
            "POST",
            "runs/x/cancel",
            404,
            "the store has no run 'x'; see '%qflow history'",
        ),
    ],
)
def test_a_refusal_says_why(
    address: str, method: str, path: str, status: int, message: str
) -> None:
    answer = ask(method, f"{address}/{path}")
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_a_server_starts_without_importing_the_lab() -> None:
    command = [sys.executable, "-W", "ignore", "-c", LOADED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
