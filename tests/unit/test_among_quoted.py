"""`--among` takes the backend that the quote of this very workflow says is best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

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
