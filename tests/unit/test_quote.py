"""Quotes: what a run would take, told without a single shot."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import quantumflow_lab as qf
from quantumflow_lab import Lab, Price
from quantumflow_lab.quote import Figure, Quote, StepQuote


class Shotless(GenericBackendV2):
    """A device that must not be used."""

    default_rep_delay = 250e-6

    def run(self, *args: object, **options: object) -> Any:
        """Never called by a quote."""
        raise AssertionError("a quote sent circuits")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    lab.backends.add(
        "dev",
        Shotless(5, seed=1),
        price=Price(
            "USD", per_second="1.60", job_s=2.0, source="a contract", dated="2026-10-01"
        ),
    )
    lab.backends.add(
        "task", Shotless(5, seed=2), price=Price("USD", per_job="0.3", per_shot="0.001")
    )
    yield lab
    lab.close()


SWEEP = """
delay = qf.axis(np.linspace(0, 300e-6, 21), unit="s")
qubit = qf.axis([0, 1, 2])

@qf.circuit
def decay(delay):
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.delay(delay, 0, "s")
    qc.measure_all()
    return qc

@qf.sample(transpile={"initial_layout": [qubit], "scheduling_method": "alap"})
def counts(decay):
    print("not shown")
    return decay

@qf.step
def p1(counts):
    return counts.data.meas.get_counts().get("1", 0)
"""
LOOP = """
@qf.step{calls}
def energy(estimator):
    for angle in (0.1, 0.2, 0.3):
        qc = QuantumCircuit(1)
        qc.rx(angle, 0)
        value = estimator.run([(qc, SparsePauliOp("Z"))]).result()[0].data.evs
    return float(value)

@qf.sample(shots=100)
def after(energy):
    qc = QuantumCircuit(1, 1)
    qc.measure(0, 0)
    return qc
"""


def inputs() -> dict[str, Any]:
    from qiskit.quantum_info import SparsePauliOp

    return {"np": np, "QuantumCircuit": QuantumCircuit, "SparsePauliOp": SparsePauliOp}


def plan(lab: Lab, cell: str, **options: Any) -> Quote:
    return lab.plan(dedent(cell), name="t1", inputs=inputs(), **options)


def row(quote: Quote, step: str, backend: str) -> StepQuote:
    (found,) = [r for r in quote.steps if (r.step, r.backend) == (step, backend)]
    return found


def test_axes_are_spelled_out_and_nothing_is_printed(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = plan(lab, SWEEP, backend=["dev", "task"], shots=2000)
    assert quote.sentences["counts"] == (
        "delay 21 × qubit 3 × backend 2 = 126 circuits in 2 jobs"
    )
    assert quote.sentences["p1"] == "delay 21 × qubit 3 × backend 2 = 126 points"
    assert capsys.readouterr().out == ""
    assert lab.runs() == []


def test_device_time_and_cost_follow_their_formulas(lab: Lab) -> None:
    quote = plan(lab, SWEEP, backend="dev", shots=2000)
    found = row(quote, "counts", "dev")
    device = lab.backends.backend("dev")
    busy = 0.0
    for delay in np.linspace(0, 300e-6, 21):
        for qubit in range(3):
            qc = QuantumCircuit(1)
            qc.x(0)
            qc.delay(delay, 0, "s")
            qc.measure_all()
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Duration is rounded")
                isa = transpile(
                    qc, device, initial_layout=[qubit], scheduling_method="alap"
                )
            busy += 2000 * isa.estimate_duration(device.target)
    seconds = 2.0 + 126_000 * 250e-6 + busy
    assert found.device_s.value == pytest.approx(seconds, rel=1e-3)
    assert found.cost.value == pytest.approx(1.60 * seconds, rel=1e-3)
    assert found.cost.low == pytest.approx(1.28 * seconds, rel=1e-3)
    assert found.cost.high == pytest.approx(2.00 * seconds, rel=1e-3)
    assert (found.cost.how, found.cost.source, found.cost.dated) == (
        "1.60 USD a second",
        "a contract",
        "2026-10-01",
    )
    assert found.cost.bound == "estimate"
    assert (found.jobs.value, found.circuits.value, found.shots.value) == (
        1,
        63,
        126_000,
    )
    assert found.wait_s.value is None
    assert found.success.value is not None
    assert 0.5 < found.success.value < 1


def test_a_price_by_shots_is_exact(lab: Lab) -> None:
    found = row(plan(lab, SWEEP, backend="task", shots=1000), "counts", "task")
    assert found.cost.bound == "exact"
    assert found.cost.value == pytest.approx(0.3 + 63.0)
    assert str(found.cost) == "63.30 USD"


def test_a_simulation_with_a_price_is_quoted_as_what_it_stands_for(lab: Lab) -> None:
    price = Price("USD", per_second="1.60", job_s=2.0)
    lab.backends.add("twin", FakeManilaV2(), price=price)
    found = row(plan(lab, SWEEP, backend="twin", shots=1000), "counts", "twin")
    assert found.device_s.value is not None
    assert found.cost.value == pytest.approx(1.6 * found.device_s.value)
    assert found.device_s.value > 2 + 63_000 * 250e-6
    assert found.machine_s.value is not None
    assert found.machine_s.value > 0


def test_limits_of_a_backend_cut_jobs(lab: Lab) -> None:
    lab.backends.add(
        "small",
        Shotless(5, seed=2),
        price=Price("USD", per_job=1),
        limits=qf.Limits(circuits=10),
    )
    found = row(plan(lab, SWEEP, backend="small"), "counts", "small")
    assert (found.jobs.value, found.cost.value) == (7, 7.0)


def test_a_loop_is_bounded_by_its_calls_and_the_budget(lab: Lab) -> None:
    cell = LOOP.format(calls="(calls=7)")
    quote = plan(lab, cell, backend="dev", budget="20 USD")
    energy, after = row(quote, "energy", "dev"), row(quote, "after", "dev")
    assert str(energy.jobs) == "at most 7"
    assert str(energy.cost) == "unknown, at most 20.00 USD"
    assert energy.note == "its function asks backends while it runs"
    assert after.note == "it needs the result of 'energy'"
    assert "In all: unknown, at most the budget of 20 USD." in repr(quote)


def test_a_sum_with_an_unknown_part_is_at_least_what_is_sure(lab: Lab) -> None:
    cell = LOOP.format(calls="(calls=7)") + SWEEP
    (found,) = plan(lab, cell, backend="dev").totals
    assert str(found.jobs) == "at least 1"
    assert found.machine_s.value == 0


@pytest.mark.parametrize(
    ("shots", "one", "other"), [(10, "task", "dev"), (1000, "dev", "task")]
)
def test_who_is_chosen_among_several_is_said(
    lab: Lab, shots: int, one: str, other: str
) -> None:
    # On one 2 s a job, and for each shot 250 us and the delays, at 1.60 a second; on
    # the other 0.30 a job and 0.001 a shot: the same at 129 shots of a circuit.
    quote = plan(lab, SWEEP, among=["dev", "task"], policy="cheapest", shots=shots)
    assert f"{one} is chosen (cheapest); {other} would stand in." in repr(quote)
    assert {row.backend for row in quote.steps} == {"dev", "task"}


def test_history_tells_what_a_loop_asks(lab: Lab) -> None:
    cell = LOOP.format(calls="")
    lab.run(dedent(cell), name="t1", inputs=inputs(), backend="aer", shots=500)
    quote = plan(lab, cell, backend="dev", fresh=True)
    energy, after = row(quote, "energy", "dev"), row(quote, "after", "dev")
    assert (energy.jobs.value, energy.circuits.value) == (3, 3)
    assert energy.jobs.source == "earlier runs of this function"
    assert energy.jobs.bound == "estimate"
    assert (after.circuits.value, after.shots.value) == (1, 100)
    changed = cell.replace("(0.1, 0.2, 0.3)", "(0.1, 0.2, 0.3, 0.4)")
    quote = plan(lab, changed, backend="dev", fresh=True)
    assert row(quote, "energy", "dev").jobs.value is None
    assert row(quote, "after", "dev").circuits.value == 1


def test_shots_that_earlier_results_have_are_not_quoted(lab: Lab) -> None:
    cell = SWEEP.replace("21)", "1)").replace("[0, 1, 2]", "[0]")
    asked = {"inputs": inputs(), "backend": "fake_manila", "fresh": False}
    lab.run(dedent(cell), name="t1", shots=100, **asked)
    quote = plan(lab, cell, backend="fake_manila", shots=5000, fresh=False)
    run = lab.run(dedent(cell), name="t1", shots=5000, **asked)
    assert quote.steps[0].shots.value == run.jobs[-1]["shots"] == 4900


def test_what_is_kept_costs_nothing(lab: Lab) -> None:
    cell = SWEEP.replace("21)", "3)")
    lab.run(dedent(cell), name="t1", inputs=inputs(), backend="fake_manila", seed=7)
    quote = plan(lab, cell, backend="fake_manila")
    assert quote.steps[0].circuits.value == 9  # the seed that somebody gave is gone
    lab.run(dedent(cell), name="t1", inputs=inputs(), backend="fake_manila")
    again = plan(lab, cell, backend="fake_manila").steps[0]
    assert (again.circuits.value, again.machine_s.value) == (0, 0)
    assert again.note.startswith("kept · run 2")
    longer = plan(
        lab,
        SWEEP.replace("21)", "3)").replace("[0, 1, 2]", "[0, 1, 2, 3]"),
        backend="fake_manila",
    ).steps[0]
    assert longer.circuits.value == 3
    assert longer.note.startswith("9 points kept · run 2")
    fresh = plan(lab, cell, backend="fake_manila", fresh=True).steps[0]
    assert fresh.circuits.value == 9


def test_a_function_that_raises_is_told_and_the_rest_is_quoted(lab: Lab) -> None:
    cell = """
    @qf.sample(shots=100)
    def broken():
        raise LookupError("no data")

    @qf.sample(shots=100)
    def whole():
        qc = QuantumCircuit(1, 1)
        qc.measure(0, 0)
        return qc
    """
    quote = plan(lab, cell, backend="task")
    assert row(quote, "broken", "task").note == (
        "its function raises LookupError: no data"
    )
    assert row(quote, "whole", "task").cost.value == pytest.approx(0.4)
    (all_,) = quote.totals
    assert str(all_.cost) == "at least 0.40 USD"
    assert (
        "In all: the run would fail at 'broken'; without it: at least 0.40 USD."
    ) in repr(quote)


def test_a_circuit_that_a_device_cannot_hold_is_told(lab: Lab) -> None:
    cell = """
    @qf.sample(shots=100)
    def wide():
        qc = QuantumCircuit(6, 1)
        qc.measure(5, 0)
        return qc
    """
    quote = plan(lab, cell, backend="dev")
    assert "6 qubits" in quote.steps[0].note
    assert "the run would fail at 'wide'" in repr(quote)


@pytest.mark.parametrize(
    ("qubits", "shots", "why"),
    [
        (40, 100, "a statevector of 40 qubits needs 16 TiB"),
        (2, 10**9, "shots must be a whole number from 1 to 10000000"),
    ],
)
def test_what_a_simulator_would_refuse_is_told_as_a_run_that_fails(
    lab: Lab, qubits: int, shots: int, why: str
) -> None:
    cell = f"""
    @qf.sample(shots={shots})
    def big():
        qc = QuantumCircuit({qubits})
        qc.t(range({qubits}))
        qc.measure_all()
        return qc
    """
    quote = plan(lab, cell, backend="aer")
    (step,) = quote.steps
    assert step.fails
    assert why in step.note
    assert "In all: the run would fail at 'big'; without it: no money." in repr(quote)


def test_a_run_that_would_not_fail_is_quoted_without_a_doubt(lab: Lab) -> None:
    quote = plan(lab, SWEEP, backend="dev")
    assert not any(step.fails for step in quote.steps)
    assert "would fail" not in repr(quote)


def test_a_quote_ends_when_its_time_is_over(lab: Lab) -> None:
    quote = plan(lab, SWEEP, backend="dev", seconds=0.0)
    assert quote.steps[0].note == "there was no time to find out"


def test_a_device_without_a_price_says_so(lab: Lab) -> None:
    lab.backends.add("nobody", Shotless(5, seed=3))
    found = row(plan(lab, SWEEP, backend="nobody"), "counts", "nobody")
    assert str(found.cost) == "unknown"
    assert found.cost.how == "no price of it is known; see docs/prices.md"


def test_estimates_count_groups_and_precision(lab: Lab) -> None:
    cell = """
    @qf.estimate(precision=0.1)
    def energy():
        qc = QuantumCircuit(2)
        qc.h(0)
        return qc, SparsePauliOp(["ZZ", "XX", "ZI"])
    """
    found = row(plan(lab, cell, backend="task"), "energy", "task")
    assert (found.circuits.value, found.shots.value) == (2, 200)


def test_forms_tell_the_same_and_escape(lab: Lab) -> None:
    quote = plan(lab, SWEEP, backend=["dev", "task"], shots=2000)
    html = quote._repr_html_()
    assert "Where each figure comes from" in html
    assert "<details" in html
    assert "1.60 USD a second" in html
    assert "qubit 3 × backend 2" in repr(quote)
    document = json.loads(json.dumps(quote.document()))
    assert document["steps"][0]["cost"]["unit"] == "USD"


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure(None, None, None, "s"), "unknown"),
        (Figure(0.615, 0.565, 0.665, ""), "61.5 % (56.5-66.5)"),
        (Figure(7200.0, 7000.0, 7400.0, "s"), "2 h (7,000-7,400)"),
        (Figure(0.0004, 0.0003, 0.0005, "USD"), "0.0004 USD (0.0003-0.0005)"),
        (Figure(5, 0, 5, "jobs", bound="at most"), "at most 5"),
    ],
)
def test_figures_are_written_as_people_write_them(figure: Figure, text: str) -> None:
    assert str(figure) == text
