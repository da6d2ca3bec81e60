"""The thread that looks for wishes looks now and then, and no more often."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from quantumflow_lab import hearing


def test_a_run_that_begins_as_the_last_one_ends_is_looked_for_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the thread, told that it may end, would look without a pause."""
    looks: list[str] = []
    looking, go = threading.Event(), threading.Event()

    def asked(_: Path, run: str) -> bool:
        looks.append(run)
        if run == "first":
            looking.set()
            go.wait(10)
        return False

    monkeypatch.setattr(hearing, "is_asked_to_cancel", asked)
    heard = hearing.Hearing(tmp_path, lambda _: None)
    heard.listen("first")
    assert looking.wait(10)
    heard.stop("first")
    heard.listen("second")
    go.set()
    time.sleep(4 * hearing.EVERY_S)
    heard.stop("second")
    assert 1 <= looks.count("second") <= 6
