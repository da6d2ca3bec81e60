"""Power cuts: what was promised to be on the disk is there, and paid jobs are found."""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from quantumflow_lab.backends import jobs
from quantumflow_lab.emulate.ibm import service
from quantumflow_lab.store import Store
from tests.chaos.nursery import KILLS, ROOT
from tests.chaos.power import Left, Machine, traced
from tests.chaos.test_ingesters import views
from tests.unit.test_fetching import SWEEP, begin, opened

pytestmark = pytest.mark.timeout(1800)

CELL = """
import time

x = qf.axis(list(range(6)))

@qf.step
def wide(x):
    mark("begun")
    time.sleep(0.06)
    qf.log(metric=x)
    return big + x

@qf.sample(shots=10)
def counts(wide):
    qc = QuantumCircuit(1)
    qc.ry(float(wide[0]), 0)
    qc.measure_all()
    return qc

@qf.step(over="x")
def total(wide, counts):
    return sum(int(w.sum()) for w in wide)
"""
KERNEL = """
import os, sys
import numpy as np
from qiskit import QuantumCircuit
from quantumflow_lab import Lab
from tests.chaos.test_power_loss import CELL

out = os.open("/dev/null", os.O_WRONLY)
number = 1

def mark(text):
    os.write(out, f"MARK {text}{number}".encode())

lab = Lab(sys.argv[1])
given = {"mark": mark, "QuantumCircuit": QuantumCircuit}
lab.run(CELL, name="work", inputs={"big": np.arange(1000), **given})
mark("ended")
lab.store.ingest()
number = 2
lab.run(CELL, name="work", inputs={"big": np.arange(2000), **given})
mark("ended")
lab.close()
"""


def machine(folder: Path, code: str, *args: str) -> Machine:
    """Run code under strace, in a folder that is all it has of a disk."""
    root, log = folder / "machine", folder / "strace"
    root.mkdir()
    traced([sys.executable, "-c", code, str(root / "home"), *args], log, ROOT)
    return Machine(root, log)


def check(home: Path, marks: dict[str, int], moment: int) -> None:
    """Whatever was promised before a moment is there, and all there is is whole."""
    with Store(home) as store:
        store.verify()
        before = views(store)
        found = store.sql("SELECT number, state, run FROM qf_runs").to_pylist()
        runs = {row["number"]: row for row in found}
        for number in (1, 2):
            if marks[f"begun{number}"] < moment:
                record = store.run_record(runs[number]["run"])
                kept = {i["name"]: i["kept"] for i in record["inputs"]}
                assert np.array_equal(store.get(kept["big"]), np.arange(1000 * number))
            if marks[f"ended{number}"] < moment:
                assert runs[number]["state"] == "done"
                rows = store.units(runs[number]["run"])
                assert len([store.get(json.loads(row["value"])) for row in rows]) == 13
        store.rebuild()
        assert views(store) == before


def test_what_is_promised_survives_a_power_cut(tmp_path: Path) -> None:
    """Cut at each promise, and right before and after some of the syncs."""
    lab = machine(tmp_path, KERNEL)
    marks, syncs = lab.marks(), lab.syncs()
    assert sorted(marks) == ["begun1", "begun2", "ended1", "ended2"]
    moments: list[tuple[int, Left]] = [(i + 1, "synced") for i in marks.values()]
    ways: tuple[Left, ...] = ("synced", "some", "zeros")
    every = [(moment, left) for left in ways for moment in syncs]
    moments += random.Random(1).sample(every, min(KILLS // 3, len(every)))
    for n, (moment, left) in enumerate(moments):
        disk = tmp_path / f"disk{n}"
        lab.cut(moment, disk, left, seed=n)
        for file in disk.glob("home/store.duckdb*"):
            file.unlink()
        check(disk / "home", marks, moment)
        shutil.rmtree(disk)


PAID = """
import os, sys
from qiskit_ibm_runtime import SamplerV2
from tests.unit.test_fetching import SWEEP, begin, opened

out = os.open("/dev/null", os.O_WRONLY)

def marked(function):
    def call(*args, **kwargs):
        os.write(out, b"MARK sending")
        found = function(*args, **kwargs)
        os.write(out, b"MARK sent")
        return found
    return call

SamplerV2.run = marked(SamplerV2.run)
lab = opened(sys.argv[1], sys.argv[2])
begin(lab, SWEEP).raise_failure()
os.write(out, b"MARK ended")
lab.close()
"""


@pytest.mark.filterwarnings("ignore:The .*V2 class is deprecated")
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_paid_job_is_found_again_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut when the job is about to leave, has left, and while it is waited for."""
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")
    with service() as ibm:
        lab = machine(tmp_path, PAID, ibm.url)
        (bought,) = ibm.jobs
        marks = lab.marks()
        begun, over = marks["sending"] + 1, marks["ended"]
        moments = range(begun, over)
        some = random.Random(2).sample(moments, min(KILLS // 6, len(moments)))
        for n, moment in enumerate([begun, marks["sent"] + 1, *some]):
            disk = tmp_path / f"disk{n}"
            lab.cut(moment, disk, "synced")
            again = opened(disk / "home", ibm.url)
            assert begin(again, SWEEP).state == "done"
            assert [*ibm.jobs] == [bought]
            (cost,) = again.sql("SELECT sum(cost) AS cost FROM qf_runs").to_pylist()
            assert cost["cost"] == pytest.approx(9.0)
            again.close()
