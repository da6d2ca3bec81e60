"""The composer without a browser: what it sends, what it takes, how it is saved."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from quantumflow_lab import Composer, Lab
from quantumflow_lab.composer import composer as composer_module
from quantumflow_lab.composer.quoting import BEHIND, Quoting
from quantumflow_lab.errors import BadOption, EditRefused
from quantumflow_lab.price import Price
from quantumflow_lab.widgets import composer as widget_module
from quantumflow_lab.widgets import composer_html, composer_text
from quantumflow_lab.widgets.composer import ComposerWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VIEW = "application/vnd.jupyter.widget-view+json"
OLD = "the cell has changed; look at it as it is now, and edit it again"
CELL = """\
%%qflow composed --shots 50 --seed 3
from qiskit import QuantumCircuit

@qf.circuit
def pair():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.sample(backend="aer")
def counts(pair):
    return pair

@qf.step
def total(counts):
    return sum(counts.data.meas.get_counts().values())
"""


@pytest.fixture
def make(
    wire: list[dict[str, Any]], lab: Lab
) -> Iterator[Callable[[str], tuple[Composer, ComposerWidget]]]:
    made: list[Composer] = []

    def build(text: str = CELL) -> tuple[Composer, ComposerWidget]:
        composer = Composer(text, lab=lab)
        made.append(composer)
        wire.clear()
        return composer, composer._widget

    yield build
    for composer in made:
        composer.close()


def press(widget: ComposerWidget, content: object) -> None:
    """What the browser sends when a person does something."""
    data = {"method": "custom", "content": content}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def edit(composer: Composer, **op: Any) -> None:
    revision = composer._widget.cell["revision"]
    press(composer._widget, {"type": "edit", "revision": revision, "op": op})


def refused(wire: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Custom messages that the view was sent."""
    sent = [m["data"] for m in wire if m["type"] == "comm_msg"]
    return [data["content"] for data in sent if data["method"] == "custom"]


def within(seconds: float, what: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return what()


def test_an_edit_of_the_view_is_an_edit_of_the_text(make: Any) -> None:
    composer, widget = make()
    edit(composer, do="option", step="counts", name="shots", text="7")
    after = CELL.replace('backend="aer")', 'backend="aer", shots=7)')
    assert composer.text == after
    state = {"text", "revision", "can_undo", "can_redo", "readable"}
    assert {key: widget.cell[key] for key in state} == {
        "text": after,
        "revision": 1,
        "can_undo": True,
        "can_redo": False,
        "readable": True,
    }


def test_an_edit_that_changes_nothing_is_answered_and_not_kept(make: Any) -> None:
    composer, widget = make()
    edit(composer, do="magic", name="shots", text="50")
    assert composer.text == CELL
    assert widget.cell["revision"] == 1
    assert not widget.cell["can_undo"]


def test_undo_and_redo_go_through_the_texts(make: Any) -> None:
    composer, widget = make()
    edit(composer, do="magic", name="shots", text="60")
    edit(composer, do="title", name="other")
    last = composer.text
    press(widget, {"type": "undo"})
    press(widget, {"type": "undo"})
    assert composer.text == CELL
    assert (widget.cell["can_undo"], widget.cell["can_redo"]) == (False, True)
    press(widget, {"type": "undo"})
    press(widget, {"type": "redo"})
    press(widget, {"type": "redo"})
    assert composer.text == last
    assert widget.cell["revision"] == 6


def test_a_refused_edit_changes_nothing_and_says_why(make: Any, wire: Any) -> None:
    composer, widget = make()
    op = {"do": "connect", "from": "total", "to": "counts"}
    edit(composer, **op)
    assert refused(wire) == [
        {
            "type": "refused",
            "op": op,
            "message": (
                "steps need each other in a circle: counts → total → counts; take one "
                "of these needs away"
            ),
        }
    ]
    assert composer.text == CELL
    assert widget.cell["revision"] == 0
    with pytest.raises(EditRefused, match="steps need each other in a circle"):
        composer.edit(op)


def test_an_edit_of_an_older_text_is_refused(make: Any, wire: Any) -> None:
    composer, widget = make()
    edit(composer, do="title", name="other")
    old = {"type": "edit", "revision": 0, "op": {"do": "remove", "step": "total"}}
    press(widget, old)
    assert refused(wire) == [
        {
            "type": "refused",
            "op": {"do": "remove", "step": "total"},
            "message": OLD,
        }
    ]


@pytest.mark.parametrize(
    "content",
    [
        *({}, None, "run", {"type": "exec"}, {"type": ["run"]}),
        {"type": "edit", "op": {}},
        {"type": "edit", "revision": 0, "op": "remove"},
    ],
)
def test_any_other_message_is_dropped(make: Any, wire: Any, content: object) -> None:
    composer, widget = make()
    press(widget, content)
    assert wire == []
    assert composer.text == CELL


def test_a_typed_text_may_be_unreadable_and_is_told_so(make: Any) -> None:
    composer, widget = make()
    edit(composer, do="text", text=CELL + "def (\n")
    assert not widget.cell["readable"]
    assert [step["name"] for step in widget.cell["steps"]] == [
        "pair",
        "counts",
        "total",
    ]
    assert composer.problems == ["invalid syntax"]
    assert composer.workflow is None
    assert widget.quote is None
    edit(composer, do="text", text=CELL)
    assert widget.cell["readable"]


def test_a_dragged_step_stays_where_it_is_under_its_new_name(make: Any) -> None:
    composer, widget = make()
    widget.places = {"pair": [3, 4], "total": [5, 6]}
    edit(composer, do="rename", step="pair", to="bell")
    assert widget.places == {"bell": [3, 4], "total": [5, 6]}


def test_openqasm_that_does_not_parse_is_refused_by_the_parser(
    make: Any, wire: Any
) -> None:
    composer, _ = make()
    edit(composer, do="circuit", step=None, source={"qasm": "OPENQASM 3.0;\nqbit q;"})
    edit(composer, do="circuit", step=None, source={"qasm": "/etc/passwd"})
    messages = [each["message"] for each in refused(wire)]
    assert len(messages) == 2
    assert messages[0].startswith("'qbit' is not defined; known: CX, U, ccx")
    assert messages[1].startswith("this is no OpenQASM; it begins with OPENQASM 3.0;")
    assert composer.text == CELL


def test_the_quote_follows_the_text_and_takes_no_shot(make: Any, lab: Lab) -> None:
    composer, widget = make()
    runs = len(lab.runs(limit=1000))
    edit(composer, do="magic", name="shots", text="70")
    assert widget.quote == {
        "state": "working",
        "message": None,
        "revision": 1,
        "rows": [],
        "total": {},
        "warning": None,
    }
    assert within(60, lambda: widget.quote["state"] == "ready")
    (row,) = widget.quote["rows"]
    assert {key: row[key] for key in ("step", "backend", "circuits", "shots")} == {
        "step": "counts",
        "backend": "aer",
        "circuits": "1",
        "shots": "70",
    }
    assert widget.quote["total"]["cost"] == "no money"
    assert widget.quote["total"]["shots"] == "70"
    assert widget.quote["revision"] == 1
    assert len(lab.runs(limit=1000)) == runs


def test_a_quote_that_fails_says_why(make: Any) -> None:
    composer, widget = make()
    edit(composer, do="option", step="counts", name="backend", text='"nowhere"')
    assert within(60, lambda: widget.quote["state"] != "working")
    assert widget.quote["state"] == "failed"
    assert widget.quote["message"].startswith("no backend 'nowhere'; known: aer")


def test_only_the_newest_text_is_quoted_and_only_that_quote_is_told() -> None:
    asked: list[str] = []
    told: list[tuple[str, int]] = []
    behind: list[str | None] = []
    go, first = threading.Event(), threading.Event()

    def ask(text: str) -> Any:
        asked.append(text)
        first.set()
        go.wait(10)
        raise BadOption(text)

    def tell(quote: dict[str, Any]) -> None:
        told.append((quote["state"], quote["revision"]))
        behind.append(quote["message"])

    quoting = Quoting(ask, tell, pause=0.01)
    quoting.want("a", 1)
    assert first.wait(10)
    quoting.want("b", 2)
    quoting.want("c", 3)
    go.set()
    assert within(10, lambda: ("failed", 3) in told)
    assert asked == ["a", "c"]
    assert told == [("working", 1), ("working", 2), ("working", 3), ("failed", 3)]
    assert behind == [None, BEHIND, BEHIND, "c"]


def test_a_text_that_cannot_run_is_not_quoted_any_more() -> None:
    told: list[dict[str, Any]] = []
    go, first = threading.Event(), threading.Event()

    def ask(text: str) -> Any:
        first.set()
        go.wait(10)
        raise BadOption(text)

    quoting = Quoting(ask, told.append, pause=0.01)
    quoting.want("a", 1)
    assert first.wait(10)
    quoting.drop(2)
    go.set()
    assert within(5, lambda: not quoting._busy)
    assert [each["state"] for each in told] == ["working"]


def test_a_cost_above_the_budget_is_warned_of(make: Any, lab: Lab) -> None:
    lab.backends.add("dear", FakeManilaV2(), price=Price("USD", per_shot="0.1"))
    text = CELL.replace('"aer"', '"dear"').replace(
        "--shots", '--budget "2 USD" --shots'
    )
    composer, widget = make(text)
    edit(composer, do="magic", name="budget", text="1 USD")
    assert within(60, lambda: (widget.quote or {}).get("state") == "ready")
    assert widget.quote["warning"] == (
        "costs 5.00 USD or more, above the budget of 1 USD: it would stop on the way"
    )


def test_run_shows_the_run_until_it_has_ended(make: Any, wire: Any) -> None:
    composer, widget = make()
    press(widget, {"type": "run"})
    assert refused(wire) == []
    assert composer.run is not None
    composer.run.wait(60)
    assert within(10, lambda: (widget.run or {}).get("state") == "done")
    assert composer.run["total"] == 50
    assert [step["name"] for step in widget.run["steps"]] == ["pair", "counts", "total"]
    assert widget.cell["ran"]
    edit(composer, do="magic", name="shots", text="9")
    assert not widget.cell["ran"]
    composer.undo()
    assert widget.cell["ran"]


def test_a_run_that_cannot_start_is_refused(make: Any, wire: Any) -> None:
    _, widget = make("%%qflow composed\n")
    press(widget, {"type": "run"})
    assert refused(wire) == [
        {
            "type": "refused",
            "op": {"do": "run"},
            "message": (
                "cell 'composed' has no step; put @qf.circuit, @qf.sample or @qf.step "
                "above a function"
            ),
        }
    ]


def test_whatever_the_top_of_a_cell_raises_is_told(make: Any, wire: Any) -> None:
    _, widget = make(CELL.replace("@qf.circuit", "n = 1 / 0\n\n@qf.circuit"))
    press(widget, {"type": "run"})
    assert refused(wire)[0]["message"] == "ZeroDivisionError: division by zero"


def test_a_run_pauses_goes_on_and_is_cancelled(make: Any) -> None:
    slow = (
        "%%qflow slowly\n@qf.step\ndef slow():\n    import time\n    time.sleep(30)\n"
    )
    composer, widget = make(slow)
    press(widget, {"type": "cancel"})
    press(widget, {"type": "run"})
    press(widget, {"type": "pause"})
    assert within(20, lambda: composer.run.state == "paused")
    press(widget, {"type": "resume"})
    assert within(20, lambda: composer.run.state == "running")
    press(widget, {"type": "cancel"})
    composer.run.wait(20)
    assert composer.run.state == "cancelled"


def test_a_saved_output_holds_view_html_and_text(
    make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "composer.js").write_text("export default {}", encoding="utf-8")
    monkeypatch.setattr(widget_module, "STATIC", tmp_path)
    composer, widget = make()
    data, _ = composer._repr_mimebundle_()
    assert data == {
        "text/plain": composer_text(widget.cell),
        "text/html": composer_html(widget.cell),
        VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id},
    }


def test_without_a_front_end_the_html_says_why(
    make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(widget_module, "STATIC", tmp_path / "missing")
    composer, widget = make()
    data, _ = composer._repr_mimebundle_()
    note = widget_module.NO_FRONT_END
    assert data == {
        "text/plain": composer_text(widget.cell),
        "text/html": composer_html(widget.cell, note=note),
    }
    assert "make setup" in data["text/html"]


def test_its_text_holds_steps_and_faults_and_no_address(make: Any) -> None:
    composer, _ = make()
    assert repr(composer) == (
        "composed · 3 steps\n"
        "  pair    circuit\n"
        "  counts  sample of pair\n"
        "  total   step of counts"
    )
    composer.edit({"do": "text", "text": "%%qflow composed\nx = (\n"})
    assert repr(composer).endswith("\n  '(' was never closed")


def test_the_html_escapes_what_a_cell_says(make: Any) -> None:
    _, widget = make(CELL + '\nshout = "<script>alert(1)</script>"\n')
    html = composer_html(widget.cell)
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_notebook_s_own_module_is_asked_for_its_lab(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, wire: Any
) -> None:
    monkeypatch.setattr(composer_module, "lab_of_process", lambda: lab)
    composer = Composer()
    assert composer.text == composer.cell() == "%%qflow flow\n"
    composer.close()
