"""Amounts in several currencies are never added up, and each can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quantumflow_lab.store import Store

T = 1_700_000_000.0
RUN = {"run": "r1", "ts": T, "kind": "run", "name": "n", "source": "x", "seed": 7}


def job(step: str, number: int, cost: float, currency: str | None) -> dict[str, Any]:
    return {
        "run": "r1",
        "ts": T,
        "kind": "job",
        "step": step,
        "job": number,
        "tag": f"r1.{number}",
        "backend": "b",
        "state": "settled",
        "submitted": T,
        "cost": cost,
        "currency": currency,
    }


def asked(home: Path, *records: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Cost, currency and costs of each step, and of the run."""
    what = "cost, currency, costs"
    with Store(home) as store:
        store.append([RUN, *records])
        steps = store.sql(f"SELECT step, {what} FROM qf_steps ORDER BY step")
        runs = store.sql(f"SELECT {what} FROM qf_runs")
        rows = [list(row.values()) for row in steps.to_pylist()]
        (run,) = runs.to_pylist()
        return rows, list(run.values())


def test_one_currency_is_added_up(tmp_path: Path) -> None:
    steps, run = asked(
        tmp_path, job("a", 0, 1.5, "USD"), job("a", 1, 2.0, "USD"), job("b", 2, 0, None)
    )
    assert steps == [["a", 3.5, "USD", [("USD", 3.5)]], ["b", 0.0, None, None]]
    assert run == [3.5, "USD", [("USD", 3.5)]]


def test_several_have_no_sum_but_each_its_own(tmp_path: Path) -> None:
    steps, run = asked(
        tmp_path,
        job("a", 0, 1.5, "USD"),
        job("a", 1, 2.0, "EUR"),
        job("b", 2, 4.0, "USD"),
    )
    both = [("EUR", 2.0), ("USD", 1.5)]
    assert steps == [["a", None, None, both], ["b", 4.0, "USD", [("USD", 4.0)]]]
    assert run == [None, None, [("EUR", 2.0), ("USD", 5.5)]]


def test_a_session_is_part_of_what_its_run_costs(tmp_path: Path) -> None:
    session = {"run": "r1", "kind": "session", "tag": "r1.s", "mode": "session"}
    steps, run = asked(
        tmp_path,
        job("a", 0, 0.0, "USD"),
        {**session, "ts": T, "state": "open", "cost": 96.0, "currency": "USD"},
        {**session, "ts": T + 9, "state": "closed", "cost": 16.0, "currency": "USD"},
    )
    assert steps == [["a", 0.0, "USD", [("USD", 0.0)]]]
    assert run == [16.0, "USD", [("USD", 16.0)]]


def test_a_run_that_costs_nothing_says_so(tmp_path: Path) -> None:
    steps, run = asked(tmp_path, job("a", 0, 0.0, None))
    assert steps == [["a", 0.0, None, None]]
    assert run == [0.0, None, None]
