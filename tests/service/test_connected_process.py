"""Our own client and a real `qflow serve`: killed, restarted, come back to."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantumflow_lab.errors import RunIsLive
from quantumflow_lab.remote.address import Address
from quantumflow_lab.remote.http import Connection
from quantumflow_lab.remote.lab import RemoteLab
from quantumflow_lab.remote.secret import Secret
from quantumflow_lab.service.tokens import TokenFile
from quantumflow_lab.settings import Settings
from tests.service.test_process import Process

if TYPE_CHECKING:
    from pathlib import Path

    from quantumflow_lab.run import Run

pytestmark = pytest.mark.timeout(300)

SLOW = """
import time
from pathlib import Path
i = qf.axis(range(12))

@qf.step
def slow(i):
    print("point", i)
    while i >= 4 and not Path(gate).exists():
        time.sleep(0.05)
    with Path(ran).open("a") as file:
        file.write(f"{i} ")
    return float(np.float64(scaled(i)))
"""


def scaled(i: int) -> float:
    return 1.5 * i


def points(grid: Any) -> list[Any]:
    return list(np.asarray(grid, dtype=object))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def token(home: Path) -> str:
    return TokenFile(home).create("me", ["read", "run", "code"]).text


def connected(url: str, token: str) -> RemoteLab:
    return RemoteLab(Connection(Address.of(url), Secret(token)), Settings())


def until(run: Run, done: int, says: str = "") -> dict[str, Any]:
    """The snapshot once points are done and the message says something."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert not run.done, run
        view = run.snapshot()
        enough = view["steps"][0]["counts"].get("done", 0) >= done
        if enough and says in (view.get("message") or ""):
            return view
        time.sleep(0.02)
    raise AssertionError(view)


def test_a_service_that_is_killed_in_mid_run_costs_a_cell_nothing(
    home: Path, token: str, tmp_path: Path
) -> None:
    """Killed, away for a while, restarted: the same Run ends with all its values."""
    gate, ran = tmp_path / "gate", tmp_path / "ran"
    flags = ["--allow-code", "--port", str(free_port())]
    names = {"np": np, "scaled": scaled, "gate": str(gate), "ran": str(ran)}
    with Process(home, flags=flags) as first:
        lab = connected(first.url, token)
        run = lab.run(SLOW, name="cut", inputs=names, background=True)
        until(run, 4)
        with pytest.raises(RunIsLive, match="type %qflow load cut to follow it"):
            lab.run(SLOW, name="cut", inputs=names, background=True)
        first.signal(signal.SIGKILL)
        first.wait()
    view = until(run, 4, "does not answer")
    assert "the run goes on there, asking again in" in view["message"]
    with Process(home, flags=flags):
        until(run, 4, "")
        again = connected(first.url, token).load("cut")
        assert again.id == run.id
        gate.touch()
        run.wait(60)
        assert [run.state, again.wait(60).state] == ["done", "done"]
        expected = [1.5 * i for i in range(12)]
        assert points(run["slow"]) == expected
        assert points(again["slow"]) == expected
        # A point that was cut off prints again; what was shown is not shown again.
        printed = [output.data for output in run.outputs]
        assert {*printed} == {f"point {i}\n" for i in range(12)}
        assert [printed.count(f"point {i}\n") for i in range(4)] == [1, 1, 1, 1]
    lines = ran.read_text().split()
    assert [lines.count(str(i)) for i in range(4)] == [1, 1, 1, 1]
