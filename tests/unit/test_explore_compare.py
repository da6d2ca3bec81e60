"""Two runs as a widget: order, groups, exchange for others, static forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.errors import BadOption
from quantumflow_lab.explore import Compare
from quantumflow_lab.widgets.compare import CompareWidget

CELL = """
from qiskit import QuantumCircuit
angle = 0.6

@qf.sample
def counts(angle):
    qc = QuantumCircuit(1)
    qc.ry(angle, 0)
    qc.measure_all()
    return qc
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three runs: twice the same with other seeds, then more shots at another angle."""
    lab = Lab(tmp_path_factory.mktemp("home"))
    run: dict[str, Any] = {"name": "ry", "backend": "fake_manila", "fresh": True}
    lab.run(CELL, seed=1, **run)
    lab.run(CELL, seed=2, **run)
    lab.run(CELL, seed=2, shots=4000, set={"angle": 2.0}, **run)
    yield lab
    lab.close()


def press(widget: Compare, content: object) -> None:
    data = {"method": "custom", "content": content}
    widget._handle_msg({"content": {"data": data}, "buffers": []})
    widget._desk.join(30)


def titles(sections: list[dict[str, Any]]) -> list[str]:
    return [each["title"] for each in sections]


def test_what_differs_stands_apart_from_results_and_costs(lab: Lab) -> None:
    state = Compare("ry:2", "ry:3", lab=lab).state
    assert (state["a"], state["b"], state["verdict"]) == ("ry:2", "ry:3", "differ")
    assert (state["tested"], state["differing"], state["level"]) == (1, 1, 0.01)
    assert titles(state["differences"]) == ["Options", "Circuits as executed"]
    assert titles(state["results"]) == ["Points by step", "Significant differences"]
    assert titles(state["spent"]) == ["Cost and time"]
    assert state["differences"][0]["rows"] == [
        ["shots", "default", "4000"],
        ["set angle", "0.6", "2.0"],
    ]


def test_it_tells_all_that_the_comparison_tells(lab: Lab) -> None:
    shown, told = Compare("ry:2", "ry:3", lab=lab), lab.compare("ry:2", "ry:3")
    rows = [
        row
        for group in ("differences", "results", "spent")
        for section in shown.state[group]
        for row in section["rows"]
    ]
    assert sorted(rows) == sorted(
        [str(cell) for cell in row] for section in told.sections for row in section.rows
    )
    assert shown.state["sentences"] == list(told.sentences)


def test_alone_it_is_compared_with_the_run_before(lab: Lab) -> None:
    state = Compare("ry:2", lab=lab).state
    assert (state["a"], state["b"], state["verdict"]) == ("ry:1", "ry:2", "agree")
    assert [run["label"] for run in state["runs"]] == ["ry:3", "ry:2", "ry:1"]
    assert state["runs"][0]["about"].startswith("done · ")


def test_another_pair_is_compared_when_it_is_asked_for(lab: Lab) -> None:
    widget = Compare("ry:1", "ry:2", lab=lab)
    press(widget, {"type": "compare", "n": 4, "a": "ry:1", "b": "ry:3"})
    assert (widget.state["n"], widget.state["b"]) == (4, "ry:3")
    assert widget.state["verdict"] == "differ"


def test_what_cannot_be_compared_is_said_and_the_rest_stays(lab: Lab) -> None:
    widget = Compare("ry:1", "ry:2", lab=lab)
    press(widget, {"type": "compare", "n": 1, "a": "ry:1", "b": "ry:9"})
    assert "none of them number 9" in widget.state["message"]
    assert (widget.state["n"], widget.state["b"]) == (1, "ry:2")


def test_a_run_is_not_compared_with_itself(lab: Lab) -> None:
    with pytest.raises(BadOption, match="both are ry:1"):
        Compare("ry:1", "ry:1", lab=lab)


@pytest.mark.parametrize(
    "content", [None, {"type": "compare"}, {"type": "compare", "n": 1, "a": 1, "b": 2}]
)
def test_any_other_message_is_dropped(content: object) -> None:
    assert CompareWidget._understood(content) is None


def test_the_static_forms_are_a_report(lab: Lab) -> None:
    bundle = Compare("ry:2", "ry:3", lab=lab).static_bundle()
    assert bundle["text/plain"].splitlines()[0] == "ry:2 → ry:3"
    assert "Significant differences" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
