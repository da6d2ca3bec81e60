"""Which circuits of a run share a job, seen through a whole lab."""

from __future__ import annotations

import threading
from textwrap import dedent
from typing import Any

from qiskit import QuantumCircuit

from quantumflow_lab import Lab, Run
from tests.unit.devices import Device

BASES = """
from qiskit import QuantumCircuit
theta = qf.axis([0.3, 0.6, 0.9])

def prepared(theta):
    qc = QuantumCircuit(1)
    qc.ry(theta, 0)
    return qc

@qf.sample(shots=100)
def in_z(theta):
    qc = prepared(theta)
    qc.measure_all()
    return qc

@qf.sample(shots=200)
def in_x(theta):
    qc = prepared(theta)
    qc.h(0)
    qc.measure_all()
    return {"x": qc, "twice": [qc, qc]}
"""
CHAIN = """
@qf.sample(shots=10)
def first():
    return flip

@qf.sample(shots=10)
def second(first):
    return flip
"""
FLIP = QuantumCircuit(1)
FLIP.x(0)
FLIP.measure_all()


def on_a_device(lab: Lab, cell: str, **options: Any) -> Run:
    lab.backends.add("device", Device("device"))
    return lab.run(
        dedent(cell), name="bases", backend="device", inputs={"flip": FLIP}, **options
    )


def test_steps_that_do_not_wait_for_one_another_share_a_job_on_a_device(
    lab: Lab,
) -> None:
    run = on_a_device(lab, BASES, policy="cheapest")
    (job,) = run.jobs
    assert (job["members"], job["circuits"], job["shots"]) == (6, 12, 3 * 700)
    for value in run["in_z"]:
        assert value.data.meas.num_shots == 100
    for value in run["in_x"]:
        assert [r.data.meas.num_shots for r in (value["x"], *value["twice"])] == [
            *(200, 200, 200)
        ]


def test_a_seed_keeps_the_jobs_of_steps_apart(lab: Lab) -> None:
    run = on_a_device(lab, BASES, policy="cheapest", seed=1)
    assert sorted(job["members"] for job in run.jobs) == [3, 3]


def test_a_step_that_waits_for_another_does_not_share_its_job(lab: Lab) -> None:
    run = on_a_device(lab, CHAIN, policy="cheapest")
    run.raise_failure()
    assert [job["members"] for job in run.jobs] == [1, 1]


def test_simulators_answer_step_by_step(lab: Lab) -> None:
    run = lab.run(dedent(BASES), name="bases")
    assert sorted(job["members"] for job in run.jobs) == [3, 3]


def test_cancelling_a_step_leaves_those_that_share_its_job(lab: Lab) -> None:
    began, go_on = threading.Event(), threading.Event()

    def wait(job: int, circuits: int) -> None:
        began.set()
        go_on.wait(10)

    lab.backends.add("device", Device("device", trouble=wait))
    run = lab.run(
        dedent(BASES),
        name="bases",
        backend="device",
        policy="cheapest",
        background=True,
    )
    assert began.wait(10)
    run.cancel("in_x")
    go_on.set()
    run.wait()
    assert [value.data.meas.num_shots for value in run["in_z"]] == [100, 100, 100]
    assert {value.reason for value in run["in_x"]} == {"RunCancelled"}


def test_equal_circuits_of_steps_that_share_a_job_have_seeds_of_their_own(
    lab: Lab,
) -> None:
    cell = """
    @qf.sample(shots=500)
    def one():
        return coin

    @qf.sample(shots=500)
    def other():
        return coin
    """
    coin = QuantumCircuit(1)
    coin.h(0)
    coin.measure_all()
    lab.backends.add("device", Device("device"))
    run = lab.run(
        dedent(cell),
        name="coins",
        backend="device",
        policy="cheapest",
        inputs={"coin": coin},
    )
    assert len(run.jobs) == 1
    seeds = [run[name].metadata["qflow"]["seed"] for name in ("one", "other")]
    assert seeds[0] != seeds[1]
