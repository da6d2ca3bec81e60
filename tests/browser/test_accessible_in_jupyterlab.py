"""No view has a fault that axe-core calls serious, in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from quantumflow_lab.store import Store
from tests.browser.axe import faults
from tests.unit.explored import PAST

if TYPE_CHECKING:
    from tests.browser.driver import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LOAD = "%load_ext quantumflow_lab\nimport quantumflow_lab as qf"
PAIR = """%%qflow pair --seed {seed} --backend fake_manila,fake_lima
from qiskit import QuantumCircuit

angle = qf.axis([0.1, 0.2, 0.3], unit="rad")

@qf.sample(shots={shots})
def counts(angle):
    qc = QuantumCircuit(2)
    qc.ry(angle, 0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.step
def ones(counts):
    return counts.data.meas.get_counts().get("11", 0) / {shots}

@qf.step
def wrong(ones, angle):
    if angle == 0.2:
        raise ValueError("an odd angle")
    return ones
"""
ENDLESS = """%%qflow endless --background
@qf.step
def pace():
    import time
    for n in range(6000):
        qf.log(beat=n % 7)
        time.sleep(0.05)

@qf.step
def after(pace):
    return pace
"""
THEMES = ("JupyterLab Dark", "JupyterLab Light")
VIEWS = (".qf-still", "article.qf-run", "article.qf-composer", "article.qx")
SIDE = "#quantumflow-sidebar"
TABS = ("Graph", "Timeline", "Results", "Events")


def checked(lab: Lab, selector: str, *more: object) -> None:
    """Refuse every serious fault of what is on the page now."""
    assert faults(lab.page, selector) == [], more


def test_no_view_has_a_serious_fault_in_light_or_dark(lab: Lab) -> None:
    """All of them stand on one page, twice where a person may have two."""
    page, text = lab.page, PAIR.format(seed=1, shots=100)
    imports = f"{LOAD}\nfrom qiskit import QuantumCircuit"
    composers = ["qf.Composer()", f"qf.Composer({text!r})"]
    explored = ["qf.Dashboard()"] * 2 + ["qf.Compare('pair')"]
    devices = ["qf.Backends(among='fake_manila')"]
    pairs = [text, PAIR.format(seed=2, shots=200)]
    cells = [imports, "qf.Dashboard()", *pairs, ENDLESS, *composers, *explored]
    lab.open([*cells, *devices, "endless.cancel()"], "axe.ipynb")
    lab.run(0)
    lab.run(1)
    page.locator("article.qx").wait_for()
    checked(lab, "article.qx", "empty")
    with Store(lab.server.home) as store:
        store.append(PAST)
    for cell in range(2, len(cells) + 1):
        lab.start(cell)
    page.locator("article.qx").nth(4).wait_for()
    page.locator("article.qx").nth(1).locator("[data-run]").first.click()
    first, second = (page.locator("article.qf-composer").nth(n) for n in (0, 1))
    first.get_by_role("button", name="Draw gates").first.click()
    second.locator("[data-step=counts]").click()
    second.locator(".qfc-toolbar .qfc-primary").click()
    second.locator(".qfc-run .qf-header").wait_for()
    live = page.locator("article.qf-run").first
    for theme in THEMES:
        lab.theme(theme)
        for view in VIEWS:
            checked(lab, view, theme)
        for tab in TABS[1:]:
            live.get_by_role("tab", name=tab).click()
            checked(lab, "article.qf-run", theme, tab)
        live.get_by_role("tab", name=TABS[0]).click()
        live.locator("[data-step=pace]").click()
        checked(lab, "article.qf-run", theme, "details")
        live.get_by_role("button", name="Close details").click()
    lab.run(len(cells) + 1)


def test_the_sidebar_has_no_serious_fault_in_light_or_dark(lab: Lab) -> None:
    """A run that goes on, past ones that are open, one that failed, and none at all."""
    with Store(lab.server.home) as store:
        if store.query("explore_extent")[0]["runs"] == 0:
            store.append(PAST)
    lab.open([LOAD, ENDLESS, "endless.cancel()"], "side.ipynb")
    lab.run(0)
    lab.run(1)
    lab.command("quantumflow:show-runs")
    side = lab.page.locator(SIDE)
    side.get_by_role("button", name="Cancel endless").wait_for()
    expect(side).to_contain_text("5.00 USD")
    for name in ("endless", "bell"):
        row = side.locator(".qf-side-run", has_text=name).first
        row.locator(".qf-side-main").click()
        row.locator(".qf-side-details").wait_for()
        for theme in THEMES:
            lab.theme(theme)
            checked(lab, SIDE, theme, name)
    side.get_by_role("searchbox").fill("no run is called so")
    expect(side.locator(".qf-side-run")).to_have_count(0)
    for theme in THEMES:
        lab.theme(theme)
        checked(lab, SIDE, theme, "nothing found")
    lab.run(2)
