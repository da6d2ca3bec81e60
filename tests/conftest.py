"""What every test can count on: a home of its own, repeatable examples, a browser."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pathlib import Path

os.environ["MPLBACKEND"] = "agg"

# A shell starts what it puts in the background with interrupts ignored, and tests of
# Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every machine, and no verdict by the clock of a busy one.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# Most tests have devices for other reasons; test_budget.py takes it away.
os.environ["QFLOW_BUDGET"] = "unlimited"

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for this test alone, so that no test writes into the developer's.

    Settings from the outside (``QFLOW_*``) are gone too.
    """
    for name in [name for name in os.environ if name.startswith("QFLOW_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "qflow-home"
    monkeypatch.setenv("QFLOW_HOME", str(folder))
    monkeypatch.setenv("QFLOW_BUDGET", "unlimited")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium that browser tests drive.

    Without one they are skipped on a developer's machine, and fail where ``CI`` is set.
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    reason = "no Chromium: install it (Debian: apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
