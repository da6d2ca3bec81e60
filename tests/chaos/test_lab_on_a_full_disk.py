"""A disk that fills up while a run goes on, for real: a limit on the size of files."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
    import resource, signal, sys
    import quantumflow_lab as qf
    from quantumflow_lab.errors import JournalFull

    lab = qf.Lab(sys.argv[1])
    cell = '''
    steps = qf.axis(range(40))

    @qf.step
    def long(steps):
        import time
        time.sleep(0.05)
        return "x" * 1500
    '''
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    full = sys.argv[2] == "before"
    size = 200 if full else 12_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        lab.run(cell, name="full")
    except JournalFull as error:
        print("refused:", str(error).splitlines()[0])
    hard = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    again = lab.run("@qf.step\\ndef one():\\n    return 1\\n", name="again")
    print("again:", again["one"], again.state)
    lab.close()
    lab = qf.Lab(sys.argv[1])
    print("records:", lab.store.verify() > 0)
    print("states:", sorted((r["name"], r["state"]) for r in lab.runs()))
    lab.close()
    """


def outcome(home: Path, when: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", dedent(SCRIPT), str(home), when],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_run_does_not_start_where_it_cannot_be_recorded(tmp_path: Path) -> None:
    refused, again, *rest = outcome(tmp_path / "home", "before")
    assert refused.startswith("refused:")
    assert "free some space" in refused
    assert again == "again: 1 done"
    assert rest == ["records: True", "states: [('again', 'done')]"]


def test_a_run_whose_disk_fills_up_stops_and_says_so(tmp_path: Path) -> None:
    refused, again, records, states = outcome(tmp_path / "home", "during")
    assert refused.startswith("refused:")
    assert again == "again: 1 done"
    assert records == "records: True"
    assert "('again', 'done')" in states


ASKING = """
    import errno, os, resource, signal, sys
    import quantumflow_lab as qf

    lab = qf.Lab(sys.argv[1])
    lab.run("@qf.step\\ndef one():\\n    return 1\\n", name="kept")
    lab.runs()
    lab.run("@qf.step\\ndef one():\\n    return 2\\n", name="new")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    print(sorted(row["name"] for row in lab.runs()), lab.load("new")["one"])
    """


def test_a_store_can_be_asked_while_the_database_finds_no_room(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", dedent(ASKING), str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout == "['kept', 'new'] 2\n", done.stderr
