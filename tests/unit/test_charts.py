"""Figures: what is drawn, in which units and colours, and with any text."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy.stats import binomtest

from quantumflow_lab import charts, colours
from quantumflow_lab.charts.style import plain
from quantumflow_lab.colours import PALETTE, colour_of
from quantumflow_lab.figures import KINDS
from quantumflow_lab.intervals import wilson
from quantumflow_lab.magics.commands import OF_A_RUN

START = 1_700_000_000.0
EVIL = ["$x$", "$", r"\$", "_hidden", "a\nb", "$\\frac{", "<b>", "x" * 300, ""]


def drawn(figure: Figure) -> Any:
    """The figure after drawing it, so that bad text would have raised."""
    figure.savefig(BytesIO(), format="png", dpi=40)
    return figure


def labels(figure: Any) -> list[tuple[str, str]]:
    return [(a.get_xlabel(), a.get_ylabel()) for a in figure.axes]


def bar(kind: str, lane: str, start: float, end: float | None, **more: Any) -> Any:
    times = {"started": START + start, "ended": None if end is None else START + end}
    names = {"lane": lane, "step": "counts", "label": "counts", "backend": lane}
    return {"kind": kind, "state": "done", **names, **times, **more}


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_intervals_have_known_ends(
    k: int, n: int, low: float, high: float
) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("confidence", [0.68, 0.95, 0.999])
def test_wilson_intervals_agree_with_scipy(confidence: float) -> None:
    for k, n in [(0, 7), (3, 7), (493, 1000), (1000, 1000)]:
        theirs = binomtest(k, n).proportion_ci(confidence, method="wilson")
        assert wilson(k, n, confidence) == pytest.approx(tuple(theirs))


def test_more_hits_than_shots_have_no_interval() -> None:
    with pytest.raises(ValueError, match="k must be between 0 and n, not 11 of 10"):
        wilson(11, 10)


def test_counts_are_probabilities_with_wilson_intervals() -> None:
    figure = drawn(charts.counts({"aer": {"00": 6, "11": 4}, "fake_manila": {"00": 1}}))
    (axes,) = figure.axes
    heights = [[p.get_height() for p in bars] for bars in axes.containers[1::2]]
    assert heights == [[0.6, 0.4], [1.0, 0.0]]
    (segments,) = [c.get_segments() for c in axes.containers[0].lines[2]]
    assert [tuple(s[:, 1]) for s in segments] == [
        pytest.approx(wilson(6, 10)),
        pytest.approx(wilson(4, 10)),
    ]
    assert labels(figure) == [("bitstring", "probability")]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "aer · 10 shots",
        "fake_manila · 1 shots",
    ]


def test_rare_outcomes_share_one_bar() -> None:
    table = {format(i, "06b"): 64 - i for i in range(64)}
    (axes,) = drawn(charts.counts({"aer": table})).axes
    names = [t.get_text() for t in axes.get_xticklabels()]
    assert names == [format(i, "06b") for i in range(23)] + ["41 others"]
    bars = axes.containers[1]
    assert sum(p.get_height() for p in bars) == pytest.approx(1.0)


def test_a_backend_keeps_its_colour_in_every_figure() -> None:
    first = drawn(charts.counts({"fake_lima": {"0": 1}, "aer": {"0": 1}}))
    row = {"step": "s", "backend": "fake_lima", "machine_s": 1.0, "cost": None}
    second = drawn(charts.cost([row]))
    job = bar("job", "fake_lima", 0, 1)
    third = drawn(charts.timeline([job]))
    seen = [
        to_hex(first.axes[0].containers[1][0].get_facecolor()),
        to_hex(second.axes[0].patches[0].get_facecolor()),
        to_hex(third.axes[0].collections[0].get_facecolor()[0]),
    ]
    assert seen == [colour_of("fake_lima").lower()] * 3


def test_backends_have_different_colours_while_there_are_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As in a process that has drawn nothing yet.
    monkeypatch.setattr(colours, "_taken", {"aer": PALETTE[0]})
    names = ["aer", *(f"backend_{i}" for i in range(4))]
    assert len({colour_of(name) for name in names}) == 5
    assert {colour_of(name) for name in names} <= set(PALETTE)


def test_the_timeline_has_a_row_for_each_step_and_each_job_at_the_same_time() -> None:
    rows = [
        bar("step", "python", 0, 3),
        bar("job", "aer", 0, 2),
        bar("job", "aer", 1, 3),
        bar("job", "aer", 2, None, state="lost"),
    ]
    figure = drawn(charts.timeline(rows, title="bell"))
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["counts", "aer", ""]
    spans = [
        sorted(tuple(p.vertices[:, 0][[0, 2]]) for p in c.get_paths())
        for c in axes.collections
    ]
    assert np.allclose(spans[0], [(0, 3)])
    assert np.allclose(spans[1], [(0, 2)])
    assert np.allclose(spans[2], [(2, 3)])
    assert [c.get_hatch() for c in axes.collections] == [None, None, "////", None]
    assert axes.get_xlabel() == "time since the start (s)"
    assert axes.get_title(loc="left") == "bell"


@pytest.mark.parametrize(
    ("origins", "words"), [([3, 3], "run 3"), ([7, 3], "runs 3, 7")]
)
def test_the_timeline_of_a_run_that_is_all_kept_says_so(
    origins: list[int], words: str
) -> None:
    rows = [bar("step", "python", 0, 0, kept_from=number) for number in origins]
    (axes,) = drawn(charts.timeline(rows, title="bell")).axes
    assert axes.texts[0].get_text() == f"nothing ran: all of it was kept from {words}"


def test_the_timeline_draws_a_run_of_which_a_part_is_kept() -> None:
    rows = [
        bar("step", "python", 0, 0, kept_from=3),
        bar("step", "python", 0, 2, kept_from=None),
    ]
    assert drawn(charts.timeline(rows)).axes[0].get_xlim() == (0, 2.04)


def test_metrics_have_one_panel_for_each_name_and_a_line_for_each_point() -> None:
    rows = [
        {"step": "vqe", "unit": unit, "name": name, "n": n, "value": float(n)}
        for name in ("energy", "norm")
        for unit in range(2)
        for n in (1, 0)
    ]
    figure = drawn(charts.metrics(rows))
    assert labels(figure) == [("", "energy"), ("log entry", "norm")]
    lines = [line.get_xydata().tolist() for line in figure.axes[0].lines]
    assert lines == [[[0, 0], [1, 1]]] * 2


def test_many_points_of_a_metric_are_one_line_with_gaps() -> None:
    """Twenty thousand lines apart would take a minute to draw."""
    rows = [
        {"step": "vqe", "unit": unit, "name": "energy", "n": n, "value": float(unit)}
        for n in (1, 0)
        for unit in range(9)
    ]
    figure = drawn(charts.metrics(rows))
    (line,) = figure.axes[0].lines
    found = line.get_xydata().reshape(9, 3, 2)
    assert np.isnan(found[:, 2]).all()
    assert found[:, :2].tolist() == [[[0, u], [1, u]] for u in range(9)]


def test_cost_is_machine_time_and_each_currency_apart() -> None:
    free = {"step": "counts", "backend": "aer", "machine_s": 2.0, "cost": None}
    paid = {"step": "vqe", "backend": "ibm", "machine_s": 0.5, "cost": 3.0}
    figure = drawn(
        charts.cost([{**free, "currency": None}, {**paid, "currency": "USD"}])
    )
    assert labels(figure) == [("machine time (s)", ""), ("cost (USD)", "")]
    widths = [[p.get_width() for p in a.patches] for a in figure.axes]
    assert widths == [[2.0, 0.5], [3.0]]


def test_history_shows_runs_by_state_and_long_ranges_on_a_log_scale() -> None:
    rows: Any = [
        {"started": START, "wall_s": 1.0, "state": "done"},
        {"started": START + 86400, "wall_s": 100.0, "state": "failed"},
        {"started": START, "wall_s": None, "state": "running"},
    ]
    figure = drawn(charts.history(rows))
    (axes,) = figure.axes
    assert labels(figure) == [("started (UTC)", "wall time (s)")]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "done (1)",
        "failed (1)",
    ]
    assert axes.get_yscale() == "log"
    spots = np.concatenate([c.get_offsets() for c in axes.collections])
    assert spots[:, 0].tolist() == [START / 86400, START / 86400 + 1]


def test_one_axis_is_a_line_with_error_bars() -> None:
    figure = drawn(
        charts.sweep(
            {"delay": [0.0, 1.0, 2.0]},
            [1.0, np.nan, 0.25],
            [0.1, 0.1, 0.2],
            quantity="P(1)",
            units={"delay": "µs"},
        )
    )
    (axes,) = figure.axes
    assert labels(figure) == [("delay (µs)", "P(1)")]
    (container,) = axes.containers
    first, gap, last = container.lines[2][0].get_segments()
    assert first[:, 1] == pytest.approx((0.9, 1.1))
    assert len(gap) == 0
    assert last[:, 1] == pytest.approx((0.05, 0.45))


def test_two_axes_are_a_heat_map_with_its_quantity() -> None:
    values = np.arange(6.0).reshape(2, 3)
    dims = {"gamma": [0.0, 1.0], "beta": [2.0, 1.0, 0.0]}
    figure = drawn(charts.sweep(dims, values, quantity="cost", unit="Ha"))
    assert labels(figure) == [("beta", "gamma"), ("", "cost (Ha)")]
    (mesh,) = figure.axes[0].collections
    assert np.asarray(mesh.get_array()).tolist() == [[2, 1, 0], [5, 4, 3]]


def test_an_axis_of_backends_is_a_line_for_each_in_its_colour() -> None:
    dims: Any = {"delay": [0, 1, 2], "backend": ["aer", "fake_lima"]}
    figure = drawn(charts.sweep(dims, np.arange(6.0).reshape(3, 2)))
    lines = figure.axes[0].lines
    assert [line.get_ydata().tolist() for line in lines] == [[0, 2, 4], [1, 3, 5]]
    assert [line.get_color() for line in lines] == [
        colour_of("aer"),
        colour_of("fake_lima"),
    ]


def test_a_third_axis_becomes_panels() -> None:
    dims: Any = {"delay": [0, 1, 2], "qubit": [0, 5], "backend": ["aer", "fake_lima"]}
    figure = drawn(charts.sweep(dims, np.arange(12.0).reshape(3, 2, 2)))
    assert [a.texts[0].get_text() for a in figure.axes] == ["qubit = 0", "qubit = 5"]
    assert figure.axes[1].lines[0].get_ydata().tolist() == [2, 6, 10]


@pytest.mark.parametrize(
    ("dims", "values", "message"),
    [
        ({}, 1.0, "a single value has no axis to draw it over; print it instead"),
        ({"x": [1, 2]}, [1.0], r"axes of lengths \(2,\) do not fit values of shape"),
        (
            {"x": range(9), "y": range(9), "z": range(9)},
            np.zeros((9, 9, 9)),
            r"9 panels is too much; take a part .* grid.sel\(y=...\)",
        ),
    ],
)
def test_a_grid_that_no_figure_fits_says_what_to_type(
    dims: Any, values: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        charts.sweep(dims, values)


@pytest.mark.parametrize("text", EVIL)
def test_any_text_can_be_drawn(text: str) -> None:
    row = {"step": text, "unit": 0, "name": text, "n": 0, "value": 1.0}
    drawn(charts.metrics([row], title=text))
    counted = drawn(charts.counts({text: {text: 3}}, title=text))
    (entry,) = counted.legends[0].get_texts()
    assert not entry.get_text().startswith("_")
    money = {"machine_s": 1.0, "cost": 2.0, "currency": text}
    drawn(charts.cost([{"step": text, "backend": text, **money}], title=text))
    job = bar("job", text, 0, 1, state=text)
    drawn(charts.timeline([job, {**job, "kind": "step", "step": text}], title=text))
    drawn(charts.history([{"started": START, "wall_s": 1.0, "state": text}]))
    drawn(charts.sweep({text: [text, "b"]}, [1.0, 2.0], quantity=text, unit=text))
    paid = {"month": "2026-11", "of": text, "cost": 2.0, "currency": text}
    drawn(charts.spend([paid], by=text, title=text))
    drawn(charts.quote([{**paid, "backend": text, "quoted": 1.0}], title=text))


@pytest.mark.parametrize(
    "figure",
    [
        charts.counts({"aer": {}}),
        charts.timeline([]),
        charts.metrics([]),
        charts.cost([]),
        charts.history([]),
        charts.spend([]),
        charts.quote([]),
        charts.sweep({"x": [1]}, [np.nan]),
    ],
)
def test_no_rows_give_a_figure_that_says_so(figure: Figure) -> None:
    (axes,) = drawn(figure).axes
    assert axes.texts[0].get_text() != ""


def test_a_figure_shows_itself_sharply_without_pyplot() -> None:
    figure: Any = charts.counts({"aer": {"0": 1}})
    png, size = figure._repr_png_()
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20], "big")
    assert width == 2 * size["width"]


def spent(month: str, of: str, cost: float | None, currency: str = "USD") -> Any:
    return {"month": month, "of": of, "cost": cost, "currency": currency}


def heights(axes: Any) -> list[list[float]]:
    return [[bar.get_height() for bar in bars] for bars in axes.containers]


def test_spend_stacks_the_backends_of_each_month_and_keeps_currencies_apart() -> None:
    rows = [
        spent("2026-08", "lima", 2.0),
        spent("2026-10", "lima", 1.0),
        {**spent("2026-10", "garnet", 3.0), "qpu_s": None},
        {**spent("2026-10", "forte", 5.0, "EUR"), "qpu_s": 7.0},
        spent("2026-10", "aer", None),
    ]
    figure = drawn(charts.spend(rows))
    assert labels(figure) == [
        ("", "cost (USD)"),
        ("", "cost (EUR)"),
        ("month (UTC)", "QPU time (s)"),
    ]
    usd, eur, qpu = figure.axes
    # September, in which nothing was spent, has its place.
    assert [t.get_text() for t in qpu.get_xticklabels()] == [
        *("2026-08", "2026-09", "2026-10")
    ]
    # forte, garnet, lima, as in the legend.
    assert heights(usd) == [[0, 0, 0], [0, 0, 3.0], [2.0, 0, 1.0]]
    assert heights(eur)[0] == [0, 0, 5.0]
    assert heights(qpu)[0] == [0, 0, 7.0]
    assert usd.containers[2][2].get_y() == 3.0
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert names == ["forte", "garnet", "lima"]
    colour = to_hex(usd.containers[2][0].get_facecolor())
    assert colour == colour_of("lima").lower()


def test_spend_of_many_projects_tells_the_largest_apart() -> None:
    rows = [spent("2026-12", f"p{i:02}", 1.0 + i) for i in range(20)]
    rows.append(spent("2027-01", "", 4.0))
    (axes,) = drawn(charts.spend(rows, by="project")).axes
    assert len(axes.containers) == 8
    assert heights(axes)[-1] == [sum(1.0 + i for i in range(13)), 4.0]


def test_a_quote_stands_with_its_interval_beside_what_it_came_to() -> None:
    row = {"backend": "lima", "quoted": 2.0, "cost": 2.5, "currency": "USD"}
    rows = [
        {**row, "quoted_low": 1.5, "quoted_high": 4.0},
        {**row, "cost": 1.0},
        {**row, "quoted": None},
    ]
    figure = drawn(charts.quote(rows, title="t1"))
    (axes,) = figure.axes
    assert labels(figure) == [("quoted (USD)", "actual (USD)")]
    assert axes.get_title(loc="left") == "t1 · 1 without a quote"
    identity = axes.lines[0]
    assert list(identity.get_xdata()) == list(identity.get_ydata())
    (points,) = axes.containers
    assert list(points[0].get_xdata()) == [2.0, 2.0]
    assert list(points[0].get_ydata()) == [2.5, 1.0]
    segments = points[2][0].get_segments()
    assert [tuple(each[:, 0]) for each in segments] == [(1.5, 4.0), (2.0, 2.0)]
    assert axes.get_xlim() == axes.get_ylim() == (0.0, pytest.approx(4.4))


def test_quotes_of_many_sizes_have_a_logarithmic_scale() -> None:
    rows = [
        {"backend": "b", "quoted": q, "cost": q, "currency": "USD"} for q in (0.01, 9.0)
    ]
    (axes,) = drawn(charts.quote(rows)).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_a_dollar_is_no_formula() -> None:
    assert plain("$a_b$") == r"\$a_b\$"


def test_the_magic_knows_every_chart_of_a_run() -> None:
    assert tuple(KINDS) == OF_A_RUN


def test_matplotlib_is_not_loaded_before_a_chart_is_asked_for() -> None:
    code = (
        "import sys, quantumflow_lab.magics\n"
        "sys.exit('matplotlib' in sys.modules and 'matplotlib was loaded')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
