"""Caps over all runs of a home: in a session, and in a month."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from quantumflow_lab import Lab, Price
from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import BadOption, BudgetReached, StoreError
from quantumflow_lab.store.ledger import Ledger
from tests.unit.test_budget import Timed, run

NOVEMBER, DECEMBER = 1_795_000_000.0, 1_797_000_000.0


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


class Clock:
    now = NOVEMBER

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ledger(
    home: Path,
    clock: Clock,
    *,
    session: str | None = None,
    month: str | None = None,
    before: str = "0",
) -> Ledger:
    return Ledger(
        home,
        session=None if session is None else usd(session),
        month=None if month is None else usd(month),
        wall=clock,
        before=lambda name: {"USD": Decimal(before)},
    )


def test_what_is_under_way_counts_until_it_is_settled(
    tmp_path: Path, clock: Clock
) -> None:
    book = ledger(tmp_path, clock, month="10")
    assert book.reserve("a", usd("6")) is None
    assert book.reserve("b", usd("5")) == (
        "its next job may cost 5 USD, and 4 USD of the 10 USD of this month is left "
        "(QFLOW_BUDGET_MONTH)"
    )
    book.settle("a", usd("4.5"))
    assert book.reserve("b", usd("5.5")) is None
    assert book.reserve("c", usd("0.01")) is not None


def test_another_process_counts_too_and_so_does_one_that_died(
    tmp_path: Path, clock: Clock
) -> None:
    ledger(tmp_path, clock, month="10").reserve("of the dead", usd("6"))
    other = ledger(tmp_path, clock, month="10")
    assert other.reserve("b", usd("5")) is not None
    # Whoever takes its run up settles its job.
    other.settle("of the dead", usd("1"))
    assert other.reserve("b", usd("9")) is None


def test_a_new_month_begins_anew_but_for_what_is_under_way(
    tmp_path: Path, clock: Clock
) -> None:
    book = ledger(tmp_path, clock, month="10")
    book.reserve("a", usd("4"))
    book.settle("a", usd("4"))
    book.reserve("b", usd("5"))
    clock.now = DECEMBER
    assert book.reserve("c", usd("6")) is not None
    assert book.reserve("c", usd("5")) is None


def test_a_cap_that_is_set_in_mid_month_knows_what_was_spent(
    tmp_path: Path, clock: Clock
) -> None:
    book = ledger(tmp_path, clock, month="10", before="8")
    assert book.reserve("a", usd("3")) is not None
    assert book.reserve("a", usd("2")) is None


def test_a_session_is_one_process(tmp_path: Path, clock: Clock) -> None:
    book = ledger(tmp_path, clock, session="3")
    assert book.reserve("a", usd("2")) is None
    assert "1 USD of the 3 USD of this session is left" in str(
        book.reserve("b", usd("2"))
    )
    assert not (tmp_path / "ledger.json").exists()
    assert ledger(tmp_path, clock, session="3").reserve("b", usd("2")) is None


@pytest.mark.parametrize("cap", ["session", "month"])
def test_more_for_the_same_thing_takes_the_place_of_what_was_kept_back(
    cap: str, tmp_path: Path, clock: Clock
) -> None:
    """As of a session whose jobs get longer."""
    book = ledger(tmp_path, clock, **{cap: "10"})
    assert book.reserve("session", usd("6")) is None
    assert book.reserve("session", usd("9")) is None
    assert "1 USD of the 10 USD" in str(book.reserve("job", usd("2")))
    assert "10 USD of the 10 USD" in str(book.reserve("session", usd("11")))
    book.settle("session", usd("8"))
    assert book.reserve("job", usd("2")) is None


def test_other_currencies_are_not_counted(tmp_path: Path, clock: Clock) -> None:
    book = ledger(tmp_path, clock, month="1")
    assert book.reserve("a", Money(Decimal(50), "EUR")) is None
    assert book.reserve("b", usd("1")) is None


RACE = """
import sys
from decimal import Decimal
from pathlib import Path
from quantumflow_lab.amounts import Money
from quantumflow_lab.store.ledger import Ledger
home, name = Path(sys.argv[1]), sys.argv[2]
cap = Money(Decimal(10), "USD")
book = Ledger(home, None, cap, lambda: 1_795_000_000.0, lambda month: {})
taken = 0
for i in range(100):
    if book.reserve(f"{name}.{i}", Money(Decimal("0.11"), "USD")) is None:
        book.settle(f"{name}.{i}", Money(Decimal("0.1"), "USD"))
        taken += 1
print(taken)
"""


def test_of_processes_that_race_none_passes_the_cap(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    racing = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b", "c")
    ]
    taken = [int(each.communicate(timeout=60)[0]) for each in racing]
    spent = json.loads((tmp_path / "ledger.json").read_text())["spent"]["USD"]
    assert Decimal(spent) == Decimal("0.1") * sum(taken)
    # 99 at a tenth, and then none more that might take 0.11.
    assert sum(taken) == 99


# --- in a lab ------------------------------------------------------------------------


@pytest.fixture
def capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("QFLOW_BUDGET_MONTH", "25 USD")
    lab = Lab(tmp_path)
    lab.backends.add("dev", Timed("dev"), price=Price("USD", per_shot=1))
    yield lab
    lab.close()


def test_runs_of_a_month_share_its_cap(capped: Lab, tmp_path: Path) -> None:
    for _ in range(2):
        done = run(capped, waits=[0], shots=10, backend="dev", fresh=True).wait()
        assert done.state == "done"
    short = run(capped, waits=[0], shots=10, backend="dev", fresh=True).wait()
    with pytest.raises(BudgetReached) as reached:
        short.raise_failure()
    assert str(reached.value) == (
        "step 'counts' stopped: its next job may cost 10 USD, and 5 USD of the 25 USD "
        "of this month is left (QFLOW_BUDGET_MONTH)"
    )
    book = json.loads((tmp_path / "ledger.json").read_text())
    assert Decimal(book["spent"]["USD"]) == 20
    assert book["open"] == {}
    (row,) = capped.sql("SELECT sum(cost) AS spent FROM qf_jobs").to_pylist()
    assert row["spent"] == 20


def test_a_book_that_is_lost_is_made_of_the_store(
    capped: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capped, waits=[0], shots=20, backend="dev").wait()
    (tmp_path / "ledger.json").unlink()
    short = run(capped, waits=[0], shots=10, backend="dev", fresh=True).wait()
    with pytest.raises(BudgetReached, match="5 USD of the 25 USD of this month"):
        short.raise_failure()


def test_a_cap_that_cannot_be_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_BUDGET_SESSION", "plenty")
    message = r"setting budget_session \(QFLOW_BUDGET_SESSION\) must be money such as"
    with pytest.raises(BadOption, match=message):
        Lab(tmp_path)


SPOILT = '{"month": "2026-11", "spent": {"USD": "many"}, "open": {}}'


@pytest.mark.parametrize("text", ["", "{", "[]", '{"month": "2026-11"}', SPOILT])
def test_a_damaged_book_says_what_to_do_and_sends_nothing(
    tmp_path: Path, clock: Clock, text: str
) -> None:
    file = tmp_path / "ledger.json"
    file.write_text(text)
    book = ledger(tmp_path, clock, month="10", before="3")
    with pytest.raises(StoreError, match="is damaged") as raised:
        book.reserve("a", usd("1"))
    assert str(raised.value) == (
        f"{file} is damaged, so nobody knows what jobs of this month may cost: delete "
        "it while no run goes on, and it is made anew from the records of the home"
    )
    file.unlink()
    assert book.reserve("a", usd("8")) is not None, "what was spent counts again"
    assert book.reserve("a", usd("7")) is None


def test_a_book_that_cannot_be_read_is_an_error_of_the_store(
    tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "ledger.json").mkdir()
    with pytest.raises(StoreError, match=r"cannot read .*ledger\.json: Is a directory"):
        ledger(tmp_path, clock, month="10").reserve("a", usd("1"))


def test_what_is_kept_back_outlives_a_power_cut(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the new book is on the disk before the job is sent, not only it."""
    synced = []

    def fsync(file: int) -> None:
        synced.append(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    assert ledger(tmp_path, clock, month="10").reserve("a", usd("1")) is None
    book = tmp_path / "ledger.json"
    assert synced == [book.stat().st_ino, tmp_path.stat().st_ino]


def test_a_damaged_book_stops_the_step_and_not_the_lab(
    capped: Lab, tmp_path: Path
) -> None:
    (tmp_path / "ledger.json").write_text("{")
    short = run(capped, waits=[0], shots=10, backend="dev").wait()
    with pytest.raises(BudgetReached, match=r"ledger\.json is damaged"):
        short.raise_failure()
    assert capped.backends.backend("dev").jobs == []
    (tmp_path / "ledger.json").unlink()
    done = run(capped, waits=[0], shots=10, backend="dev", fresh=True).wait()
    assert done.state == "done"
