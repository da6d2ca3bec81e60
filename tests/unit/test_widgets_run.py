"""The run widget without a browser: what it sends, what it takes, how it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab.widgets import run as run_module
from quantumflow_lab.widgets import run_html, run_text
from quantumflow_lab.widgets.run import RunWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VIEW = "application/vnd.jupyter.widget-view+json"
STEP = {
    "name": "counts",
    "kind": "sample",
    "total": 2,
    "counts": {},
    "state": "waiting",
}
RUN: dict[str, Any] = {
    "name": "bell",
    "state": "running",
    "steps": [STEP],
    "metrics": [],
}


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A built front end, whether or not one is there."""
    (tmp_path / "run.js").write_text("export default {}", encoding="utf-8")
    monkeypatch.setattr(run_module, "STATIC", tmp_path)
    return tmp_path


@pytest.fixture
def make(
    wire: list[dict[str, Any]],
) -> Iterator[Callable[..., tuple[RunWidget, list[dict[str, Any]]]]]:
    made: list[RunWidget] = []

    def build(
        snapshot: dict[str, Any] | None = None,
    ) -> tuple[RunWidget, list[dict[str, Any]]]:
        heard: list[dict[str, Any]] = []
        made.append(RunWidget(snapshot or RUN, heard.append))
        wire.clear()
        return made[-1], heard

    yield build
    for widget in made:
        widget.close()


def press(widget: RunWidget, content: object) -> None:
    """What the browser sends when a button is pressed."""
    data = {"method": "custom", "content": content}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def test_an_update_sends_the_snapshot_and_nothing_else(make: Any, wire: Any) -> None:
    widget, _ = make()
    widget.update({**RUN, "state": "done"})
    assert [(m["type"], m["data"]["method"], m["data"]["state"]) for m in wire] == [
        (
            "comm_msg",
            "update",
            {"snapshot": {**RUN, "state": "done", "colours": {}, "omitted": []}},
        )
    ]


def test_an_update_without_news_sends_nothing(make: Any, wire: Any) -> None:
    widget, _ = make()
    widget.update(dict(RUN))
    assert wire == []


@pytest.mark.parametrize(
    "message",
    [
        {"type": "cancel"},
        {"type": "cancel", "step": "counts"},
        {"type": "detach"},
        {"type": "pause"},
        {"type": "resume"},
    ],
)
def test_a_press_reaches_the_caller(make: Any, message: dict[str, str]) -> None:
    widget, heard = make()
    press(widget, message)
    assert heard == [message]


@pytest.mark.parametrize(
    "content",
    [{}, None, "cancel", {"type": "exec", "code": "1"}, {"type": ["cancel"]}],
)
def test_any_other_message_is_dropped(make: Any, content: object) -> None:
    widget, heard = make()
    press(widget, content)
    assert heard == []


def test_a_message_carries_only_what_the_protocol_names(make: Any) -> None:
    widget, heard = make()
    press(widget, {"type": "cancel", "step": "counts", "more": 1})
    press(widget, {"type": "cancel", "step": 7})
    assert heard == [{"type": "cancel", "step": "counts"}, {"type": "cancel"}]


def test_only_the_newest_values_of_a_metric_are_sent(make: Any, wire: Any) -> None:
    widget, _ = make()
    values = [float(i) for i in range(1200)] + [float("nan")]
    energy = {"step": "vqe", "name": "energy", "values": values, "first": 10}
    widget.update({**RUN, "metrics": [energy]})
    sent = wire[-1]["data"]["state"]["snapshot"]["metrics"][0]
    assert (len(sent["values"]), sent["first"]) == (500, 711)
    assert sent["values"][-2:] == [1199.0, None]


def test_the_caller_may_go_on_changing_its_snapshot(make: Any, wire: Any) -> None:
    mine = {**RUN, "metrics": [{"step": "a", "name": "b", "values": [1.0], "first": 0}]}
    widget, _ = make(mine)
    mine["metrics"][0]["values"].append(2.0)
    widget.update(mine)
    assert len(wire) == 1


def test_a_saved_output_holds_view_html_and_text(make: Any, front_end: Any) -> None:
    widget, _ = make()
    data, _ = widget._repr_mimebundle_()
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    assert data == {
        "text/plain": run_text(RUN),
        "text/html": run_html(RUN),
        VIEW: view,
    }


def test_the_static_form_has_no_view(make: Any) -> None:
    widget, _ = make()
    assert widget.static_bundle() == {
        "text/plain": run_text(RUN),
        "text/html": run_html(RUN),
    }


def test_without_a_front_end_the_html_says_why(
    make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_module, "STATIC", tmp_path / "missing")
    widget, _ = make()
    data, _ = widget._repr_mimebundle_()
    assert data == {
        "text/plain": run_text(RUN),
        "text/html": run_html(RUN, note=run_module.NO_FRONT_END),
    }


def test_its_text_holds_no_address(make: Any) -> None:
    widget, _ = make()
    assert repr(widget) == run_text(RUN)


def test_a_page_that_asks_for_all_of_it_again_is_noticed(make: Any) -> None:
    widget, _ = make()
    widget.update({**RUN, "state": "done"})
    assert not widget.asked_anew
    widget._handle_msg(
        {"content": {"data": {"method": "request_state"}}, "buffers": []}
    )
    assert widget.asked_anew
