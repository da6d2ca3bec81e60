"""Algorithms of other libraries, unchanged, on the lab's primitives."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_algorithms import (
    QAOA,
    VQE,
    NumPyMinimumEigensolver,
    SamplingVQE,
)
from qiskit_algorithms.gradients import ParamShiftEstimatorGradient
from qiskit_algorithms.optimizers import COBYLA, SPSA
from qiskit_algorithms.state_fidelities import ComputeUncompute
from qiskit_algorithms.utils import algorithm_globals
from qiskit_machine_learning.kernels import FidelityQuantumKernel
from qiskit_machine_learning.neural_networks import EstimatorQNN

import quantumflow_lab as qf

H2 = SparsePauliOp.from_list(
    [
        *(("II", -1.052373245772859), ("IZ", 0.39793742484318045)),
        *(("ZI", -0.39793742484318045), ("ZZ", -0.01128010425623538)),
        ("XX", 0.18093119978423156),
    ]
)
"""Hydrogen at 0.735 Å in two qubits, hartree (Qiskit's textbook values)."""
GROUND = -1.857275030202382
ISING = SparsePauliOp.from_list([("ZZI", 1.0), ("IZZ", 1.0), ("ZIZ", -0.5)])


@pytest.fixture(params=["handle", "step"])
def primitives(request, lab):
    """Runs a function with a sampler and an estimator, outside of a step or in one."""

    def outside(use):
        with (
            lab.sampler("aer", seed=7) as sampler,
            lab.estimator("aer", precision=0, seed=7) as estimator,
        ):
            return use(sampler, estimator)

    def inside(use):
        @qf.step
        def result(sampler):
            return use(sampler, qf.estimator("aer", precision=0))

        run = lab.run(qf.workflow("library", result), backend="aer", seed=7)
        run.raise_failure()
        return run["result"]

    return outside if request.param == "handle" else inside


@pytest.mark.parametrize("optimizer", [COBYLA(maxiter=150), SPSA(maxiter=120)])
def test_vqe_finds_the_ground_state_of_hydrogen(primitives, optimizer):
    ansatz = efficient_su2(2, reps=1)

    def solve(sampler, estimator):
        algorithm_globals.random_seed = 3
        start = np.full(ansatz.num_parameters, 0.1)
        vqe = VQE(estimator, ansatz, optimizer, initial_point=start)
        return float(vqe.compute_minimum_eigenvalue(H2).eigenvalue.real)

    exact = NumPyMinimumEigensolver().compute_minimum_eigenvalue(H2).eigenvalue.real
    assert exact == pytest.approx(GROUND, abs=1e-9)
    assert primitives(solve) == pytest.approx(GROUND, abs=2e-2)


# Its ansatz is a class that Qiskit deprecates.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:qiskit")
def test_qaoa_and_sampling_vqe_find_the_best_cut(primitives):
    def solve(sampler, estimator):
        algorithm_globals.random_seed = 3
        qaoa = QAOA(sampler, COBYLA(maxiter=30), reps=2)
        vqe = SamplingVQE(sampler, efficient_su2(3, reps=1), COBYLA(maxiter=30))
        return [
            float(each.compute_minimum_eigenvalue(ISING).best_measurement["value"].real)
            for each in (qaoa, vqe)
        ]

    exact = min(np.diag(ISING.to_matrix()).real)
    assert primitives(solve) == [exact, exact]


def test_gradients_are_those_of_the_state_vector(primitives):
    ansatz = efficient_su2(2, reps=1)
    point = np.linspace(-1, 1, ansatz.num_parameters)

    def solve(sampler, estimator):
        gradient = ParamShiftEstimatorGradient(estimator)
        return np.asarray(gradient.run([ansatz], [H2], [point]).result().gradients[0])

    def energy(values):
        state = Statevector(ansatz.assign_parameters(values))
        return state.expectation_value(H2).real

    step = 1e-5 * np.eye(len(point))
    slopes = [(energy(point + d) - energy(point - d)) / 2e-5 for d in step]
    assert np.allclose(primitives(solve), slopes, atol=1e-6)


def test_a_kernel_matrix_is_that_of_the_states(primitives):
    points = np.random.default_rng(2).uniform(0, 1, (4, 2))
    feature_map = zz_feature_map(2, reps=1)

    def solve(sampler, estimator):
        kernel = FidelityQuantumKernel(
            feature_map=feature_map, fidelity=ComputeUncompute(sampler, shots=4000)
        )
        return np.asarray(kernel.evaluate(points))

    states = [Statevector(feature_map.assign_parameters(x)) for x in points]
    exact = [[abs(a.inner(b)) ** 2 for b in states] for a in states]
    # Five standard errors of 4,000 shots at most.
    assert np.allclose(primitives(solve), exact, atol=5 * 0.5 / 4000**0.5)


def test_a_quantum_neural_network_runs_forward_and_backward(primitives):
    feature_map, weights = zz_feature_map(2, reps=1), efficient_su2(2, reps=1)
    circuit = QuantumCircuit(2)
    circuit.compose(feature_map, inplace=True)
    circuit.compose(weights, inplace=True)
    x, w = np.array([0.3, 0.7]), np.linspace(0, 1, weights.num_parameters)

    def solve(sampler, estimator):
        network = EstimatorQNN(
            circuit=circuit,
            estimator=estimator,
            observables=SparsePauliOp("ZZ"),
            input_params=list(feature_map.parameters),
            weight_params=list(weights.parameters),
            gradient=ParamShiftEstimatorGradient(estimator),
            default_precision=0.0,
        )
        return network.forward(x, w), network.backward(x, w)[1]

    def value(angles):
        bound = {**dict(zip(feature_map.parameters, x, strict=True))}
        bound |= dict(zip(weights.parameters, angles, strict=True))
        state = Statevector(circuit.assign_parameters(bound))
        return state.expectation_value(SparsePauliOp("ZZ")).real

    forward, backward = primitives(solve)
    assert np.allclose(forward, value(w), atol=1e-9)
    step = 1e-5 * np.eye(len(w))
    slopes = [(value(w + d) - value(w - d)) / 2e-5 for d in step]
    assert np.allclose(np.ravel(backward), slopes, atol=1e-6)


def test_equal_seeds_repeat_what_an_optimiser_draws(lab):
    ansatz = efficient_su2(2, reps=1)

    @qf.step
    def energies(estimator):
        found = []
        vqe = VQE(
            estimator,
            ansatz,
            SPSA(maxiter=4),
            callback=lambda count, x, mean, metadata: found.append(float(mean)),
        )
        vqe.compute_minimum_eigenvalue(H2)
        return found

    flow = qf.workflow("spsa", energies)
    first, again, other = (
        lab.run(flow, backend="aer", precision=0, seed=seed)["energies"]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
