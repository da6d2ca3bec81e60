"""What is told of runs without asking the store each time, and is as it has it."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import StoreLocked
from quantumflow_lab.service import answers, known
from quantumflow_lab.service.answers import Answers
from quantumflow_lab.service.newest import Newest, row_of
from tests.service.conftest import BELL, STEP, Caller

if TYPE_CHECKING:
    from pathlib import Path


def row(number: int, name: str = "a", state: str = "done") -> dict[str, Any]:
    run = f"r{number}"
    started = float(number)
    return {
        "run": run,
        "name": name,
        "number": number,
        "state": state,
        "started": started,
    }


def ids(page: Any) -> list[str] | None:
    return None if page is None else [each["run"] for each in page]


def cut(newest: Newest, own: Any = (), **how: Any) -> list[str] | None:
    asked = {"name": None, "state": None, "before": None, "limit": 2, **how}
    return ids(newest.page(own, **asked))


TEN = [row(i, "ab"[i % 2]) for i in range(10, 0, -1)]


def test_pages_are_cut_from_what_was_looked_up() -> None:
    some = Newest(TEN, complete=False)
    assert cut(some) == ["r10", "r9"]
    assert cut(some, before="r9") == ["r8", "r7"]
    assert cut(some, name="b", limit=3) == ["r9", "r7", "r5"]
    # The first run of its name, before which there is none.
    assert cut(some, name="b", before="r3") == ["r1"]
    assert cut(some, name="a", before="r4") is None


def test_what_may_have_other_runs_is_for_the_store_to_say() -> None:
    some, every = Newest(TEN, complete=False), Newest(TEN, complete=True)
    assert cut(some, before="r2") is None
    assert cut(every, before="r2") == ["r1"]
    assert cut(some, name="nobody") is None
    assert cut(every, name="nobody") == []
    # A cursor that is not there may be of a run that is too new.
    assert cut(every, before="r11") is None


def test_runs_of_this_process_are_told_as_they_are() -> None:
    going = {**row(11), "state": "running", "kept_as": "running", "number": None}
    done = {**row(10), "state": "done", "kept_as": "done", "number": None}
    known = [{**row(10), "state": "unfinished"}, *TEN[1:]]
    newest = Newest(known, complete=False)
    assert cut(newest, [going, done], limit=3) == ["r11", "r10", "r9"]
    page = newest.page([going, done], name=None, state=None, before=None, limit=2)
    assert page is not None
    assert [(r["state"], r["number"]) for r in page] == [
        ("running", None),
        ("done", 10),
    ]
    assert cut(Newest(known, True), [going, done], state="running") == ["r11"]
    # One that is older than all that was looked up has others between.
    assert cut(newest, [row(0)], before="r2") is None


def test_a_run_is_listed_alike_from_memory_and_from_the_store(lab: Lab) -> None:
    cell = "@qf.sample(shots=10)\ndef counts():\n    qc = QuantumCircuit(1, 1)\n"
    cell = (
        f"from qiskit import QuantumCircuit\n{cell}    return qc.measure(0, 0) and qc"
    )
    run = lab.run(cell, name="alike")
    (kept,) = lab.runs("alike")
    told = row_of(run.data)  # type: ignore[arg-type]
    assert told.pop("kept_as") == "done"
    assert told.pop("wall_s") == pytest.approx(kept["wall_s"], abs=1e-3)
    # Which keeps microseconds.
    assert told.pop("started") == pytest.approx(kept["started"], abs=2e-6)
    assert told == {name: kept[name] for name in told}


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def test_what_another_process_runs_is_told_soon(lab: Lab) -> None:
    asked = Answers(lab, list)
    lab.run(STEP, name="first")
    assert ids(asked.runs(limit=9)) == ids(lab.runs())
    lab.run(STEP, name="second")
    deadline = time.monotonic() + answers.STALE_S + 20
    while len(asked.runs(limit=9)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    asked.close()


def test_what_an_ended_run_took_is_looked_up_before_somebody_asks(lab: Lab) -> None:
    asked = Answers(lab, list)
    run = lab.run(STEP, name="took")
    asked.ended(run.id)
    deadline = time.monotonic() + 20
    while asked._known((run.id, True)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    took = asked.took(run)
    assert took == {n: lab.store.query(n, run=run.id) for n in answers.PARTS}
    assert [row["state"] for row in took["timeline"]] == ["done"]
    asked.close()


def test_what_was_taken_in_after_a_run_has_ended_is_not_taken_in_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Answers(lab, list)
    run = lab.run(STEP, name="took")
    monkeypatch.setattr(asked, "_want", lambda: None)
    asked.ended(run.id)
    lab.store.ingest()
    lab.run(STEP, name="other")
    taken: list[float] = []
    monkeypatch.setattr(
        lab.store._projection, "take", lambda wait=0.0: taken.append(wait)
    )
    assert [row["state"] for row in asked.took(run)["timeline"]] == ["done"]
    assert taken == []


def test_a_page_that_only_the_store_has_shows_what_runs_here(lab: Lab) -> None:
    """Its records may not have been taken in yet."""
    old = [lab.run(STEP, name="paged").id for _ in range(3)][::-1]
    going = {**row(0, "paged", "running"), "run": "now", "started": time.time() + 1}
    ended = {**row(0, "paged"), "run": old[0], "kept_as": "done"}
    own = [going, {**ended, "started": lab.runs("paged")[0]["started"]}]
    asked = Answers(lab, lambda: own)
    lab.store.ingest()
    asked._newest = Newest(lab.runs("nobody"), complete=False), time.monotonic()
    page = asked.runs(name="paged", limit=2)
    assert ids(page) == ["now", old[0]]
    assert ids(asked.runs(name="paged", limit=9)) == ["now", *old]
    assert ids(asked.runs(name="paged", before=old[0], limit=9)) == old[1:]
    asked.close()


def test_a_store_that_does_not_answer_is_asked_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Answers(lab, list)
    run = lab.run(STEP, name="busy")
    monkeypatch.setattr(answers, "FRESH_S", 0.01)

    def fail(*_: object, **__: object) -> Any:
        raise StoreLocked("another lab is busy", path="x", program=None, pid=None)

    with monkeypatch.context() as patch:
        patch.setattr(lab.store, "queries", fail)
        asked.ended(run.id)
        time.sleep(0.1)
        with pytest.raises(StoreLocked):
            asked.runs(limit=9)
    assert ids(asked.runs(limit=9)) == [run.id]
    assert asked.took(run)["timeline"]
    asked.close()


def test_a_run_that_has_just_begun_is_in_the_list(caller: Caller) -> None:
    caller.get("/api/runs")
    # Other tests may have run it, and their results would be taken.
    run = caller.run(BELL, "begun", fresh=True)
    page = caller.get("/api/runs?limit=1").json()["items"]
    assert [each["id"] for each in page] == [run]
    caller.ended(run)
    mine = caller.get("/api/runs?name=begun").json()["items"]
    assert [(each["id"], each["state"]) for each in mine] == [(run, "done")]
    assert caller.get(f"/api/performance/{run}").json()["jobs"]


def test_what_several_runs_took_is_what_each_of_them_took(lab: Lab) -> None:
    cell = (
        "from qiskit import QuantumCircuit\ni = qf.axis(range(3))\n\n"
        "@qf.step\ndef double(i):\n    return 2 * i\n\n"
        "@qf.sample(shots=10)\ndef counts(i):\n    qc = QuantumCircuit(1, 1)\n"
        "    qc.measure(0, 0)\n    return qc\n"
    )
    # The second keeps what the first has made.
    runs = [lab.run(cell, name="several"), lab.run(cell, name="several")]
    runs.append(lab.run(STEP, name="other"))
    asked = Answers(lab, list)
    told = asked._ask([(run.id, True) for run in runs] + [("nobody", True)])
    for run in runs:
        single = {n: lab.store.query(n, run=run.id) for n in answers.PARTS}
        assert told[run.id, True] == single
        assert single["timeline"]
    assert any(row["kept_from"] for row in told[runs[1].id, True]["timeline"])
    assert told["nobody", True] == {n: [] for n in answers.PARTS}


def test_what_a_run_took_before_it_ended_is_not_told_after(lab: Lab) -> None:
    cell = (
        "import time\nfrom pathlib import Path\n\n@qf.step\ndef waits():\n"
        "    while not Path(%r).exists():\n        time.sleep(0.01)\n    return 1\n"
    )
    gate = lab.store.home / "gate"
    run = lab.run(cell % str(gate), name="gated", background=True)
    asked = Answers(lab, list)
    before = asked.took(run)["timeline"]
    gate.touch()
    run.wait()
    assert [row["state"] for row in before] != ["done"]
    assert [row["state"] for row in asked.took(run)["timeline"]] == ["done"]


def test_what_a_resumed_run_took_is_not_what_it_had_taken(lab: Lab) -> None:
    cell = (
        "from pathlib import Path\n\n@qf.step\ndef two():\n"
        "    assert Path(%r).exists()\n    return 2\n"
    )
    gate = lab.store.home / "gate"
    run = lab.run(cell % str(gate), name="resumed", background=True)
    run.when_done(lambda: None)
    while not run.done:
        time.sleep(0.01)
    asked = Answers(lab, list)
    asked.ended(run.id)
    assert [row["state"] for row in asked.took(run)["timeline"]] == ["failed"]
    gate.touch()
    again = lab.resume(run.id)
    # It has ended, and nobody has said so yet.
    asked.begun(run.id)
    assert [row["state"] for row in asked.took(again)["timeline"]] == ["done"]
    asked.close()


def test_a_run_that_has_ended_is_told_as_this_process_has_it(caller: Caller) -> None:
    """Also if it took longer than ended runs are remembered."""
    runs = caller.app.state.desk.runs
    run = caller.run(BELL, "long", fresh=True)
    (live,) = [each for each, _ in runs._runs.values() if each.id == run]
    runs._runs[run] = live, time.monotonic() - 1
    caller.ended(run)
    deadline = time.monotonic() + 20
    while runs._runs[run][1] < time.monotonic():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert runs.of(run) is live
    assert run in {row["run"] for row in runs.own()}


def test_runs_that_ended_just_now_are_remembered_however_many_there_are(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "RECENT", 2)
    runs = known.KnownRuns(lab)
    begun = [lab.run(STEP, name=f"many{i}") for i in range(5)]
    for run in begun:
        runs.add(run)
    assert [row["run"] for row in runs.own()] == [run.id for run in begun]
    monkeypatch.setattr(known, "OWN_S", 0.0)
    runs.add(begun[0])
    assert runs.own() == []
    assert [*runs._runs] == [begun[4].id, begun[0].id]


def test_amounts_in_several_currencies_are_listed_beside_each_other(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = caller.run(BELL, "several_currencies")
    caller.ended(run)
    (live,) = [r for r, _ in caller.app.state.desk.runs._runs.values() if r.id == run]
    spent = {"USD": Decimal("1.5"), "EUR": Decimal(9)}
    monkeypatch.setattr(live.data, "spent", spent)
    (line,) = caller.get("/api/runs?name=several_currencies").json()["items"]
    assert (line["cost"], line["currency"]) == (None, None)
    assert line["costs"] == {"EUR": 9.0, "USD": 1.5}
