"""The store: append, ask, values, and what stands in the way."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from qiskit import QuantumCircuit

from quantumflow_lab.errors import (
    BadQuery,
    HomeNotWritable,
    JournalDamaged,
    StoreError,
    StoreLocked,
    StoreTooNew,
    UnknownRun,
)
from quantumflow_lab.store import Store, find_home
from quantumflow_lab.store import schema as store_schema
from quantumflow_lab.store.home import database_path, file_system

PAGE = Path(__file__).parents[2] / "docs" / "store.md"

T = 1_700_000_000.0

RUN = {
    "kind": "run",
    "run": "r1",
    "ts": T,
    "name": "bell",
    "source": "x = 1",
    "document": {"qflow": 1},
    "options": {"shots": 100},
    "seed": 2**64 - 1,
    "inputs": [{"name": "a", "kind": "value", "fingerprint": "f", "summary": "1"}],
    "versions": {"qiskit": "2.6.2"},
    "backends": ["aer", "fake_manila"],
    "cwd": "/tmp",
    "host": "h",
    "pid": 7,
}


def unit(step: str, index: int, state: str = "done", **more: Any) -> dict[str, Any]:
    return {
        "kind": "unit",
        "run": "r1",
        "ts": T + 1,
        "step": step,
        "step_kind": "step",
        "unit": index,
        "point": {"delay": 0.5 * index},
        "index": [index],
        "attempt": 1,
        "state": state,
        "reason": None,
        "error": None,
        "started": T,
        "ended": T + 1,
        "wall_s": 1.0,
        "value": None,
        **more,
    }


def job(state: str, ts: float, **more: Any) -> dict[str, Any]:
    return {
        "kind": "job",
        "run": "r1",
        "ts": ts,
        "step": "counts",
        "job": 3,
        "tag": "r1-counts-0",
        "backend": "aer",
        "state": state,
        "submitted": T,
        **more,
    }


SETTLED = {
    "attempt": 1,
    "members": 2,
    "circuits": 2,
    "shots": 200,
    "queue_s": 0.1,
    "transpile_s": 0.2,
    "run_s": 0.3,
    "wall_s": 0.6,
    "depth": 4,
    "two_qubit_gates": 1,
    "qubits": 2,
    "peak_memory_mb": 80.5,
    "cost": 0.0,
    "currency": None,
    "machine_s": 0.5,
    "provider_job": None,
    "error": None,
    "ended": T + 0.6,
}

STEP = {
    "kind": "step",
    "run": "r1",
    "ts": T + 1,
    "step": "counts",
    "step_kind": "sample",
    "backend": "aer",
    "state": "done",
    "points": 2,
    "done": 2,
    "failed": 0,
    "started": T,
    "ended": T + 1,
    "wall_s": 1.0,
}

END = {"kind": "end", "run": "r1", "ts": T + 2, "state": "done", "wall_s": 2.0}


@pytest.fixture
def store(home: Path) -> Any:
    with Store(home) as opened:
        yield opened


def one(store: Store, sql: str, *params: Any) -> dict[str, Any]:
    (row,) = store.sql(sql, params).to_pylist()
    return dict(row)


def test_a_run_is_found_in_the_history_with_its_sums(store: Store) -> None:
    jobs = [job("intended", T), job("settled", T + 0.6, **SETTLED)]
    parity = [unit("parity", 0), unit("parity", 1, "failed", reason="ValueError")]
    counts = [unit("counts", 0), unit("counts", 1)]
    store.append([RUN, *jobs, *counts, STEP, *parity, END], sync=True)
    assert store.query("history") == [
        {
            "number": 1,
            "name": "bell",
            "started": T,
            "state": "done",
            "wall_s": 2.0,
            "steps": 2,
            "points": 4,
            "failed": 1,
            "jobs": 1,
            "shots": 200,
            "machine_s": 0.5,
            "qpu_s": None,
            "cost": 0.0,
            "currency": None,
            "costs": None,
            "backends": ["aer", "fake_manila"],
            "run": "r1",
        }
    ]
    steps = {row["step"]: row for row in store.query("steps", run="r1")}
    assert steps["counts"] == {
        "step": "counts",
        "kind": "sample",
        "backend": "aer",
        "state": "done",
        "points": 2,
        "done": 2,
        "failed": 0,
        "wall_s": 1.0,
        "jobs": 1,
        "queue_s": 0.1,
        "transpile_s": 0.2,
        "run_s": 0.3,
        "machine_s": 0.5,
        "qpu_s": None,
        "cost": 0.0,
        "currency": None,
        "costs": None,
        "shots": 200,
        "circuits": 2,
        "depth": 4,
        "two_qubit_gates": 1,
        "qubits": 2,
        "peak_memory_mb": 80.5,
        "cached": 0,
        "origin": None,
        "started": T,
        "ended": T + 1,
        "origin_name": None,
        "origin_ended": None,
    }
    assert [steps["parity"][k] for k in ("state", "points", "done", "failed")] == [
        "unfinished",
        2,
        1,
        1,
    ]


def test_the_timeline_has_a_bar_for_each_step_and_job(store: Store) -> None:
    store.append([RUN, job("settled", T + 0.6, **SETTLED), STEP, END])
    assert store.query("timeline", run="r1") == [
        {
            "lane": "python",
            "step": "counts",
            "label": "counts",
            "kind": "step",
            "started": T,
            "ended": T + 1,
            "state": "done",
            "backend": "aer",
            "kept_from": None,
        },
        {
            "lane": "aer",
            "step": "counts",
            "label": "counts job 3",
            "kind": "job",
            "started": T,
            "ended": T + 0.6,
            "state": "settled",
            "backend": "aer",
            "kept_from": None,
        },
    ]


def test_the_cost_is_that_of_the_last_record_of_each_job(store: Store) -> None:
    other = {**job("settled", T + 0.7, **SETTLED), "tag": "r1-counts-1", "cost": 1.5}
    first = [job("sent", T), job("settled", T + 0.6, **SETTLED)]
    store.append([RUN, *first, {**other, "currency": "USD"}])
    row = {
        "step": "counts",
        "backend": "aer",
        "jobs": 1,
        "circuits": 2,
        "shots": 200,
        "machine_s": 0.5,
        "qpu_s": None,
    }
    found = store.query("cost", run="r1")
    assert sorted(found, key=lambda r: r["cost"]) == [
        {**row, "cost": 0.0, "currency": None},
        {**row, "cost": 1.5, "currency": "USD"},
    ]


def test_metrics_come_in_order_and_keep_nan_and_infinity(store: Store) -> None:
    def metric(n: int, value: float) -> dict[str, Any]:
        where = {"run": "r1", "step": "vqe", "unit": 0, "name": "energy"}
        return {"kind": "metric", "ts": T + n, **where, "value": value, "n": n}

    values: list[Any] = [0.1, float("nan"), float("-inf")]
    values += [np.float64(2), np.float32("inf")]
    store.append([metric(n, v) for n, v in enumerate(values)])
    found = [row["value"] for row in store.query("metrics", run="r1")]
    assert repr(found) == "[0.1, nan, -inf, 2.0, inf]"
    nan = one(store, "SELECT count(*) AS n FROM qf_metrics WHERE isnan(value)")
    assert nan == {"n": 1}


def test_runs_of_a_name_are_numbered_by_their_start(store: Store) -> None:
    for run, name, ts in [("c", "t1", 3), ("a", "t1", 1), ("b", "rabi", 2)]:
        store.append([{"kind": "run", "run": run, "name": name, "ts": T + ts}])
    found = store.sql("SELECT run, name, number FROM qf_runs ORDER BY run")
    assert found.to_pylist() == [
        {"run": "a", "name": "t1", "number": 1},
        {"run": "b", "name": "rabi", "number": 1},
        {"run": "c", "name": "t1", "number": 2},
    ]
    assert store.latest_run("t1") == "c"
    assert store.latest_run("nothing") is None
    assert [row["run"] for row in store.query("history", name="t1")] == ["c", "a"]
    assert [row["run"] for row in store.query("history", limit=1)] == ["c"]


def test_a_run_comes_back_as_it_was_recorded(store: Store) -> None:
    store.append([RUN])
    found = store.run_record("r1")
    asked = {key: found[key] for key in RUN if key != "kind"}
    assert asked == {key: value for key, value in RUN.items() if key != "kind"}
    assert found["state"] == "unfinished"
    with pytest.raises(UnknownRun, match="the store has no run 'r2'; see '%qflow hist"):
        store.run_record("r2")


def test_a_run_taken_up_again_is_one_run(store: Store) -> None:
    """Started, ended as failed, taken up by another process, a point done at last."""
    store.append([RUN, unit("p", 0, "failed"), {**END, "state": "failed"}])
    again = {**RUN, "ts": T + 10, "epoch": 2, "pid": 8}
    store.append([again])
    assert store.query("history")[0]["state"] == "unfinished"
    store.append([unit("p", 0, ts=T + 11, attempt=2), {**END, "ts": T + 12}])
    (row,) = store.query("history")
    assert (row["state"], row["points"], row["failed"]) == ("done", 1, 0)
    assert (row["started"], row["number"]) == (T, 1)
    (point,) = store.units("r1")
    assert (point["state"], point["attempt"]) == ("done", 2)


VALUES = [
    0.5,
    np.float64(0.25),
    {"t1": 1e-4},
    [1, 2],
    "text",
    "7",
    True,
    np.int64(3),
    None,
    np.arange(1000),
    QuantumCircuit(2),
]


def test_points_come_back_with_their_values(store: Store) -> None:
    store.append([unit("p", i, value=store.put(v)) for i, v in enumerate(VALUES)])
    points = store.units("r1")
    found = [store.get(json.loads(point["value"])) for point in points]
    assert found[:9] == VALUES[:9]
    np.testing.assert_array_equal(found[9], VALUES[9])
    assert found[10] == VALUES[10]
    assert json.loads(points[1]["point"]) == {"delay": 0.5}
    assert points[1]["index"] == [1]


def test_small_values_can_be_read_and_plotted_in_sql(store: Store) -> None:
    store.append([unit("p", i, value=store.put(v)) for i, v in enumerate(VALUES)])
    rows = store.sql("SELECT value, scalar, media FROM qf_points ORDER BY unit")
    json_media = "application/json"
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        ("0.5", 0.5, json_media),
        ("0.25", 0.25, json_media),
        ('{"t1":0.0001}', None, json_media),
        ("[1,2]", None, json_media),
        ('"text"', None, json_media),
        ('"7"', None, json_media),
        ("true", None, json_media),
        ("3", 3.0, json_media),
        ("null", None, json_media),
        (None, None, "application/x-npy"),
        (None, None, "application/vnd.qiskit.qpy"),
    ]


def test_a_large_value_is_kept_once_and_checked(store: Store) -> None:
    first, second = store.put(np.arange(1000)), store.put(np.arange(1000))
    assert first == second
    assert first is not None
    name = first["ref"].removeprefix("sha256:")
    path = store.home / "values" / name[:2] / name
    assert [p for p in (store.home / "values").rglob("*") if p.is_file()] == [path]
    assert path.stat().st_size == first["bytes"] == 8128
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(JournalDamaged, match=f"{name} has changed; run its step again"):
        store.get(first)
    store.put(np.arange(1000))
    np.testing.assert_array_equal(store.get(first), np.arange(1000))
    path.unlink()
    with pytest.raises(JournalDamaged, match=f"{name} is gone; run its step again"):
        store.get(first)
    store.put(np.arange(1000))
    np.testing.assert_array_equal(store.get(first), np.arange(1000))


def test_a_value_without_a_place_lives_in_memory_only(store: Store) -> None:
    assert store.put(object()) is None


def test_records_come_in_once_however_often_they_are_taken(store: Store) -> None:
    for index in range(3):
        store.append([unit("p", index)])
        taken = 2 if index == 0 else 1
        assert [store.ingest(), store.ingest()] == [taken, 0]
    kept = one(store, "SELECT count(*) AS rows FROM rec_unit")
    assert kept == {"rows": 3}
    (path,) = (store.home / "journal").iterdir()
    read = store.sql('SELECT journal, "offset", seq FROM ingest_offset').to_pylist()
    assert read == [{"journal": path.name, "offset": path.stat().st_size, "seq": 4}]


def test_text_that_no_database_likes_is_kept(store: Store) -> None:
    texts = ["a\nb", "\x00", "é\u2028", "<script>'\"", "\udc80", "x" * 100_000]
    store.append([unit("p", i, error=text) for i, text in enumerate(texts)])
    found = [row["error"] for row in store.units("r1")]
    assert found == [*texts[:4], "?", texts[5]]


def test_records_of_unknown_kinds_and_versions_are_kept_aside(store: Store) -> None:
    store.append([{"kind": "dream", "x": 1}, {**RUN, "v": 2}, RUN])
    rows = store.sql("SELECT kind, record FROM rec_other WHERE kind <> 'header'")
    found = {row["kind"]: json.loads(row["record"]) for row in rows.to_pylist()}
    assert found["dream"]["x"] == 1
    assert found["run"]["v"] == 2
    assert len(store.query("history")) == 1


def test_a_field_of_the_wrong_type_does_not_stop_the_rest(store: Store) -> None:
    store.append([unit("p", 0, attempt="many"), unit("p", 1)])
    assert [row["attempt"] for row in store.units("r1")] == [None, 1]


REFUSED = {
    "SELECT nam FROM qf_runs": (
        'Binder Error: Referenced column "nam" not found in FROM clause!'
        ' Candidate bindings: "name"'
    ),
    "SELECT 1 FROM qf_run": (
        "Catalog Error: Table with name qf_run does not exist!"
        ' Did you mean "qf_runs"?'
    ),
    "": "this SQL gives no rows; write a SELECT",
    "SELEC 1": 'Parser Error: syntax error at or near "SELEC"',
    "DELETE FROM rec_run": "Invalid Input Error: Cannot execute statement",
    "CREATE TABLE t (a INT)": "Invalid Input Error: Cannot execute statement",
    "SELECT * FROM read_text('/etc/passwd')": "Permission Error: Cannot access file",
    "SELECT * FROM '/etc/passwd'": "Catalog Error: Table with name /etc/passwd does",
    "COPY qf_runs TO '/tmp/out.csv'": "Permission Error: ",
    "ATTACH '/tmp/x.duckdb'": "Permission Error: ",
    "INSTALL httpfs": "Permission Error: ",
    "SET memory_limit = '100GB'": "Invalid Input Error: Cannot change configuration",
    "SELECT ?": "",  # DuckDB 1.5 and 2 say this in other words
    "SELECT error('a\nb')": "Invalid Input Error: a b",
    "SELECT * FROM frame": "Catalog Error: Table with name frame does not exist!",
}


@pytest.mark.parametrize("query", REFUSED)
def test_sql_that_is_wrong_or_unsafe_is_refused_in_one_line(
    store: Store, query: str
) -> None:
    frame = pa.table({"x": [1]})
    store.append([RUN])
    with pytest.raises(BadQuery) as caught:
        store.sql(query)
    assert frame.num_rows == 1
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(REFUSED[query])
    assert one(store, "SELECT count(*) AS n FROM qf_runs") == {"n": 1}


def test_sql_takes_parameters_by_place_and_by_name(store: Store) -> None:
    store.append([RUN])
    assert one(store, "SELECT run FROM qf_runs WHERE name = ?", "bell") == {"run": "r1"}
    found = store.sql("SELECT run FROM qf_runs WHERE name = $n", {"n": "x' OR 1=1"})
    assert found.to_pylist() == []


def test_a_named_query_refuses_what_it_does_not_know(store: Store) -> None:
    with pytest.raises(BadQuery, match="no named query 'histroy'; did you mean 'hist"):
        store.query("histroy")
    with pytest.raises(
        BadQuery, match="query 'steps' has no parameter 'runs'; did you"
    ):
        store.query("steps", runs="r1")


def test_times_are_points_in_time(store: Store) -> None:
    store.append([RUN])
    (row,) = store.sql("SELECT started FROM qf_runs").to_pylist()
    assert row["started"].timestamp() == T


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["write", "read"])
def test_a_foreign_program_on_the_database_stops_nothing_but_sql(
    store: Store, how: str
) -> None:
    store.append([RUN])
    store.ingest()
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDER, str(store.database), how]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        store.append([END], sync=True)
        assert store.ingest() == 0
        assert [row["state"] for row in store.query("history")] == ["done"]
        with pytest.raises(StoreLocked) as caught:
            store.sql("SELECT 1")
        assert caught.value.facts["pid"] == holder.pid
        with pytest.raises(StoreLocked, match=rf"\(PID {holder.pid}\)"):
            store.rebuild()
        assert re.fullmatch(
            rf"{store.database} is held open by python[\d.]* \(PID {holder.pid}\);"
            r" close it there \(recording goes on meanwhile\)",
            str(caught.value),
        )
        holder.communicate()
    assert store.ingest() == 1
    assert one(store, "SELECT state FROM qf_runs") == {"state": "done"}


def test_a_connection_of_this_very_process_is_named_too(store: Store) -> None:
    store.append([RUN])
    store.ingest()
    store.append([END])
    with duckdb.connect(str(store.database)):
        with pytest.raises(StoreLocked, match="held open by this very process"):
            store.sql("SELECT 1")
        assert [row["state"] for row in store.query("history")] == ["done"]
    assert one(store, "SELECT state FROM qf_runs") == {"state": "done"}


def test_a_lost_database_is_made_anew_from_the_journals(store: Store) -> None:
    store.append([RUN, unit("p", 0), END])
    before = store.query("history")
    store.database.unlink()
    Path(f"{store.database}.wal").write_bytes(b"left behind by a crash")
    assert store.query("history") == before
    assert store.rebuild() == 4
    assert store.query("history") == before


def test_a_database_that_somebody_began_anew_and_left_is_filled(store: Store) -> None:
    store.append([RUN, unit("p", 0), END])
    before = store.query("history")
    store.database.unlink()
    with duckdb.connect(str(store.database)) as connection:
        store_schema.prepare(connection)
    assert store.query("history") == before


def test_a_database_that_knows_more_than_its_journals_is_made_anew(
    store: Store,
) -> None:
    """DuckDB syncs what it has taken in; a power cut then shortens the journal."""
    store.append([RUN, unit("p", 0)], sync=True)
    (path,) = (store.home / "journal").iterdir()
    synced = path.stat().st_size
    store.append([unit("p", 1), END])
    assert store.ingest() == 5
    os.truncate(path, synced)
    with Store(store.home) as later:
        later.append([unit("p", 2)])
        assert [row["unit"] for row in later.units("r1")] == [0, 2]
        assert later.query("history")[0]["state"] == "unfinished"
        assert later.ingest() == 0


def test_a_damaged_database_says_how_to_make_it_anew(store: Store) -> None:
    store.append([RUN])
    store.ingest()
    store.database.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="delete it, the next question makes it"):
        store.sql("SELECT 1")
    store.database.unlink()
    assert one(store, "SELECT name FROM qf_runs") == {"name": "bell"}
    store.database.write_bytes(b"not a database" * 1000)
    assert store.rebuild() == 2
    assert one(store, "SELECT name FROM qf_runs") == {"name": "bell"}


def test_a_damaged_record_is_passed_over_once_and_named(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.append([RUN, unit("p", 0), unit("p", 1), END], sync=True)
    (path,) = (store.home / "journal").iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"unit":0', b'"unit":8')
    path.write_bytes(b"".join(lines))
    offset = len(lines[0]) + len(lines[1])
    told = f"{path} is damaged at byte {offset}: the checksum does not match;"
    assert [row["unit"] for row in store.units("r1")] == [1]
    assert store.query("history")[0]["state"] == "done"
    assert [message for message in caplog.messages if message.startswith(told)] == [
        f"{told} the records around it are kept"
    ]
    damage = one(store, 'SELECT journal, "offset", length FROM journal_damage')
    expected = {"journal": path.name, "offset": offset, "length": len(lines[2])}
    assert damage == expected
    with pytest.raises(JournalDamaged) as caught:
        store.verify()
    assert str(caught.value).startswith(told)
    assert caught.value.facts == {"file": str(path), "offset": offset}


def test_a_checksum_over_rubbish_does_not_stop_the_rest(store: Store) -> None:
    """Lines with a right checksum that are not JSON, or not even text."""
    from quantumflow_lab._fallback_journal import frame

    lines = [
        frame("w", n, p) for n, p in enumerate([b"{]}", b"{\xff}", b'{"\\ud800"}'])
    ]
    (store.home / "journal" / "w-00000.jsonl").write_bytes(b"".join(lines))
    store.append([RUN])
    assert store.ingest() == 5
    assert len(store.query("history")) == 1
    assert one(store, "SELECT count(*) AS n FROM rec_other") == {"n": 4}


def test_a_newer_store_is_refused_with_what_to_do(store: Store) -> None:
    store.append([RUN])
    store.ingest()
    with duckdb.connect(str(store.database)) as connection:
        connection.execute("INSERT INTO schema_migration VALUES (99, 'x', '', now())")
    store.append([END])
    with pytest.raises(
        StoreTooNew, match=r"\(schema 99, this version knows \d+\); pip"
    ):
        store.ingest()


def test_migrations_go_forward_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([RUN])
    store.ingest()
    later = (10, "colour", "ALTER TABLE rec_run ADD COLUMN colour VARCHAR")
    newer = (*store_schema.migrations(), later)
    monkeypatch.setattr(store_schema, "migrations", lambda: newer)
    for _ in range(2):
        store.append([{**RUN, "run": "r2", "colour": "red"}])
        store.ingest()
    rows = store.sql(
        "SELECT DISTINCT run, colour FROM rec_run ORDER BY run"
    ).to_pylist()
    assert rows == [{"run": "r1", "colour": None}, {"run": "r2", "colour": "red"}]
    applied = store.sql("SELECT version, name FROM schema_migration").to_pylist()
    assert applied == [
        {"version": 9, "name": "sessions"},
        {"version": 10, "name": "colour"},
    ]


def test_the_file_is_one_that_duckdb_1_5_reads(store: Store) -> None:
    store.append([RUN])
    store.ingest()
    found = store.sql(
        "SELECT tags FROM duckdb_databases() WHERE database_name = 'store'"
    )
    assert "v1.5" in str(found.to_pylist())


def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from quantumflow_lab.store import Store\n"
        f"store = Store({str(tmp_path / 'home')!r})\n"
        "store.append([{'kind': 'run', 'run': 'r'}], sync=True)\n"
        "print(sorted({'duckdb', 'pyarrow'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_views_are_documented_column_by_column(store: Store) -> None:
    store.append([RUN])
    rows = store.sql(
        "SELECT table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE starts_with(table_name, 'qf_') ORDER BY table_name, column_index"
    )
    actual: dict[str, list[tuple[str, str]]] = {}
    for row in rows.to_pylist():
        column = row["column_name"], row["data_type"]
        actual.setdefault(row["table_name"], []).append(column)
    documented: dict[str, list[tuple[str, str]]] = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n### `")[1:]:
        name = section.partition("`")[0]
        cells = re.findall(
            r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE
        )
        documented[name] = [(column, kind) for column, kind in cells]
    assert documented == actual


CALIBRATION = {
    "v": 1,
    "kind": "calibration",
    "run": "r1",
    "ts": T,
    "backend": "fake_manila",
    "calibrated": "2026-01-02",
    "num_qubits": 5,
    "data": {"qubits": [{"t1": 1e-4}], "gates": {"cx": {"0,1": {"error": 0.01}}}},
}


def test_the_documented_sql_runs(store: Store) -> None:
    store.append([RUN, unit("p", 0, value=store.put(0.5)), CALIBRATION, END])
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 3
    for example in examples:
        assert store.sql(example).num_rows == 1, example


def test_the_home_is_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    (project / ".qflow").mkdir()
    assert find_home(tmp_path / "given", cwd=deep) == tmp_path / "given"
    monkeypatch.setenv("QFLOW_HOME", str(tmp_path / "set"))
    assert find_home(cwd=deep) == tmp_path / "set"
    monkeypatch.delenv("QFLOW_HOME")
    assert find_home(cwd=deep) == project / ".qflow"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert find_home(cwd=Path("/")).name == "quantumflow-lab"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_home_of_somebody_else_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QFLOW_HOME")
    (tmp_path / ".qflow").mkdir()
    os.chown(tmp_path / ".qflow", 12345, 12345)
    assert find_home(cwd=tmp_path) != tmp_path / ".qflow"


def test_a_new_home_is_private_and_out_of_git(tmp_path: Path) -> None:
    with Store(tmp_path / "new" / "home") as store:
        assert store.home.stat().st_mode & 0o777 == 0o700
        assert (store.home / ".gitignore").read_text() == "*\n"
        assert list((store.home / "journal").iterdir()) == []


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeNotWritable) as caught:
        Store(tmp_path / "file" / "home")
    assert str(caught.value) == (
        f"cannot write the lab's home {tmp_path}/file/home: Not a directory;"
        " choose another one with QFLOW_HOME=<folder>"
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_read_only_home_says_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Store(home).close()
    tmp_path.chmod(0o755)
    home.chmod(0o755)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from quantumflow_lab.errors import HomeNotWritable\n"
        "from quantumflow_lab.store.home import prepare_home\n"
        "import os\nos.setuid(65534)\n"
        "try:\n    prepare_home(Path(sys.argv[1]))\n"
        "except HomeNotWritable as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(home)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == (
        f"cannot write the lab's home {home}: Permission denied;"
        " choose another one with QFLOW_HOME=<folder>\n"
    )


def test_a_network_home_keeps_its_database_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    share = tmp_path / "the share"
    mounts = tmp_path / "mounts"
    escaped = str(share).replace(" ", "\\040")
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {escaped} nfs4 rw 0 0\n")
    assert file_system(share / "home", mounts) == "nfs4"
    assert file_system(tmp_path, mounts) == "ext4"
    assert database_path(tmp_path, mounts) == tmp_path / "store.duckdb"
    local = database_path(share / "home", mounts)
    assert local.name == "store.duckdb"
    assert share not in local.parents
    assert local == database_path(share / "home", mounts)
    assert local != database_path(share / "other", mounts)


def begun(run: str) -> dict[str, Any]:
    return {"kind": "run", "run": run, "ts": T, "name": "n"}


def test_rebuild_refuses_to_lose_what_only_the_database_has(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.append([begun("r")])
        assert store.ingest()
    for journal in (tmp_path / "journal").iterdir():
        journal.unlink()
    with Store(tmp_path) as store:
        with pytest.raises(
            StoreError,
            match=r"has records of 1 journals that are gone, such as .*\.jsonl, and "
            r"would lose them: keep them by qflow store export FOLDER, then type qflow "
            "store rebuild --force",
        ):
            store.rebuild()
        assert store.query("names") == [{"name": "n"}]
        store.rebuild(force=True)
        assert store.query("names") == []


def test_a_journal_that_is_deleted_under_its_writer_is_told(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.begin(begun("r"))
        for journal in (tmp_path / "journal").iterdir():
            journal.unlink()
        with pytest.raises(
            StoreError,
            match="was deleted, and what it had is lost; from now on records",
        ):
            store.begin(begun("s"))
        store.begin(begun("t"))
        assert [row["run"] for row in store.sql("SELECT run FROM qf_runs").to_pylist()]


GONE = r"journal is gone: was the home renamed or removed\? Put it back, or restart"


def test_a_home_that_was_removed_is_told_alike_by_writing_and_reading(
    tmp_path: Path,
) -> None:
    with Store(tmp_path / "home") as store:
        store.begin(begun("r"))
        shutil.rmtree(tmp_path / "home")
        for write in (store.sync, lambda: store.begin(begun("s"))):
            with pytest.raises(StoreError, match=GONE):
                write()
        with pytest.raises(StoreError, match=GONE):
            store.query("history")


def test_a_home_that_was_renamed_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Store(home) as store:
        store.begin(begun("r"))
        home.rename(tmp_path / "other")
        with pytest.raises(StoreError, match=GONE):
            store.query("history")
        (tmp_path / "other").rename(home)
        assert len(store.query("names")) == 1
