"""Round trips: cell → workflow → document → workflow."""

from __future__ import annotations

import ast
import builtins
import keyword
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from quantumflow_lab.cell import bind
from quantumflow_lab.cell.text import CellText
from quantumflow_lab.workflow import INJECTED, KINDS, Workflow

RESERVED = {"qf", *INJECTED, *dir(builtins)}

names = st.text("abcdefgπé_", min_size=1, max_size=4).filter(
    lambda name: name.isidentifier()
    and not keyword.iskeyword(name)
    and name not in RESERVED
    and not name.startswith("_")
)
literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aß'\"\\\n#∫", max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(names, inner, max_size=2),
    max_leaves=5,
)
gaps = st.sampled_from(["", "\n", "\n# a comment with 'quotes'\n", "\n\n"])


@st.composite
def cells(draw: st.DrawFn) -> str:
    """A cell in which every step needs some of what stands above it."""
    every = draw(st.lists(names, min_size=3, max_size=8, unique=True))
    cut = draw(st.integers(0, len(every) - 1))
    lines, axes, values = [], list[str](), list[str]()
    for name in every[:cut]:
        value = draw(literals)
        if draw(st.booleans()):
            lines.append(f"{name} = qf.axis([{value!r}])")
            axes.append(name)
        else:
            lines.append(f"{name} = {value!r}")
            values.append(name)
    above = axes + values
    for name in every[cut:]:
        needs = draw(st.lists(st.sampled_from(above), unique=True)) if above else []
        needs += draw(st.lists(st.sampled_from(INJECTED), unique=True, max_size=2))
        lines += [draw(_decorator()), f"def {name}({', '.join(needs)}):"]
        lines += [f"    {draw(gaps).strip()}", f"    return {draw(literals)!r}"]
        above.append(name)
    return draw(gaps).join(f"{line}\n" for line in lines[:cut]) + "\n".join(lines[cut:])


@st.composite
def _decorator(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(KINDS))
    options = draw(
        st.sampled_from(["", "()", "(timeout=60)", "(retries=2, cache=True)"])
    )
    return f"@qf.{kind}{options}"


@given(cells())
def test_a_document_reads_back_as_the_same_workflow(cell: str) -> None:
    flow = Workflow.from_source(cell, "prop")
    assert Workflow.from_json(flow.to_json()) == flow
    assert Workflow.from_source(flow.source, flow.name) == flow


@given(cells())
def test_every_span_is_the_text_it_claims_to_be(cell: str) -> None:
    """The composer edits through spans, so they must hold to the character."""
    flow = Workflow.from_source(cell, "prop")
    text = CellText(flow.source)
    for each in flow.assignments:
        assert text.text(each.value_span) == each.source
        assert text.text(each.span) == f"{each.name} = {each.source}"
    for step in flow.steps:
        assert text.text(step.span).startswith(f"@qf.{step.kind}")
        assert text.text(step.span).endswith(step.code)
        for option in step.options:
            assert text.text(option.span) == option.source
    for one, two in pairwise(flow.steps):
        assert one.span.end_line < two.span.line


@given(cells())
def test_binding_gives_what_the_text_says(cell: str) -> None:
    flow = Workflow.from_source(cell, "prop")
    bound = bind(flow, {})
    assert {name: axis.values for name, axis in bound.axes.items()} == {
        each.name: tuple(ast.literal_eval(each.source.removeprefix("qf.axis")))
        for each in flow.axes
    }
    assert dict(bound.values) == {
        each.name: ast.literal_eval(each.source) for each in flow.assignments
    }
    for step in flow.steps:
        assert bound.bodies[step.name].__code__.co_firstlineno == step.span.line


@given(cells(), names, names)
def test_a_code_hash_follows_the_code_alone(cell: str, old: str, new: str) -> None:
    """Renaming the workflow or adding a line above changes no step."""
    flow = Workflow.from_source(cell, "prop")
    assume(new not in flow.step_names + flow.axis_names)
    moved = Workflow.from_source(f"# {old}\n{new} = 3\n{cell}", "other")
    assert [step.code_hash for step in moved.steps] == [
        step.code_hash for step in flow.steps
    ]
