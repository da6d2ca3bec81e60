"""Two runs side by side, as a pure function of what is known of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BitArray, DataBin, PubResult, SamplerPubResult
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy import stats

from quantumflow_lab.compare import (
    Comparison,
    PointFacts,
    RunFacts,
    StepFacts,
    ancestors_of,
    compare,
    coordinates,
)
from quantumflow_lab.compare.values import outcomes
from quantumflow_lab.errors import JournalDamaged
from quantumflow_lab.workflow import Workflow

CELL = """
from numpy import pi
angle = 0.6
x = qf.axis([1, 2, 3])

@qf.circuit
def prepare(x, angle):
    return ...

@qf.sample(shots=1000)
def counts(prepare):
    return prepare  # a PUB

@qf.step
def p1(counts):
    return 1
"""


def sampled(counts: Mapping[str, int], **about: Any) -> SamplerPubResult:
    bits = BitArray.from_counts(counts, num_bits=len(next(iter(counts))))
    return SamplerPubResult(DataBin(meas=bits), metadata={"qflow": about})


def estimated(evs: Any, stds: Any, **metadata: Any) -> PubResult:
    evs, stds = np.asarray(evs, float), np.asarray(stds, float)
    return PubResult(DataBin(evs=evs, stds=stds, shape=evs.shape), metadata=metadata)


class Values:
    """A store of values: each has a reference of its own."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def put(self, value: Any) -> dict[str, str]:
        ref = str(len(self.kept))
        self.kept[ref] = value
        return {"ref": ref}

    def get(self, reference: Mapping[str, Any]) -> Any:
        try:
            return self.kept[reference["ref"]]
        except KeyError:
            raise JournalDamaged("it is gone", file="", offset=0) from None


STORE = Values()


def done(value: Any, **more: Any) -> PointFacts:
    return PointFacts("done", STORE.put(value), **{"made": None, **more})


def step(
    name: str,
    points: Sequence[PointFacts],
    at: Iterable[Mapping[str, Any]] | None = None,
    kind: str = "step",
    **numbers: Any,
) -> StepFacts:
    at = [{"x": i} for i in range(len(points))] if at is None else list(at)
    keyed = dict(zip(coordinates(at), points, strict=True))
    return StepFacts(name, kind, keyed, numbers)


def run(number: int, *steps: StepFacts, cell: str = CELL, **more: Any) -> RunFacts:
    plain = RunFacts(
        run=f"id-{number}",
        label=f"t1:{number}",
        state="done",
        started=100.0 * number,
        wall_s=1.0,
        seed=7,
        seed_given=True,
        workflow=Workflow.from_source(cell, "t1"),
        options={"shots": None, "set": {}},
        inputs=(),
        versions={"qiskit": "2.3.0"},
        backends=("fake_manila",),
        contents={},
        calibrations=(),
        steps={each.name: each for each in steps},
        get=STORE.get,
    )
    return replace(plain, **more)


def section(found: Comparison, title: str) -> Any:
    return next((each for each in found.sections if each.title == title), None)


def rows(found: Comparison, title: str) -> list[tuple[object, ...]]:
    part = section(found, title)
    return [] if part is None else list(part.rows)


def values(a: Any, b: Any, kind: str = "step") -> Comparison:
    """Of two runs that are equal but for one value."""
    return compare(
        run(1, step("v", [done(a)], kind=kind)), run(2, step("v", [done(b)], kind=kind))
    )


# Results.


def test_equal_runs_differ_in_nothing() -> None:
    found = values({"a": [1, 2.5], "b": "x"}, {"a": [1, 2.5], "b": "x"})
    assert found.sentences == (
        "Nothing changed that is recorded.",
        "Results are equal at 1 point.",
    )
    assert found.sections == ()


def test_points_are_matched_by_coordinates_not_by_position() -> None:
    a = step("v", [done(1), done(2), done(3)], [{"x": 0.1}, {"x": 0.2}, {"x": 0.3}])
    b = step("v", [done(3), done(9)], [{"x": 0.1 + 0.2}, {"x": 0.4}])
    found = compare(run(1, a), run(2, b))
    assert found.sentences[1] == (
        "Results are equal at 1 point. 2 points are only in t1:1. "
        "1 point is only in t1:2."
    )
    assert rows(found, "Results") == [("v", "1 equal, 2 only in t1:1, 1 only in t1:2")]
    assert rows(found, "Not compared") == [
        ("v", "x=0.1 and 1 more", "only in t1:1"),
        ("v", "x=0.4", "only in t1:2"),
    ]


def test_an_axis_that_repeats_a_value_is_matched_in_order() -> None:
    a = step("v", [done(1), done(2)], [{"x": 0}, {"x": 0}])
    b = step("v", [done(1), done(5)], [{"x": 0}, {"x": 0}])
    found = compare(run(1, a), run(2, b))
    assert rows(found, "Changed, no uncertainty known") == [
        ("v", "x=0, #2", "2", "5", "+150 %")
    ]


def test_counts_that_differ_are_told_with_the_level_and_the_largest_change() -> None:
    a = [done(sampled({"00": 500, "11": 500})) for _ in range(3)]
    b = [
        done(sampled({"00": 505, "11": 495})),
        done(sampled({"00": 400, "11": 600})),
        done(sampled({"00": 500, "11": 500})),
    ]
    found = compare(
        run(1, step("counts", a, kind="sample")),
        run(2, step("counts", b, kind="sample")),
    )
    assert (found.tested, found.differing, found.level) == (3, 1, 0.01)
    assert found.sentences[1] == (
        "Results changed significantly: 1 of 3 points differs (Holm, 1 %), in counts."
    )
    assert rows(found, "Results") == [("counts", "1 differ, 1 agree, 1 equal")]
    pearson = stats.chi2_contingency([[500, 500], [400, 600]], correction=False)
    [row] = rows(found, "Significant differences")
    assert row[:5] == ("counts P(00)", "x=1", "0.5000", "0.4000", "-0.1000")
    assert float(str(row[5])) == pytest.approx(3 * pearson.pvalue, rel=0.1)


def test_expectation_values_are_compared_by_their_standard_deviations() -> None:
    found = values(
        estimated([0.5, 0.1], [0.01, 0.01]), estimated([0.5, 0.2], [0.01, 0.01])
    )
    [row] = rows(found, "Significant differences")
    expected = 2 * 2 * stats.norm.sf(0.1 / np.hypot(0.01, 0.01))
    assert row[:5] == ("v evs[1]", "x=0", "0.100 ± 0.010", "0.200 ± 0.010", "+7.1 σ")
    assert float(str(row[5])) == pytest.approx(expected, rel=0.05)


def test_exact_values_change_without_an_invented_p_value() -> None:
    found = values(estimated(0.5, 0.0), estimated(0.4, 0.0))
    assert found.tested == 0
    assert found.sentences[1] == (
        "Values changed at 1 point of v whose uncertainty is not known."
    )
    assert rows(found, "Changed, no uncertainty known") == [
        ("v evs", "x=0", "0.5", "0.4", "-20 %")
    ]
    assert values(estimated(0.1 + 0.2, 0.0), estimated(0.3, 0.0)).sections == ()


@pytest.mark.parametrize(
    ("a", "b", "row"),
    [
        (1.0, 1.5, ("v", "x=0", "1", "1.5", "+50 %")),
        ({"t1": 2.0, "n": 1}, {"t1": 1.0, "n": 1}, ("v ['t1']", "2", "1", "-50 %")),
        ({"a": 1}, {"a": 1, "b": 2}, ("v ['b']", "none", "2", "")),
        ([[1, 2], [3]], [[1, 2], [6]], ("v [1][0]", "3", "6", "+100 %")),
        (
            np.array([[1.0, 2.0], [np.nan, 4.0]]),
            np.array([[1.0, 2.5], [np.nan, 3.0]]),
            ("v [1][1] (2 of 4)", "4", "3", "-25 %"),
        ),
        ("yes", "no", ("v", "yes", "no", "")),
        (True, False, ("v", "1", "0", "-100 %")),
        ({"0": 5, "1": 3}, {"0": 4, "1": 3}, ("v ['0']", "5", "4", "-20 %")),
        (
            SparsePauliOp(["ZZ"]),
            SparsePauliOp(["XX"]),
            ("v", repr(SparsePauliOp(["ZZ"])), repr(SparsePauliOp(["XX"])), ""),
        ),
    ],
)
def test_other_values_are_taken_apart(a: Any, b: Any, row: tuple[str, ...]) -> None:
    [found] = rows(values(a, b), "Changed, no uncertainty known")
    assert (found[0], *found[-3:]) == (row[0], *row[-3:])


def test_a_dict_of_outcomes_is_a_table_of_counts() -> None:
    found = values({"00": 500, "11": 500}, {"00": 400, "11": 600})
    assert (found.tested, found.differing) == (1, 1)


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ([1, 2, "x"], [1, 2], "3 elements, then 2"),
        (1, "x", "int, then str"),
        (np.zeros(3), np.zeros(4), "shape (3,), then (4,)"),
        (
            sampled({"00": 5}),
            sampled({"000": 5}),
            "meas of 2 bits, then 3",
        ),
        (
            estimated([1, 2], [1, 1]),
            estimated([1, 2, 3], [1, 1, 1]),
            "shape (2,), then (3,)",
        ),
        (sampled({"0": 5}), estimated(1, 1), "meas, then evs, stds"),
    ],
)
def test_values_of_different_shape_are_told_apart(a: Any, b: Any, why: str) -> None:
    found = values(a, b)
    assert rows(found, "Not compared") == [("v", "x=0", why)]
    assert found.sentences[1] == "1 point cannot be compared."


def test_failed_and_forgotten_points_are_told() -> None:
    failed = PointFacts("failed", None, None, reason="ValueError")
    memory = PointFacts("done", None, None)
    gone = PointFacts("done", {"ref": "gone"}, None)
    a = step("v", [done(1), failed, done(1), done(1)])
    b = step("v", [failed, failed, memory, gone])
    found = compare(run(1, a), run(2, b, state="failed"))
    assert found.sentences[1:] == (
        "1 point failed in one run only. 2 points cannot be compared.",
        "t1:2 failed.",
    )
    assert rows(found, "Not compared") == [
        ("v", "x=0", "done, then failed (ValueError)"),
        ("v", "x=2", "a value lived in memory only"),
        ("v", "x=3", "a value cannot be read: it is gone"),
    ]


def test_points_that_were_cancelled_have_not_failed() -> None:
    cancelled = PointFacts("cancelled", None, None)
    skipped = PointFacts("skipped", None, None)
    a = step("v", [done(1), done(1), cancelled])
    b = step("v", [cancelled, skipped, cancelled])
    found = compare(run(1, a), run(2, b, state="cancelled"))
    assert found.sentences[1:] == (
        "2 points were not run to their end.",
        "t1:2 was cancelled.",
    )
    assert rows(found, "Not compared") == [
        ("v", "x=0", "done, then cancelled"),
        ("v", "x=1", "done, then skipped"),
    ]


def test_kept_points_are_the_same_data_and_not_tested() -> None:
    first, second = {"0": 480, "1": 520}, {"0": 900, "1": 100}
    a = step("counts", [done(sampled(first)), done(sampled(second))], kind="sample")
    kept = [replace(p, made="id-1", kept=True) for p in a.points.values()]
    b = step("counts", kept, kind="sample")
    found = compare(run(1, a), run(2, b))
    assert found.tested == 0
    assert found.sentences[1] == "2 points are the same data."
    assert rows(found, "Kept and cached points") == [("counts", "none", "2 kept")]


def test_cached_points_with_more_shots_share_them_and_are_not_tested() -> None:
    a = step("counts", [done(sampled({"0": 500, "1": 500}))], kind="sample")
    more = done(sampled({"0": 1800, "1": 2200}), made="id-1")
    found = compare(run(1, a), run(2, step("counts", [more], kind="sample", cached=1)))
    assert found.tested == 0
    assert found.sentences[1] == "1 point shares shots, not tested."
    assert rows(found, "Results") == [("counts", "1 share shots, not tested")]


def test_the_same_outcomes_in_more_shots_are_not_the_same_data() -> None:
    a = step("counts", [done(sampled({"0": 500}))], kind="sample")
    more = done(sampled({"0": 1000}), made="id-1")
    found = compare(run(1, a), run(2, step("counts", [more], kind="sample", cached=1)))
    assert found.sentences[1] == "1 point shares shots, not tested."
    as_many = done(sampled({"0": 500}), made="id-1")
    found = compare(run(1, a), run(2, step("counts", [as_many], kind="sample")))
    assert found.sentences[1] == "1 point is the same data."


def test_shots_that_came_through_runs_in_between_are_not_tested() -> None:
    line = ancestors_of([("id-4", "id-2"), ("id-2", "id-1"), ("id-3", "id-1")])
    a = step(
        "counts", [done(sampled({"0": 500, "1": 500}), made="id-1")], kind="sample"
    )
    b = step(
        "counts", [done(sampled({"0": 900, "1": 100}), made="id-2")], kind="sample"
    )
    found = compare(run(3, a, ancestors=line), run(4, b, ancestors=line))
    assert (found.tested, found.sentences[1]) == (
        0,
        "1 point shares shots, not tested.",
    )
    apart = compare(run(3, a, ancestors=line), run(5, b))
    assert apart.tested == 1, "what run 2 had is not known there"


CHAIN = """
x = qf.axis([0, 1])
@qf.sample
def counts(x): ...
@qf.step
def table(counts): ...
@qf.step(over="x")
def total(table): ...
"""


def test_what_is_worked_out_from_shared_shots_is_not_tested() -> None:
    half, most = {"00": 500, "11": 500}, {"00": 900, "11": 100}

    def steps(made: str | None) -> list[StepFacts]:
        shots = half if made is None else most
        points = [done(sampled(shots), made=made), done(sampled(shots))]
        return [
            step("counts", points, kind="sample"),
            step("table", [done(shots), done(shots)]),
            step("total", [done(shots)], at=[{}]),
        ]

    found = compare(
        run(1, *steps(None), cell=CHAIN), run(2, *steps("id-1"), cell=CHAIN)
    )
    assert rows(found, "Results") == [
        ("counts", "1 differ, 1 share shots, not tested"),
        ("table", "1 differ, 1 share shots, not tested"),
        ("total", "1 share shots, not tested"),
    ]


def test_circuits_are_no_results() -> None:
    a, b = QuantumCircuit(1), QuantumCircuit(1)
    b.x(0)
    found = values(a, b, kind="circuit")
    assert found.sentences[1] == "There are no results in both runs."
    assert rows(found, "Circuits as executed") == [
        ("v", "circuits built", "", "1 changed")
    ]


@pytest.mark.parametrize("width", [1, 8, 9, 70])
def test_outcomes_are_those_that_qiskit_counts(width: int) -> None:
    rng = np.random.default_rng(width)
    bits = BitArray.from_bool_array(rng.random((2, 3, 50, width)) < 0.3)
    assert outcomes(bits, (1, 2)) == bits[1, 2].get_counts()


# Honesty: equal experiments are called equal.


def exact_probabilities(points: int) -> list[np.ndarray]:
    found = []
    for theta in np.linspace(0.1, 3.0, points):
        qc = QuantumCircuit(2)
        qc.ry(theta, 0)
        qc.cx(0, 1)
        qc.rx(0.3, 1)
        found.append(np.asarray(Statevector(qc).probabilities()))
    return found


def experiment(
    number: int, chances: Sequence[np.ndarray], shots: int, rng: np.random.Generator
) -> RunFacts:
    """Counts of exact distributions, and estimates of ZZ with their deviations."""
    sign = np.array([1, -1, -1, 1])
    counts, estimates = [], []
    for p in chances:
        n, m = (rng.multinomial(shots, p / p.sum()) for _ in range(2))
        counts.append(done({f"{i:02b}": int(k) for i, k in enumerate(n)}))
        mean = float(m @ sign) / shots
        std = np.sqrt((1 - mean**2) / shots)
        estimates.append(done(estimated(mean, std, shots=shots)))
    return run(
        number,
        step("counts", counts, kind="sample"),
        step("zz", estimates, kind="estimate"),
    )


@pytest.mark.parametrize("shots", [(400, 400), (400, 3000)])
def test_equal_experiments_are_called_equal_99_times_in_100(
    shots: tuple[int, int],
) -> None:
    """Right with probability 1 - 1e-6 over the seeds; these are 2025 to 2324."""
    chances, times = exact_probabilities(21), 300
    differ = 0
    for seed in range(2025, 2025 + times):
        rng = np.random.default_rng(seed)
        a, b = (experiment(i, chances, n, rng) for i, n in enumerate(shots))
        found = compare(a, b)
        assert found.tested == 42
        differ += bool(found.differing)
    print(f"{differ} of {times} called different")
    assert differ <= stats.binom.isf(1e-6, times, 0.01)


def test_an_angle_that_is_a_little_off_is_found() -> None:
    chances = exact_probabilities(21)
    other = [*chances[:5], chances[7], *chances[6:]]
    rng = np.random.default_rng(1)
    found = compare(experiment(1, chances, 4000, rng), experiment(2, other, 4000, rng))
    places = {row[1] for row in rows(found, "Significant differences")}
    assert places == {"x=5"}


# What was asked.


def test_code_is_compared_by_step_and_comments_do_not_count() -> None:
    commented = CELL.replace("  # a PUB", "").replace("def p1", "\ndef p1")
    assert compare(run(1), run(2, cell=commented)).changed == ()
    edited = CELL.replace("return 1", "return 2").replace("angle = 0.6", "angle = 0.9")
    edited = edited.replace("shots=1000", "shots=2000")
    found = compare(run(1), run(2, cell=edited))
    assert found.changed == (
        "code of step counts",
        "code of step p1",
        "angle 0.6 → 0.9",
    )
    assert section(found, "Code").lines == (
        "@@ step counts @@",
        "-@qf.sample(shots=1000)",
        "+@qf.sample(shots=2000)",
        " def counts(prepare):",
        "@@ step p1 @@",
        " def p1(counts):",
        "-    return 1",
        "+    return 2",
        "@@ angle @@",
        "-angle = 0.6",
        "+angle = 0.9",
    )


def test_steps_that_come_and_go_are_told() -> None:
    renamed = CELL.replace("def p1(", "def p2(")
    found = compare(run(1), run(2, cell=renamed))
    assert found.changed == ("step p1 removed", "step p2 added")


def test_long_code_is_cut() -> None:
    body = "".join(f"    a{i} = {i}\n" for i in range(90))
    longer = CELL.replace("    return 1\n", f"{body}    return 1\n")
    part = section(compare(run(1), run(2, cell=longer)), "Code")
    assert (len(part.lines), part.more) == (40, "and 53 more lines")


def test_options_and_set_values_are_told_with_what_the_cell_says_instead() -> None:
    found = compare(
        run(1), run(2, options={"shots": 4000, "set": {"angle": 0.9, "k": 1}})
    )
    assert rows(found, "Options") == [
        ("shots", "default", "4000"),
        ("set angle", "0.6", "0.9"),
        ("set k", "not set", "1"),
    ]
    assert found.sentences[0] == (
        "Changed: shots default → 4000; set angle 0.6 → 0.9; set k not set → 1."
    )


def test_a_drawn_seed_is_told_and_is_no_change() -> None:
    found = compare(run(1), run(2, seed=8, seed_given=False))
    assert found.changed == ()
    assert found.sentences[0] == (
        "Nothing changed that is recorded; the seed was drawn anew."
    )
    assert rows(found, "Seed") == [("7 (given)", "8 (drawn)")]
    assert compare(run(1), run(2, seed=8)).changed == ("seed 7 → 8",)


def test_inputs_go_by_fingerprint() -> None:
    def given(name: str, key: str | None, summary: str) -> dict[str, Any]:
        return {"name": name, "kind": "value", "fingerprint": key, "summary": summary}

    a = (given("a", "aaaaaaaaaa", "array"), given("b", "b", "1"), given("c", None, "C"))
    b = (given("a", "ffffffffff", "array"), given("d", "d", "2"), given("c", None, "C"))
    found = compare(run(1, inputs=a), run(2, inputs=b))
    assert rows(found, "Inputs") == [
        ("a", "array (aaaaaaaa)", "array (ffffffff)"),
        ("b", "1", "not read"),
        ("d", "not read", "2"),
        ("c", "not comparable", "not comparable"),
    ]
    assert found.changed == ("input a", "input b", "input d")


def test_versions_machines_and_backends_are_told() -> None:
    found = compare(
        run(1, versions={"qiskit": "2.3.0", "host": "a"}, contents={"mine": "1" * 9}),
        run(
            2,
            versions={"qiskit": "2.4.0", "host": "b"},
            backends=("fake_manila", "mine"),
            contents={"mine": "2" * 9},
        ),
    )
    assert rows(found, "Versions") == [
        ("qiskit", "2.3.0", "2.4.0"),
        ("host", "a", "b"),
    ]
    assert rows(found, "Backends") == [
        ("names", "fake_manila", "fake_manila, mine"),
        ("mine: noise, target, version", "11111111", "22222222"),
    ]
    assert found.changed == (
        "qiskit 2.3.0 → 2.4.0",
        "backend fake_manila → fake_manila, mine",
        "content of mine",
    )


# What it ran on.


def calibrated(date: str, t1: float, cx: float) -> dict[str, Any]:
    return {
        "backend": "fake_manila",
        "calibrated": date,
        "time": 10.0,
        "data": {
            "qubits": [{"t1": t1, "t2": 5e-5}, {"t1": 2e-4}, {"t1": 1e-4 * t1}],
            "gates": {
                "cx": {"0,1": {"error": cx}, "1,2": {"error": 2 * cx}},
                "measure": {"0": {"error": 0.02}, "2": {"error": cx}},
            },
        },
    }


def ran(layout: list[int], date: str, counts: Mapping[str, int], depth: int) -> Any:
    about = {"backend": "fake_manila", "calibrated": date, "layout": layout}
    return sampled(counts, **about, depth=depth, two_qubit_gates=1, qubits=2)


def test_the_calibration_of_the_qubits_used_is_compared() -> None:
    known = (calibrated("monday", 1e-4, 0.01), calibrated("tuesday", 8e-5, 0.015))
    counts = {"00": 50, "11": 50}
    a, b = (
        run(
            i + 1,
            step("c", [done(ran([0, 1], date, counts, 5))], kind="sample"),
            calibrations=known,
        )
        for i, date in enumerate(("monday", "tuesday"))
    )
    found = compare(a, b)
    assert found.changed == ("calibration of fake_manila",)
    assert rows(found, "Calibration") == [
        ("fake_manila", "calibrated", "monday", "tuesday", ""),
        ("fake_manila", "error of cx on 0,1", "0.01", "0.015", "+50 %"),
        ("fake_manila", "T1 of 0", "100 µs", "80 µs", "-20 %"),
    ]


def test_a_run_that_names_no_calibration_had_that_of_its_start() -> None:
    known = [calibrated("monday", 1e-4, 0.01), calibrated("tuesday", 8e-5, 0.01)]
    known[1]["time"] = 150.0
    found = compare(run(1, calibrations=known), run(2, calibrations=known))
    assert [row[1:4] for row in rows(found, "Calibration")][:2] == [
        ("calibrated", "monday", "tuesday"),
        ("T1 of 0", "100 µs", "80 µs"),
    ]


def test_depth_layout_and_shots_of_the_circuits_as_executed_are_compared() -> None:
    counts = {"00": 50, "11": 50}
    a = step(
        "c",
        [done(ran([0, 1], "monday", counts, 5))],
        kind="sample",
        jobs=1,
        circuits=2,
        shots=2000,
        depth=5,
    )
    b = step(
        "c",
        [done(ran([3, 4], "monday", counts, 8))],
        kind="sample",
        jobs=1,
        circuits=2,
        shots=8000,
        depth=8,
    )
    found = compare(run(1, a), run(2, b))
    assert rows(found, "Circuits as executed") == [
        ("c", "depth", "5", "8"),
        ("c", "layout", "0-1", "3-4"),
        ("c", "shots a circuit", "1000", "4000"),
    ]
    assert found.changed == ("circuits of c",)
    assert rows(found, "Cost and time") == [("shots", "2000", "8000", "+300 %")]


def test_money_comes_first_among_what_it_took() -> None:
    a = step("c", [], kind="sample", costs=[("USD", 1.5)], queue_s=2.0)
    b = step("c", [], kind="sample", costs=[("USD", 2.25)], queue_s=2.5)
    assert rows(compare(run(1, a), run(2, b)), "Cost and time") == [
        ("cost", "1.5 USD", "2.25 USD", ""),
        ("queue, s", "2", "2.5", "+25 %"),
    ]


# Forms.


def test_a_huge_run_takes_bounded_time_and_few_rows() -> None:
    size = 100_000
    at = [{"x": i / 7} for i in range(size)]

    def huge(number: int, shift: float) -> RunFacts:
        numbers = [done(i + shift) for i in range(size)]
        table = done(sampled({"00": 500, "11": 500 + int(shift)}))
        return run(
            number,
            step("v", numbers, at),
            step("counts", [table] * size, at, kind="sample"),
        )

    a, b = huge(1, 0), huge(2, 1)
    began = time.perf_counter()
    found = compare(a, b)
    took = time.perf_counter() - began
    print(f"{took:.1f} s")
    assert took < 60
    looked = "Of 100,000 points of {}, 5,000 evenly spaced ones were looked at."
    assert found.sentences[1].endswith(
        f"{looked.format('v')} {looked.format('counts')}"
    )
    assert rows(found, "Results") == [("v", "5,000 changed"), ("counts", "5,000 agree")]
    assert all(len(part.rows) <= 6 for part in found.sections)
    assert section(found, "Changed, no uncertainty known").more == "and 4,994 more"


def test_a_broadcast_result_counts_as_its_tables() -> None:
    bits = BitArray.from_samples(["00", "11"] * 50, num_bits=2)
    wide = BitArray(np.broadcast_to(bits.array, (200, *bits.array.shape)).copy(), 2)
    result = SamplerPubResult(DataBin(meas=wide, shape=(200,)), metadata={})
    points = [done(result) for _ in range(60)]
    others = [done(result) for _ in range(60)]
    found = compare(
        run(1, step("c", points, kind="sample")),
        run(2, step("c", others, kind="sample")),
    )
    assert rows(found, "Results") == [("c", "25 equal")]
    assert found.sentences[1].endswith(
        "Of 60 points of c, 25 evenly spaced ones were looked at."
    )


def test_long_values_are_cut() -> None:
    cell = CELL.replace("    return 1\n", f"    return {'9' * 9000!r}\n")
    long = run(2, step("v", [done("y" * 9000)]), cell=cell)
    long = replace(long, options={"shots": None, "set": {"k": "z" * 9000}})
    found = compare(run(1, step("v", [done("x")])), long)
    assert len(found._repr_html_()) < 20_000
    assert len(repr(found)) < 3_000


def test_the_largest_numbers_are_compared() -> None:
    assert rows(values(10**5000, 10**5000 + 1), "Changed, no uncertainty known")


EVIL = "<img src=x onerror=alert(1)>\"'&</pre><script>alert(2)</script>"


def test_the_html_is_well_formed_and_escaped() -> None:
    a = run(1, step("v", [done("plain")]), versions={"qiskit": EVIL})
    b = run(
        2,
        step("v", [done(EVIL)]),
        label=EVIL,
        cell=CELL.replace("return 1", f"return {EVIL!r}"),
        inputs=({"name": EVIL, "kind": "value", "fingerprint": "k", "summary": EVIL},),
    )
    html = compare(a, b)._repr_html_()
    root = ET.fromstring(html)
    assert {each.tag for each in root.iter()} <= set(
        "div style span p table thead tbody tr th td pre".split()
    )
    assert "<script" not in html
    assert "prefers-color-scheme:dark" in html


def test_changed_lines_keep_their_indent_and_lose_control_codes() -> None:
    cell = CELL.replace("return 1\n", "if counts:\n        return '\x1b[31m'\n")
    text = repr(compare(run(1), run(2, cell=cell)))
    assert (
        "  -    return 1\n  +    if counts:\n  +        return '[31m'\n" in text + "\n"
    )


def test_the_text_has_the_answer_first() -> None:
    text = repr(values(1.0, 2.0))
    assert text.splitlines()[:3] == [
        "t1:1 → t1:2",
        "Nothing changed that is recorded.",
        "Values changed at 1 point of v whose uncertainty is not known.",
    ]
    assert text.splitlines()[-1] == "  v      x=0  1     2     +100 %"
