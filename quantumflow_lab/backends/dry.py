"""What the circuits of a member would take, when nothing is to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quantumflow_lab.backends.isa import Size
from quantumflow_lab.ports import MemberForecast
from quantumflow_lab.work import NO_WORK, Work

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from quantumflow_lab.backends.forecast import CircuitForecast, Forecaster

Sized = tuple["QuantumCircuit", Size, int, int]
"""An ISA circuit, its size, how often it stands there, and the shots of each; 0 if it
is exact."""


class Forecasts:
    """Forecasts members of one job; a circuit that many share is looked at once."""

    def __init__(self, forecaster: Forecaster):
        self._forecaster = forecaster
        self._known: dict[int, tuple[QuantumCircuit, CircuitForecast]] = {}

    def of(self, circuits: Sequence[Sized], work: Work = NO_WORK) -> MemberForecast:
        """The circuits of a member, together, with what they ask of a simulator."""
        busy: float | None = 0.0
        gates = [0, 0, 0]
        chances: list[float | None] = []
        for circuit, _, times, shots in circuits:
            found = self._forecast(circuit)
            chances += [found.success] * times
            each = times * shots
            gates[0] += each * found.one_qubit
            gates[1] += each * found.two_qubit
            gates[2] += each * found.measured
            if found.duration_s is None or busy is None:
                busy = None
            else:
                busy += each * found.duration_s
        known = [chance for chance in chances if chance is not None]
        sizes = [size for _, size, _, _ in circuits]
        return MemberForecast(
            circuits=sum(times for _, _, times, _ in circuits),
            shots=sum(times * shots for _, _, times, shots in circuits),
            busy_s=busy,
            one_qubit=gates[0],
            two_qubit=gates[1],
            measured=gates[2],
            success=sum(known) / len(known) if known == chances and known else None,
            depth=max((size.depth for size in sizes), default=0),
            two_qubit_gates=max((size.two_qubit_gates for size in sizes), default=0),
            qubits=max((size.qubits for size in sizes), default=0),
            work=work,
        )

    def _forecast(self, circuit: QuantumCircuit) -> CircuitForecast:
        # The circuit is kept, so that its id stays its own.
        if id(circuit) not in self._known:
            self._known[id(circuit)] = circuit, self._forecaster.forecast(circuit)
        return self._known[id(circuit)][1]
