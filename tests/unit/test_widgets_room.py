"""No state of the widgets that look at what is kept is too large for a message."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quantumflow_lab.widgets.explorer import Explorer
from quantumflow_lab.widgets.frame import FRAME, excerpt
from quantumflow_lab.widgets.html import run_html
from quantumflow_lab.widgets.room import FEW, LETTERS, fitted

SQL = "select " + "1, " * 400 + "2"


def size(state: object) -> int:
    return len(json.dumps(state))


def device(name: str, qubits: int) -> dict[str, Any]:
    return {
        "name": name,
        "about": f"{qubits} qubits",
        "places": [[i / 3, i / 7] for i in range(qubits)],
        "qubits": [{"t1": 1e-4 / 3, "readout": 0.01 / 3} for _ in range(qubits)],
        "pairs": [{"a": i, "b": i + 1, "error": 0.1 / 3} for i in range(qubits - 1)],
    }


def test_a_state_that_fits_goes_as_it_is() -> None:
    state = {"view": "dashboard", "charts": {"runs": [{"error": "no" * 400}]}}
    assert fitted(state) == {**state, "omitted": []}


def test_the_longest_lists_lose_their_ends_and_that_is_told() -> None:
    runs = [{"run": f"r{i}", "error": "x" * 1000} for i in range(900)]
    names = [{"name": f"n{i}"} for i in range(20)]
    state = {"charts": {"names": names, "runs": runs}, "sql": {"runs": SQL}}
    found = fitted(state)
    assert size(found) <= FRAME
    assert found["charts"]["names"] == names
    assert found["sql"] == state["sql"]
    assert len(found["charts"]["runs"][0]["error"]) == LETTERS
    kept = len(found["charts"]["runs"])
    assert [row["run"] for row in found["charts"]["runs"]] == [
        f"r{i}" for i in range(kept)
    ]
    assert found["omitted"] == [f"{900 - kept} of 900 rows of runs"]
    # What was given is whole, for the static form.
    assert len(runs) == 900
    assert len(runs[0]["error"]) == 1000


def test_the_rows_of_a_section_are_told_by_its_title() -> None:
    rows = [[f"v{i}", "y" * 200] for i in range(4000)]
    found = fitted({"results": [{"title": "Points by step", "rows": rows}]})
    assert found["omitted"][0].endswith("of 4,000 rows of Points by step")


def test_devices_lose_their_maps_from_the_last_and_none_is_torn() -> None:
    devices = [device(f"d{i}", 156) for i in range(40)]
    found = fitted({"view": "backends", "devices": devices})
    assert size(found) <= FRAME
    lengths = [
        [len(one[k]) for k in ("places", "qubits", "pairs")] for one in found["devices"]
    ]
    whole = lengths.index([0, 0, 0])
    assert 0 < whole < 40
    assert lengths == [[156, 156, 155]] * whole + [[0, 0, 0]] * (40 - whole)
    gone = ", ".join(f"d{i}" for i in range(whole, 40))
    assert found["omitted"] == [f"the maps of {gone}"]


rows = st.lists(st.dictionaries(st.text(max_size=9), st.text(), max_size=3), max_size=5)


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(1, 3000), st.integers(0, 4000))
def test_any_rows_fit(rows: list[dict[str, str]], times: int, letters: int) -> None:
    long = {"charts": {"a": rows * times, "b": [{"e": "z" * letters}] * times}}
    found = fitted(long)
    assert size(found) <= FRAME or all(
        len(each) <= FEW for each in found["charts"].values()
    )


def test_a_widget_sends_what_fits_and_its_static_form_has_all() -> None:
    class Shown(Explorer):
        def _report(self) -> Any:
            return "Rows", [f"{len(self._whole['rows'])} rows"], []

        @staticmethod
        def _understood(content: object) -> None:
            del content

    state = {"rows": [{"text": "x" * 250} for _ in range(5000)]}
    shown = Shown(state, lambda message: None)
    assert size(shown.state) <= FRAME
    assert "5000 rows" in shown.static_bundle()["text/html"]
    shown.update({"rows": []})
    assert shown.state == {"rows": [], "omitted": []}
    shown.close()


def test_an_excerpt_of_a_run_keeps_what_failed_and_says_what_it_is() -> None:
    steps = [
        {"name": f"s{i}", "state": "done", "needs": [f"s{i - 1}"], "error": "e" * 9000}
        for i in range(10_000)
    ]
    steps[7000]["state"] = "failed"
    found = excerpt({"name": "many", "message": None, "steps": steps}, 24)
    assert [step["name"] for step in found["steps"]] == [
        *(f"s{i}" for i in range(23)),
        "s7000",
    ]
    assert found["message"] == "24 of 10,000 steps are shown, without their results."
    assert len(run_html(found)) < 96 * 1024
