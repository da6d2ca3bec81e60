"""Transpiled circuits that outlive the process."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, RXGate, RZGate
from qiskit.quantum_info import Operator
from qiskit.transpiler import InstructionProperties, Target

from quantumflow_lab.backends import Registry, isa, isa_store
from quantumflow_lab.backends.isa import Settings, Transpiler
from quantumflow_lab.backends.isa_store import IsaStore
from quantumflow_lab.backends.target_key import target_key

REGISTRY = Registry()


@pytest.fixture(autouse=True)
def _everything_is_worth_keeping(monkeypatch):
    monkeypatch.setattr(isa, "WORTH_KEEPING_S", 0.0)


class Counting(Transpiler):
    """Counts what it really transpiles."""

    done = 0

    def _transpile(self, circuit, settings):
        self.done += 1
        return super()._transpile(circuit, settings)


def transpiler(folder: Path, name: str = "fake_manila") -> Counting:
    return Counting(REGISTRY.backend(name), noisy=True, kept=IsaStore(folder))


def ladder(angle: object = 0.3) -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.rz(angle, 2)
    circuit.cx(1, 2)
    return circuit


def test_another_process_finds_the_circuit_and_its_layout(tmp_path):
    first, second = transpiler(tmp_path), transpiler(tmp_path)
    settings = Settings(3, 5)
    there, here = first.isa(ladder(), settings), second.isa(ladder(), settings)
    assert (first.done, second.done) == (1, 0)
    assert (here.layout, here.size, here.given) == (there.layout, there.size, False)
    assert Operator(here.circuit) == Operator(there.circuit)


def test_a_template_is_found_with_its_parameters(tmp_path):
    theta = Parameter("theta")
    transpiler(tmp_path).isa(ladder(theta), Settings(1, 5))
    again = transpiler(tmp_path)
    # A parameter of the same name is another object in each process.
    found = again.isa(ladder(Parameter("theta")), Settings(1, 5))
    assert again.done == 0
    assert [parameter.name for parameter in found.circuit.parameters] == ["theta"]


@pytest.mark.parametrize(
    ("circuit", "settings", "name"),
    [
        (ladder(0.4), Settings(1, 5), "fake_manila"),
        (ladder(), Settings(2, 5), "fake_manila"),
        (ladder(), Settings(1, 6), "fake_manila"),
        (ladder(), Settings(1, 5, {"initial_layout": [2, 1, 0]}), "fake_manila"),
        (ladder(), Settings(1, 5), "fake_lima"),
    ],
)
def test_nothing_else_is_taken_for_it(tmp_path, circuit, settings, name):
    transpiler(tmp_path).isa(ladder(), Settings(1, 5))
    other = transpiler(tmp_path, name)
    other.isa(circuit, settings)
    assert other.done == 1


def test_another_version_of_qiskit_transpiles_anew(tmp_path, monkeypatch):
    transpiler(tmp_path).isa(ladder(), Settings(1, 5))
    monkeypatch.setattr(isa.qiskit, "__version__", "9.9")
    later = transpiler(tmp_path)
    later.isa(ladder(), Settings(1, 5))
    assert later.done == 1


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"QISKIT", "cut", "flipped"])
def test_a_damaged_file_is_transpiled_anew_and_replaced(tmp_path, damage):
    transpiler(tmp_path).isa(ladder(), Settings(1, 5))
    (file,) = tmp_path.glob("*/*.isa")
    whole = file.read_bytes()
    kinds = {"cut": whole[:-40], "flipped": whole[:-40] + b"?" + whole[-39:]}
    file.write_bytes(kinds.get(damage, damage))
    again, third = transpiler(tmp_path), transpiler(tmp_path)
    again.isa(ladder(), Settings(1, 5))
    third.isa(ladder(), Settings(1, 5))
    assert (again.done, third.done) == (1, 0)


def test_what_is_quickly_transpiled_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(isa, "WORTH_KEEPING_S", 60.0)
    transpiler(tmp_path).isa(ladder(), Settings(1, 5))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path):
    (tmp_path / "file").write_text("")
    stuck = transpiler(tmp_path / "file")
    assert stuck.isa(ladder(), Settings(1, 5)).circuit.num_qubits == 5


def test_the_oldest_files_go_when_there_are_many(tmp_path, monkeypatch):
    worker = transpiler(tmp_path)
    for seed in range(3):
        worker.isa(ladder(), Settings(1, seed))
    files = sorted(tmp_path.glob("*/*.isa"))
    for age, file in enumerate(files):
        os.utime(file, (1000 - age, 1000 - age))
    monkeypatch.setattr(isa_store, "MOST_BYTES", files[0].stat().st_size + 100)
    IsaStore(tmp_path).prune()
    assert sorted(tmp_path.glob("*/*.isa")) == files[:1]


def changed(what: str = "") -> Target:
    target = Target(num_qubits=2, dt=2e-9 if what == "dt" else 1e-9)
    error = 0.02 if what == "error" else 0.01
    duration = 3e-8 if what == "duration" else 2e-8
    places = {(0,): InstructionProperties(duration, error), (1,): None}
    angle = np.pi / 2 if what == "angle" else np.pi
    target.add_instruction(RXGate(angle), places, name="rx")
    target.add_instruction(RZGate(Parameter("any")), {(0,): None, (1,): None})
    pairs = {(0, 1): None, (1, 0): None} if what == "coupling" else {(0, 1): None}
    target.add_instruction(CXGate(), pairs)
    return target


def test_every_change_of_a_target_changes_its_key():
    kinds = ("", "dt", "error", "duration", "angle", "coupling")
    keys = [target_key(changed(kind)) for kind in kinds]
    assert len(set(keys)) == len(kinds)
    assert target_key(changed()) == keys[0]
