"""Which axes each step runs over."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from quantumflow_lab.cell import read_cell
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


TIES = """
p = qf.axis([0]); q = qf.axis([0]); o = qf.axis([0])
@qf.step
def folds(): ...
@qf.sample(map="folds", backend=["x"])
def counts(folds, o, v, q, u, p): ...
"""
NOTEBOOK = ("zeta", "u", "v", "alpha")
ORDER = ("v", "u", "p", "q", "o", "folds", "backend")


def test_axes_of_one_line_or_one_step_have_an_order() -> None:
    flow = read_cell(TIES, "ties", known=NOTEBOOK, axes=NOTEBOOK)
    assert step_dims(flow)["counts"] == ORDER


@pytest.mark.parametrize("seed", ["1", "2", "3", "4"])
def test_the_order_of_axes_is_the_same_in_every_process(seed: str) -> None:
    program = (
        "from quantumflow_lab.cell import read_cell\n"
        "from quantumflow_lab.dims import step_dims\n"
        f"flow = read_cell({TIES!r}, 'ties', known={NOTEBOOK}, axes={NOTEBOOK})\n"
        "print(*step_dims(flow)['counts'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(done.stdout.split()) == ORDER


COLLECTED = """
@qf.sample(backend=OPTION)
def counts(): ...
@qf.step(over="backend")
def compare(counts): ...
"""


@pytest.mark.parametrize(
    "option", ["devices", "['aer'] + ['x']", "[a, b]", "pick(devices)"]
)
def test_backends_that_the_text_leaves_open_can_be_collected(option: str) -> None:
    flow = Workflow.from_source(COLLECTED.replace("OPTION", option), "dims")
    several = {"counts": ("backend",), "compare": ()}
    assert step_dims(flow) == several
    assert step_dims(flow, ["aer"], own_backends={"counts": ("aer", "x")}) == several


def test_a_dial_that_names_one_backend_may_be_set_to_several() -> None:
    text = "device = 'aer'" + COLLECTED.replace("OPTION", "device")
    assert dims(text) == {"counts": ("backend",), "compare": ()}


def test_backends_that_turn_out_to_be_one_cannot_be_collected() -> None:
    flow = Workflow.from_source(COLLECTED.replace("OPTION", "devices"), "dims")
    with pytest.raises(BadAxis, match="nothing that it needs runs over") as caught:
        step_dims(flow, ["x", "y"], own_backends={"counts": "aer"})
    assert "line 5:" in str(caught.value)


def test_a_backend_that_is_one_by_the_text_cannot_be_collected() -> None:
    with pytest.raises(BadAxis, match="nothing that it needs runs over 'backend'"):
        dims(COLLECTED.replace("OPTION", "'aer'"))


def test_no_backend_of_its_own_means_those_of_the_run() -> None:
    text = COLLECTED.replace("OPTION", "None")
    assert dims(text, "x", "y") == {"counts": ("backend",), "compare": ()}


AGAIN = """
@qf.sample
def counts(): ...
@qf.sample(over="backend", backend=device)
def again(counts): ...
"""


def test_a_step_that_collects_backends_may_run_on_one_of_its_own() -> None:
    flow = Workflow.from_source(AGAIN, "dims")
    assert step_dims(flow, ["x", "y"], own_backends={"again": "aer"}) == {
        "counts": ("backend",),
        "again": (),
    }
    with pytest.raises(BadAxis, match="and runs over it by its own options"):
        step_dims(flow, ["x", "y"], own_backends={"again": ("aer", "x")})


@pytest.mark.parametrize("option", ["['aer', 'x']", "devices"])
def test_a_step_inherits_own_backends_and_may_ask_which(option: str) -> None:
    text = f"""
@qf.sample(backend={option})
def s(): ...
@qf.step
def g(s, backend): ...
@qf.step(over="backend")
def f(s, backend): ...
@qf.step(over="backend")
def h(g, backend): ...
"""
    flow = Workflow.from_source(text, "dims")
    found = step_dims(flow, own_backends={"s": ("aer", "x")})
    assert found == {"s": ("backend",), "g": ("backend",), "f": (), "h": ()}
