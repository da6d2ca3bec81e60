"""Whatever fails in the thread of the runner, no run and no cell waits for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from quantumflow_lab import Lab
from quantumflow_lab.errors import NoCluster, SchedulerBug
from quantumflow_lab.runner.sessions import Sessions
from quantumflow_lab.store import Store, lease
from tests.unit.devices import Device

ONE = "@qf.step\ndef one():\n    return 1\n"
WAITS = "@qf.step\ndef waits():\n    go.wait(30)\n    return 1\n"
SENT = "@qf.sample(shots=10)\ndef counts():\n    return circuit\n"


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def flipped() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    return circuit


def begun(lab: Lab, go: threading.Event) -> Any:
    run = lab.run(WAITS, name="waits", inputs={"go": go}, background=True)
    until = time.monotonic() + 10
    while not run.snapshot()["steps"][0]["counts"].get("running"):
        assert time.monotonic() < until
        time.sleep(0.01)
    return run


def test_a_run_ends_while_another_one_is_planned(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that answers devices must not wait for what may take a minute."""
    go, planned, plan = threading.Event(), threading.Event(), threading.Event()
    first = begun(lab, go)
    quoting = lab._quoting
    decided = quoting.decided

    def slowly(*asked: Any) -> Any:
        planned.set()
        plan.wait(30)
        return decided(*asked)

    monkeypatch.setattr(quoting, "decided", slowly)
    other = threading.Thread(target=lambda: lab.run(ONE, name="one"))
    other.start()
    try:
        assert planned.wait(10)
        go.set()
        assert first.wait(10).state == "done"
    finally:
        plan.set()
        other.join(30)
    assert lab.load("one").state == "done"


def test_a_bug_ends_every_run_even_if_its_sessions_fail_too(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    go = threading.Event()
    run = begun(lab, go)
    monkeypatch.setattr(Sessions, "end", fails)
    go.set()
    with pytest.raises(ZeroDivisionError):
        run.wait(10)
    assert run.state == "failed"


def test_a_run_that_begins_in_the_moment_the_lab_closes_ends(lab: Lab) -> None:
    runner, hold = lab._runner, threading.Event()

    def wait() -> None:
        assert hold.wait(30)

    runner._post(wait)
    runner._post(runner._close)
    run = lab.run(ONE, name="late", background=True)
    hold.set()
    assert run.wait(10).state == "cancelled"
    assert lab.live() == []
    (row,) = lab.runs()
    assert row["state"] == "unfinished", "it can be resumed"


def test_a_run_that_begins_behind_the_last_turn_is_refused(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = lab.store.begin

    def closes(record: Any) -> None:
        lab._runner.close()
        begin(record)

    monkeypatch.setattr(lab.store, "begin", closes)
    with pytest.raises(SchedulerBug, match="this lab has stopped"):
        lab.run(ONE, name="late", background=True)
    assert lab.live() == []
    (row,) = lab.runs()
    assert lease.is_held(lab.store.home / "runs", row["run"]) is None


def test_who_asks_whether_to_send_is_answered_even_by_a_bug(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device("device")
    lab.backends.add("device", device)
    append = Store.append

    def fails(store: Store, batch: Any, *, sync: bool = False) -> None:
        if any(each.get("state") == "sent" for each in batch):
            raise ZeroDivisionError("a bug")
        append(store, batch, sync=sync)

    monkeypatch.setattr(Store, "append", fails)
    inputs = {"circuit": flipped()}
    run = lab.run(SENT, name="sent", backend="device", inputs=inputs, background=True)
    with pytest.raises(ZeroDivisionError):
        run.wait(10)
    assert device.jobs == []
    until = time.monotonic() + 5
    while any(t.name == "qflow-kernel-job" for t in threading.enumerate()):
        assert time.monotonic() < until, "it waits for an answer"
        time.sleep(0.01)


def test_a_run_that_could_not_be_resumed_is_let_go(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.run(
        "@qf.step\ndef bad():\n    return 1 / zero\n", name="bad", inputs={"zero": 0}
    )
    assert run.state == "failed"

    def fails(_: object) -> None:
        raise KeyError("whatever Dask raises")

    monkeypatch.setattr(lab._clusters, "send", fails)
    with pytest.raises(KeyError):
        lab.resume("bad")
    assert lease.is_held(lab.store.home / "runs", run.id) is None

    def is_gone(_: object) -> None:
        raise NoCluster("it is gone")

    monkeypatch.setattr(lab._clusters, "send", is_gone)
    with pytest.warns(UserWarning, match="goes on without its cluster: it is gone"):
        assert lab.resume("bad").state == "failed"
