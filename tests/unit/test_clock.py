"""Clocks that are set back or forward while runs are recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.clock import SystemClock

DAY = 86400.0

CELL = """
i = qf.axis([0, 1, 2])

@qf.step
def inverse(i):
    return 1 / (i - pole)
"""


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of the machine."""
    real, monotonic = time.time(), time.monotonic()

    def set_clock(by: float) -> None:
        monkeypatch.setattr(
            time, "time", lambda: real + time.monotonic() - monotonic + by
        )

    return set_clock


def test_time_never_goes_back(shift: Callable[[float], None]) -> None:
    clock = SystemClock()
    shift(0)
    before = clock.wall()
    shift(-DAY)
    after = clock.wall()
    assert before <= after < before + 60
    shift(DAY)
    assert clock.wall() == pytest.approx(before + DAY, abs=60)
    shift(0)
    assert clock.wall() == pytest.approx(before + DAY, abs=60)


def test_it_goes_on_from_what_was_written(shift: Callable[[float], None]) -> None:
    clock = SystemClock()
    shift(0)
    clock.go_on_from(time.time() + DAY)
    assert clock.wall() == pytest.approx(time.time() + DAY, abs=60)
    now = clock.wall()
    clock.go_on_from(now - DAY)
    assert clock.wall() >= now


def test_a_run_goes_on_where_the_clock_is_a_day_behind(
    tmp_path: Path, shift: Callable[[float], None]
) -> None:
    lab = Lab(tmp_path)
    first = lab.run(CELL, name="work", inputs={"pole": 1})
    lab.close()
    shift(-DAY)
    lab = Lab(tmp_path)
    again = lab.resume("work", inputs={"pole": 1})
    assert (again.id, again.state) == (first.id, "failed")
    runs = lab.sql("SELECT state, epoch, wall_s >= 0 AS sane FROM qf_runs").to_pylist()
    assert runs == [{"state": "failed", "epoch": 2, "sane": True}]
    points = "SELECT state, count(*) AS n FROM qf_points GROUP BY state ORDER BY state"
    assert lab.sql(points).to_pylist() == [
        {"state": "done", "n": 2},
        {"state": "failed", "n": 1},
    ]
    lab.close()
