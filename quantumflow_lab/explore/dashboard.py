"""``qf.Dashboard()``: all runs of a lab as charts that filter one another."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

from quantumflow_lab.colours import colour_of
from quantumflow_lab.explore.desk import Desk, told
from quantumflow_lab.explore.filters import Filter, axis_of, questions
from quantumflow_lab.explore.gathering import charts, totals
from quantumflow_lab.lab import Lab
from quantumflow_lab.lab import lab as own_lab
from quantumflow_lab.run import Run
from quantumflow_lab.store import Store
from quantumflow_lab.widgets import run_html
from quantumflow_lab.widgets.dashboard import DashboardWidget
from quantumflow_lab.widgets.explorer import Message
from quantumflow_lab.widgets.frame import excerpt

NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person has asked to see."""

    given: Filter = NO_FILTER
    run: str | None = None
    """Id of the run that is open."""
    n: int = 0
    """Number of the question, by which the view knows its answer."""


class Dashboard(DashboardWidget):
    """All runs as charts: over time, by state, workflow, backend and kind of step.

    What is chosen in one chart filters the others. Questions are answered off the main
    thread, one at a time; of those that wait the newest counts.

    Parameters
    ----------
    lab
        Whose runs; by default those of this process's lab.
    """

    def __init__(self, lab: Lab | None = None) -> None:
        self._lab = lab or own_lab()
        self._wish = Wish()
        self._lock = threading.Lock()
        self._desk: Desk[Wish] = Desk(self._answer)
        super().__init__(gather(self._lab.store, self._wish.given), self._hear)

    def _hear(self, message: Message) -> None:
        with self._lock:
            self._wish = wished(self._wish, message)
            self._desk.ask(self._wish)

    def _answer(self, wish: Wish) -> None:
        self.update({**self._told(wish), "n": wish.n})

    def _told(self, wish: Wish) -> dict[str, Any]:
        try:
            state = gather(self._lab.store, wish.given)
        except Exception as error:  # noqa: BLE001  # told, and logged
            given = wish.given.document()
            return {**self.state, "filter": given, "message": told(error)}
        try:
            return {**state, "open": self._opened(wish)}
        except Exception as error:  # noqa: BLE001  # told, and logged
            return {**state, "message": told(error)}

    def _opened(self, wish: Wish) -> dict[str, Any] | None:
        """A run as HTML, with the line that brings it into the notebook."""
        if wish.run is None:
            return None
        known = self.state.get("open")
        if known and known["run"] == wish.run and known["state"] in FINAL:
            return dict(known)
        run = self._lab.load(wish.run)
        newest = self._lab.store.latest_run(run.name) == run.id
        return {
            "run": run.id,
            "state": run.state,
            "html": _html(run),
            "line": f"%qflow load {run.name if newest else run.id}",
        }


LONGEST = 96 * 1024
"""Letters of the HTML of a run."""
STEPS = 24
"""Steps that are shown of a run that would be longer."""
FINAL = ("done", "failed", "cancelled")
"""States of a run that stay as they are, unless somebody takes it up."""


def _html(run: Run) -> str:
    """Its static form; of a long one an excerpt, as it goes in one message."""
    html = run._repr_html_()
    if len(html) <= LONGEST:
        return html
    return run_html(excerpt(run.snapshot(), STEPS))


def wished(wish: Wish, message: Message) -> Wish:
    """What is asked after a message."""
    match message:
        case {"type": "filter", "n": n}:
            return replace(wish, given=Filter.of(message), n=n)
        case {"type": "open", "run": run}:
            return replace(wish, run=run)
        case {"type": "close"}:
            return replace(wish, run=None)
        case _:
            return wish


def gather(store: Store, given: Filter) -> dict[str, Any]:
    """The state of the dashboard under a filter.

    Parameters
    ----------
    store
        Where the runs are.
    given
        Which of them.
    """
    (extent,) = store.query("explore_extent")
    since, until, width = axis_of(extent["since"] or 0.0, extent["until"] or 0.0)
    asked = questions(given, width)
    rows = dict(zip(asked, store.queries(list(asked.values())), strict=True))
    shown = charts(rows)
    return {
        "view": "dashboard",
        "n": 0,
        "filter": given.document(),
        "total": extent["runs"],
        "since": since,
        "until": until,
        "width": width,
        "totals": totals(shown, given),
        "charts": shown,
        "sql": {
            chart: store.shown(name, **params)
            for chart, (name, params) in asked.items()
        },
        "colours": {row["name"]: colour_of(row["name"]) for row in shown["backends"]},
        "open": None,
        "message": None,
    }
