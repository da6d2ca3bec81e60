"""What runs took, cost and came to: every run that the lab has kept, as charts."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from quantumflow_lab.widgets.explorer import Explorer, Message, Report
from quantumflow_lab.widgets.overview import DIMENSIONS, overview


class DashboardWidget(Explorer):
    """Charts that filter one another; the rows come from the kernel.

    Parameters
    ----------
    state
        What to show first; its fields are described in ``docs/explore.md``.
    on_message
        Called with ``{"type": "filter", "n": …}`` and the dimensions of the filter,
        ``{"type": "open", "run": id}``, ``{"type": "close"}`` or
        ``{"type": "refresh"}``. May be called on any thread.
    """

    def _report(self) -> Report:
        return overview(self._whole)

    @staticmethod
    def _understood(content: object) -> Message | None:
        match content:
            case {"type": "filter", "n": int(n), **given}:
                return {"type": "filter", "n": n, **_filter(given)}
            case {"type": "open", "run": str(run)}:
                return {"type": "open", "run": run}
            case {"type": "close" | "refresh" as kind}:
                return {"type": kind}
            case _:
                return None


def _filter(given: Mapping[Any, Any]) -> dict[str, Any]:
    """The dimensions that a filter names, each of its type."""
    found: dict[str, Any] = {}
    for name in ("since", "until"):
        value = given.get(name)
        if isinstance(value, int | float) and isfinite(value):
            found[name] = float(value)
    for name in DIMENSIONS:
        if isinstance(given.get(name), str):
            found[name] = given[name]
    return found
