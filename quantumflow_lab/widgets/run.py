"""The live widget of a run, and what stands for it where no widget can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from quantumflow_lab.widgets.frame import trimmed
from quantumflow_lab.widgets.html import run_html
from quantumflow_lab.widgets.text import run_text
from quantumflow_lab.widgets.words import Snapshot

STATIC = Path(__file__).parent / "static"
VIEW = "application/vnd.jupyter.widget-view+json"

NO_FRONT_END = (
    "The live view is not built (widgets/static/run.js is missing): "
    "type 'make setup' in the project's folder."
)


class RunWidget(anywidget.AnyWidget):
    """A run as one sees it while it goes on.

    Without the built front end it shows :func:`run_html` and one line saying why.

    Parameters
    ----------
    snapshot
        What to show first; its fields are described in ``docs/widgets.md``.
    on_message
        Called with ``{"type": "cancel"}``, ``{"type": "cancel", "step": name}``,
        ``{"type": "detach"}``, ``{"type": "pause"}`` or ``{"type": "resume"}`` when a
        button is pressed. May be called on any thread.
    """

    _esm = STATIC / "run.js" if (STATIC / "run.js").exists() else "export default {}"
    _css = STATIC / "run.css" if (STATIC / "run.css").exists() else ""

    snapshot = traitlets.Dict().tag(sync=True)
    """The state of the run. The kernel owns it; the browser only reads."""

    def __init__(
        self, snapshot: Snapshot, on_message: Callable[[dict[str, Any]], None]
    ) -> None:
        self._on_message = on_message
        self._whole = snapshot
        super().__init__(snapshot=trimmed(snapshot))
        self.asked_anew = False
        """Whether a page has asked for all of it again, such as one that was loaded
        anew: that page does not hear of a display that is replaced."""
        self.on_msg(self._receive)

    def update(self, snapshot: Snapshot) -> None:
        """Show a newer state; from the kernel's main thread, at most at 10 Hz."""
        self._whole = snapshot
        self.snapshot = trimmed(snapshot)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """As ipywidgets asks for it: whole at the start, and for a page without it."""
        if key is None:
            self.asked_anew = True
        return super().get_state(key=key, drop_defaults=drop_defaults)

    def static_bundle(self) -> dict[str, str]:
        """The state as HTML and text, for an output that has to outlive the kernel.

        JupyterLab shows an error in place of a widget whose kernel has gone, so the
        output of a finished run is best replaced by this one.
        """
        return {
            "text/plain": run_text(self._whole),
            "text/html": run_html(self._whole),
        }

    def _receive(self, _: object, content: object, __: object) -> None:
        message = _understood(content)
        if message is not None:
            self._on_message(message)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if not (STATIC / "run.js").exists():
            html = run_html(self._whole, note=NO_FRONT_END)
            return {**self.static_bundle(), "text/html": html}, {}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {**self.static_bundle(), VIEW: view}, {}

    def __repr__(self) -> str:
        return run_text(self._whole)


def _understood(content: object) -> dict[str, Any] | None:
    """The message if it is one of those that the view sends."""
    match content:
        case {"type": "cancel", "step": str(step)}:
            return {"type": "cancel", "step": step}
        case {"type": "cancel" | "detach" | "pause" | "resume" as kind}:
            return {"type": kind}
        case _:
            return None
