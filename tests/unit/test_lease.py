"""Who holds a run, and who only looks."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from quantumflow_lab.errors import RunIsHeld
from quantumflow_lab.store import lease


def test_two_that_look_at_once_do_not_take_one_another_for_an_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run that was left with open jobs passes for one that goes on."""
    lease.take(tmp_path, "r").leave()
    lock, seen = fcntl.flock, list[object]()

    def locked(file: int, how: int) -> None:
        lock(file, how)
        if not seen:  # another process looks while this one does
            seen.append("looking")
            seen.append(lease.is_held(tmp_path, "r"))

    monkeypatch.setattr(fcntl, "flock", locked)
    assert lease.is_held(tmp_path, "r") is None
    assert seen == ["looking", None]


def test_an_owner_is_seen_and_keeps_others_out(tmp_path: Path) -> None:
    owner = lease.take(tmp_path, "r")
    assert lease.is_held(tmp_path, "r") == owner.holder
    with pytest.raises(RunIsHeld):
        lease.take(tmp_path, "r")
    owner.release()
    assert lease.is_held(tmp_path, "r") is None
    assert list(tmp_path.iterdir()) == []
