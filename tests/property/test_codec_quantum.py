"""States, operators and Paulis come back from the codec bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import (
    Clifford,
    DensityMatrix,
    Operator,
    Pauli,
    PauliList,
    SparseObservable,
    Statevector,
    random_clifford,
    random_density_matrix,
    random_pauli,
    random_pauli_list,
    random_statevector,
)

from quantumflow_lab.codec import decode, encode
from quantumflow_lab.fingerprint import fingerprint

dims = st.lists(st.integers(2, 3), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 2**31 - 1)
qubits = st.integers(1, 70)
TERMS = "XYZ+-rl01"


def again(value: Any) -> Any:
    encoded = encode(value)
    assert b"pickle" not in encoded.data
    return decode(encoded.media, encoded.data)


@settings(max_examples=30, deadline=None)
@given(dims, seeds)
def test_a_statevector_keeps_amplitudes_and_dimensions(
    dims: tuple[int, ...], seed: int
) -> None:
    value = random_statevector(dims, seed=seed)
    found = again({"state": value})["state"]
    assert type(found) is Statevector
    assert found.dims() == dims
    np.testing.assert_array_equal(found.data, value.data)
    assert fingerprint(found) == fingerprint(value)


@settings(max_examples=30, deadline=None)
@given(dims, seeds)
def test_a_density_matrix_keeps_elements_and_dimensions(
    dims: tuple[int, ...], seed: int
) -> None:
    value = random_density_matrix(dims, seed=seed)
    found = again(value)
    assert type(found) is DensityMatrix
    assert found.dims() == dims
    np.testing.assert_array_equal(found.data, value.data)


@settings(max_examples=30, deadline=None)
@given(dims, dims, seeds)
def test_an_operator_keeps_elements_and_both_dimensions(
    inputs: tuple[int, ...], outputs: tuple[int, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(2, np.prod(outputs), np.prod(inputs)))
    value = Operator(parts[0] + 1j * parts[1], input_dims=inputs, output_dims=outputs)
    found = again(value)
    assert type(found) is Operator
    assert (found.input_dims(), found.output_dims()) == (inputs, outputs)
    np.testing.assert_array_equal(found.data, value.data)


@settings(max_examples=30, deadline=None)
@given(qubits, seeds)
def test_paulis_keep_their_phase_whatever_their_width(count: int, seed: int) -> None:
    value = random_pauli(count, group_phase=True, seed=seed)
    found = again(value)
    assert type(found) is Pauli
    assert found == value
    several = random_pauli_list(count, 5, phase=True, seed=seed)
    found = again([several])[0]
    assert type(found) is PauliList
    assert found == several


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), seeds)
def test_a_clifford_keeps_its_tableau_and_signs(count: int, seed: int) -> None:
    value = random_clifford(count, seed=seed)
    found = again(value)
    assert type(found) is Clifford
    assert found == value


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(TERMS, min_size=1, max_size=4),
            st.complex_numbers(allow_nan=False, allow_infinity=False),
        ),
        max_size=6,
    )
)
def test_a_sparse_observable_keeps_its_terms_as_they_are(
    terms: list[tuple[str, complex]],
) -> None:
    sparse = [(label, list(range(len(label))), value) for label, value in terms]
    value = SparseObservable.from_sparse_list(sparse, num_qubits=4)
    found = again(value)
    assert type(found) is SparseObservable
    assert found == value


@pytest.mark.parametrize(
    "value",
    [
        Statevector([1, 0]),
        DensityMatrix([[1, 0], [0, 0]]),
        Operator([[0, 1], [1, 0]]),
        Pauli("-iXY"),
        PauliList(["XY", "iZZ"]),
        Clifford([[1, 0, 1], [0, 1, 0]]),
        SparseObservable("+0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_equal_values_have_equal_bytes(value: Any) -> None:
    assert encode(value) == encode(again(value))
