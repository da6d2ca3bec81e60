"""What was spent, month by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from quantumflow_lab.charts.style import below, canvas, entitle, nothing, plain
from quantumflow_lab.colours import QUIET, colour_of

Row = dict[str, Any]
MOST = 8
"""Parts of a bar that are told apart; the smaller ones are one part."""
OTHERS = "others"
LEAST = 4
"""Months for which there is room, so that few bars are not wide."""


def spend(
    rows: Sequence[Row], *, by: str = "backend", title: str | None = None
) -> Figure:
    """Money of each month, and seconds of quantum processors, stacked by who took them.

    Parameters
    ----------
    rows
        Rows of the query ``spend``: month, of, qpu_s, cost, currency.
    by
        What they are told by: ``backend``, ``project`` or ``notebook``.
    title
        Whose money it is.

    Returns
    -------
    matplotlib.figure.Figure
        Axes for each currency, since they do not add up, and for seconds.
    """
    title = title or f"spent by {by}"
    paid = [row for row in rows if row.get("cost")]
    currencies = list(dict.fromkeys(str(row["currency"]) for row in paid))
    panels = [
        (f"cost ({plain(unit)})", _sums([r for r in paid if r["currency"] == unit]))
        for unit in currencies
    ]
    held = _sums([row for row in rows if row.get("qpu_s")], "qpu_s")
    if held:
        panels.append(("QPU time (s)", held))
    if not panels:
        return nothing(title, "nothing was spent")
    known = _named({key: v for _, sums in panels for key, v in sums.items()})
    months = _months([month for _, sums in panels for month, _ in sums])
    figure, axes = canvas(7, 0.9 + 2.1 * len(panels), len(panels), sharex=True)
    for one, (label, sums) in zip(axes, panels, strict=True):
        _stack(one, sums, months, known)
        one.set_ylabel(label)
    axes[-1].set_xticks(range(len(months)), _ticks(months))
    axes[-1].set_xlabel("month (UTC)")
    entitle(axes[0], title)
    below(
        axes[0],
        [Patch(color=_colour(name)) for name in known],
        [plain(name or f"no {by}", 30) for name in known],
    )
    return figure


def _sums(rows: Sequence[Row], column: str = "cost") -> dict[tuple[str, str], float]:
    sums: dict[tuple[str, str], float] = {}
    for row in rows:
        key = str(row["month"]), str(row["of"] or "")
        sums[key] = sums.get(key, 0.0) + float(row[column])
    return sums


def _named(sums: dict[tuple[str, str], float]) -> list[str]:
    """The parts by name, those that come to most first."""
    names = sorted({name for _, name in sums}, key=lambda n: (not n, n))
    if len(names) <= MOST:
        return names
    totals = {n: sum(v for (_, name), v in sums.items() if name == n) for n in names}
    largest = sorted(names, key=lambda n: -totals[n])[: MOST - 1]
    return [*(n for n in names if n in largest), OTHERS]


def _months(found: Sequence[str]) -> list[str]:
    """Every month from the first to the last, also those in which nothing was spent."""
    months, last = [min(found)], max(found)
    while months[-1] < last:
        year, month = map(int, months[-1].split("-"))
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        months.append("{:04}-{:02}".format(*following))
    return months


def _ticks(months: Sequence[str]) -> list[str]:
    """Labels that fit: every month, or of many only some."""
    step = -(-len(months) // 12)
    return [month if i % step == 0 else "" for i, month in enumerate(months)]


def _stack(
    axes: Axes,
    sums: dict[tuple[str, str], float],
    months: list[str],
    known: list[str],
) -> None:
    reached = [0.0] * len(months)
    for name in known:
        mine = [
            sum(
                value
                for (when, whose), value in sums.items()
                if when == month and (whose if whose in known else OTHERS) == name
            )
            for month in months
        ]
        axes.bar(
            range(len(months)),
            mine,
            0.62,
            bottom=reached,
            color=_colour(name),
            edgecolor=axes.get_facecolor(),
            linewidth=0.8,
        )
        reached = [low + more for low, more in zip(reached, mine, strict=True)]
    for i, total in enumerate(reached):
        if total and len(months) <= 12:
            text = f"{total:,.2f}" if total < 1000 else f"{total:,.0f}"
            axes.annotate(
                text,
                (i, total),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize="small",
            )
    axes.set_ylim(0, 1.14 * max(reached))
    middle, reach = (len(months) - 1) / 2, max(len(months), LEAST) / 2
    axes.set_xlim(middle - reach - 0.1, middle + reach + 0.1)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)


def _colour(name: str) -> str:
    return QUIET if name in ("", OTHERS) else colour_of(name)
