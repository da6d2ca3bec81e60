"""What a service goes on with when it starts, and what must not keep it from that."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from quantumflow_lab import Lab
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.store import lease

READS = """
from pathlib import Path
text = Path(%r).read_text()

@qf.step
def waits():
    while not Path(%r).exists():
        __import__("time").sleep(0.01)
    return text
"""
EXITS = """
import sys
from pathlib import Path
text = "here" if Path(%r).exists() else sys.exit("no such file")

@qf.step
def waits():
    while not Path(%r).exists():
        __import__("time").sleep(0.01)
    return text
"""


def left(home: Path, **cells: str) -> None:
    """Begin runs of a service whose process ends."""
    lab = Lab(home)
    about: dict[str, Any] = {"service": {"request": "r", "token": "t"}}
    for name, cell in cells.items():
        lab.run(cell, name=name, background=True, options=about)
    lab.leave()
    for each in tuple(lease._HELD):
        each.leave()  # as the system does when a process ends


def test_a_run_whose_cell_raises_keeps_no_other_from_being_taken_up(
    tmp_path: Path,
) -> None:
    gone, here, go = (tmp_path / name for name in ("gone", "here", "go"))
    gone.write_text("a")
    here.write_text("b")
    left(
        tmp_path / "home",
        raises=READS % (str(gone), str(go)),
        exits=EXITS % (str(gone), str(go)),
        works=READS % (str(here), str(go)),
    )
    gone.unlink()
    lab = Lab(tmp_path / "home")
    desk = Desk(lab, ServiceSettings(allow_code=True))
    try:
        (taken,) = desk.take_up()
        go.touch()
        run = desk.runs.of(taken).wait(30)
        assert (run.name, run["waits"]) == ("works", "b")
        states = {row["name"]: row["state"] for row in lab.runs()}
        assert states == {
            "raises": "unfinished",
            "exits": "unfinished",
            "works": "done",
        }
    finally:
        desk.close()
        go.touch()
        lab.close()
        time.sleep(0.05)  # threads of the first lab see it, too
