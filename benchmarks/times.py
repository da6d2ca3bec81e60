"""How well the lab foretells how long jobs run, and whether its intervals hold.

200 circuits of many kinds run one by one through the lab, as a user would run them: on
Aer as it chooses and on its state vector with up to 14 qubits, on three fake devices
with up to 7, with 100 to 10,000 shots, in random order. What counts are the predictions
that the lab itself recorded with each job before it ran, from the twentieth on each
backend; beside them stands what the first twenty alone foretell of all others. Later
circuits run three times, and their median is what is foretold: what else a machine does
meanwhile makes even equal runs differ, and the last row says how much.
"""

from __future__ import annotations

from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.synthesis import synth_qft_full

from benchmarks.row import Row
from quantumflow_lab.lab import Lab
from quantumflow_lab.planning.expect import learned_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator

HISTORY = 20
"""Runs of each backend that are learned from."""
TURNS = 3
"""Equal runs of each circuit that is foretold."""
RUNS = {
    "aer": (14, 60),
    "aer_statevector": (14, 35),
    "fake_manila": (5, 35),
    "fake_lagos": (7, 35),
    "fake_guadalupe": (7, 35),
}
"""Most qubits of the circuits on each backend, and how many there are."""
SAID = """
SELECT
    backend,
    abs(arg_min(predicted_s, j.submitted) / median(run_s) - 1) AS off,
    abs(arg_min(predicted_s / run_s, j.submitted) - 1) AS single,
    list(run_s BETWEEN predicted_low_s AND predicted_high_s) AS held,
    list(run_s) AS took
FROM qf_jobs AS j JOIN qf_runs USING (run)
GROUP BY name, backend HAVING min(predicted_from) >= ?
"""
CELL = """
@qf.sample
def counts():
    return circuit
"""


def measure() -> Iterator[Row]:
    """Run them, then compare what was foretold with what it took."""
    with TemporaryDirectory() as home:
        lab = Lab(home)
        try:
            rng = np.random.default_rng(11)
            order = [name for name, (_, count) in RUNS.items() for _ in range(count)]
            for i, name in enumerate(rng.permutation(order)):
                _run(lab, str(name), i, rng)
            rows = {
                name: lab.store.query("ran", backends=[name])[::-1] for name in RUNS
            }
            said = lab.sql(SAID, [HISTORY]).to_pylist()
            for name in RUNS:
                off = [row["off"] for row in said if row["backend"] == name]
                yield _error(f"run time foretold on {name}", off)
            every = [row["off"] for row in said]
            yield _error("run time foretold on all of them", every, gate=25)
            yield from _held([each for row in said for each in row["held"]])
            single = [row["single"] for row in said]
            yield _error("run time foretold, against the first run of three", single)
            alone = [off for name in RUNS for off in _from_first(lab, name, rows[name])]
            yield _error(f"single run time, by the first {HISTORY} runs alone", alone)
            apart = [
                abs(each / median(row["took"]) - 1)
                for row in said
                for each in row["took"]
            ]
            yield _error("run time of equal runs, from the median of three", apart)
        finally:
            lab.close()


def _run(lab: Lab, name: str, number: int, rng: Generator) -> None:
    """Run a circuit; more than once where there is history enough."""
    shots = int(np.exp(rng.uniform(np.log(100), np.log(10_000))))
    circuit = _circuit(RUNS[name][0], rng)
    (row,) = lab.sql(
        "SELECT count(*) AS jobs FROM qf_jobs WHERE backend = ?", [name]
    ).to_pylist()
    for _ in range(1 if row["jobs"] < HISTORY else TURNS):
        lab.run(
            CELL,
            name=f"circuit_{number}",
            backend=name,
            shots=shots,
            seed=number,
            inputs={"circuit": circuit},
            fresh=True,
        )


def _from_first(lab: Lab, name: str, rows: list[dict[str, Any]]) -> Iterator[float]:
    """Relative errors of what the first runs of a backend say of all others."""
    learned = learned_of(rows[:HISTORY][::-1], lab.backends.facts)[name]
    for ran in learned_of(rows[HISTORY:], lab.backends.facts)[name].past:
        yield abs(learned.model.predict(ran.terms).value / ran.seconds - 1)


def _error(what: str, off: list[float], gate: float | None = None) -> Row:
    percent = sorted(100 * each for each in off)
    low, high = (percent[int(part * (len(percent) - 1))] for part in (0.1, 0.9))
    return Row(
        f"{what}, median relative error (spread: tenths), {len(off)} runs",
        "",
        median(percent),
        low,
        high,
        "%",
        "lower",
        gate,
    )


def _held(inside: list[bool]) -> Iterator[Row]:
    part = 100 * sum(inside) / len(inside)
    what = f"runs within the interval of 80 %, {len(inside)} runs"
    yield Row(f"{what}, at least", "", part, part, part, "%", "higher", 70)
    yield Row(f"{what}, at most", "", part, part, part, "%", "lower", 90)


def _circuit(width: int, rng: Generator) -> QuantumCircuit:
    """A circuit of any kind: Clifford, generic, Fourier, mid-circuit, sparse."""
    qubits = int(rng.integers(2, width + 1))
    layers = int(np.exp(rng.uniform(0, np.log(60))))
    kind = rng.choice(["clifford", "generic", "generic", "fourier", "sparse", "mid"])
    qc = QuantumCircuit(qubits, qubits)
    if kind == "fourier":
        qc.compose(synth_qft_full(qubits), inplace=True)
    elif kind == "sparse":
        qc.h(0)
        for qubit in range(qubits - 1):
            qc.cx(qubit, qubit + 1)
        for _ in range(layers):
            qc.rz(0.1, 0)
    else:
        for layer in range(min(layers, 8) if kind == "mid" else layers):
            for qubit in range(qubits):
                if kind == "clifford":
                    getattr(qc, rng.choice(["h", "s", "x", "sdg"]))(qubit)
                else:
                    qc.u(*rng.uniform(0, 2 * np.pi, 3), qubit)
            for qubit in range(layer % 2, qubits - 1, 2):
                qc.cx(qubit, qubit + 1)
        if kind == "mid":
            qc.measure(0, 0)
            qc.h(0)
    qc.measure(range(qubits), range(qubits))
    return qc
