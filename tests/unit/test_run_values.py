"""What a cell means: needs, axes, over, map, options with names, captured values."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from quantumflow_lab import Failed, Grid, Lab, Run
from quantumflow_lab.errors import BadAxis, RaggedMap, StepFailed, UnknownStep


def run_cell(lab: Lab, cell: str, **options: Any) -> Run:
    return lab.run(dedent(cell), **options)


def test_a_step_gets_the_values_of_its_needs(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        base = 3

        @qf.step
        def twice(base):
            return 2 * base

        @qf.step
        def total(twice, base):
            return twice + base
        """,
        name="needs",
    )
    assert (run["twice"], run["total"], run.state) == (6, 9, "done")


def test_equal_axes_line_up_and_different_axes_multiply(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        a = qf.axis([1, 2, 3])
        b = qf.axis([10, 20])

        @qf.step
        def square(a):
            return a * a

        @qf.step
        def same(square, a):
            return (square, a)

        @qf.step
        def product(square, b):
            return square * b
        """,
        name="axes",
    )
    assert list(run["same"]) == [(1, 1), (4, 2), (9, 3)]
    assert run["product"].dims == ("a", "b")
    # Some points of a step, and one of them.
    assert list(run.partial("product", b=20)) == [20, 80, 180]
    assert run.partial("product", a=2, b=10) == 40
    with pytest.raises(BadAxis, match="this grid has no axis 'c'"):
        run.partial("product", c=1)
    assert np.asarray(run["product"]).tolist() == [[10, 20], [40, 80], [90, 180]]
    assert run["product"].sel(a=2, b=20) == 80


def test_over_collects_an_axis_in_order_with_its_values(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        a = qf.axis([3, 1, 2], unit="s")
        b = qf.axis(["x", "y"])

        @qf.step
        def value(a, b):
            return a if b == "x" else -a

        @qf.step(over="a")
        def seen(value, a, b):
            return (type(value).__name__, list(value), list(a), b)
        """,
        name="over",
    )
    assert run["seen"].sel(b="x") == ("ndarray", [3, 1, 2], [3, 1, 2], "x")
    assert run["seen"].sel(b="y") == ("ndarray", [-3, -1, -2], [3, 1, 2], "y")


def test_map_runs_over_a_list_known_only_at_run_time(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def scales():
            return [1, 3, 5]

        @qf.step(map="scales")
        def folded(scales):
            return 10 * scales

        @qf.step(over="scales")
        def total(folded):
            return int(sum(folded))
        """,
        name="mapped",
    )
    assert run["folded"].axes == {"scales": (1, 3, 5)}
    assert list(run["folded"]) == [10, 30, 50]
    assert run["total"] == 90


def test_map_over_nothing_gives_an_empty_list_below(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def none():
            return []

        @qf.step(map="none")
        def each(none):
            return none

        @qf.step(over="none")
        def count(each):
            return len(each)
        """,
        name="empty",
    )
    assert (len(run["each"]), run["count"], run.state) == (0, 0, "done")


def test_map_over_lists_of_different_lengths_is_refused(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        n = qf.axis([1, 2])

        @qf.step
        def lists(n):
            return [0] * n

        @qf.step(map="lists")
        def each(lists):
            return lists
        """,
        name="ragged",
    )
    with pytest.raises(RaggedMap, match="returned lengths 1, 2; pad them"):
        run.raise_failure()


def test_map_over_something_that_is_no_list_is_refused(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def number():
            return 5

        @qf.step(map="number")
        def each(number):
            return number
        """,
        name="unmappable",
    )
    with pytest.raises(BadAxis, match="'number' returned int; return a list"):
        run.raise_failure()


def test_a_notebook_value_is_taken_as_it_was_at_the_start(lab: Lab) -> None:
    angles = [1.0, 2.0]
    run = run_cell(
        lab,
        """
        import threading

        @qf.step
        def total(angles):
            angles.append(100.0)
            return sum(angles)
        """,
        name="captured",
        inputs={"angles": angles},
    )
    assert run["total"] == 103.0
    assert angles == [1.0, 2.0]


def test_a_point_fails_alone_and_steps_that_collect_it_are_skipped(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        i = qf.axis([0, 1, 2])

        @qf.step
        def inverse(i):
            return 1 / i

        @qf.step(over="i")
        def total(inverse):
            return sum(inverse)

        @qf.step(over="i", partial=True)
        def there(inverse):
            return inverse
        """,
        name="partly",
    )
    first, *others = run["inverse"]
    assert first == Failed("ZeroDivisionError", "division by zero", attempt=1)
    assert others == [1.0, 0.5]
    assert run.partial("total").reason == "StepSkipped"
    np.testing.assert_array_equal(run["there"], [np.nan, 1.0, 0.5])
    assert run.failures() == [
        "1 of 3 points of 'inverse' failed: ZeroDivisionError: division by zero"
    ]
    run.raise_failure()


def test_a_failed_step_without_axes_raises_with_its_cause(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        @qf.step
        def wrong():
            raise ValueError("no such luck")

        @qf.step
        def after(wrong):
            return wrong
        """,
        name="wrong",
    )
    assert run.state == "failed"
    with pytest.raises(
        StepFailed, match="'wrong' has no value: ValueError: no such luck"
    ) as info:
        run["wrong"]
    assert repr(info.value.__cause__) == "ValueError('no such luck')"
    with pytest.raises(ValueError, match="no such luck"):
        run.raise_failure()


def test_an_unknown_step_is_named_with_its_nearest(lab: Lab) -> None:
    run = run_cell(lab, "@qf.step\ndef counts():\n    return 1\n", name="near")
    with pytest.raises(UnknownStep, match="'near' has no step 'count'; did you mean"):
        run["count"]


def test_a_grid_selects_by_value_and_says_what_it_has() -> None:
    values = np.array([[1, 2], [3, 4]], dtype=object)
    grid = Grid(values, {"t": (0.1, 0.1 + 0.2), "q": ("a", "b")}, {"t": "s"})
    assert grid.sel(t=0.3, q="b") == 4
    assert list(grid.sel(q="a")) == [1, 3]
    with pytest.raises(BadAxis, match=r"axis 't' has no value 9; it has 0.1, 0.3"):
        grid.sel(t=9)
    with pytest.raises(BadAxis, match="no axis 'p'"):
        grid.sel(p=1)


def test_a_grid_prefers_the_value_that_is_equal_to_one_that_is_close() -> None:
    grid = Grid(np.array([1, 2], dtype=object), {"f": (5e9, 5.000000001e9)})
    assert grid.sel(f=5.000000001e9) == 2


def test_a_grid_shows_its_first_and_last_points_as_text_and_on_a_page() -> None:
    values = np.empty((30, 2), dtype=object)
    for i, j in np.ndindex(30, 2):
        values[i, j] = np.float64(i / 4 + j)
    values[0, 1] = Failed("ValueError", "no", 1)
    grid = Grid(values, {"t": range(30), "q": ("a", "b")}, {"t": "s"})
    assert repr(grid).splitlines() == [
        "Grid(t=30, q=2)",
        "t (s)  q  value",
        "    0  a  0",
        "    0  b  Failed(reason='ValueError', message='no', attempt=1, job=None)",
        "    1  a  0.25",
        "    1  b  1.25",
        "    2  a  0.5",
        "    …  …  …",
        "   27  b  7.75",
        "   28  a  7",
        "   28  b  8",
        "   29  a  7.25",
        "   29  b  8.25",
    ]
    page = grid._repr_html_()
    assert page.count("<tr>") == 1 + 40 + 1
    assert "<td colspan=3>… 20 more points</td>" in page
    assert "<td>29</td><td>b</td><td>8.25</td></tr></tbody>" in page


def test_names_with_markup_are_escaped_in_a_grid() -> None:
    grid = Grid(np.array(["<b>"], dtype=object), {"<i>": ('"&',)})
    assert "<b>" not in grid._repr_html_()
    assert "&lt;b&gt;" in grid._repr_html_()


def test_a_table_has_axes_and_dict_keys_as_columns(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        i = qf.axis([0, 1])

        @qf.step
        def both(i):
            return {"half": 1 / i, "name": f"n{i}"}
        """,
        name="tabled",
    )
    table = run.table("both").to_pylist()
    assert table == [
        {"i": 0, "error": "ZeroDivisionError: division by zero"}
        | {"half": None, "name": None},
        {"i": 1, "error": None, "half": 1.0, "name": "n1"},
    ]


def test_a_point_that_changes_its_need_changes_it_for_itself_alone(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        from qiskit import QuantumCircuit
        basis = qf.axis(["x", "z"])
        noted = [0]

        @qf.circuit
        def base():
            return QuantumCircuit(1)

        @qf.circuit
        def measured(base, basis, noted):
            noted.append(basis)
            if basis == "x":
                base.h(0)
            base.measure_all()
            return base

        @qf.step
        def left(noted):
            return noted
        """,
        name="own",
    )
    ops = [dict(circuit.count_ops()) for circuit in run["measured"]]
    assert ops == [{"h": 1, "barrier": 1, "measure": 1}, {"barrier": 1, "measure": 1}]
    assert (len(run["base"].data), run["left"]) == (0, [0])


def test_complex_numbers_and_truth_values_are_collected_as_arrays(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        k = qf.axis([0, 1])

        @qf.step
        def phase(k):
            return 1j * k

        @qf.step(over="k")
        def doubled(phase):
            return 2 * phase
        """,
        name="complex",
    )
    assert run["doubled"].tolist() == [0j, 2j]


def test_a_step_that_collects_backends_may_ask_for_their_names(lab: Lab) -> None:
    run = run_cell(
        lab,
        """
        from qiskit import QuantumCircuit

        @qf.sample(backend=["aer", "aer_statevector"], shots=10)
        def counts():
            qc = QuantumCircuit(1)
            qc.measure_all()
            return qc

        @qf.step
        def named(counts, backend):
            return backend

        @qf.step(over="backend")
        def names(counts, backend):
            return list(backend)
        """,
        name="backends",
    )
    assert list(run["named"]) == run["names"] == ["aer", "aer_statevector"]
