"""What ran when: a bar for each step, and lanes of jobs for each backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from quantumflow_lab.charts.style import below, canvas, entitle, listed, nothing, plain
from quantumflow_lab.colours import QUIET, colour_of

Row = dict[str, Any]
LANES = 12
"""Most rows of jobs side by side on one backend; more lie over each other."""


def timeline(rows: Sequence[Row], *, title: str | None = None) -> Figure:
    """Gantt chart of one run.

    Parameters
    ----------
    rows
        Rows of the query ``timeline``: lane, step, label, kind ``step`` or ``job``,
        started and ended in seconds since 1970 (ended may be None), state, backend, and
        kept_from, the number of the run that a step is kept from.
    title
        What was run.

    Returns
    -------
    matplotlib.figure.Figure
        Seconds since the start; steps on top, under them each backend with its jobs.
        Bars that did not end well are hatched.
    """
    known = [row for row in rows if row.get("started") is not None]
    if not known:
        return nothing(title, "nothing has started")
    origins = [row["kept_from"] for row in known if row.get("kept_from") is not None]
    if len(origins) == len(known):
        return nothing(title, f"nothing ran: all of it was {_kept_from(origins)}")
    begin = min(row["started"] for row in known)
    end = max(row.get("ended") or row["started"] for row in known)
    steps = [row for row in known if row["kind"] == "step"]
    jobs = [row for row in known if row["kind"] == "job"]
    places = _places(steps, jobs)
    figure, (axes,) = canvas(8, min(1.3 + 0.3 * len(places), 14))
    for height, (label, bars) in enumerate(places):
        _draw(axes, height, bars, begin, end)
        axes.axhline(height + 0.5, color=QUIET, alpha=0.2, linewidth=0.6)
        if label and bars[0]["kind"] == "job" and height:
            axes.axhline(height - 0.5, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(places)), [plain(label, 28) for label, _ in places])
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.set_xlim(0, max(end - begin, 1e-3) * 1.02)
    axes.set_xlabel("time since the start (s)")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    entitle(axes, title)
    _legend(axes, known)
    return figure


def _kept_from(numbers: Iterable[int]) -> str:
    """The runs that steps were kept from, as words."""
    runs = sorted(set(numbers))
    word = "run" if len(runs) == 1 else "runs"
    return f"kept from {word} {', '.join(map(str, runs))}"


def _places(steps: list[Row], jobs: list[Row]) -> list[tuple[str, list[Row]]]:
    """Rows of the figure from the top: a label and the bars on it."""
    places = [
        (str(bars[0].get("label") or name), bars)
        for name in listed(steps, "step")
        if (bars := [row for row in steps if row["step"] == name])
    ]
    for lane in listed(jobs, "lane"):
        packed = _packed([row for row in jobs if str(row.get("lane") or "") == lane])
        places += [(lane if i == 0 else "", bars) for i, bars in enumerate(packed)]
    return places


def _packed(bars: list[Row]) -> list[list[Row]]:
    """Jobs that overlap in time go on different rows."""
    lanes: list[list[Row]] = []
    free: list[float] = []
    for bar in sorted(bars, key=lambda row: float(row["started"])):
        end = float(bar.get("ended") or "inf")
        spot = next((i for i, f in enumerate(free) if f <= bar["started"]), len(lanes))
        if spot == len(lanes) < LANES:
            lanes.append([])
            free.append(0.0)
        spot = min(spot, len(lanes) - 1)
        lanes[spot].append(bar)
        free[spot] = max(free[spot], end)
    return lanes


def _draw(axes: Axes, height: int, bars: list[Row], begin: float, end: float) -> None:
    least = (end - begin) * 0.002
    for good in (True, False):
        chosen = [row for row in bars if _well(row) == good]
        if not chosen:
            continue
        spans = [
            (r["started"] - begin, max((r.get("ended") or end) - r["started"], least))
            for r in chosen
        ]
        axes.broken_barh(
            spans,
            (height - 0.33, 0.66),
            facecolors=[_colour(row) for row in chosen],
            edgecolor="white",
            linewidth=0.5,
            hatch=None if good else "////",
        )


def _well(row: Row) -> bool:
    return row.get("state") in ("done", "settled", "sent", "intended", "running", None)


def _colour(row: Row) -> str:
    return QUIET if row["kind"] == "step" else colour_of(str(row.get("lane") or ""))


def _legend(axes: Axes, rows: list[Row]) -> None:
    if not all(_well(row) for row in rows):
        patch = Patch(facecolor=QUIET, edgecolor="white", hatch="////")
        below(axes, [patch], ["failed, lost or cancelled"])
