"""Which backend would be best for a workflow, told without a shot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from quantumflow_lab import Lab, Price
from quantumflow_lab.errors import BadOption, UnknownBackend
from quantumflow_lab.quote import Candidate, Choice, Figure
from quantumflow_lab.quote.choice import choose
from tests.unit.test_quote import Shotless, inputs

CELL = """
@qf.sample(shots=1000)
def bell():
    qc = QuantumCircuit(3)
    qc.h(0)
    qc.cx(0, 1)
    qc.cx(1, 2)
    qc.measure_all()
    return [qc] * 10
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    add = lab.backends.add
    add("seconds", Shotless(5, seed=1), price=Price("USD", per_second=2, job_s=2.0))
    add("shots", Shotless(5, seed=2), price=Price("USD", per_job=1, per_shot="0.0005"))
    add("twice", Shotless(5, seed=2), price=Price("USD", per_job=2, per_shot="0.001"))
    add("small", Shotless(2, seed=4), price=Price("USD", per_job="0.3"))
    yield lab
    lab.close()


def candidates(lab: Lab, *among: str, **options: Any) -> Choice:
    names = list(among) or None
    return lab.candidates(
        dedent(CELL), name="bell", inputs=inputs(), among=names, **options
    )


def found(choice: Choice, backend: str) -> Candidate:
    (one,) = [each for each in choice.candidates if each.backend == backend]
    return one


def test_those_that_were_added_are_compared_and_nothing_runs(lab: Lab) -> None:
    choice = candidates(lab, policy="cheapest")
    assert choice.best is not None
    assert choice.best.backend == "shots"
    assert found(choice, "shots").cost.value == pytest.approx(1 + 5)
    # 2 s a job and 10,000 shots with their delay of 250 us.
    assert found(choice, "seconds").cost.value == pytest.approx(9.0, rel=0.01)
    assert lab.runs() == []


def test_what_another_beats_in_all_is_not_on_the_front(lab: Lab) -> None:
    choice = candidates(lab, "shots", "twice", "seconds")
    assert found(choice, "shots").front
    assert not found(choice, "twice").front  # the same device at twice the price
    assert [each.backend for each in choice.candidates][-1] == "twice"


def test_why_a_backend_cannot_be_had_is_said(lab: Lab) -> None:
    lab.backends.add("euro", Shotless(5, seed=2), price=Price("EUR", per_job=1))
    lab.backends.add("nobody", Shotless(5, seed=2))
    choice = candidates(lab, budget="8 USD", deadline="1 h")
    reasons = {each.backend: each.ruled_out for each in choice.candidates}
    assert reasons.pop("small").startswith("cannot run there: the circuit has 3 qubits")
    assert reasons == {
        "shots": "",
        "seconds": "",  # 9 USD, but perhaps a fifth less
        "twice": "the budget of 8 USD",
        "euro": "a budget in USD: it costs EUR",
        "nobody": "a budget of 8 USD: its cost is not known",
    }
    late = candidates(lab, "shots", deadline=1)
    assert late.candidates[0].ruled_out == "the deadline of 1 s"
    assert late.best is None
    assert "No backend can be had." in repr(late)


def test_simulators_cost_time_alone(lab: Lab) -> None:
    choice = candidates(lab, "aer", "fake_manila", policy="fastest")
    assert [each.cost.value for each in choice.candidates] == [0, 0]
    assert found(choice, "aer").success.value == 1
    assert choice.figure().axes[0].get_xlabel() == "expected time (s)"


def test_the_figure_has_units_and_a_name_for_each(lab: Lab) -> None:
    axes = candidates(lab, "shots", "seconds", "small").figure().axes[0]
    assert axes.get_xlabel() == "cost (USD)"
    assert axes.get_ylabel() == "expected failure (%)"
    assert {text.get_text() for text in axes.texts} == {"shots", "seconds"}


def test_all_are_forecast_at_a_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose worker has yet to start takes no time from the others."""
    executor, held = lab._quoting.executor, []
    submit = executor.submit

    def hold(*given: Any) -> None:
        held.append(given)
        for each in held if len(held) == 3 else ():
            submit(*each)

    monkeypatch.setattr(executor, "submit", hold)
    choice = candidates(lab, "shots", "seconds", "twice")
    assert [each.success.value is None for each in choice.candidates] == [False] * 3


def test_currencies_are_never_compared() -> None:
    def one(name: str, cost: Figure) -> Candidate:
        sure = Figure.exact(1.0, "s")
        return Candidate(name, cost, sure, sure, Figure.exact(0.9, ""))

    dollars = one("a", Figure.exact(1, "USD"))
    euros = one("b", Figure.exact(2, "EUR"))
    from quantumflow_lab.quote.choice import _on_front

    both = [dollars, euros]
    assert all(_on_front(each, both) for each in both)


def test_impossible_choices_are_refused(tmp_path: Path, lab: Lab) -> None:
    with pytest.raises(UnknownBackend, match="did you mean 'shots'"):
        candidates(lab, "shot")
    bare = Lab(tmp_path / "bare")
    with pytest.raises(BadOption, match="name the backends to compare"):
        candidates(bare)
    bare.close()
    assert choose("x", {}, policy="balanced", budget=None, deadline=None).best is None
