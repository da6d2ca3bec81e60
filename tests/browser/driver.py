"""A real JupyterLab with a home of its own, and a page of Chromium that looks at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        ConsoleMessage,
        Error,
        Locator,
        Page,
        Request,
    )

TOKEN = "of-this-test"
LOCAL = {"127.0.0.1", "localhost", ""}
ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "output" / "screenshots"
DATA = ROOT / "quantumflow_lab.data" / "data"
"""What the wheel brings for JupyterLab; here it is seen where it lies."""
SETTINGS: dict[str, dict[str, Any]] = {
    # A pop-up with news would cover the page, and asks the network.
    "notification": {"fetchNews": "false", "checkForUpdates": False},
}

READY = """async () => {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  for (;;) {
    const panel = window.jupyterapp?.shell?.currentWidget;
    const session = panel?.sessionContext;
    if (session) {
      await session.ready;
      const kernel = session.session?.kernel;
      await kernel?.info;
      if (kernel?.status === "idle" && kernel.connectionStatus === "connected") return;
    }
    await wait(50);
  }
}"""
"""The icon says idle before the kernel is connected; keys pressed then are lost."""

TO_IDLE = """async (label) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const buttons = [...document.querySelectorAll(".qf-run button")];
  const button = buttons.find((each) => each.textContent.trim() === label);
  const idle = new Promise((resolve) => {
    const heard = (_, message) => {
      if (message.header.msg_type !== "status") return;
      if (message.content.execution_state !== "idle") return;
      if (message.parent_header.msg_type !== "execute_request") return;
      kernel.iopubMessage.disconnect(heard);
      resolve(performance.now());
    };
    kernel.iopubMessage.connect(heard);
  });
  const pressed = performance.now();
  button.click();
  return (await idle) - pressed;
}"""
"""Press a button and wait until the kernel says that the *cell* has ended: while an
asynchronous cell runs, it says idle after each message of a widget as well."""


FIRST_SIGHT = """async (cell) => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = cell;
  const node = panel.content.widgets[cell].node;
  const seen = new Promise((resolve) => {
    const look = () => {
      const widget = node.querySelector("article.qf-run");
      const drawn = widget && widget.getBoundingClientRect().height > 0;
      if (drawn) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  const began = performance.now();
  void window.jupyterapp.commands.execute("notebook:run-cell");
  return (await seen) - began;
}"""


NEXT_FRAME = """() => new Promise((resolve) =>
  requestAnimationFrame(() => requestAnimationFrame(resolve)))"""


@dataclass
class Server:
    """A running JupyterLab."""

    port: int
    folder: Path
    """Where its notebooks are."""
    home: Path
    """Where the lab of its kernels keeps runs."""

    def url(self, notebook: str) -> str:
        """Address of a notebook, opened alone."""
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?reset&token={TOKEN}"


@dataclass
class Lab:
    """One page with one notebook, and what it did beside showing it."""

    page: Page
    server: Server
    requests: list[str] = field(default_factory=list)
    """Addresses that are not on this machine."""
    errors: list[str] = field(default_factory=list)

    def open(self, cells: list[str] | Path, name: str = "test.ipynb") -> None:
        """Write a notebook, open it and wait for its kernel."""
        path = self.server.folder / name
        if isinstance(cells, Path):
            path.write_text(cells.read_text(encoding="utf-8"), encoding="utf-8")
        else:
            nbformat.write(_notebook(cells), path)
        self.page.goto(self.server.url(name), timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel of the notebook answers and does nothing."""
        self.page.evaluate(READY)

    def reload(self) -> None:
        """Save the notebook and load the page anew, as a person does; see its cells."""
        self.command("docmanager:save")
        self.page.reload(timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")

    def command(self, name: str) -> None:
        """Carry out a command of JupyterLab and wait for its end."""
        self.page.evaluate("(name) => window.jupyterapp.commands.execute(name)", name)

    def start(self, cell: int) -> None:
        """Select a cell and run it, without waiting."""
        self.page.evaluate(
            """(cell) => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
              void window.jupyterapp.commands.execute("notebook:run-cell");
            }""",
            cell,
        )

    def run(self, cell: int) -> None:
        """Run a cell and wait for its end."""
        self.page.evaluate(
            """async (cell) => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
              await window.jupyterapp.commands.execute("notebook:run-cell");
            }""",
            cell,
        )

    def first_sight(self, cell: int) -> float:
        """Run a cell; the milliseconds until its widget is on the screen."""
        return float(self.page.evaluate(FIRST_SIGHT, cell))

    def text(self, cell: int) -> str:
        """What a cell shows below its code."""
        area = self.page.locator(".jp-Cell").nth(cell).locator(".jp-Cell-outputArea")
        return "\n".join(area.all_inner_texts())

    def press(self, label: str) -> float:
        """Press a button of a run; the milliseconds until its cell has ended."""
        return float(self.page.evaluate(TO_IDLE, label))

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme and wait until it is drawn."""
        light = "true" if name == "JupyterLab Light" else "false"
        self.page.evaluate(
            """(theme) => window.jupyterapp.commands.execute(
              "apputils:change-theme", { theme })""",
            name,
        )
        self.page.wait_for_selector(
            f"body[data-jp-theme-light='{light}']", state="attached"
        )
        # Colours change at once, as motion is reduced: it is drawn with the next frame.
        self.page.evaluate(NEXT_FRAME)

    def screenshot(self, name: str, selector: str | None = None) -> Path:
        """Keep a picture of the page, or of what matches a selector."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        if selector is None:
            self.page.screenshot(path=path)
        else:
            self._shot(self.page.locator(selector).first, path)
        return path

    def _shot(self, part: Locator, path: Path) -> None:
        """All of it: what JupyterLab has no room for would be blank."""
        room, box = self.page.viewport_size, part.bounding_box()
        assert room is not None
        assert box is not None
        width, height = room["width"], max(room["height"], int(box["height"]) + 250)
        self.page.set_viewport_size({"width": width, "height": height})
        part.scroll_into_view_if_needed()
        part.screenshot(path=path)
        self.page.set_viewport_size(room)


def _notebook(cells: list[str]) -> Any:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": kernel},
    )


def _noting_strangers(found: list[str]) -> Callable[[Request], None]:
    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in LOCAL:
            found.append(request.url)

    return note


OWN = "Could not restore the debugger state"
"""What JupyterLab logs of its own when a kernel is shut down soon after its start."""


def _noting_errors(found: list[str]) -> Callable[[ConsoleMessage], None]:
    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(OWN):
            found.append(message.text)

    return note


def _noting_faults(found: list[str]) -> Callable[[Error], None]:
    def note(error: Error) -> None:
        stack = error.stack or str(error)
        frames = stack.splitlines()[1:]
        # JupyterLab's splash screen is removed twice where it ends twice in a moment.
        splash = "'removeChild' on 'Node'" in stack and len(frames) == 1
        if not (splash and "/jlab_core." in frames[0]):
            found.append(stack)

    return note


def _env(root: Path) -> dict[str, str]:
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "QFLOW_HOME": "home",
    }
    return {
        **os.environ,
        **{name: str(root / folder) for name, folder in names.items()},
        "JUPYTER_PATH": str(DATA / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(DATA / "etc" / "jupyter"),
    }


def _write_settings(folder: Path) -> None:
    plugin = folder / "@jupyterlab" / "apputils-extension"
    plugin.mkdir(parents=True)
    for name, values in SETTINGS.items():
        text = json.dumps(values)
        (plugin / f"{name}.jupyterlab-settings").write_text(text, encoding="utf-8")


def _port(root: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that the server took, once it answers."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        for file in (root / "runtime").glob("jpserver-*.json"):
            text = file.read_text(encoding="utf-8")
            if text:
                return int(json.loads(text)["port"])
        time.sleep(0.1)
    log = (root / "server.log").read_text(encoding="utf-8")
    raise RuntimeError(f"JupyterLab did not start:\n{log}")


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """JupyterLab on a free port, with everything it writes below `root`."""
    folder = root / "notebooks"
    folder.mkdir()
    _write_settings(root / "settings")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
        f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
    ]
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=_env(root), stdout=log, stderr=log)
    try:
        yield Server(_port(root, process), folder, root / "home")
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def looking(browser: Browser, server: Server) -> Iterator[Lab]:
    """A fresh page; its kernels are shut down at the end."""
    page = browser.new_page(
        viewport={"width": 1280, "height": 1000}, reduced_motion="reduce"
    )
    page.set_default_timeout(60_000)
    opened = Lab(page, server)
    page.on("request", _noting_strangers(opened.requests))
    page.on("console", _noting_errors(opened.errors))
    page.on("pageerror", _noting_faults(opened.errors))
    yield opened
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.close()
