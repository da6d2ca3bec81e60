"""Devices as maps and tables: places, values, and what a workflow would take."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from math import dist
from pathlib import Path
from typing import Any

import pytest
from qiskit.transpiler import CouplingMap
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from quantumflow_lab import Lab, Price
from quantumflow_lab.errors import BadOption, UnknownBackend, UnknownRun
from quantumflow_lab.explore import Backends
from quantumflow_lab.explore import backends as backends_module
from quantumflow_lab.explore.coupling import placed
from quantumflow_lab.explore.devices import coupling_in, device
from quantumflow_lab.quote import Choice

CELL = """
from qiskit import QuantumCircuit

@qf.sample
def counts():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return qc
"""
CALIBRATION: dict[str, Any] = {
    "qubits": [{"t1": 1e-4, "t2": 5e-5}, {"t1": 2e-4}, {}],
    "gates": {
        "cx": {
            "0,1": {"error": 0.01, "duration": 3e-7},
            "1,0": {"error": 0.02, "duration": 4e-7},
            "1,2": {"error": 1.0},
        },
        "measure": {"0": {"error": 0.0212345, "duration": 1e-6}},
        "rz": {"0": {"error": 0.0}, "1": {"error": 0.0}, "2": {"error": 0.0}},
        "sx": {"0": {"error": 2e-4, "duration": 3.5e-8}},
        "x": {"0": {"error": 2e-4, "duration": 3.5e-8}},
    },
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    lab.close()


def test_a_calibration_becomes_qubits_and_undirected_couplings() -> None:
    made = device(CALIBRATION, [(0, 1), (1, 0), (1, 2)], 3)
    assert (made["one_qubit_gate"], made["two_qubit_gate"]) == ("sx", "cx")
    assert made["qubits"] == [
        {
            "t1": 1e-4,
            "t2": 5e-5,
            "readout": 0.02123,
            "readout_s": 1e-6,
            "error": 2e-4,
            "gate_s": 3.5e-8,
        },
        {"t1": 2e-4},
        {},
    ]
    # Of the two directions the better one.
    assert made["pairs"] == [
        {"a": 0, "b": 1, "error": 0.01, "gate_s": 3e-7},
        {"a": 1, "b": 2, "error": 1.0},
    ]
    assert len(made["places"]) == 3


def test_a_map_without_a_calibration_is_drawn_alone() -> None:
    made = device(None, [(0, 1), (1, 2)], 3)
    assert made["pairs"] == [{"a": 0, "b": 1}, {"a": 1, "b": 2}]
    assert made["qubits"] == [{}, {}, {}]
    assert made["one_qubit_gate"] is None


def test_nothing_known_is_no_map_and_no_table() -> None:
    made = device(None, [], 0)
    assert (made["places"], made["qubits"], made["pairs"]) == ([], [], [])


def test_pairs_are_found_in_the_gates_of_a_calibration() -> None:
    assert coupling_in(CALIBRATION) == {(0, 1), (1, 0), (1, 2)}


def pairs_of(coupling: CouplingMap) -> list[tuple[int, int]]:
    return sorted({(min(pair), max(pair)) for pair in coupling.get_edges()})


@pytest.mark.parametrize(
    "coupling",
    [
        CouplingMap.from_line(7),
        CouplingMap.from_ring(12),
        CouplingMap.from_grid(4, 6),
        CouplingMap.from_heavy_hex(5),
    ],
    ids=["line", "ring", "grid", "heavy hex"],
)
def test_coupled_qubits_stand_nearer_than_others(coupling: CouplingMap) -> None:
    pairs = pairs_of(coupling)
    places, aspect = placed(coupling.size(), pairs)
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in places)
    assert 0 < aspect <= 1
    drawn = [(x, y * aspect) for x, y in places]
    lengths = sorted(dist(drawn[a], drawn[b]) for a, b in pairs)
    others = [
        dist(drawn[a], drawn[b])
        for a in range(len(drawn))
        for b in range(a)
        if (b, a) not in pairs
    ]
    assert lengths[-1] < 2.2 * lengths[0]
    assert min(others) > 0.8 * lengths[len(lengths) // 2]


def test_places_are_the_same_every_time() -> None:
    pairs = pairs_of(CouplingMap.from_heavy_hex(3))
    assert placed(19, pairs) == placed(19, pairs)


def test_where_all_may_meet_they_stand_on_a_circle() -> None:
    pairs = pairs_of(CouplingMap.from_full(11))
    places, aspect = placed(11, pairs)
    assert aspect == 1.0
    radii = [dist(place, (0.5, 0.5)) for place in places]
    assert radii == pytest.approx([0.5] * 11)


@pytest.mark.parametrize(("count", "pairs"), [(1, []), (2, [(0, 1)]), (4, [(0, 1)])])
def test_small_and_broken_devices_have_places(
    count: int, pairs: list[tuple[int, int]]
) -> None:
    places, _ = placed(count, pairs)
    assert len(set(places)) == count


def test_devices_of_the_lab_are_shown_with_their_calibration(lab: Lab) -> None:
    shown = Backends(among=["aer", "fake_manila"], lab=lab)
    aer, manila = shown.state["devices"]
    assert (aer["about"], aer["places"], aer["qubits"]) == ("simulator", [], [])
    assert aer["note"].startswith("no noise, so no calibration")
    assert (manila["about"], manila["two_qubit_gate"]) == (
        "5 qubits, noisy simulator",
        "cx",
    )
    properties = lab.backends.backend("fake_manila").target.qubit_properties
    assert manila["qubits"][3]["t1"] == pytest.approx(properties[3].t1, rel=1e-3)
    assert [(p["a"], p["b"]) for p in manila["pairs"]] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
    ]
    assert shown.state["choice"] is None


def test_by_default_those_that_were_added_or_used(lab: Lab) -> None:
    lab.run(CELL, name="bell", backend="fake_manila", shots=5)
    lab.backends.add("mine", lab.backends.backend("fake_manila"))
    names = [each["name"] for each in Backends(lab=lab).state["devices"]]
    assert names == ["mine", "fake_manila", "aer"]


def test_a_device_that_is_gone_is_shown_as_its_last_run_met_it(lab: Lab) -> None:
    base = {"run": "r", "ts": 1.0}
    device = {**base, "backend": "gone"}
    met = {"calibrated": "2026-01-02", "data": CALIBRATION}
    lab.store.append(
        [
            {"kind": "run", "name": "bell", **base},
            {"kind": "job", "step": "s", "job": 0, **device},
            {"kind": "calibration", **device, **met},
        ]
    )
    gone = Backends(lab=lab).state["devices"][0]
    assert (gone["name"], gone["calibrated"]) == ("gone", "2026-01-02")
    assert gone["note"].startswith("as its last run met it; no backend 'gone'")
    assert len(gone["pairs"]) == 2


def test_a_workflow_is_quoted_on_each(lab: Lab) -> None:
    asked = {"among": ["aer", "fake_manila"], "name": "bell", "shots": 100}
    shown = Backends(CELL, lab=lab, **asked)
    choice = lab.candidates(CELL, **asked)
    found = shown.state["choice"]
    assert found["title"] == choice.title
    assert [each["backend"] for each in found["candidates"]] == [
        each.backend for each in choice.candidates
    ]
    manila = next(c for c in found["candidates"] if c["backend"] == "fake_manila")
    assert 0.5 < manila["success_value"] < 1
    assert "bell · backends to choose from" in repr(shown)
    # Numbers of every qubit are for HTML, where they are folded.
    assert "fake_manila: qubits" not in repr(shown)
    assert "fake_manila: qubits" in shown.static_bundle()["text/html"]


def test_the_workflow_of_a_run_is_quoted_by_its_name(lab: Lab) -> None:
    price = Price("USD", per_shot="0.1")
    lab.backends.add("dev", FakeManilaV2(), price=price)
    run = lab.run(CELL, name="bell", shots=100)
    for meant in (run, "bell"):
        found = Backends(meant, lab=lab, among="dev").state["choice"]["candidates"]
        assert [each["cost"] for each in found] == ["10.00 USD"]


def test_what_cannot_be_is_refused(lab: Lab) -> None:
    with pytest.raises(UnknownRun, match="'belle'"):
        Backends("belle", lab=lab)
    with pytest.raises(UnknownBackend, match="did you mean 'fake_manila'"):
        Backends(among=["fake_manilla"], lab=lab)
    with pytest.raises(TypeError, match="'shots' needs a workflow"):
        Backends(lab=lab, shots=5)
    with pytest.raises(BadOption, match="policy"):
        Backends(CELL, name="bell", among="aer", policy="best", lab=lab)


def test_no_message_is_understood(lab: Lab) -> None:
    shown = Backends(among="aer", lab=lab)
    assert shown._understood({"type": "refresh"}) is None


class Slow(Lab):
    """Its quotes take as long as a test wants."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.go = threading.Event()

    def candidates(self, *args: Any, **asked: Any) -> Choice:
        assert self.go.wait(30)
        return super().candidates(*args, **asked)


async def eventually(holds: Callable[[], bool]) -> None:
    end = asyncio.get_running_loop().time() + 20
    while not holds():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("asked", [{}, {"policy": "best"}])
def test_in_a_notebook_devices_come_at_once_and_quotes_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(backends_module, "PATIENCE", 0.05)
    lab = Slow(tmp_path / "home")

    async def cell() -> Backends:
        shown = Backends(CELL, name="b", among=["fake_manila", "aer"], lab=lab, **asked)
        assert [each["name"] for each in shown.state["devices"]] == [
            "fake_manila",
            "aer",
        ]
        assert (shown.state["choice"], shown.state["working"]) == (None, True)
        assert "still being worked out" in repr(shown)
        lab.go.set()
        await eventually(lambda: not shown.state["working"])
        return shown

    shown = asyncio.run(cell())
    lab.close()
    if asked:
        assert "policy" in shown.state["message"]
    else:
        names = [each["backend"] for each in shown.state["choice"]["candidates"]]
        assert names == [each["name"] for each in shown.state["devices"]]
