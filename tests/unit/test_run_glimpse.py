"""The latest results of a step, made small enough to be drawn while it runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray, DataBin, PubResult, SamplerPubResult

from quantumflow_lab.grid import Failed
from quantumflow_lab.runner.glimpse import (
    HISTOGRAMS,
    MOST_SHOTS,
    OUTCOMES,
    Estimates,
    Histogram,
    drawn,
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
    seen = glimpse(estimated([0.5, float("nan"), -1.0]))
    assert seen == Estimates(((0.5, None), (-1.0, None)), 3)


@pytest.mark.parametrize(
    "value", [None, "text", True, [], {}, Failed("E", "m", 1), object(), float("nan")]
)
def test_what_cannot_be_drawn_is_not(value: object) -> None:
    assert glimpse(value) is None


def test_points_of_one_number_become_one_line_in_the_order_of_their_axis() -> None:
    points = [(f"x {x}", x, Estimates(((x * x, 0.1),), 1)) for x in (3.0, 1.0, 2.0)]
    assert drawn(points) == {
        "values": [[1.0, 1.0, 0.1], [2.0, 4.0, 0.1], [3.0, 9.0, 0.1]],
        "point": "x 2.0",
        "total": 3,
        "placed": True,
    }


def test_points_without_a_place_stand_in_the_order_in_which_they_ended() -> None:
    points = [("b qz", None, Estimates(((v, None),), 1)) for v in (0.5, 0.25)]
    told = drawn(points)
    assert told is not None
    assert (told["values"], told["placed"]) == (
        [[0.0, 0.5, None], [1.0, 0.25, None]],
        False,
    )


def test_the_newest_histograms_come_first_and_are_few() -> None:
    points = [
        (f"x {i}", float(i), (Histogram("", i, 1, {"0": i}),)) for i in range(1, 9)
    ]
    told = drawn(points)
    assert told is not None
    assert [each["label"] for each in told["counts"]] == ["x 8", "x 7", "x 6"]
    assert len(told["counts"]) == HISTOGRAMS


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawn([]) is None
