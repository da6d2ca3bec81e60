"""A message to the browser stays small, whatever the run; what is left out is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantumflow_lab.widgets import run_html
from quantumflow_lab.widgets.frame import FRAME, METRIC_LIMIT, trimmed
from quantumflow_lab.widgets.run import RunWidget

MESSAGE = 200 * 1024
"""Bytes that a message to the browser may have."""


def step(i: int, **more: Any) -> dict[str, Any]:
    base = {
        "name": f"step_{i}",
        "kind": "sample",
        "needs": [f"step_{i - 1}"] if i else [],
        "inputs": [],
        "dims": [["delay", 21]],
        "backend": None,
        "total": 21,
        "counts": {"done": 21},
        "state": "done",
        "phase": None,
        "seconds": 1.25,
        "error": None,
        "traceback": None,
        "results": None,
    }
    return {**base, **more}


def size(snapshot: dict[str, Any]) -> int:
    return len(json.dumps(snapshot))


def test_a_usual_run_goes_as_it_is() -> None:
    snapshot = {"name": "t", "steps": [step(0), step(1)], "metrics": []}
    assert trimmed(snapshot) == {**snapshot, "colours": {}, "omitted": []}


def test_backends_that_are_drawn_have_their_colours() -> None:
    series = [{"label": "aer", "backend": "aer", "values": [[0.0, 1.0, None]]}]
    found = trimmed({"steps": [step(0, results={"series": series})]})
    assert found["colours"] == {"aer": "#0072B2"}


def test_a_metric_keeps_its_newest_values_and_their_numbers() -> None:
    metric = {"step": "s", "name": "e", "values": [*range(600)], "first": 5}
    (found,) = trimmed({"steps": [], "metrics": [metric]})["metrics"]
    assert len(found["values"]) == METRIC_LIMIT
    assert (found["first"], found["values"][-1]) == (105, 599)


def test_what_fills_a_frame_is_left_out_in_its_order_and_told() -> None:
    metrics = [
        {"step": "s", "name": f"m{i}", "values": [0.1234567890123] * 500, "first": 0}
        for i in range(40)
    ]
    found = trimmed({"steps": [step(0, traceback="short")], "metrics": metrics})
    assert found["omitted"] == ["older values of metrics"]
    assert found["steps"][0]["traceback"] == "short"
    tracebacks = [step(i, traceback="t" * 6000) for i in range(60)]
    found = trimmed({"steps": tracebacks, "metrics": []})
    assert found["omitted"] == ["tracebacks"]
    assert len(found["steps"]) == 60


def test_of_too_many_steps_those_that_failed_or_run_are_kept_in_their_order() -> None:
    steps = [step(i) for i in range(3000)]
    steps[2999] = step(2999, state="failed", error="no")
    steps[1500] = step(1500, state="running")
    found = trimmed({"steps": steps})
    names = [each["name"] for each in found["steps"]]
    assert names[-2:] == ["step_1500", "step_2999"]
    assert found["steps"][-1]["needs"] == []
    assert found["omitted"] == ["2,760 of 3,000 steps"]


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 900),
    st.integers(0, 3000),
    st.integers(0, 80),
    st.integers(0, 30_000),
)
def test_no_run_is_too_large_for_a_message(
    steps: int, letters: int, metrics: int, message: int
) -> None:
    text = "ü" * letters
    snapshot = {
        "name": "large",
        "message": "m" * message,
        "steps": [
            step(i, error=text, traceback=text * 2, inputs=[text], backend=text)
            for i in range(steps)
        ],
        "inputs": [{"name": f"i{i}", "summary": text} for i in range(50)],
        "metrics": [
            {"step": "s", "name": f"{i}{text}", "values": [1 / 7] * 500, "first": 0}
            for i in range(metrics)
        ],
        "events": [{"kind": "sent", "words": text, "at": 0.0}] * 60,
        "jobs": [{"job": f"j{i}", "step": text} for i in range(48)],
    }
    found = trimmed(snapshot)
    assert size(found) <= FRAME
    assert size(snapshot) <= FRAME or found["omitted"]


def test_the_widget_sends_less_than_a_frame_and_keeps_all_for_its_static_form(
    wire: list[dict[str, Any]],
) -> None:
    steps = [step(i, error="no", traceback="t" * 6000) for i in range(900)]
    widget = RunWidget({"name": "t", "steps": []}, lambda _: None)
    wire.clear()
    widget.update({"name": "t", "steps": steps})
    assert 1000 < size({"sent": [each["data"] for each in wire]}) < MESSAGE
    assert widget.static_bundle()["text/html"].count("<details>") == 900
    widget.close()


@pytest.mark.parametrize("state", ["partial", "failed"])
def test_the_static_form_unfolds_the_traceback_of_what_failed(state: str) -> None:
    told = "Traceback (most recent call last):\n  <b>line 3</b>\nValueError: no"
    html = run_html(
        {"name": "t", "steps": [step(0, state=state, error="no", traceback=told)]}
    )
    assert "<details><summary>Traceback of step_0</summary><pre>Traceback" in html
    assert "&lt;b&gt;line 3" in html
