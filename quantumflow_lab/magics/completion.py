"""Completion of what only this package knows, on the lines where it applies.

On the magic line: options and their values. On ``%qflow``: commands, charts and runs.
In the body: needs in a step's parameters, options of its decorator, ``qf.`` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from quantumflow_lab.cell.magic_line import MAGIC_OPTIONS, option_names
from quantumflow_lab.cell.options import is_backend
from quantumflow_lab.cell.options import option_names as step_options
from quantumflow_lab.cell.text import MAGIC
from quantumflow_lab.connected import lab
from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.export import FORMS
from quantumflow_lab.listing import SPENT_BY
from quantumflow_lab.magics.commands import BY_NAME, CHARTS
from quantumflow_lab.magics.exports import EXPORT_OPTIONS
from quantumflow_lab.magics.forgets import FORGET_OPTIONS
from quantumflow_lab.magics.spends import SPEND_OPTIONS
from quantumflow_lab.run import Run
from quantumflow_lab.workflow import INJECTED, KINDS

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_DECORATOR = re.compile(r"^\s*@qf\.(\w+)\((?:.*[,(\s])?(\w*)$")
_BACKEND = re.compile(r"^\s*@qf\.\w+\(.*\bbackend\s*=\s*\[?(?:.*,\s*)?[\"']([\w.-]*)$")
_PARAMETERS = re.compile(r"^\s*def\s+(\w+)\s*\((?:[^()]*[,\s])?(\w*)$")
_PACKAGE = re.compile(r"(?:^|[^\w.])qf\.(\w*)$")
_BOUND = re.compile(r"^(?:def\s+(\w+)|(\w+)\s*(?::[^=]+)?=(?!=))", re.MULTILINE)
_OTHERS = (
    *("axis", "log", "sampler", "estimator", "lab", "workflow", "Failed"),
    *("read_circuit", "read_circuits"),
)

Found = tuple[Iterable[str], str]
"""Candidates, and the part of the line that they complete."""


class Completion:
    """A matcher in the shell's completer."""

    def __init__(self, shell: InteractiveShell):
        self._shell = shell

        @context_matcher(identifier="qflow")  # type: ignore[untyped-decorator]  # IPython's
        def matcher(context: CompletionContext) -> SimpleMatcherResult:
            return self._match(context)

        self._matcher = matcher

    def add(self) -> None:
        """Take part in completion."""
        self._shell.Completer.custom_matchers.append(self._matcher)

    def remove(self) -> None:
        """Take part no longer."""
        with suppress(ValueError):
            self._shell.Completer.custom_matchers.remove(self._matcher)

    def _match(self, context: CompletionContext) -> SimpleMatcherResult:
        line = context.line_with_cursor[: context.cursor_position]
        found = self._find(line, context.full_text, context.cursor_line)
        if found is None:
            return SimpleMatcherResult(completions=[])
        names, fragment = found
        completions = [
            SimpleCompletion(text=name, type="qflow")
            for name in names
            if name.startswith(fragment)
        ]
        return SimpleMatcherResult(
            completions=completions,
            matched_fragment=fragment,
            suppress=bool(completions),
        )

    def _find(self, line: str, text: str, number: int) -> Found | None:
        if line.startswith("%qflow "):
            return self._command(line)
        lines = text.split("\n")
        if not any(each.strip().startswith(MAGIC) for each in lines[: number + 1]):
            return None
        if line.strip().startswith(MAGIC):
            return self._magic_line(line, text)
        return self._body(line, text)

    def _magic_line(self, line: str, text: str) -> Found | None:
        words = line.split(" ")
        last, before = words[-1], words[-2] if len(words) > 1 else ""
        option, equals, value = last.partition("=")
        if last.startswith("-") and not equals:
            return option_names(), last
        if not equals:
            option, value = before, last
        rule = next((each for each in MAGIC_OPTIONS if each.name == option), None)
        if rule is None:
            return None
        match rule.completes:
            case "backend":
                return self._backends(), value.rpartition(",")[2]
            case "choice":
                return rule.choices, value
            case "step" if equals:
                return (name for name, _ in _bound(text)), value
            case "value":
                return (f"{name}=" for _, name in _bound(text) if name), value
        return None

    def _command(self, line: str) -> Found | None:
        words = line.split(" ")[1:]
        if len(words) == 1:
            return BY_NAME, words[0]
        command = BY_NAME.get(words[0])
        if command is None:
            return None
        if command.completes == "chart" and len(words) == 2:
            return CHARTS, words[-1]
        if command.name == "chart" and words[1] == "spend":
            return SPENT_BY, words[-1]
        if command.name == "spend":
            return SPENT_BY if words[-2] == "--by" else SPEND_OPTIONS, words[-1]
        if command.name == "export" and len(words) > 2:
            return (FORMS if words[-2] == "--as" else EXPORT_OPTIONS), words[-1]
        if command.name == "forget":
            return self._runs() if words[-2] == "--name" else FORGET_OPTIONS, words[-1]
        last = command.most + 1
        return (self._runs(), words[-1]) if 1 < len(words) <= last else None

    def _body(self, line: str, text: str) -> Found | None:
        if found := _BACKEND.search(line):
            return self._backends(), found[1]
        if found := _PARAMETERS.search(line):
            names = {name for pair in _bound(text) for name in pair if name}
            return sorted({*names, *INJECTED} - {found[1]}), found[2]
        if found := _PACKAGE.search(line):
            return sorted((*KINDS, *_OTHERS)), found[1]
        found = _DECORATOR.search(line)
        if found and found[1] in KINDS:
            return (f"{name}=" for name in step_options(found[1])), found[2]
        return None

    def _backends(self) -> list[str]:
        mine = [
            name
            for name, value in self._shell.user_ns.items()
            if not name.startswith("_") and is_backend(value)
        ]
        known: list[str] = []
        # A service that does not answer is told of when a cell is sent to it.
        with suppress(QuantumFlowError):
            known = lab().backends.names()
        return sorted({*mine, *known})

    def _runs(self) -> list[str]:
        values: dict[str, Any] = self._shell.user_ns
        mine = [name for name, value in values.items() if isinstance(value, Run)]
        stored: list[str] = []
        # What is wrong with the store is told when it is asked in earnest.
        with suppress(QuantumFlowError):
            stored = [row["name"] for row in lab().runs(limit=200)]
        return sorted({*(name for name in mine if not name.startswith("_")), *stored})


def _bound(text: str) -> Iterator[tuple[str, str]]:
    """Names at the top level of a body that may not parse yet: functions, values."""
    for found in _BOUND.finditer(text):
        yield found[1] or "", found[2] or ""
