"""Three kernels, a terminal and a database shell left open, all on one home."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import StoreLocked
from quantumflow_lab.store import Store
from tests.chaos.nursery import ROOT

if TYPE_CHECKING:
    from pathlib import Path

GENEROUS = 10.0
"""Seconds in which anything is answered; less than one where the machine is calm."""

KERNEL = """
import json, sys, time
from quantumflow_lab import Lab

lab, me = Lab(sys.argv[1]), sys.argv[2]
cell = '''
x = qf.axis(list(range(8)))

@qf.step
def double(x):
    qf.log(metric=x)
    return 2 * x
'''
print("ready", flush=True)
sys.stdin.readline()
waits = {"append": 0.0, "history": 0.0, "run": 0.0}

def timed(what, act):
    began = time.monotonic()
    found = act()
    waits[what] = max(waits[what], time.monotonic() - began)
    return found

record = {"kind": "metric", "run": me, "step": "s", "name": "mine"}
for n in range(5):
    timed("append", lambda: lab.store.append([{**record, "n": n}], sync=True))
    run = timed("run", lambda: lab.run(cell, name=f"{me}_{n}"))
    assert run.state == "done"
    names = [row["name"] for row in timed("history", lambda: lab.runs(limit=1000))]
    assert {f"{me}_{i}" for i in range(n + 1)} <= {*names}, names
print(json.dumps(waits), flush=True)
lab.close()
"""
SHELL = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def begun(code: str, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *args]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline()
    return child


def typed(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a terminal says to ``qflow ...``."""
    code = "import sys; from quantumflow_lab.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words]
    env = {"QFLOW_HOME": str(home), "PATH": ""}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=env, cwd=ROOT
    )


def test_of_many_at_once_nobody_waits_and_nobody_loses_a_row(tmp_path: Path) -> None:
    home, names = tmp_path / "home", ["ann", "bob", "cy"]
    with Store(home) as store:
        store.append([{"kind": "run", "run": "old", "name": "old"}])
        store.ingest()
        database = store.database
    kernels = [begun(KERNEL, str(home), name) for name in names]
    shell = begun(SHELL, str(database))
    for kernel in kernels:
        assert kernel.stdin is not None
        kernel.stdin.write("go\n")
        kernel.stdin.flush()
    history = typed(home, "history")
    assert history.returncode == 0, history.stderr
    assert any(name in history.stdout for name in ("old", *names))
    asked = typed(home, "sql", "SELECT 1")
    assert asked.returncode == 1
    assert "is held open by python" in asked.stderr
    assert f"(PID {shell.pid}); close it there" in asked.stderr
    waits: list[dict[str, Any]] = []
    for kernel in kernels:
        said, _ = kernel.communicate(timeout=100)
        assert kernel.returncode == 0
        waits.append(json.loads(said))
    assert max(each[what] for each in waits for what in each) < GENEROUS
    lab = Lab(home)
    with pytest.raises(StoreLocked) as caught:
        lab.sql("SELECT 1")
    assert caught.value.facts["pid"] == shell.pid
    assert len(lab.runs(limit=100)) == 16
    shell.communicate()
    (runs,) = lab.sql(
        "SELECT count(*) AS n, count(DISTINCT run) AS apart, sum(points) AS points"
        " FROM qf_runs WHERE state = 'done'"
    ).to_pylist()
    assert runs == {"n": 15, "apart": 15, "points": 120}
    rows = lab.sql(
        "SELECT count(*) FILTER (name = 'metric') AS logged,"
        " count(*) FILTER (name = 'mine') AS mine FROM qf_metrics"
    ).to_pylist()
    assert rows == [{"logged": 120, "mine": 15}]
    lab.close()
