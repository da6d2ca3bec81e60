"""Ways to spend more than was allowed, each of which is closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from qiskit import QuantumCircuit

from quantumflow_lab import Lab, Price
from quantumflow_lab.amounts import Money, money
from quantumflow_lab.errors import BadOption, BudgetReached
from tests.unit.test_budget import Timed, costs, run

A_SHOT = Price("USD", per_shot="0.01")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab whose settings say nothing of budgets."""
    monkeypatch.delenv("QFLOW_BUDGET")
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def read() -> QuantumCircuit:
    qc = QuantumCircuit(1, 1)
    qc.measure(0, 0)
    return qc


@pytest.mark.parametrize(
    "amount", ["NaN", "-NaN", "sNaN", "-Infinity", "-1", "1e10", "-0.01"]
)
def test_an_amount_that_is_none_is_no_budget(lab: Lab, amount: str) -> None:
    """Of not-a-number one might think that it has no end."""
    given = Money(Decimal(amount), "USD")
    assert money(given) is None
    device = Timed("dev")
    lab.backends.add("dev", device, price=A_SHOT)
    with pytest.raises(BadOption, match="budget must be money such as '20 USD'"):
        run(lab, waits=[0], backend="dev", budget=given)
    assert device.jobs == []


@pytest.fixture
def lab(bare: Lab) -> Lab:
    return bare


def test_a_handle_made_in_a_step_needs_a_budget_as_any_other(bare: Lab) -> None:
    """The run is on a simulator, its step asks a device that nobody planned for."""
    device = Timed("dev")
    bare.backends.add("dev", device, price=A_SHOT)
    cell = """
@qf.step
def sly():
    return other().run([read()], shots=10).result()[0].data.c.num_shots
"""
    names = {"other": lambda: bare.sampler("dev"), "read": read}
    done = bare.run(cell, name="sly", inputs=names, backend="aer", background=True)
    with pytest.raises(BudgetReached) as told:
        done.wait().raise_failure()
    assert str(told.value).partition("\n")[0] == (
        "step 'sly' stopped: jobs on 'dev' cost 0.01 USD a shot, and nobody said how "
        'much the run may cost; to go on type %qflow resume sly --budget "20 USD", or '
        '"unlimited"'
    )
    assert device.jobs == []
    assert bare.resume("sly", inputs=names, budget="1 USD").state == "done"
    assert costs(bare)[-1] == ("settled", 0.1, "USD")


def test_a_handle_that_rests_has_no_new_budget(bare: Lab) -> None:
    device = Timed("dev")
    bare.backends.add("dev", device, price=A_SHOT)
    sampler = bare.sampler("dev", budget="1 USD")
    sampler.run([read()], shots=60).result()
    for _ in range(2):
        sampler.close()
        with pytest.raises(BudgetReached, match=r"0\.4 USD of the budget of 0\.4 USD"):
            sampler.run([read()], shots=60).result()
    sampler.close()
    assert sampler.run([read()], shots=40).result()[0].data.c.num_shots == 40
    assert sum(cost for _, cost, _ in costs(bare)) == 1.0
    assert len(device.jobs) == 2


def test_a_budget_in_seconds_is_no_way_around_a_cap_in_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_BUDGET_MONTH", "10 USD")
    lab = Lab(tmp_path)
    device = Timed("dev")
    lab.backends.add("dev", device, price=Price("USD", per_second=2, job_s=2.0))
    with pytest.raises(BudgetReached, match="of the 10 USD of this month is left"):
        run(
            lab, waits=[0], shots=40000, backend="dev", budget="1 h"
        ).wait().raise_failure()
    assert device.jobs == []
    made = run(lab, waits=[0], shots=4000, backend="dev", budget="1 h").wait()
    made.raise_failure()
    ((_, cost, currency),) = costs(lab)[-1:]
    assert currency == "s"
    book = json.loads((tmp_path / "ledger.json").read_text())
    assert book["open"] == {}
    assert float(book["spent"]["USD"]) == pytest.approx(2 * cost)
    lab.close()


def test_a_run_that_is_taken_up_without_its_budget_of_the_settings_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who resumes it, days later, may not have the setting any more."""
    monkeypatch.setenv("QFLOW_BUDGET", "0.5 USD")
    lab = Lab(tmp_path)
    device = Timed("dev")
    lab.backends.add("dev", device, price=A_SHOT)
    with pytest.raises(BudgetReached, match=r"of the budget of 0\.5 USD is left"):
        run(lab, waits=[0], shots=100, backend="dev").wait().raise_failure()
    lab.close()
    monkeypatch.delenv("QFLOW_BUDGET")
    lab = Lab(tmp_path)
    lab.backends.add("dev", device, price=A_SHOT)
    names = {"QuantumCircuit": QuantumCircuit}
    with pytest.raises(BudgetReached, match="nobody said how much the run may cost"):
        lab.resume("work", inputs=names).raise_failure()
    assert device.jobs == []
    assert lab.resume("work", inputs=names, budget="1 USD").state == "done"
    assert device.jobs == [1]
    lab.close()


@pytest.fixture
def capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab that may spend 10 USD a month, and a device at a cent a shot."""
    monkeypatch.setenv("QFLOW_BUDGET_MONTH", "10 USD")
    lab = Lab(tmp_path)
    lab.backends.add("dev", Timed("dev"), price=A_SHOT)
    yield lab
    lab.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"month": "2026-11"}',
        '{"month": "2026-11", "spent": {"USD": "-50"}, "open": {}}',
        '{"month": "2026-11", "spent": {"USD": "NaN"}, "open": {}}',
        '{"month": "2026-11", "spent": {"USD": "much"}, "open": {}}',
    ],
)
def test_a_ledger_that_nobody_can_read_lets_nothing_through(
    capped: Lab, tmp_path: Path, text: str
) -> None:
    (tmp_path / "ledger.json").write_text(text)
    with pytest.raises(BudgetReached) as told:
        run(capped, waits=[0], shots=10, backend="dev").wait().raise_failure()
    line = str(told.value).partition("\n")[0]
    assert line.startswith(
        "step 'counts' stopped: what its next job costs cannot be written down: "
    )
    assert "delete it while no run goes on, and it is made anew" in line
    (tmp_path / "ledger.json").unlink()
    again = run(capped, waits=[0], shots=10, backend="dev").wait()
    assert again.state == "done"


def test_a_clock_that_jumps_to_another_month_and_back_buys_nothing(
    capped: Lab,
) -> None:
    run(capped, waits=[0], shots=600, backend="dev").wait().raise_failure()
    book = capped._launcher.ledger
    now = book.wall()
    half = Money(Decimal(5), "USD")
    book.wall = lambda: now + 40 * 86400
    assert book.reserve("then", half) is None
    book.settle("then", Money(Decimal(0), "USD"))
    book.wall = lambda: now
    assert "4 USD of the 10 USD of this month" in str(book.reserve("now", half))
