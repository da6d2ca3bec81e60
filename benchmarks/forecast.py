"""Forecasts of transpiled circuits: how fast, and how near to noisy simulation.

The circuits are EfficientSU2 on 20 of the 133 qubits of FakeTorino, some thousand
gates each. Success is compared on mirror circuits of 2 to 10 qubits, scheduled, so that
the simulator lets qubits wait.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import efficient_su2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeGuadalupeV2, FakeMontrealV2, FakeTorino

from benchmarks.row import Row, ratio
from quantumflow_lab.backends import forecast
from quantumflow_lab.backends.forecast import Forecaster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit.providers import BackendV2

SHOTS = 4000


def measure(*, turns: int = 15) -> Iterator[Row]:
    """Times per gate and per hundred circuits, then errors of the success."""
    target = FakeTorino().target
    ansatz = efficient_su2(20, reps=4, entanglement="linear")
    ansatz.measure_all()
    isa = transpile(ansatz, target=target, optimization_level=1, seed_transpiler=1)
    gates = len(isa.data)
    forecaster = Forecaster(target)
    compiled = _compiled(forecaster, isa, turns)
    yield _row(
        "forecast of a gate, the compiled pass", "µs", compiled, 1e6 / gates, 0.3
    )
    ours, theirs, hundred = [], [], []
    for _ in range(turns):
        begun = perf_counter()
        forecaster.forecast(isa)
        ours.append(perf_counter() - begun)
        begun = perf_counter()
        isa.estimate_duration(target)
        theirs.append(perf_counter() - begun)
        begun = perf_counter()
        for _ in range(100):
            forecaster.forecast(isa)
        hundred.append(perf_counter() - begun)
    # Theirs gives the duration alone.
    against = "QuantumCircuit.estimate_duration, the duration alone"
    yield ratio("forecast of a circuit", ours=ours, against=against, theirs=theirs)
    yield _row("forecast of 100 circuits of 1,049 gates", "ms", hundred, 1e3, 100, 20)
    for device in (FakeGuadalupeV2(), FakeMontrealV2()):
        errors = list(_errors(device))
        what = (
            f"success on mirror circuits of 2 to 10 qubits, {device.name}, mean error"
        )
        mean = sum(errors) / len(errors)
        yield Row(
            what, "noisy simulation", mean, min(errors), max(errors), "", "lower", 0.05
        )


def _row(
    what: str,
    unit: str,
    seconds: list[float],
    scale: float,
    gate: float,
    stretch: float | None = None,
) -> Row:
    found = [each * scale for each in seconds]
    return Row(
        what, "", median(found), min(found), max(found), unit, "lower", gate, stretch
    )


def _compiled(forecaster: Forecaster, isa: QuantumCircuit, turns: int) -> list[float]:
    """Seconds that the pass takes without making its words in Python."""
    taken: list[float] = []
    module: Any = forecast
    known = module._forecast

    def timed(words: Any) -> Any:
        begun = perf_counter()
        found = known(words)
        taken.append(perf_counter() - begun)
        return found

    module._forecast = timed
    try:
        for _ in range(turns):
            forecaster.forecast(isa)
    finally:
        module._forecast = known
    return taken


def _errors(device: BackendV2) -> Iterator[float]:
    """How far predicted success is from the simulated probability of all zeros."""
    rng = np.random.default_rng(11)
    noisy = AerSimulator.from_backend(device)
    forecaster = Forecaster(device.target)
    for width in (2, 4, 6, 8, 10):
        for layers in (1, 2, 3):
            isa = transpile(
                _mirror(width, layers, rng),
                device,
                seed_transpiler=3,
                optimization_level=1,
                scheduling_method="alap",
            )
            run = noisy.run(isa, shots=SHOTS, seed_simulator=5)
            zeros = run.result().get_counts().get("0" * width, 0) / SHOTS
            yield abs((forecaster.forecast(isa).success or 0.0) - zeros)


def _mirror(width: int, layers: int, rng: np.random.Generator) -> QuantumCircuit:
    """Layers of random gates and their inverse."""
    half = QuantumCircuit(width)
    for layer in range(layers):
        for qubit in range(width):
            half.u(*rng.uniform(0, 2 * np.pi, 3), qubit)
        for qubit in range(layer % 2, width - 1, 2):
            half.cx(qubit, qubit + 1)
    qc = half.copy()
    qc.barrier()
    qc.compose(half.inverse(), inplace=True)
    qc.measure_all()
    return qc
