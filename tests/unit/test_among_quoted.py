"""`--among` takes the backend that the quote of this very workflow says is best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.fake_provider import FakeLimaV2, FakeManilaV2, FakeQuitoV2

from quantumflow_lab import Lab, Price
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.quote import Quote
from quantumflow_lab.workflow import Workflow
from tests.unit.test_budget import Timed, run
from tests.unit.test_quote import Shotless, inputs

CELL = """
@qf.sample(shots=100)
def turns():
    qc = QuantumCircuit(WIDTH)
    for _ in range(TIMES):
        qc.cx(0, 1)
        qc.rx(0.1, 1)
    qc.measure_all()
    return qc
"""
GATES = Price("USD", per_two_qubit="0.0001")
SHOTS = Price("USD", per_shot="0.003")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    lab.backends.add("gates", Shotless(5, seed=1), price=GATES)
    lab.backends.add("shots", Shotless(5, seed=2), price=SHOTS)
    yield lab
    lab.close()


def asked(lab: Lab, times: int, width: int = 2, **options: Any) -> dict[str, Any]:
    values = {"TIMES": times, "WIDTH": width, **inputs()}
    among = ["gates", "shots"]
    return {
        "name": "w",
        "among": among,
        "inputs": values,
        "policy": "cheapest",
        **options,
    }


def quoted(lab: Lab, times: int, **options: Any) -> Quote:
    return lab.plan(dedent(CELL), **asked(lab, times, **options))


@pytest.mark.parametrize(("times", "best"), [(5, "gates"), (100, "shots")])
def test_gates_are_those_of_the_circuits_and_not_some_ten(
    times: int, best: str, lab: Lab
) -> None:
    """A gate costs 0.0001, a shot 0.003: thirty gates in a shot make the difference."""
    quote = quoted(lab, times)
    (step,) = quote.plan.steps
    assert step.backend == best
    costs = {row.backend: row.cost.value for row in quote.steps}
    assert min(costs, key=lambda name: costs[name] or 0.0) == best
    choice = lab.candidates(dedent(CELL), **asked(lab, times))
    assert choice.best is not None
    assert choice.best.backend == best
    assert f"{best} is chosen (cheapest)" in str(quote)


def test_one_that_cannot_run_it_only_stands_in(lab: Lab) -> None:
    """By its price alone it would be the cheapest by far."""
    free = Price("USD", per_two_qubit="0.0000001")
    lab.backends.add("small", Shotless(2, seed=3), price=free)
    names = ["small", "gates", "shots"]
    for policy in ("cheapest", "fastest", "balanced"):
        quote = quoted(lab, 5, width=3, among=names, policy=policy)
        (step,) = quote.plan.steps
        assert step.backend != "small"
        assert step.others[-1] == "small"


def test_prices_of_jobs_and_shots_alone_need_no_look_at_the_circuits(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.backends.add("gates", Shotless(5, seed=1), price=Price("USD", per_job="0.2"))
    monkeypatch.setattr(lab._quoting, "_quoted", None)
    live = lab._quoting.decided(*planned(lab))
    assert live.plan.steps[0].backend == "gates"


def planned(lab: Lab) -> tuple[Any, Any, Any]:
    flow = Workflow.from_source(dedent(CELL), "w")
    given = asked(lab, 5)
    return flow, Asked(among=tuple(given["among"]), policy="cheapest"), given["inputs"]


def test_a_run_goes_where_its_quote_says(tmp_path: Path) -> None:
    """Long waits in a circuit make the device that bills seconds the dearer one."""
    lab = Lab(tmp_path)
    lab.backends.add("timed", Timed("timed"), price=Price("USD", per_second="0.5"))
    lab.backends.add("shots", Timed("shots"), price=Price("USD", per_shot="0.0002"))
    both = {"among": ["timed", "shots"], "policy": "cheapest", "budget": "9 USD"}
    assert run(lab, waits=[1000], **both).wait().state == "done"
    (row,) = lab.sql("SELECT DISTINCT backend FROM qf_jobs").to_pylist()
    assert row["backend"] == "shots"
    lab.close()


CALLED: list[str] = []


def told(what: str) -> None:
    CALLED.append(what)


LOUD = """
@qf.circuit
def turn(angle, rng):
    told("turn")
    print(f"angle {angle}")
    qf.log(angle=angle)
    qc = QuantumCircuit(1, 1)
    qc.rx(angle * rng.random(), 0)
    qc.measure(0, 0)
    return qc

@qf.step
def named(turn, backend):
    told("named")
    return backend

@qf.sample(shots=50)
def counts(turn):
    told("counts")
    return turn
"""


def test_functions_that_a_quote_has_run_do_not_run_again(tmp_path: Path) -> None:
    """What they printed and logged is told by the run all the same."""
    lab = Lab(tmp_path)
    lab.backends.add("timed", Timed("timed"), price=Price("USD", per_second="0.5"))
    lab.backends.add("shots", Timed("shots"), price=Price("USD", per_shot="0.0002"))
    CALLED.clear()
    cell = f"angle = qf.axis([0.5, 1.5])\n{LOUD}"
    inputs = {"QuantumCircuit": QuantumCircuit, "told": told}
    options: dict[str, Any] = {"among": ["timed", "shots"], "policy": "cheapest"}
    done = lab.run(cell, name="loud", inputs=inputs, budget="9 USD", **options)
    done.raise_failure()
    # One that is told its backend is called for each of both.
    assert Counter(CALLED) == {"turn": 2, "named": 4, "counts": 2}
    printed = [each.data for each in done.outputs if each.step == "turn"]
    assert sorted(printed) == ["angle 0.5\n", "angle 1.5\n"]
    logged = lab.sql("SELECT value FROM qf_metrics WHERE name = 'angle'").to_pylist()
    assert sorted(row["value"] for row in logged) == [0.5, 1.5]
    # Another run with that seed draws the same.
    twin = lab.run(
        cell,
        name="twin",
        inputs=inputs,
        backend="shots",
        budget="9 USD",
        seed=done.seed,
    )
    assert list(twin["turn"]) == list(done["turn"])
    assert Counter(CALLED)["turn"] == 4
    lab.close()


def test_a_function_that_is_told_its_backend_runs_once_for_each(
    tmp_path: Path,
) -> None:
    lab = Lab(tmp_path)
    lab.backends.add("timed", Timed("timed"), price=Price("USD", per_second="0.5"))
    lab.backends.add("shots", Timed("shots"), price=Price("USD", per_shot="0.0002"))
    CALLED.clear()
    cell = f"angle = qf.axis([0.5])\n{LOUD}"
    inputs = {"QuantumCircuit": QuantumCircuit, "told": told}
    options: dict[str, Any] = {"among": ["timed", "shots"], "policy": "cheapest"}
    done = lab.run(cell, name="loud", inputs=inputs, budget="9 USD", **options)
    (used,) = lab.sql("SELECT DISTINCT backend FROM qf_jobs").to_pylist()
    assert list(done["named"]) == [used["backend"]]
    assert CALLED.count("turn") == 1
    lab.close()


@pytest.mark.parametrize("policy", ["cheapest", "fastest", "balanced"])
@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("made", ["one", "other"])
def test_of_two_of_one_price_that_is_taken_which_has_the_results(
    made: str, seed: int | None, policy: str, lab: Lab
) -> None:
    """Else they would be paid for again, whichever comes first."""
    price = Price("USD", per_job="0.3", per_shot="0.003")
    lab.backends.add("one", FakeManilaV2(), price=price)
    lab.backends.add("other", FakeLimaV2(), price=price)
    cell, given = dedent(CELL), asked(lab, 5, seed=seed)
    del given["among"], given["policy"]
    assert lab.run(cell, backend=made, **given).state == "done"
    given |= {"among": ["one", "other"], "policy": policy}
    quote = lab.plan(cell, **given)
    assert quote.costs_nothing
    assert quote.plan.steps[0].backend == made
    run = lab.run(cell, **given)
    assert (run.state, list(run.jobs)) == ("done", [])
    again = lab.plan(cell, fresh=True, **given)
    assert not again.costs_nothing


def test_a_dear_backend_that_has_a_part_is_weighed_with_what_is_left(lab: Lab) -> None:
    lab.backends.add("dear", FakeManilaV2(), price=Price("USD", per_shot="0.002"))
    lab.backends.add("cheap", FakeLimaV2(), price=Price("USD", per_shot="0.001"))
    cell = f"i = qf.axis(range(N))\n{CELL}".replace("turns():", "turns(i):")
    given: dict[str, Any] = {"name": "parts", "policy": "cheapest"}
    values = {"TIMES": 2, "WIDTH": 2, **inputs()}
    lab.run(cell, backend="dear", inputs={**values, "N": 6}, name="parts")
    for points, best, cost in ((8, "dear", 0.4), (20, "cheap", 2.0)):
        quote = lab.plan(
            cell, among=["cheap", "dear"], inputs={**values, "N": points}, **given
        )
        assert quote.plan.steps[0].backend == best
        (row,) = [row for row in quote.steps if row.backend == best]
        assert row.cost.value == pytest.approx(cost)


def test_what_is_kept_stays_where_it_was_made(lab: Lab) -> None:
    """Kept, it costs nothing wherever it is: that is no reason to go elsewhere."""
    names = ["manila", "lima", "quito"]
    lab.backends.add("manila", FakeManilaV2(), price=SHOTS)
    lab.backends.add("lima", FakeLimaV2(), price=GATES)
    lab.backends.add("quito", FakeQuitoV2(), price=Price("USD", per_shot="0.004"))
    for times in (5, 100):
        options = asked(lab, times, among=names, seed=5)
        assert lab.run(dedent(CELL), budget="9 USD", **options).state == "done"
        jobs = len(lab.sql("FROM qf_jobs"))
        for budget in (None, "9 USD"):
            quote = lab.plan(dedent(CELL), budget=budget, **options)
            assert quote.costs_nothing
            assert lab.run(dedent(CELL), budget=budget, **options).state == "done"
        assert len(lab.sql("FROM qf_jobs")) == jobs
