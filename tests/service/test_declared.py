"""Declared workflows: names and numbers become a cell, and nothing else does."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from quantumflow_lab.errors import BadDocument, CircuitTooLarge
from quantumflow_lab.service.declared import (
    BELL,
    Bounds,
    CircuitSource,
    Declared,
    cell_of,
)


def turned(_: CircuitSource, __: str) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("theta"), 0)
    circuit.cx(0, 1)
    return circuit


def changed(**changes: Any) -> dict[str, Any]:
    return {**BELL, "steps": [{**BELL["steps"][0], **changes}]}


def test_a_document_becomes_this_cell() -> None:
    cell = cell_of(Declared.model_validate(BELL), turned, Bounds())
    assert cell.source == (
        "theta = qf.axis([0.0, 0.5, 1.0], unit='rad')\n"
        "\n"
        "@qf.estimate(precision=0.02, timeout=600.0)\n"
        "def values(theta):\n"
        "    return (qflow_circuit_turned, "
        "[qflow_observable_zz, qflow_observable_energy], {'theta': theta},)\n"
    )
    assert sorted(cell.inputs) == [
        "qflow_circuit_turned",
        "qflow_observable_energy",
        "qflow_observable_zz",
    ]
    assert not cell.code


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (
            changed(circuit="turnd"),
            "names circuit 'turnd', which is not there; did you",
        ),
        (changed(observables=["xx"]), "names observable 'xx', which is not there"),
        (changed(observables=[]), "names at least one observable"),
        (changed(kind="sample"), "a sample step has no observables"),
        (changed(parameters={"theta": {"axis": "phi"}}), "names axis 'phi'"),
        (changed(name="theta"), "'theta' names two axes or steps"),
        (changed(name="lambda"), "means something else; choose another name"),
        (changed(name="qflow_circuit_turned"), "means something else"),
        (changed(name="a b"), "should match pattern"),
        (changed(shot=3), "Extra inputs are not permitted"),
        ({**BELL, "steps": []}, "at least 1 item"),
        ({**BELL, "format": "qflow-steps/2"}, "qflow-steps/1"),
    ],
)
def test_what_does_not_fit_is_said(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        Declared.model_validate(document)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed(parameters={}), "gives no value to parameter 'theta' of circuit"),
        (changed(parameters={"thta": 1.0, "theta": 0.0}), "has no parameter 'thta'"),
        ({**BELL, "observables": {"zz": {"Z": 1}, "energy": {"X": 1}}}, "2 qubits"),
    ],
)
def test_what_the_circuit_does_not_fit_is_said(
    document: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadDocument, match=re.escape(says)):
        cell_of(Declared.model_validate(document), turned, Bounds())


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed(shots=2_000_000), "2,000,000 shots of step 'values' are more than"),
        (changed(precision=1e-6), "a precision of 1e-06 in step 'values' takes more"),
        (
            {**BELL, "axes": {"theta": {"values": [0.0] * 10_001}}},
            "10,001 points of step 'values' are more than the 10,000",
        ),
        (
            {
                **BELL,
                "circuits": {f"c{i}": BELL["circuits"]["turned"] for i in range(64)}
                | BELL["circuits"],
            },
            "65 circuits are more than the 64",
        ),
    ],
)
def test_what_asks_for_too_much_is_refused_before_it_is_read(
    document: dict[str, Any], says: str
) -> None:
    def never(_: CircuitSource, __: str) -> Any:
        raise AssertionError("a circuit was read")

    with pytest.raises(CircuitTooLarge, match=re.escape(says)):
        cell_of(Declared.model_validate(document), never, Bounds())


def test_qpy_that_is_no_base64_is_said() -> None:
    with pytest.raises(BadDocument, match="a circuit in QPY comes as base64"):
        CircuitSource(format="qpy", source="?!").content()


NASTY = st.text(max_size=30) | st.sampled_from(
    ["x'): __import__('os').system('true') #", "\n@qf.step", "');", "{x}", "\\", "'''"]
)


@settings(max_examples=150)
@given(parameter=NASTY, unit=NASTY, backend=NASTY, value=st.floats(allow_nan=False))
def test_no_text_of_a_document_becomes_code(
    parameter: str, unit: str, backend: str, value: float
) -> None:
    document = changed(
        parameters={"theta": {"axis": "theta"}, parameter: value}, backend=backend
    )
    document["axes"] = {"theta": {"values": [value], "unit": unit}}

    def read(_: CircuitSource, __: str) -> QuantumCircuit:
        circuit = turned(_, __)
        if parameter != "theta":
            circuit.rz(Parameter(parameter), 0)
        return circuit

    try:
        declared = Declared.model_validate(document)
    except ValidationError:
        return
    tree = ast.parse(cell_of(declared, read, Bounds()).source)
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else "?"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert called == {"axis", "estimate"}
    assert [type(each) for each in tree.body] == [ast.Assign, ast.FunctionDef]
