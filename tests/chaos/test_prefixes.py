"""The journal of a run, cut after any of its records: the run is taken up and ends."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import Lab
from tests.chaos.nursery import KILLS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(3600)

CELL = """
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

x = qf.axis([0, 1, 2, 3])

@qf.sample(shots=20)
def counts(x):
    qc = QuantumCircuit(1)
    qc.ry(0.3 * x, 0)
    qc.measure_all()
    return qc

@qf.step(over="x")
def ones(counts):
    return [c.data.meas.get_counts().get("1", 0) for c in counts]

@qf.step
def loop(estimator, rng):
    qc = QuantumCircuit(1)
    qc.ry(Parameter("t"), 0)
    found = []
    for _ in range(5):
        job = estimator.run([(qc, "Z", [rng.uniform()])], precision=0.1)
        found.append(float(job.result()[0].data.evs))
        qf.log(energy=found[-1])
    return found
"""


def outcome(home: Path) -> dict[str, Any]:
    """What a run of the cell found, and how often each thing was recorded."""
    lab = Lab(home)
    run = lab.run(CELL, name="work")
    run.raise_failure()
    (found,) = lab.sql(
        "SELECT (SELECT count(*) FROM rec_unit) AS points,"
        " (SELECT count(*) FROM rec_call WHERE state = 'answered') AS answers,"
        " (SELECT count(*) FROM qf_runs WHERE state = 'done') AS runs"
    ).to_pylist()
    lab.close()
    return {**found, "ones": run["ones"], "loop": run["loop"]}


def test_after_whatever_record_a_journal_ends_the_run_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    expected = outcome(whole)
    assert (expected["points"], expected["answers"], expected["runs"]) == (6, 5, 1)
    (journal,) = (whole / "journal").iterdir()
    lines = journal.read_bytes().splitlines(keepends=True)
    # The header, and the first record of the run, without which there is none.
    ends = range(2, len(lines))
    for end in random.Random(23).sample(ends, min(max(KILLS // 3, 1), len(ends))):
        home = tmp_path / f"cut{end}"
        shutil.copytree(whole, home, ignore=shutil.ignore_patterns("store.duckdb*"))
        # What other runs have taken would be found there.
        shutil.rmtree(home / "cache", ignore_errors=True)
        (home / "journal" / journal.name).write_bytes(b"".join(lines[:end]))
        assert outcome(home) == expected, lines[end - 1]
        shutil.rmtree(home)
