"""How a run looks while its cell waits: a widget, or a line in a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from quantumflow_lab.magics.outputs import OutputWriter
from quantumflow_lab.magics.showing import Publish, publisher, show
from quantumflow_lab.widgets import progress_line, run_html, run_text
from quantumflow_lab.widgets.run import RunWidget

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from quantumflow_lab.run import Run

OnMessage = Callable[[dict[str, Any]], None]
"""Takes what a person pressed; see :class:`quantumflow_lab.widgets.RunWidget`."""

_CLEAR = "\r\x1b[2K"


class View(Protocol):
    """What a cell shows of its run. One thread at a time uses it."""

    def open(self, on_message: OnMessage) -> None:
        """Show the run as it is at the start."""

    def tick(self) -> None:
        """Show what is new, at most ten times a second."""

    def close(self) -> None:
        """Leave behind what is to stay."""


def view_for(shell: InteractiveShell, run: Run, show: str) -> View:
    """The view that suits a shell."""
    publish = publisher(shell)
    if show == "none":
        return QuietView(publish, run)
    if not hasattr(shell, "kernel"):
        return TerminalView(publish, run)
    return WidgetView(publish, run) if show == "live" else GraphView(publish, run)


class QuietView:
    """Only what the steps print and display."""

    def __init__(self, publish: Publish, run: Run):
        self._publish = publish
        self._run = run
        self._outputs = OutputWriter(publish)

    def open(self, on_message: OnMessage) -> None:
        """Show nothing."""

    def tick(self) -> None:
        """Write new outputs."""
        self._outputs.write(self._run.outputs)

    def close(self) -> None:
        """Write the last outputs."""
        self.tick()
        self._outputs.finish()


class GraphView(QuietView):
    """A still picture, drawn at the start and at the end."""

    def __init__(self, publish: Publish, run: Run):
        super().__init__(publish, run)
        self._display_id = f"qflow-{run.id}"

    def open(self, on_message: OnMessage) -> None:
        """Draw the graph."""
        self._show(self._still())

    def close(self) -> None:
        """Draw it once more, in the place of the first."""
        super().close()
        self._show(self._still(), update=True)

    def _still(self) -> dict[str, str]:
        snapshot = self._run.snapshot()
        return {"text/plain": run_text(snapshot), "text/html": run_html(snapshot)}

    def _show(self, data: Mapping[str, Any], *, update: bool = False) -> None:
        show(self._publish, data, display_id=self._display_id, update=update)


class WidgetView(GraphView):
    """The live widget; at the end a picture, which outlives the kernel, replaces it."""

    def __init__(self, publish: Publish, run: Run):
        super().__init__(publish, run)
        self._widget: RunWidget | None = None
        self._shown: dict[str, Any] = {}

    def open(self, on_message: OnMessage) -> None:
        """Show the widget."""
        self._shown = self._run.snapshot()
        self._widget = RunWidget(self._shown, on_message)
        self._show(self._widget._repr_mimebundle_()[0])

    def tick(self) -> None:
        """Write new outputs and hand the widget a newer state, if there is one."""
        super().tick()
        snapshot = self._run.snapshot()
        if self._widget is not None and snapshot is not self._shown:
            self._shown = snapshot
            self._widget.update(snapshot)

    def close(self) -> None:
        """Put the picture in the widget's place.

        A page that was loaded anew does not hear of it: there the widget stays.
        """
        super().close()
        if self._widget is None:
            return
        if self._widget.asked_anew:
            self._widget.update(self._run.snapshot())
        else:
            self._widget.close()


class TerminalView(QuietView):
    """A line that tells the progress, then the run as text."""

    def __init__(self, publish: Publish, run: Run):
        super().__init__(publish, run)
        self._moving = sys.stderr.isatty()

    def tick(self) -> None:
        """Write new outputs above the line, and the line anew."""
        if self._moving:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
        super().tick()
        if self._moving and not self._run.done:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(progress_line(self._run.snapshot(), width))
            sys.stderr.flush()

    def close(self) -> None:
        """Write the run as text in the place of the line."""
        super().close()
        sys.stdout.write(run_text(self._run.snapshot()) + "\n")
