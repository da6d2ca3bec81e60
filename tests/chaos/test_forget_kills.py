"""Forgetting that is killed at each of its steps, and beside processes that go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quantumflow_lab.store import Store
from quantumflow_lab.store.journals import lines, listed
from tests.chaos.nursery import run_script
from tests.chaos.test_compact_kills import COMPACTER

pytestmark = pytest.mark.timeout(1800)
VIEWS = ("points", "jobs", "steps", "runs", "metrics", "costs")

WRITER = """
import sys
from quantumflow_lab.store import Store
store = Store(sys.argv[1])
day = 86400.0
for number in range(4):
    ts = 1.7e9 + number * day
    run = f"{sys.argv[2]}{number}"
    value = store.put([run] * 1000)
    shared = store.put(["shared"] * 1000)
    store.append([{"kind": "run", "run": run, "ts": ts, "name": "n"}])
    for unit in range(3):
        where = {"run": run, "ts": ts, "step": "s", "unit": unit}
        store.append([{"kind": "unit", **where, "state": "done",
                       "value": shared if unit else value}])
    store.append([{"kind": "end", "run": run, "ts": ts + 9, "state": "done"}])
store.sync()
store.close()
"""

FORGETTER = """
import os, signal, sys
from quantumflow_lab.clock import SystemClock
from quantumflow_lab.forgetting import forget
from quantumflow_lab.store import Store

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

store = Store(sys.argv[1])
for name in ("fsync", "replace", "rename", "unlink", "open"):
    setattr(os, name, counted(getattr(os, name)))
journal = store._recorder._journal
class Counted:
    path = property(lambda self: journal.path)
    append = staticmethod(counted(journal.append))
    sync = staticmethod(counted(journal.sync))
    close = staticmethod(journal.close)
store._recorder._journal = Counted()
print(*forget(store, SystemClock(), "2023-11-16", dry_run=False).runs)
os._exit(0)
"""


def age(home: Path) -> None:
    then = time.time() - 2 * 86400
    for path in (home / "values").glob("??/*"):
        os.utime(path, (then, then))


def write(home: Path, prefix: str) -> None:
    subprocess.run([sys.executable, "-c", WRITER, str(home), prefix], check=True)


def answers(home: Path, *, rebuilt: bool = False) -> dict[str, list[str]]:
    with Store(home) as store:
        if rebuilt:
            store.rebuild()
        store.verify()
        return {
            view: sorted(
                json.dumps(row, default=str)
                for row in store.sql(f"FROM qf_{view}").to_pylist()
            )
            for view in VIEWS
        }


def of(found: dict[str, list[str]], runs: set[str]) -> dict[str, list[str]]:
    return {
        view: [row for row in rows if json.loads(row)["run"] in runs]
        for view, rows in found.items()
    }


def runs_in(found: dict[str, list[str]]) -> set[str]:
    return {json.loads(row)["run"] for row in found["runs"]}


def read_all(home: Path) -> None:
    """Every value that a point refers to is there."""
    with Store(home) as store:
        for row in store.sql("SELECT run FROM qf_runs").to_pylist():
            for unit in store.units(row["run"]):
                assert store.get(json.loads(unit["value"]))


def killed(script: str, home: Path, step: int) -> bool:
    status = run_script(script, home, step)
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_forgetting_can_be_killed_at_any_step(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, "a")
    before = answers(home)
    stay = {"a2", "a3"}
    step = 0
    while killed(FORGETTER, home, step + 1):
        step += 1
        now = answers(home)
        # A run is there whole, or not at all.
        assert now == of(before, runs_in(now))
        assert stay <= runs_in(now)
    assert step >= 5
    assert answers(home) == of(before, stay)
    assert answers(home, rebuilt=True) == of(before, stay)


def test_erasing_can_be_killed_at_any_step(tmp_path: Path) -> None:
    first, home = tmp_path / "first", tmp_path / "home"
    write(first, "a")
    assert not killed(COMPACTER, first, 0)
    assert not killed(FORGETTER, first, 0)
    kept = answers(first)
    assert runs_in(kept) == {"a2", "a3"}
    assert len(values(first)) == 5
    step, going = 0, True
    reached: set[tuple[int, bool]] = set()
    while going:
        step += 1
        shutil.copytree(first, home)
        age(home)
        going = killed(COMPACTER, home, step)
        assert answers(home) == kept
        read_all(home)
        erased = not any(b'"run":"a0"' in text for text in unpacked(home))
        reached.add((len(values(home)), erased))
        with Store(home) as store:
            store.compact()
        assert answers(home, rebuilt=True) == kept
        read_all(home)
        assert len(values(home)) == 3
        assert not any(b'"run":"a0"' in text for text in unpacked(home))
        shutil.rmtree(home)
    assert step >= 12
    # Kills came before, between and after each of the things it does.
    assert {(5, False), (5, True), (4, True), (3, True)} <= reached


def values(home: Path) -> list[str]:
    return [path.name for path in (home / "values").glob("??/*")]


def unpacked(home: Path) -> list[bytes]:
    """The lines of every packed journal, without those that say what was forgotten."""
    return [
        b"".join(line for line in lines(path) if b'"forget"' not in line)
        for path in listed(home / "journal")
        if not path.exists()
    ]


BUSY = """
import sys, time
from quantumflow_lab.lab import Lab
lab = Lab(sys.argv[1])
until = time.monotonic() + float(sys.argv[2])
cell = '''
x = qf.axis([1, 2, 3])
@qf.step
def big(x):
    return [x, {number}] * 2000
@qf.step
def same(x):
    return ["same", x] * 2000
'''
made = []
number = 0
while time.monotonic() < until:
    number += 1
    run = lab.run(cell.format(number=number), name=f"busy{number % 3}")
    run.raise_failure()
    made.append(run.id)
    lab.store.ingest()
    lab.runs()
lab.close()
print(*made)
"""


def test_another_lab_that_runs_meanwhile_loses_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, "a")
    write(home, "b")
    before = answers(home)
    stay = {run for run in runs_in(before) if int(run[1:]) >= 2}
    command = [sys.executable, "-c", BUSY, str(home), "12"]
    rounds = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None:
            age(home)
            for script in (FORGETTER, COMPACTER):
                given = [sys.executable, "-c", script, str(home), "0"]
                done = subprocess.run(given, capture_output=True, text=True)
                assert done.returncode == 0 or "StoreLocked" in done.stderr, done.stderr
            rounds += 1
        assert child.stdout is not None
        made = child.stdout.read().split()
    assert child.returncode == 0
    assert rounds >= 2
    assert len(made) >= 3
    age(home)
    with Store(home) as store:
        store.compact()
    read_all(home)
    found = answers(home)
    assert runs_in(found) == stay | set(made)
    assert of(found, stay) == of(before, stay)
    with Store(home) as store:
        for run in made:
            assert [row["state"] for row in store.units(run)] == ["done"] * 6
    assert answers(home, rebuilt=True) == found
