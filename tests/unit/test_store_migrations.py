"""A database of each earlier version becomes one of this version, as if made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab.store import Store, schema, settle

T = 1_700_000_000.0
NEWEST = schema.migrations()[-1][0]
VIEWS = ("points", "jobs", "steps", "runs", "metrics", "costs", "quotes", "sessions")
QUERIES = (
    "calls",
    "open_jobs",
    "open_sessions",
    "outputs",
    "run_record",
    "steps",
    "timeline",
    "units",
)

BASE = {"run": "r1", "ts": T}
STEP = {**BASE, "step": "s"}
UNIT = {**STEP, "kind": "unit", "unit": 0, "point": {"x": 1}, "index": [0]}
JOB = {**STEP, "kind": "job", "job": 0, "tag": "r1.0", "backend": "aer", "cost": 1.5}
SESSION = {"tag": "r1.s", "state": "open", "cost": 3.0, "currency": "EUR", "opened": T}
CALL = {**STEP, "kind": "call", "unit": 0, "key": "k", "number": 0, "state": "made"}
METRIC = {**STEP, "kind": "metric", "unit": 0, "name": "e", "n": 0}
VALUE = {"ref": "json:0.5", "media": "application/json", "bytes": 3}
WRITTEN: dict[int, list[dict[str, Any]]] = {
    1: [
        {**BASE, "kind": "run", "name": "n", "source": "x", "seed": 7, "epoch": 1},
        {**STEP, "kind": "quote", "backend": "aer", "points": 2},
        {**JOB, "state": "intended", "submitted": T},
        {**JOB, "ts": T + 1, "state": "settled", "shots": 9, "submitted": T},
        {**JOB, "tag": "r1.1", "job": 1, "state": "sent", "submitted": T},
        {**UNIT, "attempt": 1, "state": "failed", "started": T, "ended": T + 1},
        {**UNIT, "ts": T + 2, "attempt": 2, "state": "done", "value": VALUE},
        {**UNIT, "unit": 1, "state": "done", "started": T, "ended": T + 1},
        {**STEP, "kind": "step", "state": "done", "points": 2, "done": 2, "failed": 0},
        {**METRIC, "value": 0.5},
        {**METRIC, "ts": T + 1, "value": 0.25},
        {**STEP, "kind": "output", "mime": "text/plain", "text": "hello"},
        {**BASE, "ts": T + 3, "kind": "end", "state": "done", "wall_s": 3.0},
        {**BASE, "run": "r2", "ts": T + 9, "kind": "run", "name": "n"},
    ],
    2: [
        {**UNIT, "unit": 2, "state": "done", "origin": "r0"},
        {**STEP, "kind": "step", "step": "t", "cached": 2, "origin": "r0"},
    ],
    3: [
        {**BASE, "kind": "run", "name": "n", "keys": {"s": "k"}, "epoch": 2},
        {**UNIT, "unit": 3, "state": "done", "kept": True},
        {**STEP, "kind": "step", "step": "u", "kept": 1},
        CALL,
        {**CALL, "ts": T + 1, "state": "answered", "value": VALUE},
    ],
    4: [{**JOB, "tag": "r1.2", "job": 2, "state": "sent", "asked": {"pubs": 1}}],
    7: [
        {
            **JOB,
            "tag": "r1.3",
            "job": 3,
            "state": "settled",
            "usage": {"seconds": 2.5},
            "qpu_s": 2.5,
            "rule": "usage",
            "quoted": 1.0,
        },
        {**BASE, "kind": "run", "name": "n", "epoch": 3, "options": {"project": "p"}},
    ],
    8: [
        {
            **JOB,
            "tag": "r1.4",
            "job": 4,
            "state": "settled",
            "circuits": 1,
            "work": {"circuits": 1},
            "busy_s": 0.5,
            "qpu_s": 2.5,
            "predicted_s": 2.0,
            "predicted_low_s": 1.5,
            "predicted_high_s": 3.0,
            "predicted_from": 7,
        }
    ],
    9: [
        {**BASE, "kind": "session", **SESSION},
        {**BASE, "kind": "session", **SESSION, "tag": "r1.t", "state": "opening"},
    ],
}
"""Records that each version wrote beside those of the versions before it."""


def written(version: int) -> list[dict[str, Any]]:
    return [
        record for v, records in WRITTEN.items() if v <= version for record in records
    ]


def recorded_by(version: int, home: Path, records: list[dict[str, Any]]) -> None:
    """Record, and take in what there is, as a lab of an earlier version did."""
    with pytest.MonkeyPatch.context() as patch, Store(home) as store:
        older = schema.migrations()[:version]
        patch.setattr(schema, "migrations", lambda: older)
        patch.setattr(schema, "views", lambda: f"SELECT {version}")
        for name in ("settle", "settle_all"):
            patch.setattr(settle, name, lambda connection: None)
        store.append(records)
        store.ingest()
        (found,) = store.sql(
            "SELECT max(version) AS v FROM schema_migration"
        ).to_pylist()
    assert found["v"] == version


def everything(store: Store) -> dict[str, Any]:
    """All that a store answers, in an order of its own."""
    found: dict[str, Any] = {
        view: store.sql(f"FROM qf_{view}").to_pylist() for view in VIEWS
    }
    for run in ("r1", "r2"):
        found |= {f"{name} {run}": store.query(name, run=run) for name in QUERIES}
    return {
        name: sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
        for name, rows in found.items()
    }


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_database_of_each_version_is_brought_forward(
    version: int, tmp_path: Path
) -> None:
    recorded_by(version, tmp_path, written(version))
    with Store(tmp_path) as store:
        migrated = everything(store)
        (row,) = store.sql("SELECT max(version) AS v FROM schema_migration").to_pylist()
        assert row["v"] == NEWEST
        assert store.rebuild() == len(written(version)) + 1
        assert migrated == everything(store)
        points = store.sql("SELECT state, attempt FROM qf_points WHERE unit = 0")
        assert points.to_pylist() == [{"state": "done", "attempt": 2}]
        assert [row["value"] for row in store.query("metrics", run="r1")] == [0.25]
        # And it goes on.
        store.append([{**BASE, "ts": T + 99, "kind": "end", "state": "failed"}])
        assert store.query("run_record", run="r1")[0]["state"] == "failed"


def test_records_that_waited_for_a_newer_version_are_taken(tmp_path: Path) -> None:
    """An older lab has met calls, which it does not know, and kept them aside."""
    recorded_by(2, tmp_path, [*written(1), CALL, {"kind": "dream", "run": "r1"}])
    with Store(tmp_path) as store:
        (call,) = store.query("calls", run="r1")
        assert call["key"] == "k"
        rows = store.sql("SELECT kind FROM rec_other ORDER BY kind").to_pylist()
        assert [row["kind"] for row in rows] == ["dream", "header"]


def test_every_version_there_was_is_tried() -> None:
    assert [number for number, _, _ in schema.migrations()] == list(
        range(1, NEWEST + 1)
    )
    assert WRITTEN.keys() >= {*range(1, 5)}
