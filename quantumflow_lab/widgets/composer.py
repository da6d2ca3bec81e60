"""The composer's widget, and what stands for it where no widget can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from quantumflow_lab.widgets.composed import composer_html, composer_text
from quantumflow_lab.widgets.run import VIEW

STATIC = Path(__file__).parent / "static"

ACTS = {"undo", "redo", "quote", "run", "cancel", "pause", "resume", "write"}
"""Messages that are one word."""

NO_FRONT_END = (
    "The composer's canvas is not built (widgets/static/composer.js is missing): "
    "type 'make setup' in the project's folder."
)


class ComposerWidget(anywidget.AnyWidget):
    """A cell as a canvas.

    The kernel owns the text: the view draws what the traits say and sends what a person
    does. ``docs/composer.md`` describes the traits and the messages. Without the built
    front end it shows :func:`composer_html` and one line saying why.

    Parameters
    ----------
    on_message
        Called with each message of the view that the protocol knows.
    """

    _esm = (
        STATIC / "composer.js"
        if (STATIC / "composer.js").exists()
        else ("export default {}")
    )
    _css = STATIC / "composer.css" if (STATIC / "composer.css").exists() else ""

    cell = traitlets.Dict().tag(sync=True)
    """The cell taken apart, with its text and revision."""
    palette = traitlets.Dict().tag(sync=True)
    """Kinds of steps, circuits, gates and backends to choose from."""
    quote = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    """What running the text would take, None if it cannot be run."""
    run = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    """The snapshot of the run that was started here, None before."""
    places = traitlets.Dict().tag(sync=True)
    """Where a person has put steps, as ``{step: [x, y]}``; never in the text."""

    def __init__(self, on_message: Callable[[dict[str, Any]], None]) -> None:
        self._on_message = on_message
        super().__init__()
        self.on_msg(self._receive)

    def static_bundle(self, note: str | None = None) -> dict[str, str]:
        """The cell as HTML and text, for an output that has to outlive the kernel."""
        html = composer_html(self.cell, self.quote, note=note)
        return {"text/plain": composer_text(self.cell), "text/html": html}

    def _receive(self, _: object, content: object, __: object) -> None:
        message = _understood(content)
        if message is not None:
            self._on_message(message)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if not (STATIC / "composer.js").exists():
            return dict(self.static_bundle(NO_FRONT_END)), {}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {**self.static_bundle(), VIEW: view}, {}

    def __repr__(self) -> str:
        return composer_text(self.cell)


def _understood(content: object) -> dict[str, Any] | None:
    """The message if it is one that the view sends."""
    match content:
        case {"type": "edit", "revision": int(revision), "op": dict(op)}:
            return {"type": "edit", "revision": revision, "op": op}
        case {"type": "cancel", "step": str(step)}:
            return {"type": "cancel", "step": step}
        case {"type": str(kind)} if kind in ACTS:
            return {"type": kind}
        case _:
            return None
