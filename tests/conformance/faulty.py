"""Backends that are wrong in one way each, and their healthy twin.

All simulate with Aer; a fault is a change of the circuits, of the options or of the
counts.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import IfElseOp, Parameter
from qiskit.circuit.library import (
    CXGate,
    HGate,
    Measure,
    Reset,
    RXGate,
    RZGate,
    SdgGate,
    SGate,
    SXGate,
    XGate,
)
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

WIDTH = 5


class Healthy(BackendV2):
    """An ideal five-qubit device that refuses options it does not know."""

    def __init__(self):
        super().__init__(name=type(self).__name__.lower())
        self._target = Target(num_qubits=WIDTH)
        theta = Parameter("theta")
        single = (HGate(), XGate(), SGate(), SdgGate(), SXGate())
        for gate in (*single, RXGate(theta), RZGate(theta), Measure(), Reset()):
            places = {(qubit,): None for qubit in range(WIDTH)}
            self._target.add_instruction(gate, places)
        pairs = {(a, b): None for a in range(WIDTH) for b in range(WIDTH) if a != b}
        self._target.add_instruction(CXGate(), pairs)
        self._target.add_instruction(IfElseOp, name="if_else")

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=100, seed_simulator=None)

    def run(self, run_input: Any, **options: Any) -> Job:
        circuits = run_input if isinstance(run_input, list) else [run_input]
        self.check(options)
        circuits = [self.circuit(circuit) for circuit in circuits]
        counts = [
            self.counts(found, circuit)
            for found, circuit in zip(
                self.simulated(circuits, options), circuits, strict=True
            )
        ]
        return self.job(counts)

    def check(self, options: dict[str, Any]) -> None:
        unknown = options.keys() - {"shots", "seed_simulator"}
        if unknown:
            raise TypeError(f"run() has no option {min(unknown)}")

    def circuit(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """What is run instead of a circuit."""
        return circuit

    def simulated(
        self, circuits: list[QuantumCircuit], options: dict[str, Any]
    ) -> list[dict[str, int]]:
        """Counts as Aer gives them."""
        known = {k: options[k] for k in ("shots", "seed_simulator") if k in options}
        result = AerSimulator().run(circuits, **known).result()
        return [result.data(i)["counts"] for i in range(len(circuits))]

    def counts(self, counts: dict[str, int], circuit: QuantumCircuit) -> dict[str, int]:
        """What is returned instead of counts."""
        return counts

    def job(self, counts: list[dict[str, int]]) -> Job:
        return Job(counts)


class Job:
    """A job that has ended, and its result."""

    success = True

    def __init__(self, counts: list[dict[str, int]]):
        self._counts = counts

    def result(self) -> Job:
        return self

    def data(self, index: int) -> dict[str, Any]:
        return {"counts": self._counts[index]}


def rewritten(circuit: QuantumCircuit, change: Any) -> QuantumCircuit:
    """The circuit with `change` made to each instruction; None drops it."""
    new = circuit.copy_empty_like()
    for item in circuit.data:
        changed = change(item)
        if changed is not None:
            new.append(changed)
    return new


def permuted(counts: dict[str, int], places: list[int]) -> dict[str, int]:
    """Counts in which bit i is what bit ``places[i]`` was."""
    new: dict[str, int] = {}
    for key, number in counts.items():
        old = int(key, 16)
        outcome = hex(sum((old >> p & 1) << i for i, p in enumerate(places)))
        new[outcome] = new.get(outcome, 0) + number
    return new


class ReversedBits(Healthy):
    """Bit 0 is the leftmost."""

    def counts(self, counts, circuit):
        return permuted(counts, list(reversed(range(circuit.num_clbits))))


class SwappedReadout(Healthy):
    """Qubits 1 and 2 of the device are read as each other."""

    def circuit(self, circuit):
        swap = {1: 2, 2: 1}

        def change(item):
            if item.operation.name != "measure":
                return item
            place = circuit.find_bit(item.qubits[0]).index
            return item.replace(qubits=[circuit.qubits[swap.get(place, place)]])

        return rewritten(circuit, change) if circuit.num_qubits > 2 else circuit


class AllZeros(Healthy):
    """Whatever was measured."""

    def counts(self, counts, circuit):
        return {"0x0": sum(counts.values())}


class DroppedClbits(Healthy):
    """The lowest of several measured bits is left out of the number."""

    def counts(self, counts, circuit):
        measured = sorted(
            circuit.find_bit(item.clbits[0]).index
            for item in circuit.data
            if item.operation.name == "measure"
        )
        bits = list(dict.fromkeys(measured))
        return permuted(counts, bits[len(bits) > 1 :])


class WrongWidth(Healthy):
    """Keys are filled up to the width of the device, at the wrong end."""

    def counts(self, counts, circuit):
        return {
            f"{int(key, 16):0{circuit.num_clbits}b}".ljust(WIDTH + 1, "0"): number
            for key, number in counts.items()
        }


class ShotsOffByOne(Healthy):
    """One shot is lost."""

    def simulated(self, circuits, options):
        shots = options["shots"] - (options["shots"] > 1)
        return super().simulated(circuits, {**options, "shots": shots})


class IgnoredSeed(Healthy):
    """Every run draws a seed of its own."""

    def simulated(self, circuits, options):
        return super().simulated(circuits, {**options, "seed_simulator": None})


class OneSeed(Healthy):
    """Every run has the same seed."""

    def simulated(self, circuits, options):
        return super().simulated(circuits, {**options, "seed_simulator": 1})


class BatchSeedsEqual(AerSimulator):
    """Every circuit of a batch gets the seed of the first."""

    def run(self, run_input, **options):
        circuits = run_input if isinstance(run_input, list) else [run_input]
        binds = options.pop("parameter_binds", None) or [{}] * len(circuits)
        counts = []
        for circuit, bind in zip(circuits, binds, strict=True):
            given = {**options, "parameter_binds": [bind]} if bind else options
            result = super().run([circuit], **given).result()
            counts.append(result.data(0)["counts"])
        return Job(counts)


class ReversedResults(Healthy):
    """The last circuit comes first."""

    def job(self, counts):
        return Job(counts[::-1])


class IgnoredCondition(Healthy):
    """Gates under a condition always run."""

    def circuit(self, circuit):
        new = circuit.copy_empty_like()
        for item in circuit.data:
            if item.operation.name == "if_else":
                new.compose(
                    item.operation.blocks[0], item.qubits, item.clbits, inplace=True
                )
            else:
                new.append(item)
        return new


class IgnoredReset(Healthy):
    """Reset does nothing."""

    def circuit(self, circuit):
        return rewritten(
            circuit, lambda item: None if item.operation.name == "reset" else item
        )


class WrongSignOfY(Healthy):
    """S† turns as S does, so that a change to the basis of Y has the wrong sign."""

    def circuit(self, circuit):
        def change(item):
            wrong = item.operation.name == "sdg"
            return item.replace(operation=SGate()) if wrong else item

        return rewritten(circuit, change)


class HalfRotations(Healthy):
    """RX turns by half of its angle."""

    def circuit(self, circuit):
        def change(item):
            if item.operation.name != "rx":
                return item
            return item.replace(operation=RXGate(item.operation.params[0] / 2))

        return rewritten(circuit, change)


class SwallowsOptions(Healthy):
    """Takes any keyword argument."""

    def check(self, options):
        pass


class RaisesInResult(Healthy):
    """Every job fails when its result is asked for."""

    def job(self, counts):
        return RaisingJob(counts)


class RaisingJob(Job):
    def result(self):
        raise RuntimeError("calibration in progress")


class Hangs(Healthy):
    """No job ever ends."""

    def job(self, counts):
        return HangingJob(counts)


class HangingJob(Job):
    def result(self):
        time.sleep(3600)


class HangsOnWideRegisters(Healthy):
    """Jobs with more classical bits than one never end."""

    def circuit(self, circuit):
        if circuit.num_clbits > 1:
            time.sleep(3600)
        return circuit


class HangsInKernel(Hangs):
    """Holds a lock, so that it cannot leave the process."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Aborts(Healthy):
    """Takes its process with it, as C++ does after a failed assertion."""

    def simulated(self, circuits, options):
        os.kill(os.getpid(), signal.SIGABRT)
        return []


class AbortsOnResets(Healthy):
    """Takes its process with it at a reset."""

    def circuit(self, circuit):
        if "reset" in circuit.count_ops():
            os.kill(os.getpid(), signal.SIGABRT)
        return circuit


class BrokenTarget(Healthy):
    """Its target cannot be read."""

    @property
    def target(self):
        raise ConnectionError("no calibration today")


class FewShots(Healthy):
    """Takes 200 shots a circuit and three circuits a job, and says so."""

    max_shots = 200

    @property
    def max_circuits(self):
        return 3

    def check(self, options):
        super().check(options)
        if options["shots"] > self.max_shots:
            raise ValueError("too many shots")


class NoMeasure(Healthy):
    """Its target has no measurement."""

    def __init__(self):
        super().__init__()
        self._target = Target(num_qubits=1)
        self._target.add_instruction(XGate(), {(0,): None})
