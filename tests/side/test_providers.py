"""Real providers in environments of their own, measured against physics."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from quantumflow_lab import EnvironmentBackend
from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.ports import JobRequest, Member, MemberDone, MemberFailed

RABI = """%%qflow rabi --shots 2000 --seed 5
angle = qf.axis(np.linspace(0, np.pi, 7), unit="rad")

@qf.circuit
def pulse(angle):
    qc = QuantumCircuit(2)
    qc.rx(angle, 0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc

@qf.sample
def counts(pulse):
    return pulse

@qf.step
def p11(counts):
    return counts.data.meas.get_counts().get("11", 0) / 2000

@qf.step(over="angle")
def curve(p11):
    return np.array(p11)
"""


def answers(backend, kind, value, *, seed=None, **defaults):
    """PubResults of one member of a job, made as a worker would make them."""
    registry = Registry()
    registry.add("there", backend)
    asked = {"shots": None, "precision": None, **defaults}
    pubs, _ = registry.normalise(kind, value, backend="there", **asked)
    member = Member(0, 1, pubs, None if seed is None else 0)
    events = []
    request = JobRequest(1, "t", kind, "there", (member,), seed)
    execute(request, RunAdapter(backend), events.append)
    failed = [event.error for event in events if isinstance(event, MemberFailed)]
    assert failed == []
    (done,) = (event for event in events if isinstance(event, MemberDone))
    return done.results


@pytest.fixture(params=["adonis", "braket", "qpu"])
def provider(request):
    return request.getfixturevalue(request.param)


def test_the_environments_have_what_ours_cannot(adonis, braket):
    assert adonis.qiskit_version < "2.2"
    assert (adonis.name, adonis.num_qubits) == ("IQMFakeAdonisBackend", 5)
    assert adonis.coupling_map.distance(0, 4) == 2
    assert (adonis._qpy, braket._qpy) == (15, 18)
    assert braket.num_qubits == 26


def test_a_bell_pair_is_even(provider):
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    (result,) = answers(provider, "sample", bell, shots=4000)
    counts = result.data.meas.get_counts()
    even = (counts.get("00", 0) + counts.get("11", 0)) / 4000
    # 5 σ of a fair coin; IQM's model has errors of some per cent.
    assert abs(counts["11"] / (counts["00"] + counts["11"]) - 0.5) < 0.07
    assert even == 1 if provider.name == "default" else even > 0.8


def test_bits_keep_their_places(provider):
    flipped = QuantumCircuit(3, 3)
    flipped.x(0)
    flipped.measure([0, 1, 2], [2, 0, 1])
    (result,) = answers(provider, "sample", flipped, shots=1000)
    counts = result.data.c.get_counts()
    assert max(counts, key=counts.get) == "100"
    assert counts["100"] > 800


def test_registers_and_unmeasured_bits_come_out_as_they_were_declared(provider):
    qubits = QuantumRegister(3)
    a, b = ClassicalRegister(2, "a"), ClassicalRegister(3, "b")
    circuit = QuantumCircuit(qubits, a, b)
    circuit.x([0, 2])
    circuit.measure(qubits[0], a[1])
    circuit.measure(qubits[1], b[0])
    circuit.measure(qubits[2], b[2])
    (result,) = answers(provider, "sample", circuit, shots=1000)
    for register, most in (("a", "10"), ("b", "100")):
        counts = getattr(result.data, register).get_counts()
        assert max(counts, key=counts.get) == most
        assert {len(key) for key in counts} == {len(most)}


def test_circuits_of_one_job_are_not_mixed_up(provider):
    def number(n):
        circuit = QuantumCircuit(3)
        for qubit in range(3):
            if n >> qubit & 1:
                circuit.x(qubit)
        circuit.measure_all()
        return circuit

    found = answers(provider, "sample", [number(n) for n in range(8)], shots=200)
    tables = [result.data.meas.get_counts() for result in found]
    assert [max(t, key=t.get) for t in tables] == [f"{n:03b}" for n in range(8)]


def test_estimates_agree_with_the_exact_value(braket):
    circuit = efficient_su2(3, reps=1)
    values = np.linspace(0.1, 2.3, circuit.num_parameters)
    operator = SparsePauliOp(["ZZI", "XXI", "IYZ", "ZIX"], [0.5, -1.0, 0.7, 0.3])
    (result,) = answers(braket, "estimate", (circuit, operator, values), precision=0.02)
    (exact,) = StatevectorEstimator().run([(circuit, operator, values)]).result()
    # Four terms in few groups: the standard error is told, 5 σ leave 1 in 10⁶.
    assert result.data.stds < 0.05
    assert abs(result.data.evs - exact.data.evs) < 5 * result.data.stds


def test_a_noisy_estimate_shrinks_but_keeps_its_sign(adonis):
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    (result,) = answers(
        adonis, "estimate", (bell, [["ZZ"], ["XX"], ["YY"]]), precision=0.02
    )
    zz, xx, yy = result.data.evs.ravel()
    assert 0.6 < zz < 1
    assert 0.6 < xx < 1
    assert -1 < yy < -0.6


def test_a_sweep_of_a_cell_runs_over_both(lab, adonis, braket):
    lab.backends.add("adonis", adonis)
    lab.backends.add("braket", braket)
    inputs = {"np": np, "QuantumCircuit": QuantumCircuit}
    run = lab.run(RABI, backend=["adonis", "braket"], inputs=inputs)
    exact = np.sin(np.linspace(0, np.pi, 7) / 2) ** 2
    ideal = run["curve"].sel(backend="braket")
    noisy = run["curve"].sel(backend="adonis")
    assert np.max(np.abs(ideal - exact)) < 5 * np.sqrt(0.25 / 2000)
    assert np.max(np.abs(noisy - exact)) < 0.2
    assert noisy[-1] < ideal[-1] == 1
    table = lab.sql(
        "select backend, sum(circuits) as circuits, count(*) as jobs from qf_jobs "
        f"where run = '{run.id}' group by backend order by backend"
    )
    assert table.to_pydict()["circuits"] == [7, 7]


@pytest.mark.parametrize(
    ("factory", "here"),
    [
        ("qiskit_aer:AerSimulator", AerSimulator),
        ("qiskit.providers.basic_provider:BasicSimulator", BasicSimulator),
    ],
)
def test_a_seed_gives_the_counts_that_it_gives_here(factory, here):
    there = EnvironmentBackend(sys.executable, factory, simulator=True)
    circuits = []
    for angle in (0.3, 0.9, 1.5):
        circuit = QuantumCircuit(2)
        circuit.rx(angle, 0)
        circuit.h(1)
        circuit.measure_all()
        circuits.append(circuit)

    def tables(backend):
        found = answers(backend, "sample", circuits, shots=500, seed=11)
        return [result.data.meas.get_counts() for result in found]

    assert tables(there) == tables(here())


def told(places):
    """What a target knows of an operation; its entries do not compare."""
    return {
        place: entry and (entry.duration, entry.error)
        for place, entry in places.items()
    }


def test_the_target_of_a_device_arrives_whole():
    factory = "qiskit_ibm_runtime.fake_provider:FakeManilaV2"
    there, here = EnvironmentBackend(sys.executable, factory), FakeManilaV2()
    for name in here.target.operation_names:
        operation = here.target.operation_from_name(name)
        if isinstance(operation, type):
            assert there.target.operation_from_name(name) is operation
            continue
        assert told(there.target[name]) == told(here.target[name]), name
    assert set(there.target.operation_names) == set(here.target.operation_names)
    assert there.dt == here.dt
    assert there.coupling_map.get_edges() == here.coupling_map.get_edges()
    circuit = efficient_su2(4, reps=2)
    mine, theirs = (
        transpile(circuit, backend, seed_transpiler=5, optimization_level=3)
        for backend in (there, here)
    )
    assert mine == theirs
