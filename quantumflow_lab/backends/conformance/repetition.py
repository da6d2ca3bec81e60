"""Checks of seeds and batches: what repeats, and what must not."""

from __future__ import annotations

from qiskit import QuantumCircuit

from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.conformance.bench import SEED, Bench, Counts
from quantumflow_lab.backends.conformance.bounds import Tally
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    check,
    failed,
    noted,
    passed,
)
from quantumflow_lab.backends.conformance.outcomes import BINOMIAL, pattern

COINS = 6
"""Circuits of a batch: the counts of all agree by chance in less than 1 of 1e9."""

BY_CHANCE = "equality of 6 counts of 1000 shots, by chance below 1e-9"


def coin(width: int) -> QuantumCircuit:
    """H on each qubit, so that equal counts are no accident."""
    circuit = QuantumCircuit(width, width)
    circuit.h(range(width))
    circuit.measure(range(width), range(width))
    return circuit


def toss(bench: Bench, seed: int | None) -> list[Counts]:
    """Counts of a batch of equal circuits."""
    return bench.counts([coin(min(bench.width, 3))] * COINS, seed=seed)


@check(
    "Does a job without a seed run, and differently each time?",
    why="Equal counts where independent ones were asked for make errors look small.",
    decided=BY_CHANCE,
    remedy="draw a fresh seed for each run() without seed_simulator",
)
def unseeded(bench: Bench) -> Answer:
    """Two jobs, and the circuits of each, against one another."""
    first, second = toss(bench, None), toss(bench, None)
    if first == second:
        return failed("two jobs without a seed gave the same counts")
    if all(counts == first[0] for counts in first):
        return failed(f"{COINS} equal circuits of one job gave the same counts")
    return passed("two jobs, and the circuits of each, were independent")


@check(
    "Do equal seeds give equal counts, and different seeds different ones?",
    why="A run is repeated by its seed.",
    decided=BY_CHANCE,
    remedy="pass seed_simulator on to the simulator",
)
def seeds(bench: Bench) -> Answer:
    """The same seed twice, then another."""
    if not RunAdapter(bench.backend).takes_seed:
        return noted("it has no option seed_simulator: a run cannot be repeated")
    first, again = toss(bench, SEED), toss(bench, SEED)
    if first != again:
        return failed("the same seed gave different counts: it is ignored")
    if first == toss(bench, SEED + 1):
        return failed("different seeds gave the same counts: the seed is ignored")
    return passed("equal seeds gave equal counts, another seed different ones")


@check(
    "Do the results of a batch stand in the order of its circuits?",
    why="A sweep whose points are exchanged still looks like a sweep.",
    decided=BINOMIAL,
    remedy="return results in the order of the list given to run()",
    needs=("answers", "shots", "unseeded"),
)
def batch_order(bench: Bench) -> Answer:
    """As many bit patterns as there are, in one batch without a seed."""
    width = min(bench.width, 3)
    circuits = [pattern(width, bits) for bits in range(2**width)]
    tally = Tally()
    for bits, found in enumerate(bench.counts(circuits, seed=None)):
        allowed = bench.allowance(circuits[bits])
        for bit in range(width):
            expected = float(bits >> bit & 1)
            label = f"circuit {bits}, bit {bit}"
            tally.expect(label, found.where(bit), found.shots, expected, allowed)
    return tally.answer(f"{len(circuits)} circuits came back in their order")


@check(
    "Does a seeded batch give what its circuits give one by one?",
    why="Putting points into one job must not change their counts.",
    decided=BY_CHANCE,
    remedy="run circuit i of a batch with seed_simulator + 2113·i, as Aer does",
    needs=("answers", "shots", "seeds"),
)
def batch_seeds(bench: Bench) -> Answer:
    """A seeded batch against single jobs at its places in the sequence of seeds."""
    adapter = RunAdapter(bench.backend)
    if not adapter.batches_seeds:
        return noted("it claims no rule for seeds of a batch: seeded circuits go alone")
    batch = toss(bench, SEED)
    circuit = coin(min(bench.width, 3))
    for index, counts in enumerate(batch):
        (alone,) = bench.counts([circuit], seed=SEED, index=index)
        if alone != counts:
            return failed(f"circuit {index} of a batch differs from the same alone")
    return passed(
        f"{COINS} circuits of {bench.shots} shots: the same in a batch and alone"
    )
