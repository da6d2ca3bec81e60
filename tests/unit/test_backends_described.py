"""What another environment says of a backend is believed only if it can be."""

from __future__ import annotations

import copy

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import IfElseOp, Parameter
from qiskit.circuit.library import RXGate, RZGate

from quantumflow_lab.backends.counts import read_counts
from quantumflow_lab.backends.described import Described, result_of
from quantumflow_lab.errors import BackendFailed

GATE = {
    "name": "rz",
    "base": "rz",
    "qubits": 1,
    "clbits": 0,
    "params": [None],
    "places": [[[0], 2e-8, 0.001], [[1], None, None]],
}
SAID = {
    "qiskit": "2.1.2",
    "qpy": 15,
    "backend": {
        "name": "garnet",
        "text": "",
        "version": "",
        "max_circuits": None,
        "max_shots": 20_000,
        "options": {"shots": 1024, "model": None},
        "num_qubits": 2,
        "dt": 1e-9,
        "timing": {
            "granularity": 1,
            "min_length": 1,
            "pulse_alignment": 1,
            "acquire_alignment": 1,
        },
        "qubits": [[1e-4, 5e-5, 4.8e9], [None, None, None]],
        "operations": [
            GATE,
            {**GATE, "name": "rx_90", "base": "rx", "params": [1.5]},
            {
                **GATE,
                "name": "move",
                "base": "move",
                "qubits": 2,
                "params": [],
                "places": [[[0, 1], None, None]],
            },
            {"name": "if_else", "open": True},
            {"name": "save_state", "open": True},
        ],
    },
}


def changed(path, value):
    said = copy.deepcopy(SAID)
    place = said
    *way, last = path
    for step in way:
        place = place[step]
    place[last] = value
    return said


def test_a_target_is_built_from_what_is_said():
    known = Described.of(SAID)
    target = known.target
    assert (known.name, known.qpy, known.max_shots) == ("garnet", 15, 20_000)
    assert (target.num_qubits, target.dt) == (2, 1e-9)
    assert target.qubit_properties[0].t1 == 1e-4
    assert sorted(target.operation_names) == ["if_else", "move", "rx_90", "rz"]
    assert isinstance(target.operation_from_name("rz"), RZGate)
    assert target["rz"][0,].duration == 2e-8
    assert target["rz"][0,].error == 0.001
    assert target["rz"][1,] is None


def test_a_fixed_angle_stays_fixed():
    target = Described.of(SAID).target
    fixed = target.operation_from_name("rx_90")
    assert isinstance(fixed, RXGate)
    assert fixed.params == [1.5]
    assert target.instruction_supported("rx_90", (0,), RXGate, [1.5])
    assert not target.instruction_supported("rx_90", (0,), RXGate, [1.6])


def test_an_unknown_gate_is_opaque_and_as_wide_as_it_says():
    move = Described.of(SAID).target.operation_from_name("move")
    assert (move.name, move.num_qubits, move.params) == ("move", 2, [])


def test_control_flow_is_known_by_name_and_other_open_operations_are_left_out():
    target = Described.of(SAID).target
    assert target.operation_from_name("if_else") is IfElseOp
    assert "save_state" not in target.operation_names


def test_a_gate_of_a_standard_name_but_another_shape_is_not_taken_for_it():
    said = changed(("backend", "operations", 0, "params"), [None, None])
    rz = Described.of(said).target.operation_from_name("rz")
    assert not isinstance(rz, RZGate)
    assert all(isinstance(param, Parameter) for param in rz.params)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("qpy",), "15"),
        (("qpy",), True),
        (("qpy",), 0),
        (("backend",), []),
        (("backend", "name"), 7),
        (("backend", "name"), "x" * 5000),
        (("backend", "max_circuits"), -1),
        (("backend", "options"), ["shots"]),
        (("backend", "options", "shots"), {"deep": 1}),
        (("backend", "num_qubits"), 10**6),
        (("backend", "dt"), float("nan")),
        (("backend", "dt"), 10**400),
        (("backend", "timing"), {}),
        (("backend", "qubits"), [[None] * 3] * 3),
        (("backend", "qubits", 0), [1.0]),
        (("backend", "operations"), {}),
        (("backend", "operations", 0), "rz"),
        (("backend", "operations", 0, "qubits"), 10**9),
        (("backend", "operations", 0, "params"), ["theta"]),
        (("backend", "operations", 0, "places"), [[[0], None]]),
        (("backend", "operations", 0, "places"), [[[2], None, None]]),
        (("backend", "operations", 0, "places"), [[[0, 1], None, None]]),
        (("backend", "operations", 0, "places"), [[[0], -1.0, None]]),
        (("backend", "operations", 0, "places"), [[[0], None, float("inf")]]),
        (("backend", "operations", 2, "places"), [[[1, 1], None, None]]),
    ],
)
def test_what_cannot_be_is_refused(path, value):
    with pytest.raises(
        BackendFailed, match=r"^the other environment said something impossible about "
    ):
        Described.of(changed(path, value))


def circuit():
    measured = QuantumCircuit(2, 2)
    measured.measure([0, 1], [0, 1])
    return measured


def answer(counts, **more):
    part = {"success": True, "status": "DONE", "counts": counts}
    return {"success": True, "status": "DONE", "circuits": [{**part, **more}]}


def read(said, *circuits):
    return result_of(said, circuits, backend="garnet", shots=10, job="7")


@pytest.mark.parametrize(
    "counts", [{"0x2": 10}, {"10": 10}, {"1 0": 10}], ids=["hex", "bits", "spaces"]
)
def test_outcomes_arrive_as_they_were_keyed(counts):
    result = read(answer(counts), circuit())
    assert result.data(0)["counts"] == counts
    assert read_counts(result, 0, circuit()) == {2: 10}


@pytest.mark.parametrize(
    "counts", [[], {"00": -1}, {"00": 1.5}, {"00": True}, {"0" * 200: 1}, None]
)
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(BackendFailed, match=r"something impossible about counts$"):
        read(answer(counts), circuit())


def test_an_answer_for_fewer_circuits_than_were_asked_is_refused():
    with pytest.raises(BackendFailed, match=r"^garnet answered 1 of 2 circuits$"):
        read(answer({"00": 10}), circuit(), circuit())
