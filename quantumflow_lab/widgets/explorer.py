"""What the widgets that look at what is kept have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from quantumflow_lab.widgets.report import Section, report_html, report_text
from quantumflow_lab.widgets.room import fitted

STATIC = Path(__file__).parent / "static"
VIEW = "application/vnd.jupyter.widget-view+json"
NO_FRONT_END = (
    "The view to click in is not built (widgets/static/dashboard.js is missing): "
    "type 'make setup' in the project's folder."
)

State = Mapping[str, Any]
"""What the kernel tells; see ``docs/explore.md`` for its fields."""
Message = dict[str, Any]
Report = tuple[str, Sequence[str], Sequence[Section]]
"""Title, sentences and sections, which the static forms are made of."""


class Explorer(anywidget.AnyWidget):
    """A widget that shows a state and passes on what a person asks of it.

    Without the built front end it shows a report and one line saying why.

    Parameters
    ----------
    state
        What to show first.
    on_message
        Called with what was pressed; may be called on any thread.
    """

    _esm = (
        STATIC / "dashboard.js"
        if (STATIC / "dashboard.js").exists()
        else "export default {}"
    )
    _css = STATIC / "dashboard.css" if (STATIC / "dashboard.css").exists() else ""

    state = traitlets.Dict().tag(sync=True)
    """The kernel owns it; the browser only reads."""

    def __init__(self, state: State, on_message: Callable[[Message], None]) -> None:
        self._on_message = on_message
        self._whole = state
        super().__init__(state=fitted(state))
        self.on_msg(self._receive)

    @abstractmethod
    def _report(self) -> Report:
        """The state in words and tables."""

    @staticmethod
    @abstractmethod
    def _understood(content: object) -> Message | None:
        """The message if it is one that the view sends."""

    def update(self, state: State) -> None:
        """Show another state; what does not fit into a message is left out of it."""
        self._whole = state
        self.state = fitted(state)

    def static_bundle(self) -> dict[str, str]:
        """The state as HTML and text, for an output that has to outlive the kernel."""
        return {"text/plain": repr(self), "text/html": report_html(*self._report())}

    def _receive(self, _: object, content: object, __: object) -> None:
        message = self._understood(content)
        if message is not None:
            self._on_message(message)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = self.static_bundle()
        if not (STATIC / "dashboard.js").exists():
            title, sentences, sections = self._report()
            html = report_html(title, [NO_FRONT_END, *sentences], sections)
            return {**bundle, "text/html": html}, {}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {**bundle, VIEW: view}, {}

    def __repr__(self) -> str:
        title, sentences, sections = self._report()
        # What HTML folds away would be screens of numbers in a terminal.
        shown = [each for each in sections if not each.folded]
        return report_text(title, sentences, shown)
