"""Circuits there and back in each format, bombs, and files with flipped bits."""

from __future__ import annotations

import io
import os
import random
import resource
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm2, qasm3, qpy
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator

import quantumflow_lab as qf
from quantumflow_lab import reading
from quantumflow_lab.errors import (
    BadCircuitData,
    BadCircuitText,
    CircuitSourceError,
    CircuitTooLarge,
)

OLD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
NEW = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'

circuits = st.builds(
    random_circuit,
    num_qubits=st.integers(1, 4),
    depth=st.integers(1, 6),
    max_operands=st.just(3),
    seed=st.integers(0, 2**31 - 1),
)


def packed(*circuits: QuantumCircuit) -> bytes:
    out = io.BytesIO()
    qpy.dump(list(circuits), out)
    return out.getvalue()


def same_unitary(found: QuantumCircuit, expected: QuantumCircuit) -> bool:
    return np.allclose(Operator(found).data, Operator(expected).data, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(circuits)
def test_openqasm_2_reads_as_qiskits_own_loader_reads_it(
    circuit: QuantumCircuit,
) -> None:
    text = qasm2.dumps(circuit)
    found = qf.read_circuit(text)
    legacy = QuantumCircuit.from_qasm_str(text)
    assert same_unitary(found, legacy)
    # The format has no global phase.
    assert Operator(found).equiv(Operator(circuit), atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(circuits)
def test_openqasm_3_gives_the_unitary_it_was_written_from(
    circuit: QuantumCircuit,
) -> None:
    found = qf.read_circuit(qasm3.dumps(circuit))
    # Qiskit writes gate definitions without their global phase.
    assert Operator(found).equiv(Operator(circuit), atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.lists(circuits, min_size=1, max_size=3))
def test_qpy_reads_as_qiskits_own_loader_reads_it(
    several: list[QuantumCircuit],
) -> None:
    data = packed(*several)
    assert qf.read_circuits(data) == qpy.load(io.BytesIO(data))


def doubling(levels: int, last: str) -> str:
    gates = ["gate g0 a { x a; }"]
    for lower, upper in pairwise(range(levels + 1)):
        gates.append(f"gate g{upper} a {{ g{lower} a; g{lower} a; }}")
    return "\n".join((*gates, last))


def chain(levels: int) -> str:
    steps = (f"gate g{i + 1} a {{ g{i} a; }}" for i in range(levels))
    return "\n".join(("gate g0 a { x a; }", *steps))


def doubled_qpy(levels: int) -> bytes:
    inner = QuantumCircuit(1)
    inner.x(0)
    for level in range(levels):
        outer = QuantumCircuit(1, name=f"level{level}")
        gate = inner.to_gate()
        outer.append(gate, [0])
        outer.append(gate, [0])
        inner = outer
    return packed(inner)


SMALL = packed(QuantumCircuit(2, name="small"))
WIDE = ", ".join(f"a{i}" for i in range(20))
BITS = ", ".join(f"q[{i}]" for i in range(20))
BOMBS: dict[str, tuple[str | bytes, type[CircuitSourceError]]] = {
    "gates that double, 2": (OLD + doubling(40, "qreg q[1]; g40 q;"), CircuitTooLarge),
    "gates that double, 3": (NEW + doubling(40, "qubit q; g40 q;"), CircuitTooLarge),
    "a chain of gates, 2": (
        OLD + chain(5_000) + "qreg q[1]; g5000 q;",
        CircuitTooLarge,
    ),
    "a chain of gates, 3": (NEW + chain(500) + "qubit q; g500 q;", CircuitTooLarge),
    "a register, 2": (OLD + "qreg q[1000000000];", CircuitTooLarge),
    "a register of many digits": (OLD + f"qreg q[{'9' * 5000}];", CircuitTooLarge),
    "many registers": (
        OLD + "".join(f"qreg q{i}[900];" for i in range(50)),
        CircuitTooLarge,
    ),
    "a register, 3": (NEW + "qubit /* */ [4_000_000_000] q;", CircuitTooLarge),
    "a register of a product": (NEW + "qubit[100000 * 100000] q;", CircuitTooLarge),
    "a classical register": (OLD + "creg c[2147483647];", CircuitTooLarge),
    "a loop": (
        NEW + "qubit q; for int i in [0:1000000000000] { x q; }",
        CircuitTooLarge,
    ),
    "a loop backwards": (
        NEW + "qubit q; for int i in [9000000000:-1:0] { x q; }",
        CircuitTooLarge,
    ),
    "loops in loops": (
        NEW + "qubit q; " + "for int i in [0:999] { " * 5 + "x q;" + "}" * 5,
        CircuitTooLarge,
    ),
    "brackets": (
        OLD + f"qreg q[1]; rx({'(' * 100_000}1{')' * 100_000}) q[0];",
        CircuitTooLarge,
    ),
    "calls": (
        OLD + f"qreg q[1]; rx({'sin(' * 9_999}1{')' * 9_999}) q[0];",
        CircuitTooLarge,
    ),
    "blocks": (NEW + "qubit q; " + "if (true) { " * 9_999, CircuitTooLarge),
    "signs": (NEW + f"qubit q; rx({'-' * 5_000}1) q;", CircuitTooLarge),
    "a sum": (NEW + f"qubit q; rx({'+'.join(['1'] * 5_000)}) q;", CircuitTooLarge),
    "an exponent": (OLD + "qreg q[1]; rx(1e999999) q[0];", BadCircuitText),
    "a tower": (OLD + "qreg q[1]; rx(9^9^9^9^9) q[0];", BadCircuitText),
    "a shift": (NEW + "qubit q; rx(1 << 100000000000) q;", BadCircuitText),
    "digits": (NEW + f"qubit q; rx({'9' * 100_000}) q;", BadCircuitText),
    "controls": (
        NEW + "qubit[2] q; ctrl(1000000000) @ x q[0], q[1];",
        CircuitTooLarge,
    ),
    "a root of a wide gate": (
        NEW + f"gate w {WIDE} {{ h a0; }} qubit[20] q; pow(0.37) @ w {BITS};",
        CircuitTooLarge,
    ),
    "a broadcast": (OLD + "qreg q[10000];" + "h q;" * 100_000, CircuitTooLarge),
    "a long name": (OLD + "x" * 1_000_000, BadCircuitText),
    "too many bytes": (NEW + " " * 17 * 2**20, CircuitTooLarge),
    "zero bytes": (OLD + "\0" * 1000, BadCircuitText),
    "QPY of too many circuits": (
        SMALL[:10] + b"\xff" * 8 + SMALL[18:],
        BadCircuitData,
    ),
    "QPY that doubles": (doubled_qpy(10), CircuitTooLarge),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_within_its_limits(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_PARSE_SECONDS", "1")
    monkeypatch.setenv("QFLOW_PARSE_MEMORY_MB", "512")
    if name == "QPY that doubles":
        monkeypatch.setenv("QFLOW_PARSE_INSTRUCTIONS", "1000")
    source, kind = BOMBS[name]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(kind) as caught:
        qf.read_circuit(source)
    assert time.monotonic() - began < 10
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # The source itself is copied a few times: as text, as bytes, as a message.
    assert grown * 1024 < 32 * 2**20 + 4 * len(source)
    assert len(str(caught.value)) < 1000


def test_no_child_survives_its_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFLOW_PARSE_SECONDS", "0.5")
    qf.read_circuit("OPENQASM 3.0; qubit q;")
    child = reading._parser.pid
    with pytest.raises(CircuitTooLarge, match=r"takes more than 0\.5 s"):
        qf.read_circuit(BOMBS["a broadcast"][0])
    assert child is not None
    assert reading._parser.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def rich() -> list[bytes]:
    """Files with all that QPY has a place for."""
    theta, vector = Parameter("theta"), QuantumCircuit(3, 2, name="flow")
    vector.rx(2 * theta + 1, 0)
    vector.measure(0, 0)
    with vector.if_test((vector.clbits[0], 1)) as otherwise:
        vector.x(1)
    with otherwise:
        vector.h(1)
    with vector.for_loop(range(3)):
        vector.cx(0, 2)
    library = QuantumCircuit(3, metadata={"by": "hand"}, global_phase=0.5)
    library.unitary(np.eye(4), [0, 1])
    library.initialize([1, 0], 2)
    library.append(random_circuit(2, 2, seed=4).to_gate().control(1), [0, 1, 2])
    files = [packed(vector, library), packed(random_circuit(4, 5, seed=1))]
    out = io.BytesIO()
    qpy.dump([vector, library], out, version=13)
    return [*files, out.getvalue()]


def damaged(data: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(5)
    at = rng.randrange(7, len(data))
    if kind == 0:
        return data[:at]
    found = bytearray(data)
    if kind == 1:
        found[at : at + 8] = b"\xff" * 8
    elif kind == 2:
        found[at : at + 4] = rng.randbytes(4)
    elif kind == 3:
        del found[at : at + rng.randrange(1, 16)]
    else:
        for _ in range(rng.randrange(1, 6)):
            found[rng.randrange(7, len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def test_damaged_qpy_gives_circuits_or_a_typed_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QFLOW_PARSE_SECONDS", "1")
    monkeypatch.setenv("QFLOW_PARSE_MEMORY_MB", "512")
    rng, files = random.Random(2026), rich()
    outcomes = {"read": 0, "refused": 0}
    for _ in range(400):
        try:
            qf.read_circuits(damaged(rng.choice(files), rng), format="qpy")
        except CircuitSourceError:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
    assert outcomes["refused"] > 200
    assert outcomes["read"] > 10


@pytest.mark.parametrize("version", range(1, 13))
def test_an_old_version_in_the_header_is_read_or_refused(version: int) -> None:
    rng, data = random.Random(version), packed(random_circuit(2, 2, seed=3))
    for _ in range(5):
        old = b"QISKIT" + bytes([version]) + damaged(data, rng)[7:]
        with pytest.raises(CircuitSourceError):
            qf.read_circuit(old)
