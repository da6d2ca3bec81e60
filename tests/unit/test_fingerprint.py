"""Keys of inputs: equal for equal content, whatever it is called."""

from __future__ import annotations

import math
import subprocess
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Gate, Parameter, QuantumRegister
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import PauliEvolutionGate, UnitaryGate
from qiskit.quantum_info import SparsePauliOp

from quantumflow_lab.errors import NotStorable
from quantumflow_lab.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable


def everything(
    *,
    angle: float = 0.1,
    inner: float = 0.2,
    control: int = 1,
    bit: int = 1,
    loops: int = 3,
    delay: int = 100,
    label: str | None = None,
    creg: str = "result",
    name: str | None = None,
    qreg: str | None = None,
) -> QuantumCircuit:
    """A circuit with every kind of thing that a circuit can hold."""
    result = ClassicalRegister(3, creg)
    circuit = QuantumCircuit(QuantumRegister(3, qreg), result, name=name)
    circuit.rz(angle, 0)
    circuit.cx(0, 1, ctrl_state=control)
    own = QuantumCircuit(1)
    own.rx(inner, 0)
    circuit.append(own.to_gate(), [1])
    circuit.append(own.to_gate().control(1), [1, 2])
    circuit.append(Gate("opaque", 1, [angle], label=label), [0])
    circuit.append(PauliEvolutionGate(SparsePauliOp("XX"), time=inner), [0, 1])
    turn = [[np.cos(inner), -np.sin(inner)], [np.sin(inner), np.cos(inner)]]
    circuit.append(UnitaryGate(np.array(turn)), [0])
    circuit.initialize([1, 0], 2)
    circuit.ry(Parameter("p") * angle + 0.3, 0)
    circuit.delay(delay, 0, "dt")
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((result[0], bit)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.rx(inner, 1)
    with circuit.for_loop(range(loops)) as step:
        circuit.rx(step * 0.1, 0)
    with circuit.while_loop(expr.less(result, 2 + bit)):
        circuit.x(1)
    with circuit.switch(result) as case:
        with case(1 + bit):
            circuit.x(0)
        with case(case.DEFAULT):
            circuit.z(0)
    seen = circuit.add_var("seen", expr.lift(bit, types.Uint(4)))
    circuit.store(seen, expr.lift(3, types.Uint(4)))
    return circuit


def test_twins_that_qiskit_has_named_are_equal() -> None:
    assert fingerprint(everything()) == fingerprint(everything())


def test_names_of_circuits_and_quantum_registers_do_not_count() -> None:
    named = everything(name="bell", qreg="alice")
    assert fingerprint(named) == fingerprint(everything())


@pytest.mark.parametrize(
    "change",
    [
        {"angle": 0.1 + 1e-15},
        {"inner": 0.2 + 1e-15},
        {"control": 0},
        {"bit": 0},
        {"loops": 4},
        {"delay": 101},
        {"label": "noisy"},
        {"creg": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_else_counts(change: dict[str, Any]) -> None:
    assert fingerprint(everything(**change)) != fingerprint(everything())


def one_qubit(act: Callable[[QuantumCircuit], object]) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    act(circuit)
    return circuit


def phase(circuit: QuantumCircuit) -> None:
    circuit.global_phase = 0.5


def test_small_differences_are_seen() -> None:
    circuits = [
        one_qubit(lambda c: None),
        one_qubit(phase),
        one_qubit(lambda c: c.x(0)),
        one_qubit(lambda c: c.x(1)),
        one_qubit(lambda c: c.x(0, label="a")),
        one_qubit(lambda c: (c.x(0), c.h(0))),
        one_qubit(lambda c: (c.h(0), c.x(0))),
        one_qubit(lambda c: c.cx(0, 1)),
        one_qubit(lambda c: c.cx(1, 0)),
        one_qubit(lambda c: c.delay(1e-6, 0, "s")),
        one_qubit(lambda c: c.delay(1e-6, 0, "us")),
        one_qubit(lambda c: c.measure(0, 0)),
        one_qubit(lambda c: c.measure(1, 0)),
        one_qubit(lambda c: c.barrier()),
        one_qubit(lambda c: c.rx(0.1, 0)),
        one_qubit(lambda c: c.rx(math.nextafter(0.1, 1), 0)),
        one_qubit(lambda c: c.rx(Parameter("a"), 0)),
        one_qubit(lambda c: c.rx(Parameter("b"), 0)),
        QuantumCircuit(2),
        QuantumCircuit(3, 1),
    ]
    assert len({fingerprint(circuit) for circuit in circuits}) == len(circuits)


def test_a_gate_is_the_same_shared_or_not() -> None:
    shared, own = QuantumCircuit(1), QuantumCircuit(1)
    shared.x(0)
    own.append(shared.data[0].operation.to_mutable(), [0])
    assert fingerprint(shared) == fingerprint(own)


def test_a_layout_counts() -> None:
    from qiskit import transpile

    circuit = QuantumCircuit(2)
    circuit.h(0)
    one = transpile(
        circuit, initial_layout=[0, 1], basis_gates=["h"], coupling_map=[[0, 1]]
    )
    bare = one.copy()
    bare._layout = None
    assert fingerprint(one) != fingerprint(bare)


def double(x: float, factor: float = 2) -> float:
    return x * factor


def made(factor: float) -> Callable[[float], float]:
    def scale(x: float) -> float:
        return x * factor

    return scale


def test_a_function_is_its_source_its_defaults_and_what_it_holds() -> None:
    assert fingerprint(made(2)) == fingerprint(made(2))
    assert fingerprint(made(2)) != fingerprint(made(3))
    other = FunctionType(double.__code__, globals(), "double", (3,))
    assert fingerprint(double) != fingerprint(other)
    assert fingerprint(double) != fingerprint(made(2))
    assert fingerprint([double, 1]) == fingerprint([double, 1])


def test_comments_and_layout_of_a_function_do_not_count(tmp_path: Any) -> None:
    keys = []
    sources = [
        "def f(x):\n    return x+1\n",
        "def f( x ):\n    # why\n    return (x + 1)\n",
    ]
    for number, source in enumerate([*sources, "def f(x):\n    return x + 2\n"]):
        path = tmp_path / f"module_{number}.py"
        path.write_text(source)
        space: dict[str, Any] = {}
        exec(compile(source, str(path), "exec"), space)
        keys.append(fingerprint(space["f"]))
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_values_of_different_types_differ() -> None:
    values: list[Any] = [
        *(1, 1.0, True, "1", b"1", None, 1 + 0j, [1], (1,), {1}, {"a": 1}, [[1]], []),
        *(0.0, -0.0, np.float64(1), np.float32(1), np.int64(1), np.array(1.0)),
        *(np.array([1.0]), np.array([1]), np.array([[1]]), SparsePauliOp("X")),
        *({"a": 1, "b": 2}, {"b": 2, "a": 1}, [["a"], "b"], ["a", ["b"]], int, len),
    ]
    assert len({fingerprint(value) for value in values}) == len(values)


def test_a_key_is_the_same_in_another_process() -> None:
    code = (
        "import numpy as np\n"
        "from quantumflow_lab.fingerprint import fingerprint\n"
        "print(fingerprint({'a': {'x', 'y', 'z'}, 'b': [np.arange(3), 0.1]}))\n"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    here = fingerprint({"a": {"x", "y", "z"}, "b": [np.arange(3), 0.1]})
    assert said.strip() == here


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(NotStorable, match=r"cannot store a builtins\.object"):
        fingerprint([object()])
