"""Catches what steps print, so that it can be shown under the name of the step."""

from __future__ import annotations

import sys
import threading
from typing import Any, TextIO

from quantumflow_lab.runner.context import StepContext, running_context

_lock = threading.Lock()
_runs = 0


def catch() -> None:
    """A run begins: text that a step prints goes to the step, all other text passes."""
    global _runs  # the streams belong to the process, whatever the number of labs
    with _lock:
        _runs += 1
        if not isinstance(sys.stdout, _Stream):
            sys.stdout = _Stream(sys.stdout, "text/plain")
        if not isinstance(sys.stderr, _Stream):
            sys.stderr = _Stream(sys.stderr, "text/stderr")


def release() -> None:
    """A run has ended: the last one puts the streams back."""
    global _runs  # see above
    with _lock:
        _runs -= 1
        if _runs:
            return
        if isinstance(sys.stdout, _Stream):
            sys.stdout = sys.stdout.original
        if isinstance(sys.stderr, _Stream):
            sys.stderr = sys.stderr.original


def finish(context: StepContext) -> None:
    """A step has ended: show what it printed without a final newline."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Stream):
            stream.finish(context)


class _Stream:
    """One stream; everything but text of steps is the original's business."""

    def __init__(self, original: TextIO, mime: str):
        self.original = original
        self._mime = mime
        self._begun: dict[tuple[int, int], str] = {}
        """Lines of steps that are not complete yet."""

    def write(self, text: str) -> int:
        context = running_context()
        if context is None:
            return self.original.write(text)
        key = context.unit, context.attempt
        whole, newline, rest = (self._begun.pop(key, "") + text).rpartition("\n")
        if rest:
            self._begun[key] = rest
        if newline:
            context.port.emit(context, self._mime, whole + newline)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def finish(self, context: StepContext) -> None:
        if rest := self._begun.pop((context.unit, context.attempt), ""):
            context.port.emit(context, self._mime, rest)

    def flush(self) -> None:
        self.original.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)
