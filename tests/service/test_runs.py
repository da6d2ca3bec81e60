"""Runs over the wire: status, events, results, pages, pause, cancel, resume."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantumflow_lab import codec
from quantumflow_lab.service.tokens import TokenFile
from tests.service.conftest import BELL, Caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantumflow_lab import Lab

TALK = """
import numpy as np
depth = qf.axis([1, 2, 3], unit="layers")

@qf.step
def said(depth):
    print("depth", depth)
    if depth == 2:
        raise ValueError("two is refused")
    return {"n": depth, "bad": float("nan"), "many": np.arange(2) * 1j}
"""


@pytest.fixture(scope="module")
def talk(caller: Caller) -> str:
    run = caller.run(TALK, "talk")  # type: ignore[arg-type]
    caller.ended(run)
    return run


def test_a_run_is_told_to_its_end(caller: Caller, talk: str) -> None:
    events = caller.events(talk)
    assert [kind for kind, _, _ in events if kind == "output"] == ["output"] * 3
    assert events[-1][0] == "end"
    assert events[-1][2] == {"state": "failed"}
    snapshot = [data for kind, _, data in events if kind == "snapshot"][-1]
    assert snapshot["steps"][0]["counts"] == {"done": 2, "failed": 1}
    outputs = {data["data"].strip() for kind, _, data in events if kind == "output"}
    assert outputs == {"depth 1", "depth 2", "depth 3"}


def test_who_comes_back_gets_the_outputs_that_are_missing(
    caller: Caller, talk: str
) -> None:
    every = [e for e in caller.events(talk) if e[0] == "output"]
    rest = [e for e in caller.events(talk, every[0][1]) if e[0] == "output"]
    assert rest == every[1:]
    assert not [e for e in caller.events(talk, every[-1][1]) if e[0] == "output"]
    for nonsense in ("-1", "x", "17", "live.1-999999", "live.1-x"):
        assert caller.events(talk, nonsense)[-1][0] == "end"


def test_a_list_that_is_another_one_now_is_told_from_its_start(
    caller: Caller, talk: str
) -> None:
    events = caller.events(talk, "kept.1-2")
    assert events[0] == ("reset", "live.1-0", {})
    assert [kind for kind, _, _ in events].count("output") == 3


def test_results_come_as_json(caller: Caller, talk: str) -> None:
    assert caller.get(f"/api/runs/{talk}/results").json() == {
        "id": talk,
        "state": "failed",
        "axes": {"depth": [1, 2, 3]},
        "units": {"depth": "layers"},
        "steps": [
            {
                "name": "said",
                "kind": "step",
                "dims": ["depth"],
                "shape": [3],
                "final": True,
            }
        ],
    }
    found = caller.get(f"/api/runs/{talk}/results/said").json()
    assert found["points"][1] == {
        "index": 1,
        "at": {"depth": 2},
        "value": {"failed": "ValueError", "message": "two is refused"},
    }
    assert found["points"][2]["value"] == {
        "n": 3,
        "bad": None,
        "many": [[0.0, 0.0], [0.0, 1.0]],
    }


def exact(caller: Caller, run: str, step: str, **query: Any) -> Any:
    asked = "&".join(f"{k}={v}" for k, v in query.items())
    said = caller.get(f"/api/runs/{run}/results/{step}?form=exact&{asked}")
    assert said.status_code == 200, said.text
    return codec.decode(said.headers["Qflow-Media"], said.content)


def test_results_come_exactly(caller: Caller, talk: str) -> None:
    found = exact(caller, talk, "said")
    kinds = [kind for kind, _ in found["points"]]
    assert kinds == ["value", "failed", "value"]
    assert found["axes"] == {"depth": [1, 2, 3]}
    assert found["points"][1][1][:2] == ["ValueError", "two is refused"]
    last = found["points"][2][1]
    assert np.isnan(last["bad"])
    np.testing.assert_array_equal(last["many"], np.arange(2) * 1j)
    run = caller.run(BELL, "bell_exact", seed=5)
    caller.ended(run)
    result = exact(caller, run, "counts")["points"][0][1]
    assert result.data.c.num_shots == 200


def test_results_come_page_by_page(caller: Caller, talk: str) -> None:
    page = caller.get(f"/api/runs/{talk}/results/said?offset=1&limit=1").json()
    assert [point["index"] for point in page["points"]] == [1]
    assert page["next"] == 2
    assert page["total"] == 3
    last = caller.get(f"/api/runs/{talk}/results/said?offset=2&limit=1").json()
    assert last["next"] is None
    beyond = caller.get(f"/api/runs/{talk}/results/said?offset=99").json()
    assert beyond["points"] == []
    assert exact(caller, talk, "said", offset=2)["first"] == 2


def test_a_run_is_told_alike_from_memory_and_from_the_store(
    caller: Caller, talk: str
) -> None:
    desk = caller.app.state.desk
    paths = [f"/api/runs/{talk}/results", f"/api/runs/{talk}/results/said"]
    before = [caller.get(path).json() for path in paths]
    events = [e[2] for e in caller.events(talk) if e[0] in ("output", "end")]
    desk.runs.clear()
    assert [caller.get(path).json() for path in paths] == before
    again = [e[2] for e in caller.events(talk) if e[0] in ("output", "end")]
    assert sorted(map(repr, again)) == sorted(map(repr, events))


def test_what_is_not_there_is_told(caller: Caller, talk: str) -> None:
    nobody = "20200101-000000-00000000"
    for path in ("", "/events", "/results", "/results/said"):
        said = caller.get(f"/api/runs/{nobody}{path}")
        assert said.status_code == 404
        assert said.json()["type"] == "urn:quantumflow-lab:problem:unknown-run"
    for path in (f"/api/runs/{talk}/results", f"/api/performance/{talk}"):
        said = caller.get(f"{path}/sayd")
        assert said.status_code == 404
        assert "did you mean 'said'?" in said.json()["detail"]


def test_runs_are_listed_newest_first_page_by_page(caller: Caller) -> None:
    made = [caller.run(BELL, "listed") for _ in range(3)]
    for run in made:
        caller.ended(run)
    names = "limit=1&state=done"
    seen: list[str] = []
    cursor = ""
    while len(seen) < 3:
        page = caller.get(f"/api/runs?{names}{cursor}").json()
        seen += [each["id"] for each in page["items"] if "listed" in each["name"]]
        cursor = f"&cursor={page['next']}"
        assert page["next"]
    assert sorted(seen) == sorted(made)


def test_a_run_is_paused_resumed_and_cancelled(caller: Caller) -> None:
    text = """
import time
i = qf.axis(range(40))

@qf.step
def slow(i):
    time.sleep(0.05)
    return i
"""
    run = caller.run(text, "paused")  # type: ignore[arg-type]
    assert caller.post(f"/api/runs/{run}/pause").status_code == 202
    assert not caller.get(f"/api/runs/{run}").json()["ended"]
    said = caller.post(f"/api/runs/{run}/resume", {})
    assert said.status_code == 202
    said = caller.post(f"/api/runs/{run}/cancel", {})
    assert said.status_code == 202
    assert caller.ended(run)["state"] == "cancelled"
    assert caller.post(f"/api/runs/{run}/cancel", {}).status_code == 202
    said = caller.post(f"/api/runs/{run}/pause")
    assert said.status_code == 409
    again = caller.post(f"/api/runs/{run}/resume", {})
    assert again.status_code == 202
    assert again.json()["id"] == run
    status = caller.ended(run)
    assert status["state"] == "done"
    said = caller.post(f"/api/runs/{run}/resume", {})
    assert said.status_code == 409
    assert said.json()["type"] == "urn:quantumflow-lab:problem:nothing-to-resume"


def test_performance_tells_times_and_jobs_of_a_run_and_of_a_step(
    caller: Caller,
) -> None:
    run = caller.run(BELL, "measured", fresh=True)
    caller.ended(run)
    whole = caller.get(f"/api/performance/{run}").json()
    assert [job["step"] for job in whole["jobs"]] == ["counts"]
    assert whole["jobs"][0]["shots"] == 200
    step = caller.get(f"/api/performance/{run}/counts").json()
    assert step["jobs"] == whole["jobs"]
    assert {each["kind"] for each in step["timeline"]} == {"step", "job"}


def test_tracebacks_are_for_who_may_send_code(
    caller: Caller, talk: str, token_for: Callable[..., str]
) -> None:
    full = caller.get(f"/api/runs/{talk}").json()["snapshot"]
    reader = Caller(caller.app, token_for("read"))
    text = reader.get(f"/api/runs/{talk}").text
    assert "Traceback" not in text
    assert "traceback" not in text
    assert "steps" in full


def test_a_stream_ends_when_its_token_is_revoked(
    caller: Caller, served: Lab, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    cell = (
        "from pathlib import Path\n\n@qf.step\ndef waits():\n"
        f"    while not Path({str(gate)!r}).exists():\n"
        "        __import__('time').sleep(0.01)\n"
    )
    tokens = TokenFile(served.store.home)
    mine = Caller(caller.app, tokens.create("leaver", ["read"]).text)
    run = caller.run(cell, "watched")
    threading.Timer(0.5, tokens.revoke, ["leaver"]).start()
    try:
        assert mine.events(run)[-1][0] == "bye"
        assert mine.get(f"/api/runs/{run}/events").status_code == 401
        assert not caller.get(f"/api/runs/{run}").json()["ended"]
    finally:
        gate.touch()
        caller.ended(run)


def test_a_run_is_cancelled_and_resumed_without_a_body(caller: Caller) -> None:
    run = caller.run(BELL, "no_body", fresh=True)
    caller.ended(run)
    assert caller.post(f"/api/runs/{run}/cancel").status_code == 202
    said = caller.post(f"/api/runs/{run}/resume")
    assert (said.status_code, said.json()["type"].rpartition(":")[2]) == (
        409,
        "nothing-to-resume",
    )


def test_a_step_that_is_not_there_cannot_be_fresh(caller: Caller) -> None:
    made = caller.post("/api/workflows", {"name": "typo", "declared": BELL}).json()
    path = f"/api/workflows/{made['id']}/execute"
    said = caller.post(path, {"fresh": "count"})
    assert said.status_code == 404, said.text
    assert "has no step 'count'; did you mean 'counts'?" in said.json()["detail"]


def test_a_token_follows_only_so_many_runs(caller: Caller, talk: str) -> None:
    desk = caller.app.state.desk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "settings", desk.settings.model_copy(update={"streams": 0}))
        said = caller.get(f"/api/runs/{talk}/events")
    assert said.status_code == 429
    assert said.headers["Retry-After"] == "5"
    assert desk.meters.streams == 0
