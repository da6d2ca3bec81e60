"""Checks of outcomes: which bit is which, and how often."""

from __future__ import annotations

import math

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from quantumflow_lab.backends.conformance.bench import Bench
from quantumflow_lab.backends.conformance.bounds import Tally
from quantumflow_lab.backends.conformance.finding import Answer, check, skipped

BINOMIAL = "exact binomial bounds around reported errors, false alarm below 1e-6"

ANGLES = {"π/3": math.pi / 3, "π/2": math.pi / 2, "2π/3": 2 * math.pi / 3}
"""Angles of a turn, and so probabilities 1/4, 1/2 and 3/4."""


def pattern(width: int, bits: int) -> QuantumCircuit:
    """X on the qubits that are 1 in `bits`, all measured."""
    circuit = QuantumCircuit(width, width)
    for qubit in range(width):
        if bits >> qubit & 1:
            circuit.x(qubit)
    circuit.measure(range(width), range(width))
    return circuit


@check(
    "Is X on qubit k a 1 in bit k, and nowhere else?",
    why="Reversed or exchanged bits give plausible counts and wrong physics.",
    decided=BINOMIAL,
    remedy="bit 0 is the rightmost character; return keys in the order of clbits",
)
def bit_order(bench: Bench) -> Answer:
    """One X on each of up to five qubits in turn, on the qubits of that number."""
    width = bench.width
    if width == 1:
        return skipped("one qubit has no order")
    places = bench.places(*range(width))
    circuits = [pattern(width, 1 << qubit) for qubit in range(width)]
    tally = Tally()
    for place, found in enumerate(bench.counts(circuits, transpile=places)):
        allowed = bench.allowance(circuits[place], places)
        for bit in range(width):
            label = f"X on qubit {place}, bit {bit}"
            expected = float(bit == place)
            tally.expect(label, found.where(bit), found.shots, expected, allowed)
    return tally.answer(f"X on each of {width} qubits appeared in its bit alone")


@check(
    "Do classical registers and bits never measured keep their places?",
    why="A dropped bit shifts all others, and a register reads its neighbour's.",
    decided=BINOMIAL,
    remedy="write every classical bit of the circuit, 0 for one never measured",
)
def registers(bench: Bench) -> Answer:
    """Two registers with a gap, and qubits measured crosswise into one register."""
    first, second = ClassicalRegister(3, "first"), ClassicalRegister(2, "second")
    gaps = QuantumCircuit(QuantumRegister(1, "q"), first, second)
    gaps.x(0)
    gaps.measure(0, second[0])
    sparse = QuantumCircuit(1, 4)
    sparse.x(0)
    sparse.measure(0, 2)
    wanted = [(gaps, 0b01000), (sparse, 0b0100)]
    if bench.width > 1:
        crossed = QuantumCircuit(2, 3)
        crossed.x(0)
        crossed.measure([0, 1], [2, 0])
        wanted.append((crossed, 0b100))
    tally = Tally()
    counts = bench.counts([circuit for circuit, _ in wanted])
    for (circuit, outcome), found in zip(wanted, counts, strict=True):
        allowed = bench.allowance(circuit)
        label = f"outcome {outcome:0{circuit.num_clbits}b}"
        tally.expect(label, found[outcome], found.shots, 1, allowed)
    return tally.answer("registers and unmeasured bits stayed in their places")


@check(
    "Does X on every qubit give ones?",
    why="Some paths return zeros for whatever was not read, without an error.",
    decided=BINOMIAL,
    remedy="return counts of the measured bits; see that memory=True is not ignored",
)
def ones(bench: Bench) -> Answer:
    """X on up to five qubits, each bit looked at by itself."""
    width = bench.width
    circuit = pattern(width, 2**width - 1)
    (found,) = bench.counts([circuit])
    allowed = bench.allowance(circuit)
    tally = Tally()
    for bit in range(width):
        tally.expect(f"bit {bit}", found.where(bit), found.shots, 1, allowed)
    return tally.answer(f"X on {width} qubits gave ones")


@check(
    "Do turns by known angles give their probabilities?",
    why="A wrong unit or a half-angle survives every test with 0 and 1.",
    decided=BINOMIAL,
    remedy="turn |0> by RY(θ): the probability of 1 is sin²(θ/2)",
)
def angles(bench: Bench) -> Answer:
    """RX and RY at three angles, and RZ between two H."""
    tally = Tally()
    circuits, expected = [], []
    for name, angle in ANGLES.items():
        for axis in ("x", "y", "z"):
            circuit = QuantumCircuit(1, 1)
            if axis == "z":
                circuit.h(0)
            getattr(circuit, f"r{axis}")(angle, 0)
            if axis == "z":
                circuit.h(0)
            circuit.measure(0, 0)
            circuits.append(circuit)
            expected.append((f"R{axis.upper()}({name})", math.sin(angle / 2) ** 2))
    found = bench.counts(circuits)
    for circuit, (label, share), counts in zip(circuits, expected, found, strict=True):
        allowed = bench.allowance(circuit)
        tally.expect(label, counts[1], counts.shots, share, allowed)
    return tally.answer(
        f"RX, RY and RZ at {', '.join(ANGLES)}, {bench.shots} shots each"
    )


@check(
    "Are the halves of a Bell pair equal, and 0 as often as 1?",
    why="The first thing that needs two qubits to have met.",
    decided=BINOMIAL,
    remedy="check the two-qubit gate, its direction and its qubits",
)
def bell(bench: Bench) -> Answer:
    """H, CX, both measured."""
    if bench.width == 1:
        return skipped("a pair needs two qubits")
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    (found,) = bench.counts([circuit])
    allowed = bench.allowance(circuit)
    tally = Tally()
    tally.expect("equal bits", found[0] + found[3], found.shots, 1, allowed)
    tally.expect("outcome 11", found[3], found.shots, 0.5, allowed)
    equal = (found[0] + found[3]) / found.shots
    return tally.answer(f"equal bits in {equal:.1%} of the shots")
