"""Checks of what happens in the middle of a circuit."""

from __future__ import annotations

from qiskit import QuantumCircuit

from quantumflow_lab.backends.conformance.bench import Bench, NoResult
from quantumflow_lab.backends.conformance.bounds import Tally
from quantumflow_lab.backends.conformance.finding import Answer, check, noted, skipped
from quantumflow_lab.backends.conformance.outcomes import BINOMIAL
from quantumflow_lab.errors import QuantumFlowError


@check(
    "Does a measurement in mid-circuit keep its outcome?",
    why="A later gate must not change a bit that was read before it.",
    decided=BINOMIAL,
    remedy="refuse such circuits, or measure where the circuit says so",
)
def mid_circuit(bench: Bench) -> Answer:
    """X, measured; X again, measured into another bit."""
    circuit = QuantumCircuit(1, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    return _certain(bench, [(circuit, 0b01)], "a measurement in mid-circuit was kept")


@check(
    "Does a gate under a condition run when the bit is set, and only then?",
    why="An ignored condition turns error correction into errors.",
    decided=BINOMIAL,
    remedy="run if_else, or leave it out of the target",
)
def conditional(bench: Bench) -> Answer:
    """X on one qubit if another was measured as 1; once as 1, once as 0."""
    if "if_else" not in bench.facts.operations:
        return noted("its target has no if_else: circuits with conditions are refused")
    if bench.width == 1:
        return skipped("a condition on another qubit needs two")
    return _certain(
        bench,
        [(_conditional(flipped=True), 0b11), (_conditional(flipped=False), 0b00)],
        "a gate ran under a set bit, and not under a clear one",
    )


@check(
    "Does reset give back a 0?",
    why="A reused qubit that is still 1 spoils all that follows.",
    decided=BINOMIAL,
    remedy="run reset, or leave it out of the target",
)
def reset(bench: Bench) -> Answer:
    """X, reset, measured."""
    if "reset" not in bench.facts.operations:
        return noted("its target has no reset: circuits with resets are refused")
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    return _certain(bench, [(circuit, 0b0)], "a flipped qubit was 0 after reset")


def _conditional(*, flipped: bool) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    if flipped:
        circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def _certain(
    bench: Bench, wanted: list[tuple[QuantumCircuit, int]], text: str
) -> Answer:
    """Compare circuits of one certain outcome; to refuse them is no fault."""
    try:
        counts = bench.counts([circuit for circuit, _ in wanted])
    except NoResult as none:
        if not isinstance(none.error, QuantumFlowError):
            raise
        return noted(f"refused: {none}")
    tally = Tally()
    for (circuit, outcome), found in zip(wanted, counts, strict=True):
        allowed = bench.allowance(circuit)
        label = f"outcome {outcome:0{circuit.num_clbits}b}"
        tally.expect(label, found[outcome], found.shots, 1, allowed)
    return tally.answer(text)
