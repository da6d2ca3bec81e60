"""The dashboard without a browser: what it takes, what it answers, how it is saved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.explore import Dashboard
from quantumflow_lab.explore.desk import Desk
from quantumflow_lab.widgets import explorer
from quantumflow_lab.widgets.dashboard import DashboardWidget
from quantumflow_lab.widgets.overview import overview
from tests.unit.explored import DAY, PAST, T

pytestmark = pytest.mark.usefixtures("wire")
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    lab.store.append(PAST)
    yield lab
    lab.close()


@pytest.fixture
def dashboard(lab: Lab) -> Iterator[Dashboard]:
    made = Dashboard(lab)
    yield made
    made.close()


def press(widget: Any, content: object) -> None:
    """What the browser sends; then wait for the answer."""
    data = {"method": "custom", "content": content}
    widget._handle_msg({"content": {"data": data}, "buffers": []})
    if isinstance(widget, Dashboard):
        widget._desk.join(30)


def test_a_filter_is_answered_with_its_number_and_rows(dashboard: Dashboard) -> None:
    press(dashboard, {"type": "filter", "n": 7, "backend": "fez", "since": T})
    state = dashboard.state
    assert (state["n"], state["filter"]) == (7, {"backend": "fez", "since": T})
    assert [row["run"] for row in state["charts"]["runs"]] == ["b"]
    assert state["totals"]["money"] == [{"currency": "USD", "cost": 6.0}]
    assert "list_contains(r.backends, 'fez')" in state["sql"]["runs"]


def test_the_answer_is_one_update_of_one_trait(
    dashboard: Dashboard, wire: list[dict[str, Any]]
) -> None:
    wire.clear()
    press(dashboard, {"type": "filter", "n": 1, "name": "bell"})
    assert [list(message["data"]["state"]) for message in wire] == [["state"]]


def test_a_filter_is_answered_in_another_thread(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[str] = []
    monkeypatch.setattr(
        dashboard, "update", lambda _: where.append(threading.current_thread().name)
    )
    press(dashboard, {"type": "refresh"})
    assert where == ["qflow-explore"]


def test_an_opened_run_is_html_with_the_line_that_loads_it(lab: Lab) -> None:
    lab.run("@qf.step\ndef one():\n    return 1\n", name="one")
    lab.run("@qf.step\ndef one():\n    return 2\n", name="one")
    dashboard = Dashboard(lab)
    newest, before = (r["run"] for r in lab.runs("one"))
    press(dashboard, {"type": "open", "run": newest})
    opened = dashboard.state["open"]
    assert opened["line"] == "%qflow load one"
    assert opened["html"] == lab.load(newest)._repr_html_()
    press(dashboard, {"type": "open", "run": before})
    assert dashboard.state["open"]["line"] == f"%qflow load {before}"
    press(dashboard, {"type": "filter", "n": 1, "name": "bell"})
    assert dashboard.state["open"]["run"] == before
    press(dashboard, {"type": "close"})
    assert dashboard.state["open"] is None


def test_a_run_that_is_not_there_is_said_beside_the_charts(
    dashboard: Dashboard,
) -> None:
    press(dashboard, {"type": "open", "run": "gone"})
    assert dashboard.state["message"] == ("no run is called 'gone'; known: bell, t1")
    assert dashboard.state["total"] == 3
    press(dashboard, {"type": "close"})
    assert dashboard.state["message"] is None


def test_refresh_takes_in_what_was_recorded_since(
    lab: Lab, dashboard: Dashboard
) -> None:
    lab.store.append([{"kind": "run", "run": "d", "name": "new", "ts": T + 3 * DAY}])
    press(dashboard, {"type": "refresh"})
    assert dashboard.state["total"] == 4


@pytest.mark.parametrize(
    "content",
    [
        None,
        "filter",
        {"type": "filter"},
        {"type": "filter", "n": "1"},
        {"type": "open", "run": 7},
        {"type": "exec", "sql": "DROP TABLE rec_run"},
    ],
)
def test_any_other_message_is_dropped(content: object) -> None:
    heard: list[Any] = []
    widget = DashboardWidget({"total": 0}, heard.append)
    press(widget, content)
    assert heard == []


def test_a_filter_keeps_only_dimensions_of_their_type() -> None:
    heard: list[Any] = []
    widget = DashboardWidget({"total": 0}, heard.append)
    odd = {"since": float("nan"), "until": 5, "name": 7, "state": "done", "sql": "x"}
    press(widget, {"type": "filter", "n": 2, **odd})
    assert heard == [{"type": "filter", "n": 2, "until": 5.0, "state": "done"}]


def test_of_waiting_questions_only_the_newest_is_answered() -> None:
    began, go_on = threading.Event(), threading.Event()
    answered: list[int] = []

    def answer(question: int) -> None:
        began.set()
        go_on.wait(10)
        answered.append(question)

    desk = Desk(answer)
    desk.ask(1)
    assert began.wait(10)
    for question in (2, 3, 4):
        desk.ask(question)
    go_on.set()
    desk.join(10)
    assert answered == [1, 4]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_desk_goes_on_after_an_answer_that_failed() -> None:
    answered: list[int] = []

    def answer(question: int) -> None:
        if question == 1:
            raise ZeroDivisionError
        answered.append(question)

    desk = Desk(answer)
    desk.ask(1)
    desk.join(10)
    desk.ask(2)
    desk.join(10)
    assert answered == [2]


def test_the_text_form_tells_money_by_currency(dashboard: Dashboard) -> None:
    text = repr(dashboard)
    assert text.splitlines()[:3] == [
        "Runs",
        "3 runs, 14 points, 2 of them kept or cached, 1 failed.",
        "Jobs took 3.0 s of this machine, 3.0 s of devices; 9.00 EUR and 6.00 USD.",
    ]
    press(dashboard, {"type": "filter", "n": 1, "state": "failed"})
    assert repr(dashboard).splitlines()[1] == "Only state failed."


def test_the_text_form_sums_quotes_by_backend_and_currency(
    dashboard: Dashboard,
) -> None:
    _, _, sections = overview(dashboard.state)
    (quoted,) = (each for each in sections if each.title == "Quote against actual")
    assert quoted.rows == (
        ("garnet", 1, "4.00 EUR", "4.00 EUR", "100 %"),
        ("fez", 2, "4.00 USD", "5.00 USD", "50 %"),
    )


def test_the_html_form_escapes_what_runs_have_said(dashboard: Dashboard) -> None:
    html = dashboard.static_bundle()["text/html"]
    assert "&lt;b&gt;no counts&lt;/b&gt;" in html
    assert "<b>no counts" not in html


def test_without_runs_it_says_what_to_type(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "empty")
    empty = Dashboard(lab)
    assert "begins with %%qflow NAME" in repr(empty)
    assert overview(empty.state)[2] == []
    lab.close()


def test_a_saved_output_holds_view_html_and_text(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dashboard.js").write_text("export default {}", encoding="utf-8")
    monkeypatch.setattr(explorer, "STATIC", tmp_path)
    data, _ = dashboard._repr_mimebundle_()
    view = {"version_major": 2, "version_minor": 0, "model_id": dashboard.model_id}
    assert data == {**dashboard.static_bundle(), VIEW: view}


def test_without_a_front_end_the_html_says_why(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(explorer, "STATIC", tmp_path / "missing")
    data, _ = dashboard._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert "make setup" in data["text/html"]


def test_a_backend_has_its_colour_of_the_charts(dashboard: Dashboard) -> None:
    from quantumflow_lab.colours import colour_of

    colours = dashboard.state["colours"]
    assert colours == {name: colour_of(name) for name in ("aer", "fez", "garnet")}


def test_the_three_names_are_there_when_asked_for() -> None:
    assert qf.Dashboard is Dashboard
    assert {"Backends", "Compare", "Dashboard"} <= set(dir(qf)) & set(qf.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Dashbord'"):
        _ = qf.Dashbord
