"""A sweep on a fake device of 133 qubits, against the loop that a notebook shows.

The loop takes seconds a point, so that a few points stand for all: its time is that
of ``SHOWN`` points, scaled. Both sides have run once before, so that the noise model of
the device is there.
"""

from __future__ import annotations

import tempfile
from functools import partial
from textwrap import dedent
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit_ibm_runtime.fake_provider import FakeTorino

from benchmarks.row import Row, ratio
from quantumflow_lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOTS, SHOWN = 1024, 2
SWEEP = """
    theta = qf.axis(angles)

    @qf.circuit
    def pulse(theta):
        return rotation(theta)

    @qf.sample(shots=1024)
    def counts(pulse):
        return pulse
    """
LOOP = """
    @qf.step
    def counts(sampler):
        found = []
        for theta in angles:
            result = sampler.run([rotation(theta)], shots=1024).result()
            found.append(result[0].data.meas.get_counts())
        return found
    """


def measure(*, turns: int = 3, points: int = 200) -> Iterator[Row]:
    """Ratios of the loop's time to the lab's: one sweep, and job after job."""
    rng = np.random.default_rng(4)
    device = FakeTorino()
    sweeps, loops = [], []
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        try:
            for cell in (SWEEP, LOOP):
                _cell(lab, cell, rng.uniform(0, np.pi, 2))
            _naive(device, rng.uniform(0, np.pi, 1))
            for _ in range(turns):
                # Other angles in each turn, so that nobody has them already.
                shown, angles, others = (
                    rng.uniform(0, np.pi, count) for count in (SHOWN, points, points)
                )
                naive = _timed(partial(_naive, device, shown)) * points / SHOWN
                sweeps.append((_timed(partial(_cell, lab, SWEEP, angles)), naive))
                loops.append((_timed(partial(_cell, lab, LOOP, others)), naive))
        finally:
            lab.close()
    for what, pairs in (("a cell", sweeps), ("job after job in a step", loops)):
        yield ratio(
            f"Rabi of 2 qubits, {points} points on fake_torino, as {what}",
            ours=[pair[0] for pair in pairs],
            against=f"transpile, run ({SHOWN} points, scaled)",
            theirs=[pair[1] for pair in pairs],
            gate=100,
            stretch=200,
        )


def rotation(theta: float) -> QuantumCircuit:
    """A turned qubit and one entangled with it, measured."""
    circuit = QuantumCircuit(2)
    circuit.rx(theta, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def _cell(lab: Lab, cell: str, angles: Any) -> None:
    inputs = {"angles": angles.tolist(), "rotation": rotation}
    run = lab.run(dedent(cell), name="torino", backend="fake_torino", inputs=inputs)
    run.raise_failure()


def _naive(device: Any, angles: Any) -> None:
    for theta in angles:
        circuit = transpile(rotation(float(theta)), device, optimization_level=1)
        device.run(circuit, shots=SHOTS).result().get_counts()


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
