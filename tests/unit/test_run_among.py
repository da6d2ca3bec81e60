"""Runs that choose a backend, fail over, keep budgets and deadlines, and pause."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from textwrap import dedent
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

import quantumflow_lab as qf
from quantumflow_lab import Lab, Run
from quantumflow_lab.errors import (
    BadAxis,
    BadOption,
    BudgetReached,
    DeadlinePassed,
    JobUnanswered,
    PriceUnknown,
    UnknownStep,
    WorkerLost,
)
from tests.unit.devices import Busy, Device, TooLarge, at_most, raises

FLIP = QuantumCircuit(1)
FLIP.x(0)
FLIP.measure_all()

POINTS = """
i = qf.axis(range(4))

@qf.sample(shots=10)
def counts(i):
    return flip

@qf.step
def ones(counts):
    return counts.data.meas.get_counts()["1"]
"""


def run(lab: Lab, cell: str = POINTS, **options: Any) -> Run:
    return lab.run(dedent(cell), name="choice", inputs={"flip": FLIP}, **options)


def price(per_shot: str, currency: str = "USD") -> qf.Price:
    return qf.Price(currency, per_shot=Decimal(per_shot))


@pytest.mark.parametrize("amount", [-1, "2001", "NaN"])
def test_impossible_prices_are_refused(amount: Any) -> None:
    with pytest.raises(BadOption, match="per_shot of a price cannot be"):
        qf.Price("USD", per_shot=amount)


def used(result: Run) -> list[str]:
    """Backends whose jobs gave results, told by what they took."""
    return sorted(
        {job["backend"] for job in result.jobs if job["cost"] or job["run_s"]}
    )


def test_cheapest_takes_the_backend_that_costs_least(lab: Lab) -> None:
    lab.backends.add("dear", Device("dear"), price=price("0.1"))
    lab.backends.add("cheap", Device("cheap"), price=price("0.01"))
    result = run(lab, among=["dear", "cheap"], policy="cheapest")
    assert list(result["ones"]) == [10, 10, 10, 10]
    assert used(result) == ["cheap"]
    assert result.snapshot()["cost"]["money"] == "0.4 USD"
    assert lab.load(result.name).snapshot()["cost"]["money"] == "0.4 USD"
    assert "machine time, 0.4 USD" in result._repr_html_()
    (cost,) = result.cost
    assert (cost["cost"], cost["currency"]) == (pytest.approx(0.4), "USD")


def test_a_variable_of_the_same_name_leaves_a_device_its_price(lab: Lab) -> None:
    dear = Device("device")
    lab.backends.add("dear", dear, price=price("0.1"))
    inputs = {"flip": FLIP, "dear": dear}
    result = lab.run(dedent(POINTS), name="choice", inputs=inputs, backend="dear")
    (cost,) = result.cost
    assert (cost["backend"], cost["cost"]) == ("dear", pytest.approx(4.0))
    # Another device of that name is another one.
    inputs["dear"] = Device("device")
    with pytest.raises(PriceUnknown):
        lab.run(
            dedent(POINTS), name="new", inputs=inputs, backend="dear", budget="9 USD"
        )


def test_fastest_takes_the_backend_that_history_knows_as_faster(lab: Lab) -> None:
    slow = Device("slow", trouble=lambda job, circuits: time.sleep(0.5))
    lab.backends.add("slow", slow)
    lab.backends.add("quick", Device("quick"))
    for name in ("slow", "quick"):
        run(lab, backend=name)
    result = run(lab, among=["slow", "quick"], policy="fastest", fresh=True)
    assert used(result) == ["quick"]
    plan = lab.plan(
        dedent(POINTS),
        name="choice",
        inputs={"flip": FLIP},
        among=["slow", "quick"],
        policy="fastest",
    )
    steps = plan.plan.steps
    assert [step.others for step in steps if step.quantum] == [("slow",)]


def test_a_device_that_keeps_failing_is_left_for_the_next(lab: Lab) -> None:
    offline = Device("offline", trouble=raises(ConnectionError("no route to host")))
    spare = Device("spare")
    lab.backends.add("offline", offline, price=price("0"))
    lab.backends.add("spare", spare, price=price("0.001"))
    result = run(lab, among=["offline", "spare"], policy="cheapest")
    assert list(result["ones"]) == [10, 10, 10, 10]
    assert result.jobs[-1]["backend"] == "spare"
    assert len(offline.jobs) == 3
    assert result.snapshot()["message"] == (
        "counts: goes on with spare; 4 circuits left, 0.04 USD there"
    )


def test_work_that_a_device_refuses_goes_to_one_that_takes_it(lab: Lab) -> None:
    lab.backends.add("narrow", Device("narrow", qubits=1), price=price("0"))
    lab.backends.add("wide", Device("wide", qubits=2), price=price("0.1"))
    cell = """
    @qf.sample(shots=10)
    def counts():
        qc = QuantumCircuit(2, 2)
        qc.x([0, 1])
        qc.measure([0, 1], [0, 1])
        return qc
    """
    result = lab.run(
        dedent(cell),
        name="wide_one",
        inputs={"QuantumCircuit": QuantumCircuit},
        among=["narrow", "wide"],
        policy="cheapest",
    )
    assert result["counts"].data.c.get_counts() == {"11": 10}
    assert used(result) == ["wide"]


def test_a_job_that_is_too_large_comes_again_in_parts(lab: Lab) -> None:
    device = Device("small", trouble=at_most(2, TooLarge("payload too large")))
    lab.backends.add("small", device)
    result = run(lab, backend="small")
    assert list(result["ones"]) == [10, 10, 10, 10]
    assert device.jobs == [4, 2, 2]


def test_retry_after_is_waited_for(lab: Lab) -> None:
    device = Device("busy", trouble=raises(Busy("slow down"), until=1))
    lab.backends.add("busy", device)
    began = time.monotonic()
    assert list(run(lab, backend="busy")["ones"]) == [10, 10, 10, 10]
    assert time.monotonic() - began >= Busy.retry_after
    assert device.jobs == [4, 4]


def test_limits_of_a_provider_cut_jobs(lab: Lab) -> None:
    device = Device("limited")
    lab.backends.add("limited", device, limits=qf.Limits(open_jobs=1, shots=25))
    assert list(run(lab, backend="limited")["ones"]) == [10, 10, 10, 10]
    assert device.jobs == [2, 2]


def test_a_simulator_with_limits_keeps_to_them(lab: Lab) -> None:
    lab.backends.add("twin", AerSimulator(), limits=qf.Limits(circuits=3))
    result = run(lab, backend="twin", fresh=True)
    assert list(result["ones"]) == [10, 10, 10, 10]
    assert [job["circuits"] for job in result.jobs] == [3, 1]


def test_payload_of_a_job_keeps_to_its_limit(lab: Lab) -> None:
    device = Device("thin")
    lab.backends.add("thin", device, limits=qf.Limits(open_jobs=1, payload=1))
    assert list(run(lab, backend="thin")["ones"]) == [10, 10, 10, 10]
    assert device.jobs == [1, 1, 1, 1]


def test_nothing_is_submitted_that_might_pass_the_budget(lab: Lab) -> None:
    device = Device("dear")
    lab.backends.add("dear", device, price=price("0.1"))
    result = run(lab, backend="dear", budget="3.99 USD")
    assert device.jobs == []
    with pytest.raises(BudgetReached, match=r"may cost 4 USD, and 3\.99 USD of the"):
        result.raise_failure()
    assert list(run(lab, backend="dear", budget="4 USD")["ones"]) == [10] * 4


def test_a_budget_lets_what_it_can_pay_run_and_keeps_its_results(lab: Lab) -> None:
    device = Device("dear")
    limits = qf.Limits(open_jobs=1, circuits=1)
    lab.backends.add("dear", device, price=price("0.1"), limits=limits)
    result = run(lab, backend="dear", budget="2.5 USD")
    # Which two points come first is for the threads of their functions.
    values = [getattr(value, "reason", value) for value in result["ones"]]
    assert sorted(values, key=str) == [10, 10, "StepSkipped", "StepSkipped"]
    reasons = [getattr(value, "reason", "") for value in result["counts"]]
    assert sorted(reasons) == ["", "", "BudgetReached", "BudgetReached"]
    assert result.state == "paused"


def test_failover_is_priced_anew_and_never_over_the_budget(lab: Lab) -> None:
    offline = Device("away", trouble=raises(ConnectionError("no route to host")))
    dear = Device("dear")
    lab.backends.add("away", offline, price=price("0.01"))
    lab.backends.add("dear", dear, price=price("1"))
    result = run(lab, among=["away", "dear"], policy="cheapest", budget="20 USD")
    assert dear.jobs == []
    assert result.state == "paused"
    with pytest.raises(BudgetReached, match="on dear may cost 40 USD, and 20 USD"):
        result.raise_failure()


def test_a_job_that_nobody_can_ask_about_counts_as_paid(lab: Lab) -> None:
    def vanish(job: int, circuits: int) -> None:
        raise JobUnanswered("the way to the device is broken")

    lab.backends.add("far", Device("far", trouble=vanish), price=price("0.1"))
    result = run(lab, backend="far", budget="4 USD")
    assert result.snapshot()["cost"]["money"] == "4 USD of 4 USD"


def test_a_budget_needs_prices(lab: Lab) -> None:
    lab.backends.add("silent", Device("silent"))
    with pytest.raises(PriceUnknown, match="the price of 'silent' is not known; add"):
        run(lab, backend="silent", budget="1 USD")
    lab.backends.add("euros", Device("euros"), price=price("1", "EUR"))
    with pytest.raises(PriceUnknown, match="the price of 'euros' is in EUR"):
        run(lab, among=["euros", "silent"], budget="1 USD")
    lab.backends.add("dollars", Device("dollars"), price=price("0.001"))
    chosen = run(lab, among=["silent", "euros", "dollars"], budget="1 USD")
    assert used(chosen) == ["dollars"]


def test_the_deadline_ends_what_takes_too_long(lab: Lab) -> None:
    cell = """
    @qf.step
    def quick():
        return 1

    @qf.step
    def slow(quick):
        stop.wait(20)

    @qf.step
    def after(slow):
        return 2
    """
    stop = threading.Event()
    began = time.monotonic()
    result = lab.run(dedent(cell), name="late", inputs={"stop": stop}, deadline="0.3 s")
    stop.set()
    assert time.monotonic() - began < 5
    assert (result["quick"], result.state) == (1, "failed")
    with pytest.raises(
        DeadlinePassed, match="step 'after' was stopped at the deadline"
    ):
        result.raise_failure()


def test_a_paused_run_starts_nothing_until_it_goes_on(lab: Lab) -> None:
    cell = """
    @qf.step
    def first():
        began.set()
        go.wait(10)
        return 1

    @qf.step
    def second(first):
        return first + 1
    """
    began, go = threading.Event(), threading.Event()
    result = lab.run(
        dedent(cell),
        name="pausing",
        inputs={"began": began, "go": go},
        background=True,
    )
    assert began.wait(10)
    result.pause()
    go.set()
    time.sleep(0.3)
    assert result.partial("first") == 1
    assert result.partial("second") is None
    assert "%qflow resume pausing" in result.snapshot()["message"]
    result.resume().wait(10)
    assert result["second"] == 2


def test_a_loop_goes_on_with_the_next_backend(lab: Lab) -> None:
    offline = Device("offline", trouble=raises(ConnectionError("no route to host")))
    lab.backends.add("offline", offline, price=price("0"))
    lab.backends.add("spare", Device("spare"), price=price("0.001"))
    cell = """
    @qf.step(calls=2)
    def loop(sampler):
        jobs = [sampler.run([flip], shots=5) for _ in range(2)]
        return [job.result()[0].data.meas.get_counts() for job in jobs]
    """
    among = ["offline", "spare"]
    result = run(lab, cell, among=among, policy="cheapest")
    assert result["loop"] == [{"1": 5}, {"1": 5}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": "cheap"}, "policy cannot be 'cheap'; did you mean 'cheapest'"),
        ({"deadline": "soon"}, "deadline must be a duration such as 600 or '10 min'"),
        ({"deadline": -1}, "deadline must be a duration"),
        (
            {"budget": "20"},
            "budget must be money such as '20 USD', seconds of a device",
        ),
        ({"backend": "aer", "among": ["aer"]}, "give one of the two"),
    ],
)
def test_impossible_choices_are_refused(
    lab: Lab, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadOption, match=message):
        run(lab, **options)


def test_one_of_several_backends_is_no_axis(lab: Lab) -> None:
    cell = """
    @qf.sample
    def counts():
        return flip

    @qf.step(over="backend")
    def all_of_them(counts):
        return counts
    """
    with pytest.raises(BadAxis, match="--among uses one of its backends"):
        run(lab, cell, among=["aer", "basic_simulator"])


def test_a_cheaper_stand_in_is_paid_instead_of_ending_the_step(lab: Lab) -> None:
    """20,000 shots cost 20 USD on the first and 2 USD on the second backend."""
    lab.backends.add("dear", Device("dear"), price=price("0.001"))
    lab.backends.add("cheap", Device("cheap"), price=price("0.0001"))
    cell = POINTS.replace("shots=10", "shots=5000")
    result = run(lab, cell, among=["dear", "cheap"], policy="fastest", budget="10 USD")
    assert list(result["ones"]) == [5000] * 4
    assert used(result) == ["cheap"]


def test_a_handle_for_another_backend_is_under_the_same_budget(lab: Lab) -> None:
    silent = Device("silent")
    lab.backends.add("silent", silent)
    lab.backends.facts("silent")
    cell = """
    @qf.step
    def loop(sampler):
        return qf.sampler("silent").run([flip], shots=5).result()
    """
    result = run(lab, cell, backend="aer", budget="1 USD")
    assert silent.jobs == []
    with pytest.raises(PriceUnknown, match="the price of 'silent' is not known"):
        result.raise_failure()


def test_prices_in_two_currencies_are_not_compared(lab: Lab) -> None:
    lab.backends.add("yen", Device("yen"), price=price("1", "jpy"))
    lab.backends.add("usd", Device("usd"), price=price("0.5"))
    with pytest.raises(BadOption, match="'yen' in JPY, 'usd' in USD cannot be compar"):
        run(lab, among=["yen", "usd"], policy="cheapest")


def test_money_of_two_currencies_is_kept_apart(lab: Lab) -> None:
    lab.backends.add("euros", Device("euros"), price=price("0.01", "EUR"))
    lab.backends.add("dollars", Device("dollars"), price=price("0.01"))
    result = run(lab, backend=["euros", "dollars"])
    money = result.snapshot()["cost"]["money"]
    assert sorted(money.split(" + ")) == ["0.4 EUR", "0.4 USD"]


def test_a_deadline_before_a_mapped_step_is_counted_leaves_the_lab_at_work(
    lab: Lab,
) -> None:
    cell = """
    @qf.step
    def slow():
        stop.wait(20)
        return [1, 2, 3]

    @qf.step(map="slow")
    def each(slow):
        return slow

    @qf.step
    def after(each):
        return each
    """
    stop = threading.Event()
    late = lab.run(dedent(cell), name="late", inputs={"stop": stop}, deadline=0.3)
    stop.set()
    assert late.state == "failed"
    assert list(run(lab, backend="aer")["ones"]) == [10] * 4


def test_a_step_that_is_not_there_cannot_be_cancelled_and_nothing_else_is(
    lab: Lab,
) -> None:
    stop = threading.Event()
    cell = "@qf.step\ndef w():\n    return stop.wait(20)\n"
    result = lab.run(cell, name="waits", inputs={"stop": stop}, background=True)
    with pytest.raises(UnknownStep, match="did you mean 'w'"):
        result.cancel("ww")
    stop.set()
    assert result.wait(10)["w"] is True


def test_a_device_that_tries_to_exit_is_doubted_and_the_next_run_goes_on(
    lab: Lab,
) -> None:
    lab.backends.add("exits", Device("exits", trouble=raises(SystemExit(1))))
    lab.backends.add("spare", Device("spare"))
    result = run(lab, backend="exits", background=True)
    result.wait(60)
    with pytest.raises(WorkerLost, match="SystemExit: 1; it may go on there"):
        result.raise_failure()
    assert list(run(lab, backend="spare")["ones"]) == [10, 10, 10, 10]


def test_another_backend_of_a_name_does_not_inherit_its_price(lab: Lab) -> None:
    lab.backends.add("name", Device("name"), price=price("1"))
    lab.backends.add("name", Device("name"))
    assert lab.backends.facts("name").price is None


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"open_jobs": 0}, "open_jobs of a limit must be a whole number from 1"),
        ({"shots": 1.5}, "shots of a limit must be a whole number"),
        ({"circuits": "9"}, "circuits of a limit must be a whole number"),
        ({"payload": 2**40}, "payload of a limit must be a whole number"),
        ({"jobs_per_minute": -1}, "jobs_per_minute must be a number from"),
        ({"jobs_per_minute": float("nan")}, "jobs_per_minute must be a number from"),
    ],
)
def test_impossible_limits_are_refused(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        qf.Limits(**limits)


def test_whole_floats_are_limits() -> None:
    assert qf.Limits(shots=1e6).shots == 1_000_000


def test_what_is_no_price_is_refused(lab: Lab) -> None:
    with pytest.raises(BadOption, match=r"price must be a qf\.Price, not str"):
        lab.backends.add("d", Device("d"), price="0.01")
    with pytest.raises(BadOption, match="the currency of a price has three letters"):
        qf.Price("US dollars")
