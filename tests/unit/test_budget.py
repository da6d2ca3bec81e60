"""The cap during: what is kept back before a submit, and what a run may cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Gate, Parameter
from qiskit.circuit.library import (
    CXGate,
    Measure,
    RZGate,
    SXGate,
    UnitaryGate,
    XGate,
)
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import quantumflow_lab as qf
from quantumflow_lab import Lab, Price, Run
from quantumflow_lab.emulate.ibm import service
from quantumflow_lab.errors import (
    BackendFailed,
    BadOption,
    BudgetNeeded,
    BudgetReached,
    PriceUnknown,
)
from quantumflow_lab.grid import Failed
from quantumflow_lab.quote import Quote
from tests.unit.devices import Device
from tests.unit.test_emulated_faults import account

X_S, READ_S, REP_S = 50e-9, 1e-6, 250e-6


class Timed(Device):
    """A device that tells how long its gates take."""

    default_rep_delay = REP_S

    def __init__(self, name: str, **options: Any):
        super().__init__(name, **options)
        target = Target(num_qubits=2, dt=1e-9)
        for gate in (SXGate(), XGate(), RZGate(Parameter("t"))):
            times = InstructionProperties(X_S if gate.name != "rz" else 0.0, 1e-3)
            target.add_instruction(gate, {(q,): times for q in range(2)})
        read = InstructionProperties(READ_S, 1e-2)
        target.add_instruction(Measure(), {(q,): read for q in range(2)})
        target.add_instruction(CXGate(), {(0, 1): InstructionProperties(3e-7, 1e-2)})
        target.add_instruction(Delay(Parameter("d")), {(0,): None, (1,): None})
        self._target = target


SWEEP = """
@qf.sample(shots=SHOTS)
def counts(wait):
    qc = QuantumCircuit(1, 1)
    qc.x(0)
    qc.delay(wait, 0, "us")
    qc.measure(0, 0)
    return qc

@qf.step
def ones(counts):
    return counts.data.c.get_int_counts().get(1, 0)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def run(lab: Lab, *, waits: Sequence[int], shots: int = 1000, **options: Any) -> Run:
    cell = f"wait = qf.axis({waits})\n{SWEEP.replace('SHOTS', str(shots))}"
    names = {"QuantumCircuit": QuantumCircuit}
    return lab.run(cell, name="work", inputs=names, background=True, **options)


def expected_s(
    waits: list[int], shots: int, jobs: int = 1, job_s: float = 2.0
) -> float:
    each = REP_S + X_S + READ_S
    return jobs * job_s + sum(shots * (each + wait * 1e-6) for wait in waits)


def costs(lab: Lab) -> list[Any]:
    table = lab.sql("SELECT state, cost, currency FROM qf_jobs ORDER BY submitted, job")
    return [tuple(row.values()) for row in table.to_pylist()]


def test_time_is_billed_as_it_was_expected(lab: Lab) -> None:
    lab.backends.add("dev", Timed("dev"), price=Price("USD", per_second=1, job_s=2.0))
    waits = [0, 100, 200]
    done = run(lab, waits=waits, backend="dev", budget="10 USD").wait()
    assert done.state == "done"
    ((state, cost, currency),) = costs(lab)
    assert (state, currency) == ("settled", "USD")
    assert cost == pytest.approx(expected_s(waits, 1000))


def test_a_job_that_might_pass_the_budget_is_not_sent(lab: Lab) -> None:
    device = Timed("dev")
    lab.backends.add("dev", device, price=Price("USD", per_second=1, job_s=2.0))
    # 1 s kept back, 2 s of the job and what three points take, each with a quarter.
    most = 1 + 1.25 * expected_s([0, 100, 200], 1000)
    short = run(
        lab, waits=[0, 100, 200], backend="dev", budget=f"{most - 1e-3:.6f} USD"
    )
    with pytest.raises(BudgetReached):
        short.wait().raise_failure()
    assert device.jobs == []
    assert short.state == lab.load("work").state == "paused"
    assert "‖ paused" in short._repr_html_()
    enough = run(
        lab, waits=[0, 100, 200], backend="dev", budget=f"{most + 1e-3:.6f} USD"
    )
    assert enough.wait().state == "done"
    assert device.jobs == [3]


def test_seconds_of_a_device_are_a_budget_too(lab: Lab) -> None:
    device = Timed("dev")
    lab.backends.add("dev", device, price=Price("USD", per_shot=100, job_s=2.0))
    done = run(lab, waits=[0, 100], backend="dev", budget="30 s").wait()
    assert done.snapshot()["cost"]["money"].endswith("s of 30 s")
    ((_, cost, currency),) = costs(lab)
    assert (cost, currency) == (pytest.approx(expected_s([0, 100], 1000)), "s")
    with pytest.raises(BudgetReached):
        run(
            lab, waits=[0, 100], backend="dev", budget="3 s", fresh=True
        ).wait().raise_failure()


def test_a_budget_in_seconds_holds_on_a_simulated_twin_with_a_price(lab: Lab) -> None:
    """As the page on paid devices has it."""
    price = Price("USD", per_second="1.60", job_s=2.0, rep_delay_s=REP_S)
    lab.backends.add("manila", FakeManilaV2(), price=price)
    done = run(lab, waits=[0, 100], backend="manila", budget="2 min").wait()
    assert done.state == "done"
    ((_, cost, currency),) = costs(lab)
    assert currency == "s"
    assert 2 + 2000 * REP_S < cost < 5
    short = run(lab, waits=[0], backend="manila", budget="1 s", fresh=True).wait()
    assert short.state == "paused"


def test_seconds_of_what_tells_no_durations_are_refused(lab: Lab) -> None:
    lab.backends.add("dear", AerSimulator(), price=Price("USD", per_shot="0.01"))
    with pytest.raises(PriceUnknown) as refused:
        run(lab, waits=[0], backend="dear", budget="30 s").wait().raise_failure()
    assert str(refused.value).partition("\n")[0] == (
        "a budget in s cannot be kept: the target of 'dear' does not tell how long "
        "circuits take; write --budget in USD, in which its price is"
    )
    done = run(lab, waits=[0], backend="dear", budget="30 USD").wait()
    assert done.state == "done"


def test_a_simulator_without_a_price_takes_no_seconds_of_a_device(lab: Lab) -> None:
    done = run(lab, waits=[0], backend="fake_manila", budget="1 s").wait()
    assert done.state == "done"
    assert [cost for _, cost, _ in costs(lab)] == [0.0]


def test_gates_are_billed_by_the_circuits_as_they_run(lab: Lab) -> None:
    price = Price("HQC", per_circuit=5, per_one_qubit="0.0002", per_measured="0.001")
    lab.backends.add("dev", Timed("dev"), price=price)
    run(lab, waits=[0, 1], shots=500, backend="dev", budget="100 HQC").wait()
    ((_, cost, _),) = costs(lab)
    assert cost == pytest.approx(2 * (5 + 500 * 0.0002 + 500 * 0.001))


def test_where_no_durations_are_known_a_budget_cannot_be_kept(lab: Lab) -> None:
    lab.backends.add("dev", Device("dev"), price=Price("USD", per_second=1))
    cell = """
    @qf.sample(shots=100)
    def counts():
        qc = QuantumCircuit(1, 1)
        qc.measure(0, 0)
        return qc
    """
    names = {"QuantumCircuit": QuantumCircuit}
    with pytest.raises(PriceUnknown, match="'dev' is billed by time, and its target"):
        lab.run(
            dedent(cell), name="w", inputs=names, backend="dev", budget="9 USD"
        ).raise_failure()


def test_a_circuit_that_cannot_be_made_ready_fails_alone(lab: Lab) -> None:
    lab.backends.add("dev", Timed("dev"), price=Price("USD", per_second=1, job_s=2.0))
    cell = """
    first = qf.axis([0, 1])

    @qf.sample(shots=100, transpile={"layout_method": "trivial"})
    def counts(first):
        qc = QuantumCircuit(2, 1)
        qc.append(UnitaryGate(np.eye(2)) if first else Gate("own", 1, []), [0])
        qc.measure(0, 0)
        return qc
    """
    names = {
        "QuantumCircuit": QuantumCircuit,
        "Gate": Gate,
        "UnitaryGate": UnitaryGate,
        "np": np,
    }
    made = lab.run(dedent(cell), name="w", inputs=names, backend="dev", budget="90 USD")
    refused, taken = made["counts"]
    assert isinstance(refused, Failed)
    assert refused.reason == "CircuitRefused"
    assert taken.data.c.num_shots == 100


LOOP = """
@qf.step(calls=50)
def best(sampler):
    found = []
    for wait in range(20):
        qc = QuantumCircuit(1, 1)
        qc.x(0)
        qc.delay(wait, 0, "us")
        qc.measure(0, 0)
        found.append(sampler.run([qc], shots=1000).result()[0].data.c.num_shots)
    return found
"""


def test_a_loop_is_billed_call_by_call_and_stops_in_time(lab: Lab) -> None:
    device = Timed("dev")
    lab.backends.add("dev", device, price=Price("USD", per_second=1, job_s=2.0))
    names = {"QuantumCircuit": QuantumCircuit}
    with pytest.raises(BudgetReached):
        lab.run(
            LOOP, name="loop", inputs=names, backend="dev", budget="12 USD"
        ).raise_failure()
    spent = sum(cost for _, cost, _ in costs(lab))
    assert spent == pytest.approx(
        sum(expected_s([wait], 1000) for wait in range(len(device.jobs)))
    )
    assert 12 - 2 * expected_s([20], 1000) - 2 < spent <= 12


def test_ibm_is_told_when_to_stop_and_bills_what_it_says(tmp_path: Path) -> None:
    """The unmodified client on the emulated service, priced by the table."""
    with service() as ibm:
        lab = Lab(tmp_path)
        lab.backends.add("ibm", account(ibm.url))
        price = lab.backends.facts("ibm").price
        assert price is not None
        assert price.per_second == Decimal("1.60")
        done = run(lab, waits=[0, 1], shots=2000, backend="ibm", budget="60 USD").wait()
        assert done.state == "done"
        (job,) = ibm.taken.values()
        assert job.posted["cost"] == 4  # of 2 s and 4,000 shots
        ((_, cost, _),) = costs(lab)
        assert cost == pytest.approx(1.60 * job.usage)
        assert job.usage == pytest.approx(2 + 4000 * 0.00035)
        lab.close()


def test_what_ibm_stops_costs_no_more_than_was_kept_back(tmp_path: Path) -> None:
    """The service takes a third longer for a shot than was forecast."""
    with service() as ibm:
        lab = Lab(tmp_path)
        lab.backends.add("ibm", account(ibm.url))
        budget = 80.0
        made = run(lab, waits=[0], shots=100_000, backend="ibm", budget=f"{budget} USD")
        with pytest.raises(BackendFailed, match="1305"):
            made.wait().raise_failure()
        (job,) = ibm.taken.values()
        assert job.code == 1305
        assert 1.60 * job.usage <= budget
        spent = sum(Decimal(str(cost)) for _, cost, _ in costs(lab))
        assert Decimal("1.60") * Decimal(str(job.usage)) <= spent <= Decimal(budget)
        lab.close()


# --- without a budget ----------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab whose settings say nothing of budgets."""
    monkeypatch.delenv("QFLOW_BUDGET")
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def test_a_paid_run_without_a_budget_stops_at_its_quote(bare: Lab) -> None:
    device = Timed("dev")
    bare.backends.add("dev", device, price=Price("USD", per_second=1, job_s=2.0))
    with pytest.raises(BudgetNeeded) as stopped:
        run(bare, waits=[0, 100], backend="dev")
    seconds = expected_s([0, 100], 1000)
    low, high = seconds / 1.25, seconds * 1.25
    assert str(stopped.value) == (
        f"'work' would cost {seconds:.2f} USD ({low:.2f}-{high:.2f})"
        " on 'dev'; write %%qflow work --budget \"4.3 USD\" for the most that it may "
        'cost, or "unlimited"'
    )
    assert isinstance(stopped.value.quote, Quote)
    assert device.jobs == []
    assert bare.runs() == []
    assert (
        run(bare, waits=[0, 100], backend="dev", budget="9 USD").wait().state == "done"
    )
    # What is kept costs nothing, so that nobody has to be asked.
    assert run(bare, waits=[0, 100], backend="dev").wait().state == "done"
    assert device.jobs == [2]


PRICED = {
    "jobs and shots": Price("USD", per_job="0.30", per_shot="0.00145"),
    "circuits": Price("USD", per_job="0.07", per_circuit="0.0123456789"),
    "seconds": Price("USD", per_second="1.60", job_s=2.0, rep_delay_s=250e-6),
    "hours, in steps": Price("USD", per_hour=4000, step_s="0.25", least_s=1),
    "gates": Price("USD", per_one_qubit="0.000333", per_two_qubit=1, per_measured=2e-7),
    "all": Price("EUR", per_job=1, per_shot="1e-7", per_second=3, per_one_qubit="1e-9"),
}


@pytest.mark.parametrize("policy", ["balanced", "fastest"])
@pytest.mark.parametrize("backend", ["dev", "twin"])
@pytest.mark.parametrize("priced", PRICED)
def test_the_budget_that_is_advised_is_enough(
    bare: Lab, priced: str, backend: str, policy: str
) -> None:
    device = Timed("dev") if backend == "dev" else FakeManilaV2()
    bare.backends.add(backend, device, price=PRICED[priced])
    asked: dict[str, Any] = {"waits": range(12), "backend": backend, "policy": policy}
    with pytest.raises(BudgetNeeded) as stopped:
        run(bare, **asked)
    advised = re.search(r'--budget "([^"]+)" for the most', str(stopped.value))
    assert advised is not None
    said = f'A budget that suffices: --budget "{advised[1]}".'
    assert said in str(stopped.value.quote)
    done = run(bare, budget=advised[1], **asked).wait()
    done.raise_failure()
    assert done.state == "done"
    jobs = costs(bare)
    assert 0 < sum(cost for _, cost, _ in jobs) <= float(advised[1].split()[0])
    assert policy == "fastest" or len(jobs) == 1


@pytest.mark.parametrize("limit", [100, 5])
def test_a_little_less_than_what_is_kept_back_is_not_enough(
    bare: Lab, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is advised is what the scheduler keeps back, not some more."""
    monkeypatch.setattr(Timed, "max_circuits", limit)
    price = Price("USD", per_job="0.30", per_shot="0.001")
    bare.backends.add("dev", Timed("dev"), price=price)
    asked: dict[str, Any] = {"waits": range(12), "shots": 100, "backend": "dev"}
    jobs = -(-12 // limit)
    with pytest.raises(BudgetNeeded) as stopped:
        run(bare, **asked)
    most = 1.2 + jobs * 0.30
    assert f'--budget "{most:.1f} USD" for the most' in str(stopped.value)
    assert stopped.value.quote.steps[0].most.value == pytest.approx(most)
    short = run(bare, budget=f"{most - 0.01:.2f} USD", **asked).wait()
    assert short.state == "paused"
    done = run(bare, budget=f"{most:.1f} USD", fresh=True, **asked).wait()
    assert done.state == "done"


def test_unlimited_is_a_word_too(bare: Lab) -> None:
    bare.backends.add("dev", Timed("dev"), price=Price("USD", per_shot=1))
    done = run(bare, waits=[0], shots=10, backend="dev", budget="unlimited").wait()
    assert done.state == "done"
    assert done.snapshot()["cost"]["money"] == "10 USD"
    assert bare.load("work").snapshot()["cost"]["money"] == "10 USD"


def test_settings_may_have_a_budget_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_BUDGET", "5 USD")
    lab = Lab(tmp_path)
    lab.backends.add("dev", Timed("dev"), price=Price("USD", per_shot=1))
    with pytest.raises(BudgetReached, match="of the budget of 5 USD is left"):
        run(lab, waits=[0], shots=10, backend="dev").wait().raise_failure()
    assert run(lab, waits=[0], shots=5, backend="dev").wait().state == "done"
    lab.close()


def test_a_cloud_without_a_known_price_is_billed_all_the_same(
    bare: Lab, tmp_path: Path
) -> None:
    """A row of a table without rates: only the contract has them."""
    kind = f"{Timed.__module__.partition('.')[0]}:Timed"
    (tmp_path / "prices.toml").write_text(
        f'[[price]]\nname = "own"\nprovider = "Own"\nbackend = "{kind}"\n'
    )
    bare.backends.add("dev", Timed("dev"))
    with pytest.raises(BudgetNeeded, match="cost nobody knows how much on 'dev'"):
        run(bare, waits=[0], backend="dev")
    free = Price("USD")
    bare.backends.add("dev", Timed("dev"), price=free)
    assert run(bare, waits=[0], backend="dev").wait().state == "done"


def test_a_sampler_of_a_paid_device_needs_a_budget_as_well(bare: Lab) -> None:
    bare.backends.add("dev", Timed("dev"), price=Price("USD", per_shot="0.01"))
    qc = QuantumCircuit(1, 1)
    qc.measure(0, 0)
    message = r"lab\.sampler\('dev', budget=\"20 USD\"\) for the most"
    with pytest.raises(BudgetNeeded, match=message):
        bare.sampler("dev")
    with pytest.raises(BudgetNeeded, match=r"of 'dev' cost 0\.01 USD a shot"):
        bare.estimator("dev")
    sampler = bare.sampler("dev", budget="1 USD")
    assert sampler.run([qc], shots=10).result()[0].data.c.num_shots == 10


def test_simulators_and_devices_of_ones_own_never_stop(bare: Lab) -> None:
    bare.backends.add("own", Timed("own"))
    for backend in ("fake_manila", "own"):
        cell = SWEEP.replace("SHOTS", "10").replace('qc.delay(wait, 0, "us")', "")
        names = {"QuantumCircuit": QuantumCircuit}
        text = f"wait = qf.axis([0])\n{cell}"
        assert (
            bare.run(text, name=backend, inputs=names, backend=backend).state == "done"
        )


# --- a larger budget -----------------------------------------------------------------


def test_a_loop_that_ran_out_of_money_goes_on_with_more(lab: Lab) -> None:
    device = Timed("dev")
    lab.backends.add("dev", device, price=Price("USD", per_second=1, job_s=2.0))
    names = {"QuantumCircuit": QuantumCircuit}
    made = lab.run(LOOP, name="loop", inputs=names, backend="dev", budget="12 USD")
    with pytest.raises(BudgetReached) as short:
        made.raise_failure()
    line = str(short.value).partition("to go on type ")[2]
    assert line == '%qflow resume loop --budget "13 USD", or more'
    before = len(device.jobs)
    assert 0 < before < 20
    more = lab.resume("loop", inputs=names, budget="90 USD")
    assert more.state == "done"
    assert more["best"] == [1000] * 20
    assert len(device.jobs) == 20  # nothing was bought twice
    spent = sum(cost for _, cost, _ in costs(lab))
    assert spent == pytest.approx(sum(expected_s([wait], 1000) for wait in range(20)))
    assert (
        more.snapshot()["cost"]["money"]
        == f"{spent:.4f}".rstrip("0") + " USD of 90 USD"
    )


def test_points_that_ran_out_of_money_go_on_with_more(tmp_path: Path) -> None:
    limits, device = qf.Limits(open_jobs=1, circuits=1), Timed("dev")

    def opened() -> Lab:
        lab = Lab(tmp_path)
        price = Price("USD", per_shot="0.01")
        lab.backends.add("dev", device, price=price, limits=limits)
        return lab

    lab = opened()
    run(lab, waits=[0, 1, 2, 3], shots=100, backend="dev", budget="2.5 USD").wait()
    assert len(device.jobs) == 2
    lab.close()
    lab = opened()
    names = {"QuantumCircuit": QuantumCircuit}
    # What was spent counts: 2 USD of 3 leave room for one more.
    assert lab.resume("work", inputs=names, budget="3 USD").state == "paused"
    assert len(device.jobs) == 3
    assert lab.resume("work", inputs=names, budget="4 USD").state == "done"
    assert len(device.jobs) == 4
    assert list(lab.load("work")["ones"]) == [100] * 4
    lab.close()


def test_a_budget_of_a_resume_that_is_none_is_refused(lab: Lab) -> None:
    lab.backends.add("dev", Timed("dev"), price=Price("USD", per_shot=1))
    names = {"QuantumCircuit": QuantumCircuit}
    run(lab, waits=[0], shots=10, backend="dev", budget="5 USD").wait()
    with pytest.raises(BadOption, match="budget must be money such as '20 USD'"):
        lab.resume("work", inputs=names, budget="plenty")
    assert lab.resume("work", inputs=names, budget="10 USD").state == "done"
