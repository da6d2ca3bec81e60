"""What a job asks survives the store, whatever its PUBs look like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparsePauliOp

from quantumflow_lab import Price
from quantumflow_lab.backends import normalise
from quantumflow_lab.planning.bounds import together
from quantumflow_lab.ports import JobRequest, Known, Member, MemberForecast
from quantumflow_lab.runner.cached import Found, Lookup, Place
from quantumflow_lab.runner.left import LeftJob, LeftMember, packed, unpacked
from quantumflow_lab.runner.live import Task
from quantumflow_lab.store import Store
from quantumflow_lab.work import Work

PLAIN = QuantumCircuit(1, 1)
PLAIN.h(0)
PLAIN.measure(0, 0)
TURNED = QuantumCircuit(2)
ANGLES = ParameterVector("a", 2)
TURNED.ry(ANGLES[0], 0)
TURNED.rz(ANGLES[1], 1)
MEASURED = TURNED.copy()
MEASURED.measure_all()


def task(kind: Any, value: Any, lookup: Lookup | None = None, **options: Any) -> Task:
    pubs, shape = normalise(kind, value)
    return Task(
        pubs=pubs,
        shape=shape,
        options=options,
        seed_index=7,
        backend="dev",
        circuits=len(pubs),
        shots=100,
        payload=0,
        counted=True,
        lookup=lookup,
    )


def member(work: Task, call: tuple[str, int] | None = None) -> LeftMember:
    place = {"step": "s", "step_kind": "sample", "unit": 3, "point": {}, "index": [3]}
    return LeftMember(place, 2, 5.0, call, work)


def back(home: Path, kind: Any, *members: LeftMember) -> LeftJob:
    """Members of a job, written by one store and read by another."""
    sent = tuple(
        Member(i, each.attempt, each.task.pubs, each.task.seed_index)
        for i, each in enumerate(members)
    )
    request = JobRequest(0, "r.0", kind, "dev", sent, 11)
    price = Price("USD", per_shot="0.01")
    with Store(home) as store:
        ref = store.put(packed(request, members, price))
        assert ref is not None
        store.sync()
    with Store(home) as store:
        left = unpacked(
            store.get(ref),
            store.get,
            job=0,
            tag="r.0",
            backend="dev",
            sent_as={1: "x"},
            submitted=1.0,
            is_answered=lambda each: each.call is not None,
        )
    assert (left.price, left.request.seed) == (price, 11)
    return left


@pytest.mark.parametrize(
    "value",
    [
        PLAIN,
        (PLAIN, None, 7),
        {"one": PLAIN, 2: [PLAIN, (MEASURED, [0.1, 0.2])]},
        (MEASURED, np.arange(6).reshape(3, 2), 9),
        (MEASURED, np.zeros((0, 2))),
        (MEASURED, {(ANGLES[1],): [[1.0], [2.0]], (ANGLES[0],): [[3.0], [4.0]]}),
    ],
)
def test_samples(tmp_path: Path, value: Any) -> None:
    work = task("sample", value, optimization_level=3, options={"a": {"b": 1}})
    left = back(tmp_path, "sample", member(work), member(work, ("key", 2)))
    first, second = left.members
    assert (first.call, second.call, left.answered) == (None, ("key", 2), {1})
    assert (first.place["unit"], first.attempt, first.began) == (3, 2, 5.0)
    assert first.task.shape == work.shape
    assert first.task.options == work.options
    assert left.request.members[0].optimization_level == 3
    for pub, other, again in zip(
        work.pubs, first.task.pubs, second.task.pubs, strict=True
    ):
        assert isinstance(other, SamplerPub)
        assert (other.circuit, other.shots) == (pub.circuit, pub.shots)
        # PUBs of one circuit share it again, so that it is transpiled once.
        assert again.circuit is other.circuit
        assert_equal_values(pub, other)


@pytest.mark.parametrize(
    ("observables", "values"),
    [
        ("ZZ", [0.1, 0.2]),
        (SparsePauliOp(["ZI", "XX"], [0.5, -2]), [0.1, 0.2]),
        ([["ZZ"], ["XI"]], np.ones((2, 3, 2))),
        ([{"ZZ": 1.5, "0+": 0.5}], [0.1, 0.2]),
    ],
)
def test_estimates(tmp_path: Path, observables: Any, values: Any) -> None:
    work = task("estimate", (TURNED, observables, values, 0.05))
    (left,) = back(tmp_path, "estimate", member(work)).members
    (pub,), (other,) = work.pubs, left.task.pubs
    assert isinstance(other, EstimatorPub)
    assert (other.circuit, other.precision) == (pub.circuit, pub.precision)
    assert other.observables.shape == pub.observables.shape
    assert other.observables.tolist() == pub.observables.tolist()
    assert_equal_values(pub, other)


def assert_equal_values(pub: Any, other: Any) -> None:
    mine, theirs = pub.parameter_values, other.parameter_values
    assert mine.shape == theirs.shape
    assert mine.data.keys() == theirs.data.keys()
    for names, array in mine.data.items():
        np.testing.assert_array_equal(array, theirs.data[names])


def test_a_result_that_is_topped_up_is_joined_again(tmp_path: Path) -> None:
    bits = BitArray.from_counts({"1": 60, "0": 40})
    result = SamplerPubResult(DataBin(c=bits, shape=()), {"shots": 100})
    with Store(tmp_path) as store:
        ref = store.put(result)
        store.sync()
    assert ref is not None
    wanted = SamplerPub(PLAIN, shots=150)
    found = Found(Known("r0", "old", 1.0, 100, ref, 4), result)
    lookup = Lookup((wanted,), (Place("key", 5),), (found,), "dev")
    (left,) = back(
        tmp_path, "sample", member(task("sample", (PLAIN, None, 50), lookup))
    ).members
    rest = SamplerPubResult(
        DataBin(c=BitArray.from_counts({"1": 50}), shape=()), {"shots": 50}
    )
    assert left.task.lookup is not None
    (merged,) = left.task.lookup.merged([rest])
    assert merged.data.c.get_counts() == {"1": 110, "0": 40}
    assert merged.metadata["qflow"]["cached"]["name"] == "old"


def test_what_cannot_be_stored_is_not_kept(tmp_path: Path) -> None:
    work = task("sample", PLAIN, options={"noise": object()})
    with Store(tmp_path) as store:
        sent = (Member(0, 1, work.pubs, 7),)
        request = JobRequest(0, "r.0", "sample", "dev", sent, 11)
        assert store.put(packed(request, [member(work)], None)) is None


def test_what_was_forecast_comes_back_with_its_work(tmp_path: Path) -> None:
    """The bound of a job that bills time is worked out anew from it."""
    forecast = MemberForecast(1, 100, 0.5, work=Work(circuits=1, amplitudes=8.0))
    planned = replace(
        task("sample", MEASURED.assign_parameters([0, 1])), forecast=forecast
    )
    left = back(tmp_path, "sample", member(planned))
    assert left.members[0].task.forecast == forecast
    assert together([left.members[0].task.forecast]).work == forecast.work
