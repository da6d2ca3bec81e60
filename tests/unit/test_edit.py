"""Edits of a cell: before and after, written out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from quantumflow_lab.edit import (
    Body,
    Source,
    add_step,
    assign,
    connect,
    disconnect,
    free_name,
    remove_step,
    rename,
    set_body,
    set_code,
    set_magic,
    set_option,
    set_title,
)
from quantumflow_lab.errors import EditRefused

BELL = """\
%%qflow bell --shots 100  # of two qubits
# The pair.
@qf.circuit
def pair():
    qc = QuantumCircuit(2)  # both in |0>
    return qc


@qf.sample(
    shots=100,  # enough
)
def counts(
    pair,  # what is measured
    twice=2,
):
    return [pair] * twice


@qf.step(map="counts")
def heads(counts):
    def of(pair):
        return [counts for counts in pair]

    counts = counts or None
    return of(counts), f"{len([1])}"
"""


def source(text: str) -> Source:
    return Source(dedent(text))


def test_a_rename_follows_what_is_meant_and_leaves_what_is_only_called_alike() -> None:
    after = rename(Source(BELL), "counts", "shots_of")
    assert after == BELL.replace("def counts(", "def shots_of(").replace(
        '(map="counts")', '(map="shots_of")'
    ).replace("def heads(counts)", "def heads(shots_of)").replace(
        "    counts = counts or None\n    return of(counts)",
        "    shots_of = shots_of or None\n    return of(shots_of)",
    )


def test_a_rename_follows_nested_functions_classes_and_walruses() -> None:
    cell = """\
    %%qflow t --fresh=a
    @qf.step
    def a():
        return a.__name__
    @qf.step(retries=2)
    def b(a):
        class Kept:
            a = a
            def read(self):
                nonlocal a
                a = [x for x in a if (a := x)]
                return lambda a: a
        try:
            pass
        except ValueError as a:
            pass
        return Kept, [a for a in a], {a: a}
    """
    expected = """\
    %%qflow t --fresh=first
    @qf.step
    def first():
        return first.__name__
    @qf.step(retries=2)
    def b(first):
        class Kept:
            a = a
            def read(self):
                nonlocal first
                first = [x for x in first if (first := x)]
                return lambda a: a
        try:
            pass
        except ValueError as first:
            pass
        return Kept, [a for a in first], {first: first}
    """
    assert rename(source(cell), "a", "first") == dedent(expected)


def test_a_connection_goes_where_the_needs_stand() -> None:
    assert connect(Source(BELL), "noise", "counts") == BELL.replace(
        "measured\n", "measured\n    noise,\n"
    )
    assert connect(Source(BELL), "noise", "pair") == BELL.replace(
        "pair():", "pair(noise):"
    )
    assert connect(source("%%qflow t\n@qf.step\ndef f(a=1): ..."), "b", "f") == (
        "%%qflow t\n@qf.step\ndef f(b, a=1): ..."
    )
    assert connect(source("%%qflow t\n@qf.step\ndef f(*, a): ..."), "b", "f") == (
        "%%qflow t\n@qf.step\ndef f(b, *, a): ..."
    )


def test_the_last_name_behind_a_star_takes_the_star_along() -> None:
    cell = "%%qflow t\n@qf.step\ndef f(b, *, a): ..."
    assert disconnect(Source(cell), "a", "f") == "%%qflow t\n@qf.step\ndef f(b): ..."


def test_a_body_that_only_returns_its_needs_follows_them() -> None:
    cell = "%%qflow t\n@qf.estimate\ndef energy():\n    ...\n"
    cell += "@qf.observable\ndef zz(): ...\n@qf.circuit\ndef pair(): ...\n"
    one = connect(Source(cell), "zz", "energy")
    assert "def energy(zz):\n    ...\n" in one
    two = connect(Source(one), "pair", "energy")
    assert "def energy(zz, pair):\n    return pair, zz\n" in two
    assert disconnect(Source(two), "pair", "energy") == one


def test_a_removed_step_keeps_the_comment_above_it() -> None:
    assert remove_step(Source(BELL), "pair") == BELL.replace(
        BELL[BELL.index("@qf.circuit") : BELL.index("@qf.sample")], "\n\n"
    )


def test_an_option_goes_behind_the_others_line_by_line() -> None:
    assert set_option(Source(BELL), "counts", "timeout", "60") == BELL.replace(
        "# enough\n", "# enough\n    timeout=60,\n"
    )
    assert set_option(Source(BELL), "counts", "shots", None) == BELL.replace(
        "    shots=100,  # enough", "    # enough"
    )
    assert set_option(Source(BELL), "pair", "timeout", "60") == BELL.replace(
        "@qf.circuit\n", "@qf.circuit(timeout=60)\n"
    )


@pytest.mark.parametrize(
    ("line", "name", "text", "after"),
    [
        ("bell", "backend", "aer,fake_lima", "bell --backend aer,fake_lima"),
        (
            "bell --backend a, b --seed 1",
            "backend",
            "aer",
            "bell --backend aer --seed 1",
        ),
        ("bell --shots=10 # x", "shots", "20", "bell --shots=20 # x"),
        ('bell --budget "1 USD"', "budget", "2 EUR", 'bell --budget "2 EUR"'),
        ("bell --backend a, b --seed 1", "backend", None, "bell --seed 1"),
        ("bell --seed 1", "shots", None, "bell --seed 1"),
    ],
)
def test_an_option_of_the_magic_line(
    line: str, name: str, text: str | None, after: str
) -> None:
    assert set_magic(Source(f"%%qflow {line}\n"), name, text) == f"%%qflow {after}\n"


def test_a_title_is_the_first_word() -> None:
    assert set_title(Source(BELL), "pairs") == BELL.replace("bell", "pairs", 1)


def test_a_body_brings_its_imports_and_needs_and_keeps_the_rest() -> None:
    body = Body(
        ("qc = Circuit(2)", "qc.ry(angle, 0)", "return qc"),
        ("angle",),
        {"Circuit": "from here import Circuit", "pi": "from math import pi"},
    )
    assert set_body(Source(BELL), "pair", body) == BELL.replace(
        "# The pair.\n@qf.circuit\ndef pair():\n    qc = QuantumCircuit(2)  # both in "
        "|0>\n",
        "# The pair.\nfrom here import Circuit\nfrom math import pi\n\n@qf.circuit\n"
        "def pair(angle):\n    qc = Circuit(2)\n    qc.ry(angle, 0)\n",
    )
    one = "%%qflow t\n@qf.circuit\ndef c(): return QuantumCircuit(1)"
    assert set_body(Source(one), "c", Body(("x = 1", "return x"))) == (
        "%%qflow t\n@qf.circuit\ndef c():\n    x = 1\n    return x"
    )
    told = '%%qflow t\n@qf.circuit\ndef c():\n    """A circuit."""\n    return 1\n'
    assert set_body(Source(told), "c", Body(("return 2",))) == told.replace("1", "2")


def test_a_rename_follows_what_imports_bind_and_the_magic_line_sets() -> None:
    cell = """%%qflow t --set "n=[1, 2]" --set k=3
from math import pi
import numpy
n = 3

@qf.step
def a(n, pi):
    return n * pi * numpy.e
"""
    expected = """%%qflow t --set "turns=[1, 2]" --set k=3
from math import pi as half
import numpy as np
turns = 3

@qf.step
def a(turns, half):
    return turns * half * np.e
"""
    for name, to in (("n", "turns"), ("pi", "half"), ("numpy", "np")):
        cell = rename(Source(cell), name, to)
    assert cell == expected


@pytest.mark.parametrize(
    ("cell", "name", "message"),
    [
        (
            "%%qflow t\nimport a.b\n@qf.step\ndef c(): return a.b.d",
            "a",
            "line 2 binds 'a' by importing 'a.b', which cannot be done under another",
        ),
        (
            '%%qflow t --set n"="4\nn = 1\n@qf.step\ndef c(n): return n',
            "n",
            "the magic line gives 'n' a value as n\"=\"4; write it as --set",
        ),
    ],
)
def test_a_rename_that_cannot_be_followed_is_refused_with_its_reason(
    cell: str, name: str, message: str
) -> None:
    with pytest.raises(EditRefused) as refused:
        rename(Source(cell), name, "z")
    assert refused.value.message.startswith(message)


def test_a_new_step_has_a_free_name_and_the_usual_gap() -> None:
    after = add_step(Source(BELL), "sample", needs=["pair"])
    assert after == BELL + "\n\n@qf.sample\ndef counts_2(pair):\n    return pair\n"
    assert free_name(Source(BELL), "qc") == "qc_2"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda s: remove_step(s, "count"),
            "there is no step 'count'; did you mean 'co",
        ),
        (lambda s: rename(s, "pair", "counts"), "'counts' is used already, in line 12"),
        (lambda s: rename(s, "pair", "qc"), None),
        (
            lambda s: rename(s, "pair", "rng"),
            "'rng' is what the lab itself provides; ch",
        ),
        (
            lambda s: rename(s, "pair", "a b"),
            "'a b' is no Python name; use letters, di",
        ),
        (
            lambda s: rename(s, "pair", "for"),
            "'for' is a word of Python itself; write for_",
        ),
        (lambda s: rename(s, "nobody", "a"), "nothing in this cell is called 'nobody'"),
        (lambda s: connect(s, "pair", "counts"), "step 'counts' needs 'pair' already"),
        (
            lambda s: connect(s, "counts", "pair"),
            "steps need each other in a circle: pair → counts → pair; take one of ",
        ),
        (
            lambda s: disconnect(s, "pair", "counts"),
            "step 'counts' still uses 'pair', in line 16; change its code first",
        ),
        (lambda s: disconnect(s, "x", "counts"), "step 'counts' does not need 'x'"),
        (
            lambda s: set_option(s, "counts", "shots", "many ="),
            'shots= takes one Python expression such as 1000 or "aer"; \'many',
        ),
        (
            lambda s: set_option(s, "counts", "shots", "0"),
            "shots must be a whole number from 1 to 1000000000, such as 1000; this",
        ),
        (
            lambda s: set_option(s, "counts", "precision", "0"),
            "a sample step takes shots, not a precision",
        ),
        (
            lambda s: set_code(s, "pair", "def other(): ..."),
            "this is the code of 'pair', but it defines 'other'; rename the step",
        ),
        (
            lambda s: set_code(s, "pair", "x = 1"),
            "the code of a step is one function; wr",
        ),
        (lambda s: set_code(s, "pair", "def pair(:"), "invalid syntax"),
        (
            lambda s: add_step(s, "gate"),
            "there is no kind of step 'gate'; known: circui",
        ),
        (
            lambda s: add_step(s, "step", "pair"),
            "the cell has a 'pair' already; choose ",
        ),
        (lambda s: assign(s, "pair", "1"), "'pair' is a step, in line 4"),
        (
            lambda s: set_magic(s, "shot", "1"),
            "the magic line has no option 'shot' to s",
        ),
        (
            lambda s: set_magic(s, "shots", "many"),
            "--shots must be a whole number from 1 to 1000000000, such as 1000",
        ),
        (
            lambda s: set_title(s, "a-b"),
            "'a-b' cannot name a workflow, since its run b",
        ),
    ],
)
def test_what_cannot_be_done_is_told(
    edit: Callable[[Source], str], message: str | None
) -> None:
    if message is None:
        assert edit(Source(BELL)) != BELL
        return
    with pytest.raises(EditRefused) as refused:
        edit(Source(BELL))
    assert refused.value.message.startswith(message)


def test_two_names_of_one_statement_are_told_apart_by_hand() -> None:
    cell = "%%qflow t\na, b = 1, 2\nc = 3; d = 4\n"
    with pytest.raises(EditRefused, match="'a' is assigned together with other names"):
        assign(Source(cell), "a", "2")
    with pytest.raises(EditRefused, match="line 3 holds several statements; give each"):
        assign(Source(cell), "d", None)
    assert assign(Source(cell), "d", "5") == cell.replace("d = 4", "d = 5")


def test_an_edit_of_a_faulty_cell_can_mend_it() -> None:
    """A circle of needs is broken where it is seen."""
    cell = "%%qflow t\n@qf.step\ndef a(b): ...\n@qf.step\ndef b(a): ...\n"
    assert not Source(cell).readable
    assert disconnect(Source(cell), "a", "b") == cell.replace("b(a)", "b()")


def test_line_ends_stay_as_they_are() -> None:
    cell = BELL.replace("\n", "\r\n")
    after = add_step(Source(assign(Source(cell), "n", "3")), "step", "last")
    assert after.replace("\r\n", "").count("\n") == 0
    assert "\r\nn = 3\r\n\r\n" in after
