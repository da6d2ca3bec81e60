"""Exact estimates of random circuits, against Qiskit's own state vectors."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector

from quantumflow_lab.backends import Registry, normalise
from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.ports import JobRequest, Member, MemberDone

REGISTRY = Registry()
GATES = ("x", "y", "z", "h", "s", "sdg", "sx", "cx", "cz", "swap", "barrier")
CIRCUITS = 150


def random_circuit(rng: np.random.Generator, *, clifford: bool) -> QuantumCircuit:
    """On 2 to 5 qubits, of which some have nothing to do."""
    circuit = QuantumCircuit(int(rng.integers(2, 6)))
    busy = rng.permutation(circuit.num_qubits)[: rng.integers(1, 6)]
    for _ in range(rng.integers(0, 12)):
        gate = str(rng.choice(GATES))
        two = gate in {"cx", "cz", "swap"}
        if two and len(busy) < 2:
            continue
        qubits = rng.choice(busy, size=2 if two else 1, replace=False).tolist()
        getattr(circuit, gate)(*qubits)
        if not clifford:
            circuit.ry(rng.uniform(-np.pi, np.pi), qubits[0])
    return circuit


def random_observables(rng: np.random.Generator, width: int) -> list[SparsePauliOp]:
    def term() -> str:
        return "".join(rng.choice(list("IIXYZZ"), size=width))

    return [
        SparsePauliOp([term(), term()], rng.uniform(-1, 1, 2)),
        SparsePauliOp([term()]),
    ]


def exact(backend: str, values: list[tuple[object, ...]]) -> list[np.ndarray]:
    members = tuple(
        Member(unit, 1, normalise("estimate", value)[0], None)
        for unit, value in enumerate(values)
    )
    events: list[object] = []
    request = JobRequest(1, "t", "estimate", backend, members, None)
    execute(request, RunAdapter(REGISTRY.backend(backend)), events.append)
    done = [event for event in events if isinstance(event, MemberDone)]
    found = {event.unit: event.results[0].data.evs for event in done}
    return [found[unit] for unit in range(len(values))]


@pytest.mark.parametrize("clifford", [True, False])
@pytest.mark.parametrize(
    "backend", ["aer", "aer_density_matrix", "aer_mps", "basic_simulator"]
)
def test_an_exact_estimate_is_that_of_the_state_vector(backend, clifford):
    rng = np.random.default_rng(2442)
    values, truths = [], []
    for _ in range(CIRCUITS):
        circuit = random_circuit(rng, clifford=clifford)
        wanted = random_observables(rng, circuit.num_qubits)
        state = Statevector(circuit)
        values.append((circuit, wanted, None, 0))
        truths.append([state.expectation_value(each).real for each in wanted])
    for number, (found, truth) in enumerate(
        zip(exact(backend, values), truths, strict=True)
    ):
        circuit, wanted = values[number][:2]
        np.testing.assert_allclose(
            found, truth, atol=1e-9, err_msg=f"{number}: {wanted}\n{circuit}"
        )


@pytest.mark.parametrize(
    ("build", "observables", "truth"),
    [
        (lambda c: c.x([0, 2]), ["IZII", "IIIZ"], [-1, -1]),
        (
            lambda c: (c.h(0), c.cx(0, 2), c.ry(0.7, 3), c.cx(2, 3)),
            ["ZIIZ"],
            [np.cos(0.7)],
        ),
    ],
)
def test_an_observable_on_some_qubits_of_a_circuit_with_idle_ones(
    build, observables, truth
):
    """Qiskit/qiskit-aer#2442."""
    circuit = QuantumCircuit(4)
    build(circuit)
    (found,) = exact("aer", [(circuit, observables, None, 0)])
    np.testing.assert_allclose(found, truth, atol=1e-12)
