"""The life of a run: failing, cancelling, timeouts, retries, seeds, output, records."""

from __future__ import annotations

import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import Lab, Run
from quantumflow_lab.errors import (
    BadOption,
    BadPrecision,
    BadShots,
    NotInStep,
    NotReady,
    RunIsLive,
    UnknownBackend,
    UnknownRun,
)
from quantumflow_lab.primitives import estimator
from quantumflow_lab.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

SPIN = """
import time

@qf.step
def spin():
    while True:
        time.sleep(0.001)
"""


def run_cell(lab: Lab, cell: str, **options: Any) -> Run:
    return lab.run(dedent(cell), **options)


def until(run: Run, step: str, state: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = {s["name"]: s["state"] for s in run.snapshot().get("steps", [])}
        if found.get(step) == state:
            return
        time.sleep(0.01)
    raise AssertionError(f"{step} is {found.get(step)}")


def test_a_step_that_never_returns_fails_at_its_timeout(lab: Lab) -> None:
    run = run_cell(lab, SPIN.replace("@qf.step", "@qf.step(timeout=0.2)"), name="slow")
    failed = run.partial("spin")
    assert (failed.reason, run.state) == ("StepTimeout", "failed")
    assert failed.message == (
        "step 'spin' took longer than its timeout of 0.2 s; "
        "raise timeout= or give it less to do"
    )


def test_a_step_that_fails_is_tried_again_as_often_as_it_asks(lab: Lab) -> None:
    tries: list[int] = []
    run = run_cell(
        lab,
        """
        @qf.step(retries=2)
        def flaky(note):
            note(1)
            if note(0) < 3:
                raise OSError("not yet")
            return "there"
        """,
        name="flaky",
        inputs={"note": lambda n: tries.extend([n] * n) or len(tries)},
    )
    assert (run["flaky"], len(tries)) == ("there", 3)


def test_a_cancelled_run_ends_soon_and_says_so(lab: Lab) -> None:
    run = run_cell(lab, SPIN, name="cancelled", background=True)
    until(run, "spin", "running")
    with pytest.raises(NotReady, match="'spin' is not ready"):
        run["spin"]
    began = time.monotonic()
    run.cancel().wait(10)
    assert time.monotonic() - began < 2
    assert (run.state, run.partial("spin").reason) == ("cancelled", "RunCancelled")
    assert lab.load("cancelled").state == "cancelled"


def test_cancelling_one_step_lets_the_others_go_on(lab: Lab) -> None:
    run = run_cell(
        lab,
        SPIN + "\n@qf.step\ndef quick():\n    return 1\n",
        name="one_step",
        background=True,
    )
    until(run, "spin", "running")
    run.cancel("spin").wait(10)
    assert (run["quick"], run.partial("spin").reason) == (1, "RunCancelled")


def test_cancelling_one_point_leaves_the_other_points(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        import time
        i = qf.axis([0, 1])

        @qf.step
        def wait(i):
            while i:
                time.sleep(0.001)
            return i
        """,
        name="one_point",
        background=True,
    )
    until(run, "wait", "running")
    run.cancel("wait", i=1).wait(10)
    zero, one = run["wait"]
    assert zero == 0
    assert one.reason == "RunCancelled"


def test_a_name_that_is_running_cannot_start_again(lab: Lab) -> None:
    run = run_cell(lab, SPIN, name="twice", background=True)
    with pytest.raises(RunIsLive, match="a run of 'twice' goes on; wait for it"):
        run_cell(lab, SPIN, name="twice")
    run.cancel().wait(10)


def test_two_runs_share_the_lab(lab: Lab) -> None:
    slow = run_cell(lab, SPIN, name="slow_one", background=True)
    quick = run_cell(lab, "@qf.step\ndef one():\n    return 1\n", name="quick_one")
    assert (quick["one"], slow.state) == (1, "running")
    slow.cancel().wait(10)


def test_the_generator_of_a_point_does_not_depend_on_its_neighbours(lab: Lab) -> None:
    cell = """
        i = qf.axis({})

        @qf.step
        def draw(i, rng):
            return float(rng.random())
        """
    few = run_cell(lab, cell.format([1, 2]), name="rng", seed=5)["draw"]
    more = run_cell(lab, cell.format([0, 1, 2, 3]), name="rng", seed=5)["draw"]
    other = run_cell(lab, cell.format([1, 2]), name="rng", seed=6)["draw"]
    assert [more.sel(i=i) for i in (1, 2)] == list(few) != list(other)


def test_what_steps_print_is_kept_under_their_names(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_cell(
        lab,
        """
        import sys

        @qf.step
        def talk():
            print("a", "b")
            print("half", end="")
            print("warn", file=sys.stderr)
        """,
        name="talk",
    )
    said = sorted((o.step, o.mime, o.data) for o in run.outputs)
    assert said == [
        ("talk", "text/plain", "a b\n"),
        ("talk", "text/plain", "half"),
        ("talk", "text/stderr", "warn\n"),
    ]
    assert capsys.readouterr() == ("", "")
    assert sorted((o.step, o.mime, o.data) for o in lab.load("talk").outputs) == said


def test_logged_metrics_are_in_the_store_in_their_order(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def descend():
            for n in range(3):
                qf.log(energy=-float(n))
        """,
        name="metrics",
    )
    rows = lab.rows("metrics", run.id)
    assert [(r["name"], r["n"], r["value"]) for r in rows] == [
        ("energy", 0, 0.0),
        ("energy", 1, -1.0),
        ("energy", 2, -2.0),
    ]


def test_a_metric_that_is_no_number_is_refused(lab: Lab) -> None:
    run = run_cell(lab, "@qf.step\ndef bad():\n    qf.log(e=[1, 2])\n", name="bad_log")
    with pytest.raises(
        BadOption, match=r"qf.log\(e=…\) takes one real number, this is"
    ):
        run.raise_failure()


def test_a_handle_outside_a_step_says_where_it_belongs() -> None:
    with pytest.raises(NotInStep, match=r"qf.estimator\(\) works inside a running"):
        estimator("aer")


@pytest.mark.parametrize("shots", [0, -1, 10**12, True, "1024"])
def test_shots_that_no_run_can_have_are_refused_before_it_starts(
    lab: Lab, shots: object
) -> None:
    before = len(lab.runs())
    with pytest.raises(BadShots, match="shots must be a whole number from 1 to"):
        run_cell(lab, "@qf.step\ndef a():\n    return 1\n", name="s", shots=shots)  # type: ignore[arg-type]  # the point
    assert len(lab.runs()) == before


def test_a_precision_that_is_no_number_is_refused(lab: Lab) -> None:
    with pytest.raises(BadPrecision, match="precision must be a finite number"):
        run_cell(
            lab, "@qf.step\ndef a():\n    return 1\n", name="p", precision=float("nan")
        )


def test_an_unknown_backend_is_refused_with_the_nearest_before_anything_runs(
    lab: Lab,
) -> None:
    with pytest.raises(UnknownBackend, match="did you mean 'fake_manila'"):
        run_cell(
            lab, "@qf.step\ndef a():\n    return 1\n", name="b", backend="fake_manilla"
        )


def test_an_unknown_backend_of_a_step_is_quoted_with_its_line(lab: Lab) -> None:
    cell = """
        @qf.sample(
            backend="aer_statevektor",
        )
        def a():
            return 1
        """
    with pytest.raises(UnknownBackend) as info:
        run_cell(lab, cell, name="quoted")
    assert str(info.value) == (
        "no backend 'aer_statevektor'; did you mean 'aer_statevector'?\n"
        '  cell, line 4:  backend="aer_statevektor",'
    )


def test_a_run_is_read_back_as_it_was(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        i = qf.axis([0, 1, 2], unit="mm")

        @qf.step
        def third(i):
            return 1 / i
        """,
        name="kept",
        seed=9,
    )
    back = lab.load("kept")
    assert (back.id, back.state, back.seed) == (run.id, "failed", 9)
    assert back["third"].units == {"i": "mm"}
    assert list(back["third"]) == list(run["third"])
    assert back.workflow == run.workflow
    with pytest.raises(UnknownRun, match="no run is called 'kep'; did you mean 'kept'"):
        lab.load("kep")


def test_labels_of_a_mapped_axis_are_read_back(lab: Lab) -> None:
    run_cell(
        lab,
        """
        @qf.step
        def words():
            return ["a", "b"]

        @qf.step(map="words")
        def twice(words):
            return 2 * words
        """,
        name="words",
    )
    assert lab.load("words")["twice"].sel(words="b") == "bb"


def test_a_run_can_be_repeated_with_other_dials(lab: Lab) -> None:
    cell = "n = 2\n\n@qf.step\ndef square(n):\n    return n * n\n"
    run = run_cell(lab, cell, name="again", seed=1)
    assert (run.rerun(seed=2, set={"n": 5})["square"], run["square"]) == (25, 4)


def test_every_point_job_and_step_is_a_row(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        from qiskit import QuantumCircuit
        theta = qf.axis([0.0, 0.5, 1.0])

        @qf.circuit
        def turn(theta):
            qc = QuantumCircuit(1)
            qc.rx(theta, 0)
            qc.measure_all()
            return qc

        @qf.sample(shots=100)
        def counts(turn):
            return turn
        """,
        name="rows",
    )
    (job,) = run.jobs
    assert (job["members"], job["circuits"], job["shots"]) == (3, 3, 300)
    steps = {r["step"]: r for r in lab.rows("steps", run.id)}
    assert (steps["counts"]["points"], steps["counts"]["done"]) == (3, 3)
    assert steps["counts"]["run_s"] > 0
    points = lab.sql("select count(*) as n from qf_points where run = ?", [run.id])
    assert points.to_pylist() == [{"n": 6}]


def test_a_lab_leaves_no_thread_behind(tmp_path: Path) -> None:
    import threading

    before = {t.name for t in threading.enumerate()}
    lab = Lab(tmp_path / "home", settings=Settings(threads=2))
    run_cell(lab, "@qf.step\ndef one():\n    return 1\n", name="x")
    lab.close()
    left = {t.name for t in threading.enumerate() if t.is_alive()} - before
    assert not {name for name in left if name.startswith("qflow")}


def test_a_logged_value_without_a_name_says_how_to_write_it(lab: Lab) -> None:
    run = run_cell(
        lab, "@qf.step\ndef bad():\n    qf.log('energy', 1)\n", name="noname"
    )
    with pytest.raises(BadOption, match=r"write qf.log\(energy=e\)"):
        run.raise_failure()
