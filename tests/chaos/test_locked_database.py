"""A foreign program that keeps the database open for long."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import StoreLocked
from tests.chaos.test_many_at_once import SHELL, begun
from tests.chaos.test_stopped import CELL

if TYPE_CHECKING:
    from pathlib import Path

TIMES = 200
"""Ten minutes in which somebody asks every three seconds, here without the waiting."""


def test_ten_minutes_without_the_database_change_nothing_for_a_run(
    tmp_path: Path,
) -> None:
    home, me = tmp_path / "home", psutil.Process()
    before = threading.active_count()
    lab = Lab(home)
    assert lab.run("@qf.step\ndef one():\n    return 1\n", name="before")["one"] == 1
    assert lab.store.ingest() > 0
    shell = begun(SHELL, str(lab.store.database))
    run = lab.run(CELL, name="work", background=True)
    record = {"kind": "metric", "run": "r", "step": "s", "name": "m"}
    sent, longest, sizes = 0, 0.0, []
    for nth in range(TIMES):
        if nth % (TIMES // 4) == 0:
            sizes.append(me.memory_info().rss)
        lab.store.append([{**record, "n": sent + i} for i in range(150)])
        sent += 150
        began = time.monotonic()
        assert lab.store.ingest() == 0
        longest = max(longest, time.monotonic() - began)
    sizes.append(me.memory_info().rss)
    # Nobody waits, no timer is left behind, and records wait in the journal alone.
    assert longest < 5
    assert threading.active_count() - before < 20
    assert sizes[-1] - sizes[1] < 20_000_000
    # Charts and history answer from the journals.
    assert {row["name"] for row in lab.runs()} == {"before", "work"}
    assert len(lab.store.query("metrics", run="r")) == sent
    with pytest.raises(StoreLocked, match=rf"by python.* \(PID {shell.pid}\)"):
        lab.sql("SELECT 1")
    assert run.wait().state == "done"
    assert run["total"] == 190
    assert len(lab.store.units(run.id)) == 21
    shell.communicate()
    began = time.monotonic()
    assert lab.store.ingest() > sent
    assert time.monotonic() - began < 30
    (rows,) = lab.sql(
        "SELECT count(*) AS n, count(DISTINCT n) AS apart FROM qf_metrics"
        " WHERE run = 'r'"
    ).to_pylist()
    assert rows == {"n": sent, "apart": sent}
    assert lab.load("work").state == "done"
    # What had been read into memory has been let go.
    assert lab.store._projection._memory is None
    lab.close()
