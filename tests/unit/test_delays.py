"""The unit of a delay stays what it is, wherever circuits go as QPY.

A delay of 200 ns that comes back as 200 samples of a device gives other counts, and
nobody is told.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.providers.fake_provider import GenericBackendV2

import quantumflow_lab as qf
from quantumflow_lab import EnvironmentBackend, Lab
from quantumflow_lab.backends.isa import Settings, Transpiler, circuit_key
from quantumflow_lab.backends.isa_store import IsaStore
from quantumflow_lab.written import read_circuit, write_circuit

UNITS = ("s", "ms", "us", "ns", "ps")


def waiting(duration: Any, unit: str) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.delay(duration, 0, unit)
    circuit.measure(0, 0)
    return circuit


def nested() -> QuantumCircuit:
    inner = waiting(7, "ns").to_instruction()
    circuit = QuantumCircuit(2, 2)
    circuit.append(inner, [1], [1])
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(5, 0, "us")
    with circuit.box(duration=90, unit="ns"):
        circuit.delay(2, 1, "ns")
    circuit.delay(3, 0, "dt")
    return circuit


CIRCUITS = [
    *(waiting(200, unit) for unit in (*UNITS, "dt")),
    *(waiting(1.5, unit) for unit in UNITS),
    *(waiting(Parameter("t"), unit) for unit in (*UNITS, "dt")),
    nested(),
]


def test_qpy_alone_forgets_it() -> None:
    """If this fails, Qiskit remembers, and `delays.py` may go."""
    buffer = io.BytesIO()
    qpy.dump(waiting(200, "ns"), buffer)
    buffer.seek(0)
    assert qpy.load(buffer)[0].data[1].operation.unit == "dt"


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_what_is_stored_has_it(circuit: QuantumCircuit) -> None:
    assert read_circuit(write_circuit(circuit)) == circuit


def test_a_circuit_that_is_read_from_openqasm_has_it() -> None:
    (read,) = qf.read_circuits("OPENQASM 3.0; qubit q; delay[200ns] q;")
    assert (read.data[0].operation.duration, read.data[0].operation.unit) == (200, "ns")


def test_circuits_that_differ_in_it_are_transpiled_apart() -> None:
    keys = {circuit_key(waiting(200, unit)) for unit in (*UNITS, "dt")}
    assert len(keys) == 6


def test_a_transpiled_circuit_that_is_kept_has_it(tmp_path: Path) -> None:
    # Without dt the target leaves seconds what they are.
    store = IsaStore(tmp_path)
    device = GenericBackendV2(2, seed=1)
    device.target.dt = None
    isa = Transpiler(device, noisy=False).isa(waiting(200, "ns"), Settings(1, 1, {}))
    assert "s" in {getattr(item.operation, "unit", "") for item in isa.circuit.data}
    store.put("ab" * 8, isa)
    found = store.get("ab" * 8)
    assert found is not None
    assert found.circuit == isa.circuit


SILENT = """
from qiskit.providers.basic_provider import BasicSimulator

def found(circuit):
    for item in circuit.data:
        for block in getattr(item.operation, "blocks", ()):
            yield from found(block)
        if item.name == "delay":
            yield [float(item.operation.duration), item.operation.unit]

class Telling(BasicSimulator):
    def run(self, circuits, **options):
        raise ValueError(str([*found(circuits[0])]))
"""


def test_a_provider_in_another_environment_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "telling.py").write_text(SILENT)
    monkeypatch.chdir(tmp_path)
    backend = EnvironmentBackend(sys.executable, "telling:Telling")
    circuit = waiting(200, "ns")
    circuit.delay(3, 0, "dt")
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(5, 0, "us")
    told = r"\[\[200.0, 'ns'\], \[3.0, 'dt'\], \[5.0, 'us'\]\]"
    with pytest.raises(qf.errors.BackendFailed, match=told):
        backend.run(circuit).result()


CELL = """
from qiskit import QuantumCircuit

@qf.circuit
def decay():
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.delay(300_000, 0, "ns")
    qc.measure_all()
    return qc

@qf.sample(shots={shots})
def counts(decay):
    return decay
"""


def test_a_kept_circuit_waits_as_long_as_it_did(tmp_path: Path) -> None:
    """Relaxation while it waits tells how long that was."""
    ones = []
    for shots in (2000, 2001):
        lab = Lab(tmp_path)
        cell = dedent(CELL.format(shots=shots))
        run = lab.run(cell, name="t1", backend="fake_manila", seed=7)
        ones.append(run["counts"].data.meas.get_counts()["1"] / shots)
        lab.close()
    steps = run.snapshot()["steps"]
    assert [step["kept"] is not None for step in steps] == [True, False]
    # Two samples of one probability, 7 standard deviations apart at most.
    assert abs(ones[0] - ones[1]) < 7 * (2 * 0.25 / 2000) ** 0.5
