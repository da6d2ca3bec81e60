"""``QFLOW_SCHEDULE_LOG``: what the scheduler was told, and ``qflow replay``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab import Lab, cli
from quantumflow_lab.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

CELL = """
@qf.step
def one():
    return 1

@qf.step
def two(one):
    return one + 1
"""


def test_a_log_of_the_lab_is_replayed_in_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(schedule_log=tmp_path / "schedule.qlog")
    lab = Lab(tmp_path / "home", settings=settings)
    try:
        assert lab.run(CELL, name="pair")["two"] == 2
    finally:
        lab.close()
    log = tmp_path / f"schedule-{os.getpid()}.qlog"
    assert cli.main(["replay", str(log)]) == 0
    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Run(unit=0, attempt=1)"
    assert lines[-1] == "Ended(run=1, outcome=<Outcome.DONE: 0>)"


def test_a_file_that_is_no_log_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").write_text("something else")
    assert cli.main(["replay", str(tmp_path / "other")]) != 0
    assert "this is no log of a scheduler" in capsys.readouterr().err
    assert cli.main(["replay", str(tmp_path / "nowhere")]) != 0
    assert "cannot read" in capsys.readouterr().err
