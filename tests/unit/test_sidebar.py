"""What the sidebar is told of runs, and what it asks of those of other processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import BadOption, HomeNotWritable, UnknownRun
from quantumflow_lab.hearing import Hearing
from quantumflow_lab.magics import commands
from quantumflow_lab.sidebar import Sidebar, shown
from quantumflow_lab.store import Store, lease
from quantumflow_lab.store.wishes import ask_to_cancel, is_asked_to_cancel
from tests.unit.explored import PAST, T

ROOT = Path(__file__).parents[2]
SLOW = """\
size = qf.axis([1, 2])

@qf.step
def quick(size):
    return size

@qf.step
def slow(quick):
    import time
    for _ in range(600):
        time.sleep(0.05)
        qf.log(beat=1)
"""
KERNEL = f"""
import sys
from quantumflow_lab import Lab
from quantumflow_lab.errors import RunCancelled

lab = Lab(sys.argv[1])
run = lab.run({SLOW!r}, name="slow", background=True)
while "quick" not in run or run.partial("quick") is None:
    pass
print(run.id, flush=True)
try:
    run.wait()
except RunCancelled:
    pass
print(run.state)
lab.close()
"""


@pytest.fixture
def sidebar(tmp_path: Path, home: Path) -> Iterator[Sidebar]:
    del home  # what QFLOW_HOME says
    (tmp_path / "shown").mkdir()
    made = Sidebar(tmp_path / "shown")
    yield made
    made.close()


def test_a_home_without_runs_is_not_made_by_looking(
    sidebar: Sidebar, home: Path
) -> None:
    told = sidebar.runs()
    assert (told["home"], told["runs"]) == (str(home), [])
    assert not home.exists()
    with pytest.raises(UnknownRun, match=r"nothing has run yet: there is no home "):
        sidebar.cell("r1")


def test_runs_are_told_newest_first_with_what_became_of_them(
    sidebar: Sidebar, home: Path
) -> None:
    with Store(home) as store:
        store.append(PAST)
    runs = sidebar.runs()["runs"]
    assert [row["started"] for row in runs] == sorted(
        (row["started"] for row in runs), reverse=True
    )
    first = runs[-1]
    assert first == {
        "run": "a",
        "name": "bell",
        "number": 1,
        "state": "done",
        "started": T,
        "elapsed": 9.0,
        "done": 5,
        "failed": 0,
        "total": 5,
        "backends": ["aer"],
        "cost": None,
        "notebook": None,
        "error": None,
        "path": None,
    }
    assert {row["run"]: row["cost"] for row in runs} == {
        "a": None,
        "b": "5.00 USD",
        "c": "9.00 EUR, 1.00 USD",
    }
    assert len(sidebar.runs(limit=2)["runs"]) == 2
    assert {row["name"] for row in sidebar.runs(find="BELL")["runs"]} == {"bell"}


def test_the_cell_of_a_run_comes_back_with_its_options(
    sidebar: Sidebar, home: Path
) -> None:
    lab = Lab(home)
    run = lab.run("@qf.step\ndef one():\n    return 1\n", name="unit", seed=3)
    lab.close()
    assert sidebar.cell(run.id) == (
        "%%qflow unit --seed 3\n@qf.step\ndef one():\n    return 1\n"
    )
    with pytest.raises(UnknownRun, match=r"the store has no run 'r1'"):
        sidebar.cell("r1")


def by_command(home: Path, run: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Cancel a run as ``%qflow cancel`` does; what it shows."""
    with closing(Lab(home)) as lab:
        monkeypatch.setattr(commands, "lab", lambda: lab)
        shell: Any = SimpleNamespace(user_ns={})
        return str(commands.Commands(shell).run(f"cancel {run}"))


@pytest.mark.parametrize("by", ["sidebar", "command"])
def test_a_run_of_another_process_is_seen_and_cancelled(
    sidebar: Sidebar, home: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", KERNEL, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as kernel:
        assert kernel.stdout is not None
        run = kernel.stdout.readline().strip()
        (row,) = sidebar.runs()["runs"]
        assert (row["run"], row["state"], row["total"]) == (run, "running", 4)
        pressed = time.monotonic()
        if by == "sidebar":
            assert sidebar.cancel(run)
        else:
            assert "cancelled" in by_command(home, run, monkeypatch)
        assert kernel.stdout.readline() == "cancelled\n"
        assert time.monotonic() - pressed < 5
    assert kernel.returncode == 0
    (row,) = sidebar.runs()["runs"]
    assert row["state"] == "cancelled"
    assert list((home / "runs").iterdir()) == []
    assert not sidebar.cancel(run)


def test_a_run_whose_process_has_gone_is_not_running() -> None:
    row = {
        "run": "r",
        "name": "n",
        "number": 1,
        "state": "unfinished",
        "started": T,
        "wall_s": None,
        "done": 1,
        "failed": 0,
        "points": 1,
        "backends": None,
        "money": None,
        "notebook": None,
        "error": "token=abc\nmore",
        "steps": [{"dims": ["t"]}],
        "axes": [],
        "sizes": [],
    }
    assert shown(row, frozenset())["state"] == "unfinished"
    told = shown(row, frozenset({"r"}))
    # The list that a map axis runs over is not known yet.
    assert (told["state"], told["total"]) == ("running", None)
    assert told["error"] == "token=abc"


def test_a_notebook_is_found_beside_its_home_or_where_it_ran(
    sidebar: Sidebar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QFLOW_HOME")
    folder = tmp_path / "shown" / "study"
    folder.mkdir()
    (folder / ".env").write_text("QFLOW_HOME=kept\n")
    for name in ("a.ipynb", "b.ipynb"):
        (folder / name).write_text("{}")
    told = {"kind": "run", "name": "n", "backends": [], "seed": 1}
    with Store(folder / "kept") as store:
        for n, (notebook, cwd) in enumerate(
            [("a.ipynb", "/"), ("b.ipynb", str(folder)), ("gone.ipynb", str(folder))]
        ):
            options = {"notebook": notebook}
            where = {"run": f"r{n}", "ts": T - n, "cwd": cwd}
            store.append([{**told, **where, "options": options}])
    told = sidebar.runs("study/a.ipynb")
    assert told["home"] == str(folder / "kept")
    paths = [row["path"] for row in told["runs"]]
    assert paths == ["study/a.ipynb", "study/b.ipynb", None]


def test_what_is_asked_has_to_make_sense(sidebar: Sidebar) -> None:
    for near in ("../x.ipynb", "a/../../x"):
        with pytest.raises(BadOption, match=r"lies outside of what this server shows"):
            sidebar.runs(near)
    for near in ("a\0b", 300 * "a"):
        with pytest.raises(BadOption, match=r"^'a.* cannot be a path: "):
            sidebar.runs(near)
    for limit in (0, 501):
        with pytest.raises(
            BadOption, match=rf"limit must be from 1 to 500, not {limit}"
        ):
            sidebar.runs(limit=limit)


def test_a_wish_from_before_is_not_heard(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    heard: list[str] = []
    hearing = Hearing(folder, heard.append)
    died = lease.take(folder, "r1")
    assert ask_to_cancel(folder, "r1")
    assert not ask_to_cancel(folder, "r2")
    died.leave()
    held = lease.take(folder, "r1")
    assert not is_asked_to_cancel(folder, "r1")
    # From the lease on it counts, also before the run has begun.
    assert ask_to_cancel(folder, "r1")
    hearing.listen("r1")
    end = time.monotonic() + 10
    while not heard and time.monotonic() < end:
        time.sleep(0.01)
    assert heard == ["r1"]
    hearing.stop("r1")
    hearing.stop("r1")
    held.release()
    assert list(folder.iterdir()) == []


def test_a_wish_that_cannot_be_left_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lease.take(tmp_path / "runs", "r1")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refused)
    with pytest.raises(
        HomeNotWritable, match=r"cannot write .*runs: Permission denied"
    ):
        ask_to_cancel(tmp_path / "runs", "r1")
    held.release()


def test_a_look_at_a_lease_does_not_keep_it_from_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs"
    lease.take(folder, "r1").leave()
    looks = lease.take(folder, "r1")
    monkeypatch.setattr("time.sleep", lambda _: looks.leave())
    lease.take(folder, "r1").release()
