"""Decorators and axes outside a cell, and workflows made of functions."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import quantumflow_lab as qf
from quantumflow_lab.cell import bind
from quantumflow_lab.cell.declare import Axis, Name, StepFunction, substitute
from quantumflow_lab.dims import step_dims
from quantumflow_lab.errors import (
    BadAxis,
    BadDecorator,
    BadShots,
    UndeclaredNeed,
    UnknownName,
    UnknownOption,
)
from quantumflow_lab.workflow import Workflow

angle = qf.axis([0.0, 0.5], unit="rad")
scale = 10
FUTURE = "from __future__ import annotations\n\n"


@qf.circuit
def ry(angle: float) -> Any:
    """Turn by an angle."""
    return ("circuit", angle)


@qf.sample(shots=100, options={"seeds": [angle]})
def counts(ry: Any) -> Any:
    return ry


@qf.step(over="angle")
def fit(counts: Any, angle: Any, factor: int = 2) -> Any:
    return [scale * factor * each for each in angle]


def test_a_step_is_still_the_plain_function() -> None:
    assert ry(3) == ("circuit", 3)
    assert fit(counts=None, angle=[1]) == [20]


def test_a_step_knows_what_it_is() -> None:
    assert isinstance(counts, StepFunction)
    assert (counts.kind, counts.name) == ("sample", "counts")
    assert counts.options == {"shots": 100, "options": {"seeds": [angle]}}
    assert ry.__doc__ == "Turn by an angle."
    assert inspect.getsource(ry).startswith("@qf.circuit\ndef ry(angle: float)")
    bare = qf.step(over="angle")(lambda counts, factor=2: counts)
    assert repr(bare) == "<qf.step <lambda>(counts, factor=2), over='angle'>"


def test_options_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        counts.options["shots"] = 3  # type: ignore[index]  # on purpose


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1.5, "a"], (0, 1.5, "a")),
        (range(3), (0, 1, 2)),
        ((n * n for n in range(3)), (0, 1, 4)),
        (np.linspace(0, 1, 3), (0.0, 0.5, 1.0)),
        (np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))),
        ([np.int64(3), np.bool_(True)], (3, True)),
        ([(1, "a"), (2, "b")], ((1, "a"), (2, "b"))),
        (Axis((1, 2)), (1, 2)),
    ],
)
def test_an_axis_holds_plain_values(values: Any, expected: tuple[Any, ...]) -> None:
    made = qf.axis(values)
    assert made.values == expected
    assert [type(each) for each in made] == [type(each) for each in expected]


@pytest.mark.parametrize("values", [np.array(3), 3, None, {"a": 1}, b"ab"])
def test_an_axis_takes_a_list(values: Any) -> None:
    with pytest.raises(BadAxis, match=r"^an axis takes a list of values"):
        qf.axis(values)


def test_the_unit_of_an_axis_is_text() -> None:
    with pytest.raises(BadAxis, match="the unit of an axis is text"):
        qf.axis([1], unit=3)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    "values", [[1.0, float("nan")], [complex(0, float("nan"))], np.array([[1, np.nan]])]
)
def test_an_axis_has_no_nan(values: Any) -> None:
    with pytest.raises(BadAxis) as caught:
        qf.axis(values)
    assert caught.value.message == (
        "an axis cannot have the value nan, by which no point could be found; leave it "
        "out"
    )


@pytest.mark.parametrize(
    ("values", "shown"),
    [([1, 2, 1.0], "1.0"), (["a", "a"], "'a'"), (np.zeros((2, 2)), "(0.0, 0.0)")],
)
def test_an_axis_has_each_of_its_values_once(values: Any, shown: str) -> None:
    with pytest.raises(BadAxis) as caught:
        qf.axis(values)
    assert caught.value.message == (
        f"an axis needs each of its values once; this one has {shown} twice. To repeat "
        "points, add an axis such as qf.axis(range(3))"
    )


def test_an_axis_takes_values_that_are_close_or_cannot_be_hashed() -> None:
    assert len(qf.axis([5e9, 5.000000001e9, 5.000000002e9])) == 3
    assert len(qf.axis([{"shift": 1}, {"shift": 2}])) == 2


def test_the_decorators_check_options_at_once() -> None:
    with pytest.raises(UnknownOption, match="did you mean 'shots'"):
        qf.sample(shot=3)
    with pytest.raises(BadShots):
        qf.sample(shots=True)
    with pytest.raises(BadDecorator, match="goes on a function, options by name"):
        qf.sample("aer")  # type: ignore[call-overload]  # on purpose


def test_a_step_is_decorated_once() -> None:
    with pytest.raises(BadDecorator, match="'ry' is a circuit step already"):
        qf.step(ry)


def test_references_are_replaced_however_deep() -> None:
    options = {"a": [angle, (Name("b"), 3)], "c": {"d": ry}}
    env = {"": 0.5, "b": 2, "ry": "circuit"}
    assert substitute(options, env) == {"a": [0.5, (2, 3)], "c": {"d": "circuit"}}


def test_a_workflow_of_functions_reads_like_a_cell() -> None:
    flow = qf.workflow("turn", ry, counts, fit, extra=3)
    assert flow.source == (
        "from __future__ import annotations\n"
        "\n"
        "extra = 3\n"
        "\n"
        "@qf.circuit\n"
        "def ry(angle: float) -> Any:\n"
        '    """Turn by an angle."""\n'
        '    return ("circuit", angle)\n'
        "\n"
        '@qf.sample(shots=100, options={"seeds": [angle]})\n'
        "def counts(ry: Any) -> Any:\n"
        "    return ry\n"
        "\n"
        '@qf.step(over="angle")\n'
        "def fit(counts: Any, angle: Any, factor: int = 2) -> Any:\n"
        "    return [scale * factor * each for each in angle]\n"
    )
    assert step_dims(flow, ["aer", "x"]) == {
        "ry": ("angle",),
        "counts": ("angle", "backend"),
        "fit": ("backend",),
    }
    assert Workflow.from_json(flow.to_json()) == flow


def test_a_workflow_of_functions_is_bound_to_the_functions_themselves() -> None:
    flow = qf.workflow("turn", ry, counts, fit, extra=3)
    bound = bind(flow, {}, set={"extra": 4})
    assert dict(bound.axes) == {"angle": Axis((0.0, 0.5), "rad")}
    assert bound.values == {"extra": 4, "scale": 10}
    assert bound.bodies["fit"] is fit.function
    assert bound.options["counts"] == {
        "shots": 100,
        "options": {"seeds": [Name("angle")]},
    }
    assert [(each.name, each.summary) for each in bound.inputs] == [("scale", "10")]


def test_an_axis_that_is_given_takes_the_place_of_the_modules() -> None:
    flow = qf.workflow("turn", ry, counts, angle=qf.axis([1], unit="deg"))
    assert flow.source.startswith(
        FUTURE + "angle = qf.axis([1], unit='deg')\n\n@qf.circuit"
    )
    assert dict(bind(flow, {}).axes) == {"angle": Axis((1,), "deg")}
    assert bind(flow, {}).options["counts"]["options"] == {"seeds": [Name("angle")]}
    assert bind(flow, {}, set={"angle": [3, 4]}).axes["angle"].values == (3, 4)


def test_functions_may_be_decorated_by_a_call_and_see_their_closure() -> None:
    offset = 5

    def shift(n: int) -> int:
        return n + offset

    made = qf.step(timeout=60)(shift)
    bound = bind(qf.workflow("closure", made, n=2), {})
    assert bound.bodies["shift"](2) == 7
    assert bound.workflow.source == (
        FUTURE + "n = 2\n\n@qf.step(timeout=60)\n"
        "def shift(n: int) -> int:\n    return n + offset\n"
    )
    assert [each.name for each in bound.inputs] == ["offset"]


def test_a_value_that_has_no_literal_is_an_input() -> None:
    @qf.step
    def use(data: Any) -> Any:
        return data

    flow = qf.workflow("data", use, data=np.arange(3))
    assert (
        flow.source
        == FUTURE + "@qf.step\ndef use(data: Any) -> Any:\n    return data\n"
    )
    assert bind(flow, {}).values["data"].tolist() == [0, 1, 2]


def test_a_plain_function_is_no_step() -> None:
    with pytest.raises(BadDecorator, match=r"is no step; put @qf\.step"):
        qf.workflow("x", len)  # type: ignore[arg-type]  # on purpose


def test_a_function_without_source_is_refused() -> None:
    namespace: dict[str, Any] = {"qf": qf}
    exec("@qf.step\ndef f(): ...", namespace)
    with pytest.raises(BadDecorator, match="the source of step 'f'"):
        qf.workflow("x", namespace["f"])


def test_a_given_value_is_not_read_behind_the_back_of_a_function() -> None:
    with pytest.raises(UndeclaredNeed, match="make 'scale' a parameter"):
        qf.workflow("x", ry, counts, fit, scale=3)


def test_a_function_of_a_workflow_may_have_an_unfilled_closure() -> None:
    @qf.step
    def total(n: int) -> int:
        return n + late

    flow = qf.workflow("sum", total, n=1)
    with pytest.raises(UnknownName, match="reads 'late', which is found nowhere"):
        bind(flow, {})
    late = 2
    assert bind(qf.workflow("sum", total, n=1), {}).bodies["total"](n=1) == 3
