"""The text forms: stable in saved notebooks, live on one line of a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantumflow_lab.widgets import progress_line, run_text, table_text
from quantumflow_lab.widgets.escape import one_line


def steps(**counts: Any) -> list[dict[str, Any]]:
    decay = {"name": "decay", "kind": "circuit", "dims": [["delay", 21]], "total": 21}
    sample = {"name": "counts", "kind": "sample", "dims": [["delay", 21], ["qubit", 3]]}
    return [
        {**decay, "counts": {"done": 21}, "state": "done", "seconds": 0.1},
        {**sample, "backend": "fake_manila", "total": 63, **counts},
    ]


RUNNING = {
    "name": "t1",
    "state": "running",
    "elapsed": 3.14,
    "steps": steps(counts={"done": 42}, state="running", phase="transpiling"),
}


def test_a_finished_run_tells_states_and_points_but_no_time() -> None:
    ended = {
        "counts": {"done": 60, "failed": 3},
        "state": "partial",
        "error": "No\nway",
    }
    assert run_text({**RUNNING, "state": "done", "steps": steps(**ended)}) == (
        "t1 · done\n"
        "  ✓ decay   circuit · delay 21                          21/21 done\n"
        "  ◑ counts  sample on fake_manila · delay 21 × qubit 3  60/63 partial\n"
        "  counts: No way"
    )


def test_a_run_that_goes_on_reads_the_same_whenever_it_is_asked() -> None:
    later = steps(counts={"done": 60}, state="running", phase="running", seconds=9.0)
    assert run_text({**RUNNING, "elapsed": 9, "steps": later}) == run_text(RUNNING)
    assert run_text(RUNNING) == (
        "t1 · running\n"
        "  - decay   circuit · delay 21\n"
        "  - counts  sample on fake_manila · delay 21 × qubit 3"
    )


def test_the_progress_line_says_what_runs_where() -> None:
    assert progress_line(RUNNING) == (
        "t1  █████████░░░ 63/84 points · counts transpiling on fake_manila · 3.1 s"
    )


def test_the_progress_line_of_a_finished_run_says_how_it_ended() -> None:
    assert progress_line({**RUNNING, "state": "cancelled"}) == (
        "t1  █████████░░░ 63/84 points · cancelled · 3.1 s"
    )


def test_the_progress_line_counts_further_steps_that_run() -> None:
    both = steps(counts={"done": 42}, state="running", phase=None)
    both[0]["state"] = "running"
    assert progress_line({**RUNNING, "steps": both}) == (
        "t1  █████████░░░ 63/84 points · decay running and 1 more · 3.1 s"
    )


@given(st.text(), st.integers(min_value=1, max_value=200))
def test_the_progress_line_is_one_line_and_fits(name: str, width: int) -> None:
    line = progress_line({**RUNNING, "name": name, "message": name}, width)
    assert len(line) <= width
    assert line.isprintable() or not any(c < " " or c == "\x7f" for c in line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n b\tc", "a b c"),
        ("\x1b[31mred\x07", "[31mred"),
        ("a\u202eb\u2066c", "abc"),
        ("  ", ""),
    ],
)
def test_control_and_direction_codes_do_not_reach_a_terminal(
    text: str, line: str
) -> None:
    assert one_line(text) == line


def test_a_table_of_text_is_aligned_and_counts_its_rows() -> None:
    rows = [["bell\n", 1000, None, 0.1], ["t1", 20, True, 1e-9]]
    assert table_text(["name", "shots", "kept", "x"], rows) == (
        "name  shots  kept      x\n"
        "----  -----  ----  -----\n"
        "bell   1000          0.1\n"
        "t1       20  yes   1e-09\n"
        "(2 rows)"
    )
