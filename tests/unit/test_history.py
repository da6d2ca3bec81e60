"""Looking for runs among those there were."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import BadOption, MagicLineError
from quantumflow_lab.magics.history import history_filters
from quantumflow_lab.magics.table import history_table
from quantumflow_lab.store import Store, lease
from tests.unit.explored import PAST


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def made(lab: Lab) -> None:
    """A run that is done, one that failed, and one on another backend."""
    sample = (
        "from qiskit import QuantumCircuit\n"
        "@qf.sample(shots=5)\ndef counts():\n    qc = QuantumCircuit(1)\n"
        "    qc.measure_all()\n    return qc\n"
    )
    lab.run("@qf.step\ndef one():\n    return 'Hello'\n", name="good")
    lab.run(
        "@qf.step\ndef one():\n    return 1 / zero\n", name="bad", inputs={"zero": 0}
    )
    lab.run(sample, name="good", backend="basic_simulator")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["good", "bad", "good"]),
        ({"name": "good"}, ["good", "good"]),
        ({"state": "failed"}, ["bad"]),
        ({"backend": "basic_simulator"}, ["good"]),
        ({"since": "1 h"}, ["good", "bad", "good"]),
        ({"since": 1e-6}, []),
        ({"find": "hello"}, ["good"]),
        ({"find": "%"}, []),
        ({"limit": 2}, ["good", "bad"]),
        ({"name": "good", "find": "QUANTUMCIRCUIT", "state": "done"}, ["good"]),
    ],
)
def test_runs_that_fit_all_that_is_asked(
    lab: Lab, asked: dict[str, Any], found: list[str]
) -> None:
    made(lab)
    assert [row["name"] for row in lab.runs(**asked)] == found


def test_what_a_device_says_of_itself_is_kept_once(lab: Lab) -> None:
    cell = (
        "from qiskit import QuantumCircuit\n"
        "@qf.sample(shots=5)\ndef counts():\n    qc = QuantumCircuit(1)\n"
        "    qc.measure_all()\n    return qc\n"
    )
    for _ in range(2):
        lab.run(cell, name="device", backend="fake_manila", fresh=True)
    lab.run(cell, name="simulator", backend="aer", fresh=True)
    (row,) = lab.sql(
        "SELECT backend, num_qubits, calibrated,"
        " (data -> 'qubits' -> 0 ->> 't1')::DOUBLE AS t1,"
        " (data -> 'gates' -> 'cx' -> '0,1' ->> 'error')::DOUBLE AS cx"
        " FROM qf_calibrations"
    ).to_pylist()
    target = lab.backends.backend("fake_manila").target
    assert (row["backend"], row["num_qubits"]) == ("fake_manila", 5)
    assert row["calibrated"].startswith("20")
    assert row["t1"] == target.qubit_properties[0].t1
    assert row["cx"] == target["cx"][0, 1].error


def test_a_question_that_takes_for_ever_can_be_interrupted(lab: Lab) -> None:
    endless = (
        "SELECT count(*) FROM range(10000000) a, range(100000) b"
        " WHERE a.range * b.range % 7 = 3"
    )
    lab.sql("SELECT 1")
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lab.sql(endless)
    assert time.monotonic() - began < 30
    assert lab.sql("SELECT 42 AS x").to_pylist() == [{"x": 42}]


def test_what_cannot_be_asked_is_told(lab: Lab) -> None:
    with pytest.raises(BadOption, match="no run is 'faild'; did you mean 'failed'"):
        lab.runs(state="faild")
    with pytest.raises(BadOption, match="since must be a duration such as '3d' or"):
        lab.runs(since="yesterday")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b"], "history takes one name, not 'b' as well"),
        (["--stat", "x"], "history has no option --stat; did you mean '--state'"),
        (["--since"], "write --since 3d"),
        (
            ["--limit", "none"],
            "--limit takes a whole number from 1 to 1,000,000, not 'none'",
        ),
        (
            ["--limit", "1000001"],
            "--limit takes a whole number from 1 to 1,000,000, not '1000001'",
        ),
    ],
)
def test_words_of_the_magic_are_checked(words: list[str], message: str) -> None:
    with pytest.raises(MagicLineError, match=message):
        history_filters(words)


def test_a_run_that_goes_on_is_told_from_one_that_nobody_has(lab: Lab) -> None:
    gate = threading.Event()
    cell = "@qf.step\ndef one():\n    return gate.wait(60)\n"
    lab.run(cell, name="going", inputs={"gate": gate}, background=True)
    other = Lab(lab.store.home)
    for asked in (lab, other):
        assert [row["state"] for row in asked.runs()] == ["running"]
        assert [row["name"] for row in asked.runs(state="running")] == ["going"]
        assert asked.runs(state="unfinished") == []
    other.close()
    lab.leave()
    lease._after_fork()  # its files are closed, as those of a process that dies
    gate.set()
    later = Lab(lab.store.home)
    assert [row["state"] for row in later.runs()] == ["unfinished"]
    assert later.runs(state="running") == []
    later.close()


def test_what_a_run_cost_is_told_in_each_currency(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.append(PAST)
        table = history_table(store.query("history", **NOTHING))
    costs = [row["cost"] for row in table.arrow.to_pylist()]
    assert costs == ["9 EUR + 1 USD", "5 USD", ""]
    assert "currency" not in table.arrow.column_names


NOTHING = dict.fromkeys(
    ("name", "state", "backend", "since", "find", "before", "limit", "held")
)
