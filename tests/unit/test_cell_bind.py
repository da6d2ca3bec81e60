"""A cell bound to the values of a notebook."""

from __future__ import annotations

import inspect
import linecache
import threading
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import SecretStr

from quantumflow_lab.cell import Bound, bind, substitute
from quantumflow_lab.cell.declare import Axis, Name
from quantumflow_lab.errors import (
    BadOption,
    BadShots,
    SecretInput,
    UndeclaredNeed,
    UnknownName,
    UnknownNeed,
    UnknownOption,
)
from quantumflow_lab.workflow import INJECTED, Input, Workflow


def bound(text: str, namespace: dict[str, Any] | None = None, **keywords: Any) -> Bound:
    return bind(Workflow.from_source(text, "test"), namespace or {}, **keywords)


def shown_in_a_notebook(text: str) -> str:
    """What IPython's compiler does: a file name of its own, known to linecache."""
    lines = text.splitlines(keepends=True)
    linecache.cache["Cell In[8]"] = (len(text), None, lines, "Cell In[8]")
    return "Cell In[8]"


FAILS = """\
%%qflow t1
n = 0

@qf.step(
    timeout=60,
)
def divide(n):
    # a comment, so that lines count

    return helper(1, n)

def helper(a, b):
    return a / b
"""


def test_a_traceback_names_the_lines_of_the_cell() -> None:
    file = shown_in_a_notebook(FAILS)
    body = bound(FAILS, filename=file).bodies["divide"]
    with pytest.raises(ZeroDivisionError) as caught:
        body(n=0)
    frames = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert [(each.filename, each.lineno, each.line) for each in frames] == [
        ("Cell In[8]", 10, "return helper(1, n)"),
        ("Cell In[8]", 13, "return a / b"),
    ]


def test_blank_lines_above_the_magic_line_are_counted() -> None:
    text = "\n\n" + FAILS
    file = shown_in_a_notebook(text)
    body = bound(text, filename=file).bodies["divide"]
    with pytest.raises(ZeroDivisionError) as caught:
        body(n=0)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 15


def test_inspect_finds_the_source_in_the_cell() -> None:
    file = shown_in_a_notebook(FAILS)
    body = bound(FAILS, filename=file).bodies["divide"]
    assert inspect.getsource(body) == "".join(
        line + "\n" for line in FAILS.splitlines()[3:10]
    )
    assert inspect.getsourcelines(body)[1] == 4


def test_a_cell_without_a_file_is_found_all_the_same() -> None:
    body = bound(FAILS).bodies["divide"]
    assert inspect.getsource(body).startswith(
        "@qf.step(\n    timeout=60,\n)\ndef divide"
    )
    assert body.__code__.co_firstlineno == 4


def test_an_assignment_that_raises_does_so_at_its_line() -> None:
    text = "%%qflow t1\n\nn = 1 / 0\n@qf.step\ndef f(n): ..."
    with pytest.raises(ZeroDivisionError) as caught:
        bound(text, filename=shown_in_a_notebook(text))
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == ("Cell In[8]", 3, "n = 1 / 0")


def test_errors_count_lines_from_the_first_line_of_the_file() -> None:
    flow = Workflow.from_source(
        "%%qflow t1\n@qf.step\ndef f(x): ...", file="Cell In[8]", first_line=4
    )
    with pytest.raises(UnknownNeed) as caught:
        bind(flow, {})
    assert str(caught.value).splitlines()[1] == "  Cell In[8], line 6:  def f(x): ..."


VALUES = """
points = 3
double = 2 * points
delay = qf.axis([0.0, 0.5], unit="s")

@qf.sample(shots=points, options={"delays": [delay, double]}, timeout=60)
def counts(delay, double): ...
"""


def test_assignments_and_axes_are_evaluated_in_order() -> None:
    found = bound(VALUES)
    assert dict(found.values) == {"points": 3, "double": 6}
    assert dict(found.axes) == {"delay": Axis((0.0, 0.5), "s")}
    assert found.axes["delay"].name == "delay"
    assert found.options == {
        "counts": {
            "shots": 3,
            "options": {"delays": [Name("delay"), 6]},
            "timeout": 60,
        }
    }


def test_set_takes_the_place_of_an_assignment_before_it_is_used() -> None:
    assert dict(bound(VALUES, set={"points": 10}).values) == {
        "points": 10,
        "double": 20,
    }


def test_an_assignment_that_is_set_is_not_evaluated() -> None:
    found = bound("n = 1 / 0\n@qf.step\ndef f(n): ...", set={"n": 3})
    assert dict(found.values) == {"n": 3}


def test_one_name_of_several_can_be_set() -> None:
    found = bound("a, b = 1, 2\n@qf.step\ndef f(a, b): ...", set={"b": 3})
    assert dict(found.values) == {"a": 1, "b": 3}


@pytest.mark.parametrize(("value", "values"), [([7, 8], (7, 8)), (7, (7,))])
def test_an_axis_that_is_set_keeps_its_unit(
    value: Any, values: tuple[Any, ...]
) -> None:
    assert bound(VALUES, set={"delay": value}).axes["delay"] == Axis(values, "s")


def test_a_name_that_set_does_not_find_is_told() -> None:
    with pytest.raises(UnknownOption) as caught:
        bound(VALUES, set={"point": 3})
    assert str(caught.value) == (
        "--set names 'point', which is no assignment or axis of this cell; did you "
        "mean 'points'?"
    )


def test_a_value_that_is_set_is_checked_like_any_other() -> None:
    with pytest.raises(BadShots, match=r"^shots must be"):
        bound(VALUES, set={"points": 0})


def test_references_are_replaced_at_each_point() -> None:
    options = bound(VALUES).options["counts"]
    assert substitute(options, {"delay": 0.5}) == {
        "shots": 3,
        "options": {"delays": [0.5, 6]},
        "timeout": 60,
    }


@pytest.mark.parametrize("option", ["timeout", "retries"])
def test_an_option_that_is_fixed_cannot_name_an_axis(option: str) -> None:
    text = f"n = qf.axis([1, 2])\n@qf.step({option}=n)\ndef f(): ..."
    with pytest.raises(BadOption, match=f"{option} is the same at every point"):
        bound(text)


def test_values_are_taken_at_the_start() -> None:
    notebook: dict[str, Any] = {"edges": [[0, 1]], "angles": np.zeros(2)}
    found = bound("@qf.step\ndef f(edges): return edges, angles", notebook)
    notebook["edges"].append([1, 2])
    notebook["angles"][0] = 9
    edges, angles = found.bodies["f"](edges=found.values["edges"])
    assert edges == [[0, 1]]
    assert angles.tolist() == [0.0, 0.0]
    assert found.inputs == (
        Input("edges", "value", found.inputs[0].fingerprint, "[[0, 1]]"),
        Input("angles", "value", None, "ndarray (2,) float64"),
    )
    assert found.workflow.inputs == found.inputs


def test_a_value_that_cannot_be_copied_is_live() -> None:
    lock = threading.Lock()
    found = bound("@qf.step\ndef f(lock): ...", {"lock": lock})
    assert found.values["lock"] is lock
    assert found.inputs == (Input("lock", "live", None, "lock, not copied"),)


def test_the_run_of_another_cell_is_lineage() -> None:
    class FakeRun:
        qf_run_id = "20261123-1"

    run = FakeRun()
    found = bound("@qf.step\ndef f(t1): ...", {"t1": run})
    assert found.values["t1"] is run
    assert found.inputs == (Input("t1", "run", "run:20261123-1", "run 20261123-1"),)


def test_the_body_sees_nothing_else_of_the_notebook() -> None:
    found = bound("@qf.step\ndef f(): return sorted(globals())", {"a": 1, "b": 2})
    names = [name for name in found.bodies["f"]() if not name.startswith("__")]
    assert set(names) <= {"f", "qf", "open", "exit", "quit", "display", "get_ipython"}


def test_a_name_of_the_notebook_hides_a_builtin() -> None:
    found = bound("@qf.step\ndef f(): return sum([1])", {"sum": np.sum})
    assert isinstance(found.bodies["f"](), np.integer)
    assert [each.name for each in found.inputs] == ["sum"]


def test_display_is_passed_on_and_not_captured() -> None:
    shown: list[object] = []
    found = bound("@qf.step\ndef f(): display(3)", {"display": shown.append})
    found.bodies["f"]()
    assert (shown, found.inputs) == ([3], ())


def test_an_axis_of_the_notebook_is_an_axis_of_the_cell() -> None:
    found = bound(
        "@qf.step\ndef f(delay): ...\n@qf.step(over='delay')\ndef g(f): ...",
        {"delay": Axis((1, 2), "s")},
    )
    assert dict(found.axes) == {"delay": Axis((1, 2), "s")}
    assert found.inputs == ()
    assert found.workflow.dims("f") == ("delay",)


def test_future_imports_of_the_cell_hold_and_no_others() -> None:
    body = "@qf.step\ndef f() -> list[int]: ...\n"
    plain = bound(body).bodies["f"].__annotations__
    future = bound("from __future__ import annotations\n" + body)
    assert plain == {"return": list[int]}
    assert future.bodies["f"].__annotations__ == {"return": "list[int]"}


def test_annotations_that_python_does_not_evaluate_need_no_name() -> None:
    body = "@qf.step\ndef f(n=1) -> {}:\n    x: Missing = n\n    return x\n"
    assert bound(body.format("int")).bodies["f"]() == 1
    postponed = "from __future__ import annotations\n" + body.format("Missing")
    assert bound(postponed).bodies["f"]() == 1
    with pytest.raises(UnknownName, match="reads 'Missing'"):
        bound(body.format("Missing"))


def test_classes_and_helpers_of_the_cell_work() -> None:
    found = bound(
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: float\n"
        "def shift(p): return Point(p.x + 1)\n"
        "@qf.step\n"
        "def f(): return shift(Point(1.0)).x"
    )
    assert found.bodies["f"]() == 2.0


def test_a_step_may_call_itself() -> None:
    text = "@qf.step\ndef fac(n=3): return n * fac(n - 1) if n else 1"
    assert bound(text).bodies["fac"]() == 6


def test_a_decorator_below_ours_stays() -> None:
    text = "from functools import cache\n@qf.step\n@cache\ndef f(): return object()"
    body = bound(text).bodies["f"]
    assert body() is body()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", "abcdefgh01234567"),
        ("IBM_API_KEY", "abcdefgh01234567"),
        ("apikey2", b"abcdefgh01234567"),
        ("passwords", ["", "abcdefgh01234567"]),
        ("credentials", {"user": "abcdefgh01234567"}),
        ("harmless", SecretStr("abc")),
        ("header", "ghp_0123456789abcdef"),
    ],
)
def test_an_input_that_looks_like_a_secret_is_refused(name: str, value: object) -> None:
    with pytest.raises(SecretInput) as caught:
        bound(f"@qf.step\ndef f({name}): ...", {name: value})
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokenizer", "abcdefgh01234567"),
        ("token_count", 3),
        ("secrets", 1.5),
        ("bits", "0101"),
        ("secret", "1011"),
        ("secret_string", "1011" * 8),
        ("tokens", ["a", "b"]),
        ("password", "abcdefgh0123456"),
    ],
)
def test_an_input_that_only_resembles_a_secret_is_taken(
    name: str, value: object
) -> None:
    assert bound(f"@qf.step\ndef f({name}): ...", {name: value}).values == {name: value}


def test_a_secret_is_not_set_either() -> None:
    with pytest.raises(SecretInput):
        bound(
            "token = None\n@qf.step\ndef f(token): ...",
            set={"token": "abcdefgh01234567"},
        )


def notebook(text: str) -> dict[str, Any]:
    """Names of a notebook whose cell had this text."""
    file = f"notebook {hash(text)}"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, file, "exec"), names)
    return names


def key(text: str, name: str = "model") -> str | None:
    found = bound(f"@qf.step\ndef f(): return {name}", notebook(text))
    assert found.inputs[0].kind in ("function", "class")
    return found.inputs[0].fingerprint


MODEL = "rate = 2\ndef grow(x): return x * rate\ndef model(x): return grow(x) + 1\n"


@pytest.mark.parametrize(
    "text",
    [
        MODEL.replace("+ 1", "+ 2"),
        MODEL.replace("x * rate", "x / rate"),
        MODEL.replace("rate = 2", "rate = 3"),
    ],
)
def test_a_function_counts_with_all_that_it_uses(text: str) -> None:
    assert key(text) != key(MODEL)


def test_a_function_does_not_count_with_what_it_does_not_use() -> None:
    assert key(MODEL + "def other(): return model(3)\nz = 4\n") == key(MODEL)


def test_functions_that_call_each_other_have_a_fingerprint() -> None:
    text = "def model(x): return other(x)\ndef other(x): return model(x - 1)\n"
    assert key(text) == key(text)


def test_a_class_counts_with_its_methods() -> None:
    text = "class model:\n    def f(self): return grow(1)\ndef grow(x): return x\n"
    assert key(text) != key(text.replace("return x", "return 2 * x"))


def test_the_names_of_the_text_win_over_those_that_are_injected() -> None:
    found = bound("@qf.step\ndef f(backend): ...", {"backend": "a variable"})
    assert found.inputs == ()
    assert found.workflow.step("f").injected == ("backend",)


@pytest.mark.parametrize("name", INJECTED)
def test_a_body_may_read_a_variable_called_like_what_the_lab_provides(
    name: str,
) -> None:
    text = f"@qf.step\ndef f(): return {name}"
    found = bound(text, {name: "mine"})
    assert [each.name for each in found.inputs] == [name]
    assert found.bodies["f"]() == "mine"
    with pytest.raises(UndeclaredNeed, match=rf"write: def f\({name}\):"):
        bound(text)


class Odd:
    """A value whose own length, which only its summary asks for, raises."""

    def __len__(self) -> int:
        raise RuntimeError("no length")


@pytest.mark.parametrize(
    ("value", "summary"),
    [
        (NDArray[np.float64], "GenericAlias"),
        (list[float], "GenericAlias"),
        (Odd(), "Odd"),
    ],
)
def test_a_value_without_a_summary_is_taken(value: Any, summary: str) -> None:
    found = bound("@qf.step\ndef f(vec): ...", {"vec": value})
    assert found.inputs[0].summary == summary


def unfilled(rate: int) -> Callable[[], object]:
    """A function that reads a variable nobody has assigned yet."""

    def model() -> object:
        return rate, late

    if rate < 0:
        late = 1
    return model


def test_a_function_whose_closure_is_not_filled_has_a_key() -> None:
    def key_of(rate: int) -> str | None:
        found = bound("@qf.step\ndef f(model): ...", {"model": unfilled(rate)})
        return found.inputs[0].fingerprint

    assert key_of(2) == key_of(2)
    assert key_of(2) != key_of(3)


@pytest.mark.parametrize("literal", ["3", "0.5", "-1", "1j", "True"])
def test_a_number_is_not_set_to_a_text(literal: str) -> None:
    text = f"n = {literal}\n@qf.step\ndef f(n): ..."
    with pytest.raises(BadOption, match=rf"literal, such as --set n={literal}$"):
        bound(text, set={"n": "np.pi"})
    assert bound(text, set={"n": 2}).values == {"n": 2}


def test_an_axis_of_numbers_is_not_set_to_a_text() -> None:
    for given in ("np.pi", [0.1, "np.pi"]):
        with pytest.raises(
            BadOption,
            match=r"--set gives axis 'delay' the text 'np\.pi', but it has numbers in "
            r'this cell; write Python literals, such as --set "delay=\[0, 0\.5\]"\n',
        ):
            bound(VALUES, set={"delay": given})
    text = VALUES.replace("[0.0, 0.5]", "['x', 'y']")
    assert bound(text, set={"delay": "ab"}).axes["delay"].values == ("ab",)


@pytest.mark.parametrize("literal", ["'a'", "None", "[1]"])
def test_any_other_dial_is_set_to_a_text(literal: str) -> None:
    text = f"n = {literal}\n@qf.step\ndef f(n): ..."
    assert bound(text, set={"n": "np.pi"}).values == {"n": "np.pi"}
