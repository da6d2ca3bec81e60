"""What a run does with odd values, odd moments and odd users."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import PubResult
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

from quantumflow_lab import Lab, Run
from quantumflow_lab.errors import BadAxis, NestedRun, SchedulerBug

if TYPE_CHECKING:
    from pathlib import Path

ONE = QuantumCircuit(1)
ONE.x(0)
ONE.measure_all()
ONE_SHOT = "@qf.sample(shots=50)\ndef counts():\n    return one\n"


def run_cell(lab: Lab, cell: str, **options: Any) -> Run:
    return lab.run(dedent(cell), **options)


def works(lab: Lab) -> bool:
    cell = "@qf.step\ndef one():\n    return 1\n"
    return bool(run_cell(lab, cell, name="works")["one"] == 1)


def test_mapping_over_an_array_without_axes_is_refused_and_the_lab_goes_on(
    lab: Lab,
) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def number():
            return zero_d

        @qf.step(map="number")
        def each(number):
            return number
        """,
        name="zero_d",
        inputs={"zero_d": np.array(3.0)},
    )
    with pytest.raises(BadAxis, match="'number' returned float64; return a list"):
        run.raise_failure()
    assert works(lab)


def test_an_error_that_cannot_say_itself_fails_its_point_alone(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError("no words")

        @qf.step
        def mute():
            raise Mute
        """,
        name="mute",
    )
    assert run.partial("mute").message == "Mute without a text"
    assert run.snapshot()["steps"][0]["error"] == "Mute: Mute without a text"
    assert works(lab)


def test_labels_of_a_map_axis_are_positions_where_points_differ(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        i = qf.axis([0, 1])

        @qf.step
        def lists(i):
            return [10 * i, 10 * i + 1]

        @qf.step(map="lists")
        def same(lists):
            return lists
        """,
        name="labels",
    )
    assert run["same"].axes == {"i": (0, 1), "lists": (0, 1)}
    assert run["same"].sel(i=1, lists=1) == 11


def test_a_backend_named_twice_is_refused(lab: Lab) -> None:
    with pytest.raises(BadAxis, match="backend 'aer' is named twice"):
        run_cell(
            lab, ONE_SHOT, name="twins", backend=["aer", "aer"], inputs={"one": ONE}
        )


def test_two_backends_of_one_name_are_two_backends(lab: Lab) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.5, 0.5], [0.5, 0.5]]))
    backends = [AerSimulator(), AerSimulator(noise_model=noise)]
    run = run_cell(
        lab, ONE_SHOT, name="two", backend=backends, seed=1, inputs={"one": ONE}
    )
    ideal, noisy = (each.data.meas.get_counts() for each in run["counts"])
    assert ideal == {"1": 50}
    assert 5 < noisy["0"] < 45


def test_a_result_that_cannot_be_kept_fails_its_point_and_is_not_bought_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(value: object) -> None:
        if isinstance(value, PubResult):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab.store, "put", broken)
    run = run_cell(lab, ONE_SHOT, name="unkept", inputs={"one": ONE})
    assert run.partial("counts").reason == "OSError"
    assert [job["state"] for job in run.jobs] == ["settled"]


def test_a_mapped_step_can_be_cancelled_before_its_points_are_known(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        import time

        @qf.step
        def source():
            time.sleep(0.4)
            return [1, 2]

        @qf.step(map="source")
        def each(source):
            return source
        """,
        name="early",
        background=True,
    )
    run.cancel("each").wait(10)
    assert [value.reason for value in run["each"]] == ["RunCancelled"] * 2


def test_a_function_is_tried_once_unless_it_asks_for_more(lab: Lab) -> None:
    tries: list[int] = []
    run = run_cell(
        lab,
        """
        @qf.circuit
        def broken(note):
            note(1)
            raise ValueError("bad circuit")
        """,
        name="once",
        inputs={"note": tries.append},
    )
    assert (run.state, len(tries)) == ("failed", 1)


def test_a_run_inside_a_step_is_refused_rather_than_waited_for(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def outer(inner):
            return inner()
        """,
        name="outer",
        inputs={"inner": lambda: lab.run("@qf.step\ndef a():\n    return 1", name="a")},
    )
    with pytest.raises(NestedRun, match="background=True"):
        run.raise_failure()


def test_a_closing_lab_ends_its_runs_and_records_their_ends(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "home")
    cell = "import time\n\n@qf.step\ndef spin():\n    while True: time.sleep(0.01)\n"
    run = run_cell(lab, cell, name="open", background=True)
    time.sleep(0.3)
    lab.close()
    run.wait(1)
    assert run.state == "cancelled"
    with pytest.raises(SchedulerBug, match="this lab has stopped; restart the kernel"):
        run_cell(lab, cell, name="after")
    again = Lab(tmp_path / "home")
    assert [(r["name"], r["state"]) for r in again.runs()] == [("open", "cancelled")]
    again.close()


def test_axes_of_tuples_are_read_back_as_they_were(lab: Lab) -> None:
    run_cell(
        lab,
        """
        pair = qf.axis([(0, 1), (1, 2)])

        @qf.step
        def total(pair):
            return sum(pair)
        """,
        name="pairs",
    )
    assert lab.load("pairs")["total"].sel(pair=(1, 2)) == 3


def test_points_log_lines_of_their_own(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        i = qf.axis([0, 1])

        @qf.step
        def trace(i):
            for n in range(3):
                qf.log(value=100.0 * i + n)
        """,
        name="lines",
    )
    wanted = {"value (i 0)": [0.0, 1.0, 2.0], "value (i 1)": [100.0, 101.0, 102.0]}
    live = {m["name"]: m["values"] for m in run.snapshot()["metrics"]}
    kept = {m["name"]: m["values"] for m in lab.load("lines").snapshot()["metrics"]}
    assert live == kept == wanted


def test_seeds_of_calls_do_not_depend_on_the_number_of_points(lab: Lab) -> None:
    cell = """
        i = qf.axis([0, 1])
        j = qf.axis({})

        @qf.step
        def call(i, j, sampler):
            result = sampler.run([coin], shots=400).result()[0]
            return result.data.meas.get_counts()["1"]
        """
    coin = QuantumCircuit(1)
    coin.h(0)
    coin.measure_all()
    few, more = (
        run_cell(lab, cell.format(js), name="calls", seed=7, inputs={"coin": coin})
        for js in ([0, 1], [0, 1, 2])
    )
    assert few["call"].sel(i=1, j=0) == more["call"].sel(i=1, j=0)


def test_threads_of_a_step_may_call_and_outlive_it(lab: Lab) -> None:
    left: list[threading.Thread] = []
    run = run_cell(
        lab,
        """
        from threading import Thread

        @qf.step
        def leave(sampler):
            results, ended = [], []
            def call():
                try:
                    results.append(sampler.run([one], shots=10).result())
                except BaseException as stopped:  # once the step has returned
                    ended.append(type(stopped).__name__)
            threads = [Thread(target=call) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads[:2]:
                thread.join()
            keep(threads[2])
            return len(results) >= 2
        """,
        name="threads",
        inputs={"one": ONE, "keep": left.append},
    )
    assert run["leave"] is True
    left[0].join(10)
    assert not left[0].is_alive()


class Big:
    """A value whose life can be watched."""


def test_a_run_that_is_forgotten_frees_its_values(lab: Lab) -> None:
    run = run_cell(
        lab, "@qf.step\ndef big():\n    return Big()\n", name="big", inputs={"Big": Big}
    )
    watched = weakref.ref(run["big"])
    del run
    for _ in range(50):
        gc.collect()
        if watched() is None:
            break
        time.sleep(0.02)
    assert watched() is None
