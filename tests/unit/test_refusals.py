"""What would go wrong later, or take the lab down, is told where it is written."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import SparsePauliOp, Statevector

import quantumflow_lab as qf
from quantumflow_lab import Lab
from quantumflow_lab.backends import Registry
from quantumflow_lab.cell import declare
from quantumflow_lab.errors import BadAxis, BadOption, BadPrecision, NotAPub, StepFailed
from quantumflow_lab.settings import Settings


def test_an_axis_that_no_memory_holds_is_refused(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = (
        "a = qf.axis(range(2000))\nb = qf.axis(range(2000))\nc = qf.axis(range(2000))\n"
    )
    cell += "@qf.step\ndef z(a, b, c):\n    return a\n"
    with pytest.raises(
        BadAxis,
        match=r"step 'z' would have 8,000,000,000 points \(a 2,000 × b 2,000 × c "
        r"2,000\), and a run may have 1,000,000: take fewer values",
    ):
        lab.run(cell, name="absurd")
    monkeypatch.setattr(declare, "MOST_VALUES", 100)
    with pytest.raises(BadAxis, match="an axis takes at most 100 values; sweep inside"):
        qf.axis(range(10**12))
    assert len(qf.axis(range(100)).values) == 100


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("circuit", "1 + 1", "circuit step 's' returned None: return a QuantumCircuit"),
        ("circuit", "return 3", "circuit step 's' returned a int: return a Quantum"),
        ("circuit", "return [qc, None]", "circuit step 's' returned a list: return"),
        ("observable", "1 + 1", "observable step 's' returned None: return an obser"),
    ],
)
def test_a_forgotten_return_is_told_where_it_is(
    lab: Lab, kind: str, body: str, message: str
) -> None:
    cell = f"@qf.{kind}\ndef s():\n    {body}\n"
    run = lab.run(cell, name="s", inputs={"qc": QuantumCircuit(1)})
    with pytest.raises(NotAPub, match=message):
        run.raise_failure()


@pytest.mark.parametrize(
    "body", ["yield 1", "return (i for i in [1])", "return iter([1])"]
)
def test_a_step_returns_what_can_be_read_more_than_once(lab: Lab, body: str) -> None:
    run = lab.run(f"@qf.step\ndef s():\n    {body}\n", name="once")
    told = "step 's' returned a .*, which can be read only once: return a list"
    with pytest.raises(StepFailed, match=told):
        run.raise_failure()


def test_a_step_may_return_an_object_that_is_an_iterator_too(lab: Lab) -> None:
    cell = """
    class Optimiser:
        def __iter__(self):
            return self

        def __next__(self):
            return 1

    @qf.step
    def s():
        return Optimiser()
    """
    assert next(lab.run(dedent(cell), name="own")["s"]) == 1


def test_a_precision_beyond_counting_is_refused(lab: Lab) -> None:
    cell = "@qf.estimate(precision={p})\ndef e():\n    return qc, 'Z', None, {q}\n"
    inputs = {"qc": QuantumCircuit(1)}
    with pytest.raises(BadPrecision, match="precision must be 0, or at least 1e-07"):
        lab.run(cell.format(p="1e-300", q=None), name="e", inputs=inputs)
    run = lab.run(cell.format(p="0.1", q="1e-300"), name="e", inputs=inputs)
    with pytest.raises(BadPrecision, match="1e-300 needs more than 10¹⁴ shots"):
        run.raise_failure()


def test_primitives_that_are_none_are_refused() -> None:
    backend = Registry().backend("aer")
    with pytest.raises(BadOption, match="sampler of a PrimitiveBackend is a primitive"):
        qf.PrimitiveBackend(backend, sampler=3)  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("QFLOW_SHOTS", "abc", r"setting shots \(QFLOW_SHOTS\) cannot be 'abc': input"),
        (
            "QFLOW_WORKERS",
            "-3",
            r"workers \(QFLOW_WORKERS\) cannot be '-3': .* than or",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadOption, match=message):
        Settings()


def test_exact_values_on_another_simulator_know_all_gates_it_knows(lab: Lab) -> None:
    gates = get_standard_gate_name_mapping()
    names = Registry().backend("basic_simulator").target.operation_names
    circuits = {}
    for name in sorted({*names} & {*gates}):
        base = gates[name]
        if base.num_clbits or name in ("delay", "reset", "measure"):
            continue
        values = np.linspace(0.3, 0.9, len(base.params)).tolist()
        gate = base.base_class(*values)
        circuit = QuantumCircuit(max(gate.num_qubits, 1))
        for qubit in range(circuit.num_qubits):
            circuit.ry(0.4 + qubit, qubit)
        circuit.append(gate, range(gate.num_qubits))
        circuits[name] = circuit
    assert {"ch", "iswap", "global_phase", "xx_plus_yy"} <= circuits.keys()
    cell = """
    @qf.estimate(precision=0, backend="basic_simulator")
    def values():
        return {
            name: (qc, ["Z" * qc.num_qubits, "X" * qc.num_qubits])
            for name, qc in all_.items()
        }
    """
    run = lab.run(dedent(cell), name="exact", inputs={"all_": circuits})
    run.raise_failure()
    for name, circuit in circuits.items():
        state, width = Statevector(circuit), circuit.num_qubits
        wanted = [
            state.expectation_value(SparsePauliOp(letter * width)).real
            for letter in "ZX"
        ]
        assert np.allclose(run["values"][name].data.evs, wanted, atol=1e-9), name


MODULE = """
from qiskit_aer import AerSimulator

class Mine(AerSimulator):
    def run(self, circuits, **options):
        {change}
        return super().run(circuits, **options)
"""
FLIPPED = "circuits = [c.reverse_bits() for c in circuits]"
CELL = """
@qf.sample(shots=9)
def counts():
    qc = QuantumCircuit(2)
    qc.x(0)
    qc.measure_all()
    return qc
"""


def counted(lab: Lab, backend: Any, name: str) -> dict[str, int]:
    lab.backends.add("mine", backend)
    inputs = {"QuantumCircuit": QuantumCircuit}
    run = lab.run(CELL, name=name, backend="mine", inputs=inputs)
    counts: dict[str, int] = run["counts"].data.meas.get_counts()
    return counts


def test_an_edited_backend_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "edited_backend.py"
    file.write_text(MODULE.format(change="pass"))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("edited_backend")
    lab = Lab(tmp_path / "home")
    try:
        assert counted(lab, module.Mine(), "one") == {"01": 9}
        file.write_text(MODULE.format(change=FLIPPED))
        module = importlib.reload(module)
        # Neither the worker's old module nor what is kept or cached stands in.
        assert counted(lab, module.Mine(), "one") == {"10": 9}
        assert counted(lab, module.Mine(), "other") == {"10": 9}
    finally:
        lab.close()
        sys.modules.pop("edited_backend", None)


MAIN = "from quantumflow_lab.cli import main; raise SystemExit(main())"


def test_a_file_finds_the_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("number = 42\n")
    cell = (
        "%%qflow file\nimport beside\n\n@qf.step\ndef it():\n    return beside.number\n"
    )
    (tmp_path / "cell.py").write_text(cell)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "run", str(tmp_path / "cell.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
