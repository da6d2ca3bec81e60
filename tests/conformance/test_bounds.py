"""False alarms are rarer than promised, and wrong devices do not slip through."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate, Measure, XGate
from qiskit.transpiler import InstructionProperties, Target
from scipy.stats import binom

from quantumflow_lab.backends.conformance import Verdict
from quantumflow_lab.backends.conformance.allowance import allowance
from quantumflow_lab.backends.conformance.bounds import Tally


def fails(hits: int, shots: int, probability: float, allowed: float, of: int) -> bool:
    """Whether one count of `of` comparisons, the others perfect, fails the check."""
    tally = Tally()
    tally.expect("it", hits, shots, probability, allowed)
    for _ in range(of - 1):
        tally.expect("another", shots, shots, 1.0, 0.0)
    return tally.answer("fine").verdict is Verdict.FAIL


def chance_of_failing(truth: float, probability: float, allowed: float) -> float:
    """Exact, over every count of 1000 shots, in a check of 10 comparisons."""
    return float(
        sum(
            binom.pmf(hits, 1000, truth)
            for hits in range(1001)
            if fails(hits, 1000, probability, allowed, of=10)
        )
    )


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("allowed", [0.0, 0.05, 0.4])
def test_a_right_device_at_the_edge_of_its_noise_passes(probability, allowed):
    for truth in (max(0, probability - allowed), min(1, probability + allowed)):
        assert chance_of_failing(truth, probability, allowed) < 1e-7


@pytest.mark.parametrize(
    ("truth", "probability", "allowed"),
    [(0.0, 1.0, 0.4), (1.0, 0.0, 0.4), (0.5, 1.0, 0.2), (0.75, 0.25, 0.2)],
    ids=["zeros", "ones", "a coin", "the other angle"],
)
def test_a_wrong_device_fails(truth, probability, allowed):
    assert chance_of_failing(truth, probability, allowed) > 1 - 1e-9


def test_the_bound_is_the_last_count_less_likely_than_one_in_two_million():
    # binom.cdf(422, 1000, 1/2) = 4.5e-7, binom.cdf(423, 1000, 1/2) = 6.2e-7
    assert fails(422, 1000, 0.5, 0.0, of=1)
    assert not fails(423, 1000, 0.5, 0.0, of=1)
    assert fails(578, 1000, 0.5, 0.0, of=1)
    assert not fails(577, 1000, 0.5, 0.0, of=1)


def test_one_wrong_shot_of_an_ideal_device_is_a_fault():
    assert fails(999, 1000, 1.0, 0.0, of=1)
    assert not fails(1000, 1000, 1.0, 0.0, of=1)


def test_the_allowance_is_made_of_reported_errors():
    target = Target(num_qubits=2)
    known = InstructionProperties
    target.add_instruction(XGate(), {(0,): known(error=0.001), (1,): None})
    target.add_instruction(CXGate(), {(0, 1): known(error=0.01)})
    target.add_instruction(Measure(), {(0,): known(error=0.02), (1,): None})
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.x(1)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    # Twice the sum; qubit 1 reports nothing: 0.001 for its gate, 0.03 for its readout.
    wanted = 0.01 + 2 * (0.001 + 0.001 + 0.01 + 0.02 + 0.03)
    assert allowance(circuit, target) == pytest.approx(wanted)


def test_the_allowance_never_hides_everything():
    circuit = QuantumCircuit(1, 1)
    for _ in range(1000):
        circuit.x(0)
    target = Target(num_qubits=1)
    target.add_instruction(XGate(), {(0,): InstructionProperties(error=0.5)})
    assert allowance(circuit, target) == 0.4
