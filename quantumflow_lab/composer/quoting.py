"""Quotes in a thread of their own: of the newest text, older ones are dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.quote import Quote
from quantumflow_lab.quote.budgeted import above_budget
from quantumflow_lab.quote.figure import Figure, total

PAUSE = 0.3
"""Seconds without another text before one is quoted."""

BEHIND = "An earlier version is still being quoted."

Ask = Callable[[str], Quote]
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _Wish:
    text: str
    revision: int


class Quoting:
    """Quotes texts, one after the other.

    Parameters
    ----------
    ask
        Quotes a text; called on the thread.
    tell
        Takes each new trait ``quote``; called on the thread, or on that of
        :meth:`want`. Nothing is told of a text that is no longer the newest.
    pause
        Seconds to wait for a newer text.
    """

    def __init__(self, ask: Ask, tell: Tell, pause: float = PAUSE):
        self._ask = ask
        self._tell = tell
        self._pause = pause
        self._changed = threading.Condition()
        self._wish: _Wish | None = None
        self._busy = False
        self._asking = False
        self._newest = -1

    def want(self, text: str, revision: int) -> None:
        """Quote this text; what was wanted before is not wanted any more."""
        with self._changed:
            behind = self._asking
        self._tell(working(revision, behind=behind))
        with self._changed:
            self._wish = _Wish(text, revision)
            self._newest = revision
            self._changed.notify()
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._work, name="qflow-quote", daemon=True).start()

    def drop(self, revision: int) -> None:
        """Want nothing: the text of this revision cannot be quoted."""
        with self._changed:
            self._wish = None
            self._newest = revision

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            found = answer(self._ask, wish.text, wish.revision)
            with self._changed:
                self._asking = False
                current = wish.revision == self._newest
            if current:
                self._tell(found)

    def _next(self) -> _Wish | None:
        """The newest wish once it has rested; None ends the thread."""
        with self._changed:
            while self._wish is not None and self._changed.wait(self._pause):
                pass
            wish, self._wish = self._wish, None
            self._busy = self._asking = wish is not None
            return wish


def working(revision: int, *, behind: bool = False) -> dict[str, Any]:
    """The trait while a quote is made, or waits until that of an older text is."""
    return _trait("working", revision, BEHIND if behind else None)


def answer(ask: Ask, text: str, revision: int) -> dict[str, Any]:
    """The trait for a quote, or for why there is none."""
    try:
        return quote_document(ask(text), revision)
    except QuantumFlowError as error:
        why = error.message
    # The cell's own code, of which anything may come, an exit too.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        why = f"{type(error).__name__}: {error}"
    return _trait("failed", revision, Secrets.of().hide_text(why))


def quote_document(quote: Quote, revision: int) -> dict[str, Any]:
    """The trait for a quote: every figure as a text."""
    rows = [
        {
            "step": row.step,
            "backend": row.backend,
            "jobs": str(row.jobs),
            "circuits": str(row.circuits),
            "shots": str(row.shots),
            "time": _time([row.device_s], [row.machine_s]),
            "cost": str(row.cost),
            "success": str(row.success) if row.circuits.value != 0 else None,
            "note": row.note or None,
        }
        for row in quote.steps
    ]
    costs = ", ".join(map(str, quote.cost.values()))
    sums = {
        "jobs": _sum([row.jobs for row in quote.totals], "jobs"),
        "circuits": _sum([row.circuits for row in quote.totals], "circuits"),
        "shots": _sum([row.shots for row in quote.totals], "shots"),
        "time": _time(
            [row.device_s for row in quote.totals],
            [row.machine_s for row in quote.totals],
        ),
        "cost": costs or "no money",
        "success": None,
    }
    ready = _trait("ready", revision)
    return {**ready, "rows": rows, "total": sums, "warning": above_budget(quote)}


def _sum(figures: Sequence[Figure], unit: str) -> str:
    return str(total(figures, unit))


def _time(device: Sequence[Figure], machine: Sequence[Figure]) -> str:
    """Time of devices if any is used, else of this machine."""
    used = [each for each in device if each.value != 0]
    return str(total(used or machine, "s"))


def _trait(state: str, revision: int, message: str | None = None) -> dict[str, Any]:
    none: dict[str, Any] = {"rows": [], "total": {}, "warning": None}
    return {"state": state, "message": message, "revision": revision, **none}
