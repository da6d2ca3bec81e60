"""A home on a disk that is full says so before anything is begun."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import JournalFull
from quantumflow_lab.store import home as home_module

if TYPE_CHECKING:
    from pathlib import Path


def test_a_full_disk_is_told_by_whoever_asks_after_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path / "home")
    try:
        lab.check_store()
        monkeypatch.setattr(home_module, "ROOM", 2**62)
        says = f"the disk of {lab.store.home} is full; free some space"
        with pytest.raises(JournalFull, match=re.escape(says)):
            lab.check_store()
    finally:
        lab.close()
