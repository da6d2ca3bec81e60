"""Runs that another process of the home has: they go on until that one ends them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.service import known
from quantumflow_lab.store import lease
from tests.service.conftest import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantumflow_lab.run import Run

CELL = """
import time
from pathlib import Path
i = qf.axis(range(3))

@qf.step
def slow(i):
    print("point", i)
    while i > 0 and not Path(%r).exists():
        time.sleep(0.01)
    return i * i
"""


@pytest.fixture
def notebook(served: Lab) -> Iterator[Lab]:
    """A lab of the same home that the service knows nothing of."""
    lab = Lab(served.store.home)
    yield lab
    lab.close()


@pytest.fixture
def go(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "go"
    yield path
    path.touch()


def status(caller: Caller, run: str, state: str, **counts: int) -> dict[str, Any]:
    """The status of a run once it has a state and its step some points."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        told = caller.get(f"/api/runs/{run}").json()
        (step,) = told["snapshot"]["steps"]
        if told["state"] == state and counts.items() <= step["counts"].items():
            return dict(told)
        time.sleep(0.05)
    raise AssertionError(told)


def begun(notebook: Lab, go: Path) -> Run:
    return notebook.run(CELL % str(go), name=f"held_{go.parent.name}", background=True)


def test_a_run_of_another_process_goes_on(
    caller: Caller, notebook: Lab, go: Path
) -> None:
    run = begun(notebook, go)
    told = status(caller, run.id, "running", done=1)
    assert told["ended"] is False
    view = told["snapshot"]
    assert (view["state"], view["steps"][0]["state"]) == ("running", "running")
    assert view["elapsed"] > 0
    assert view["message"] is None
    assert caller.get(f"/api/runs/{run.id}/results").json()["state"] == "running"
    go.touch()
    run.wait(30)
    told = status(caller, run.id, "done")
    assert (told["ended"], told["snapshot"]["state"]) == (True, "done")


def test_events_of_a_run_of_another_process_last_until_it_ends(
    caller: Caller, notebook: Lab, go: Path
) -> None:
    run = begun(notebook, go)
    status(caller, run.id, "running", done=1)
    with ThreadPoolExecutor(1) as threads:
        heard = threads.submit(caller.events, run.id)
        time.sleep(1.5)
        assert not heard.done()
        go.touch()
        events = heard.result(30)
    # Points of a step run beside each other.
    assert sorted(data["data"] for kind, _, data in events if kind == "output") == [
        "point 0\n",
        "point 1\n",
        "point 2\n",
    ]
    states = [data["state"] for kind, _, data in events if kind == "snapshot"]
    assert (states[0], states[-1]) == ("running", "done")
    assert events[-1][::2] == ("end", {"state": "done"})
    assert not any(kind == "reset" for kind, _, _ in events)
    assert run.done


def test_it_is_cancelled_from_here_but_cannot_wait(
    caller: Caller, notebook: Lab, go: Path
) -> None:
    run = begun(notebook, go)
    status(caller, run.id, "running", done=1)
    refused = caller.post(f"/api/runs/{run.id}/pause")
    assert (refused.status_code, refused.json()["type"].split(":")[-1]) == (
        409,
        "run-is-held",
    )
    cancelled = caller.post(f"/api/runs/{run.id}/cancel", {})
    assert (cancelled.status_code, cancelled.json()["ended"]) == (202, False)
    assert caller.events(run.id)[-1][::2] == ("end", {"state": "cancelled"})


def test_a_run_whose_process_has_died_is_unfinished(
    caller: Caller, notebook: Lab, go: Path
) -> None:
    run = begun(notebook, go)
    status(caller, run.id, "running", done=1)
    notebook.leave()
    for each in tuple(lease._HELD):
        if each.path.stem == run.id:
            each.leave()  # as the system does when a process ends
    assert status(caller, run.id, "unfinished")["ended"] is True
    assert caller.events(run.id)[-1][::2] == ("end", {"state": "unfinished"})


FAILS = """
import time
from pathlib import Path

@qf.step
def late():
    if not Path(%r).exists():
        raise LookupError
    while not Path(%r).exists():
        time.sleep(0.01)
"""


def test_a_run_of_ours_that_another_process_resumes_goes_on(
    served: Lab, notebook: Lab, go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "OWN_S", 0.0)
    there = go.with_name("there")
    run = served.run(FAILS % (str(there), str(go)), name="resumed")
    runs = known.KnownRuns(served)
    runs.add(run)
    assert runs.of(run.id).state == "failed"
    there.touch()
    again = notebook.resume("resumed", background=True)
    assert again.id == run.id
    deadline = time.monotonic() + 10
    while (state := runs.of(run.id).state) != "running":
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    go.touch()
    assert again.wait(30).state == "done"
