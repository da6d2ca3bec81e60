"""What a sample or estimate step returns becomes PUBs, or an error that says how."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import UnitaryGate
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparsePauliOp

from quantumflow_lab.backends import Defaults, normalise, shots_of
from quantumflow_lab.errors import (
    BadPrecision,
    BadShots,
    MissingMeasurement,
    NotAPub,
    NotFinite,
    PubError,
    UnboundParameter,
    UnwantedMeasurement,
)

THETA, PHI = Parameter("theta"), Parameter("phi")


def bell(*, measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    if measured:
        circuit.measure_all()
    return circuit


def rotation(*parameters: Parameter, measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    for parameter in parameters:
        circuit.rx(parameter, 0)
    if measured:
        circuit.measure_all()
    return circuit


def test_a_bare_circuit_is_a_pub_with_the_default_shots():
    (pub,), shape = normalise("sample", bell(), Defaults(shots=300))
    assert isinstance(pub, SamplerPub)
    assert (pub.shots, pub.shape) == (300, ())
    assert shape.restore(["result"]) == "result"


def test_shots_and_values_of_a_pub_are_kept():
    (pub,), _ = normalise("sample", (rotation(THETA), [[0.1], [0.2], [0.3]], 77))
    assert (pub.shots, pub.shape) == (77, (3,))


def test_one_parameter_takes_a_plain_list_of_values():
    (pub,), _ = normalise("sample", (rotation(THETA), np.linspace(0, 1, 5)))
    assert pub.shape == (5,)


def test_an_estimator_pub_gets_the_default_precision():
    (pub,), _ = normalise("estimate", (bell(measured=False), "ZZ"))
    assert isinstance(pub, EstimatorPub)
    assert pub.precision == 0.015625


def test_ready_made_pubs_pass():
    sampler = SamplerPub(bell(), shots=10)
    (pub,), _ = normalise("sample", sampler)
    assert pub.shots == 10
    estimator = EstimatorPub.coerce((bell(measured=False), "ZZ"), 0.5)
    (pub,), _ = normalise("estimate", estimator)
    assert pub.precision == 0.5


def test_lists_and_dicts_come_back_in_their_form():
    value = {"plus": [bell(), (bell(), None, 5)], "minus": bell(), 3: {"x": bell()}}
    pubs, shape = normalise("sample", value)
    assert [pub.shots for pub in pubs] == [1024, 5, 1024, 1024]
    restored = shape.restore(["a", "b", "c", "d"])
    assert restored == {"plus": ["a", "b"], "minus": "c", 3: {"x": "d"}}
    assert list(restored) == ["plus", "minus", 3]


def test_observables_may_be_any_that_qiskit_takes():
    operator = SparsePauliOp.from_list([("ZZ", 0.5), ("XX", -1.0)])
    (pub,), _ = normalise("estimate", (bell(measured=False), [["ZZ"], [operator]]))
    assert pub.shape == (2, 1)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("sample", None, "the sample step returned None: return a circuit"),
        ("sample", 3, "the sample step returned an int: return a circuit"),
        ("sample", [], "the sample step returned an empty list: return a circuit"),
        ("sample", {}, "the sample step returned an empty dict: return a circuit"),
        ("sample", {"a": [1]}, "returned an int at ['a'][0]: return a circuit"),
        ("sample", (bell(), bell()), "(QuantumCircuit, QuantumCircuit): return"),
        ("sample", (bell(), 1, 2, 3), "(QuantumCircuit, int, int, int): return"),
        (
            "estimate",
            bell(measured=False),
            "returned (QuantumCircuit,): return (circuit, observables) or",
        ),
        ("estimate", (bell(measured=False), "ZZZ"), "the circuit does not fit toge"),
        ("estimate", (bell(measured=False), "QQ"), "the circuit does not fit togeth"),
        ("sample", (bell(), [0.3]), "the circuit does not fit together"),
    ],
)
def test_what_is_no_pub_is_told_with_what_to_return(kind, value, message):
    with pytest.raises(NotAPub, match=re.escape(message)):
        normalise(kind, value)


def test_a_parameter_without_value_is_named():
    with pytest.raises(UnboundParameter) as caught:
        normalise("sample", rotation(THETA, PHI))
    assert caught.value.message == (
        "the circuit has no value for parameter phi, theta: return (circuit, values) "
        "with 2 values in the order of circuit.parameters, or "
        "circuit.assign_parameters(...)"
    )


def test_too_few_values_are_told_with_the_names():
    with pytest.raises(UnboundParameter, match=r"2 parameters \(phi, theta\)"):
        normalise("sample", (rotation(THETA, PHI), [[0.1], [0.2]]))


def test_sampling_needs_a_measurement():
    with pytest.raises(MissingMeasurement, match=r"add measure_all\(\)"):
        normalise("sample", bell(measured=False))


def test_a_measurement_inside_control_flow_counts():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(2)):
        circuit.measure(0, 0)
    normalise("sample", circuit)


def test_estimating_a_measured_circuit_is_refused_with_the_fix():
    with pytest.raises(UnwantedMeasurement, match="drop measure_all"):
        normalise("estimate", (bell(), "ZZ"))


def test_a_measurement_in_the_middle_may_be_estimated():
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.x(0)
    normalise("estimate", (circuit, "Z"))


def test_a_measurement_that_a_condition_reads_is_not_final():
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], True)):
        circuit.x(1)
    normalise("estimate", (circuit, "ZI"))


@pytest.mark.parametrize(
    "shots", [0, -1, True, "1024", 1e12, 10**12, math.nan, 1024.0, 2.5, [5]]
)
def test_shots_that_cannot_be_are_refused(shots):
    with pytest.raises(BadShots, match=r"^shots must be a whole number from 1 to 5000"):
        normalise("sample", (bell(), None, shots), Defaults(max_shots=5000))


def test_the_message_about_shots_says_what_to_type():
    with pytest.raises(BadShots) as caught:
        normalise("sample", (bell(), None, 1e12), Defaults(max_shots=5000))
    assert caught.value.message == (
        "shots must be a whole number from 1 to 5000, not 1000000000000.0; "
        "type shots=5000"
    )


def test_numpy_integers_are_shots():
    (pub,), _ = normalise("sample", (bell(), None, np.int64(12)))
    assert pub.shots == 12


@pytest.mark.parametrize("precision", [-0.1, math.nan, math.inf, True, "0.1", 1e-200])
def test_precision_that_cannot_be_is_refused(precision):
    value = (bell(measured=False), "ZZ", None, precision)
    with pytest.raises(BadPrecision, match=r"type precision=|a number such as"):
        normalise("estimate", value, Defaults(max_shots=10**6))


def test_precision_zero_passes_as_exact():
    (pub,), _ = normalise("estimate", (bell(measured=False), "ZZ", None, 0))
    assert pub.precision == 0.0


def test_the_finest_precision_of_a_limit_is_allowed():
    value = (bell(measured=False), "ZZ", None, 1e-3)
    normalise("estimate", value, Defaults(max_shots=10**6))
    with pytest.raises(BadPrecision, match=r"type precision=0\.0011"):
        normalise("estimate", value, Defaults(max_shots=999_999))


@pytest.mark.parametrize("angle", [math.nan, math.inf, -math.inf])
def test_an_angle_that_is_no_number_names_its_gate(angle):
    circuit = QuantumCircuit(2)
    circuit.rz(angle, 1)
    circuit.measure_all()
    with pytest.raises(NotFinite, match=rf"has rz\({angle}\) on qubit 1"):
        normalise("sample", circuit)


def test_a_parameter_value_that_is_no_number_names_the_parameter():
    with pytest.raises(NotFinite, match="binds parameter theta to nan"):
        normalise("sample", (rotation(PHI, THETA), [[0.1, 0.2], [0.3, math.nan]]))


def test_nan_in_a_matrix_a_block_or_the_phase_is_found():
    matrix = np.eye(2, dtype=complex)
    unitary = QuantumCircuit(1)
    gate = UnitaryGate(matrix)
    gate.params[0][0, 0] = math.nan
    unitary.append(gate, [0])
    unitary.measure_all()
    block = QuantumCircuit(1, 1)
    with block.for_loop(range(2)):
        block.rx(math.nan, 0)
    block.measure(0, 0)
    phase = QuantumCircuit(1, global_phase=math.inf)
    phase.measure_all()
    for circuit in (unitary, block, phase):
        with pytest.raises(NotFinite):
            normalise("sample", circuit)


@pytest.mark.parametrize(
    ("precision", "shots"),
    [(1.0, 1), (0.1, 100), (0.015625, 4096), (2000**-0.5, 2000), (0.3, 12)],
)
def test_precision_stands_for_shots(precision, shots):
    assert shots_of(precision) == shots


@pytest.mark.parametrize("value", [object(), b"x", {"a": None}, ("x",), [[]], 1.5, ()])
def test_nonsense_is_always_a_pub_error(value):
    for kind in ("sample", "estimate"):
        with pytest.raises(PubError):
            normalise(kind, value)


def appended(*, last: bool) -> QuantumCircuit:
    """A circuit that measures inside an instruction inside an instruction."""
    inner = QuantumCircuit(1, 1)
    inner.measure(0, 0)
    if not last:
        inner.h(0)
    outer = QuantumCircuit(1, 1)
    outer.append(inner.to_instruction(), [0], [0])
    circuit = QuantumCircuit(2, 1)
    circuit.h(1)
    circuit.append(outer.to_instruction(), [1], [0])
    return circuit


def test_a_measurement_inside_an_appended_circuit_counts():
    normalise("sample", appended(last=True))


def test_a_final_measurement_inside_an_appended_circuit_is_refused_in_an_estimate():
    with pytest.raises(UnwantedMeasurement, match="measurement of qubit 1"):
        normalise("estimate", (appended(last=True), "ZZ"))
    normalise("estimate", (appended(last=False), "ZZ"))
