"""Runs of a lab side by side: which ones are meant, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.compare import Comparison
from quantumflow_lab.errors import BadOption, UnknownRun

CELL = """
from qiskit import QuantumCircuit
angle = 0.6
x = qf.axis([0.0, 0.5, 1.0])

@qf.circuit
def prepare(x, angle):
    qc = QuantumCircuit(2)
    qc.ry(x + angle, 0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.sample
def counts(prepare):
    return prepare

@qf.step
def ones(counts):
    n = counts.data.meas.get_counts()
    return {"p": n.get("11", 0) / sum(n.values())}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Four runs on a noisy device: twice the same, more shots, another angle; one kept.

    Seeds are given, so that what is told of them is certain.
    """
    lab = Lab(tmp_path_factory.mktemp("home"))
    run: dict[str, Any] = {"name": "t1", "backend": "fake_manila", "fresh": True}
    lab.run(CELL, seed=1, **run)
    lab.run(CELL, seed=2, **run)
    lab.run(CELL, seed=3, shots=4000, **run)
    lab.run(CELL, seed=3, shots=4000, set={"angle": 1.0}, **run)
    lab.run(
        CELL, name="t1", backend="fake_manila", seed=3, shots=4000, set={"angle": 1.0}
    )
    lab.run("@qf.step\ndef one():\n    return 1\n", name="other")
    yield lab
    lab.close()


def rows(found: Comparison, title: str) -> list[tuple[object, ...]]:
    return [r for each in found.sections if each.title == title for r in each.rows]


def test_two_runs_of_one_experiment_agree(made: Lab) -> None:
    found = made.compare("t1:1", "t1:2")
    assert (found.a, found.b, found.changed) == ("t1:1", "t1:2", ("seed 1 → 2",))
    assert (found.tested, found.differing) == (3, 0)
    assert found.sentences[0] == "Changed: seed 1 → 2."
    assert found.sentences[1].startswith(
        "Results agree: none of 3 points differs (Holm, 1 %)."
    )
    assert rows(found, "Circuits as executed") == []
    assert rows(found, "Calibration") == []


def test_more_shots_change_no_result(made: Lab) -> None:
    found = made.compare("t1:2", "t1:3")
    assert found.differing == 0
    assert rows(found, "Options") == [("shots", "default", "4000")]
    assert rows(found, "Circuits as executed") == [
        ("counts", "shots a circuit", "1024", "4000")
    ]


def test_another_angle_changes_the_results(made: Lab) -> None:
    found = made.compare("t1:3", "t1:4")
    assert (found.changed, found.tested, found.differing) == (
        ("set angle 0.6 → 1.0",),
        3,
        3,
    )
    assert found.sentences[1].startswith(
        "Results changed significantly: 3 of 3 points differ (Holm, 1 %), in counts."
    )
    assert rows(found, "Circuits as executed") == [
        ("prepare", "circuits built", "", "3 changed")
    ]
    assert {row[1] for row in rows(found, "Significant differences")} == {
        "x=0",
        "x=0.5",
        "x=1",
    }


def test_a_name_alone_is_compared_with_the_run_before_which_it_kept(made: Lab) -> None:
    found = made.compare("t1")
    assert (found.a, found.b) == ("t1:4", "t1:5")
    assert found.sentences == (
        "Nothing changed that is recorded.",
        "6 points are the same data.",
    )
    assert rows(found, "Kept and cached points") == [
        ("prepare", "none", "3 kept"),
        ("counts", "none", "3 kept"),
        ("ones", "none", "3 kept"),
    ]


def test_runs_are_named_in_four_ways(made: Lab) -> None:
    runs = {row["number"]: row["run"] for row in made.runs("t1")}
    expected = repr(made.compare("t1:4", "t1:5"))
    assert repr(made.compare(runs[4], "t1")) == expected
    assert repr(made.compare(made.load(runs[4]), made.load("t1"))) == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("othr",), "no run is called 'othr'; did you mean 'other'?"),
        (("t2:1",), "no run is called 't2:1'; did you mean 't1'?"),
        (
            ("t1", "t1:12"),
            "'t1' has 5 runs, none of them number 12; did you mean 't1:5'?",
        ),
        (
            ("other:0",),
            "'other' has 1 run, none of them number 0; did you mean 'other:1'?",
        ),
        (
            ("other",),
            (
                "'other:1' is the first run of its name; run its cell again, or name "
                "the run to compare with: %qflow compare OTHER other"
            ),
        ),
    ],
)
def test_unknown_runs_are_refused_with_the_nearest(
    made: Lab, asked: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UnknownRun) as caught:
        made.compare(*asked)
    assert str(caught.value) == message


def test_a_run_is_not_compared_with_itself(made: Lab) -> None:
    with pytest.raises(BadOption) as caught:
        made.compare("t1", "t1:5")
    assert str(caught.value) == "both are t1:5; '%qflow history t1' lists the others"


def test_workflows_of_two_names_are_compared_too(made: Lab) -> None:
    found = made.compare("t1", "other")
    assert found.sentences[1] == (
        "6 points are only in t1:5. 1 point is only in other:1."
    )
    assert "backend fake_manila → none" in found.changed


def test_values_in_memory_and_failed_points_are_told(lab: Lab) -> None:
    cell = """
x = qf.axis([1, 2])
@qf.step
def thing():
    return object()
@qf.step
def inverse(x, zero):
    return 1 / (x - zero)
"""
    for zero in (0, 2):
        lab.run(cell, name="odd", inputs={"zero": zero}, fresh=True)
    found = lab.compare("odd")
    assert found.changed == ("input zero",)
    assert rows(found, "Inputs") == [("zero", "0", "2")]
    assert rows(found, "Not compared") == [
        ("thing", "", "a value lived in memory only"),
        ("inverse", "x=2", "done, then failed (ZeroDivisionError)"),
    ]
    assert "1 point failed in one run only." in found.sentences[1]


def test_cached_results_with_more_shots_are_not_tested(lab: Lab) -> None:
    cell = CELL.replace("x = qf.axis([0.0, 0.5, 1.0])", "x = 0.5")
    lab.run(cell, name="one", backend="fake_manila", shots=500)
    lab.run(cell, name="two", backend="fake_manila", shots=2000)
    found = lab.compare("one", "two")
    assert found.tested == 0
    assert "1 point shares shots, not tested." in found.sentences[1]
    assert ("counts", "none", "1 cached") in rows(found, "Kept and cached points")


def test_a_loop_tells_the_qubits_of_its_circuits(lab: Lab) -> None:
    cell = """
from qiskit import QuantumCircuit
@qf.step(calls=1)
def energy(sampler):
    qc = QuantumCircuit(1, 1); qc.x(0); qc.measure(0, 0)
    [result] = sampler.run([qc], shots=100).result()
    return result.metadata["qflow"]["layout"]
"""
    lab.run(cell, name="loop", backend="fake_manila", fresh=True)
    lab.run(cell, name="loop", backend="fake_lima", fresh=True)
    found = lab.compare("loop")
    assert found.changed[0] == "backend fake_manila → fake_lima"
    assert rows(found, "Backends") == [("names", "fake_manila", "fake_lima")]


def test_runs_that_took_shots_from_one_another_are_never_tested(tmp_path: Path) -> None:
    cell = """
from qiskit import QuantumCircuit
x = qf.axis([0.5, 1.5])
@qf.circuit
def turned(x):
    qc = QuantumCircuit(1)
    qc.ry(x, 0)
    qc.measure_all()
    return qc
@qf.sample
def counts(turned):
    return turned
@qf.step
def table(counts):
    return counts.data.meas.get_counts()
"""
    lab = Lab(tmp_path / "home")
    for shots in (500, 1000, 500, 2000):
        lab.run(cell, name="st", shots=shots)
    for pair, words in {
        ("st:1", "st:2"): "2 share shots, not tested",
        ("st:2", "st:3"): "2 share shots, not tested",
        ("st:2", "st:4"): "2 share shots, not tested",
        ("st:3", "st:4"): "2 share shots, not tested",
        ("st:1", "st:3"): "",
    }.items():
        found = lab.compare(*pair)
        told = {row[0]: row[1] for row in rows(found, "Results")}
        assert found.tested == 0, pair
        assert told.get("counts", "") == words, pair
    assert found.sentences[1].startswith("2 points are the same data"), found.sentences
    lab.close()
