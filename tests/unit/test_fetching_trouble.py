"""Jobs of a killed process that take several tries, or several batches, to fetch."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from quantumflow_lab import Lab, Run
from quantumflow_lab.backends import PrimitiveBackend
from quantumflow_lab.emulate.faults import FAULTS, Habits, Trouble
from quantumflow_lab.emulate.ibm import Service
from quantumflow_lab.errors import OpenJobs, QuantumFlowError
from tests.unit.test_fetching import (
    SWEEP,
    EstimatorV2,
    SamplerV2,
    account,
    asking,
    begin,
    home,
    ibm,
    killed,
    opened,
    patience,
    pytestmark,
    spent,
)

__all__ = ["home", "ibm", "patience", "pytestmark"]

CHAIN = """
from qiskit import QuantumCircuit

@qf.sample(shots=100)
def first():
    qc = QuantumCircuit(1, 1)
    qc.x(0)
    qc.measure(0, 0)
    return qc

@qf.sample(shots=200)
def second(first):
    qc = QuantumCircuit(1, 1)
    qc.h(0)
    qc.measure(0, 0)
    return qc
"""
BATCHES = """
from qiskit import QuantumCircuit

@qf.sample
def counts():
    one = QuantumCircuit(1, 1)
    one.x(0)
    one.measure(0, 0)
    zero = QuantumCircuit(1, 1)
    zero.measure(0, 0)
    return [(one, None, 100), (zero, None, 150), (zero, None, 100)]

@qf.step
def ones(counts):
    return [each.data.c.get_counts().get("1", 0) for each in counts]
"""
OPTIONS = """
from qiskit import QuantumCircuit
turns = qf.axis([0, 1])

@qf.estimate(precision=0.05, options={"resilience_level": turns})
def value(turns):
    qc = QuantumCircuit(1)
    if turns:
        qc.x(0)
    return qc, "Z"

@qf.step
def shown(value):
    return float(value.data.evs)
"""


def states(lab: Lab) -> list[str]:
    rows = lab.sql("SELECT state FROM qf_jobs ORDER BY submitted").to_pylist()
    return [row["state"] for row in rows]


def unheard(ibm: Service) -> None:
    """The provider forgets that it was asked to cancel the last job."""
    *_, job = ibm.taken.values()
    until = time.monotonic() + 20
    while job.ended != "Cancelled":
        assert time.monotonic() < until
        time.sleep(0.05)
    job.ended = None
    ibm.habits.clear()


def interrupted(lab: Lab, how: str, ibm: Service) -> None:
    """A run that is taken up and does not come to its end while it fetches."""
    if how == "failed":
        *_, job = ibm.taken.values()
        job.ended, job.code = "Failed", 9999
        with pytest.raises(QuantumFlowError, match="9999"):
            lab.resume("work")
        return
    ibm.habits.append(Habits(queue=1e6))
    run = lab.resume("work", background=True)
    asking(run)
    run.cancel()
    assert run.wait().state == "cancelled"
    unheard(ibm)


@pytest.mark.parametrize("how", ["failed", "cancelled"])
@pytest.mark.parametrize("again", ["resume", "cell"])
def test_what_was_done_stays_when_a_fetch_comes_to_nothing(
    ibm: Service, home: Path, how: str, again: str
) -> None:
    killed(ibm.url, home, CHAIN, "waiting", 2)
    assert len(ibm.jobs) == 2
    lab = opened(home, ibm.url)
    interrupted(lab, how, ibm)
    run = lab.resume("work") if again == "resume" else begin(lab, CHAIN)
    run.raise_failure()
    # Only what failed there is sent again, and that at a word.
    assert len(ibm.jobs) == (3 if how == "failed" else 2)
    lab.close()


def test_each_batch_gets_its_own_results_however_often_they_are_asked_for(
    ibm: Service, home: Path
) -> None:
    killed(ibm.url, home, BATCHES, "waiting", 3)
    assert len(ibm.jobs) == 3
    lab = opened(home, ibm.url)
    ibm.trouble += FAULTS["poll-401"].made()
    with pytest.raises(OpenJobs, match="asks again"):
        lab.resume("work")
    (row,) = lab.sql("SELECT provider_job FROM qf_jobs").to_pylist()
    assert row["provider_job"] == ", ".join(ibm.jobs)
    ibm.trouble.clear()
    one, zero, other = lab.resume("work")["ones"]
    assert one > 80
    assert max(zero, other) < 20
    assert len(ibm.jobs) == 3
    lab.close()


def test_a_batch_that_was_refused_does_not_shift_the_others(
    ibm: Service, home: Path
) -> None:
    ibm.trouble.append(Trouble("POST", "/jobs", 429))
    killed(ibm.url, home, OPTIONS, "waiting")
    lab = opened(home, ibm.url)
    zero, one = lab.resume("work")["shown"]
    assert zero > 0.8
    assert one < -0.8
    assert len(ibm.jobs) == 2
    # A precision of 0.05 is 400 shots; what was never taken costs nothing.
    assert spent(lab) == pytest.approx(8.0)
    lab.close()


def test_a_job_that_cannot_be_reached_stays_open_when_nobody_waits(
    ibm: Service, home: Path
) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    lab = opened(home, ibm.url)
    ibm.trouble += FAULTS["poll-503"].made()
    for trouble in ibm.trouble:
        trouble.times = 10**6
    run = lab.resume("work", background=True)
    asking(run)
    run.cancel()
    assert run.wait().state == "cancelled"
    assert states(lab) == ["sent"]
    ibm.trouble.clear()
    assert lab.resume("work").state == "done"
    assert len(ibm.jobs) == 1
    assert spent(lab) == pytest.approx(9.0)
    lab.close()


def test_a_deadline_ends_the_fetch_and_leaves_the_job(ibm: Service, home: Path) -> None:
    killed(ibm.url, home, SWEEP, "waiting")
    ibm.habits.append(Habits(queue=1e6))
    lab = opened(home, ibm.url)
    late = lab.run(SWEEP, name="work", backend="dev", deadline=8, background=True)
    asking(late)
    assert late.wait().state == "failed"
    assert states(lab) == ["sent"]
    unheard(ibm)
    assert begin(lab, SWEEP).state == "done"
    assert len(ibm.jobs) == 1
    (points,) = lab.sql("SELECT count(*) AS n FROM rec_unit WHERE state = 'done'")
    assert points.to_pylist() == [6]
    lab.close()


def test_a_cancelled_run_with_an_open_job_goes_on_as_well(
    ibm: Service, home: Path
) -> None:
    cell = f"""{SWEEP}
@qf.step
def slow():
    import time
    time.sleep(wait)
"""
    lab = opened(home, ibm.url)
    ibm.trouble += FAULTS["poll-401"].made()

    def run(wait: float) -> Run:
        named = cell.replace("wait)", f"{wait})")
        return lab.run(named, name="work", backend="dev", background=True)

    stopped = run(30)
    told = "SELECT count(*) AS n FROM qf_jobs WHERE error IS NOT NULL"
    until = time.monotonic() + 20
    while lab.sql(told).to_pylist() != [{"n": 1}]:
        assert time.monotonic() < until
        time.sleep(0.1)
    stopped.cancel()
    assert stopped.wait().state == "cancelled"
    ibm.trouble.clear()
    with pytest.raises(OpenJobs, match="resume work fetches"):
        run(0)
    assert len(ibm.jobs) == 1
    lab.close()


def test_a_primitive_that_is_made_already_has_no_tags(ibm: Service) -> None:
    device = account(ibm.url)
    backend = PrimitiveBackend(
        device, sampler=SamplerV2(mode=device), estimator=EstimatorV2
    )
    assert not backend.finds_jobs("sample")
    assert backend.finds_jobs("estimate")
