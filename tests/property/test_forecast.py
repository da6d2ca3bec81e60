"""Durations and success of circuits: closed forms, Qiskit, noisy simulation."""

from __future__ import annotations

import math
from array import array
from random import Random

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Delay, Gate, Measure, Parameter
from qiskit.circuit.library import CXGate, SXGate, XGate
from qiskit.circuit.random import random_circuit
from qiskit.providers import QubitProperties
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeGuadalupeV2, FakeManilaV2

from quantumflow_lab._fallback.forecast import forecast as plain
from quantumflow_lab.backends.forecast import Forecaster
from quantumflow_lab.errors import SchedulerError

_core = pytest.importorskip("quantumflow_lab._core")


def device() -> Target:
    """Two qubits with T1 of 100 and 50 us and T2 of 60 and 40 us."""
    coherence = [(100e-6, 60e-6), (50e-6, 40e-6)]
    target = Target(
        num_qubits=2,
        dt=1e-9,
        qubit_properties=[QubitProperties(t1=t1, t2=t2) for t1, t2 in coherence],
    )
    each = {(0,): InstructionProperties(50e-9, 0.001), (1,): None}
    target.add_instruction(XGate(), each)
    target.add_instruction(SXGate())
    target.add_instruction(CXGate(), {(0, 1): InstructionProperties(300e-9, 0.01)})
    read = {(q,): InstructionProperties(1e-6, 0.02 + 0.01 * q) for q in range(2)}
    target.add_instruction(Measure(), read)
    target.add_instruction(Delay(Parameter("t")), {(0,): None, (1,): None})
    return target


FORECASTER = Forecaster(device())


def test_a_bell_like_circuit_by_hand() -> None:
    qc = QuantumCircuit(2, 2)
    qc.x(0)
    qc.cx(0, 1)
    qc.measure([0, 1], [0, 1])
    found = FORECASTER.forecast(qc)
    assert found.duration_s == pytest.approx(50e-9 + 300e-9 + 1e-6)
    assert found.gates == pytest.approx(0.999 * 0.99)
    assert found.readout == pytest.approx(0.98 * 0.97)
    assert found.idle == 1.0
    assert found.success == pytest.approx(0.999 * 0.99 * 0.98 * 0.97)
    assert (found.one_qubit, found.two_qubit, found.measured) == (1, 1, 2)


@pytest.mark.parametrize(("wait", "unit"), [(20_000, "dt"), (20.0, "us"), (2e-5, "s")])
def test_a_wait_takes_its_time_and_costs_coherence(wait: float, unit: str) -> None:
    qc = QuantumCircuit(1, 1)
    qc.x(0)
    qc.delay(wait, 0, unit)
    qc.measure(0, 0)
    found = FORECASTER.forecast(qc)
    assert found.duration_s == pytest.approx(50e-9 + 20e-6 + 1e-6)
    # The average fidelity of amplitude and phase damping.
    kept = (3 + math.exp(-20 / 100) + 2 * math.exp(-20 / 60)) / 6
    assert found.idle == pytest.approx(kept)


def test_the_formula_of_waits_is_that_of_the_channel() -> None:
    from qiskit.quantum_info import average_gate_fidelity
    from qiskit_aer.noise.errors import thermal_relaxation_error

    channel = thermal_relaxation_error(100e-6, 60e-6, 20e-6)
    kept = (3 + math.exp(-20 / 100) + 2 * math.exp(-20 / 60)) / 6
    assert average_gate_fidelity(channel) == pytest.approx(kept)


def test_what_the_device_does_not_say_is_none() -> None:
    qc = QuantumCircuit(2)
    qc.x(1)
    found = FORECASTER.forecast(qc)
    assert (found.duration_s, found.gates, found.success) == (None, None, None)
    qc = QuantumCircuit(1)
    qc.delay(Parameter("t"), 0)
    assert FORECASTER.forecast(qc).duration_s is None
    assert FORECASTER.forecast(qc).gates == 1.0


def test_a_simulator_says_nothing() -> None:
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    found = Forecaster(AerSimulator().target).forecast(qc)
    assert (found.duration_s, found.success) == (None, None)
    assert (found.one_qubit, found.two_qubit, found.measured) == (1, 1, 2)


def test_the_longest_branch_and_every_turn_count() -> None:
    qc = QuantumCircuit(2, 1)
    qc.measure(0, 0)
    with qc.if_test((0, True)) as otherwise:
        qc.x(0)
    with otherwise:
        qc.cx(0, 1)
        qc.x(0)
    with qc.for_loop(range(3)):
        qc.x(0)
    found = FORECASTER.forecast(qc)
    assert found.duration_s == pytest.approx(1e-6 + 350e-9 + 3 * 50e-9)
    assert found.gates == pytest.approx(0.99 * 0.999**4)
    assert (found.one_qubit, found.two_qubit) == (4, 1)
    with qc.while_loop((0, True)):
        qc.x(0)
    assert FORECASTER.forecast(qc).duration_s is None


def test_a_gate_that_the_device_does_not_have_is_counted_and_unknown() -> None:
    qc = QuantumCircuit(2)
    qc.append(Gate("own", 2, []), [0, 1])
    found = FORECASTER.forecast(qc)
    assert (found.duration_s, found.gates, found.two_qubit) == (None, None, 1)


@pytest.mark.parametrize("seed", range(25))
def test_durations_are_those_of_qiskit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    backend = GenericBackendV2(
        6, seed=seed, coupling_map=[[i, i + 1] for i in range(5)]
    )
    qc = random_circuit(5, 12, measure=True, seed=int(rng.integers(2**31)))
    isa = transpile(qc, backend, seed_transpiler=seed, optimization_level=1)
    if seed % 2:
        isa = transpile(qc, backend, seed_transpiler=seed, scheduling_method="alap")
    found = Forecaster(backend.target).forecast(isa)
    assert found.duration_s == pytest.approx(isa.estimate_duration(backend.target))


# --- the compiled pass and the one in Python -----------------------------------------


def words(rng: Random) -> array[int]:
    def bits(value: float) -> int:
        return int(np.float64(value).view(np.int64))

    def some(most: float) -> int:
        return bits(rng.choice([rng.random() * most] * 6 + [0.0, math.nan]))

    qubits, clbits, rows = rng.randint(0, 5), rng.randint(0, 3), rng.randint(1, 8)
    found = [qubits, clbits, rows]
    for _ in range(rows):
        found += [some(1e-6), some(1.2), rng.randint(0, 5)]
    found += [some(1e-5) for _ in range(2 * qubits)]
    wires = max(qubits + clbits, 1)
    for _ in range(rng.randint(0, 40)):
        on = rng.sample(range(wires), rng.randint(0, wires))
        found += [rng.randrange(rows), len(on), *on]
    if rng.random() < 0.2:
        found[rng.randrange(len(found))] = rng.choice([-1, 0, 7, 2**40])
    if rng.random() < 0.1:
        del found[-1:]
    return array("q", found)


def answer(which: object, given: array[int]) -> object:
    try:
        return which(given)  # type: ignore[operator]  # either of the two
    except SchedulerError as error:
        return str(error)


def test_both_forecast_random_words_alike() -> None:
    refused = 0
    for seed in range(1500):
        given = words(Random(seed))
        ours, theirs = answer(_core.forecast, given), answer(plain, given)
        if isinstance(ours, str) or isinstance(theirs, str):
            refused += 1
            assert ours == theirs, seed
        else:
            assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True), seed
    assert 50 < refused < 1000


# --- against noisy simulation --------------------------------------------------------


def mirror(width: int, layers: int, rng: np.random.Generator) -> QuantumCircuit:
    """Layers of random gates and their inverse, so that all qubits come back to 0."""
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


def differences(backend: object, widths: list[int], *, scheduled: bool) -> list[float]:
    """Predicted less simulated probability of all zeros, a circuit each."""
    rng, found = np.random.default_rng(7), []
    noisy = AerSimulator.from_backend(backend)
    forecaster = Forecaster(backend.target)  # type: ignore[attr-defined]
    more = {"scheduling_method": "alap"} if scheduled else {}
    for width in widths:
        for layers in (1, 2, 3):
            qc = mirror(width, layers, rng)
            isa = transpile(
                qc, backend, seed_transpiler=3, optimization_level=1, **more
            )
            counts = noisy.run(isa, shots=4000, seed_simulator=5).result().get_counts()
            said = forecaster.forecast(isa)
            assert said.success is not None
            assert said.gates is not None
            assert said.readout is not None
            # Without delays in the circuit the simulator lets nobody wait.
            success = said.success if scheduled else said.gates * said.readout
            found.append(success - counts.get("0" * width, 0) / 4000)
    return found


@pytest.mark.parametrize("scheduled", [False, True])
def test_success_is_that_of_noisy_simulation(*, scheduled: bool) -> None:
    """Mean absolute error of at most 0.05; sampling adds less than 0.01."""
    manila = differences(FakeManilaV2(), [2, 3, 4, 5], scheduled=scheduled)
    guadalupe = differences(FakeGuadalupeV2(), [2, 4, 6], scheduled=scheduled)
    assert np.mean(np.abs(manila)) < 0.05, manila
    assert np.mean(np.abs(guadalupe)) < 0.05, guadalupe
