"""What a person sees of a cell in JupyterLab: when it shows, and when it stops.

Needs Chromium; where there is none, there are no rows.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.row import Row
from quantumflow_lab.widgets.run import STATIC
from tests.browser.driver import Lab, looking, serving
from tests.kernel.cells import AER, BELL

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--no-sandbox", "--disable-gpu"),
    *("--enable-precise-memory-info", "--js-flags=--expose-gc"),
)
UPDATES = 500
WATCHED = Path(__file__).with_name("_updates.js").read_text(encoding="utf-8")
CELLS = ["%load_ext quantumflow_lab", BELL, AER]


def measure(*, turns: int = 5) -> Iterator[Row]:
    """From Run to the widget on the screen, and from the press of Cancel to idle."""
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if path is None:
        print("no Chromium, so nothing is seen", file=sys.stderr)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        with looking(browser, server) as lab:
            lab.open(CELLS)
            for cell in (0, 1):
                lab.run(cell)
            seen, stopped = zip(*(_turn(lab) for _ in range(turns)), strict=True)
        frames, grown = _updated(browser)
        browser.close()
    yield _row("widget on the screen after Run", seen, 500, 300)
    yield _row("Cancel pressed in JupyterLab to idle", stopped, 250, 100)
    what = f"frame of the widget at 30 steps of 10,000 points, {UPDATES} updates"
    frames.sort()
    late = frames[round(0.99 * len(frames))]
    middle = median(frames)
    yield Row(what, "", middle, frames[0], late, "ms", "lower", 33.3)
    what = "memory of the widget after as many more"
    yield Row(what, "", grown, grown, grown, "MiB", "lower", 1.0)


def _updated(browser: Browser) -> tuple[list[float], float]:
    """Milliseconds from an update to its frame, and MiB that as many more leave."""
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.set_content(f"<style>{(STATIC / 'run.css').read_text()}</style><main></main>")
    code = (STATIC / "run.js").read_text()
    frames, grown = page.evaluate(WATCHED, [code, UPDATES])
    return [float(each) for each in frames], float(grown)


def _turn(lab: Lab) -> tuple[float, float]:
    """One long cell: milliseconds until it is seen, and until it has stopped."""
    seen = lab.first_sight(2)
    lab.page.wait_for_timeout(1500)
    stopped = lab.press("Cancel")
    lab.page.locator(".qf-still").last.wait_for()
    return seen, stopped


def _row(what: str, times: Sequence[float], gate: float, stretch: float) -> Row:
    low, high = min(times), max(times)
    return Row(what, "", median(times), low, high, "ms", "lower", gate, stretch)
