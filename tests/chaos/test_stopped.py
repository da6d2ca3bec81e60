"""Processes that are stopped, as by Ctrl-Z or a laptop's lid, and go on later."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import RunIsHeld, StoreLocked
from quantumflow_lab.store import Store
from quantumflow_lab.store.projection import PATIENCE
from tests.chaos.nursery import ROOT, Nursery
from tests.chaos.test_ingesters import counted

if TYPE_CHECKING:
    from pathlib import Path

CELL = """
import time

x = qf.axis(list(range(20)))

@qf.step
def slow(x):
    time.sleep(0.1)
    return x

@qf.step(over="x")
def total(slow):
    return sum(slow)
"""
KERNEL = """
import sys
from quantumflow_lab import Lab
from tests.chaos.test_stopped import CELL

lab = Lab(sys.argv[1])
run = lab.run(CELL, name="work", background=True)
while run.snapshot()["steps"][0]["counts"].get("done", 0) < 2:
    pass
print("under way", flush=True)
run.wait()
print(run.state, run["total"], flush=True)
lab.close()
"""


def test_a_run_whose_kernel_is_stopped_is_not_taken_from_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert kernel.stdout is not None
    assert kernel.stdout.readline() == "under way\n"
    kernel.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, kernel.pid, os.WSTOPPED | os.WNOWAIT)
    time.sleep(PATIENCE + 0.5)
    lab = Lab(home)
    told = rf"run .* goes on in process {kernel.pid} on .*: wait for it, cancel it"
    for act in (
        lambda: lab.resume("work"),
        lambda: lab.resume("work", steal=True),
        lambda: lab.run(CELL, name="work"),
    ):
        with pytest.raises(RunIsHeld, match=told) as caught:
            act()
        assert caught.value.facts["pid"] == kernel.pid
    kernel.send_signal(signal.SIGCONT)
    assert kernel.communicate(timeout=60)[0] == "done 190\n"
    rows = lab.sql("SELECT state, epoch, points, done FROM qf_runs").to_pylist()
    assert rows == [{"state": "done", "epoch": 1, "points": 21, "done": 21}]
    assert lab.sql("SELECT count(*) AS n FROM rec_unit").to_pylist() == [{"n": 21}]
    lab.close()


CODE = """
from pathlib import Path
import duckdb, pyarrow
from quantumflow_lab.store import Store, ingest


def take(said):
    # Stopped in the middle of a transaction, with both locks.
    inside = ingest._insert

    def stopping(*args):
        inside(*args)
        os.kill(os.getpid(), signal.SIGSTOP)

    ingest._insert = stopping
    Path(said).write_text(str(Store(home).ingest()))
"""


def test_a_lab_that_is_stopped_while_it_takes_records_in_holds_nobody_up(
    tmp_path: Path,
) -> None:
    home, said = tmp_path / "home", tmp_path / "said"
    record = {"kind": "metric", "run": "r", "step": "s", "name": "m"}
    begun = {"kind": "run", "run": "r", "name": "bell"}
    with Store(home) as store, Nursery(CODE, home) as nursery:
        store.append([begun, *({**record, "n": n} for n in range(50))])
        stopped = nursery.born("take", str(said))
        _wait_for_stop(stopped)
        waits = []
        for n in range(50, 100):
            began = time.monotonic()
            store.append([{**record, "n": n}], sync=True)
            assert store.ingest() == 0
            waits.append(time.monotonic() - began)
        # Questions for charts wait once, and then no more while it goes on.
        for _ in range(6):
            began = time.monotonic()
            assert [row["name"] for row in store.query("history")] == ["bell"]
            assert len(store.query("metrics", run="r")) == 100
            waits.append(time.monotonic() - began)
        assert max(waits) < PATIENCE + 3
        assert sum(waits) < PATIENCE + 10
        told = (
            rf"another lab \(PID {stopped}\) is busy with {re.escape(str(home))}"
            r"/store.duckdb; try again in a moment \(recording goes on meanwhile\)"
        )
        for act in (lambda: store.sql("SELECT 1"), store.rebuild):
            with pytest.raises(StoreLocked, match=told) as caught:
                act()
            assert caught.value.facts["pid"] == stopped
        os.kill(stopped, signal.SIGCONT)
        nursery.awaited(stopped)
        assert said.read_text() == "52"
        assert counted(store) == {"r": {"rows": 100, "numbers": 100, "last": 99}}
        assert len(store.query("metrics", run="r")) == 100


def _wait_for_stop(process: int) -> None:
    until = time.monotonic() + 30
    while psutil.Process(process).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < until
        time.sleep(0.01)
