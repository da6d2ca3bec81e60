"""What runs come to: kept beside the records, whatever order those arrive in."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from quantumflow_lab.store import Store, ingest, settle
from quantumflow_lab.store.journals import Journal

T = 1_700_000_000.0
VIEWS = ("points", "jobs", "steps", "runs", "metrics", "costs")


def view(store: Store, name: str) -> list[str]:
    """A view as text, in an order of its own."""
    rows = store.sql(f"FROM qf_{name}").to_pylist()
    return sorted(json.dumps(row, default=str) for row in rows)


def views(store: Store) -> dict[str, list[str]]:
    return {name: view(store, name) for name in VIEWS}


def some_records(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Records of four runs: many of the same thing, at the same or at other times."""
    made = []
    for _ in range(count):
        run, step = f"r{dice.randrange(4)}", f"s{dice.randrange(2)}"
        ts = T + dice.randrange(6)
        base = {"v": 1, "run": run, "ts": ts}
        state = dice.choice(["done", "failed", "cancelled"])
        times = {"started": ts, "ended": ts + 1, "wall_s": 1.0}
        sizes = {"circuits": 2, "shots": dice.randrange(9), "cost": 0.25}
        number = dice.randrange(3)
        where = {**base, "step": step}
        job = {"job": number, "tag": f"{run}.{number}", "backend": "aer", **sizes}
        made.append(
            dice.choice(
                [
                    {**base, "kind": "run", "name": "n", "epoch": dice.randrange(9)},
                    {**base, "kind": "end", "state": state, "wall_s": 2.0},
                    {**where, "kind": "step", "state": state, "points": number},
                    {**where, "kind": "job", "state": state, **job, "submitted": ts},
                    {**where, "kind": "unit", "unit": number, "state": state, **times},
                    {**where, "kind": "metric", "name": "e", "n": number, "value": ts},
                ]
            )
        )
    return made


@pytest.mark.parametrize("seed", range(6))
def test_views_do_not_depend_on_the_order_in_which_journals_are_read(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three writers, taken in after every few records, against all at once."""
    dice = random.Random(seed)
    home = tmp_path / "home"
    monkeypatch.setattr(ingest, "_TRANSACTION", dice.choice([1, 4096, 1 << 20]))
    with Store(home) as store:
        journals = [Journal(home / "journal", f"w{i}", header=b"{}") for i in range(3)]
        units: dict[Any, Any] = {}
        for _ in range(12):
            at = dice.randrange(3)
            records = some_records(dice, dice.randrange(1, 9))
            first = journals[at].seq or 1
            journals[at].append([json.dumps(r).encode() for r in records])
            store.ingest()
            for seq, record in enumerate(records, first):
                if record["kind"] == "unit":
                    key = record["run"], record["step"], record["unit"]
                    told = (record["ts"], seq, f"w{at}"), record["state"]
                    units[key] = max(units.get(key, told), told)
        bit_by_bit = views(store)
        rows = store.sql("SELECT run, step, unit, state FROM qf_points").to_pylist()
        assert {(r["run"], r["step"], r["unit"]): r["state"] for r in rows} == {
            key: state for key, (_, state) in units.items()
        }
        points = store.sql("SELECT sum(points) AS n FROM qf_runs").to_pylist()
        store.rebuild()
        assert views(store) == bit_by_bit
        assert len(bit_by_bit["runs"]) > 1
        assert points[0]["n"] is not None
        for journal in journals:
            journal.close()


def test_runs_are_settled_in_portions_as_they_are_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "home") as store:
        store.append(some_records(random.Random(1), 300))
        before = views(store)
        monkeypatch.setattr(settle, "_CHUNK", 20)
        with duckdb.connect(str(store.database)) as connection:
            for table in ("current_run", "current_step", "current_job"):
                connection.execute(f"DELETE FROM {table}")
            settle.settle_all(connection)
        assert views(store) == before


def test_a_journal_that_repeats_a_line_repeats_no_point(tmp_path: Path) -> None:
    unit = {
        "kind": "unit",
        "run": "r",
        "ts": T,
        "step": "s",
        "unit": 0,
        "state": "done",
    }
    with Store(tmp_path / "home") as store:
        store.append(
            [{"kind": "run", "run": "r", "ts": T, "name": "n"}, unit], sync=True
        )
        (path,) = (store.home / "journal").iterdir()
        with path.open("ab") as file:
            file.write(path.read_bytes().splitlines(keepends=True)[-1])
        assert [len(view(store, name)) for name in ("points", "steps")] == [1, 1]
        assert store.sql("SELECT points FROM qf_runs").to_pylist() == [{"points": 1}]
