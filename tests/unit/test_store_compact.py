"""Compacting: less room on the disk, and every record where it was."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from quantumflow_lab.cli import main
from quantumflow_lab.errors import JournalDamaged, StoreLocked
from quantumflow_lab.lab import Lab
from quantumflow_lab.store import Store
from quantumflow_lab.store.journals import Journal
from quantumflow_lab.store.packing import Using, host_mark, pack

T = 1_700_000_000.0
RUN = {"kind": "run", "run": "r1", "ts": T, "name": "n"}
COLUMNS = """
SELECT table_name, column_name, column_index, data_type FROM duckdb_columns()
WHERE NOT internal ORDER BY ALL
"""
GONE = 2**22 + 1
"""A number that no process has."""


def unit(index: int) -> dict[str, Any]:
    where = {"run": "r1", "ts": T, "step": "s", "unit": index}
    return {"kind": "unit", "v": 1, **where, "state": "done"}


def journal_of(
    home: Path, *, pid: int, host: str | None = None, files: int = 2
) -> Path:
    """A journal that some process has left, in several files; the folder of it."""
    folder = home / "journal"
    header = json.dumps({"host": host or host_mark(), "pid": pid}).encode()
    journal = Journal(folder, "w", max_bytes=1, header=header)
    for number in range(files):
        journal.append([json.dumps(unit(number)).encode()])
    journal.close()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("w-"))


def answers(store: Store) -> list[Any]:
    return [store.query("history"), store.query("units", run="r1"), store.verify()]


def test_journals_of_a_writer_that_is_gone_are_packed_and_read_as_before(
    home: Path,
) -> None:
    with Store(home) as store:
        store.append([RUN], sync=True)
        folder = journal_of(home, pid=GONE)
        lines = (folder / "w-00000.jsonl").read_bytes()
        before = answers(store)
        offsets = store.sql("FROM ingest_offset ORDER BY journal").to_pylist()
        done = store.compact()
        assert names(folder) == ["w-00000.jsonl.gz", "w-00001.jsonl.gz"]
        assert gzip.decompress((folder / "w-00000.jsonl.gz").read_bytes()) == lines
        assert (folder / "w-00000.jsonl.gz").stat().st_mode & 0o777 == 0o600
        assert done.journals[0][0] == len(lines)
        assert store.ingest() == 0
        assert answers(store) == before
        rows = store.sql("FROM ingest_offset ORDER BY journal").to_pylist()
        assert rows == offsets
        assert store.rebuild() == before[2]
        assert answers(store) == before
        assert store.compact().journals == []
        store.append([{**RUN, "run": "r2"}])
        assert len(store.query("history")) == 2


def test_a_home_without_journals_has_nothing_to_pack(home: Path) -> None:
    with Store(home) as store:
        assert store.compact().journals == []


def test_journals_that_came_packed_are_taken_in(home: Path) -> None:
    """Such as those of a home that was copied from elsewhere."""
    with Store(home) as store:
        folder = journal_of(home, pid=GONE)
        assert len(pack(folder)) == 2
        assert [row["unit"] for row in store.units("r1")] == [0, 1]


def test_the_file_that_a_process_may_go_on_with_is_left_alone(home: Path) -> None:
    with Store(home) as store:
        folder = journal_of(home, pid=1)
        assert len(store.compact().journals) == 1
        assert names(folder) == ["w-00000.jsonl.gz", "w-00001.jsonl"]


def test_the_journal_of_another_machine_is_left_alone(home: Path) -> None:
    with Store(home) as store:
        folder = journal_of(home, pid=GONE, host="elsewhere", files=1)
        assert store.compact().journals == []
        assert names(folder) == ["w-00000.jsonl"]


def test_a_file_that_somebody_holds_is_left_alone(home: Path) -> None:
    """The number of its process says nothing in another container."""
    with Store(home) as store:
        folder = journal_of(home, pid=GONE, files=1)
        holder = Using()
        holder.use(folder / "w-00000.jsonl")
        assert store.compact().journals == []
        holder.close()
        assert len(store.compact().journals) == 1


HOLDS = """
import sys
from quantumflow_lab.store import Store
store = Store(sys.argv[1])
store.append([{"kind": "run", "run": "r", "name": "n"}])
print(store._recorder._journal.path, flush=True)
sys.stdin.readline()
store.append([{"kind": "end", "run": "r", "state": "done"}], sync=True)
"""


def test_a_process_holds_the_file_it_writes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantumflow_lab.store.packing.is_alive", lambda pid: False)
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDS, str(home)]
    with Store(home) as store:
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
            assert child.stdout is not None
            path = Path(child.stdout.readline().strip())
            assert store.compact().journals == []
            assert path.exists()
            child.communicate("\n")
        assert [row["state"] for row in store.query("history")] == ["done"]
        assert len(store.compact().journals) == 1
        assert [row["state"] for row in store.query("history")] == ["done"]


def test_the_database_gives_back_what_nothing_uses(home: Path) -> None:
    with Store(home) as store:
        store.append([RUN, *(unit(i) for i in range(20_000))])
        store.ingest()
        with duckdb.connect(str(store.database)) as connection:
            for name in ("waste", "behind_it"):
                connection.execute(
                    f"CREATE TABLE {name} AS SELECT random() FROM range(500_000)"
                )
                connection.execute("CHECKPOINT")
            connection.execute("DROP TABLE waste")
        before = answers(store)
        columns = store.sql(COLUMNS)
        old, new = store.compact().database
        assert new == store.database.stat().st_size < 0.7 * old
        assert answers(store) == before
        assert store.sql(COLUMNS) == columns
        found = store.sql(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'store'"
        )
        assert "v1.5" in str(found.to_pylist())


def test_a_packed_journal_that_is_damaged_is_named(home: Path) -> None:
    with Store(home) as store:
        folder = journal_of(home, pid=GONE, files=1)
        store.compact()
        path = folder / "w-00000.jsonl.gz"
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(JournalDamaged) as caught:
            store.verify()
        assert str(caught.value).startswith(f"{path} does not unpack: ")


def test_compacting_waits_for_no_foreign_program(home: Path) -> None:
    with Store(home) as store:
        folder = journal_of(home, pid=GONE)
        store.ingest()
        with duckdb.connect(str(store.database)), pytest.raises(StoreLocked):
            store.compact()
        assert names(folder) == ["w-00000.jsonl", "w-00001.jsonl"]


def test_compact_in_a_terminal_says_what_it_came_to(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(home)
    monkeypatch.setattr("quantumflow_lab.cli.lab", lambda: lab)
    journal_of(home, pid=GONE)
    assert main(["store", "compact"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("database: ")
    assert second.startswith("2 files of journals: 0.0 MB, now 0.0 MB")
    lab.close()
