"""``qf.Compare(a, b)``: why a run is not like another one, to look at."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from quantumflow_lab.compare import Comparison
from quantumflow_lab.explore.desk import Desk, told
from quantumflow_lab.lab import Lab
from quantumflow_lab.lab import lab as own_lab
from quantumflow_lab.run import Run
from quantumflow_lab.store import Store
from quantumflow_lab.widgets import Section
from quantumflow_lab.widgets.compare import CompareWidget
from quantumflow_lab.widgets.explorer import Message
from quantumflow_lab.widgets.overview import moment

ORDER = (
    *("Code", "Options", "Inputs", "Seed", "Versions", "Backends", "Calibration"),
    "Circuits as executed",
)
"""Sections on what differs, in this order; others of them come behind."""
RESULTS = (
    *("Results", "Significant differences", "Changed, no uncertainty known"),
    "Not compared",
)
SPENT = ("Cost and time", "Kept and cached points")
UNTESTED = "Changed, no uncertainty known"
"""Section of results that no test can tell apart."""
OTHERS = 40
"""Newest runs of each name that one may choose instead."""


class Compare(CompareWidget):
    """Two runs side by side: what differs first, then what their results say.

    Parameters
    ----------
    a, b
        As in :meth:`~quantumflow_lab.Lab.compare`: names of workflows, a name with a
        number such as ``bell:12``, ids, or runs; without `b` the run of its name before
        `a`.
    lab
        By default that of this process.

    Raises
    ------
    UnknownRun
        Naming the nearest one.
    BadOption
        If both are the same run.
    """

    def __init__(
        self, a: str | Run, b: str | Run | None = None, *, lab: Lab | None = None
    ) -> None:
        self._lab = lab or own_lab()
        self._desk: Desk[Message] = Desk(self._answer)
        found = self._lab.compare(a, b)
        super().__init__(compared(found, self._lab.store), self._desk.ask)

    def _answer(self, asked: Message) -> None:
        try:
            found = self._lab.compare(asked["a"], asked["b"])
            state = compared(found, self._lab.store)
        except Exception as error:  # noqa: BLE001  # told, and logged
            state = {**self.state, "message": told(error)}
        self.update({**state, "n": asked["n"]})


def compared(found: Comparison, store: Store) -> dict[str, Any]:
    """The state of the widget: a comparison by what its sections are about."""
    sections = {each.title: each for each in found.sections}
    known = [*RESULTS, *SPENT]
    others = [title for title in sections if title not in known]
    others.sort(key=lambda title: ORDER.index(title) if title in ORDER else len(ORDER))
    differ, tested = found.differing > 0, found.tested > 0
    agree = "changed" if UNTESTED in sections else "agree"
    return {
        "view": "compare",
        "n": 0,
        "a": found.a,
        "b": found.b,
        "runs": _runs(store, found),
        "verdict": "differ" if differ else agree if tested else "untested",
        "tested": found.tested,
        "differing": found.differing,
        "level": found.level,
        "changed": list(found.changed),
        "sentences": list(found.sentences),
        "differences": [_plain(sections[title]) for title in others],
        "results": [
            {**_plain(sections[t]), "title": "Points by step" if t == "Results" else t}
            for t in RESULTS
            if t in sections
        ],
        "spent": [_plain(sections[t]) for t in SPENT if t in sections],
        "message": None,
    }


def _plain(section: Section) -> dict[str, Any]:
    rows = [["" if v is None else str(v) for v in row] for row in section.rows]
    return {
        **{k: v for k, v in asdict(section).items() if k != "folded"},
        "columns": list(section.columns),
        "rows": rows,
        "lines": list(section.lines),
    }


def _runs(store: Store, found: Comparison) -> list[dict[str, Any]]:
    """Runs of both names, the newest first."""
    names = dict.fromkeys(label.rpartition(":")[0] for label in (found.a, found.b))
    asked = [("history", {"name": name, "limit": OTHERS}) for name in names]
    rows = [row for each in store.queries(asked) for row in each]
    return [
        {
            "label": f"{row['name']}:{row['number']}",
            "about": f"{row['state']} · {moment(row['started'])} UTC",
        }
        for row in rows
    ]
