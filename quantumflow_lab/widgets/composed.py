"""A cell of the composer as self-contained HTML, and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumflow_lab.widgets.escape import Markup, element, one_line
from quantumflow_lab.widgets.picture import graph_svg
from quantumflow_lab.widgets.style import SHEET
from quantumflow_lab.widgets.words import dims

Cell = Mapping[str, Any]
"""The trait ``cell``; see ``docs/composer.md``."""


def composer_html(
    cell: Cell, quote: Mapping[str, Any] | None = None, *, note: str | None = None
) -> str:
    """A picture of the graph, what is wrong, what it would take, and the text.

    Parameters
    ----------
    cell, quote
        The traits of the widget.
    note
        A line to show above the graph.
    """
    problems = [str(each["message"]) for each in cell["problems"]]
    notes = [note] if note else []
    graph = graph_svg(_snapshot(cell)) if cell["steps"] else None
    total = _total(quote)
    return element(
        "div",
        SHEET,
        element(
            "div",
            element("span", one_line(str(cell["name"])), class_="qf-name"),
            " ",
            element("span", total, class_="qf-quiet") if total else None,
            class_="qf-head",
        ),
        *(element("p", each, class_="qf-note") for each in notes),
        *(element("p", each, class_="qf-note qf-is-failed") for each in problems),
        element("div", graph, class_="qf-scroll") if graph else None,
        element("pre", str(cell["text"]).strip("\n"), class_="qf-scroll"),
        class_="qf-still",
    )


def composer_text(cell: Cell) -> str:
    """The steps of a cell in plain text, and what is wrong with it.

    Examples
    --------
    >>> steps = [{"name": "pair", "kind": "circuit", "dims": [], "edges": []},
    ...          {"name": "counts", "kind": "sample", "dims": [["angle", 3]],
    ...           "edges": ["pair"]}]
    >>> print(composer_text({"name": "bell", "steps": steps, "problems": []}))
    bell · 2 steps
      pair    circuit
      counts  sample of pair · angle 3
    """
    steps = cell["steps"]
    width = max((len(str(step["name"])) for step in steps), default=0)
    lines = [f"{one_line(str(cell['name']))} · {_count(len(steps))}"]
    lines += [f"  {one_line(str(s['name'])):<{width}}  {_what(s)}" for s in steps]
    lines += [f"  {one_line(str(each['message']), 200)}" for each in cell["problems"]]
    return "\n".join(lines)


def _what(step: Mapping[str, Any]) -> str:
    needs = f" of {', '.join(step['edges'])}" if step["edges"] else ""
    sizes = dims(step)
    return f"{step['kind']}{needs}" + (f" · {sizes}" if sizes else "")


def _count(number: int) -> str:
    return f"{number} step{'s' * (number != 1)}"


def _snapshot(cell: Cell) -> dict[str, Any]:
    """The cell as a run of which nothing has begun."""
    steps = [
        {
            "name": step["name"],
            "kind": step["kind"],
            "needs": step["edges"],
            "inputs": step["inputs"],
            "dims": step["dims"],
            "state": "waiting",
            "counts": {},
            "total": 0,
        }
        for step in cell["steps"]
    ]
    drawn = [each for each in cell["inputs"] if not each["code"]]
    return {"name": cell["name"], "steps": steps, "inputs": drawn}


def _total(quote: Mapping[str, Any] | None) -> Markup | str | None:
    if not quote or quote["state"] != "ready":
        return None
    total = quote["total"]
    return f"{total['jobs']} jobs · {total['time']} · {total['cost']}"
