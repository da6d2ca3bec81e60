"""Samplers and estimators outside of a step: the runs that their calls belong to."""

from __future__ import annotations

import gc
import threading
import time

import pytest
from qiskit import QuantumCircuit

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.errors import BudgetReached, RunCancelled, UnknownBackend
from quantumflow_lab.runner import desk
from tests.unit.devices import Device

FLIP = QuantumCircuit(1)
FLIP.x(0)
BIT = FLIP.copy()
BIT.measure_all()


@pytest.fixture
def own(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def slow(go_on):
    """A device whose jobs wait."""
    return Device("slow", trouble=lambda job, circuits: go_on.wait(20))


def ended(lab, timeout=10.0):
    """Wait until no run goes on."""
    until = time.monotonic() + timeout
    while lab.live() and time.monotonic() < until:
        time.sleep(0.01)
    return [(run["name"], run["state"], run["jobs"]) for run in lab.runs()]


def test_calls_belong_to_one_run_that_ends_with_the_handle(own):
    with own.estimator("aer", precision=0) as estimator:
        for _ in range(3):
            assert estimator.run([(FLIP, "Z")]).result()[0].data.evs == -1
        (run,) = own.live()
        assert (run.name, run.state) == ("estimator", "running")
    assert ended(own) == [("estimator", "done", 3)]


def test_a_handle_closed_in_mid_call_still_answers(own):
    go_on = threading.Event()
    own.backends.add("slow", slow(go_on))
    with own.sampler("slow") as sampler:
        job = sampler.run([BIT], shots=7)
    assert not job.done()
    go_on.set()
    assert job.result()[0].data.meas.num_shots == 7
    assert ended(own) == [("sampler", "done", 1)]


def test_a_handle_closed_while_its_run_begins_still_answers(own, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    serve = desk.Desk.serve

    def late(self):
        begun.set()
        go_on.wait(10)
        serve(self)

    monkeypatch.setattr(desk.Desk, "serve", late)
    sampler, found = own.sampler("aer"), []
    thread = threading.Thread(
        target=lambda: found.append(sampler.run([BIT], shots=7).result())
    )
    thread.start()
    begun.wait(10)
    sampler.close()
    go_on.set()
    thread.join(30)
    assert found[0][0].data.meas.num_shots == 7
    assert ended(own) == [("sampler", "done", 1)]


def test_a_handle_that_nobody_calls_has_no_run(own):
    own.sampler()
    assert own.runs() == []


def test_a_closed_handle_begins_another_run_when_it_is_called(own):
    sampler = own.sampler("aer", name="twice")
    for shots in (5, 15):
        (result,) = sampler.run([BIT], shots=shots).result()
        assert result.data.meas.get_counts() == {"1": shots}
        sampler.close()
        ended(own)
    assert ended(own) == [("twice", "done", 1), ("twice", "done", 1)]


def test_a_forgotten_handle_ends_its_run(own):
    sampler = own.sampler("aer")
    sampler.run([BIT]).result()
    del sampler
    gc.collect()
    assert ended(own) == [("sampler", "done", 1)]


def test_a_run_ends_when_nobody_calls_for_long(own, monkeypatch):
    monkeypatch.setattr(desk.Desk.__init__, "__kwdefaults__", {"idle_s": 0.2})
    sampler = own.sampler("aer")
    sampler.run([BIT]).result()
    assert ended(own) == [("sampler", "done", 1)]
    sampler.run([BIT]).result()
    assert len(ended(own)) == 2


def test_two_handles_have_two_runs(own):
    one, other = own.sampler("aer"), own.sampler("basic_simulator")
    one.run([BIT]).result()
    other.run([BIT]).result()
    assert sorted(run.name for run in own.live()) == ["sampler", "sampler_2"]


def test_an_idle_handle_keeps_nobody_from_working(own):
    handles = [own.sampler("aer") for _ in range(own.settings.threads + 2)]
    for sampler in handles:
        sampler.run([BIT]).result()
    run = own.run("@qf.step\ndef one():\n    return 1\n", name="plain")
    assert run["one"] == 1


def test_calls_from_many_threads_are_all_answered(own):
    estimator, found = own.estimator("aer", precision=0), []

    def call():
        found.append(float(estimator.run([(FLIP, "Z")]).result()[0].data.evs))

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [-1.0] * 12
    estimator.close()
    ended(own)
    assert sum(job["members"] for job in own.load("estimator").jobs) == 12


def test_in_a_step_calls_belong_to_the_step(own):
    @qf.step
    def energy():
        estimator = own.estimator("aer", precision=0)
        return float(estimator.run([(FLIP, "Z")]).result()[0].data.evs)

    run = own.run(qf.workflow("inner", energy))
    assert run["energy"] == -1.0
    assert [row["name"] for row in own.runs()] == ["inner"]


def test_cancelling_the_run_ends_its_calls(own):
    go_on = threading.Event()
    own.backends.add("slow", slow(go_on))
    job = own.sampler("slow").run([BIT])
    while not own.live()[0].jobs:
        time.sleep(0.01)
    own.live()[0].cancel()
    with pytest.raises(RunCancelled, match="the call was cancelled"):
        job.result()
    go_on.set()
    assert ended(own)[0][1] == "cancelled"


def test_a_job_can_be_cancelled_by_itself(own):
    go_on = threading.Event()
    own.backends.add("slow", slow(go_on))
    sampler = own.sampler("slow")
    job = sampler.run([BIT])
    while not own.live()[0].jobs:
        time.sleep(0.01)
    assert job.running()
    job.cancel()
    with pytest.raises(RunCancelled):
        job.result()
    go_on.set()
    assert sampler.run([BIT], shots=3).result()[0].data.meas.num_shots == 3


def test_closing_the_lab_ends_what_waits(tmp_path):
    lab, go_on = Lab(tmp_path), threading.Event()
    lab.backends.add("slow", slow(go_on))
    job = lab.sampler("slow").run([BIT])
    threading.Timer(0.3, lab.close).start()
    with pytest.raises(RunCancelled):
        job.result()
    go_on.set()


def test_a_budget_holds_for_a_handle(own):
    price = qf.Price("USD", per_shot="0.01")
    own.backends.add("dear", Device("dear"), price=price)
    sampler = own.sampler("dear", budget="1 USD")
    assert sampler.run([BIT], shots=60).result()[0].data.meas.num_shots == 60
    with pytest.raises((BudgetReached, RunCancelled)):
        sampler.run([BIT], shots=60).result()


def test_an_unknown_backend_is_told_at_once(own):
    with pytest.raises(UnknownBackend, match="did you mean 'aer'"):
        own.sampler("aeer")


def test_equal_seeds_give_equal_results(own):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    found = []
    for _ in range(2):
        with own.sampler("aer", seed=5) as sampler:
            pubs = [circuit, circuit]
            found.append([r.data.meas.get_counts() for r in sampler.run(pubs).result()])
        ended(own)
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]


def test_a_handle_without_cache_always_measures(own):
    for options, jobs in (({}, 1), ({}, 0), ({"cache": False}, 1)):
        with own.sampler("aer", name="again", **options) as sampler:
            sampler.run([BIT], shots=7).result()
        ended(own)
        assert len(own.load("again").jobs) == jobs


def test_a_job_keeps_the_handle_that_nobody_holds(own):
    go_on = threading.Event()
    own.backends.add("slow", slow(go_on))
    job = own.sampler("slow").run([BIT], shots=4)
    gc.collect()
    go_on.set()
    assert job.result()[0].data.meas.get_counts() == {"1": 4}
