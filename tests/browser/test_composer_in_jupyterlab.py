"""A workflow is composed from nothing; a cell is opened, changed and written back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.driver import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LOAD = "%load_ext quantumflow_lab\nimport quantumflow_lab as qf"
VIEW = "article.qf-composer"
CELL = """%%qflow pair --shots 100 --backend aer
# What is measured.
@qf.circuit
def bell():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()  # both
    return qc

@qf.sample
def counts(bell):
    return bell
"""


def test_a_bell_pair_is_composed_from_nothing_and_run(lab: Lab) -> None:
    cells = [LOAD, "c = qf.Composer()\nc", "print(c.text)\nprint(c.run.state)"]
    lab.open(cells, "compose.ipynb")
    lab.run(0)
    lab.run(1)
    page, view = lab.page, lab.page.locator(VIEW)
    view.wait_for()
    lab.screenshot("composer-empty-light", VIEW)
    view.get_by_role("button", name="Draw gates").first.click()
    for key in ("h", "c", "ArrowDown", "x", "m", "ArrowUp", "m"):
        page.keyboard.press(key)
    view.get_by_role("button", name="Make a circuit").click()
    steps = view.locator("[data-step]")
    expect(steps).to_have_count(1)
    view.get_by_role("button", name="Sample counts outcomes").click()
    expect(steps).to_have_count(2)
    shots = view.get_by_label("shots", exact=True).last
    shots.fill("64")
    shots.press("Enter")
    expect(steps.last).to_contain_text("64 shots")
    lab.screenshot("composer-bell-light", VIEW)
    view.locator(".qfc-toolbar .qfc-primary").click()
    expect(view.locator(".qfc-run .qf-header .qf-is-done")).to_be_visible(
        timeout=60_000
    )
    lab.theme("JupyterLab Dark")
    lab.screenshot("composer-run-dark", VIEW)
    lab.theme("JupyterLab Light")
    lab.run(2)
    said = lab.text(2)
    assert "qc.h(0)" in said
    assert "qc.cx(0, 1)" in said
    assert "shots=64" in said
    assert said.split()[-1] == "done"


def test_a_cell_is_opened_its_shots_changed_and_written_back(lab: Lab) -> None:
    imports = f"{LOAD}\nfrom qiskit import QuantumCircuit"
    cells = [imports, f"c = qf.Composer({CELL!r})\nc", "c.cell()"]
    lab.open(cells, "reopen.ipynb")
    lab.run(0)
    lab.run(1)
    view = lab.page.locator(VIEW)
    view.locator("[data-step=counts]").wait_for()
    # Its keys are its own: JupyterLab would delete the cell.
    view.locator("[data-step=bell]").focus()
    for key in ("d", "d"):
        lab.page.keyboard.press(key)
    expect(view).to_be_visible()
    shots = view.get_by_label("shots", exact=True).first
    shots.fill("250")
    shots.press("Enter")
    expect(view.locator(".qfc-toolbar")).to_be_visible()
    lab.screenshot("composer-cell-light", VIEW)
    lab.run(2)
    written = lab.page.locator(".jp-Notebook .jp-Cell").nth(3)
    expect(written).to_contain_text("--shots 250")
    expect(written).to_contain_text("# both")
