"""What a person sees and presses in JupyterLab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from quantumflow_lab.store import Store

if TYPE_CHECKING:
    from tests.browser.driver import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
LOAD = "%load_ext quantumflow_lab"
LONG = """%%qflow long
@qf.circuit
def wide():
    from qiskit import QuantumCircuit
    qc = QuantumCircuit(23)
    for layer in range(400):
        for i in range(23):
            qc.rx(0.1 + layer, i)
        for i in range(22):
            qc.cx(i, i + 1)
    qc.measure_all()
    return qc

@qf.sample(shots=10)
def counts(wide):
    return wide

@qf.step
def pace():
    import time
    for n in range(600):
        qf.log(beat=n % 7)
        time.sleep(0.05)
"""
RUN = "article.qf-run"
BEATS = re.compile("^beat of pace")
MANY_BEATS = re.compile(r"^beat of pace: (4\d|\d{3,}) values")
CANCEL_MS = 250
"""Longest time from the press to an idle kernel."""
BUSY = 4
"""How much longer a busy machine may take; ``make bench`` tells the figure."""


def rows(lab: Lab, query: str) -> list[dict[str, object]]:
    store = Store(lab.server.home)
    try:
        return list(store.sql(query).to_pylist())
    finally:
        store.close()


def test_the_quickstart_runs_and_its_graph_shows_every_step_done(lab: Lab) -> None:
    lab.open(QUICKSTART)
    lab.command("notebook:run-all-cells")
    still = lab.page.locator(".qf-still").first
    still.wait_for(state="attached")
    states = still.locator("tbody tr td:nth-of-type(5)").all_text_contents()
    assert states == ["✓ done"] * 3
    assert lab.page.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0
    still.scroll_into_view_if_needed()
    lab.screenshot("quickstart-light")
    lab.theme("JupyterLab Dark")
    lab.screenshot("quickstart-dark")
    lab.theme("JupyterLab Light")


def test_cancel_frees_the_kernel_at_once_and_is_recorded(lab: Lab) -> None:
    lab.open([LOAD, LONG, "print('next')"])
    lab.run(0)
    lab.start(1)
    lab.page.get_by_role("button", name="Cancel", exact=True).wait_for()
    live = lab.page.locator(RUN)
    live.locator("[data-step=counts]").get_by_text("running").wait_for()
    live.get_by_label(MANY_BEATS).wait_for()
    lab.screenshot("live-light", RUN)
    lab.theme("JupyterLab Dark")
    lab.screenshot("live-dark", RUN)
    lab.theme("JupyterLab Light")
    took = lab.press("Cancel")
    print(f"cancel to idle: {took:.0f} ms")
    assert took < BUSY * CANCEL_MS
    assert "RunCancelled: run 'long' was cancelled" in lab.text(1)
    lab.run(2)
    assert lab.text(2).strip() == "next"
    assert rows(lab, "select state from qf_runs where name = 'long'") == [
        {"state": "cancelled"}
    ]


def test_keys_pressed_on_a_step_never_reach_the_notebook(lab: Lab) -> None:
    lab.open([LOAD, LONG, "print('next')"])
    lab.run(0)
    lab.start(1)
    node = lab.page.locator(f"{RUN} [data-step=pace]")
    node.focus()
    for key in "dd":  # In command mode, this deletes the cell.
        lab.page.keyboard.press(key)
    lab.page.wait_for_timeout(300)
    assert lab.page.locator(".jp-Cell").count() == 3
    lab.press("Cancel")


def test_detach_frees_the_notebook_while_the_run_goes_on(lab: Lab) -> None:
    lab.open([LOAD, LONG.replace("long", "apart", 1), "apart.state", "apart.cancel()"])
    lab.run(0)
    lab.start(1)
    lab.page.get_by_role("button", name="Detach", exact=True).wait_for()
    live = lab.page.locator(RUN)
    live.get_by_label(BEATS).wait_for()
    took = lab.press("Detach")
    assert took < BUSY * CANCEL_MS
    lab.run(2)
    assert "'running'" in lab.text(2)
    before = live.get_by_label(BEATS).get_attribute("aria-label")
    expect(live.get_by_label(BEATS)).not_to_have_attribute("aria-label", before or "")
    lab.run(3)
    ended = lab.page.locator(".jp-Cell").nth(1).locator(".qf-still")
    ended.get_by_text("cancelled").first.wait_for()


def test_a_page_that_is_loaded_anew_shows_the_run_and_the_composer(lab: Lab) -> None:
    composed = "%%qflow drawn\n@qf.step\ndef pace():\n    return 1\n"
    composer = f"import quantumflow_lab as qf\nc = qf.Composer({composed!r})\nc"
    lab.open([LOAD, composer, LONG, "print(c.text)"], "reload.ipynb")
    lab.run(0)
    lab.run(1)
    view = lab.page.locator("article.qf-composer")
    shots = view.get_by_label("shots", exact=True).first
    shots.fill("250")
    shots.press("Enter")
    expect(view.get_by_role("button", name="Undo (Ctrl+Z)")).to_be_enabled()
    lab.start(2)
    live = lab.page.locator(RUN)
    live.get_by_role("button", name="Cancel", exact=True).wait_for()
    lab.reload()
    live.locator("[data-step=pace]").get_by_text("running").wait_for()
    view.locator("[data-step=pace]").wait_for()
    expect(shots).to_have_value("250")
    # What the kernel sends at the end, the page no longer has a place for.
    live.get_by_role("button", name="Cancel", exact=True).click()
    live.locator(".qf-header .qf-is-cancelled").wait_for()
    expect(live.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    shots.fill("333")
    shots.press("Enter")
    expect(view.get_by_role("button", name="Redo (Ctrl+Shift+Z)")).to_be_disabled()
    expect(view.locator(".qfc-toolbar")).to_contain_text("can run")
    lab.ready()
    lab.start(3)
    printed = lab.page.locator(".jp-OutputArea-output", has_text="--shots 333")
    printed.wait_for(state="attached")
