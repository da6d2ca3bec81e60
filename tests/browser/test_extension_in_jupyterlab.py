"""The sidebar, its commands and the colours of magic lines in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from quantumflow_lab import Lab as Runs
from tests.browser.test_notebook_in_jupyterlab import LOAD
from tests.unit.explored import PAST as PAST_RECORDS

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.driver import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SIDE = "#quantumflow-sidebar"
PAST = """%%qflow sums --seed 4
size = qf.axis([1, 2, 3])

@qf.step
def square(size):
    return size**2
"""
WATCHED = """%%qflow watched --seed 4
size = qf.axis([1, 2, 3, 4])

@qf.step
def quick(size):
    return size

@qf.step
def slow(quick, size):
    import time
    for n in range(600 if size > 2 else 1):
        time.sleep(0.05)
"""
TYPED = """%%qflow bell --backend aer,fez --shots=1000 --policy "fastest" --shot 3 # two
@qf.step
def one():
    return 1
"""
COLOURED = """(kind) => {
  let said = "";
  for (const line of document.querySelectorAll(".jp-Notebook .cm-line")) {
    const seen = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (seen.nextNode()) {
      const text = seen.currentNode;
      // Python's own colours cut a word into pieces.
      said += text.parentElement.closest(`.qf-code-${kind}`) ? text.data : " ";
    }
  }
  return said.trim().replace(/\\s+/g, " ");
}"""


def shown(lab: Lab) -> Locator:
    lab.command("quantumflow:show-runs")
    side = lab.page.locator(SIDE)
    expect(side.locator("h2")).to_have_text("QuantumFlow")
    return side


def row(side: Locator, name: str) -> Locator:
    return side.locator(".qf-side-run", has_text=name).first


def words(lab: Lab, kind: str) -> str:
    """What stands in a colour in the cells of the notebook."""
    return str(lab.page.evaluate(COLOURED, kind))


def sources(lab: Lab) -> list[str]:
    return list(
        lab.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
              (cell) => cell.model.sharedModel.getSource())"""
        )
    )


def test_a_past_run_is_there_without_a_kernel_and_gives_its_cell(lab: Lab) -> None:
    runs = Runs(lab.server.home)
    runs.run(PAST)
    failing = PAST.replace("size**2", "1 / (size - 2)").replace("sums", "ratios")
    runs.run(failing)
    runs.store.append(PAST_RECORDS)
    runs.close()
    lab.open([""], "past.ipynb")
    side = shown(lab)
    past = row(side, "sums")
    expect(past).to_contain_text("done", timeout=60_000)
    row(side, "ratios").locator(".qf-side-main").click()
    expect(side).to_contain_text("ZeroDivisionError: division by zero")
    lab.screenshot("sidebar-failed-light")
    past.locator(".qf-side-main").press("Enter")
    expect(past).to_contain_text("3 of 3 points")
    lab.screenshot("sidebar-light")
    lab.theme("JupyterLab Dark")
    lab.screenshot("sidebar-dark")
    lab.theme("JupyterLab Light")
    past.get_by_role("button", name="Insert cell").click()
    expect(lab.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    assert sources(lab) == [
        "%load_ext quantumflow_lab\nimport quantumflow_lab as qf",
        PAST.rstrip(),
    ]
    # It takes the width it is given.
    handle = lab.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle").first
    handle.drag_to(lab.page.locator(".jp-Notebook"))
    width = "(node) => [node.clientWidth, node.parentElement.clientWidth]"
    mine, given = side.evaluate(width)
    assert mine == given > 400


def test_a_live_run_appears_and_is_cancelled_while_its_cell_waits(lab: Lab) -> None:
    lab.open([LOAD, WATCHED, "print('next')"], "live.ipynb")
    side = shown(lab)
    lab.run(0)
    lab.start(1)
    live = side.get_by_role("region", name="Running, 1").locator(".qf-side-run")
    expect(live).to_contain_text("watched:1", timeout=60_000)
    expect(live).to_contain_text("running")
    live.locator(".qf-side-main").click()
    live.get_by_text("live.ipynb").wait_for()
    expect(live).to_contain_text("6 of 8 points")
    lab.page.set_viewport_size({"width": 1240, "height": 640})
    lab.screenshot("sidebar-live-light")
    lab.theme("JupyterLab Dark")
    lab.screenshot("sidebar-live-dark")
    lab.theme("JupyterLab Light")
    lab.page.set_viewport_size({"width": 1280, "height": 1000})
    live.get_by_role("button", name="Cancel watched:1").click()
    expect(row(side, "watched")).to_contain_text("cancelled", timeout=20_000)
    lab.run(2)
    assert lab.text(2).strip() == "next"
    assert "RunCancelled: run 'watched' was cancelled" in lab.text(1)
    # Its notebook is opened at its cell.
    lab.page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0"
    )
    row(side, "watched").get_by_role("button", name="Open").click()
    lab.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.activeCellIndex === 1"
    )
    row(side, "watched").get_by_role("button", name="Load").click()
    loaded = lab.page.locator(".jp-Cell").nth(2)
    expect(loaded).to_contain_text("%qflow load watched")
    expect(loaded.locator(".qf-still")).to_contain_text("cancelled")


def test_magic_lines_have_colours_and_the_launcher_begins_with_one(lab: Lab) -> None:
    lab.open([TYPED, "%qflow history bell --limit 5"], "typed.ipynb")
    expect(lab.page.locator(".qf-code-magic")).to_have_count(2)
    kinds = ("magic", "name", "option", "value", "number", "text", "comment", "wrong")
    assert {kind: words(lab, kind) for kind in kinds} == {
        "magic": "%%qflow %qflow",
        "name": "bell",
        "option": "--backend --shots --policy --shot history --limit",
        "value": "aer,fez bell",
        "number": "1000 3 5",
        "text": '"fastest"',
        "comment": "# two",
        "wrong": "",
    }
    lab.page.locator(".jp-Notebook .cm-line").first.click()
    lab.page.keyboard.press("End")
    lab.page.keyboard.press("Home")
    lab.page.keyboard.type("%%qflow a --colour red\n")
    lab.page.locator(".qf-code-wrong").first.wait_for()
    assert words(lab, "wrong") == "--colour"
    assert lab.page.locator(".qf-code-wrong").first.get_attribute("title") == (
        "%%qflow has no option --colour"
    )
    lab.screenshot("words-light", ".jp-Notebook .jp-Cell")
    lab.theme("JupyterLab Dark")
    lab.screenshot("words-dark", ".jp-Notebook .jp-Cell")
    lab.theme("JupyterLab Light")
    begin_from_the_launcher(lab)


def begin_from_the_launcher(lab: Lab) -> None:
    lab.command("apputils:activate-command-palette")
    palette = lab.page.locator(".lm-CommandPalette, .jp-ModalCommandPalette").first
    palette.locator("input").fill("QuantumFlow")
    for label in ("Show Runs", "Open the Composer", "Cancel All Runs"):
        palette.get_by_text(label, exact=True).wait_for()
    lab.page.keyboard.press("Escape")
    lab.command("launcher:create")
    card = lab.page.locator(".jp-LauncherCard", has_text="QuantumFlow Workflow")
    card.wait_for()
    lab.screenshot("launcher-light")
    card.click()
    lab.page.locator(".jp-Notebook .qf-code-name", has_text="bell").wait_for()
    made = sources(lab)
    assert made[0].startswith("%load_ext quantumflow_lab")
    assert made[1].startswith("%%qflow bell --backend aer")
