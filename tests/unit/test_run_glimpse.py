"""The latest results of a step, made small enough to be drawn while it runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray, DataBin, PubResult, SamplerPubResult

from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.drawing import MOST_SERIES, Spot, drawn
from quantumflow_lab.runner.glimpse import (
    HISTOGRAMS,
    MOST_SHOTS,
    OUTCOMES,
    Estimates,
    Histogram,
    glimpse,
)


def sampled(counts: dict[str, int]) -> SamplerPubResult:
    return SamplerPubResult(DataBin(meas=BitArray.from_counts(counts)))


def estimated(evs: object, stds: object = None) -> PubResult:
    given = {} if stds is None else {"stds": np.asarray(stds)}
    array = np.asarray(evs)
    return PubResult(DataBin(evs=array, **given, shape=array.shape))


def test_a_sample_is_seen_as_the_counts_of_its_shots() -> None:
    seen = glimpse(sampled({"00": 510, "11": 490}))
    assert seen == (Histogram("", 1000, 2, {"00": 510, "11": 490}),)


@given(st.integers(1, 130), st.data())
def test_counts_are_those_that_qiskit_counts(bits: int, data: st.DataObject) -> None:
    outcome = st.integers(0, 2**bits - 1).map(lambda n: f"{n:0{bits}b}")
    shots = data.draw(st.lists(outcome, min_size=1, max_size=OUTCOMES))
    array = BitArray.from_samples(shots, num_bits=bits)
    (seen,) = glimpse(SamplerPubResult(DataBin(meas=array))) or ()
    assert isinstance(seen, Histogram)
    assert seen.counts == array.get_counts()
    assert (seen.shots, seen.outcomes) == (len(shots), len(set(shots)))


def test_of_many_outcomes_the_most_frequent_are_kept_and_all_are_numbered() -> None:
    counts = {f"{i:06b}": 64 - i for i in range(40)}
    (seen,) = glimpse(sampled(counts)) or ()
    assert isinstance(seen, Histogram)
    assert seen.counts == {f"{i:06b}": 64 - i for i in range(OUTCOMES)}
    assert (seen.outcomes, seen.shots) == (40, sum(counts.values()))


def test_registers_are_counted_together_as_the_figure_counts_them() -> None:
    a, b = BitArray.from_samples(["1"] * 3), BitArray.from_samples(["01"] * 3, 2)
    pub = SamplerPubResult(DataBin(a=a, b=b))
    (seen,) = glimpse(pub) or ()
    assert isinstance(seen, Histogram)
    assert seen.counts == pub.join_data().get_counts() == {"011": 3}


def test_parameter_sets_of_one_pub_are_counted_together_and_that_is_said() -> None:
    bits = BitArray(np.zeros((3, 10, 1), np.uint8), 2)
    seen = glimpse(SamplerPubResult(DataBin(meas=bits, shape=(3,))))
    assert seen == (Histogram("3 parameter sets together", 30, 1, {"00": 30}),)


def test_more_shots_than_a_tick_can_count_are_told_but_not_counted() -> None:
    bits = BitArray(np.zeros((MOST_SHOTS + 1, 1), np.uint8), 2)
    seen = glimpse(SamplerPubResult(DataBin(meas=bits)))
    assert seen == (Histogram("", MOST_SHOTS + 1, 0, {}),)


def test_pubs_in_lists_and_dicts_are_named() -> None:
    one = sampled({"0": 1})
    assert [h.label for h in glimpse([one] * 5) or ()] == ["PUB 0", "PUB 1", "PUB 2"]  # type: ignore[union-attr]
    assert [h.label for h in glimpse({"x": one, "y": one}) or ()] == ["x", "y"]  # type: ignore[union-attr]


def test_estimates_keep_their_standard_errors() -> None:
    assert glimpse(estimated(0.5, 0.01)) == Estimates(((0.5, 0.01),), 1)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_finite_number_keeps_its_place(odd: float) -> None:
    seen = glimpse(estimated([0.5, odd, -1.0], [0.1, 0.2, odd]))
    assert seen == Estimates(((0.5, 0.1), (None, 0.2), (-1.0, None)), 3)
    assert seen is not None
    spot = Spot(0, "p")
    picture = drawn([(spot, seen)])
    assert picture is not None
    assert picture["series"][0]["values"] == [
        [0.0, 0.5, 0.1],
        [1.0, None, 0.2],
        [2.0, -1.0, None],
    ]


def test_a_point_that_is_not_a_number_shifts_no_other_point() -> None:
    values = (1.0, float("nan"), 3.0)
    points = [(Spot(i, f"i {i}"), glimpse(value)) for i, value in enumerate(values)]
    picture = drawn([(spot, seen) for spot, seen in points if seen is not None])
    assert picture is not None
    assert picture["series"][0]["values"] == [
        [0.0, 1.0, None],
        [1.0, None, None],
        [2.0, 3.0, None],
    ]


@pytest.mark.parametrize(
    "value", [None, "text", True, [], {}, Failed("E", "m", 1), object(), estimated([])]
)
def test_what_cannot_be_drawn_is_not(value: object) -> None:
    assert glimpse(value) is None


def number(value: float, error: float | None = None) -> Estimates:
    return Estimates(((value, error),), 1)


def test_points_of_one_number_become_one_line_in_the_order_of_their_axis() -> None:
    places = ((2, 3.0), (0, 1.0), (1, 2.0))
    points = [(Spot(i, f"x {x}", x, "x", "s"), number(x * x, 0.1)) for i, x in places]
    assert drawn(points) == {
        "series": [
            {
                "label": "",
                "backend": None,
                "values": [[1.0, 1.0, 0.1], [2.0, 4.0, 0.1], [3.0, 9.0, 0.1]],
            }
        ],
        "axis": "x",
        "unit": "s",
        "point": "x 2.0",
        "which": "latest",
        "total": 3,
        "placed": True,
    }


def test_each_backend_has_a_line_whichever_of_its_points_ended_first() -> None:
    points = [
        (
            Spot(i, "", x, "x", None, {"backend": name, "qubit": "1"}, name),
            number(v),
        )
        for i, x, name, v in (
            (3, 1.0, "lima", 0.4),
            (0, 0.0, "aer", 0.1),
            (1, 0.0, "lima", 0.2),
            (2, 1.0, "aer", 0.3),
        )
    ]
    told = drawn(points)
    assert told is not None
    assert told["series"] == [
        {
            "label": "aer, qubit 1",
            "backend": "aer",
            "values": [[0.0, 0.1, None], [1.0, 0.3, None]],
        },
        {
            "label": "lima, qubit 1",
            "backend": "lima",
            "values": [[0.0, 0.2, None], [1.0, 0.4, None]],
        },
    ]


def test_points_without_a_place_stand_in_the_order_of_the_axes_by_backend() -> None:
    points = [
        (Spot(i, others={"backend": name}, backend=name), number(v))
        for i, name, v in ((1, "lima", 0.5), (0, "aer", 0.25))
    ]
    told = drawn(points)
    assert told is not None
    assert (told["series"], told["placed"]) == (
        [
            {"label": "aer", "backend": "aer", "values": [[0.0, 0.25, None]]},
            {"label": "lima", "backend": "lima", "values": [[1.0, 0.5, None]]},
        ],
        False,
    )


def test_more_lines_than_can_be_told_apart_are_drawn_one_after_the_other() -> None:
    points = [
        (Spot(i, "", float(i), "x", None, {"qubit": str(i)}), number(i))
        for i in range(MOST_SERIES + 1)
    ]
    told = drawn(points)
    assert told is not None
    assert (len(told["series"]), told["placed"]) == (1, False)
    told = drawn(points[:-1])
    assert told is not None
    assert (len(told["series"]), told["placed"]) == (MOST_SERIES, True)


def test_how_many_there_are_is_told_with_the_latest_and_with_the_first() -> None:
    latest = drawn([(Spot(7), number(1.0))], total=1000)
    first = drawn([(Spot(7, "x 7"), Estimates(((0.5, None), (0.25, None)), 4000))])
    assert latest is not None
    assert first is not None
    assert (latest["which"], latest["total"]) == ("latest", 1000)
    assert (first["which"], first["total"], first["point"]) == ("first", 4000, "x 7")


def test_the_newest_histograms_are_few_and_in_the_order_of_the_axes() -> None:
    points = [
        (Spot(i, f"x {i}", backend="aer"), (Histogram("", i, 1, {"0": i}),))
        for i in (1, 2, 3, 8, 5, 4)
    ]
    told = drawn(points)
    assert told is not None
    assert [each["label"] for each in told["counts"]] == ["x 4", "x 5", "x 8"]
    assert {each["backend"] for each in told["counts"]} == {"aer"}
    assert len(told["counts"]) == HISTOGRAMS


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawn([]) is None
