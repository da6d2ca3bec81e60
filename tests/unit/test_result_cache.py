"""Results that other runs have taken, seen through whole labs."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from scipy.stats import chi2_contingency

import quantumflow_lab as qf
from quantumflow_lab import Lab, Run
from quantumflow_lab.backends.content_key import content_key
from tests.unit.devices import Device

SWEEP = """
from qiskit import QuantumCircuit
theta = qf.axis([0.3, 0.9, 1.2])

@qf.sample(shots=200)
def counts(theta):
    qc = QuantumCircuit(1)
    qc.ry(theta, 0)
    qc.measure_all()
    return qc

@qf.step
def ones(counts):
    return counts.data.meas.get_counts().get("1", 0)
"""
EQUAL = """
@qf.sample(shots=2000)
def counts():
    return [flat, flat]
"""
FLAT = QuantumCircuit(1)
FLAT.h(0)
FLAT.measure_all()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def lab(home: Path) -> Any:
    lab = Lab(home)
    yield lab
    lab.close()


NUMBERS = count(1)


def sweep(lab: Lab, cell: str = SWEEP, name: str = "", **options: Any) -> Run:
    # Under one name, a point would be kept as a whole.
    name = name or f"sweep_{next(NUMBERS)}"
    run = lab.run(dedent(cell), name=name, inputs={"flat": FLAT}, **options)
    run.raise_failure()
    return run


def ones(run: Run) -> list[int]:
    return list(run["ones"])


def test_an_edit_of_the_analysis_does_not_take_the_data_again(lab: Lab) -> None:
    first = sweep(lab)
    again = sweep(lab, SWEEP.replace('get("1", 0)', 'get("1", 0) * 10'))
    assert ones(again) == [10 * n for n in ones(first)]
    assert (len(first.jobs), again.jobs) == (1, [])


def test_a_result_says_from_where_and_when_it_is(lab: Lab) -> None:
    first = sweep(lab, name="sweep")
    again = sweep(lab, name="other")
    origin = again["counts"][0].metadata["qflow"]["cached"]
    assert (origin["run"], origin["name"]) == (first.id, "sweep")
    assert origin["taken"].endswith("+00:00")
    assert "cached" not in first["counts"][0].metadata["qflow"]
    step, _ = again.snapshot()["steps"]
    assert step["cached"] == {
        "count": 3,
        "name": "sweep",
        "age": pytest.approx(0, abs=60),
        "part": None,
    }
    row, _ = lab.sql(
        "SELECT cached, origin FROM qf_steps WHERE run = ? ORDER BY step", [again.id]
    ).to_pylist()
    assert row == {"cached": 3, "origin": first.id}
    assert "cached · run sweep" in repr(again)
    assert "cached · run sweep" in again._repr_html_()
    assert "cached · run sweep" in repr(lab.load("other"))


def test_only_what_is_new_runs(lab: Lab) -> None:
    sweep(lab)
    wider = sweep(lab, SWEEP.replace("0.3, 0.9, 1.2", "0.3, 0.9, 1.2, 2.4"))
    (job,) = wider.jobs
    assert (job["members"], job["circuits"]) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        ("qc.ry(theta, 0)", "qc.rx(theta, 0)"),
        ("0.3, 0.9, 1.2", "0.31, 0.91, 1.21"),
        ("shots=200", "shots=200, optimization_level=2"),
        ("shots=200", 'shots=200, backend="basic_simulator"'),
        ("shots=200", 'shots=200, options={"method": "density_matrix"}'),
        ("shots=200", 'shots=200, transpile={"routing_method": "basic"}'),
        ("shots=200", "shots=200, cache=False"),
    ],
)
def test_whatever_changes_the_result_is_run_again(
    lab: Lab, change: tuple[str, str]
) -> None:
    sweep(lab)
    assert sum(job["circuits"] for job in sweep(lab, SWEEP.replace(*change)).jobs) == 3


def test_fresh_takes_all_anew_and_is_taken_by_the_next(lab: Lab) -> None:
    sweep(lab)
    fresh = sweep(lab, fresh=True)
    assert [job["members"] for job in fresh.jobs] == [3]
    origin = sweep(lab)["counts"][0].metadata["qflow"]["cached"]
    assert origin["run"] == fresh.id


def test_fresh_from_a_step_on_leaves_the_others(lab: Lab) -> None:
    cell = SWEEP + dedent("""
        @qf.sample(shots=100)
        def more():
            return flat
        """)
    sweep(lab, cell)
    again = sweep(lab, cell, fresh="more")
    assert [job["step"] for job in again.jobs] == ["more"]
    assert [job["step"] for job in sweep(lab, cell, fresh="ones").jobs] == []


def test_too_few_shots_are_topped_up_and_too_many_are_cut(lab: Lab) -> None:
    first = sweep(lab)
    more = sweep(lab, SWEEP.replace("200", "500"))
    (job,) = more.jobs
    assert job["shots"] == 3 * 300
    fewer = sweep(lab, SWEEP.replace("200", "50"))
    assert fewer.jobs == []
    for old, new, cut in zip(
        first["counts"], more["counts"], fewer["counts"], strict=True
    ):
        bits = [each.data.meas.array.ravel() for each in (old, new, cut)]
        assert [len(each) for each in bits] == [200, 500, 50]
        assert (bits[1][:200] == bits[0]).all()
        assert (bits[2] == bits[1][:50]).all()
        assert new.metadata["shots"] == 500
        assert cut.metadata["shots"] == 50


def test_a_result_with_enough_shots_goes_before_a_newer_one(lab: Lab) -> None:
    long = sweep(lab)
    sweep(lab, SWEEP.replace("200", "50"), fresh=True)
    again = sweep(lab)
    assert again.jobs == []
    assert again["counts"][0].metadata["qflow"]["cached"]["run"] == long.id


def test_a_step_that_may_fail_over_is_not_topped_up(lab: Lab) -> None:
    for name in ("one", "other"):
        lab.backends.add(name, AerSimulator(max_shot_size=10**6))
    sweep(lab, among=["one", "other"], policy="cheapest")
    more = sweep(lab, SWEEP.replace("200", "500"), among=["one", "other"])
    assert [job["shots"] for job in more.jobs] == [3 * 500]


def test_a_backend_is_called_as_the_run_calls_it(lab: Lab) -> None:
    for name in ("mine", "same"):
        lab.backends.add(name, AerSimulator(method="statevector"))
    sweep(lab, backend="mine")
    taken = sweep(lab, backend="same")
    about = taken["counts"][0].metadata["qflow"]
    assert (taken.jobs, about["backend"]) == ([], "same")


def test_registers_are_called_as_in_the_circuit_that_asks(lab: Lab) -> None:
    cell = """
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

    @qf.sample(shots=SHOTS)
    def counts():
        bits = ClassicalRegister(1)
        qc = QuantumCircuit(QuantumRegister(1), bits)
        qc.x(0)
        qc.measure(0, 0)
        names.append(bits.name)
        return qc
    """
    names: list[str] = []

    def measured(shots: int) -> Run:
        text = dedent(cell).replace("SHOTS", str(shots))
        names.clear()
        run = lab.run(text, name="registers", inputs={"names": _Kept(names)})
        run.raise_failure()
        return run

    for shots, jobs in ((10, 1), (10, 0), (30, 1)):
        run = measured(shots)
        assert len(run.jobs) == jobs
        assert list(run["counts"].data) == names
        assert run["counts"].data[names[0]].get_counts() == {"1": shots}


class _Kept:
    """A list that a run does not copy."""

    def __init__(self, values: list[str]):
        self.append = values.append

    def __deepcopy__(self, memo: object) -> _Kept:
        return self


def test_a_seeded_run_is_taken_by_a_run_with_that_seed_only(lab: Lab) -> None:
    first = sweep(lab, seed=5)
    assert sweep(lab, seed=5).jobs == []
    assert len(sweep(lab, seed=6).jobs) == 1
    assert len(sweep(lab).jobs) == 1
    assert ones(sweep(lab, seed=5)) == ones(first)
    # A part would run with the seeds of other points.
    longer = sweep(lab, SWEEP.replace("1.2]", "1.2, 1.5]"), seed=5)
    cold = sweep(lab, SWEEP.replace("1.2]", "1.2, 1.5]"), seed=5, fresh=True)
    assert ones(longer) == ones(cold)


def table(*samples: Any) -> list[list[int]]:
    return [[each.count(0), each.count(1)] for each in samples]


def test_equal_pubs_of_one_run_are_independent_samples(lab: Lab) -> None:
    cold = sweep(lab, EQUAL)["counts"]
    warm = sweep(lab, EQUAL)["counts"]
    assert sweep(lab, EQUAL).jobs == []
    for pair in (cold, warm):
        bits = [each.data.meas.array.ravel().tolist() for each in pair]
        assert bits[0] != bits[1]
        # Of two independent fair coins both outcomes of one are as likely for either
        # outcome of the other: one false alarm in a million.
        joint = np.zeros((2, 2))
        for one, other in zip(*bits, strict=True):
            joint[one, other] += 1
        assert chi2_contingency(joint).pvalue > 1e-6
    assert [each.data.meas == c.data.meas for each, c in zip(warm, cold, strict=True)]


def test_a_point_takes_what_the_same_point_has_taken(lab: Lab) -> None:
    cell = """
    i = qf.axis({values})

    @qf.sample(shots=1000)
    def counts(i):
        return flat

    @qf.step
    def ones(counts):
        return counts.data.meas.get_counts()["1"]
    """
    old = [*range(8)]
    first = ones(sweep(lab, cell.format(values=old)))
    assert len({*first}) > 1
    assert ones(sweep(lab, cell.format(values=old))) == first
    # The new point asks first, and leaves the others what is theirs.
    longer = sweep(lab, cell.format(values=[8, *old]))
    assert ones(longer)[1:] == first
    assert [job["members"] for job in longer.jobs] == [1]


def test_a_third_equal_pub_is_a_new_sample(lab: Lab) -> None:
    sweep(lab, EQUAL)
    (job,) = sweep(lab, EQUAL.replace("[flat, flat]", "[flat, flat, flat]")).jobs
    assert job["circuits"] == 1


def test_calls_of_a_loop_are_found_too(lab: Lab) -> None:
    cell = """
    @qf.step
    def energies(estimator):
        return [
            float(estimator.run([(flat, "X", None, 0.1)]).result()[0].data.evs)
            for flat in [qc] * 3
        ]
    """
    bare = QuantumCircuit(1)
    bare.ry(0.7, 0)

    def energies(name: str) -> Run:
        return lab.run(dedent(cell), name=name, inputs={"qc": bare})

    first, again = energies("one"), energies("other")
    assert (len(first.jobs), again.jobs) == (3, [])
    assert first["energies"] == again["energies"]
    assert len(set(first["energies"])) > 1
    assert again.snapshot()["steps"][0]["cached"]["count"] == 3


def test_exact_values_do_not_depend_on_the_seed(lab: Lab) -> None:
    cell = """
    @qf.estimate(precision=0)
    def energy():
        return qc, operator
    """
    bare = QuantumCircuit(1)
    bare.ry(0.7, 0)
    inputs = {"qc": bare, "operator": SparsePauliOp(["X", "Z"], [1, 2])}
    first = lab.run(dedent(cell), name="exact", inputs=inputs, seed=1)
    again = lab.run(dedent(cell), name="exact", inputs=inputs, seed=2)
    assert again.jobs == []
    assert again["energy"].data.evs == first["energy"].data.evs


def test_what_is_cached_costs_nothing_and_needs_no_budget(lab: Lab) -> None:
    price = qf.Price("USD", per_shot="0.01")
    lab.backends.add("dear", _device(), price=price)
    first = sweep(lab, backend="dear", budget="6 USD")
    assert first.snapshot()["cost"]["money"] == "6 USD of 6 USD"
    again = sweep(lab, backend="dear", budget="0.01 USD")
    assert again.jobs == []
    assert again.snapshot()["cost"]["money"] == "0 USD of 0.01 USD"


def _device() -> AerSimulator:
    simulator = AerSimulator()
    simulator.set_options(shots=1000)
    return simulator


def test_a_failed_point_is_tried_again(lab: Lab) -> None:
    def trouble(job: int, circuits: int) -> None:
        if job == 1:
            raise ValueError("not today")

    lab.backends.add("moody", Device("moody", trouble=trouble))
    first = lab.run(dedent(EQUAL), name="m", backend="moody", inputs={"flat": FLAT})
    assert first.state == "failed"
    again = lab.run(dedent(EQUAL), name="m", backend="moody", inputs={"flat": FLAT})
    assert again.state == "done"


def test_a_backend_without_a_lasting_key_is_never_taken_for_another(lab: Lab) -> None:
    lab.backends.add("device", Device("device"))
    assert len(sweep(lab, backend="device").jobs) == 1
    assert len(sweep(lab, backend="device").jobs) == 1


def noisy(rate: float, *, turned: bool = False) -> AerSimulator:
    model = NoiseModel()
    errors = [(depolarizing_error(rate, 1), "x", [q]) for q in (0, 1)]
    for error in reversed(errors) if turned else errors:
        model.add_quantum_error(*error)
    return AerSimulator(noise_model=model)


def test_backends_are_told_apart_by_what_they_are() -> None:
    same = content_key(noisy(0.1), "sha256:1")
    # Errors have random ids and come in the order in which they were added.
    assert content_key(noisy(0.1, turned=True), "sha256:2") == same
    others = (noisy(0.2), AerSimulator(), AerSimulator(method="statevector"))
    keys = {content_key(each, "sha256:1") for each in others}
    assert same not in keys
    assert len(keys) == 3
    assert content_key(AerSimulator(), "object:1") == content_key(
        AerSimulator(), "object:1"
    )


def test_another_process_finds_them(lab: Lab, home: Path) -> None:
    first = ones(sweep(lab))
    script = f"""
    from quantumflow_lab import Lab
    if __name__ == "__main__":
        lab = Lab({str(home)!r})
        run = lab.run({dedent(SWEEP)!r}, name="there")
        print(list(run["ones"]), len(run.jobs))
        lab.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == f"{first} 0"


def test_damage_costs_time_only(lab: Lab, home: Path) -> None:
    first = sweep(lab)
    index = home / "cache" / "results.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"not json\n" + lines[0] + lines[1] + lines[2][:-20])
    again = Lab(home)
    try:
        (job,) = sweep(again).jobs
        assert job["circuits"] == 1
    finally:
        again.close()
    index.unlink()
    assert len(sweep(lab).jobs) == 1
    assert first.state == "done"


def test_a_lost_value_is_taken_anew(lab: Lab, home: Path) -> None:
    cell = SWEEP.replace("shots=200", "shots=100_000")
    sweep(lab, cell)
    for value in (home / "values").rglob("*"):
        if value.is_file():
            value.unlink()
    assert len(sweep(lab, cell).jobs) == 1
