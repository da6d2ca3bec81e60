"""Catches what steps print, so that it can be shown under the name of the step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from quantumflow_lab.context import StepContext, running_context

Emit = Callable[[StepContext, str, str], None]
"""Takes a step's context, a MIME type and a text."""


class Console:
    """Stands before ``sys.stdout`` and ``sys.stderr`` while runs are live.

    Text written by a thread that runs a step goes to `emit`; all other text passes.
    """

    def __init__(self, emit: Emit):
        self._emit = emit
        self._live = 0
        self._before: tuple[TextIO, TextIO] | None = None

    def open(self) -> None:
        """A run begins; the first one puts the streams in place."""
        self._live += 1
        if self._live == 1:
            self._before = sys.stdout, sys.stderr
            sys.stdout = _Stream(sys.stdout, "text/plain", self._emit)
            sys.stderr = _Stream(sys.stderr, "text/stderr", self._emit)

    def finish(self, context: StepContext) -> None:
        """A step has ended: emit what it printed without a final newline."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Stream):
                stream.finish(context)

    def close(self) -> None:
        """A run ended; the last one puts back the streams."""
        self._live -= 1
        if self._live or self._before is None:
            return
        out, err = self._before
        if isinstance(sys.stdout, _Stream):
            sys.stdout = out
        if isinstance(sys.stderr, _Stream):
            sys.stderr = err
        self._before = None


class _Stream:
    """One stream; everything but text of steps is the original's business."""

    def __init__(self, original: TextIO, mime: str, emit: Emit):
        self._original = original
        self._mime = mime
        self._emit = emit
        self._begun: dict[tuple[int, int], str] = {}
        """Lines of steps that are not complete yet."""

    def write(self, text: str) -> int:
        context = running_context()
        if context is None:
            return self._original.write(text)
        key = context.unit, context.attempt
        whole, newline, rest = (self._begun.pop(key, "") + text).rpartition("\n")
        if rest:
            self._begun[key] = rest
        if newline:
            self._emit(context, self._mime, whole + newline)
        return len(text)

    def finish(self, context: StepContext) -> None:
        if rest := self._begun.pop((context.unit, context.attempt), ""):
            self._emit(context, self._mime, rest)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._original.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
