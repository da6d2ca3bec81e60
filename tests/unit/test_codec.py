"""What the codec keeps, that it comes back equal, and what it refuses."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import matplotlib.figure
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import (
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
    StatevectorEstimator,
    StatevectorSampler,
)
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import OptimizeResult, minimize

from quantumflow_lab.codec import JSON, Encoded, Image, decode, encode
from quantumflow_lab.errors import NotStorable, StoreError


def again(value: Any) -> Any:
    encoded = encode(value)
    return decode(encoded.media, encoded.data)


def bell(angle: float = 0.25) -> QuantumCircuit:
    circuit = QuantumCircuit(2, name="bell")
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def sampled(shots: int = 100) -> SamplerPubResult:
    return StatevectorSampler(seed=1).run([bell()], shots=shots).result()[0]


BERLIN = ZoneInfo("Europe/Berlin")
CEST = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63) + 1,
        2**200,
        -(2**5000),
        1.5,
        -0.0,
        math.inf,
        "",
        "é\x00\n'\"</script>",
        "\ud800",
        b"\x00\xff",
        1 - 2j,
        complex(math.inf, -0.0),
        [],
        [1, [2.0, None]],
        (),
        (1, (2, [3])),
        {(1, "a")},
        frozenset({(1, 2)}),
        {},
        {"a": 1, "$": 2},
        {1: "a", None: "b", (1, 2): {"c": {3}}},
        datetime.datetime(2026, 11, 23, 8, 30, 0, 123456),
        datetime.datetime(2026, 11, 23, 8, 30, tzinfo=datetime.UTC),
        datetime.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        datetime.datetime(2026, 7, 1, tzinfo=CEST),
        datetime.date(2026, 11, 23),
        datetime.timedelta(days=-1, microseconds=3),
        Decimal("0.10"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_python_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    found = again(value)
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_a_time_zone_keeps_its_rules() -> None:
    summer = datetime.datetime(2026, 7, 1, tzinfo=BERLIN)
    assert (again(summer) + datetime.timedelta(days=180)).utcoffset() == (
        datetime.timedelta(hours=1)
    )


def test_nan_comes_back() -> None:
    found = again([math.nan, complex(math.nan, 1)])
    assert math.isnan(found[0])
    assert math.isnan(found[1].real)


@pytest.mark.parametrize(
    "value",
    [
        np.float64(0.1),
        np.float32(0.1),
        np.float64("nan"),
        np.longdouble("0.1"),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.bool_(True),
        np.complex64(1 + 2j),
        np.str_("é"),
        np.bytes_(b"a"),
        np.datetime64("2026-11-23T08:30:00.000000001"),
        np.timedelta64(3, "ms"),
    ],
    ids=repr,
)
def test_a_numpy_scalar_keeps_its_type(value: Any) -> None:
    found = again(value)
    assert found.dtype == value.dtype
    assert type(found) is type(value)
    np.testing.assert_equal(found, value)


@pytest.mark.parametrize(
    "value",
    [
        np.array(3.5),
        np.zeros((0, 3)),
        np.arange(6).reshape(2, 3)[:, ::2],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([1, 2], dtype=">i4"),
        np.array(["a", "éé"]),
        np.array([(1, 2.5)], dtype=[("n", "i4"), ("x", "f8")]),
        np.array([1 + 1j, np.nan]),
        np.arange(10_000),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}",
)
def test_an_array_keeps_its_type_shape_and_numbers(value: Any) -> None:
    found = again({"deep": [value]})["deep"][0]
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value, strict=True)


def test_arrays_in_tables_of_results_stay_where_they_were() -> None:
    value = {"x": np.arange(1000), "nested": ({"y": np.ones((3, 3))}, [np.float64(2)])}
    found = again(value)
    np.testing.assert_equal(found, value)
    assert type(found["nested"]) is tuple


def test_circuits_come_back_equal() -> None:
    theta = Parameter("θ")
    open_circuit = QuantumCircuit(1, metadata={"note": "é"}, global_phase=0.5)
    open_circuit.rx(theta, 0)
    found = again({"one": bell(), "two": [open_circuit]})
    assert found == {"one": bell(), "two": [open_circuit]}
    assert found["one"].name == "bell"
    assert found["two"][0].metadata == {"note": "é"}
    assert set(found["two"][0].parameters) == {theta}


def test_an_observable_comes_back_equal() -> None:
    observable = SparsePauliOp(["XYZ", "IIZ"], [0.5, 1 - 2j])
    assert again(observable) == observable


def test_a_sampled_result_keeps_every_shot_and_its_metadata() -> None:
    result = sampled()
    result.metadata["qflow"] = {"job": "j1", "seed": np.int64(3)}
    found = again(result)
    assert type(found) is SamplerPubResult
    assert found.metadata == result.metadata
    assert found.data.shape == result.data.shape
    np.testing.assert_array_equal(found.data.meas.array, result.data.meas.array)
    assert found.data.meas == result.data.meas
    assert found.join_data().get_counts() == result.data.meas.get_counts()


def test_an_estimated_result_keeps_values_and_errors() -> None:
    circuit = bell().remove_final_measurements(inplace=False)
    pub = (circuit, [["ZZ"], ["XX"]])
    result = StatevectorEstimator(seed=1).run([pub], precision=0.1).result()
    found = again(result)
    assert type(found) is PrimitiveResult
    assert type(found[0]) is PubResult
    assert found[0].data.evs.shape == (2, 1)
    np.testing.assert_array_equal(found[0].data.evs, result[0].data.evs)
    np.testing.assert_array_equal(found[0].data.stds, result[0].data.stds)
    assert found[0].metadata == result[0].metadata
    assert found.metadata == result.metadata


def test_a_paid_result_is_kept_even_if_its_metadata_is_not() -> None:
    result = sampled()
    result.metadata["handle"] = object()
    found = again(result)
    assert found.data.meas == result.data.meas
    expected = {"shots": 100, "circuit_metadata": {}, "not_stored": ["handle"]}
    assert found.metadata == expected


@pytest.mark.parametrize("method", ["COBYLA", "L-BFGS-B", "Nelder-Mead", "BFGS"])
def test_the_answer_of_an_optimiser_comes_back(method: str) -> None:
    result = minimize(lambda x: float(np.sum((x - 1) ** 2)), [0.0, 3.0], method=method)
    found = again(result)
    assert type(found) is OptimizeResult
    assert set(found) == set(result)
    np.testing.assert_array_equal(found.x, result.x)
    assert found.message == result.message
    if method == "L-BFGS-B":
        np.testing.assert_array_equal(
            found.hess_inv.todense(), result.hess_inv.todense()
        )


def test_an_arrow_table_comes_back_equal() -> None:
    table = pa.table({"x": [1, None], "s": ["a", "é"]}).replace_schema_metadata(
        {"unit": "s"}
    )
    found = again(table)
    assert found.equals(table, check_metadata=True)


def test_frames_and_series_come_back_equal() -> None:
    times = pd.to_datetime(["2026-11-23T08:30:00Z", None])
    frame = pd.DataFrame(
        {"x": [1.5, np.nan], "s": ["a", None], "t": times},
        index=pd.Index([3, 5], name="i"),
    )
    pd.testing.assert_frame_equal(again([frame])[0], frame)
    series = pd.Series([1, 2], index=["a", "b"], name="n")
    pd.testing.assert_series_equal(again(series), series)


def test_a_figure_comes_back_as_a_picture() -> None:
    figure = matplotlib.figure.Figure()
    figure.subplots().plot([1, 2])
    found = again(figure)
    assert type(found) is Image
    assert found.png.startswith(b"\x89PNG\r\n")
    assert found._repr_png_() == found.png
    assert again([found]) == [found]


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int


@dataclasses.dataclass
class Shape:
    sides: int


class Shouting(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        test_nan_comes_back,
        Colour.RED,
        Point(1),
        Shape(3),
        Shouting("a"),
        np.array([object()]),
        np.array([(1, None)], dtype=[("n", "i4"), ("o", "O")])[0],
        np.ma.masked_array([1], mask=[True]),
        SparsePauliOp(["X"], np.array([Parameter("a")])),
        pd.DataFrame({"mixed": [1, "a"]}),
        pd.DataFrame({"tuples": [(1, 2)]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_place_is_refused_wherever_it_is(value: Any) -> None:
    for holder in (value, [1, value], {"a": (value,)}, {1: value}):
        with pytest.raises(NotStorable) as caught:
            encode(holder)
        assert str(caught.value).startswith("cannot store ")
        assert "\n" not in str(caught.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NotStorable, match="contains itself or is nested too deeply"):
        encode(endless)


def test_equal_values_have_equal_bytes() -> None:
    def value() -> Any:
        return {"a": {3, 1, 2}, "b": np.arange(500), "c": (bell(), SparsePauliOp("XX"))}

    assert encode(value()) == encode(value())


def test_numbers_are_readable_for_sql() -> None:
    assert encode(0.5) == Encoded(JSON, b"0.5")
    found = encode(np.float64(0.5)).data
    assert found == b'{"$":"scalar","v":{"d":"<f8","n":0.5}}'


def test_no_pickle_is_read() -> None:
    import pickle

    with pytest.raises(StoreError, match="does not read"):
        decode("application/x-npy", pickle.dumps([1]))
    with pytest.raises(StoreError, match="a newer version wrote it"):
        decode("application/x-pickle", pickle.dumps([1]))


def test_bytes_that_are_cut_off_are_told_as_such() -> None:
    encoded = encode({"a": np.arange(1000), "b": bell()})
    for length in (0, 10, len(encoded.data) // 2, len(encoded.data) - 1):
        with pytest.raises(StoreError, match="does not read"):
            decode(encoded.media, encoded.data[:length])
