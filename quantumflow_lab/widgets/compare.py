"""Two runs side by side: what differs, what the results say, what it took."""

from __future__ import annotations

from typing import Any

from quantumflow_lab.widgets.explorer import Explorer, Message, Report, State
from quantumflow_lab.widgets.report import Section

GROUPS = ("differences", "results", "spent")
"""Parts of the state that hold sections, in the order they are shown."""


class CompareWidget(Explorer):
    """Two runs, which may be exchanged for others.

    Parameters
    ----------
    state
        What to show first; its fields are described in ``docs/explore.md``.
    on_message
        Called with ``{"type": "compare", "n": …, "a": label, "b": label}``. May be
        called on any thread.
    """

    def _report(self) -> Report:
        return compare_report(self._whole)

    @staticmethod
    def _understood(content: object) -> Message | None:
        match content:
            case {"type": "compare", "n": int(n), "a": str(a), "b": str(b)}:
                return {"type": "compare", "n": n, "a": a, "b": b}
            case _:
                return None


def compare_report(state: State) -> Report:
    """The state as sentences and tables."""
    message = [state["message"]] if state["message"] else []
    sections = [_section(each) for group in GROUPS for each in state[group]]
    return f"{state['a']} → {state['b']}", [*message, *state["sentences"]], sections


def _section(given: dict[str, Any]) -> Section:
    return Section(
        given["title"],
        tuple(given["columns"]),
        tuple(tuple(row) for row in given["rows"]),
        tuple(given["lines"]),
        given["more"],
    )
