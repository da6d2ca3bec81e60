"""Runs that are forgotten: what goes, what stays, and what is said about it."""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.cli import main
from quantumflow_lab.errors import BadOption, JournalDamaged, MagicLineError, UnknownRun
from quantumflow_lab.forgetting import Forgotten
from quantumflow_lab.magics.commands import Commands
from quantumflow_lab.magics.forgets import forget_options
from quantumflow_lab.store import Store
from quantumflow_lab.store.journals import Journal, packed
from quantumflow_lab.store.lease import take
from quantumflow_lab.store.packing import host_mark
from quantumflow_lab.store.sweeping import YOUNG, sweep

T = datetime(2024, 5, 10, 12, tzinfo=UTC).timestamp()
DAY = 86400.0
GONE = 2**22 + 1
"""A number that no process has."""
VIEWS = ("points", "jobs", "steps", "runs", "metrics", "costs", "quotes")


def run_of(
    run: str, day: float, *, name: str = "n", value: Any = None, cost: float = 0.0
) -> list[dict[str, Any]]:
    """Everything that a run with one point and one job records."""
    ts = T + day * DAY
    base = {"v": 1, "run": run, "ts": ts}
    where = {**base, "step": "s"}
    job = {"job": 0, "tag": f"{run}.0", "backend": "dev", "submitted": ts}
    price = {"cost": cost, "currency": "USD", "shots": 10}
    return [
        {**base, "kind": "run", "name": name, "source": f"text of {run}"},
        {**where, "kind": "quote", "backend": "dev", "points": 1},
        {**base, "kind": "calibration", "backend": "dev", "calibrated": run},
        {**where, "kind": "job", "state": "settled", **job, **price},
        {**where, "kind": "unit", "unit": 0, "state": "done", "value": value},
        {**where, "kind": "call", "unit": 0, "key": "k", "number": 0},
        {**where, "kind": "metric", "unit": 0, "name": "e", "n": 0, "value": 1.0},
        {**where, "kind": "output", "mime": "text/plain", "text": f"said by {run}"},
        {**where, "kind": "step", "state": "done", "points": 1, "done": 1},
        {**where, "kind": "dream", "of": run},
        {**base, "kind": "end", "ts": ts + 60, "state": "done", "wall_s": 60.0},
    ]


def write(home: Path, *records: dict[str, Any], writer: str = "w") -> Path:
    """A journal that a process has left which is gone; the file of it."""
    header = json.dumps({"host": host_mark(), "pid": GONE}).encode()
    journal = Journal(home / "journal", writer, header=header)
    journal.append([json.dumps(r).encode() for r in records])
    journal.close()
    return home / "journal" / f"{writer}-00000.jsonl"


def everything(store: Store) -> dict[str, list[str]]:
    found = {view: store.sql(f"FROM qf_{view}").to_pylist() for view in VIEWS}
    tables = store.sql(
        "SELECT table_name AS name FROM duckdb_tables()"
        " WHERE name LIKE 'rec_%' OR name LIKE 'current_%'"
    ).to_pylist()
    for row in tables:
        if row["name"] != "rec_other":
            found[row["name"]] = store.sql(f"FROM {row['name']}").to_pylist()
    return {
        name: sorted(json.dumps(row, default=str) for row in rows)
        for name, rows in found.items()
    }


def old(path: Path) -> None:
    then = time.time() - 2 * YOUNG
    os.utime(path, (then, then))


@pytest.fixture
def lab(home: Path) -> Any:
    lab = Lab(home)
    yield lab
    lab.close()


def numbers(lab: Lab) -> dict[str, int]:
    return {row["run"]: row["number"] for row in lab.runs()}


def test_without_a_yes_it_tells_what_would_go_and_nothing_goes(
    lab: Lab, home: Path
) -> None:
    value = lab.store.put(list(range(2000)))
    assert value is not None
    write(
        home,
        *run_of("r1", 0, value=value, cost=1.25),
        *run_of("r2", 1, cost=0.5),
        *run_of("r3", 40, cost=0.25),
        *run_of("r4", 60),
    )
    before = everything(lab.store)
    found = lab.forget("2024-07-01")
    assert found.dry_run
    assert found.runs == ("r1", "r2", "r3")
    assert (found.points, found.bytes) == (3, value["bytes"])
    assert repr(found).splitlines() == [
        "3 runs that ended before 2024-07-01 00:00 would go",
        f"3 points, {value['bytes']:,} bytes of values",
        "costs of 2024-05: 1.75 USD",
        "costs of 2024-06: 0.25 USD",
        "nothing is deleted yet; type it again with --yes to forget",
    ]
    assert everything(lab.store) == before


def test_what_is_forgotten_is_in_no_answer_and_the_rest_is_as_it_was(
    lab: Lab, home: Path
) -> None:
    write(home, *run_of("r1", 0), *run_of("r2", 9))
    write(home, *run_of("r3", 0, name="m"), writer="w2")
    before = everything(lab.store)
    found = lab.forget("2024-05-15", "n", dry_run=False)
    assert found.runs == ("r1",)
    assert repr(found).splitlines() == [
        "1 run that ended before 2024-05-15 00:00 forgotten",
        "1 point, 0 bytes of values",
        "'qflow store compact' erases them and gives back the room",
    ]
    after = everything(lab.store)
    for name, rows in before.items():
        if name not in ("rec_forget", "rec_calibration"):
            assert after[name] == [row for row in rows if '"r1' not in row], name
    assert len(after["rec_calibration"]) == 3
    others = lab.sql("SELECT record FROM rec_other WHERE kind = 'dream'").to_pylist()
    assert sorted(json.loads(row["record"])["of"] for row in others) == ["r2", "r3"]
    with pytest.raises(UnknownRun):
        lab.load("r1")
    lab.store.rebuild()
    assert everything(lab.store) == after
    assert repr(lab.forget("2024-05-15", "n", dry_run=False)) == (
        "no run to forget ended before 2024-05-15 00:00"
    )


@pytest.mark.parametrize("seed", range(4))
def test_in_which_order_records_arrive_makes_no_difference(
    seed: int, home: Path
) -> None:
    dice = random.Random(seed)
    tombstone = {"kind": "forget", "v": 1, "run": "r1", "ts": T, "name": "n"}
    records = [*run_of("r1", 0), *run_of("r2", 1), {**tombstone, "started": T}]
    dice.shuffle(records)
    with Store(home) as store:
        for at, record in enumerate(records):
            write(home, record, writer=f"w{at}")
            if dice.random() < 0.5:
                store.ingest()
        found = everything(store)
        assert len(found["rec_forget"]) == 1
        for name, rows in found.items():
            if name not in ("rec_forget", "rec_calibration"):
                assert not any('"r1' in row for row in rows), name
        assert json.loads(found["runs"][0])["number"] == 2
        store.rebuild()
        assert everything(store) == found


def test_later_runs_keep_their_numbers(lab: Lab, home: Path) -> None:
    write(home, *run_of("r1", 0), *run_of("r2", 1), *run_of("r3", 2))
    assert numbers(lab) == {"r1": 1, "r2": 2, "r3": 3}
    lab.forget("2024-05-12", dry_run=False)
    assert numbers(lab) == {"r3": 3}
    write(home, *run_of("r4", 3), writer="w2")
    assert numbers(lab) == {"r3": 3, "r4": 4}
    # The same tombstone of two processes counts once.
    again = {"kind": "forget", "v": 1, "run": "r1", "ts": T + 9, "name": "n"}
    write(home, {**again, "started": T}, writer="w3")
    assert numbers(lab) == {"r3": 3, "r4": 4}


def test_runs_that_have_not_ended_or_are_held_or_have_open_jobs_stay(
    lab: Lab, home: Path
) -> None:
    unfinished = run_of("r1", 0)[:-1]
    sent = {**run_of("r2", 1)[3], "state": "sent", "ts": T + 9 * DAY}
    write(home, *unfinished, *run_of("r2", 1), sent, *run_of("r3", 2))
    lease = take(home / "runs", "r3")
    at_a_device = "has 1 job at a device; %qflow resume r2 fetches what came"
    for dry_run in (True, False):
        found = lab.forget("1d", dry_run=dry_run)
        assert repr(found).splitlines()[1:] == [
            "kept: run 1 of 'n' is unfinished; %qflow resume r1 goes on with it",
            f"kept: run 2 of 'n' {at_a_device}",
            "kept: run 3 of 'n' is held",
        ]
        assert found.runs == ()
        assert len(lab.runs()) == 3
    lease.release()
    assert lab.forget("1d", dry_run=False).runs == ("r3",)
    assert [path.name for path in (home / "runs").iterdir()] == []


def test_a_run_that_was_taken_up_meanwhile_stays(
    lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process resumed and left it after the runs had been listed."""
    write(home, *run_of("r1", 0), *run_of("r2", 0))
    asked = []
    query = lab.store.query

    def resumed(name: str, /, **params: Any) -> Any:
        if name == "ended_before":
            asked.append(name)
            if len(asked) == 2:
                again = {**run_of("r1", 0)[0], "ts": T + 9 * DAY}
                write(home, again, writer="w2")
        return query(name, **params)

    monkeypatch.setattr(lab.store, "query", resumed)
    assert lab.forget("1d", dry_run=False).runs == ("r2",)
    assert [row["state"] for row in lab.runs()] == ["unfinished"]


def test_compact_erases_what_was_forgotten_and_moves_no_offset(
    lab: Lab, home: Path
) -> None:
    path = write(home, *run_of("r1", 0), *run_of("r2", 9))
    with path.open("ab") as file:
        file.write(b'{"c":"00000000","e":{"eid":"w-9","run":"r1"}}\n{"c":"torn')
    with pytest.raises(JournalDamaged, match="checksum"):
        lab.store.verify()
    count = lab.store.rebuild()
    plain = path.read_bytes()
    lab.forget("2024-05-15", dry_run=False)
    before = everything(lab.store)
    done = lab.compact()
    # One calibration stays: later runs of the process do not record it again.
    assert done.erased == len(run_of("r1", 0)) - 1
    now = gzip.decompress(packed(path).read_bytes())
    assert (len(now), now.count(b"\n")) == (len(plain), plain.count(b"\n"))
    assert b"text of r1" not in now
    assert b"text of r2" in now
    assert now.endswith(plain[plain.rindex(b'{"c":"00000000"') :])
    assert packed(path).stat().st_mode & 0o777 == 0o600
    assert everything(lab.store) == before
    # The header of its own journal, and the tombstone.
    assert lab.store.rebuild() == count + 2
    assert everything(lab.store) == before
    rows = lab.sql("SELECT kind FROM rec_other WHERE kind = 'forgotten'").to_pylist()
    assert rows == []
    assert lab.compact().erased == 0


def test_erased_journals_verify(lab: Lab, home: Path) -> None:
    write(home, *run_of("r1", 0), *run_of("r2", 9))
    lab.forget("2024-05-15", dry_run=False)
    count = lab.store.verify()
    lab.compact()
    assert lab.store.verify() == count


def test_a_database_that_has_read_half_of_it_goes_on_with_the_other_half(
    home: Path,
) -> None:
    """As on another machine, whose database knows nothing of the erasing."""
    with Store(home) as store:
        path = write(home, *run_of("r1", 0)[:5])
        store.ingest()
        half = store.database.read_bytes()
        path.unlink()
        write(home, *run_of("r1", 0), *run_of("r2", 9))
        store.rebuild()
        tombstone = {"kind": "forget", "run": "r1", "ts": T, "name": "n"}
        store.append([{**tombstone, "started": T}], sync=True)
        assert store.compact().erased == len(run_of("r1", 0)) - 1
        assert packed(path).exists()
        found = everything(store)
        store.database.write_bytes(half)
        store.ingest()
        assert everything(store) == found
        assert store.sql("FROM journal_damage").num_rows == 0


def test_values_of_forgotten_runs_go_and_those_that_others_have_stay(
    lab: Lab, home: Path
) -> None:
    put = lab.store.put
    mine, both, late, young = (put([i] * 2000) for i in range(4))
    deep = put(["deep"] * 500)
    asked = put({"pubs": deep, "more": ["x"] * 900})
    cached = put(["cached"] * 500)
    for ref in (mine, both, late, deep, asked, cached, young):
        assert ref is not None
        assert ref["ref"].startswith("sha256:")
    files = {
        path.name: path for path in (home / "values").glob("??/*") if path.is_file()
    }

    def file(ref: Any) -> Path:
        return files[ref["ref"].removeprefix("sha256:")]

    job = {**run_of("r2", 9)[3], "state": "settled", "asked": asked}
    write(
        home,
        *run_of("r1", 0, value=mine),
        *run_of("r0", 0, value=both),
        *run_of("r2", 9, value=both),
        *run_of("r3", 0, value=young),
        job,
        *run_of("r4", 9, value=late),
    )
    cache = home / "cache" / "results.jsonl"
    cache.parent.mkdir(exist_ok=True)
    cache.write_text(json.dumps({"value": cached}) + "\n")
    lab.forget("2024-05-15", dry_run=False)
    for path in files.values():
        if path != file(young):
            old(path)
    done = lab.compact()
    gone = {path for path in files.values() if not path.exists()}
    assert gone == {file(mine)}
    assert done.values == (1, mine["bytes"])
    for ref in (both, late, deep, asked, cached, young):
        lab.store.get(ref)
    old(file(young))
    lab.store.put([3] * 2000)  # its record comes in a moment
    lab.store.sync()
    assert lab.compact().values == (0, 0)
    old(file(young))
    cache.unlink()
    assert lab.compact().values == (2, young["bytes"] + cached["bytes"])


def test_no_value_goes_while_a_run_goes_on(lab: Lab, home: Path) -> None:
    value = lab.store.put(["x"] * 2000)
    assert value is not None
    write(home, *run_of("r1", 0, value=value))
    lab.forget("1d", dry_run=False)
    (path,) = (home / "values").glob("??/*")
    old(path)
    lease = take(home / "runs", "another")
    assert lab.compact().values == (0, 0)
    lease.release()
    assert lab.compact().values == (1, value["bytes"])


def test_values_stay_where_nothing_was_forgotten(lab: Lab, home: Path) -> None:
    value = lab.store.put(["x"] * 2000)
    (path,) = (home / "values").glob("??/*")
    old(path)
    assert lab.compact().values == (0, 0)
    assert value is not None
    lab.store.get(value)


def test_a_value_that_a_kill_has_left_aside_comes_back(lab: Lab, home: Path) -> None:
    value = lab.store.put(["x"] * 2000)
    assert value is not None
    write(home, *run_of("r1", 0), *run_of("r2", 9, value=value))
    (path,) = (home / "values").glob("??/*")
    old(path)
    path.rename(path.with_name(path.name + ".aside"))
    assert sweep(home) == (0, 0)
    assert lab.store.get(value) == ["x"] * 2000


CELL = """
from qiskit import QuantumCircuit
theta = qf.axis([0.3, 0.9])

@qf.sample(shots=4000, cache=True)
def counts(theta):
    qc = QuantumCircuit(12)
    for qubit in range(12):
        qc.ry(theta, qubit)
    qc.measure_all()
    return qc

@qf.step
def shown(counts):
    return counts.data.meas.get_counts()
"""


def go(
    home: Path, name: str = "k", cell: str = CELL
) -> tuple[str, dict[str, Any], Any]:
    """Run a cell in a lab of its own: id, step by step what it took, values."""
    lab = Lab(home)
    try:
        run = lab.run(cell, name=name)
        run.raise_failure()
        steps = {step["name"]: step for step in run.snapshot()["steps"]}
        return run.id, steps, list(run["shown"])
    finally:
        lab.close()


def forget_all(home: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As after months: the processes are gone, what they have left is old."""
    monkeypatch.setattr("quantumflow_lab.store.packing.is_alive", lambda pid: False)
    lab = Lab(home)
    now = datetime.now(UTC)
    for name in names:
        lab.forget(now, name, dry_run=False)
    for path in (home / "values").glob("??/*"):
        old(path)
    lab.compact()
    lab.close()


def test_a_point_that_was_kept_outlives_the_run_that_made_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, values = go(home)
    moment = datetime.now(UTC)
    second, steps, _ = go(home)
    assert steps["counts"]["kept"]["count"] == 2
    monkeypatch.setattr("quantumflow_lab.store.packing.is_alive", lambda pid: False)
    lab = Lab(home)
    assert lab.forget(moment, dry_run=False).runs == (first,)
    for path in (home / "values").glob("??/*"):
        old(path)
    assert lab.compact().erased > 0
    run = lab.load("k")
    assert run.id == second
    assert list(run["shown"]) == values
    assert "kept" in repr(run)
    assert run._repr_html_()
    assert lab.runs()[0]["number"] == 2
    lab.close()
    third, steps, again = go(home)
    assert steps["counts"]["kept"]["count"] == 2
    assert again == values
    assert third != second


def test_results_of_forgotten_runs_are_taken_or_taken_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, values = go(home, "a")
    forget_all(home, monkeypatch, "a")
    # The cache still has them, and so their values are there.
    _, steps, again = go(home, "b")
    assert steps["counts"]["cached"] is None or steps["counts"]["jobs"] == 0
    assert again == values
    (home / "cache" / "results.jsonl").rename(home / "kept.jsonl")
    forget_all(home, monkeypatch, "b")
    assert list((home / "values").glob("??/*")) == []
    (home / "kept.jsonl").rename(home / "cache" / "results.jsonl")
    _, steps, anew = go(home, "c")
    assert steps["counts"]["jobs"] > 0
    assert len(anew) == 2
    # And of the name itself nothing is kept.
    _, steps, _ = go(home, "a")
    assert steps["counts"]["kept"] is None


def test_a_run_of_this_process_that_was_forgotten_is_the_past_of_none(
    lab: Lab,
) -> None:
    first = lab.run("@qf.step\ndef a():\n    return 1\n", name="k")
    assert lab.forget(datetime.now(UTC), dry_run=False).runs == (first.id,)
    again = lab.run("@qf.step\ndef a():\n    return 1\n", name="k")
    assert again.snapshot()["steps"][0]["kept"] is None
    assert numbers(lab) == {again.id: 2}


def test_an_empty_store_has_nothing_to_forget(lab: Lab) -> None:
    moment = datetime(2025, 1, 31).astimezone()
    found = lab.forget(moment, dry_run=False)
    assert repr(found) == "no run to forget ended before 2025-01-31 00:00"


@pytest.mark.parametrize("given", ["soon", "90", "", "2026-13-01", "-3d", 90])
def test_what_is_neither_age_nor_date_is_refused(lab: Lab, given: Any) -> None:
    with pytest.raises(BadOption) as caught:
        lab.forget(given)
    assert str(caught.value) == (
        "before must be an age such as '90d' or a date such as '2026-01-31',"
        f" not {given!r}"
    )


def test_a_date_that_is_yet_to_come_is_refused(lab: Lab) -> None:
    day = str(datetime.now(UTC).date() + timedelta(days=3))
    with pytest.raises(BadOption) as caught:
        lab.forget(day)
    assert str(caught.value) == (
        f"before must be a moment that has passed, and {day} has not;"
        " give an age such as '90d', or an earlier date"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--befor 90d",
            "%qflow forget has no option --befor; did you mean '--before'?",
        ),
        ("--before --yes", "--before needs a value, such as --before 90d"),
        ("--yes --name", "--name needs a value, such as --name bell"),
        ("--name n --yes", "write %qflow forget --before 90d, or a date"),
    ],
)
def test_a_line_that_cannot_be_is_refused(line: str, message: str) -> None:
    with pytest.raises(MagicLineError) as caught:
        forget_options(line.split())
    assert str(caught.value).splitlines()[0] == message


def test_in_a_terminal_and_on_the_magic_line(
    lab: Lab,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("quantumflow_lab.cli.lab", lambda: lab)
    monkeypatch.setattr("quantumflow_lab.magics.commands.lab", lambda: lab)
    write(home, *run_of("r1", 0), *run_of("r2", 0, name="m"), *run_of("r3", 0))
    commands: Any = Commands(None)  # type: ignore[arg-type]  # it asks no shell
    found = commands.run("forget --before 90d --name m")
    assert isinstance(found, Forgotten)
    assert (found.runs, found.dry_run) == (("r2",), True)
    assert main(["store", "forget", "--before", "90d", "--name", "n"]) == 0
    assert "type it again with --yes" in capsys.readouterr().out
    assert len(lab.runs()) == 3
    assert main(["store", "forget", "--before", "90d", "--name", "n", "--yes"]) == 0
    assert capsys.readouterr().out.startswith("2 runs that ended before ")
    assert commands.run("forget --before 90d --yes").runs == ("r2",)
    assert lab.runs() == []
    assert main(["store", "forget", "--before", "tomorrow"]) == 1
    assert "BadOption: before must be an age" in capsys.readouterr().err
    assert main(["store", "compact"]) == 0
    assert "forgotten runs: 30 records erased, 0 values" in capsys.readouterr().out
