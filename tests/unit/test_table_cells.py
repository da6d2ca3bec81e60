"""What a cell of a table says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from quantumflow_lab.magics.table import history_table
from quantumflow_lab.widgets.tables import cell

NOON = datetime(2026, 11, 27, 12, 0, 0).astimezone()


def test_a_time_of_this_wall_has_no_offset_and_any_other_has_one() -> None:
    offset = NOON.utcoffset()
    assert offset is not None
    elsewhere = timezone(offset + timedelta(hours=-3))
    assert cell(NOON) == "2026-11-27 12:00:00"
    assert cell(NOON.replace(tzinfo=None)) == "2026-11-27 12:00:00"
    assert cell(NOON.astimezone(elsewhere))[:19] == "2026-11-27 09:00:00"
    assert len(cell(NOON.astimezone(elsewhere))) == 25


def test_history_begins_with_what_tells_runs_apart() -> None:
    row = {"number": 1, "name": "bell", "started": NOON.timestamp(), "state": "done"}
    table = history_table(
        [row | {"wall_s": 2.0, "backends": ["aer"], "run": "r1", "costs": None}]
    )
    assert repr(table).splitlines()[0].split() == (
        "number name started state run backends wall_s cost".split()
    )
    assert "2026-11-27 12:00:00  done   r1   aer" in repr(table)
