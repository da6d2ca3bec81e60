"""A run as self-contained HTML: its graph, a table of its steps, and its results.

It needs no script and no network, and follows JupyterLab's theme or the system's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quantumflow_lab.widgets.escape import Markup, element, one_line
from quantumflow_lab.widgets.picture import graph_svg, line_svg
from quantumflow_lab.widgets.results import results_note, results_svg
from quantumflow_lab.widgets.style import SHEET
from quantumflow_lab.widgets.words import (
    Snapshot,
    cost,
    dims,
    done_of,
    duration,
    mark,
    taken,
)

COLUMNS = ("step", "kind", "backend", "axes", "points", "state", "time")


def run_html(snapshot: Snapshot, *, note: str | None = None) -> str:
    """A run as HTML that stays in a saved notebook.

    Times stand in ``<span class="qf-time">``, for tools that compare outputs.

    Parameters
    ----------
    snapshot
        The state of the run; its fields are described in ``docs/widgets.md``.
    note
        A line to show above the graph in place of the run's own message.
    """
    steps = snapshot.get("steps") or ()
    return element(
        "div",
        SHEET,
        _head(snapshot),
        _message(snapshot, note),
        element("div", graph_svg(snapshot), class_="qf-scroll") if steps else None,
        _table(snapshot),
        *_results(snapshot),
        class_="qf-still",
    )


def _head(snapshot: Snapshot) -> Markup:
    state = str(snapshot.get("state", "running"))
    spent = cost(snapshot)
    return element(
        "div",
        element("span", one_line(str(snapshot.get("name", ""))), class_="qf-name"),
        " ",
        element("span", f"{mark(state)} {state}", class_=f"qf-is-{state}"),
        " ",
        _time(snapshot.get("elapsed")),
        " ",
        _time_text(spent) if spent else None,
        _trouble(snapshot),
        class_="qf-head",
    )


def _trouble(snapshot: Snapshot) -> Markup | None:
    """Retries and moves to other backends in words."""
    said = snapshot.get("trouble")
    return element("span", str(said), class_="qf-is-partial") if said else None


def _message(snapshot: Snapshot, note: str | None) -> Markup | None:
    message = note or snapshot.get("message")
    if not message:
        return None
    failed = snapshot.get("state") == "failed" and not note
    return element("p", str(message), class_="qf-note" + " qf-is-failed" * failed)


def _table(snapshot: Snapshot) -> Markup:
    steps = snapshot.get("steps") or ()
    if not steps:
        return element("p", "This workflow has no steps.", class_="qf-note")
    head = element("tr", *(element("th", name, scope="col") for name in COLUMNS))
    table = element(
        "table",
        element("thead", head),
        element("tbody", *(_row(step) for step in steps)),
    )
    return element("div", table, *_errors(steps), class_="qf-scroll")


def _row(step: dict[str, Any]) -> Markup:
    done, total = done_of(step)
    state = str(step.get("state", "waiting"))
    return element(
        "tr",
        element("th", one_line(str(step.get("name", ""))), scope="row"),
        element("td", str(step.get("kind", "step"))),
        element("td", one_line(str(step.get("backend") or ""))),
        element("td", one_line(dims(step))),
        element("td", f"{done}/{total}", class_="qf-right"),
        element(
            "td",
            element("span", f"{mark(state)} {state}", class_=f"qf-is-{state}"),
            _taken(step),
        ),
        element("td", _time(step.get("seconds")), class_="qf-right"),
    )


def _taken(step: dict[str, Any]) -> Markup | None:
    found = one_line(taken(step))
    return element("div", found, class_="qf-quiet") if found else None


def _errors(steps: list[dict[str, Any]]) -> list[Markup]:
    """What the first failed point of each step says, and below it where it arose."""
    return [part for step in steps if step.get("error") for part in _failure(step)]


def _failure(step: dict[str, Any]) -> Iterator[Markup]:
    name = one_line(str(step.get("name", "")))
    yield element("pre", f"{name}: {step['error']}")
    if step.get("traceback"):
        yield element(
            "details",
            element("summary", f"Traceback of {name}"),
            element("pre", str(step["traceback"])),
        )


def _results(snapshot: Snapshot) -> Iterator[Markup]:
    """What each step has and has logged, under its name."""
    metrics = snapshot.get("metrics") or ()
    for step in snapshot.get("steps") or ():
        shown = step.get("results")
        pictures = results_svg(shown) if shown else []
        pictures += [line_svg(m) for m in metrics if m["step"] == step["name"]]
        if pictures:
            note = results_note(shown) if shown else ""
            yield element(
                "div",
                element("div", one_line(str(step["name"])), class_="qf-title"),
                " ",
                element("div", note, class_="qf-quiet") if note else None,
                element("div", *pictures, class_="qf-lines"),
                class_="qf-scroll qf-of-step",
            )


def _time(seconds: float | None) -> Markup:
    return _time_text(duration(seconds))


def _time_text(text: str) -> Markup:
    return element("span", text, class_="qf-quiet qf-time")
