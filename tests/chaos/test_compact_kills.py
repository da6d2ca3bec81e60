"""Compacting that is killed at each of its steps: every record stays where it is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from quantumflow_lab.store import Store
from tests.chaos.nursery import run_script

T = 1_700_000_000.0

WRITER = """
import sys
from quantumflow_lab.store import Store
store = Store(sys.argv[1])
store.append([{"kind": "run", "run": "r", "ts": 1.7e9, "name": "n"}])
for unit in range(50):
    where = {"run": "r", "ts": 1.7e9, "step": "s", "unit": unit}
    store.append([{"kind": "unit", **where, "state": "done"}], sync=True)
store.ingest()
"""

COMPACTER = """
import os, signal, sys
from quantumflow_lab.store import Store, database, packing

last = int(sys.argv[2])
steps = 0

def counted(act):
    def step(*given, **more):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*given, **more)
    return step

# Before each call that changes the disk, or brings something to it.
for name in ("fsync", "replace", "rename", "unlink", "open"):
    setattr(os, name, counted(getattr(os, name)))
database.copy = counted(database.copy)
packing._sum = counted(packing._sum)
Store(sys.argv[1]).compact()
print(steps)
"""


def answers(home: Path) -> tuple[Any, ...]:
    with Store(home) as store:
        views = [
            sorted(map(json.dumps, store.query(name, run="r")))
            for name in ("units", "steps", "run_record")
        ]
        return store.verify(), views


def test_compacting_can_be_killed_at_any_step(tmp_path: Path) -> None:
    home = tmp_path / "home"
    subprocess.run([sys.executable, "-c", WRITER, str(home)], check=True)
    subprocess.run([sys.executable, "-c", WRITER, str(home)], check=True)
    before = answers(home)
    assert len(before[1][0]) == 50
    kills = 0
    while True:
        status = run_script(COMPACTER, home, kills + 1)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        kills += 1
        assert answers(home) == before
        left = [path.name for path in (home / "journal").iterdir()]
        stems = {name.partition(".")[0] for name in left}
        assert len(stems) == 2
    assert kills >= 8
    assert answers(home) == before
    assert sorted(path.suffix for path in (home / "journal").iterdir()) == [
        ".gz",
        ".gz",
    ]
    with Store(home) as store:
        store.rebuild()
    assert answers(home) == before


def test_processes_that_ask_while_another_compacts_miss_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(3):
        subprocess.run([sys.executable, "-c", WRITER, str(home)], check=True)
    before = answers(home)
    child = subprocess.Popen([sys.executable, "-c", COMPACTER, str(home), "0"])
    while child.poll() is None:
        assert answers(home) == before
    assert child.returncode == 0
    assert answers(home) == before
