"""Whatever the codec takes, it gives back."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from qiskit import QuantumCircuit
from qiskit.primitives import BitArray, DataBin, PubResult
from qiskit.quantum_info import SparsePauliOp

from quantumflow_lab.codec import decode, encode
from quantumflow_lab.fingerprint import fingerprint

numbers = st.floats() | st.complex_numbers() | st.integers()
plain = (
    st.none()
    | st.booleans()
    | numbers
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC))
    | st.decimals(allow_nan=False)
)
dtypes = (
    arrays.integer_dtypes(endianness="?")
    | arrays.floating_dtypes(endianness="?")
    | arrays.complex_number_dtypes()
    | arrays.boolean_dtypes()
    | arrays.unicode_string_dtypes(max_len=3)
    | arrays.datetime64_dtypes()
)
tables = arrays.arrays(dtypes, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0))
keys = st.none() | st.booleans() | st.integers() | st.text() | st.tuples(st.text())
values = st.recursive(
    plain | tables | tables.filter(np.size).map(lambda a: a.reshape(-1)[0]),
    lambda inner: st.lists(inner, max_size=4)
    | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(keys, inner, max_size=4)
    | st.sets(keys, max_size=4)
    | st.frozensets(keys, max_size=4),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    """Equality that takes types, signs of zero and NaN seriously."""
    if type(a) is not type(b):
        return False
    match a:
        case np.ndarray() | np.generic():
            return a.dtype == b.dtype and a.shape == b.shape and same_bytes(a, b)
        case dict():
            return same(list(a), list(b)) and same([*a.values()], [*b.values()])
        case list() | tuple():
            return len(a) == len(b) and all(map(same, a, b))
        case float():
            return repr(a) == repr(b)
        case complex():
            return same([a.real, a.imag], [b.real, b.imag])
        case _:
            return bool(a == b)


def same_bytes(a: Any, b: Any) -> bool:
    if a.dtype.kind in "fc" and a.dtype.itemsize > 8:
        return bool(np.array_equal(a, b, equal_nan=True))
    return bool(a.tobytes() == b.tobytes())


@given(values)
def test_a_value_comes_back_the_same(value: Any) -> None:
    encoded = encode(value)
    found = decode(encoded.media, encoded.data)
    assert same(found, value)
    assert encode(found) == encoded


@given(values)
def test_a_key_is_that_of_the_value_read_back(value: Any) -> None:
    encoded = encode(value)
    assert fingerprint(decode(encoded.media, encoded.data)) == fingerprint(value)


gates = st.lists(
    st.tuples(
        st.sampled_from(["h", "x", "sx", "rz", "rx", "cx", "cz"]),
        st.permutations(range(3)),
        st.floats(-math.pi, math.pi),
    ),
    max_size=12,
)


def circuit(steps: list[tuple[str, list[int], float]]) -> QuantumCircuit:
    qc = QuantumCircuit(3)
    for gate, (a, b, _), angle in steps:
        if gate in ("rz", "rx"):
            getattr(qc, gate)(angle, a)
        elif gate in ("cx", "cz"):
            getattr(qc, gate)(a, b)
        else:
            getattr(qc, gate)(a)
    return qc


@given(gates)
def test_a_circuit_comes_back_equal_and_with_its_key(steps: Any) -> None:
    first = circuit(steps)
    encoded = encode(first)
    found = decode(encoded.media, encoded.data)
    assert found == first
    assert fingerprint(found) == fingerprint(first) == fingerprint(circuit(steps))


@given(gates, gates)
def test_two_circuits_share_a_key_only_if_they_are_equal(a: Any, b: Any) -> None:
    same_key = fingerprint(circuit(a)) == fingerprint(circuit(b))
    assert same_key == (circuit(a) == circuit(b))


shots = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.just(2)),
)


@given(shots, st.integers(9, 16), st.text())
def test_a_result_keeps_every_shot(bits: Any, width: int, note: str) -> None:
    data = DataBin(meas=BitArray(bits, width), evs=np.ones(bits.shape[0]))
    found = decode(*parts(PubResult(data, {"note": note})))
    assert isinstance(found, PubResult)
    assert found.data.meas == data.meas
    assert found.data.meas.num_bits == width
    assert found.metadata == {"note": note}


paulis = st.lists(
    st.tuples(
        st.text("IXYZ", min_size=4, max_size=4), st.complex_numbers(max_magnitude=9)
    ),
    min_size=1,
    max_size=5,
)


@given(paulis)
def test_an_observable_keeps_its_terms_in_order(terms: Any) -> None:
    observable = SparsePauliOp.from_list(terms)
    found = decode(*parts(observable))
    assert isinstance(found, SparsePauliOp)
    assert found.to_list() == observable.to_list()


def parts(value: object) -> tuple[str, bytes]:
    encoded = encode(value)
    return encoded.media, encoded.data
