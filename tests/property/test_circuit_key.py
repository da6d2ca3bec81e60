"""What the key of a circuit sees, and what it does not."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy, transpile
from qiskit.circuit import (
    AnnotatedOperation,
    Gate,
    Parameter,
    ParameterVector,
    PowerModifier,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import (
    RXGate,
    UnitaryGate,
    XGate,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import Clifford

from quantumflow_lab.errors import NotStorable
from quantumflow_lab.fingerprint import circuit_key

GATES = get_standard_gate_name_mapping()
STANDARD = sorted(
    name
    for name, gate in GATES.items()
    if isinstance(gate, Gate) and gate.num_qubits <= 3 and name != "global_phase"
)
ANGLES = st.floats(-10, 10, allow_nan=False)


def key(circuit: QuantumCircuit) -> str:
    return circuit_key(circuit)[0]


@st.composite
def recipes(draw: Callable[..., object]) -> list[tuple[str, list[int], list[float]]]:
    """Gates of all kinds on four qubits, with their angles."""
    found = []
    for _ in range(draw(st.integers(1, 8))):
        name = draw(st.sampled_from(STANDARD))
        gate = GATES[name]
        qubits = draw(st.permutations(range(4)))[: gate.num_qubits]
        angles = [draw(ANGLES) for _ in gate.params]
        found.append((name, list(qubits), angles))
    return found


def build(recipe: list[tuple[str, list[int], list[float]]]) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(4), ClassicalRegister(2, "c"))
    for name, qubits, angles in recipe:
        circuit.append(GATES[name].base_class(*angles), qubits)
    circuit.measure([0, 1], [0, 1])
    return circuit


@given(recipes())
@settings(max_examples=60, deadline=None)
def test_twins_are_equal_and_so_are_copies_and_what_qpy_keeps(recipe):
    circuit = build(recipe)
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer)
    buffer.seek(0)
    twins = [build(recipe), circuit.copy("another name"), qpy.load(buffer)[0]]
    assert {key(twin) for twin in twins} == {key(circuit)}


@given(recipes(), st.data())
@settings(max_examples=100, deadline=None)
def test_every_change_of_a_gate_is_seen(recipe, data):
    at = data.draw(st.integers(0, len(recipe) - 1))
    name, qubits, angles = recipe[at]
    changes = [(name, [*qubits[1:], *qubits[:1]], angles)] if len(qubits) > 1 else []
    other = data.draw(st.sampled_from([q for q in range(4) if q not in qubits]))
    changes.append((name, [other, *qubits[1:]], angles))
    for number, angle in enumerate(angles):
        # The next number that there is.
        nearby = math.nextafter(angle, math.inf)
        changes.append(
            (name, qubits, [*angles[:number], nearby, *angles[number + 1 :]])
        )
    rest = (recipe[:at], recipe[at + 1 :])
    found = {key(build([*rest[0], change, *rest[1]])) for change in changes}
    assert key(build(recipe)) not in found
    assert key(build([*rest[0], *rest[1]])) != key(build(recipe))


@given(recipes(), recipes())
@settings(max_examples=60, deadline=None)
def test_other_circuits_have_other_keys(one, other):
    assert (key(build(one)) == key(build(other))) == (repr(one) == repr(other))


def turned(*parameters: Parameter) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.rx(parameters[0], 0)
    circuit.rzz(2 * parameters[1], 0, 1)
    circuit.ry(parameters[0] + 0.5, 1)
    return circuit


def test_parameters_are_numbered_by_their_first_appearance():
    theta, phi = Parameter("theta"), Parameter("phi")
    vector = ParameterVector("v", 12)
    renamed = [
        turned(theta, phi),
        turned(phi, theta),
        turned(Parameter("z"), Parameter("a")),
        turned(vector[10], vector[2]),
    ]
    assert len({key(circuit) for circuit in renamed}) == 1
    orders = [circuit_key(circuit)[1] for circuit in renamed]
    assert orders == [
        ("theta", "phi"),
        ("phi", "theta"),
        ("z", "a"),
        ("v[10]", "v[2]"),
    ]


def test_which_parameter_is_where_is_seen():
    a, b = Parameter("a"), Parameter("b")
    same, other = QuantumCircuit(1), QuantumCircuit(1)
    same.rx(a, 0)
    same.rz(a, 0)
    other.rx(a, 0)
    other.rz(b, 0)
    assert key(same) != key(other)


def plain(change: str = "") -> QuantumCircuit:
    """A circuit with something of everything, one of them changed."""
    qubits = QuantumRegister(3, "other" if change == "quantum register" else "q")
    bits = ClassicalRegister(2, "bits" if change == "classical register" else "c")
    circuit = QuantumCircuit(qubits, bits, name=change or None)
    circuit.h(0)
    circuit.append(XGate(label="slow" if change == "label" else None), [1])
    state = "01" if change == "control state" else "11"
    gate = RXGate(0.3).control(2, ctrl_state=state, annotated=False)
    circuit.append(gate, [0, 1, 2])
    circuit.delay(
        200 if change == "delay" else 100, 0, "ns" if change == "unit" else "dt"
    )
    matrix = [[1, 0], [0, -1 if change == "matrix" else 1]]
    circuit.append(UnitaryGate(matrix), [2])
    inner = QuantumCircuit(1, name="mine")
    inner.rx(0.2 if change == "definition" else 0.1, 0)
    circuit.append(inner.to_gate(), [1])
    if change == "order":
        circuit.x(1)
        circuit.x(0)
    else:
        circuit.x(0)
        circuit.x(1)
    circuit.measure(0, 1 if change == "clbit" else 0)
    with circuit.if_test((bits[0], 0 if change == "condition" else 1)):
        circuit.y(2 if change == "block" else 1)
    with circuit.if_test(
        expr.less(bits, 2) if change == "expression" else expr.less(bits, 3)
    ):
        circuit.z(1)
    with circuit.for_loop(range(4 if change == "loop" else 3)):
        circuit.sx(0)
    with circuit.box(
        label="twirl" if change == "box" else None,
        duration=800 if change == "duration" else 400,
        unit="ns" if change == "box unit" else "dt",
    ):
        circuit.h(2)
    if change == "phase":
        circuit.global_phase = 0.1
    return circuit


@pytest.mark.parametrize(
    "change",
    [
        *("label", "control state", "delay", "unit", "matrix", "definition", "order"),
        *("clbit", "condition", "block", "expression", "loop", "phase"),
        *("classical register", "box", "duration", "box unit"),
    ],
)
def test_each_part_of_a_circuit_is_seen(change):
    assert key(plain(change)) != key(plain())


@pytest.mark.parametrize("change", ["quantum register", "name", ""])
def test_names_are_not(change):
    assert key(plain(change)) == key(plain())


def test_the_layout_is_seen():
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    found = {
        key(
            transpile(
                circuit, basis_gates=["cx"], coupling_map=[[0, 1], [1, 0]], **given
            )
        )
        for given in ({"initial_layout": [0, 1]}, {"initial_layout": [1, 0]})
    }
    assert len({*found, key(circuit)}) == 3


def test_another_process_finds_the_same_key():
    code = (
        "from tests.property.test_circuit_key import key, plain\n"
        "print(key(plain()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == key(plain())


def test_modifiers_and_what_they_modify_are_seen():
    found = set()
    for base, power in (
        (XGate(), 2),
        (XGate(), 3),
        (UnitaryGate([[1, 0], [0, -1]]), 3),
    ):
        circuit = QuantumCircuit(1)
        circuit.append(AnnotatedOperation(base, [PowerModifier(power)]), [0])
        found.add(key(circuit))
    assert len(found) == 3


def test_what_is_not_defined_by_its_name_has_no_key():
    circuit = QuantumCircuit(1)
    circuit.append(Clifford(QuantumCircuit(1)), [0])
    with pytest.raises(NotStorable, match="Clifford in a circuit has no content key"):
        circuit_key(circuit)
