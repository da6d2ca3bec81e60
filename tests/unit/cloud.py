"""A device in a cloud that is a folder: jobs stay there, whoever dies.

It answers ``run()`` and keeps no tags, as IonQ's, IQM's and Braket's do. Its outcomes
are written by qubit, whatever bits the circuit measures into, as some of them write.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator

QUBITS = 4


class Cloud(BackendV2):
    """A line of qubits, of which one is better than the others.

    Parameters
    ----------
    folder
        Where its jobs are kept.
    best
        The good one, by the last calibration: which qubits are chosen follows from it.
    lock
        Whether it holds what cannot leave its process.
    """

    def __init__(self, folder: Path | str, *, best: int = 0, lock: bool = False):
        super().__init__(name="cloud")
        self.folder = Path(folder)
        self._lock = threading.Lock() if lock else None
        self._target = Target(num_qubits=QUBITS)
        for gate in (SXGate(), XGate(), RZGate(Parameter("t")), Measure()):
            places = {
                (qubit,): InstructionProperties(error=1e-4 if qubit == best else 0.1)
                for qubit in range(QUBITS)
            }
            self._target.add_instruction(gate, places)
        pairs = [(a, a + 1) for a in range(QUBITS - 1)]
        pairs += [(b, a) for a, b in pairs]
        errors = {pair: InstructionProperties(error=1e-3) for pair in pairs}
        self._target.add_instruction(CXGate(), errors)

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> int:
        return 4

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=100)

    def run(self, run_input: Any, **options: Any) -> CloudJob:
        number = len(list(self.folder.glob("*.json")))
        counts = [_counts(circuit, options["shots"]) for circuit in run_input]
        job = CloudJob(self.folder, uuid4().hex)
        job.path.write_text(json.dumps(counts))
        if (self.folder / "mute").exists():
            (self.folder / "silent").touch()
            time.sleep(600)
        while number == 0 and (self.folder / "slow").exists():
            time.sleep(0.02)
        return job

    def retrieve_job(self, job_id: str) -> CloudJob:
        job = CloudJob(self.folder, job_id)
        if not job.path.exists():
            raise KeyError(f"there is no job {job_id}")
        return job


class CloudJob:
    """A job in the folder; it has no result while a file ``queue`` is there."""

    success = True

    def __init__(self, folder: Path, job: str):
        self.folder, self.job = folder, job
        self.path = folder / f"{job}.json"

    def job_id(self) -> str:
        return self.job

    def status(self) -> str:
        if (self.folder / "broken").exists():
            return "ERROR"
        return "QUEUED" if (self.folder / "queue").exists() else "DONE"

    def cancel(self) -> None:
        (self.folder / f"{self.job}.cancelled").touch()

    def result(self) -> CloudJob:
        while (self.folder / "queue").exists():
            time.sleep(0.02)
        for trouble in ("broken", "garbled"):
            if (self.folder / trouble).exists():
                raise ValueError(f"the result is {trouble}")
        return self

    def get_counts(self, index: int) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self.path.read_text())[index]
        return counts


def _counts(circuit: QuantumCircuit, shots: int) -> dict[str, int]:
    """Counts over the measured qubits in the order of their numbers."""
    measured = sorted(
        circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.name == "measure"
    )
    bare = circuit.remove_final_measurements(inplace=False)
    bare.add_register(ClassicalRegister(len(measured), "m"))
    bare.measure(measured, bare.cregs[-1])
    counts: dict[str, int] = AerSimulator().run(bare, shots=shots).result().get_counts()
    return counts
