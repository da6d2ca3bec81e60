"""A request with a key begins one run, however often it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.service import keys
from quantumflow_lab.service.app import create_app
from quantumflow_lab.service.keys import RequestKey, RequestKeys
from quantumflow_lab.service.models import Cancel
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import TokenFile
from tests.service.conftest import BELL, STEP, Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def service(lab: Lab) -> Caller:
    tokens = TokenFile(lab.store.home)
    if not (lab.store.home / "text").exists():
        text = tokens.create("me", ["read", "run"]).text
        (lab.store.home / "text").write_text(text)
    app = create_app(lab, ServiceSettings(), tokens)
    return Caller(app, (lab.store.home / "text").read_text())


def begun(caller: Caller, key: str, path: str = "/api/runs", **body: Any) -> Any:
    said = caller.post(path, body, headers={"Idempotency-Key": key})
    return said.json()["id"] if said.status_code == 202 else said.json()


def test_a_request_that_comes_twice_begins_one_run_also_after_a_restart(
    lab: Lab,
) -> None:
    caller = service(lab)
    new = {"name": "once", "declared": BELL, "fresh": True, "if_running": "beside"}
    run = begun(caller, "a-key-of-mine", **new)
    assert begun(caller, "a-key-of-mine", **new) == run
    caller.ended(run)
    caller.app.state.desk.close()
    again = service(lab)
    assert begun(again, "a-key-of-mine", **new) == run
    assert begun(again, "another-key", **new) != run
    assert len(lab.runs("once")) == 2
    again.app.state.desk.close()


def test_a_key_that_was_used_for_something_else_is_refused(lab: Lab) -> None:
    caller = service(lab)
    run = begun(caller, "a-key-of-mine", name="one", declared=BELL)
    told = begun(caller, "a-key-of-mine", name="two", declared=BELL)
    assert (told["status"], told["type"].rpartition(":")[2]) == (422, "key-used")
    assert told["detail"] == (
        f"Idempotency-Key a-key-of-mine has begun run {run}, which was asked for "
        "something else; choose another key"
    )
    caller.ended(run)
    caller.app.state.desk.close()


def test_a_workflow_that_is_kept_is_executed_once_for_each_key(lab: Lab) -> None:
    caller = service(lab)
    paths = []
    for name in ("kept", "other"):
        made = caller.post("/api/workflows", {"name": name, "declared": BELL}).json()
        paths.append(f"/api/workflows/{made['id']}/execute")
    run = begun(caller, "a-key-of-mine", paths[0], fresh=True)
    assert begun(caller, "a-key-of-mine", paths[0], fresh=True) == run
    assert begun(caller, "a-key-of-mine", paths[1], fresh=True)["status"] == 422
    caller.ended(run)
    caller.app.state.desk.close()


def test_only_so_many_keys_are_remembered(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MOST", 2)
    known = RequestKeys(lab.store)
    asked = [RequestKey.of(f"key-{i}", Cancel()) for i in range(3)]
    for i, key in enumerate(asked):
        known.add("me", key, f"run{i}")
    assert [known.run_of("me", key) for key in asked] == [None, "run1", "run2"]
    assert known.run_of("you", asked[2]) is None
    assert known.run_of("me", None) is None


def test_a_run_of_an_earlier_version_is_found_by_its_key(lab: Lab) -> None:
    """It did not note what was asked."""
    about = {"service": {"request": "r", "token": "me", "key": "an-old-key"}}
    run = lab.run(STEP, name="old", options=about)
    key = RequestKey.of("an-old-key", Cancel())
    assert RequestKeys(lab.store).run_of("me", key) == run.id
