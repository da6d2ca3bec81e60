"""What steps print, display and return to be looked at, under the name of the step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quantumflow_lab.magics.showing import Publish, show
from quantumflow_lab.runner.context import running_context
from quantumflow_lab.runner.live import Output
from quantumflow_lab.widgets.escape import element

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

BUNDLE = "bundle"
KEPT = ("transient", "update")
STREAMS = {"text/plain": "stdout", "text/stderr": "stderr"}


class DisplayTap:
    """Takes what steps ``display()`` on its way to the front end.

    Steps run in threads that belong to no cell, so the front end would not know where
    to put it; the cell of the run shows it instead.
    """

    def __init__(self, shell: InteractiveShell):
        self._publisher = shell.display_pub

    def open(self) -> None:
        """Stand before the shell's publisher."""
        publish, clear = self._publisher.publish, self._publisher.clear_output
        self._set(publish=_tapped(publish), clear_output=_unless_in_step(clear))

    def close(self) -> None:
        """Give way, unless others stand before it by now."""
        for name in ("publish", "clear_output"):
            self._publisher.__dict__.pop(name, None)

    def _set(self, **methods: Callable[..., None]) -> None:
        self._publisher.__dict__.update(methods)


def _tapped(publish: Callable[..., None]) -> Callable[..., None]:
    def tapped(data: Any, metadata: Any = None, **others: Any) -> None:
        context = running_context()
        if context is None:
            publish(data, metadata, **others)
            return
        kept = {name: others[name] for name in KEPT if name in others}
        content = {"data": data, "metadata": metadata or {}, **kept}
        context.port.emit(context, BUNDLE, content)

    return tapped


def _unless_in_step(clear: Callable[..., None]) -> Callable[..., None]:
    """A step must not wipe the cell, which holds the graph and other steps' output."""

    def cleared(wait: bool = False) -> None:
        if running_context() is None:
            clear(wait)

    return cleared


class OutputWriter:
    """Writes outputs of a run into its cell, as they come.

    Text has the name of its step before each line; pictures and displayed objects have
    it above them.
    """

    def __init__(self, publish: Publish):
        self._publish = publish
        self._written = 0
        self._open: dict[tuple[str, str], str] = {}
        """Lines without an end so far, by step and MIME type."""

    def write(self, outputs: Sequence[Output]) -> None:
        """Write those that are new."""
        new = outputs[self._written :]
        self._written += len(new)
        for output in new:
            if output.mime in STREAMS:
                self._text(output)
            else:
                self._rich(output)

    def finish(self) -> None:
        """Write lines that never got an end."""
        for (step, mime), text in self._open.items():
            if text:
                _print(mime, f"{step} │ {text}\n")
        self._open.clear()

    def _text(self, output: Output) -> None:
        key = output.step, output.mime
        *lines, rest = (self._open.get(key, "") + output.data).split("\n")
        self._open[key] = rest
        # A carriage return starts a line over, as progress bars do.
        whole = [f"{output.step} │ {_overwritten(line)}\n" for line in lines]
        if whole:
            _print(output.mime, "".join(whole))

    def _rich(self, output: Output) -> None:
        if output.mime != BUNDLE:
            self._head(output.step)
            show(self._publish, {output.mime: output.data})
            return
        content: Mapping[str, Any] = output.data
        if not content.get("update"):
            self._head(output.step)
        self._publish(**content)

    def _head(self, step: str) -> None:
        style = "color:var(--jp-ui-font-color2,#666);font-size:.9em;margin-top:.4em"
        html = str(element("div", step, style=style))
        show(self._publish, {"text/html": html, "text/plain": f"{step}:"})


def _overwritten(line: str) -> str:
    return line.rstrip("\r").rsplit("\r", 1)[-1]


def _print(mime: str, text: str) -> None:
    stream = getattr(sys, STREAMS[mime])
    stream.write(text)
    stream.flush()
