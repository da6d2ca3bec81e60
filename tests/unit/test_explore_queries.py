"""What the charts of the dashboard ask the store, against a past written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab.errors import BadQuery
from quantumflow_lab.explore.filters import WIDTHS, Filter, questions, width_of
from quantumflow_lab.explore.gathering import charts, totals
from quantumflow_lab.store import Store
from quantumflow_lab.store.shown import pruned, with_values
from tests.unit.explored import DAY, PAST, T


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("home")) as store:
        store.append(PAST)
        yield store


def found(store: Store, **given: Any) -> dict[str, Any]:
    asked = questions(Filter(**given), DAY)
    rows = store.queries(list(asked.values()))
    return charts(dict(zip(asked, rows, strict=True)))


def names(rows: list[dict[str, Any]], key: str = "name") -> list[str]:
    return [row[key] for row in rows]


def money(rows: list[dict[str, Any]]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        row["name"]: [(m["currency"], m["cost"], m["at_most"]) for m in row["money"]]
        for row in rows
    }


def test_each_currency_stands_for_itself(store: Store) -> None:
    shown = found(store)
    assert money(shown["backends"]) == {
        "aer": [],
        "fez": [("USD", 6.0, 0.0)],
        "garnet": [("EUR", 9.0, 5.0)],
    }
    assert money(shown["kinds"]) == {
        "circuit": [],
        "sample": [("EUR", 9.0, 5.0), ("USD", 6.0, 0.0)],
        "step": [],
    }
    assert totals(shown, Filter())["money"] == [
        {"currency": "EUR", "cost": 9.0},
        {"currency": "USD", "cost": 6.0},
    ]


def test_what_sessions_cost_stands_beside_the_kinds_of_steps(tmp_path: Path) -> None:
    """A session belongs to no step; one in seconds is not added to one in dollars."""
    told = {"kind": "session", "ts": T, "backend": "fez", "mode": "session"}
    told |= {"opened": T, "state": "closed", "rule": "usage"}
    with Store(tmp_path) as store:
        store.append(
            [
                *PAST,
                {**told, "run": "b", "tag": "b.s0", "cost": 16.0, "currency": "USD"},
                {
                    **told,
                    "run": "c",
                    "tag": "c.s0",
                    "cost": 7.0,
                    "currency": "s",
                    "state": "open",
                },
            ]
        )
        shown = found(store)
        assert money(shown["kinds"]) == {
            "circuit": [],
            "sample": [("EUR", 9.0, 5.0), ("USD", 6.0, 0.0)],
            "step": [],
            "session": [("USD", 16.0, 0.0), ("s", 7.0, 7.0)],
        }
        session = shown["kinds"][-1]
        assert (session["steps"], session["wall_s"]) == (0, 0.0)
        only = found(store, kind="session")
        assert money(only["backends"]) == {"fez": [("USD", 16.0, 0.0), ("s", 7.0, 7.0)]}
        assert money(found(store, name="bell")["kinds"])["session"] == [
            ("USD", 16.0, 0.0)
        ]


def test_a_run_in_two_currencies_lists_both(store: Store) -> None:
    assert [(r["run"], r["money"]) for r in found(store)["runs"]] == [
        ("c", [{"currency": "EUR", "cost": 9.0}, {"currency": "USD", "cost": 1.0}]),
        ("b", [{"currency": "USD", "cost": 5.0}]),
        ("a", []),
    ]


def test_runs_stand_in_the_bin_of_their_start(store: Store) -> None:
    first = T // DAY * DAY
    assert found(store)["time"] == [
        {"start": first, "state": "done", "runs": 1},
        {"start": first + DAY, "state": "failed", "runs": 1},
        {"start": first + 2 * DAY, "state": "unfinished", "runs": 1},
    ]


def test_points_that_did_not_run_are_told_by_kind(store: Store) -> None:
    counts = [
        (r["name"], r["steps"], r["points"], r["failed"], r["kept"], r["cached"])
        for r in found(store)["kinds"]
    ]
    assert counts == [
        ("circuit", 1, 1, 0, 0, 0),
        ("sample", 3, 12, 1, 1, 1),
        ("step", 1, 1, 0, 0, 0),
    ]


def test_quotes_meet_what_jobs_did_cost(store: Store) -> None:
    rows = [
        (r["backend"], r["currency"], r["jobs"], r["quoted"], r["cost"], r["within"])
        for r in found(store)["quoted"]
    ]
    # What goes on, and what had no quote, is not there; 3.0 is above 2.5.
    assert rows == [
        ("garnet", "EUR", 1, 4.0, 4.0, 1),
        ("fez", "USD", 1, 2.0, 2.0, 1),
        ("fez", "USD", 1, 2.0, 3.0, 0),
    ]


def test_a_failure_is_that_of_the_first_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "sesame-open-1234567890")
    errors = ("no sesame-open-1234567890", "later")
    points: list[dict[str, Any]] = [
        {
            "kind": "unit",
            "run": "b",
            "ts": 1.0,
            "step": "counts",
            "unit": unit,
            "state": "failed",
            "reason": "ValueError",
            "error": error,
        }
        for unit, error in enumerate(errors)
    ]
    with Store(tmp_path) as store:
        store.append([*PAST, *points])
        (row,) = found(store)["failures"]
    assert row["error"] == "ValueError: no (secret left out)"


def test_failures_name_step_share_and_error(store: Store) -> None:
    (row,) = found(store)["failures"]
    assert row == {
        "name": "bell",
        "step": "counts",
        "kind": "sample",
        "failed": 1,
        "points": 8,
        "runs": 1,
        "error": "StepFailed: <b>no counts</b>",
        "run": "b",
    }


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ({}, ["c", "b", "a"]),
        ({"since": T + DAY}, ["c", "b"]),
        ({"until": T + DAY}, ["a"]),
        ({"since": T + DAY, "until": T + DAY + 1}, ["b"]),
        ({"name": "bell"}, ["b", "a"]),
        ({"state": "unfinished"}, ["c"]),
        ({"backend": "fez"}, ["b"]),
        ({"kind": "circuit"}, ["a"]),
        ({"name": "bell", "state": "failed", "kind": "sample"}, ["b"]),
        ({"name": "it's not there"}, []),
    ],
)
def test_a_filter_lets_through_what_fits_all_of_it(
    store: Store, given: dict[str, Any], runs: list[str]
) -> None:
    assert names(found(store, **given)["runs"], "run") == runs


def test_a_chart_leaves_out_the_dimension_that_it_sets(store: Store) -> None:
    shown = found(store, backend="fez")
    assert names(shown["backends"]) == ["garnet", "fez", "aer"]
    assert names(shown["kinds"]) == ["sample"]
    assert names(shown["names"]) == ["bell"]
    assert money(shown["kinds"]) == {"sample": [("USD", 6.0, 0.0)]}
    late = found(store, since=T + DAY, state="failed")
    assert len(late["time"]) == 1
    assert [(r["state"], r["runs"]) for r in late["states"]] == [
        ("failed", 1),
        ("unfinished", 1),
    ]


def test_totals_are_those_of_all_that_is_let_through(store: Store) -> None:
    given = Filter(backend="fez", kind="sample")
    assert totals(found(store, backend="fez", kind="sample"), given) == {
        "runs": 1,
        "points": 8,
        "failed": 1,
        "kept": 0,
        "cached": 0,
        "jobs": 3,
        "machine_s": 1.5,
        "qpu_s": 0.0,
        "money": [{"currency": "USD", "cost": 6.0}],
    }


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"backend": "fez", "kind": "sample"},
        {"name": "it's", "since": T, "until": T + DAY, "state": "done"},
    ],
)
def test_the_sql_that_is_shown_gives_the_rows_of_the_chart(
    store: Store, given: dict[str, Any]
) -> None:
    for name, params in questions(Filter(**given), DAY).values():
        sql = store.shown(name, **params)
        assert "$" not in sql
        assert "IS NULL OR" not in sql
        # As `%qflow sql` takes it: on one line.
        again = store.sql(" ".join(sql.split())).to_pylist()
        assert again == store.query(name, **params), name


def test_an_empty_store_has_no_rows(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        shown = found(store)
        assert {chart: rows for chart, rows in shown.items() if rows} == {}
        assert store.query("explore_extent") == [
            {"since": None, "until": None, "runs": 0}
        ]


def test_several_queries_are_refused_before_one_is_asked(store: Store) -> None:
    with pytest.raises(BadQuery, match="no parameter 'nme'; did you mean 'name'"):
        store.queries([("explore_extent", {}), ("history", {"nme": "bell"})])


def test_a_condition_that_holds_anyway_is_not_asked() -> None:
    sql = "SELECT 1\nWHERE true\n    AND ($d IS NULL OR d IN (SELECT d FROM t))"
    assert pruned(sql, {"d": None}) == "SELECT 1\nWHERE true"
    assert pruned(sql, {"d": 0}).endswith("\n    AND d IN (SELECT d FROM t)")


def test_values_become_literals() -> None:
    sql = "SELECT $a, $b, $c\nWHERE true\n    AND ($d IS NULL OR d = $d)"
    assert with_values(sql, {"a": "it's", "b": 1.5, "d": 0}) == (
        "SELECT 'it''s', 1.5, NULL\nWHERE true\n    AND d = 0"
    )
    with pytest.raises(TypeError, match="no literal for a list"):
        with_values("$a", {"a": []})


@pytest.mark.parametrize("days", [0, 0.01, 1, 40, 400, 4000, 400_000])
def test_time_has_at_most_sixty_bins_or_so(days: float) -> None:
    width = width_of(days * DAY)
    assert days * DAY <= 60 * width
    assert width in WIDTHS or width % WIDTHS[-1] == 0
