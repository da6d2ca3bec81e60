"""Measured bitstrings, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quantumflow_lab.charts.style import below, canvas, entitle, nothing, plain
from quantumflow_lab.colours import colour_of
from quantumflow_lab.intervals import wilson

OUTCOMES = 24
"""Outcomes that get a bar of their own; the rest are drawn as one."""

Counts = Mapping[str, int]


def counts(data: Mapping[str, Counts], *, title: str | None = None) -> Figure:
    """Grouped bars of outcome probabilities with 95 % Wilson intervals.

    Parameters
    ----------
    data
        For each label, often a backend, how often each bitstring was seen.
    title
        What was run.

    Returns
    -------
    matplotlib.figure.Figure
        Probability over bitstring. If there are more than 24 bitstrings, the most
        frequent ones and one bar for all others.
    """
    labels = [label for label in data if sum(data[label].values()) > 0]
    if not labels:
        return nothing(title, "no counts")
    outcomes = _outcomes([data[label] for label in labels])
    figure, (axes,) = canvas(min(4 + 0.45 * len(outcomes) * len(labels), 11), 3.6)
    width = 0.8 / len(labels)
    handles = [
        _bars(axes, data[label], outcomes, label, (i + 0.5) * width - 0.4, width)
        for i, label in enumerate(labels)
    ]
    _ticks(axes, data, outcomes)
    axes.set_ylabel("probability")
    axes.set_ylim(0, None)
    entitle(axes, title)
    shots = [sum(data[label].values()) for label in labels]
    names = [f"{plain(n)} · {s:,} shots" for n, s in zip(labels, shots, strict=True)]
    below(axes, handles, names)
    return figure


def _outcomes(tables: list[Counts]) -> list[str]:
    """Bitstrings to draw, sorted; None stands for all others."""
    share: dict[str, float] = {}
    for table in tables:
        total = sum(table.values())
        for key, n in table.items():
            share[key] = share.get(key, 0.0) + n / total
    if len(share) <= OUTCOMES:
        return sorted(share)
    frequent = sorted(share, key=lambda key: (-share[key], key))
    return sorted(frequent[: OUTCOMES - 1])


def _bars(
    axes: Axes,
    table: Counts,
    outcomes: list[str],
    label: str,
    shift: float,
    width: float,
) -> object:
    total = sum(table.values())
    seen = [table.get(key, 0) for key in outcomes]
    if total > sum(seen) or _others(table, outcomes):
        seen.append(total - sum(seen))
    heights = [n / total for n in seen]
    ends = [wilson(n, total) for n in seen]
    errors = [
        [h - low for h, (low, _) in zip(heights, ends, strict=True)],
        [high - h for h, (_, high) in zip(heights, ends, strict=True)],
    ]
    return axes.bar(
        [i + shift for i in range(len(seen))],
        heights,
        width * 0.92,
        color=colour_of(label),
        yerr=errors,
        error_kw={"elinewidth": 1.1, "capsize": min(16 * width, 4), "alpha": 0.75},
    )


def _others(table: Counts, outcomes: list[str]) -> bool:
    return any(key not in outcomes for key in table)


def _ticks(axes: Axes, data: Mapping[str, Counts], outcomes: list[str]) -> None:
    names = [plain(key, 24) for key in outcomes]
    if any(_others(table, outcomes) for table in data.values()):
        everything = {key for table in data.values() for key in table}
        names.append(f"{len(everything) - len(outcomes)} others")
    steep = sum(len(name) for name in names) > 60
    axes.set_xticks(
        range(len(names)),
        names,
        rotation=90 if steep else 0,
        family="monospace" if names and names[0].strip("01") == "" else None,
    )
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("bitstring")
