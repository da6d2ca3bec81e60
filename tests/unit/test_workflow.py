"""What the text of a cell says, as values."""

from __future__ import annotations

import json

import pytest

from quantumflow_lab.errors import BadDocument, UnknownStep
from quantumflow_lab.workflow import (
    Assignment,
    AxisDeclaration,
    Helper,
    Import,
    Input,
    Option,
    Span,
    Step,
    Workflow,
)

T1 = """\
%%qflow t1 --backend fake_manila,fake_lima --shots 2000
import numpy as np
delay = qf.axis(np.linspace(0, 300e-6, 21), unit="s")
qubit = qf.axis([0, 1, 2])
half = 0.5

@qf.circuit
def decay(delay):                  # a parameter name is an edge
    return build(delay)

@qf.sample(transpile={"initial_layout": [qubit]}, shots=shots)
def counts(decay, rng):
    return decay

@qf.step(over="delay")
def fit(counts, delay, half, start=(0.9, 1)):
    return curve_fit(model, delay, counts)

def model(t):
    return np.exp(-t)
"""


def test_a_cell_is_read_into_one_value() -> None:
    flow = Workflow.from_source(T1)
    decay, counts, fit = flow.steps
    assert flow == Workflow(
        name="t1",
        source=T1.split("\n", 1)[1],
        steps=(decay, counts, fit),
        axes=(
            AxisDeclaration(
                name="delay",
                source='qf.axis(np.linspace(0, 300e-6, 21), unit="s")',
                names=("np",),
                span=Span(3, 0, 3, 53),
            ),
            AxisDeclaration("qubit", "qf.axis([0, 1, 2])", (), Span(4, 0, 4, 26)),
        ),
        assignments=(
            Assignment("half", "0.5", (), True, Span(5, 0, 5, 10), Span(5, 7, 5, 10)),
        ),
        helpers=(
            Helper("model", ("np",), flow.helpers[0].code_hash, Span(19, 0, 20, 21)),
        ),
        imports=(Import(("np",), "import numpy as np", Span(2, 0, 2, 18)),),
        inputs=(Input("build"), Input("shots"), Input("curve_fit")),
    )
    assert decay == Step(
        name="decay",
        kind="circuit",
        needs=("delay",),
        injected=(),
        defaults=(),
        options=(),
        over=(),
        map=None,
        reads=("build",),
        code="def decay(delay):                  # a parameter name is an edge\n"
        "    return build(delay)",
        code_hash=decay.code_hash,
        span=Span(7, 0, 9, 23),
    )
    assert counts.needs == ("decay",)
    assert counts.injected == ("rng",)
    assert counts.options == (
        Option(
            "transpile",
            '{"initial_layout": [qubit]}',
            ("qubit",),
            Span(11, 21, 11, 48),
        ),
        Option("shots", "shots", ("shots",), Span(11, 56, 11, 61)),
    )
    assert (fit.needs, fit.over) == (("counts", "delay", "half"), ("delay",))
    assert fit.defaults == (("start", "(0.9, 1)"),)
    assert fit.reads == ("curve_fit", "model")


def test_the_magic_line_may_be_left_out() -> None:
    body = T1.split("\n", 1)[1]
    assert Workflow.from_source(body, "t1") == Workflow.from_source(T1)


def test_blank_lines_above_the_magic_line_do_not_move_spans() -> None:
    assert Workflow.from_source("\n\n" + T1) == Workflow.from_source(T1)


def test_columns_count_characters() -> None:
    flow = Workflow.from_source("π = '∫'; n = 3\n@qf.step\ndef f(n): ...", "greek")
    assert [each.value_span for each in flow.assignments] == [
        Span(2, 4, 2, 7),
        Span(2, 13, 2, 14),
    ]


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("x = 3", True),
        ("x = -3.5", True),
        ("x = {'a': [1, (2, None)]}", True),
        ("x: int = 3", True),
        ("x = n", False),
        ("x = 2 ** 3", False),
        ("x = [n]", False),
        ("x, y = 1, 2", False),
    ],
)
def test_a_dial_is_one_name_and_a_literal(text: str, literal: bool) -> None:
    flow = Workflow.from_source(f"{text}\n@qf.step\ndef f(x): ...", "dial")
    assert flow.assignments[0].literal is literal


STEP = "@qf.step\ndef f(n):\n    return n + 1\n"


def hash_of(text: str) -> str:
    return Workflow.from_source(text, "hash").steps[0].code_hash


@pytest.mark.parametrize(
    "text",
    [
        "@qf.step\ndef f(n):\n\n    # why\n    return n + 1  # what\n",
        "@qf.step\n\ndef f( n ):\n    return (n+1)\n",
        "@qf.step(timeout=60)\ndef f(n):\n    return n + 1\n",
        "m = 3\n" + STEP,
    ],
)
def test_the_code_hash_is_blind_to_layout_comments_and_options(text: str) -> None:
    assert hash_of(text) == hash_of(STEP)


@pytest.mark.parametrize(
    "text",
    [
        "@qf.step\ndef f(n):\n    return n + 2\n",
        "@qf.step\ndef f(n):\n    return n + 1.0\n",
        "@qf.step\ndef f(n, m=1):\n    return n + 1\n",
        "@qf.step\ndef g(n):\n    return n + 1\n",
        "@qf.step\ndef f(n):\n    'text'\n    return n + 1\n",
    ],
)
def test_the_code_hash_sees_every_change_of_meaning(text: str) -> None:
    assert hash_of(text) != hash_of(STEP)


def test_a_step_in_an_option_is_an_edge() -> None:
    flow = Workflow.from_source(
        "@qf.step\ndef plan(): ...\n@qf.sample(shots=plan)\ndef counts(): ...", "edges"
    )
    assert flow.edges("counts") == ("plan",)


def test_the_order_puts_needs_first() -> None:
    flow = Workflow.from_source(
        "@qf.step\ndef last(mid): ...\n"
        "@qf.step\ndef mid(first): ...\n"
        "@qf.step\ndef first(): ...",
        "order",
    )
    assert flow.order() == ("first", "mid", "last")
    assert flow.step_names == ("last", "mid", "first")


def test_inputs_of_a_step_are_found_through_helpers_and_assignments() -> None:
    flow = Workflow.from_source(
        "n = 2 * size\n"
        "def grow(x): return x * rate\n"
        "@qf.step\ndef one(n): return grow(n)\n"
        "@qf.step\ndef two(one): return other",
        "inputs",
    )
    assert flow.inputs_of("one") == ("rate", "size")
    assert flow.inputs_of("two") == ("other",)


def test_what_the_cell_names_itself_is_not_injected() -> None:
    flow = Workflow.from_source(
        "rng = 7\n@qf.step\ndef f(rng, estimator, backend): ...", "shadow"
    )
    step = flow.step("f")
    assert (step.needs, step.injected) == (("rng",), ("estimator", "backend"))


def test_the_package_may_have_other_names() -> None:
    flow = Workflow.from_source(
        "import quantumflow_lab as lab\n"
        "from quantumflow_lab import sample as shoot, axis\n"
        "a = axis([1])\n"
        "@lab.circuit\ndef c(a): ...\n"
        "@shoot(shots=3)\ndef s(c): ...",
        "names",
    )
    assert [(step.name, step.kind) for step in flow.steps] == [
        ("c", "circuit"),
        ("s", "sample"),
    ]
    assert flow.axis_names == ("a",)


def test_a_name_assigned_twice_is_what_it_was_last() -> None:
    flow = Workflow.from_source(
        "x = 1\nx = qf.axis([1])\ny = qf.axis([1])\ny = 2\n@qf.step\ndef f(x, y): ...",
        "twice",
    )
    assert flow.axis_names == ("x",)
    assert [each.name for each in flow.assignments] == ["y"]


def test_an_unknown_step_names_the_nearest() -> None:
    flow = Workflow.from_source(T1)
    with pytest.raises(UnknownStep) as caught:
        flow.dims("count")
    assert str(caught.value) == (
        "workflow 't1' has no step 'count'; did you mean 'counts'?"
    )


def test_a_document_is_plain_json_and_reads_back() -> None:
    flow = Workflow.from_source(T1)
    document = json.loads(flow.to_json())
    assert document["format"] == "qflow/1"
    assert Workflow.from_json(document) == flow
    assert Workflow.from_json(flow.to_json(indent=2).encode()) == flow


def document(**changes: object) -> dict[str, object]:
    return Workflow.from_source(STEP, "doc").to_document() | changes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "a qflow/1 document is JSON: "),
        ("[]", "a qflow/1 document is a JSON object, this is a list"),
        ({}, "this is no qflow/1 document: its format is None"),
        (
            {"format": "nbformat"},
            "this is no qflow/1 document: its format is 'nbformat'",
        ),
        (
            {"format": "qflow/2"},
            "this document is qflow/2, newer than qflow/1; upgrade quantumflow-lab",
        ),
        ({"format": "qflow/1"}, "document has no field 'name'"),
        (document(name=3), "document.name must be str, not 3"),
        (document(steps={}), "document.steps must be a list, not {}"),
        (document(steps=[3]), "document.steps[0] must be an object, not 3"),
        (
            document(mood="good"),
            "document has a field this version does not know: mood",
        ),
        (
            document(steps=[{**document()["steps"][0], "kind": "magic"}]),  # type: ignore[index]  # a list
            (
                "document.steps[0].kind must be one of circuit observable sample "
                "estimate step, not 'magic'"
            ),
        ),
        (
            document(inputs=[{"name": "x", "fingerprint": 3}]),
            "document.inputs[0].fingerprint must be str, not 3",
        ),
    ],
)
def test_a_wrong_document_is_told_in_one_line(given: object, message: str) -> None:
    with pytest.raises(BadDocument) as caught:
        Workflow.from_json(given)  # type: ignore[arg-type]  # wrong on purpose
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
