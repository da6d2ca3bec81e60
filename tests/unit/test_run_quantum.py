"""Quantum steps and loops through the whole lab, against numbers from elsewhere."""

from __future__ import annotations

import os
import signal
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.quantum_info import SparsePauliOp

from quantumflow_lab import Lab, Run
from quantumflow_lab.errors import BadOption, StepFailed, TooManyCalls, UnknownOption
from quantumflow_lab.intervals import wilson
from quantumflow_lab.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

BELL = """
from qiskit import QuantumCircuit

@qf.circuit
def bell():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.sample
def counts(bell):
    return bell
"""

ISING = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])
ANSATZ = efficient_su2(2, reps=1)


def run_cell(lab: Lab, cell: str, **options: Any) -> Run:
    return lab.run(dedent(cell), **options)


class Deadly(BasicSimulator):
    """Kills the process that runs it, the first `deaths` times."""

    def __init__(self, marks: Path, deaths: int):
        super().__init__()
        self.marks = marks
        self.deaths = deaths

    def run(self, run_input: Any, **options: Any) -> Any:
        died = len(list(self.marks.iterdir()))
        if died < self.deaths:
            (self.marks / str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(run_input, **options)


def test_bell_pairs_agree_within_the_interval_of_their_counts(lab: Lab) -> None:
    run = run_cell(lab, BELL, name="bell", shots=4000, seed=1)
    counts = run["counts"].data.meas.get_counts()
    assert set(counts) == {"00", "11"}
    low, high = wilson(counts["00"], 4000, 0.9999)
    assert low < 0.5 < high


def test_a_seed_gives_the_same_counts_again_whatever_runs_beside(lab: Lab) -> None:
    alone = run_cell(lab, BELL, name="alone", shots=500, seed=3)["counts"]
    beside = run_cell(
        lab, BELL, name="beside", shots=500, seed=3, backend=["aer_statevector", "aer"]
    )["counts"].sel(backend="aer")
    other = run_cell(lab, BELL, name="other", shots=500, seed=4)["counts"]
    same = alone.data.meas.get_counts()
    assert beside.data.meas.get_counts() == same != other.data.meas.get_counts()


def test_lists_and_dicts_of_pubs_come_back_in_their_shape(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        from qiskit import QuantumCircuit

        def flip(n):
            qc = QuantumCircuit(2)
            if n:
                qc.x(0)
            qc.measure_all()
            return qc

        @qf.sample(shots=10)
        def named():
            return {"zero": flip(0), "one": flip(1)}

        @qf.sample(shots=10)
        def listed():
            return [flip(1), flip(0)]
        """,
        name="shapes",
    )
    named = {k: v.data.meas.get_counts() for k, v in run["named"].items()}
    assert named == {"zero": {"00": 10}, "one": {"01": 10}}
    assert [v.data.meas.get_counts() for v in run["listed"]] == [{"01": 10}, {"00": 10}]


def test_points_of_a_step_go_in_one_job_for_each_backend(lab: Lab) -> None:
    cell = "k = qf.axis(range(12))\n" + BELL.replace("def bell():", "def bell(k):")
    run = run_cell(lab, cell, name="jobs", shots=50, backend=["aer", "fake_manila"])
    assert {(j["backend"], j["members"]) for j in run.jobs} == {
        ("aer", 12),
        ("fake_manila", 12),
    }
    assert len(run.jobs) == 2


def test_estimates_agree_with_the_statevector(lab: Lab) -> None:
    values = np.linspace(-1, 1, 3 * ANSATZ.num_parameters).reshape(3, -1)
    run = run_cell(
        lab,
        """
        @qf.estimate(precision=0)
        def exact(values):
            return ansatz, ising, values

        @qf.estimate(precision=0.01)
        def sampled(values):
            return ansatz, ising, values
        """,
        name="estimates",
        seed=2,
        inputs={"ansatz": ANSATZ, "ising": ISING, "values": values},
    )
    wanted = StatevectorEstimator().run([(ANSATZ, ISING, values)]).result()[0].data.evs
    np.testing.assert_allclose(run["exact"].data.evs, wanted, atol=1e-9)
    sampled = run["sampled"].data
    assert np.all(np.abs(sampled.evs - wanted) < 5 * sampled.stds)
    assert np.all(sampled.stds < 0.02)


def test_a_loop_finds_the_ground_state_and_logs_its_way(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        from scipy.optimize import minimize

        @qf.step(calls=300)
        def ground(estimator, rng):
            def energy(x):
                job = estimator.run([(ansatz, ising, x)])
                e = float(job.result()[0].data.evs)
                qf.log(energy=e)
                return e

            start = rng.uniform(-1, 1, ansatz.num_parameters)
            return minimize(energy, start, method="COBYLA", options={"maxiter": 250})
        """,
        name="vqe",
        precision=0,
        seed=3,
        inputs={"ansatz": ANSATZ, "ising": ISING},
    )
    exact = np.linalg.eigvalsh(ISING.to_matrix())[0]
    assert abs(run["ground"].fun - exact) < 1e-3
    logged = lab.rows("metrics", run.id)
    assert len(logged) == run["ground"].nfev == len(run.jobs)
    assert min(row["value"] for row in logged) == pytest.approx(run["ground"].fun)


def test_a_sampler_in_a_loop_is_seeded_by_its_call(lab: Lab) -> None:
    cell = """
        @qf.step
        def twice(sampler):
            jobs = [sampler.run([bell], shots=200) for _ in range(2)]
            return [job.result()[0].data.meas.get_counts() for job in jobs]
        """
    bell = QuantumCircuit(1)
    bell.h(0)
    bell.measure_all()
    first = run_cell(lab, cell, name="s1", seed=8, inputs={"bell": bell})["twice"]
    again = run_cell(lab, cell, name="s2", seed=8, inputs={"bell": bell})["twice"]
    assert first == again
    assert first[0] != first[1]


def test_a_loop_may_not_make_more_calls_than_it_said(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        import numpy as np

        @qf.step(calls=2)
        def greedy(estimator):
            for _ in range(3):
                estimator.run([(ansatz, ising, np.zeros(8))]).result()
        """,
        name="greedy",
        precision=0,
        inputs={"ansatz": ANSATZ, "ising": ISING},
    )
    with pytest.raises(TooManyCalls, match="has made its 2 quantum calls and asks for"):
        run.raise_failure()
    assert len(run.jobs) == 2


def test_a_waiting_loop_gives_its_slot_to_others(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "home", settings=Settings(threads=1))
    cell = """
        import numpy as np
        i = qf.axis([0, 1, 2])

        @qf.step
        def loop(i, estimator):
            for _ in range(3):
                estimator.run([(ansatz, ising, np.zeros(8))]).result()
            return i
        """
    inputs = {"ansatz": ANSATZ, "ising": ISING}
    try:
        run = run_cell(lab, cell, name="parked", precision=0, inputs=inputs)
        assert list(run["loop"]) == [0, 1, 2]
        # With one slot, loops overlap only because the one that waits gives it back.
        points = lab.sql(
            "select started, ended from qf_points where run = ? order by started",
            [run.id],
        ).to_pylist()
        assert points[1]["started"] < points[0]["ended"]
    finally:
        lab.close()


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def test_a_backend_that_kills_its_worker_is_tried_again(lab: Lab, marks: Path) -> None:
    # The first time it might have died while it was idle.
    run = run_cell(lab, BELL, name="twice", shots=20, backend=Deadly(marks, deaths=2))
    assert sum(run["counts"].data.meas.get_counts().values()) == 20
    assert sorted(job["state"] for job in run.jobs) == ["lost", "settled"]


def test_a_backend_that_always_kills_its_worker_fails_with_the_reason(
    lab: Lab, marks: Path
) -> None:
    run = run_cell(lab, BELL, name="always", shots=20, backend=Deadly(marks, 99))
    with pytest.raises(StepFailed, match="worker killed by signal 9"):
        run["counts"]
    assert [job["state"] for job in run.jobs] == ["lost", "lost", "lost"]
    after = run_cell(lab, BELL, name="after", shots=20)
    assert after.state == "done"


@pytest.mark.parametrize(
    ("step", "run", "shots"),
    [
        ("shots=100", {"precision": 0.01}, 100),
        ("precision=0.1", {"shots": 5000}, 100),
        ("", {"shots": 100}, 100),
        ("", {"precision": 0.1}, 100),
    ],
)
def test_the_innermost_level_decides_the_shots_of_an_estimate(
    lab: Lab, step: str, run: dict[str, Any], shots: int
) -> None:
    cell = f"@qf.estimate({step})\ndef e():\n    return qc, 'Z'\n"
    qc = QuantumCircuit(1)
    qc.h(0)
    done = run_cell(lab, cell, name="level", inputs={"qc": qc}, fresh=True, **run)
    assert [job["shots"] for job in done.jobs] == [shots]


def test_a_backend_made_again_gives_the_same_counts_with_the_same_seed(
    lab: Lab,
) -> None:
    def counts() -> dict[str, int]:
        from qiskit_aer import AerSimulator

        inputs = {"dev": AerSimulator()}
        run = run_cell(
            lab, BELL, name="dev", shots=200, seed=1, backend="dev", inputs=inputs
        )
        found: dict[str, int] = run["counts"].data.meas.get_counts()
        return found

    assert counts() == counts()


def test_points_of_object_axes_draw_the_same_again_and_not_alike(lab: Lab) -> None:
    cell = """
        made = qf.axis(circuits)

        @qf.step
        def draw(made, rng):
            return float(rng.random())
        """

    def draws() -> list[float]:
        circuits = [QuantumCircuit(1), QuantumCircuit(2), QuantumCircuit(1)]
        inputs = {"circuits": circuits}
        return list(run_cell(lab, cell, name="draw", seed=3, inputs=inputs)["draw"])

    first = draws()
    assert first == draws()
    assert len(set(first)) == 3


def test_an_option_of_a_handle_that_does_not_exist_is_refused(lab: Lab) -> None:
    cell = "@qf.step\ndef typo():\n    qf.estimator('aer', precison=0.2)\n"
    run = run_cell(lab, cell, name="typo")
    with pytest.raises(UnknownOption, match="did you mean 'precision'"):
        run.raise_failure()


def test_counts_of_a_sweep_are_drawn_point_by_point(lab: Lab) -> None:
    cell = "k = qf.axis(range(12))\n" + BELL.replace("def bell():", "def bell(k):")
    run = run_cell(lab, cell, name="swept", shots=50)
    with pytest.raises(BadOption, match="has 12 points, too many for one chart; name"):
        run.figure("counts")
    (axes,) = run.figure("counts", k=3).axes
    assert axes.get_title(loc="left") == "swept · counts"
