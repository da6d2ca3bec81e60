"""A run that is opened from the store draws what it drew while it went on."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantumflow_lab import Lab

CELL = """
from qiskit import QuantumCircuit

angle = qf.axis([0.1, 0.2, 0.3, 0.9], unit="rad")
basis = qf.axis(["Z", "X"])
many = qf.axis(list(range(300)))

@qf.sample(shots=100)
def counts(angle):
    qc = QuantumCircuit(1)
    qc.ry(angle, 0)
    qc.measure_all()
    return qc

@qf.estimate(precision=0.1)
def energy(angle, basis):
    qc = QuantumCircuit(1)
    qc.ry(angle, 0)
    return qc, basis

@qf.step
def half(counts):
    return counts.data.meas.get_counts().get("0", 0) / 100

@qf.step
def square(many):
    if many == 7:
        raise ValueError("not seven")
    return many**2

@qf.step
def once():
    return 3
"""


@pytest.fixture
def lab(tmp_path: Path):
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def results(run):
    return {step["name"]: step["results"] for step in run.snapshot()["steps"]}


def test_a_stored_run_draws_what_it_drew_while_it_went_on(lab):
    run = lab.run(CELL, name="drawn")
    drawn = results(run)
    assert results(lab.load("drawn")) == drawn
    assert len(drawn["energy"]["series"]) == 2
    assert drawn["square"]["total"] == 299
    assert drawn["once"]["series"][0]["values"] == [[0.0, 3.0, None]]


def test_a_value_that_is_gone_leaves_the_others_in_the_picture(lab):
    cell = "i = qf.axis([0, 1])\n\n@qf.step\ndef long(i):\n    return [i] * 10_000\n"
    cell += "\n@qf.step\ndef short(i):\n    return i\n"
    lab.run(cell, name="gone")
    files = [each for each in lab.store.home.glob("values/*/*") if each.is_file()]
    assert files
    for file in files:
        file.unlink()
    drawn = results(lab.load("gone"))
    assert drawn["long"] is None
    assert [row[:2] for row in drawn["short"]["series"][0]["values"]] == [
        [0, 0],
        [1, 1],
    ]
