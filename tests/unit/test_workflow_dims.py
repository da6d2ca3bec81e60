"""Which axes each step runs over."""

from __future__ import annotations

import pytest

from quantumflow_lab.dims import step_dims
from quantumflow_lab.errors import BadAxis
from quantumflow_lab.workflow import Workflow

T1 = """
delay = qf.axis([0, 1], unit="s")
qubit = qf.axis([0, 1, 2])
@qf.circuit
def decay(delay): ...
@qf.sample(transpile={"initial_layout": [qubit]})
def counts(decay): ...
@qf.step
def p1(counts): ...
@qf.step(over="delay")
def fit(p1, delay): ...
@qf.step(over=["qubit", "backend"])
def spread(fit): ...
"""


def dims(text: str, *backends: str) -> dict[str, tuple[str, ...]]:
    return step_dims(Workflow.from_source(text, "dims"), backends)


def test_the_t1_cell_of_the_design() -> None:
    assert dims(T1, "fake_manila", "fake_lima") == {
        "decay": ("delay",),
        "counts": ("delay", "qubit", "backend"),
        "p1": ("delay", "qubit", "backend"),
        "fit": ("qubit", "backend"),
        "spread": (),
    }


def test_a_single_backend_is_an_axis_where_a_step_collects_it() -> None:
    assert dims(T1, "aer")["counts"] == ("delay", "qubit", "backend")


def test_a_single_backend_is_no_axis_otherwise() -> None:
    text = T1.replace('over=["qubit", "backend"]', 'over="qubit"')
    assert dims(text, "aer")["counts"] == ("delay", "qubit")
    assert Workflow.from_source(text, "t1").dims("fit") == ("qubit",)


def test_axes_keep_the_order_of_the_cell_and_not_of_the_needs() -> None:
    text = """
b = qf.axis([0])
a = qf.axis([0])
@qf.step
def one(a): ...
@qf.step
def two(one, b): ...
"""
    assert dims(text) == {"one": ("a",), "two": ("b", "a")}


def test_an_own_list_of_backends_is_an_axis_of_any_length() -> None:
    text = """
@qf.sample(backend=["aer"])
def noisy(): ...
@qf.sample(backend="aer")
def ideal(): ...
@qf.step
def both(noisy, ideal): ...
"""
    assert dims(text, "x", "y") == {
        "noisy": ("backend",),
        "ideal": (),
        "both": ("backend",),
    }


def test_backends_named_by_an_assignment_are_read_from_it() -> None:
    text = """
devices = ["aer", "fake_lima"]
one = "aer"
@qf.sample(backend=devices)
def many(): ...
@qf.sample(backend=one)
def single(): ...
"""
    assert dims(text) == {"many": ("backend",), "single": ()}


def test_evaluated_backends_win_over_the_text() -> None:
    flow = Workflow.from_source(
        "@qf.sample(backend=devices)\ndef counts(): ...", "dims"
    )
    assert step_dims(flow, own_backends={"counts": ("aer", "x")}) == {
        "counts": ("backend",)
    }


def test_only_steps_that_run_circuits_or_ask_for_it_take_the_runs_backends() -> None:
    text = """
@qf.circuit
def bell(): ...
@qf.step
def loop(bell, estimator): ...
@qf.step
def label(bell, backend): ...
@qf.step
def plain(bell): ...
"""
    assert dims(text, "x", "y") == {
        "bell": (),
        "loop": ("backend",),
        "label": ("backend",),
        "plain": (),
    }


def test_a_step_that_collects_backends_may_ask_for_their_names() -> None:
    text = """
@qf.sample
def counts(): ...
@qf.step(over="backend")
def compare(counts, backend): ...
"""
    assert dims(text, "x", "y") == {"counts": ("backend",), "compare": ()}


def test_a_map_makes_an_axis_that_lower_steps_inherit_and_collect() -> None:
    text = """
late = qf.axis([0, 1])
@qf.step
def folded(): ...
@qf.estimate(map="folded")
def noisy(folded, late): ...
@qf.step
def clean(noisy): ...
@qf.step(over="folded")
def fit(clean, folded): ...
"""
    assert dims(text) == {
        "folded": (),
        "noisy": ("late", "folded"),
        "clean": ("late", "folded"),
        "fit": ("late",),
    }


def test_a_step_cannot_collect_the_backends_it_runs_on() -> None:
    text = """
@qf.sample
def counts(): ...
@qf.sample(over="backend")
def again(counts): ...
"""
    with pytest.raises(BadAxis, match="collects over 'backend' and runs over it"):
        dims(text)
