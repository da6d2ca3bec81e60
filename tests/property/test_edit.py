"""Edits of cells: they touch what they say, and their opposites undo them."""

from __future__ import annotations

import difflib
import io
import tokenize

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantumflow_lab.cell import read_cell
from quantumflow_lab.edit import (
    Source,
    add_step,
    assign,
    connect,
    disconnect,
    magic_option,
    remove_step,
    rename,
    set_code,
    set_magic,
    set_option,
    set_title,
)
from quantumflow_lab.errors import EditRefused
from quantumflow_lab.workflow import KINDS, Workflow
from tests.property.cells import cells, generated, names, published

NEW = "brand_new"


def read(text: str) -> Workflow:
    return read_cell(text)


def comments(text: str) -> list[str]:
    body = text.replace("\r\n", "\n").split("\n", 1)[1]
    tokens = tokenize.generate_tokens(io.StringIO(body).readline)
    return [each.string for each in tokens if each.type == tokenize.COMMENT]


def touched(before: str, after: str) -> int:
    """Lines of the text before that are not there any more."""
    a, b = before.splitlines(keepends=True), after.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return len(a) - sum(each.size for each in blocks)


def test_the_notebooks_have_cells_to_edit() -> None:
    assert len(published()) >= 8
    for text in published():
        assert Source(text).readable


@given(cells(), st.data())
def test_a_value_that_is_written_as_it_stands_changes_nothing(
    text: str, data: st.DataObject
) -> None:
    source, flow = Source(text), read(text)
    step = data.draw(st.sampled_from(flow.steps))
    assert set_code(source, step.name, step.code) == text
    for option in step.options:
        assert set_option(source, step.name, option.name, option.source) == text
    for each in flow.assignments:
        if each.literal:
            assert assign(source, each.name, each.source) == text
    assert rename(source, step.name, step.name) == text
    assert set_title(source, flow.name) == text


@given(cells(), st.data())
def test_an_added_step_is_the_only_change_and_goes_without_a_trace(
    text: str, data: st.DataObject
) -> None:
    flow = read(text)
    kind = data.draw(st.sampled_from(KINDS))
    needs = data.draw(st.lists(st.sampled_from(flow.step_names), unique=True))
    more = add_step(Source(text), kind, NEW, needs=needs)
    assert touched(text, more) <= 1  # the last line, if it had no line end
    new = read(more)
    assert new.step_names == (*flow.step_names, NEW)
    assert new.step(NEW).needs == tuple(needs)
    assert remove_step(Source(more), NEW) == text


@given(cells(), st.data())
def test_a_removed_step_takes_its_lines_and_no_others(
    text: str, data: st.DataObject
) -> None:
    flow = read(text)
    name = data.draw(st.sampled_from(flow.step_names))
    less = remove_step(Source(text), name)
    assert read(less).step_names == tuple(n for n in flow.step_names if n != name)
    kept = [line for line in less.splitlines() if line.strip()]
    lines = [line for line in text.splitlines() if line.strip()]
    span = flow.step(name).span
    gone = span.end_line - span.line + 1
    assert len(lines) - len(kept) <= gone
    assert [line for line in kept if line not in lines] == []


@given(cells(), st.data())
def test_a_connection_is_one_parameter_and_goes_without_a_trace(
    text: str, data: st.DataObject
) -> None:
    flow = read(text)
    to = data.draw(st.sampled_from(flow.step_names))
    more = connect(Source(text), NEW, to)
    assert {*read(more).step(to).needs} == {*flow.step(to).needs, NEW}
    assert comments(more) == comments(text)
    assert touched(text, more) <= 2
    assert disconnect(Source(more), NEW, to) == text


@given(cells(), st.data())
def test_a_lost_connection_keeps_every_comment(text: str, data: st.DataObject) -> None:
    flow = read(text)
    step = data.draw(st.sampled_from([s for s in flow.steps if s.needs] or [None]))
    assume(step is not None)
    assert step is not None
    name = data.draw(st.sampled_from(step.needs))
    try:
        less = disconnect(Source(text), name, step.name)
    except EditRefused as error:
        refused: EditRefused | None = error
    else:
        refused = None
    if refused is not None:
        assert f"step '{step.name}' still uses '{name}', in line" in refused.message
        return
    assert comments(less) == comments(text)
    left = tuple(each for each in step.needs if each != name)
    assert read(less).step(step.name).needs == left


@given(cells(), st.data(), st.sampled_from([("timeout", "90"), ("retries", "7")]))
def test_an_option_is_set_alone_and_goes_without_a_trace(
    text: str, data: st.DataObject, option: tuple[str, str]
) -> None:
    flow = read(text)
    step = data.draw(st.sampled_from(flow.steps))
    name, value = option
    more = set_option(Source(text), step.name, name, value)
    found = read(more).step(step.name)
    given = {each.name: each.source for each in step.options}
    assert {e.name: e.source for e in found.options} == {**given, name: value}
    assert found.code == step.code
    assert comments(more) == comments(text)
    before = step.option(name)
    back = None if before is None else before.source
    assert set_option(Source(more), step.name, name, back) == text
    less = set_option(Source(text), step.name, name, None)
    assert read(less).step(step.name).option(name) is None
    assert comments(less) == comments(text)


@given(cells(), st.sampled_from(["3", "[1, 2]", "qf.axis([1, 2])"]))
def test_a_new_assignment_stands_above_the_steps_and_goes_without_a_trace(
    text: str, value: str
) -> None:
    more = assign(Source(text), NEW, value)
    flow = read(more)
    places = [each.span for each in flow.assignments if each.name == NEW]
    places += [each.span for each in flow.axes if each.name == NEW and each.span]
    assert len(places) == 1
    assert places[0].line < min(step.span.line for step in flow.steps)
    assert assign(Source(more), NEW, None) == text


@given(
    cells(),
    st.sampled_from(
        [("shots", "77"), ("deadline", "2 min"), ("policy", "fastest"), ("seed", "1")]
    ),
)
def test_an_option_of_the_magic_line_goes_without_a_trace(
    text: str, option: tuple[str, str]
) -> None:
    name, value = option
    before = magic_option(Source(text), name)
    more = set_magic(Source(text), name, value)
    assert magic_option(Source(more), name) == value
    assert more.splitlines()[1:] == text.splitlines()[1:]
    assert set_magic(Source(more), name, before) == text


@given(cells(), st.data())
def test_a_renamed_step_is_meant_everywhere_and_can_be_named_back(
    text: str, data: st.DataObject
) -> None:
    flow = read(text)
    name = data.draw(st.sampled_from(flow.step_names))
    after = rename(Source(text), name, NEW)
    found = read(after)

    def called(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(NEW if each == name else each for each in names)

    assert found.step_names == called(flow.step_names)
    for old, new in zip(flow.steps, found.steps, strict=True):
        assert new.needs == called(old.needs)
        assert set(new.reads) == set(called(old.reads))
        assert new.over == called(old.over)
    assert comments(after) == comments(text)
    assert rename(Source(after), NEW, name) == text


@given(generated(), st.data(), names)
def test_a_rename_never_changes_what_a_name_means(
    text: str, data: st.DataObject, to: str
) -> None:
    """A name in the way refuses the edit, whatever it is the name of."""
    flow = read(text)
    name = data.draw(st.sampled_from(flow.step_names))
    try:
        after = rename(Source(text), name, to)
    except EditRefused as error:
        refused: EditRefused | None = error
    else:
        refused = None
    if refused is not None:
        assert "choose another name" in refused.message
        return
    assert rename(Source(after), to, name) == text


@given(cells(), st.data(), st.text("()=,:# \n\"'ab1@[]", max_size=12))
def test_no_text_makes_an_edit_that_cannot_be_read(
    text: str, data: st.DataObject, value: str
) -> None:
    flow = read(text)
    step = data.draw(st.sampled_from(flow.step_names))
    source = Source(text)
    for edit in (
        lambda: set_option(source, step, "timeout", value),
        lambda: set_code(source, step, value),
        lambda: set_code(source, step, f"def {step}():\n    return {value}"),
        lambda: assign(source, NEW, value),
        lambda: set_magic(source, "budget", value),
        lambda: set_title(source, value),
        lambda: add_step(source, "step", value or "1"),
        lambda: connect(source, value, step),
    ):
        try:
            after = edit()
        except EditRefused:
            continue
        found = read(after)
        assert set(found.step_names) >= set(flow.step_names)
        assert [s.code for s in found.steps if s.name not in (step, value)] == [
            s.code for s in flow.steps if s.name not in (step, value)
        ]


@pytest.mark.parametrize("text", published())
def test_each_published_cell_takes_every_edit(text: str) -> None:
    for step in read(text).step_names:
        assert rename(Source(rename(Source(text), step, NEW)), NEW, step) == text
        more = connect(Source(text), NEW, step)
        assert disconnect(Source(more), NEW, step) == text
