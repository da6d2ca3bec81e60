"""What the dashboard shows, in sentences and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from quantumflow_lab.widgets.explorer import Report, State
from quantumflow_lab.widgets.report import Section
from quantumflow_lab.widgets.words import duration, mark, money, plural

Rows = Sequence[Mapping[str, Any]]

DIMENSIONS = ("name", "state", "backend", "kind")
"""What a filter may name beside the time."""
RUNS = 20
"""Newest runs that are listed."""
_WORDS = {"name": "workflow", "kind": "kind of step"}

NO_RUNS = (
    "No run is kept yet. Run a cell that begins with %%qflow NAME, then type "
    "qf.Dashboard() again."
)


def overview(state: State) -> Report:
    """The state as sentences and tables."""
    if not state["total"]:
        return "Runs", [NO_RUNS], []
    said = [_runs_said(state["totals"]), _money_said(state["totals"])]
    where = filter_said(state["filter"])
    if where:
        said.insert(0, f"Only {where}.")
    if state.get("message"):
        said.insert(0, state["message"])
    return "Runs", [each for each in said if each], list(_sections(state))


def filter_said(given: Mapping[str, Any]) -> str:
    """A filter in words.

    Examples
    --------
    >>> filter_said({"since": 0.0, "backend": "aer", "kind": "sample"})
    'from 1970-01-01 00:00 UTC, backend aer, kind of step sample'
    """
    said = []
    for name, word in (("since", "from"), ("until", "to")):
        if given.get(name) is not None:
            said.append(f"{word} {moment(given[name])} UTC")
    said += [
        f"{_WORDS.get(name, name)} {given[name]}"
        for name in DIMENSIONS
        if given.get(name) is not None
    ]
    return ", ".join(said)


def moment(seconds: float) -> str:
    """A time since 1970 to the minute, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _runs_said(totals: Mapping[str, Any]) -> str:
    parts = [plural(totals["runs"], "run"), plural(totals["points"], "point")]
    taken = totals["kept"] + totals["cached"]
    if taken:
        parts.append(f"{taken:,} of them kept or cached")
    if totals["failed"]:
        parts.append(f"{totals['failed']:,} failed")
    return ", ".join(parts) + "."


def _money_said(totals: Mapping[str, Any]) -> str:
    spent = [
        money(each["cost"], each["currency"])
        for each in totals["money"]
        if each["cost"]
    ]
    parts = [f"{duration(totals['machine_s'])} of this machine"]
    if totals["qpu_s"]:
        parts.append(f"{duration(totals['qpu_s'])} of devices")
    return f"Jobs took {', '.join(parts)}; {' and '.join(spent) or 'no money'}."


def _sections(state: State) -> Iterator[Section]:
    charts = state["charts"]
    if charts["backends"]:
        yield _backends(charts["backends"])
    yield _kinds(charts["kinds"])
    if charts["quoted"]:
        yield _quoted(charts["quoted"])
    if charts["failures"]:
        yield _failures(charts["failures"])
    yield _runs(charts["runs"][:RUNS], state["totals"]["runs"])


def _backends(rows: Rows) -> Section:
    times = ("machine_s", "qpu_s", "queue_s")
    return Section(
        "By backend",
        ("backend", "jobs", "machine time", "device time", "queue", "cost"),
        tuple(
            (
                each["name"],
                each["jobs"],
                *(_time(each[name]) for name in times),
                _spent(each),
            )
            for each in rows
        ),
    )


def _kinds(rows: Rows) -> Section:
    counts = ("steps", "points", "failed", "kept", "cached")
    return Section(
        "By kind of step",
        ("kind", *counts, "time", "cost"),
        tuple(
            (
                each["name"],
                *(each[name] for name in counts),
                _time(each["wall_s"]),
                _spent(each),
            )
            for each in rows
        ),
    )


def _quoted(rows: Rows) -> Section:
    """Sums by backend and currency, of jobs that were quoted and are over."""
    names = ("jobs", "quoted_in_all", "cost_in_all", "within")
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        found = sums.setdefault(
            (row["backend"], row["currency"]), dict.fromkeys(names, 0)
        )
        for name in names:
            found[name] += row[name] or 0
    return Section(
        "Quote against actual",
        ("backend", "jobs", "quoted", "actual", "in the interval"),
        tuple(
            (
                backend,
                round(found["jobs"]),
                money(found["quoted_in_all"], currency),
                money(found["cost_in_all"], currency),
                f"{100 * found['within'] / found['jobs']:.0f} %",
            )
            for (backend, currency), found in sums.items()
        ),
    )


def _failures(rows: Rows) -> Section:
    return Section(
        "Failures",
        ("step", "failed", "points", "error of the latest run"),
        tuple(
            (
                f"{each['name']} · {each['step']}",
                each["failed"],
                each["points"],
                each["error"] or "",
            )
            for each in rows
        ),
    )


def _runs(rows: Rows, total: int) -> Section:
    left = total - len(rows)
    return Section(
        "Newest runs",
        ("run", "state", "started (UTC)", "time", "points", "cost"),
        tuple(
            (
                f"{each['name']}:{each['number']}",
                f"{mark(each['state'])} {each['state']}",
                moment(each["started"]),
                duration(each["wall_s"]),
                each["points"],
                _spent(each),
            )
            for each in rows
        ),
        more=f"and {left:,} more" if left > 0 else None,
    )


def _time(seconds: float) -> str:
    return duration(seconds) if seconds else ""


def _spent(row: Mapping[str, Any]) -> str:
    """Money of a row; nothing where nothing was charged."""
    paid = [each for each in row["money"] if each["cost"]]
    return ", ".join(money(each["cost"], each["currency"]) for each in paid)
