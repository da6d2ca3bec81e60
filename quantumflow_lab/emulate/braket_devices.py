"""The devices of the emulated service: what they say of themselves, and their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qiskit import transpile
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from quantumflow_lab.emulate.braket_programs import GATES, PLAIN, Program, Refused

_ACTION, _PROGRAM_SET = "braket.ir.openqasm.program", "braket.ir.openqasm.program_set"
_OPERATIONS = sorted({*GATES, *PLAIN, "gphase"} - {"zx"})
_CALIBRATED = "2026-01-01T00:00:00"
_SEED = 1
"""Of the layout; counts are never seeded."""


@dataclass(frozen=True)
class Device:
    """A device on which tasks run."""

    arn: str
    """Name by which the client asks for it."""
    name: str
    """Name that people use."""
    provider: str
    """Company that built it."""
    qubits: int
    """How many it has."""
    shots: tuple[int, int]
    """Fewest and most of one program."""
    schema: str
    """Which of the client's schemas describes it, without ``braket.device_schema``."""
    task: float
    """USD for each task."""
    shot: float = 0.0
    """USD for each shot."""
    minute: float = 0.0
    """USD for each minute of simulation, of which at least 3 s are billed."""
    labels: tuple[int, ...] | None = None
    """Names of its qubits, in order; None for a simulator."""
    pairs: tuple[tuple[int, int], ...] = ()
    """Names of qubits that can interact."""
    executables: int = 0
    """Most programs of a set; 0 if it takes no sets."""

    @property
    def is_simulator(self) -> bool:
        """Whether it is one of Braket's own simulators."""
        return self.labels is None

    @property
    def region(self) -> str:
        """Where it stands; empty for one that is everywhere."""
        return self.arn.split(":")[3]

    def price(self, shots: int, seconds: float) -> float:
        """What a completed task costs, in USD."""
        return self.task + self.shot * shots + self.minute * max(seconds, 3.0) / 60

    def summary(self) -> dict[str, Any]:
        """As it is found by a search."""
        return {
            "deviceArn": self.arn,
            "deviceName": self.name,
            "providerName": self.provider,
            "deviceType": "SIMULATOR" if self.is_simulator else "QPU",
            "deviceStatus": "ONLINE",
        }

    def run(self, program: Program, shots: int) -> dict[str, Any]:
        """Execute a program.

        Returns
        -------
        dict
            ``measurements``, a row of bits for each shot, and ``measuredQubits``, whose
            they are: what was measured, in the order of the classical bits.
        """
        circuit = program.circuit.copy()
        if not program.measured:
            # What the service does with a program that measures nothing.
            circuit.measure_all()
        read = Program(circuit, program.physical, program.verbatim).measured
        result = self._simulator.run(
            self._fitted(circuit, program), shots=shots, memory=True
        ).result()
        rows = [key.replace(" ", "")[::-1] for key in result.get_memory()]
        names = self.labels if program.physical else None
        return {
            "measurements": [[int(row[bit]) for bit, _ in read] for row in rows],
            "measuredQubits": [names[q] if names else q for _, q in read],
        }

    def check(self, program: Program, shots: int) -> None:
        """Refuse what the device cannot run.

        Raises
        ------
        Refused
            The message says why.
        """
        least, most = self.shots
        if not least <= shots <= most:
            raise Refused(f"the number of shots must be between {least} and {most}")
        if program.circuit.num_qubits > self.qubits:
            raise Refused(
                f"{program.circuit.num_qubits} qubits exceed the {self.qubits} of the "
                "device"
            )
        if program.verbatim:
            self._check_verbatim(program)

    def _check_verbatim(self, program: Program) -> None:
        if self.labels is None or not program.physical:
            raise Refused("a verbatim box needs physical qubits of a QPU")
        for item in program.circuit.data:
            name = item.operation.name
            if name not in (*_NATIVE, "measure", "barrier"):
                raise Refused(f"{name} is no native gate")
            place = tuple(
                self.labels[program.circuit.find_bit(qubit).index]
                for qubit in item.qubits
            )
            if name == "cz" and not {place, place[::-1]} & set(self.pairs):
                raise Refused(f"qubits {place[0]} and {place[1]} are not connected")

    def _fitted(self, circuit: Any, program: Program) -> Any:
        if self.is_simulator:
            return transpile(circuit, self._simulator, optimization_level=0)
        return transpile(
            circuit,
            basis_gates=[*_NATIVE],
            coupling_map=self._edges,
            initial_layout=range(circuit.num_qubits) if program.physical else None,
            optimization_level=0 if program.verbatim else 1,
            seed_transpiler=_SEED,
        )

    @property
    def _edges(self) -> list[list[int]]:
        places = {label: i for i, label in enumerate(self.labels or ())}
        both = [*self.pairs, *(pair[::-1] for pair in self.pairs)]
        return [[places[one], places[other]] for one, other in both]

    @cached_property
    def _simulator(self) -> AerSimulator:
        if self.labels is None:
            return AerSimulator()
        noise = NoiseModel(basis_gates=[*_NATIVE])
        for place, label in enumerate(self.labels):
            gate, readout = _fidelities(label)
            noise.add_quantum_error(depolarizing_error(2 * (1 - gate), 1), "r", [place])
            wrong = [[readout, 1 - readout], [1 - readout, readout]]
            noise.add_readout_error(ReadoutError(wrong), [place])
        for edge in self._edges:
            noise.add_quantum_error(
                depolarizing_error(4 / 3 * (1 - _CZ), 2), "cz", edge
            )
        return AerSimulator(noise_model=noise)

    def capabilities(self) -> dict[str, Any]:
        """What it says of itself, by the client's schema."""
        price, unit = (
            (self.minute, "minute") if self.is_simulator else (self.shot, "shot")
        )
        return {
            "braketSchemaHeader": _header(self.schema),
            "service": {
                "braketSchemaHeader": _header("device_service_properties"),
                "executionWindows": [
                    {
                        "executionDay": "Everyday",
                        "windowStartHour": "00:00",
                        "windowEndHour": "23:59:59",
                    }
                ],
                "shotsRange": list(self.shots),
                "deviceCost": {"price": price, "unit": unit},
                "deviceLocation": self.region or "everywhere",
                "updatedAt": _CALIBRATED,
                "getTaskPollIntervalMillis": 200,
            },
            "action": self._actions(),
            "deviceParameters": {},
            "paradigm": self._paradigm(),
            **({} if self.labels is None else self._quality(self.labels)),
        }

    def _actions(self) -> dict[str, Any]:
        program = {
            "actionType": _ACTION,
            "version": ["1"],
            "supportedOperations": _OPERATIONS,
            "supportedPragmas": [] if self.is_simulator else ["verbatim"],
            "supportedResultTypes": [],
            "supportPhysicalQubits": not self.is_simulator,
            "supportsPartialVerbatimBox": False,
        }
        if not self.executables:
            return {_ACTION: program}
        programs = {
            "actionType": _PROGRAM_SET,
            "version": ["1"],
            "maximumExecutables": self.executables,
            "maximumTotalShots": self.executables * self.shots[1],
        }
        return {_ACTION: program, _PROGRAM_SET: programs}

    def _paradigm(self) -> dict[str, Any]:
        if self.labels is None:
            name = "simulators.gate_model_simulator_paradigm_properties"
            return {"braketSchemaHeader": _header(name), "qubitCount": self.qubits}
        graph: dict[str, list[str]] = {str(label): [] for label in self.labels}
        for one, other in self.pairs:
            graph[str(one)].append(str(other))
            graph[str(other)].append(str(one))
        return {
            "braketSchemaHeader": _header("gate_model_qpu_paradigm_properties"),
            "connectivity": {"fullyConnected": False, "connectivityGraph": graph},
            "qubitCount": self.qubits,
            "nativeGateSet": ["prx", "cz"],
        }

    def _quality(self, labels: Sequence[int]) -> dict[str, Any]:
        one = {str(label): _one_qubit(label) for label in labels}
        two = {f"{first}-{second}": _two_qubits() for first, second in self.pairs}
        name = "standardized_gate_model_qpu_device_properties"
        return {
            "standardized": {
                "braketSchemaHeader": _header(name),
                "oneQubitProperties": one,
                "twoQubitProperties": two,
            }
        }


_NATIVE = ("r", "cz")
_CZ = 0.99
"""Fidelity of every interaction."""


def _fidelities(label: int) -> tuple[float, float]:
    """Of the gates and the readout of a qubit: no two are alike."""
    return 0.999 - 0.0001 * label, 0.98 - 0.002 * label


def _header(name: str) -> dict[str, str]:
    return {"name": f"braket.device_schema.{name}", "version": "1"}


def _one_qubit(label: int) -> dict[str, Any]:
    gate, readout = _fidelities(label)
    kinds = ("RANDOMIZED_BENCHMARKING", gate), ("READOUT", readout)
    return {
        "T1": {"value": 4e-5, "standardError": None, "unit": "S"},
        "T2": {"value": 2e-5, "standardError": None, "unit": "S"},
        "oneQubitFidelity": [
            {"fidelityType": {"name": name}, "fidelity": value} for name, value in kinds
        ],
    }


def _two_qubits() -> dict[str, Any]:
    kind = {"name": "INTERLEAVED_RANDOMIZED_BENCHMARKING"}
    told = {"gateName": "CZ", "fidelity": _CZ, "fidelityType": kind}
    return {"twoQubitGateFidelity": [told]}


DEVICES = (
    Device(
        arn="arn:aws:braket:eu-north-1::device/qpu/iqm/Emulated",
        name="Emulated",
        provider="IQM",
        qubits=5,
        shots=(1, 20_000),
        schema="iqm.iqm_device_capabilities",
        task=0.30,
        shot=0.00145,
        labels=(1, 2, 3, 4, 5),
        pairs=((1, 3), (2, 3), (3, 4), (3, 5)),
        executables=100,
    ),
    Device(
        arn="arn:aws:braket:::device/quantum-simulator/amazon/sv1",
        name="SV1",
        provider="Amazon Braket",
        qubits=20,
        shots=(1, 100_000),
        schema="simulators.gate_model_simulator_device_capabilities",
        task=0.0,
        minute=0.075,
    ),
)
"""A star of five qubits at the prices of IQM's Garnet, and a simulator like SV1."""
