"""The HTML form of a run and of tables: well-formed, escaped, complete."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantumflow_lab.colours import colour_of
from quantumflow_lab.widgets import run_html, table_html
from quantumflow_lab.widgets.escape import element, join, one_line

SVG = "{http://www.w3.org/2000/svg}"
OURS = set("""div style p span table thead tbody tr th td pre
    svg path g rect text tspan circle""".split())
EVIL = "<img src=x onerror=alert(1)>\"'&\n</text></style><script>alert(2)</script>"


def step(name: str, **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "kind": "step",
        "needs": [],
        "inputs": [],
        "dims": [],
        "backend": None,
    }
    ends = {"total": 1, "counts": {}, "state": "waiting", "phase": None}
    return {"name": name, **plain, **ends, "seconds": None, "error": None, **more}


BELL = {
    "name": "bell",
    "state": "done",
    "elapsed": 1.92,
    "message": None,
    "steps": [
        step("bell", kind="circuit", counts={"done": 1}, state="done", seconds=0.002),
        step(
            "counts",
            kind="sample",
            backend="aer",
            needs=["bell"],
            inputs=["shots"],
            dims=[["theta", 3]],
            total=3,
            counts={"done": 2, "failed": 1},
            state="partial",
            seconds=1.4,
            error="BackendFailed: no",
        ),
    ],
    "inputs": [{"name": "shots", "summary": "int 1000"}],
    "metrics": [{"step": "counts", "name": "parity", "values": [0.5, None, 1.0]}],
    "cost": {"machine_s": 1.31},
}


def parsed(html: str) -> ET.Element:
    """The HTML as a tree; it is written so that an XML parser takes it."""
    return ET.fromstring(html)


def texts(tree: ET.Element, tag: str) -> list[str]:
    return ["".join(found.itertext()) for found in tree.iter(tag)]


def test_the_table_holds_each_step_in_words() -> None:
    rows = [list(row) for row in parsed(run_html(BELL)).iter("tr")]
    assert [["".join(cell.itertext()) for cell in row] for row in rows] == [
        ["step", "kind", "backend", "axes", "points", "state", "time"],
        ["bell", "circuit", "", "", "1/1", "✓ done", "2 ms"],
        ["counts", "sample", "aer", "theta 3", "2/3", "◑ partial", "1.4 s"],
    ]


def test_the_picture_holds_steps_inputs_edges_and_metrics() -> None:
    tree = parsed(run_html(BELL))
    assert [picture.get("aria-label") for picture in tree.iter(f"{SVG}svg")] == [
        "Steps of bell",
        "parity: 1",
    ]
    edges = [e for e in tree.iter(f"{SVG}path") if e.get("class") == "qf-edge"]
    assert len(edges) == 2
    assert "shots" in texts(tree, f"{SVG}text")


def test_the_bare_text_of_the_picture_reads_well_where_svg_is_taken_away() -> None:
    graph, line = texts(parsed(run_html(BELL)), f"{SVG}svg")
    assert graph == (
        "shots; bell, circuit, ✓ done 2 ms, 1/1; "
        "counts, sample · aer, theta 3, ◑ partial 1.4 s, 2/3; "
    )
    assert line == "parity: 1; "


def with_results(results: dict[str, Any]) -> ET.Element:
    one = step("counts", results=results)
    return parsed(run_html({"name": "bell", "state": "done", "steps": [one]}))


def estimates(values: list[list[float | None]], **more: Any) -> dict[str, Any]:
    line = {"label": "", "backend": None, "values": values}
    about = {"axis": "angle", "unit": "rad", "which": "latest", "placed": True}
    return {"series": [line], "total": len(values), "point": "", **about, **more}


def test_counts_are_drawn_with_their_intervals() -> None:
    counts = {"shots": 1000, "outcomes": 3, "counts": [["00", 510], ["11", 480]]}
    tree = with_results({"counts": [{"label": "angle 1", "backend": "aer", **counts}]})
    _, bars = texts(tree, f"{SVG}svg")
    assert bars == (
        "angle 1 · 1,000 shots: 00: 51.0 % (47.9–54.1); 11: 48.0 % (44.9–51.1); "
        "1 other: 1.0 %; "
    )
    drawn = [e for e in tree.iter() if e.get("class") == "qf-plotted"]
    widths = [float(bar.get("width", "")) for bar in drawn]
    assert widths[1] / widths[0] == pytest.approx(48 / 51, rel=0.01)
    assert texts(tree, "div")[-2] == "latest points, 95 % Wilson intervals"


def test_counts_that_nobody_counted_are_told() -> None:
    one: dict[str, Any] = {
        "label": "",
        "backend": None,
        "shots": 10**6,
        "outcomes": 0,
        "counts": [],
    }
    _, said = texts(with_results({"counts": [one]}), f"{SVG}svg")
    assert said == "1,000,000 shots: too many to be counted while the run goes on."


def test_values_are_drawn_over_their_axis_with_their_errors() -> None:
    shown = estimates([[0.0, 1.0, 0.1], [1.0, None, None], [2.0, -1.0, 0.1]])
    tree = with_results({**shown, "total": 900})
    _, said = texts(tree, f"{SVG}svg")
    assert said == (
        "2 values from −1 to 1, × 1 of 3 not a finite number; −1, 0, 1, "
        "0, 2, angle (rad) · the latest 3 of 900 points; ×"
    )
    dots = [float(e.get("cx", "")) for e in tree.iter(f"{SVG}circle")]
    (odd,) = (e for e in tree.iter(f"{SVG}text") if e.text == "×")
    assert float(odd.get("x", "")) == pytest.approx(sum(dots) / 2)
    whiskers = [e for e in tree.iter() if e.get("class") == "qf-reach"]
    assert len(whiskers) == 2


def test_each_backend_has_its_colour_its_mark_and_its_name() -> None:
    names = ("aer", "fake_lima")
    lines = [{"label": n, "backend": n, "values": [[0.0, 1.0, None]]} for n in names]
    tree = with_results(estimates([], series=lines, total=2))
    groups = [e for e in tree.iter(f"{SVG}g") if "--qf-tone" in e.get("style", "")]
    assert [e.get("style") for e in groups] == [
        f"--qf-tone:{colour_of(name)}" for name in names * 2
    ]
    assert [each.tag for group in groups[:2] for each in group] == [
        f"{SVG}circle",
        f"{SVG}path",
    ]
    assert texts(tree, f"{SVG}text")[-2:] == ["aer", "fake_lima"]


number = st.none() | st.floats(-1e300, 1e300)


@given(st.lists(st.tuples(number, number), min_size=1))
def test_any_values_can_be_drawn(pairs: list[list[float | None]]) -> None:
    rows = [[float(i), v, s and abs(s)] for i, (v, s) in enumerate(pairs)]
    tree = with_results(estimates(rows, placed=False))
    for name in ("cx", "cy", "x", "y", "d"):
        places = " ".join(e.get(name, "") for e in tree.iter())
        assert "nan" not in places
        assert "inf" not in places


def test_an_error_is_shown_in_full() -> None:
    assert texts(parsed(run_html(BELL)), "pre") == ["counts: BackendFailed: no"]


def test_every_time_is_marked_for_tools_that_compare_outputs() -> None:
    later = {**BELL, "elapsed": 7.7, "cost": {"machine_s": 5.0}}
    marked = [
        "".join(e.itertext())
        for e in parsed(run_html(later)).iter()
        if "qf-time" in (e.get("class") or "").split() and "".join(e.itertext())
    ]
    steps = ["1.4 s", "1.4 s", "2 ms", "2 ms"]
    assert sorted(marked) == [*steps, "5.0 s machine time", "7.7 s"]


def test_retries_are_told_in_words() -> None:
    html = run_html({**BELL, "trouble": "retried twice <b>"})
    assert "retried twice <b>" in texts(parsed(html), "span")


def test_a_note_takes_the_place_of_the_message() -> None:
    tree = parsed(run_html({**BELL, "message": "hidden"}, note="look here"))
    assert texts(tree, "p") == ["look here"]


def test_a_run_without_steps_says_so() -> None:
    tree = parsed(run_html({"name": "x", "state": "done", "steps": []}))
    assert texts(tree, "p") == ["This workflow has no steps."]
    assert texts(tree, "table") == []


@given(st.text())
@pytest.mark.parametrize("place", ["name", "kind", "backend", "error", "state", "dims"])
def test_no_text_of_a_step_breaks_the_html(place: str, text: str) -> None:
    value: object = [[text, 2]] if place == "dims" else text
    one = step("a", **{place: value}) if place != "name" else step(text)
    metric = {"step": text, "name": text, "values": [1.0, 2.0], "first": 0}
    inputs = [{"name": text, "summary": text}]
    snapshot = {"name": text, "state": "failed", "message": text, "steps": [one]}
    tree = parsed(run_html({**snapshot, "inputs": inputs, "metrics": [metric]}))
    assert {e.tag.removeprefix(SVG) for e in tree.iter()} <= OURS


def test_text_from_users_stays_text() -> None:
    names = {"name": EVIL, "message": EVIL, "state": "failed", "inputs": []}
    one = step(EVIL, kind=EVIL, backend=EVIL, error=EVIL, dims=[[EVIL, 2]])
    html = run_html({**names, "steps": [one]})
    assert "<script" not in html
    assert "<img" not in html
    assert texts(parsed(html), "pre") == [f"{one_line(EVIL)}: {EVIL}"]


def test_a_table_shows_numbers_to_the_right_and_tells_what_it_left_out() -> None:
    tree = parsed(table_html(["name", "n"], [[EVIL, i / 3] for i in range(250)]))
    assert texts(tree, "caption") == ["250 rows, first 200 shown"]
    rows = [[c.get("class") for c in row] for row in tree.iter("tr")]
    assert rows == [[None, "qf-right"]] * 201
    assert texts(tree, "td")[2:4] == [EVIL, "0.333333"]


def test_a_table_may_be_empty() -> None:
    assert texts(parsed(table_html(["name"], [])), "caption") == ["0 rows"]


def test_an_element_escapes_all_but_elements() -> None:
    inner = element("b", "<")
    assert join("<", inner) == "&lt;<b>&lt;</b>"
    assert element("i", inner, None, title=inner, hidden=True, lang=None) == (
        '<i title="&lt;b&gt;&amp;lt;&lt;/b&gt;" hidden><b>&lt;</b></i>'
    )
