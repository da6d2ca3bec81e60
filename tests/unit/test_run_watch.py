"""What a live run tells beyond its counts: events, jobs, results; all of it bounded."""

from __future__ import annotations

import json
import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab.ports import Phase
from quantumflow_lab.runner import watch as watch_module
from quantumflow_lab.runner.blame import MOST as MOST_TRACEBACK
from quantumflow_lab.runner.blame import blame, traceback_of
from quantumflow_lab.runner.drawing import Spot
from quantumflow_lab.runner.story import MOST as MOST_HAPPENINGS
from quantumflow_lab.runner.story import Story
from quantumflow_lab.runner.traces import MOST as MOST_JOBS
from quantumflow_lab.runner.traces import Traces
from quantumflow_lab.runner.watch import POINTS, Watch

if TYPE_CHECKING:
    from quantumflow_lab import Lab

FRAME = 200 * 1024
"""Bytes that a message to the browser may have."""


# Events.


def test_the_newest_happening_comes_first() -> None:
    story = Story()
    story.tell("submitted", "a job", 11.0)
    story.tell("settled", "it has ended", 12.5)
    assert [(e["kind"], e["at"]) for e in story.told(10.0)] == [
        ("settled", 2.5),
        ("submitted", 1.0),
    ]


def test_what_happens_again_is_told_once_with_how_often() -> None:
    story = Story()
    for now in (1.0, 2.0, 3.0):
        story.tell("retried", f"try {now:.0f}", now, same="counts")
    assert story.told(0.0) == [
        {"kind": "retried", "words": "try 3", "at": 3.0, "first": 1.0, "times": 3}
    ]
    assert story.counts["retried"] == 3


def test_ten_thousand_jobs_do_not_push_out_what_matters() -> None:
    story = Story()
    story.tell("moved", "counts: goes on with aer", 0.0)
    for i in range(10_000):
        story.tell("submitted", f"job {i}", i, same="counts on aer")
    assert [e["kind"] for e in story.told(0.0)] == ["submitted", "moved"]


def test_a_story_stays_short() -> None:
    story = Story()
    for i in range(10_000):
        story.tell("sent", f"{i} " + "long " * 100, i)
    told = story.told(0.0)
    assert (len(told), told[0]["at"]) == (MOST_HAPPENINGS, 9999.0)
    assert max(len(e["words"]) for e in told) == 240


# Jobs.


def test_a_job_is_told_with_what_it_did_when() -> None:
    traces = Traces()
    job = traces.open("r.0", ("counts",), "aer", 10.5, circuits=2, shots=200)
    for phase, now in (
        (Phase.QUEUED, 10.6),
        (Phase.QUEUED, 10.7),
        (Phase.RUNNING, 11.0),
    ):
        job.enter(phase, now)
    job.ended, job.state = 12.0, "settled"
    (told,) = traces.told(10.0)
    assert (told["from"], told["to"], told["state"]) == (0.5, 2.0, "settled")
    assert told["phases"] == [["queued", 0.6], ["running", 1.0]]


def test_of_many_jobs_those_that_are_open_stay() -> None:
    traces = Traces()
    jobs = [
        traces.open(f"r.{i}", ("s",), "aer", float(i), circuits=1, shots=1)
        for i in range(3)
    ]
    jobs[1].ended = jobs[2].ended = 5.0
    for i in range(3, MOST_JOBS + 2):
        traces.open(f"r.{i}", ("s",), "aer", float(i), circuits=1, shots=1)
    names = [job["job"] for job in traces.told(0.0)]
    assert (len(names), names[:2], traces.total) == (
        MOST_JOBS,
        ["r.0", "r.3"],
        MOST_JOBS + 2,
    )


# Results.


def test_a_point_is_looked_at_once() -> None:
    looked: list[int] = []

    def value_of(_: str, point: int) -> float:
        looked.append(point)
        return point / 8

    watch = Watch()
    for point in range(3):
        watch.ended("fit", point)
        told = watch.results(value_of, lambda s, p: Spot(p, x=float(p)), final=True)
    assert looked == [0, 1, 2]
    assert told["fit"]["series"][0]["values"] == [
        [0.0, 0.0, None],
        [1.0, 0.125, None],
        [2, 0.25, None],
    ]


def test_looking_takes_a_small_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([100.0, 100.1, 101.0, 103.0, 103.0])
    monkeypatch.setattr(watch_module, "perf_counter", lambda: next(times))
    watch, seen = Watch(), []
    for point in range(3):
        watch.ended("fit", point)
        told = watch.results(lambda _, p: p, lambda _, p: Spot(p), final=False)
        seen.append(len(told["fit"]["series"][0]["values"]))
    # A look of 0.1 s: the next one 2 s later.
    assert seen == [1, 1, 3]


def test_results_of_all_steps_together_stay_small() -> None:
    watch = Watch()
    for step in range(200):
        for point in range(100):
            watch.ended(f"s{step}", point)
    told = watch.results(
        lambda _, p: p / 7, lambda _, p: Spot(p, "p" * 300), final=True
    )
    assert "s199" in told
    assert "s0" not in told
    assert len(json.dumps(told)) < 60_000


# Failures.


def failing(depth: int = 1, message: str = "no") -> Exception:
    def deeper(n: int) -> None:
        if n == 0:
            raise ValueError(message)
        deeper(n - 1)

    try:
        deeper(depth)
    except ValueError as error:
        return error
    raise AssertionError("it raises")


def test_a_traceback_names_the_lines_of_the_user() -> None:
    told = traceback_of(failing())
    assert told is not None
    assert told.endswith("ValueError: no")
    assert "raise ValueError(message)" in told


def test_an_error_that_was_never_raised_has_no_traceback() -> None:
    assert traceback_of(ValueError("no")) is None


def test_no_secret_of_the_environment_stands_in_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "correct-horse-battery-staple")
    error = failing(message="bad token correct-horse-battery-staple")
    told = blame(error, "ValueError", str(error))
    assert told.words == "ValueError: bad token (secret left out)"
    assert told.traceback is not None
    assert "correct-horse" not in told.traceback
    assert "bad token (secret left out)" in told.traceback


def test_a_long_traceback_loses_its_middle() -> None:
    error = failing(message="x" * 50_000)
    told = blame(error, "ValueError", str(error)).traceback
    assert told is not None
    assert len(told) <= MOST_TRACEBACK
    assert told.startswith("Traceback (most recent call last)")


# Whole runs.


def step_of(run: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        step for step in run.snapshot()["steps"] if step["name"] == name
    )
    return found


def test_ten_thousand_mapped_tasks_fit_into_one_frame(lab: Lab) -> None:
    run = lab.run(
        dedent("""
        @qf.step
        def points():
            return list(range(5000))

        @qf.step(map="points")
        def square(points):
            return points * points / 7

        @qf.step(map="points")
        def broken(points):
            raise ValueError(f"no {points}" + "x" * 5000)
        """),
        name="many",
    )
    view = run.snapshot()
    assert sum(step["total"] for step in view["steps"]) == 10_001
    assert len(json.dumps(view)) < FRAME // 4
    shown = step_of(run, "square")["results"]
    assert (len(shown["series"][0]["values"]), shown["total"]) == (POINTS, 5000)
    assert step_of(run, "broken")["traceback"].startswith("Traceback")


def test_the_largest_view_that_can_be_made_fits_into_one_frame() -> None:
    watch = Watch()
    for step in range(60):
        for point in range(70):
            watch.ended(f"s{step}", point)
    for i in range(500):
        watch.story.tell("sent", "words " * 80, i, same=i)
        watch.traces.open(
            f"20261126-115805-4dc77405.{i}",
            ("a_rather_long_name_of_a_step",) * 9,
            "a_rather_long_name_of_a_backend",
            1e9 + i / 7,
            circuits=10**6,
            shots=10**9,
        )
    results = watch.results(
        lambda _, p: p / 7, lambda _, p: Spot(p, "p" * 300), final=True
    )
    steps = [
        {"name": f"s{i}", "needs": ["s0"] * 4, "counts": {"done": 10_000}}
        for i in range(60)
    ]
    metrics = [[-1.2345678901234567e-5] * 100 for _ in range(24)]
    parts = results, watch.story.told(0.0), watch.traces.told(0.0), steps, metrics
    tracebacks = 24_000 + 60 * 2_000 // 10
    assert len(json.dumps(parts)) + tracebacks < FRAME


def test_a_sweep_shows_its_latest_histograms_and_estimates(lab: Lab) -> None:
    run = lab.run(
        dedent("""
            from qiskit import QuantumCircuit

            @qf.step
            def angle():
                return [0.0, 3.141592653589793]

            @qf.circuit(map="angle")
            def measured(angle):
                qc = QuantumCircuit(1)
                qc.rx(angle, 0)
                qc.measure_all()
                return qc

            @qf.sample(shots=100)
            def counts(measured):
                return measured

            @qf.circuit(map="angle")
            def plain(angle):
                qc = QuantumCircuit(1)
                qc.rx(angle, 0)
                return qc

            @qf.estimate(precision=0.1)
            def energy(plain):
                return plain, "Z"
            """),
        name="sweep",
    )
    counts = step_of(run, "counts")["results"]["counts"]
    found = {each["label"]: each["counts"] for each in counts}
    assert found == {"angle 0.0": [("0", 100)], "angle 3.141592653589793": [("1", 100)]}
    (line,) = step_of(run, "energy")["results"]["series"]
    rows = line["values"]
    assert [(x, value) for x, value, _ in rows] == [
        (0.0, 1.0),
        (3.141592653589793, -1.0),
    ]
    view = run.snapshot()
    kinds = {event["kind"] for event in view["events"]}
    assert {"submitted", "settled", "done"} <= kinds
    assert {(job["step"], job["state"]) for job in view["jobs"]} == {
        ("counts", "settled"),
        ("energy", "settled"),
    }
    assert step_of(run, "counts")["began"] <= step_of(run, "counts")["ended"]


def test_a_sweep_over_two_backends_has_a_line_for_each(lab: Lab) -> None:
    run = lab.run(
        dedent("""
            from qiskit import QuantumCircuit

            angle = qf.axis([0.0, 3.0], unit="rad")

            @qf.estimate(backend=["fake_manila", "aer"], precision=0.1)
            def energy(angle):
                qc = QuantumCircuit(1)
                qc.rx(angle, 0)
                return qc, "Z"
            """),
        name="two",
    )
    shown = step_of(run, "energy")["results"]
    assert (shown["axis"], shown["unit"], shown["placed"]) == ("angle", "rad", True)
    assert [(s["label"], [x for x, _, _ in s["values"]]) for s in shown["series"]] == [
        ("fake_manila", [0.0, 3.0]),
        ("aer", [0.0, 3.0]),
    ]


def test_a_pause_is_no_time_of_a_step_that_stood_still(lab: Lab) -> None:
    run = lab.run(
        dedent("""
            import time
            n = qf.axis(list(range(24)))

            @qf.step
            def quick(n):
                time.sleep(0.1)
                return n

            @qf.step(over="n")
            def after(quick):
                return sum(quick)
            """),
        name="paused",
        background=True,
    )
    while not run.snapshot()["steps"][0]["counts"].get("done"):
        time.sleep(0.01)
    run.pause()
    time.sleep(2)
    run.resume()
    run.wait(30)
    assert run["after"] == 276
    assert step_of(run, "quick")["ended"] - step_of(run, "quick")["began"] > 2
    assert step_of(run, "quick")["seconds"] < 2
    query = "select wall_s from qf_steps where step = 'quick' and run = ?"
    rows = lab.sql(query, [run.id]).to_pylist()
    assert rows[0]["wall_s"] == pytest.approx(step_of(run, "quick")["seconds"])


def test_a_result_that_was_topped_up_says_how_much_of_it_was_there(lab: Lab) -> None:
    cell = dedent("""
        from qiskit import QuantumCircuit

        @qf.sample(shots={shots})
        def counts():
            qc = QuantumCircuit(1)
            qc.h(0)
            qc.measure_all()
            return qc
        """)
    lab.run(cell.format(shots=400), name="first", fresh=False)
    run = lab.run(cell.format(shots=1000), name="second", fresh=False)
    part = {"found": 400, "asked": 1000, "unit": "shots"}
    assert step_of(run, "counts")["cached"]["part"] == part
    assert "400 of 1,000 shots cached · run first" in repr(run)
    whole = lab.run(cell.format(shots=900), name="third", fresh=False)
    assert step_of(whole, "counts")["cached"]["part"] is None
    reopened = lab.load("second").snapshot()["steps"][0]
    assert reopened["cached"]["part"] == {"unit": ""}
