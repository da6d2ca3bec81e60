"""Parts of the composer: palette, circuits, sizes of axes, what is refused, opening."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.composer.counting import axis_size, axis_unit
from quantumflow_lab.composer.document import Surroundings, cell_document, read
from quantumflow_lab.composer.gates import GATES, gates_of
from quantumflow_lab.composer.library import ENTRIES, library_body, library_circuits
from quantumflow_lab.composer.opening import opened
from quantumflow_lab.composer.ops import Names, applied
from quantumflow_lab.composer.palette import palette
from quantumflow_lab.errors import BadOption, EditRefused, UnknownRun
from quantumflow_lab.workflow import KINDS

PAIR = """\
%%qflow bell --backend aer,fake_lima
n = 21
angle = qf.axis(np.linspace(0, 1, n), unit="rad")

@qf.circuit
def pair(angle):
    qc = QuantumCircuit(2, 2)
    qc.ry(angle, 0)
    qc.cx(0, 1)
    qc.measure(0, 0)
    return qc

@qf.sample(shots=100, timeout=60)
def counts(pair, rng):
    return pair
"""


def made(text: str) -> QuantumCircuit:
    """The circuit that the last step of a cell makes."""
    flow = qf.Workflow.from_source(text)
    bound = qf.cell.bind(flow, {})  # type: ignore[attr-defined]  # a submodule
    return bound.bodies[flow.step_names[-1]]()


def test_a_document_is_what_the_canvas_draws() -> None:
    names = {"np", "QuantumCircuit"}
    around = Surroundings(names, {}, ["aer"], lambda name: name * 2, {"np"})
    document = cell_document(read(PAIR, around), around)
    pair, counts = document.pop("steps")
    options = document.pop("options")
    assert document == {
        "text": PAIR,
        "readable": True,
        "problems": [],
        "name": "bell",
        "dials": [{"name": "n", "text": "21", "kind": "int"}],
        "axes": [
            {
                "name": "angle",
                "text": 'qf.axis(np.linspace(0, 1, n), unit="rad")',
                "count": 21,
                "unit": "rad",
            }
        ],
        "inputs": [
            {
                "name": "QuantumCircuit",
                "summary": "QuantumCircuitQuantumCircuit",
                "code": False,
            },
            {"name": "np", "summary": "npnp", "code": True},
        ],
    }
    assert options[0] == {
        "name": "backend",
        "text": "aer,fake_lima",
        "kind": "text",
        "choices": ["aer"],
        "hint": "run on all of these: an axis",
    }
    assert [each["name"] for each in options if each["text"] is None] == [
        *("shots", "seed", "budget", "deadline", "policy", "mode", "precision", "among")
    ]
    gates = pair.pop("gates")
    assert gates == {
        "qubits": 2,
        "gates": [
            {"name": "ry", "qubits": [0], "column": 0, "parameters": ["angle"]},
            {"name": "cx", "qubits": [0, 1], "column": 1, "parameters": []},
            {"name": "measure", "qubits": [0], "column": 2, "parameters": []},
        ],
    }
    assert pair["dims"] == [["angle", 21]]
    assert pair["line"] == 5
    given = {o["name"]: o["text"] for o in counts.pop("options") if o["text"]}
    assert given == {"shots": "100", "timeout": "60"}
    assert counts == {
        "name": "counts",
        "kind": "sample",
        "needs": ["pair", "rng"],
        "edges": ["pair"],
        "injected": ["rng"],
        "inputs": [],
        "dims": [["angle", 21], ["backend", 2]],
        "code": "def counts(pair, rng):\n    return pair",
        "line": 13,
        "problem": None,
        "gates": None,
    }


def test_a_need_that_nothing_has_is_no_input() -> None:
    text = "%%qflow t\n@qf.sample\ndef counts(pair, site):\n    return pair\n"
    around = Surroundings({"site"})
    document = cell_document(read(text, around), around)
    assert document["inputs"] == [{"name": "site", "summary": None, "code": False}]
    assert document["steps"][0]["inputs"] == ["site"]
    assert document["problems"][0]["message"].startswith("step 'counts' needs 'pair'")


def test_a_fault_is_told_in_the_readers_words_where_it_is() -> None:
    text = PAIR.replace("def counts(pair, rng)", "def counts(pear)")
    around = Surroundings({"np", "QuantumCircuit"})
    document = cell_document(read(text, around), around)
    message = (
        "step 'counts' needs 'pear', which nothing in this cell provides; "
        "did you mean 'pair'?"
    )
    assert document["readable"]
    assert document["problems"] == [{"message": message, "line": 14, "step": "counts"}]
    assert [step["problem"] for step in document["steps"]] == [None, message]


def test_steps_in_a_circle_are_drawn_as_they_are() -> None:
    text = "%%qflow t\n@qf.step\ndef a(b): ...\n@qf.step\ndef b(a): ...\n"
    document = cell_document(read(text))
    assert [(s["name"], s["edges"]) for s in document["steps"]] == [
        ("a", ["b"]),
        ("b", ["a"]),
    ]
    assert document["problems"][0]["message"].startswith("steps need each other in a c")
    mended = applied(text, {"do": "disconnect", "from": "b", "to": "a"})
    assert read(mended).problem is None


def test_a_text_that_cannot_be_read_shows_the_steps_of_the_last_one() -> None:
    last = cell_document(read(PAIR))
    document = cell_document(read(PAIR + "def ("), last=last)
    assert not document["readable"]
    assert document["text"] == PAIR + "def ("
    assert document["steps"] == last["steps"]
    assert document["problems"] == [
        {"message": "invalid syntax", "line": 16, "step": None}
    ]
    assert cell_document(read("x"))["steps"] == []


@pytest.mark.parametrize(
    ("source", "size"),
    [
        ("qf.axis([1, 2, 3])", 3),
        ("qf.axis(\n    range(2 * n - 1)\n)", 5),
        ("qf.axis(np.arange(4))", 4),
        ("qf.axis(np.linspace(0, 1))", 50),
        ("qf.axis(np.geomspace(1, 9, num=-n + 10), unit='s')", 7),
        ("qf.axis(values=(1,))", 1),
        ("qf.axis(mine)", 2),
        ("qf.axis(sorted([3, 1]))", 2),
        ("qf.axis([*mine])", None),
        ("qf.axis(np.arange(0, 1, 0.1))", None),
        ("qf.axis(made(3))", None),
        ("qf.axis(range(0, 9, 0))", None),
    ],
)
def test_the_size_of_an_axis_is_told_where_the_text_tells_it(
    source: str, size: int | None
) -> None:
    assert axis_size(source, {"n": "3", "mine": "[1, 2]"}) == size


def test_the_unit_of_an_axis_is_its_second_argument() -> None:
    assert axis_unit("qf.axis([1], 's')") == axis_unit("qf.axis([1], unit='s')") == "s"
    assert axis_unit("qf.axis([1])") is None


def test_the_palette_has_kinds_circuits_gates_and_backends() -> None:
    mine = QuantumCircuit(2)
    mine.h(0)
    found = palette({"mine": mine}, ["aer"])
    assert [each["kind"] for each in found["kinds"]] == [*KINDS]
    assert found["backends"] == ["aer"]
    assert found["circuits"][-1] == {
        "id": "mine",
        "group": "notebook",
        "title": "mine",
        "summary": "2 qubits, 1 gate",
        "parameters": [],
    }
    assert {"name": "cx", "title": "CX", "qubits": 2, "parameters": 0} in found["gates"]


def test_every_gate_of_the_palette_is_a_method_with_these_arguments() -> None:
    for kind in GATES.values():
        circuit = QuantumCircuit(3, 3)
        bits = [0] if kind.name == "measure" else []
        arguments = [*([0.5] * kind.parameters), *range(kind.qubits), *bits]
        getattr(circuit, kind.name)(*arguments)
        assert circuit.size() + (kind.name == "barrier") >= 1


def test_the_library_tells_of_each_circuit_what_it_is_and_takes() -> None:
    found = {each["id"]: each for each in library_circuits()}
    assert len(found) == len(ENTRIES)
    assert all(each["summary"] for each in found.values())
    assert found["QFTGate"] == {
        "id": "QFTGate",
        "group": "library",
        "title": "QFTGate",
        "summary": "Quantum Fourier Transform Gate.",
        "parameters": [
            {
                "name": "num_qubits",
                "text": "3",
                "hint": "The number of qubits on which the QFT acts.",
                "default": "",
                "required": True,
            }
        ],
    }


@pytest.mark.parametrize("name", [each.id for each in ENTRIES])
def test_each_circuit_of_the_library_can_be_made_as_it_is_offered(name: str) -> None:
    edit = {"do": "circuit", "step": None, "source": {"library": name}}
    circuit = made(applied("%%qflow t\n", edit))
    assert isinstance(circuit, QuantumCircuit)
    assert circuit.num_qubits >= 2


def test_arguments_that_are_the_librarys_own_are_left_out() -> None:
    given = {"num_qubits": "3", "reps": "3", "insert_barriers": "True"}
    step, body = library_body("efficient_su2", given)
    assert step == "ansatz"
    assert body.lines == ("return efficient_su2(num_qubits=3, insert_barriers=True)",)


def test_a_circuit_that_names_an_axis_asks_for_it() -> None:
    gates = {"qubits": 1, "gates": [{"name": "rx", "qubits": [0], "column": 0}]}
    gates["gates"][0]["parameters"] = ["angle + pi * n"]  # type: ignore[index]
    edit = {"do": "circuit", "step": None, "source": {"gates": gates}}
    after = applied(PAIR, edit, Names({"QuantumCircuit"}))
    assert after == PAIR.replace("n = 21", "from math import pi\n\nn = 21") + (
        "\n@qf.circuit\ndef circuit(angle):\n    qc = QuantumCircuit(1)\n"
        "    qc.rx(angle + pi * n, 0)\n    return qc\n"
    )


def test_openqasm_is_kept_as_it_was_given() -> None:
    qasm = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nh q[0];\n'
    edit = {"do": "circuit", "step": None, "source": {"qasm": qasm}}
    text = applied("%%qflow t\n", edit)
    assert f'return qf.read_circuit("""\n{qasm}""")\n' in text
    assert dict(made(text).count_ops()) == {"h": 1}
    odd = {"do": "circuit", "step": None, "source": {"qasm": qasm + '// """ \\ '}}
    assert dict(made(applied("%%qflow t\n", odd)).count_ops()) == {"h": 1}


def test_a_circuit_of_the_notebook_is_named_in_the_step() -> None:
    edit = {"do": "circuit", "step": None, "source": {"notebook": "mine"}}
    after = applied("%%qflow t\n", edit, Names({"mine"}, {"mine"}))
    expected = "%%qflow t\n@qf.circuit\ndef mine_circuit():\n    return mine\n"
    assert after == expected
    again = {**edit, "step": "mine_circuit"}
    assert applied(after, again, Names({"mine"}, {"mine"})) == after


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    qc = QuantumCircuit(n)\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    qc.h(0)  # first\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    [qc.h(i) for i in q]\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    qc.h(2)\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    qc.h([0, 1])\n    return qc",
        "def f():\n    qc = QuantumCircuit(2, 1)\n    qc.measure(0, 0)\n    return qc",
        "def f():\n    qc = QuantumCircuit(2, 2)\n    qc.measure(0, 1)\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    qc.unitary(m, 0)\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    qc.rx(0)\n    return qc",
        "def f():\n    qc = QuantumCircuit(9)\n    return qc",
        "def f():\n    qc = QuantumCircuit(2)\n    return other",
        "def f():\n    qc = QuantumCircuit(2)\n"
        + "    qc.h(0)\n" * 41
        + "    return qc",
    ],
)
def test_code_that_is_more_than_gates_is_left_to_its_author(code: str) -> None:
    assert gates_of(code) is None


def gate(**more: Any) -> dict[str, Any]:
    return {"name": "h", "qubits": [0], "column": 0, "parameters": [], **more}


@pytest.mark.parametrize(
    ("qubits", "gates", "message"),
    [
        (9, [], "the gate editor takes 1 to 8 qubits, not 9; write larger circuits as"),
        (True, [], "a circuit of gates has qubits and a list of gates"),
        (1, [gate(name="hh")], "there is no gate 'hh'; did you mean 'h'?"),
        (
            1,
            [gate(qubits=[1])],
            "gate 'h' takes 1 different qubit from 0 to 0; these a",
        ),
        (
            2,
            [gate(name="cx", qubits=[1, 1])],
            "gate 'cx' takes 2 different qubits from",
        ),
        (1, [gate(column=40)], "the gate editor takes 40 columns; write a longer circ"),
        (1, [gate(parameters=["1"])], "gate 'h' takes 0 parameters, not 1"),
        (
            1,
            [gate(name="rx", parameters=["1)"])],
            "a parameter of 'rx' takes one Python",
        ),
        (
            1,
            [gate(name="rx", parameters=["1#"])],
            "a parameter of 'rx' takes a value without a comment behind it",
        ),
        (
            1,
            [gate(name="rx", parameters=["(1 +\n 1)"])],
            "a parameter of 'rx' stands on one li",
        ),
        (
            1,
            [gate(), gate(name="x")],
            "two gates share qubit 0 in column 0; move 'x' to",
        ),
        (1, [{"name": "h"}], "a gate has a name, qubits and a column"),
    ],
)
def test_gates_that_cannot_be_are_refused(
    qubits: int, gates: list[Any], message: str
) -> None:
    given = {"gates": {"qubits": qubits, "gates": gates}}
    with pytest.raises(EditRefused) as refused:
        applied(PAIR, {"do": "circuit", "step": None, "source": given})
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    ("op", "message"),
    [
        ({"do": "fly"}, "there is no edit 'fly' of this form; reload the view"),
        ({"do": "remove"}, "there is no edit 'remove' of this form; reload the view"),
        ({"do": "add", "kind": "step", "needs": "x"}, "needs are a list of names"),
        ({"do": "assign", "name": "n", "text": 3}, "a value is text, not 3"),
        (
            {"do": "circuit", "step": None, "source": {}},
            "a circuit comes from the library, the notebook, QASM or gates",
        ),
        (
            {"do": "circuit", "step": None, "source": {"notebook": "mine"}},
            "the notebook has no circuit 'mine' any more",
        ),
        (
            {"do": "circuit", "step": "counts", "source": {"library": "QFTGate"}},
            "step 'counts' is of kind sample; only a circuit step makes a circuit",
        ),
        (
            {"do": "circuit", "step": None, "source": {"library": "QFTGat"}},
            "there is no circuit 'QFTGat'; did you mean 'QFTGate'?",
        ),
        (
            {
                "do": "circuit",
                "step": None,
                "source": {"library": "QFTGate", "arguments": {"qubits": "1"}},
            },
            "QFTGate has no argument 'qubits'; did you mean 'num_qubits'?",
        ),
        (
            {
                "do": "circuit",
                "step": None,
                "source": {"library": "QFTGate", "arguments": {"num_qubits": " "}},
            },
            "QFTGate needs a value for 'num_qubits'",
        ),
        (
            {
                "do": "circuit",
                "step": None,
                "source": {
                    "library": "QFTGate",
                    "arguments": {"num_qubits": "(1\n+2)"},
                },
            },
            "QFTGate(num_qubits=) takes a value on one line",
        ),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(
    op: dict[str, Any], message: str
) -> None:
    with pytest.raises(EditRefused) as refused:
        applied(PAIR, op)
    assert refused.value.message == message


def test_a_composer_opens_whatever_stands_for_a_cell(lab: Lab) -> None:
    cell = "%%qflow opened --shots 10 --deadline 10min --set \"n=[1, 'a b']\"\n"
    cell += "n = 2\n\n@qf.step  # yes\ndef double(n):\n    return 2 * n\n"
    run = lab.run(cell)
    wanted = cell.replace("--shots 10 --deadline 10min", "--deadline 600s --shots 10")
    assert opened(run, {}, lab) == wanted
    assert opened("opened", {}, lab) == wanted
    assert opened("mine", {"mine": run}, lab) == wanted
    assert opened(run.workflow, {}, lab) == "%%qflow opened\n" + cell.split("\n", 1)[1]
    assert opened(cell, {}, lab) == cell
    assert opened("@qf.step\ndef f(): ...", {}, lab) == (
        "%%qflow flow\n@qf.step\ndef f(): ..."
    )
    assert opened(None, {}, lab) == "%%qflow flow\n"
    with pytest.raises(UnknownRun, match=r"'opend'.*did you mean 'opened'"):
        opened("opend", {}, lab)
    with pytest.raises(BadOption, match=r"opens the text of a cell, .*, not int"):
        opened(3, {}, lab)
