"""What a person types, against what a person would type without the lab.

The naive side builds, transpiles and runs point by point; the lab's side is a cell of
the same physics. Both in one process, turn by turn, the lab warm.
"""

from __future__ import annotations

import tempfile
from textwrap import dedent
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from benchmarks.row import Row, ratio
from quantumflow_lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RABI = """
    from qiskit import QuantumCircuit
    theta = qf.axis(angles)

    @qf.circuit
    def pulse(theta):
        qc = QuantumCircuit(2)
        qc.rx(theta, 0)
        qc.cx(0, 1)
        qc.measure_all()
        return qc

    @qf.sample(shots=1024)
    def counts(pulse):
        return pulse
    """
LOOP = """
    @qf.step
    def energies(estimator):
        return [
            float(estimator.run([(ansatz, ising, x)]).result()[0].data.evs)
            for x in points
        ]
    """
POPULATION = """
    @qf.step
    def energies(estimator):
        (result,) = estimator.run([(ansatz, ising, points)]).result()
        return result.data.evs
    """
ISING = SparsePauliOp.from_sparse_list(
    [("ZZ", [i, i + 1], 1.0) for i in range(4)] + [("X", [i], 0.7) for i in range(5)],
    num_qubits=5,
)
ANSATZ = efficient_su2(5, reps=2)


def measure(*, turns: int = 3, points: int = 200, calls: int = 100) -> Iterator[Row]:
    """Ratios of the naive time to the lab's, over a few turns."""
    angles = np.linspace(0, np.pi, points).tolist()
    values = np.random.default_rng(1).uniform(-1, 1, (calls, ANSATZ.num_parameters))
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        try:
            lab.run(dedent(RABI), name="warm", inputs={"angles": angles[:2]})
            yield _ratio(
                f"Rabi of 2 qubits, {points} points on Aer, as a cell",
                lambda: _naive_rabi(angles),
                lambda: _cell(lab, RABI, {"angles": angles}),
                turns,
                gate=60,
                stretch=100,
            )
            inputs = {"ansatz": ANSATZ, "ising": ISING, "points": values}
            yield _ratio(
                f"VQE loop, {calls} evaluations one by one, as a cell",
                lambda: _naive_loop(values),
                lambda: _cell(lab, LOOP, inputs),
                turns,
                gate=10,
                stretch=14,
            )
            yield _ratio(
                f"VQE, a population of {calls} parameter sets in one call, as a cell",
                lambda: _naive_loop(values),
                lambda: _cell(lab, POPULATION, inputs),
                turns,
                gate=60,
                stretch=100,
            )
        finally:
            lab.close()


def _ratio(
    what: str,
    naive: Callable[[], object],
    ours: Callable[[], object],
    turns: int,
    *,
    gate: float,
    stretch: float,
) -> Row:
    pairs = [(_timed(naive), _timed(ours)) for _ in range(turns)]
    return ratio(
        what,
        ours=[pair[1] for pair in pairs],
        against="build, transpile, run",
        theirs=[pair[0] for pair in pairs],
        gate=gate,
        stretch=stretch,
    )


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _cell(lab: Lab, cell: str, inputs: dict[str, Any]) -> None:
    run = lab.run(
        dedent(cell), name="bench", precision=0, seed=1, inputs=inputs, fresh=True
    )
    run.raise_failure()


def _naive_rabi(angles: list[float]) -> None:
    simulator = AerSimulator()
    for angle in angles:
        qc = QuantumCircuit(2)
        qc.rx(angle, 0)
        qc.cx(0, 1)
        qc.measure_all()
        isa = transpile(qc, simulator)
        simulator.run(isa, shots=1024).result().get_counts()


def _naive_loop(values: Any) -> None:
    simulator, estimator = AerSimulator(), EstimatorV2()
    for x in values:
        isa = transpile(ANSATZ, simulator)
        observable = ISING.apply_layout(isa.layout)
        estimator.run([(isa, observable, x)]).result()
