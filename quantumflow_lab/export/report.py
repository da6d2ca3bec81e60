"""A run as one HTML page: no script, no network, light and dark, and on paper."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.export.files import Files
from quantumflow_lab.export.highlight import highlighted
from quantumflow_lab.export.sheet import PAGE_SHEET
from quantumflow_lab.grid import Grid
from quantumflow_lab.widgets.escape import Markup, cut, element, join, one_line
from quantumflow_lab.widgets.picture import graph_svg, line_svg
from quantumflow_lab.widgets.style import SHEET
from quantumflow_lab.widgets.tables import cell
from quantumflow_lab.widgets.words import cost, duration, mark, plural, taken

if TYPE_CHECKING:
    from quantumflow_lab.run import Run
    from quantumflow_lab.stored import StoredRun

MOST_ROWS = 24
"""Points of a step, and jobs, that are listed."""
LONGEST = 160
"""Characters of a value."""
LARGEST = (20, 80)
"""Qubits and depth of circuits that are drawn."""
FIGURES = ("sweep", "counts", "metrics", "timeline", "cost")


def report(
    run: Run, stored: StoredRun, secrets: Secrets, calibrated: Mapping[str, str]
) -> Files:
    """A run as a page that works without us, offline.

    Parameters
    ----------
    run, stored
        The run, and what the store has of it.
    secrets
        What to leave out.
    calibrated
        Date of the calibration that the run met, of backends that have one.
    """
    page = _page(run, stored, secrets, calibrated)
    return Files({"": page.encode()})


def _page(
    run: Run, stored: StoredRun, secrets: Secrets, calibrated: Mapping[str, str]
) -> str:
    title = f"{run.name} · run {stored.record['number']}"
    steps = stored.shelf.query("steps", run=run.id)
    snapshot = run.snapshot()
    body = element(
        "main",
        _head(run, stored, snapshot),
        _unfinished(run),
        _section("Asked", _asked(stored)),
        _section("Steps", _graph(snapshot), _steps(stored, steps, snapshot)),
        _section("Charts", *_charts(run)),
        _section("Results", *_results(run)),
        _section("Printed", *_printed(run, secrets)),
        _section("Jobs", _jobs(run)),
        _section("Conditions", *_conditions(stored, calibrated)),
        class_="qf-still",
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", secrets.hide_text(title)),
        SHEET,
        PAGE_SHEET,
    )
    return (
        f'<!DOCTYPE html>\n{element("html", head, element("body", body), lang="en")}\n'
    )


def _section(title: str, *content: Markup | None) -> Markup | None:
    there = [each for each in content if each is not None]
    if not there:
        return None
    return element("section", element("h2", title), *there)


def _head(run: Run, stored: StoredRun, snapshot: Mapping[str, Any]) -> Markup:
    record = stored.record
    began = datetime.fromtimestamp(record["started"], UTC)
    facts = {
        "run": run.id,
        "begun": f"{began:%Y-%m-%d %H:%M:%S} UTC",
        "took": duration(record["wall_s"]),
        "seed": str(run.seed),
        "backends": ", ".join(record["backends"]) or "none",
        "cost": cost(snapshot) or "nothing",
    }
    state = element(
        "span", f"{mark(run.state)} {run.state}", class_=f"qf-is-{run.state}"
    )
    return element(
        "header",
        element(
            "h1",
            one_line(run.name),
            " ",
            element("small", f"run {record['number']}"),
            " ",
            element("small", state),
        ),
        _facts(facts),
    )


def _facts(facts: Mapping[str, str]) -> Markup:
    pairs = (
        element("div", element("dt", name), element("dd", one_line(text)))
        for name, text in facts.items()
    )
    return element("dl", *pairs)


def _unfinished(run: Run) -> Markup | None:
    if run.state == "done":
        return None
    error = run.snapshot().get("message")
    said = f": {error}" if error else ""
    return element(
        "p",
        f"Not done, but {run.state}: below is what it had when this was written{said}",
        class_="qf-warning",
    )


def _asked(stored: StoredRun) -> Markup:
    options = stored.record["options"]
    line = options.get("line") or " ".join([stored.name, *_options(options)])
    first = element("span", f"%%qflow {line}".rstrip(), class_="qf-decorator")
    source = stored.workflow.source.strip("\n")
    code = element("code", first, "\n", highlighted(source))
    inputs = stored.record["inputs"]
    read = [f"{each['name']} ({each['summary']})" for each in inputs]
    note = f"Read of the notebook: {', '.join(read)}." if read else None
    below = None if note is None else element("p", one_line(note), class_="qf-quiet")
    return join(element("pre", code, class_="qf-code"), below)


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    for name in ("backend", "among"):
        if options.get(name):
            yield f"--{name} {','.join(options[name])}"
    for name in ("shots", "precision", "seed", "budget", "deadline", "policy", "mode"):
        if options.get(name) is not None:
            yield f"--{name} {options[name]}"
    for name, value in options["set"].items():
        yield f"--set {name}={value}"


def _graph(snapshot: Mapping[str, Any]) -> Markup:
    return element("div", graph_svg(dict(snapshot)), class_="qf-picture")


def _steps(
    stored: StoredRun, rows: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any]
) -> Markup:
    known = {row["step"]: row for row in rows}
    lines, errors = [], []
    for step in snapshot.get("steps") or ():
        row = known.get(step["name"], {})
        done = (step.get("counts") or {}).get("done", 0)
        charged = ", ".join(
            f"{cost:g} {currency}" for currency, cost in row.get("costs") or ()
        )
        state = str(step.get("state"))
        seen = element("span", f"{mark(state)} {state}", class_=f"qf-is-{state}")
        lines.append(
            (
                step["name"],
                step["kind"],
                step.get("backend") or "",
                f"{done}/{step['total']}",
                join(seen, " ", element("span", taken(step), class_="qf-quiet")),
                duration(row.get("wall_s")),
                row.get("jobs") or "",
                f"{row['shots']:,}" if row.get("shots") else "",
                duration(row.get("machine_s")) if row.get("machine_s") else "",
                charged,
            )
        )
        if step.get("error"):
            text = f"{one_line(step['name'])}: {step['error']}"
            errors.append(element("pre", text, class_="qf-error"))
    columns = ("step", "kind", "backend", "points", "state", "time", "jobs", "shots")
    return join(
        _table((*columns, "machine", "cost"), lines, right=range(5, 10)), *errors
    )


def _results(run: Run) -> Iterator[Markup]:
    for name in run:
        if run.workflow.step(name).kind == "circuit":
            drawn = _drawn(run.partial(name))
            if drawn is not None:
                yield element("h3", name)
                yield drawn
            continue
        table = run.table(name, partial=True)
        rows = [
            [_value(value) for value in row.values()]
            for row in table.slice(0, MOST_ROWS).to_pylist()
        ]
        if not rows:
            continue
        units = run.units(name)
        columns = [
            f"{each} ({units[each]})" if each in units else each
            for each in table.column_names
        ]
        numbers = [i for i, _ in enumerate(columns) if _numeric(rows, i)]
        yield element("h3", name)
        yield _table(columns, rows, right=numbers, more=table.num_rows - len(rows))


def _value(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value)
    return cut(value, LONGEST) if isinstance(value, str) else value


def _numeric(rows: Sequence[Sequence[Any]], column: int) -> bool:
    return all(isinstance(row[column], int | float | None) for row in rows)


def _drawn(value: Any) -> Markup | None:
    """The first circuit of a step as text, if it is small enough to be read."""
    where = ""
    if isinstance(value, Grid):
        first = next(value.items(), None)
        if first is None:
            return None
        point, value = first
        where = ", ".join(f"{name} {at}" for name, at in point.items())
    if not isinstance(value, QuantumCircuit):
        return None
    qubits, depth = LARGEST
    size = f"{plural(value.num_qubits, 'qubit')}, depth {value.depth()}"
    note = element("p", f"{where}{': ' * bool(where)}{size}", class_="qf-quiet")
    if value.num_qubits > qubits or value.depth() > depth:
        return note
    drawing = str(value.draw("text", fold=110))
    return join(note, element("pre", drawing, class_="qf-drawing"))


def _charts(run: Run) -> Iterator[Markup]:
    empty = {"metrics": not run.snapshot().get("metrics"), "cost": not run.cost}
    for kind in FIGURES:
        if empty.get(kind):
            continue
        try:
            light, dark = (_png(run, kind, colours) for colours in (_LIGHT, _DARK))
        except QuantumFlowError:
            continue  # this run has nothing to draw of that kind
        media = "(prefers-color-scheme: dark)"
        yield element(
            "figure",
            element(
                "picture",
                element("source", media=media, srcset=dark[0]),
                element(
                    "img", src=light[0], width=light[1], alt=f"{kind} of {run.name}"
                ),
            ),
        )


def _png(run: Run, kind: str, colours: dict[Any, str]) -> tuple[str, int]:
    """A figure as a data address, with its width in pixels of the page."""
    from matplotlib import rc_context

    with rc_context(colours):
        png, size = run.figure(kind)._repr_png_()  # type: ignore[attr-defined]  # a Chart
    return f"data:image/png;base64,{b64encode(png).decode()}", size["width"]


def _printed(run: Run, secrets: Secrets) -> Iterator[Markup]:
    for shown in run.outputs:
        if shown.mime in ("text/plain", "text/stderr"):
            text = secrets.hide_text(str(shown.data))
            yield element(
                "pre",
                element("b", one_line(shown.step)),
                f"  {text}",
                class_="qf-print",
            )
        elif shown.mime == "image/png":
            src = f"data:image/png;base64,{shown.data}"
            yield element("figure", element("img", src=src, alt=f"from {shown.step}"))


def _jobs(run: Run) -> Markup | None:
    jobs = run.jobs
    if not jobs:
        return None
    rows = [
        (
            job["provider_job"] or job["tag"],
            job["step"],
            job["backend"],
            f"{mark(str(job['state']))} {job['state']}" if job["state"] else "",
            job["circuits"],
            f"{job['shots']:,}" if job["shots"] else "",
            duration(job["queue_s"]) if job["queue_s"] else "",
            duration(job["run_s"]) if job["run_s"] else "",
            job["depth"],
            job["two_qubit_gates"],
            job["error"] or "",
        )
        for job in jobs[:MOST_ROWS]
    ]
    return _table(_JOB_COLUMNS, rows, right=range(4, 10), more=len(jobs) - len(rows))


def _conditions(stored: StoredRun, calibrated: Mapping[str, str]) -> Iterator[Markup]:
    record = stored.record
    facts = {name: str(version) for name, version in record["versions"].items()}
    yield _facts(facts)
    dates = {
        name: calibrated[name] for name in record["backends"] if name in calibrated
    }
    if dates:
        yield _table(("backend", "calibrated"), list(dates.items()))
    for metric in stored.view["metrics"]:
        yield element("div", line_svg(metric), class_="qf-picture")


def _table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Iterable[int] = (),
    more: int = 0,
) -> Markup:
    """A table; empty columns are left out."""
    kept, right = [tuple(row) for row in rows], set(right)
    used = [
        i
        for i, _ in enumerate(columns)
        if any(row[i] not in (None, "") for row in kept)
    ]
    head = (_cell("th", columns[i], i in right) for i in used)
    body = (
        element("tr", *(_cell("td", row[i], i in right) for i in used)) for row in kept
    )
    table = element(
        "table", element("thead", element("tr", *head)), element("tbody", *body)
    )
    rest = element("p", f"and {more:,} more", class_="qf-quiet") if more > 0 else None
    return join(element("div", table, class_="qf-wide"), rest)


def _cell(tag: str, value: Any, right: bool) -> Markup:
    text = value if isinstance(value, Markup) else cell(value)
    return element(tag, text, class_="qf-right" if right else None)


_JOB_COLUMNS = (
    *("job", "step", "backend", "state", "circuits", "shots", "queued", "ran"),
    *("depth", "two-qubit gates", "error"),
)

_DARK: dict[Any, str] = {
    "figure.facecolor": "#16191d",
    "savefig.facecolor": "#16191d",
    "axes.facecolor": "#16191d",
    "text.color": "#e6e9ed",
    "axes.labelcolor": "#e6e9ed",
    "axes.edgecolor": "#565f6a",
    "xtick.color": "#9aa4af",
    "ytick.color": "#9aa4af",
    "grid.color": "#9aa4af",
}
_LIGHT: dict[Any, str] = {"figure.facecolor": "#ffffff", "savefig.facecolor": "#ffffff"}
