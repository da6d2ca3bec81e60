"""Points so heavy that there is nothing to save: the lab must not be in the way.

QAOA for MaxCut on a ring of 12, two layers, depolarizing noise, on Aer. Each point
takes the better part of a second; both sides may use all processors.
"""

from __future__ import annotations

import tempfile
from functools import partial
from textwrap import dedent
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from benchmarks.row import Row
from quantumflow_lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NODES, SHOTS = 12, 1024
CELL = """
    angles = qf.axis(points)

    @qf.circuit
    def state(angles):
        return qaoa(*angles)

    @qf.sample(shots=1024)
    def cuts(state):
        return state
    """


def measure(*, turns: int = 5, points: int = 4) -> Iterator[Row]:
    """Time of the cell over time of the loop, turn by turn."""
    rng = np.random.default_rng(3)
    backend = AerSimulator(noise_model=_noise())
    over = []
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        try:
            _cell(lab, backend, rng.uniform(0, np.pi, (1, 4)))
            for turn in range(turns):
                # Other angles in each turn, and each side first in its turn.
                values = rng.uniform(0, np.pi, (points, 4))
                sides: list[Callable[[], object]] = [
                    partial(_cell, lab, backend, values),
                    partial(_loop, backend, values),
                ]
                order = (0, 1) if turn % 2 else (1, 0)
                taken = {i: _timed(sides[i]) for i in order}
                over.append(taken[0] / taken[1])
        finally:
            lab.close()
    yield Row(
        what=f"noisy QAOA of {NODES} qubits, {points} points on Aer, as a cell",
        against="build, transpile, run",
        value=float(np.median(over)),
        low=min(over),
        high=max(over),
        unit="×",
        better="lower",
        gate=1.05,
        stretch=1.02,
    )


def qaoa(gamma: float, beta: float, gamma2: float, beta2: float) -> QuantumCircuit:
    """Two layers on a ring, measured."""
    circuit = QuantumCircuit(NODES)
    circuit.h(range(NODES))
    for cost, mixer in ((gamma, beta), (gamma2, beta2)):
        for node in range(NODES):
            circuit.rzz(cost, node, (node + 1) % NODES)
        circuit.rx(2 * mixer, range(NODES))
    circuit.measure_all()
    return circuit


def _noise() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.001, 1), ["rx", "h"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["rzz"])
    return model


def _cell(lab: Lab, backend: AerSimulator, values: Any) -> None:
    run = lab.run(
        dedent(CELL),
        name="heavy",
        backend=backend,
        inputs={"points": values.tolist(), "qaoa": qaoa},
    )
    run.raise_failure()


def _loop(backend: AerSimulator, values: Any) -> None:
    for angles in values:
        circuit = transpile(qaoa(*map(float, angles)), backend, optimization_level=1)
        backend.run(circuit, shots=SHOTS).result().get_counts()


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
