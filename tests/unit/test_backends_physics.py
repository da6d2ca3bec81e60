"""Results against something that is not this package: closed forms and calibrations."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from scipy.stats import norm

from quantumflow_lab.backends import Registry, circuit_count, normalise
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.ports import JobRequest, Member, MemberDone

# Qiskit rounds seconds to its clock of 0.2 ns, and says so where anyone listens.
pytestmark = pytest.mark.filterwarnings("ignore:Duration is rounded")

REGISTRY = Registry()


def one_result(name, kind, value, *, seed, **options):
    pubs, _ = normalise(kind, value)
    member = Member(0, 1, pubs, 0, **options)
    events = []
    request = JobRequest(1, "t", kind, name, (member,), seed)
    execute(request, RunAdapter(REGISTRY.backend(name)), events.append)
    (done,) = [event for event in events if isinstance(event, MemberDone)]
    return done.results[0]


def wilson(successes: int, shots: int, confidence: float) -> tuple[float, float]:
    """Wilson score interval (E. B. Wilson, J. Am. Stat. Assoc. 22, 209, 1927)."""
    z = norm.isf((1 - confidence) / 2)
    p = successes / shots
    centre = (p + z**2 / (2 * shots)) / (1 + z**2 / shots)
    spread = z * np.sqrt(p * (1 - p) / shots + z**2 / (4 * shots**2))
    return centre - spread / (1 + z**2 / shots), centre + spread / (1 + z**2 / shots)


@pytest.mark.parametrize("name", ["aer", "aer_mps", "basic_simulator"])
def test_a_bell_pair_has_even_parity_and_fair_outcomes(name):
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    counts = one_result(name, "sample", (bell, None, 20_000), seed=101)
    found = counts.data.meas.get_counts()
    assert set(found) == {"00", "11"}
    low, high = wilson(found["00"], 20_000, 1 - 1e-6)
    assert low < 0.5 < high


@pytest.mark.parametrize("qubit", [0, 1, 4])
def test_an_excited_qubit_of_fake_manila_decays_with_its_calibrated_t1(qubit):
    """P(read 1) = e1 + (1 - e0 - e1) exp(-t/T1), e0 and e1 the readout errors."""
    manila = REGISTRY.backend("fake_manila")
    t1 = manila.target.qubit_properties[qubit].t1
    properties = manila.properties()
    e0 = properties.qubit_property(qubit, "prob_meas1_prep0")[0]
    e1 = properties.qubit_property(qubit, "prob_meas0_prep1")[0]
    delay = Parameter("delay")
    decay = QuantumCircuit(1)
    decay.x(0)
    decay.delay(delay, 0, "s")
    decay.measure_all()
    times = np.array([0.0, 0.3, 0.7, 1.2, 2.0]) * t1
    shots = 20_000
    result = one_result(
        "fake_manila",
        "sample",
        (decay, times, shots),
        seed=7 + qubit,
        transpile={"initial_layout": [qubit]},
    )
    excited = np.array(
        [result.data.meas.get_counts(i).get("1", 0) / shots for i in range(len(times))]
    )
    expected = e0 + (1 - e0 - e1) * np.exp(-times / t1)
    # The X gate and the readout last a little, which the closed form leaves out; they
    # cost less than 1 % here. Five standard errors of 20,000 shots are 1.8 %.
    np.testing.assert_allclose(excited, expected, atol=0.02)
    assert result.metadata["qflow"]["layout"] == [qubit]
    assert result.metadata["qflow"]["qubits"] == 1


def test_rabi_oscillations_follow_the_cosine():
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(theta, 0)
    angles = np.linspace(0, 2 * np.pi, 25)
    exact = one_result("aer", "estimate", (circuit, "Z", angles, 0), seed=1)
    np.testing.assert_allclose(exact.data.evs, np.cos(angles), atol=1e-12)
    sampled = one_result("aer", "estimate", (circuit, "Z", angles, 0.02), seed=1)
    assert (
        abs(sampled.data.evs - np.cos(angles)) <= 5 * sampled.data.stds + 1e-12
    ).all()
    np.testing.assert_allclose(
        sampled.data.stds, 0.02 * abs(np.sin(angles)), atol=0.003
    )


def test_delays_are_scheduled_where_noise_makes_them_matter():
    """Two qubits wait for a third; both must decay while nothing happens to them."""
    manila = REGISTRY.backend("fake_manila")
    wait = manila.target.qubit_properties[1].t1
    circuit = QuantumCircuit(2)
    circuit.x([0, 1])
    circuit.barrier()
    circuit.delay(wait, 0, "s")
    circuit.barrier()
    circuit.measure_all()
    value = (circuit, None, 4000)
    layout = {"initial_layout": [0, 1]}
    result = one_result("fake_manila", "sample", value, seed=3, transpile=layout)
    counts = result.data.meas.get_counts()
    idle = sum(n for key, n in counts.items() if key[0] == "1") / 4000
    # exp(-1) with readout errors of a few per cent; 0.95 if the idling had no effect.
    assert 0.3 < idle < 0.5


def test_a_scheduled_circuit_does_not_use_the_whole_device():
    """Padding every idle qubit would make a 65-qubit density matrix of this."""
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(1e-6, 0, "s")
    exact = one_result("fake_manhattan", "estimate", (circuit, "Z", None, 0), seed=1)
    assert exact.metadata["qflow"]["qubits"] == 1
    e1 = (
        REGISTRY.backend("fake_manhattan")
        .properties()
        .qubit_property(0, "prob_meas0_prep1")[0]
    )
    assert float(exact.data.evs) == pytest.approx(2 * e1 - 1, abs=0.05)


def test_counting_circuits_agrees_with_what_runs():
    value = (QuantumCircuit(2), [{"ZZ": 1, "XX": 1, "YY": 1}, {"ZI": 1}], None, 0.1)
    pubs, _ = normalise("estimate", value)
    assert circuit_count("estimate", pubs[0]) == 3
    result = one_result("aer", "estimate", value, seed=1)
    assert result.metadata["qflow"]["circuits"] == 3
