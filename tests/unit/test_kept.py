"""What a run keeps of the run before it, seen through whole labs."""

from __future__ import annotations

import importlib
import linecache
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from quantumflow_lab import Lab, Run
from quantumflow_lab.grid import Failed
from tests.unit.devices import Device

CELL = """
from qiskit import QuantumCircuit
theta = qf.axis([0.3, 0.9, 1.2])
scale = 10

def doubled(x):
    return 2 * x

@qf.circuit
def pulse(theta):
    qc = QuantumCircuit(1)
    qc.ry(theta, 0)
    qc.measure_all()
    return qc

@qf.sample(shots=200)
def counts(pulse):
    return pulse

@qf.step
def ones(counts):
    print("counting")
    qf.log(seen=1.0)
    return doubled(counts.data.meas.get_counts().get("1", 0)) * scale

@qf.step(over="theta")
def total(ones):
    return sum(ones) + offset
"""
STEPS = ("pulse", "counts", "ones", "total")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def lab(home: Path) -> Any:
    lab = Lab(home)
    yield lab
    lab.close()


def go(lab: Lab, cell: str = CELL, *, offset: int = 0, **options: Any) -> Run:
    run = lab.run(dedent(cell), name="k", inputs={"offset": offset}, **options)
    run.raise_failure()
    return run


def kept(run: Run) -> dict[str, int]:
    """How many points of each step an earlier run had made."""
    steps = run.snapshot()["steps"]
    return {s["name"]: s["kept"]["count"] for s in steps if s["kept"]}


WHOLE = {"pulse": 3, "counts": 3, "ones": 3, "total": 1}


def test_an_unchanged_cell_is_kept_as_a_whole_and_says_from_where(lab: Lab) -> None:
    first = go(lab)
    again = go(lab)
    assert (kept(first), kept(again), again.jobs) == ({}, WHOLE, [])
    assert list(again["ones"]) == list(first["ones"])
    assert again["total"] == first["total"]
    assert again.id != first.id
    assert "3/3 done · kept · run 1 · just now" in repr(again)
    assert "kept · run 1 · just now" in again._repr_html_()
    third = go(lab)
    assert "kept · run 1 · just now" in repr(third)


def test_its_timeline_says_which_run_it_is_kept_from(lab: Lab) -> None:
    go(lab)
    (axes,) = go(lab).figure("timeline").axes
    words = [text.get_text() for text in axes.texts]
    assert words == ["nothing ran: all of it was kept from run 1"]


def test_it_shows_and_has_logged_what_it_had(lab: Lab) -> None:
    def said(run: Run) -> list[str]:
        return [output.data for output in run._data.outputs]

    first, again = go(lab), go(lab)
    assert said(again) == said(first)
    query = "SELECT count(*) AS n FROM qf_metrics WHERE run = ?"
    assert lab.sql(query, [again.id]).to_pylist() == [{"n": 3}]
    assert said(lab.load("k")) == said(first)


def test_kept_points_show_what_they_showed_beside_those_that_run(lab: Lab) -> None:
    cell = "i = qf.axis({})\n@qf.step\ndef at(i):\n    print('at', i)\n    return i\n"

    def said(run: Run) -> list[tuple[int, str]]:
        return sorted((o.point, o.data) for o in run.outputs)

    go(lab, cell.format("[0, 1]"))
    again = go(lab, cell.format("[2, 1]"))
    assert kept(again) == {"at": 1}
    assert said(again) == [(0, "at 2\n"), (1, "at 1\n")] == said(lab.load("k"))
    third = go(lab, cell.format("[1]"))
    assert said(third) == [(0, "at 1\n")] == said(lab.load("k"))


def test_another_process_keeps_it_too(home: Path) -> None:
    lab = Lab(home)
    first = go(lab)
    values = list(first["ones"])
    lab.close()
    lab = Lab(home)
    again = go(lab)
    assert (kept(again), list(again["ones"])) == (WHOLE, values)
    loaded = lab.load("k")
    assert kept(loaded) == WHOLE
    assert "kept · run 1" in repr(loaded)
    lab.close()


ABOVE = {"pulse": 3, "counts": 3}


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ("scale = 10", "scale = 11", ABOVE),
        ("return 2 * x", "return 3 * x", ABOVE),
        ("sum(ones) + offset", "max(ones)", {**ABOVE, "ones": 3}),
        ("qc.ry(theta, 0)", "qc.rx(theta, 0)", {}),
        ("shots=200", "shots=300", {"pulse": 3}),
        ("shots=200", "shots=200, optimization_level=2", {"pulse": 3}),
        ("    print(", "    # only a remark\n    print(", WHOLE),
        ("shots=200", "shots=200, retries=2", WHOLE),
        ("0.9, 1.2", "0.9, 1.2, 2.0", {"pulse": 3, "counts": 3, "ones": 3}),
        ("0.3, 0.9, 1.2", "1.2, 0.3", {"pulse": 2, "counts": 2, "ones": 2}),
        ("shots=200", "shots=200, cache=False", {"pulse": 3}),
    ],
)
def test_a_change_runs_its_step_and_those_below(
    lab: Lab, old: str, new: str, left: dict[str, int]
) -> None:
    go(lab)
    assert CELL.count(old) == 1
    assert kept(go(lab, CELL.replace(old, new))) == left


def test_values_stay_with_their_coordinates(lab: Lab) -> None:
    first = go(lab)
    again = go(lab, CELL.replace("0.3, 0.9, 1.2", "1.2, 2.0, 0.3"))
    assert again["ones"].sel(theta=1.2) == first["ones"].sel(theta=1.2)
    assert again["ones"].sel(theta=0.3) == first["ones"].sel(theta=0.3)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"offset": 1}, {**ABOVE, "ones": 3}),
        ({"set": {"scale": 3}}, ABOVE),
        ({"backend": "basic_simulator"}, {"pulse": 3}),
        ({"seed": 4}, {"pulse": 3}),
        ({"shots": 7}, {"pulse": 3, "counts": 0}),
        ({"fresh": True}, {}),
        ({"fresh": "ones"}, ABOVE),
        ({"fresh": "total"}, {**ABOVE, "ones": 3}),
    ],
)
def test_so_do_options_and_inputs(
    lab: Lab, options: dict[str, Any], left: dict[str, int]
) -> None:
    go(lab)
    found = kept(go(lab, **options))
    assert found == {name: n for name, n in left.items() if n}


def test_a_seed_that_was_given_is_part_of_what_is_kept(lab: Lab) -> None:
    first = go(lab, seed=4)
    assert kept(go(lab, seed=4)) == WHOLE
    assert kept(go(lab, seed=5)) == {"pulse": 3}
    assert list(go(lab, seed=4)["ones"]) == list(first["ones"])


def test_backends_are_compared_one_by_one(lab: Lab) -> None:
    go(lab, backend=["aer", "basic_simulator"])
    more = go(lab, backend=["basic_simulator", "aer_statevector", "aer"])
    assert kept(more) == {"pulse": 3, "counts": 6, "ones": 6, "total": 2}
    assert more["total"].dims == ("backend",)


def test_another_backend_under_the_same_name_is_told_apart(lab: Lab) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.5, 1), ["rx", "ry", "sx"])
    lab.backends.add("mine", AerSimulator())
    go(lab, backend="mine")
    assert kept(go(lab, backend="mine")) == WHOLE
    lab.backends.add("mine", AerSimulator(noise_model=noise))
    assert kept(go(lab, backend="mine")) == {"pulse": 3}


def test_a_device_is_known_by_its_name_in_another_process(home: Path) -> None:
    lab = Lab(home)
    lab.backends.add("device", Device("device"))
    go(lab, backend="device")
    lab.backends.add("device", Device("device"))
    # Another object here may do other things.
    assert kept(go(lab, backend="device")) == {"pulse": 3}
    lab.close()
    # As the same process would be another one: its number is in the record.
    lab = Lab(home)
    device = Device("device")
    lab.backends.add("device", device)
    lab.backends.identity = lambda name: "Device at 1:2"  # type: ignore[method-assign]
    assert kept(go(lab, backend="device")) == WHOLE
    assert device.jobs == []
    lab.close()


def test_what_failed_is_run_again_and_its_siblings_are_kept(lab: Lab) -> None:
    cell = """
    i = qf.axis([0, 1, 2])

    @qf.step
    def inverse(i):
        return 1 / (i - flag)
    """
    first = lab.run(dedent(cell), name="part", inputs={"flag": 1})
    assert isinstance(first["inverse"].sel(i=1), Failed)
    again = lab.run(dedent(cell), name="part", inputs={"flag": 1})
    (step,) = again.snapshot()["steps"]
    assert step["kept"]["count"] == 2
    assert isinstance(again["inverse"].sel(i=1), Failed)


THING = """
class Thing:
    turns = 1

@qf.step
def thing({given}):
    return Thing()

@qf.sample
def counts(thing):
    from qiskit import QuantumCircuit

    qc = QuantumCircuit(1)
    for _ in range(thing.turns):
        qc.x(0)
    qc.measure_all()
    return qc

@qf.step
def ones(counts):
    return counts.data.meas.get_counts()["1"]
"""


def test_what_cannot_be_stored_is_kept_in_its_process_only(home: Path) -> None:
    lab = Lab(home)
    first = lab.run(dedent(THING.format(given="")), name="memory")
    again = lab.run(dedent(THING.format(given="")), name="memory")
    assert again["thing"] is first["thing"]
    lab.close()


@pytest.mark.parametrize(("given", "jobs"), [("", 1), ("rng", 2), ("estimator", 2)])
def test_it_runs_again_alone_and_nothing_below_it_is_bought_again(
    home: Path, given: str, jobs: int
) -> None:
    cell, device = dedent(THING.format(given=given)), Device("device")
    for number in range(2):
        lab = Lab(home)
        lab.backends.add("device", device)
        run = lab.run(cell, name="memory", backend="device", shots=10)
        assert run["ones"] == 10
        assert type(run["thing"]).__name__ == "Thing"
        if number:
            bought_again = jobs > 1
            assert ("counts" in kept(run)) is not bought_again
        lab.close()
    assert len(device.jobs) == jobs


def test_a_sample_whose_value_is_damaged_takes_its_readers_with_it(home: Path) -> None:
    """Its shots come out otherwise, so what was read of the old ones is not kept."""
    cell = """
    from qiskit import QuantumCircuit

    @qf.sample(shots=20000, cache=False)
    def counts():
        qc = QuantumCircuit(8, 8)
        qc.h(range(8))
        qc.measure(range(8), range(8))
        return qc

    @qf.step
    def zeros(counts):
        return counts.data.c.get_counts().get("00000000", 0)
    """
    lab = Lab(home)
    lab.run(dedent(cell), name="work")
    lab.close()
    (value,) = [path for path in (home / "values").rglob("*") if len(path.name) == 64]
    data = bytearray(value.read_bytes())
    data[-1] ^= 1
    value.write_bytes(data)
    lab = Lab(home)
    again = lab.run(dedent(cell), name="work")
    found = again["counts"].data.c.get_counts().get("00000000", 0)
    assert (kept(again), again["zeros"]) == ({}, found)
    lab.close()


def test_what_a_lambda_calls_is_seen(lab: Lab) -> None:
    cell = """
    def helper(x):
        return 2 * x

    f = lambda x: helper(x)

    @qf.step
    def value():
        return f(3)
    """
    assert lab.run(dedent(cell), name="lambda")["value"] == 6
    assert kept(lab.run(dedent(cell), name="lambda")) == {"value": 1}
    again = lab.run(dedent(cell.replace("2 * x", "5 * x")), name="lambda")
    assert (kept(again), again["value"]) == ({}, 15)


def test_the_last_run_counts_also_if_another_process_made_it(home: Path) -> None:
    one, other = Lab(home), Lab(home)
    try:
        mine = go(one)
        theirs = go(other, fresh=True)
        again = go(one)
        assert kept(again) == WHOLE
        assert list(again["ones"]) == list(theirs["ones"])
        assert "kept · run 2" in repr(again)
        assert mine.state == "done"  # and held all the while
    finally:
        one.close()
        other.close()


def test_what_its_user_did_to_a_value_is_not_kept(lab: Lab) -> None:
    cell = "@qf.step\ndef numbers():\n    return [1, 2]\n"
    first = lab.run(cell, name="list")
    first["numbers"].append(3)
    again = lab.run(cell, name="list")
    assert (kept(again), again["numbers"]) == ({"numbers": 1}, [1, 2])


def test_an_edit_of_a_module_that_the_cell_imports_is_seen(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kept_module.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    cell = (
        "import kept_module\nfrom kept_module import two\n\n"
        "@qf.step\ndef one():\n    return kept_module.one()\n\n"
        "@qf.step\ndef other():\n    return two()\n"
    )
    file.write_text("def one():\n    return 1\n\ndef two():\n    return 2\n")
    lab.run(cell, name="module")
    assert kept(lab.run(cell, name="module")) == {"one": 1, "other": 1}
    file.write_text("def one():\n    return 10\n\ndef two():\n    return 2\n")
    importlib.reload(sys.modules["kept_module"])
    linecache.checkcache()
    again = lab.run(cell, name="module")
    assert (kept(again), again["one"]) == ({"other": 1}, 10)
    del sys.modules["kept_module"]


def test_values_along_a_map_are_kept_too(lab: Lab) -> None:
    cell = """
    @qf.step
    def found():
        return [3, 5]

    @qf.step(map="found")
    def square(found):
        return found**2
    """
    first, again = (lab.run(dedent(cell), name="map") for _ in range(2))
    assert kept(again) == {"found": 1, "square": 2}
    assert list(again["square"]) == list(first["square"]) == [9, 25]


def test_a_number_in_an_array_without_dimensions_is_a_number(lab: Lab) -> None:
    cell = "@qf.step\ndef z():\n    return np.asarray(0.25)\n"
    run = lab.run(cell, name="zero", inputs={"np": np})
    assert type(run["z"]) is np.float64
    rows = lab.sql("SELECT scalar FROM qf_points WHERE run = ?", [run.id]).to_pylist()
    assert rows == [{"scalar": 0.25}]
