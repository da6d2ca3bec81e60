"""The composer's document and history over all cells; circuits of gates and code."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

from quantumflow_lab.composer.document import cell_document, read
from quantumflow_lab.composer.gates import (
    GATES,
    MOST_QUBITS,
    gate_circuit,
    gate_lines,
    gates_of,
)
from quantumflow_lab.composer.history import History
from quantumflow_lab.composer.ops import applied
from tests.property.cells import cells

NEW = "brand_new"


@given(cells())
def test_a_document_says_what_the_cell_says_and_holds_its_text(text: str) -> None:
    """A cell that is opened and left alone is the same cell."""
    reading = read(text)
    document = cell_document(reading)
    assert json.loads(json.dumps(document)) == document
    assert document["text"] == text
    assert applied(text, {"do": "text", "text": document["text"]}) == text
    assert reading.workflow is not None
    assert [s["name"] for s in document["steps"]] == [*reading.workflow.step_names]
    for step in document["steps"]:
        same = {"do": "code", "step": step["name"], "text": step["code"]}
        assert applied(text, same) == text
        for option in step["options"]:
            again = {"do": "option", "step": step["name"], **option}
            assert applied(text, again) == text
        for name in set(step["needs"]) - set(step["injected"]):
            assert name in reading.workflow.step(step["name"]).needs
    for option in document["options"]:
        assert applied(text, {"do": "magic", **option}) == text
    for dial in document["dials"]:
        if dial["kind"] != "other":
            assert applied(text, {"do": "assign", **dial}) == text


@given(cells(), st.data())
def test_any_edits_undone_give_the_cell_back(text: str, data: st.DataObject) -> None:
    history = History(text)
    steps = [step["name"] for step in cell_document(read(text))["steps"]]
    step = data.draw(st.sampled_from(steps))
    edits: list[dict[str, Any]] = [
        {"do": "add", "kind": "circuit", "name": NEW, "needs": [step]},
        {"do": "circuit", "step": NEW, "source": {"library": "real_amplitudes"}},
        {"do": "circuit", "step": None, "source": {"library": "QFTGate"}},
        {"do": "assign", "name": "dial", "text": "3"},
        {"do": "connect", "from": "dial", "to": step},
        {"do": "rename", "step": step, "to": "other_name"},
        {"do": "magic", "name": "seed", "text": "77"},
        {"do": "title", "name": "other"},
    ]
    texts = [text]
    for edit in edits:
        history = history.then(applied(history.text, edit))
        assert read(history.text).workflow is not None
        texts.append(history.text)
    for wanted in reversed(texts[:-1]):
        history = history.undone()
        assert history.text == wanted
    assert not history.can_undo
    for wanted in texts[1:]:
        history = history.redone()
        assert history.text == wanted


@st.composite
def drawn(draw: st.DrawFn) -> dict[str, Any]:
    """What the gate editor sends: no two gates in one place."""
    qubits = draw(st.integers(1, MOST_QUBITS))
    kinds = [
        k for k in GATES.values() if k.qubits <= qubits and k.name != "measure_all"
    ]
    gates = []
    for column in range(draw(st.integers(0, 6))):
        free = list(draw(st.permutations(range(qubits))))
        while free and draw(st.booleans()):
            kind = draw(st.sampled_from(kinds))
            number = kind.qubits or qubits
            if number > len(free):
                break
            on, free = free[:number], free[number:]
            angles = st.sampled_from(["0.5", "pi / 2", "-0.25 * pi"])
            gates.append(
                {
                    "name": kind.name,
                    "qubits": on,
                    "column": column,
                    "parameters": [draw(angles) for _ in range(kind.parameters)],
                }
            )
    return {"qubits": qubits, "gates": gates}


def made(lines: tuple[str, ...]) -> QuantumCircuit:
    """What the code makes."""
    from math import pi

    body = "\n".join(f"    {line}" for line in lines)
    names: dict[str, Any] = {"QuantumCircuit": QuantumCircuit, "pi": pi}
    exec(f"def f():\n{body}\n", names)
    return names["f"]()


@given(drawn())
def test_the_gate_editor_opens_again_what_it_made(document: dict[str, Any]) -> None:
    circuit = gate_circuit(document)
    lines = gate_lines(circuit)
    opened = gates_of("def f():\n" + "\n".join(f"    {line}" for line in lines))
    assert opened is not None
    assert opened.qubits == circuit.qubits
    # Drawn as far to the left as it goes, then it stays.
    again = gates_of("\n    ".join(["def f():", *gate_lines(opened)]))
    assert again == gate_circuit(opened.document())
    for qubit in range(circuit.qubits):
        assert [(g.name, g.parameters) for g in opened.gates if qubit in g.qubits] == [
            (g.name, g.parameters) for g in circuit.gates if qubit in g.qubits
        ]


@settings(max_examples=25, deadline=None)
@given(drawn())
def test_code_of_gates_is_the_circuit_that_was_drawn(document: dict[str, Any]) -> None:
    document["qubits"] = min(document["qubits"], 4)
    document["gates"] = [
        gate
        for gate in document["gates"]
        if gate["name"] not in ("measure", "reset", "barrier")
        and max(gate["qubits"]) < document["qubits"]
    ]
    from math import pi

    expected = QuantumCircuit(document["qubits"])
    for gate in sorted(document["gates"], key=lambda each: each["column"]):
        angles = [eval(text, {"pi": pi}) for text in gate["parameters"]]
        getattr(expected, gate["name"])(*angles, *gate["qubits"])
    circuit = made(gate_lines(gate_circuit(document)))
    assert Operator(circuit) == Operator(expected)
