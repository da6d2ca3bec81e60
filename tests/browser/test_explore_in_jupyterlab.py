"""What a person sees of past runs, devices and comparisons, and can press there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from quantumflow_lab.store import Store
from tests.unit.explored import PAST

if TYPE_CHECKING:
    from tests.browser.driver import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LOAD = "%load_ext quantumflow_lab\nimport quantumflow_lab as qf"
PAIR = """%%qflow pair --seed {seed} --backend fake_manila
from qiskit import QuantumCircuit

@qf.sample(shots={shots})
def counts():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc
"""
VIEW = "article.qx"


def remember(lab: Lab) -> None:
    with Store(lab.server.home) as store:
        if store.query("explore_extent")[0]["runs"] == 0:
            store.append(PAST)


def test_a_click_in_one_chart_filters_the_others(lab: Lab) -> None:
    remember(lab)
    lab.open([LOAD, "qf.Dashboard()"], "dashboard.ipynb")
    lab.run(0)
    lab.run(1)
    page = lab.page
    view = page.locator(VIEW).first
    view.wait_for()
    runs = view.locator("[data-run]")
    before = runs.count()
    view.get_by_role("button", name="fez, 3 jobs").click()
    expect(runs).to_have_text(["bell:2"])
    expect(view).to_have_attribute("aria-busy", "false")
    expect(view.locator(".qx-tiles dd").first).to_have_text("1")
    lab.screenshot("dashboard-filtered-light", VIEW)
    # JupyterLab would delete the cell.
    for _ in range(2):
        view.get_by_role("button", name="Remove filter: backend fez").press("d")
    expect(view).to_be_visible()
    view.get_by_role("button", name="Remove filter: backend fez").press("Enter")
    expect(runs).to_have_count(before)
    # Keys of the brush do not move JupyterLab's selection.
    handle = view.get_by_role("slider", name="from", exact=True)
    handle.focus()
    handle.press("ArrowRight")
    expect(view.get_by_role("button", name="Remove filter: from")).to_be_visible()
    handle.press("Home")
    expect(runs).to_have_count(before)
    expect(view).to_have_attribute("aria-busy", "false")
    lab.theme("JupyterLab Dark")
    lab.screenshot("dashboard-dark", VIEW)
    lab.theme("JupyterLab Light")


def test_a_run_opens_in_its_place_and_two_are_compared(lab: Lab) -> None:
    cells = [PAIR.format(seed=1, shots=100), PAIR.format(seed=2, shots=4000)]
    shown = ["qf.Dashboard()", "qf.Compare('pair')", "qf.Backends(among='fake_manila')"]
    lab.open([LOAD, *cells, *shown], "compare.ipynb")
    for cell in range(3):
        lab.run(cell)
    lab.run(3)
    view = lab.page.locator(VIEW).first
    row = view.locator("[data-run]", has_text="pair:")
    row.first.click()
    opened = view.locator(".qx-opened")
    expect(opened.locator("code")).to_have_text("%qflow load pair")
    expect(opened.locator(".qf-still")).to_contain_text("counts")
    lab.screenshot("dashboard-opened-light", VIEW)
    opened.press("Escape")
    expect(opened).to_have_count(0)
    expect(row.first).to_be_focused()
    lab.run(4)
    compared = lab.page.locator(VIEW).nth(1)
    expect(compared.locator("h4").first).to_have_text("What differs")
    expect(compared).to_contain_text("4000")
    lab.screenshot("compare-light", f"{VIEW} >> nth=1")
    lab.run(5)
    device = lab.page.locator(VIEW).nth(2)
    device.locator(".qx-qubit").first.focus()
    device.locator(".qx-qubit").first.press("ArrowRight")
    expect(device.locator(".qx-told")).to_contain_text("readout error")
    lab.screenshot("backends-light", f"{VIEW} >> nth=2")
