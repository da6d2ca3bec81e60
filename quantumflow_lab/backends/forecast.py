"""What a transpiled circuit takes on a device, and how likely it comes through.

Durations and errors are those of Qiskit's ``Target``. ``docs/quote.md`` has the
formulas; the pass over the operations is compiled, see ``_core.pyi``.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qiskit.circuit import ControlFlowOp, ForLoopOp, ParameterExpression

try:
    from quantumflow_lab._core import forecast as _forecast
except ImportError:
    from quantumflow_lab._fallback.forecast import forecast as _forecast

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

_ONE, _TWO, _MEASURE, _DELAY, _BARRIER, _OTHER = range(6)
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "ps": 1e-12}
_NOT = math.nan


@dataclass(frozen=True, slots=True)
class CircuitForecast:
    """What is to be expected of one circuit on one device."""

    duration_s: float | None
    """Seconds of one shot, the longest path; None if the device does not say."""
    gates: float | None
    """Probability, from 0 to 1, that no gate errs; None if the device does not say."""
    readout: float | None
    """Probability that no readout errs."""
    idle: float
    """What qubits keep of their states while they wait, from 0 to 1."""
    one_qubit: int
    """One-qubit gates."""
    two_qubit: int
    """Gates on more qubits."""
    measured: int
    """Measurements."""

    @property
    def success(self) -> float | None:
        """Estimated probability of success, from 0 to 1: gates, readout and waits."""
        if self.gates is None or self.readout is None:
            return None
        return self.gates * self.readout * self.idle


@dataclass
class _Extra:
    """What a circuit has beside the operations of the table."""

    words: array[int] = field(default_factory=lambda: array("q"))
    """Rows: waits, control flow, what the device does not have."""
    readout: float = 0.0
    idle: float = 0.0
    counts: tuple[int, int, int] = (0, 0, 0)
    without_error: int = 0

    def row(self, duration: float, error: float, role: int) -> int:
        """Add a row; its number among these."""
        self.words.extend(_words(duration, error, role))
        return len(self.words) // 3 - 1


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one circuit, or one block of another, comes to; logarithms as summed."""

    duration: float
    gates: float
    readout: float
    idle: float
    counts: tuple[int, int, int]
    without_duration: int
    without_error: int


class Forecaster:
    """Forecasts circuits for one device; its tables are made once.

    Parameters
    ----------
    target
        Of the device.

    Examples
    --------
    >>> from qiskit import QuantumCircuit, transpile
    >>> from qiskit.providers.fake_provider import GenericBackendV2
    >>> device = GenericBackendV2(2, seed=1)
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
    >>> found = Forecaster(device.target).forecast(transpile(bell, device))
    >>> found.two_qubit, found.measured, found.success > 0.9
    (1, 2, True)
    """

    def __init__(self, target: Target):
        self._dt = target.dt
        self._table = array("q")
        self._names: dict[str, dict[Any, int]] = {}
        """Row of each operation at each place, by the name of the operation."""
        for name in target.operation_names:
            operation = target.operation_from_name(name)
            # Control flow is a class, and a wait has no duration of its own.
            if not isinstance(operation, type) and name != "delay":
                rows = self._rows(target, name, operation.num_qubits)
                self._names[name] = dict(rows)
        self._names["barrier"] = {None: self._row(0.0, 0.0, _BARRIER)}
        times = array("d")
        for qubit in target.qubit_properties or []:
            times.extend((_number(qubit, "t1"), _number(qubit, "t2")))
        self._coherence = _bits(times)
        self._bits: tuple[Any, ...] = ()
        self._said: dict[Any, tuple[int, ...]] = {}
        """The words of each operation on these bits."""

    def forecast(self, circuit: QuantumCircuit) -> CircuitForecast:
        """Forecast a circuit in the instructions of the device.

        Of an ``if`` the longest branch counts, of a ``for`` every turn; nothing is said
        of loops without a known end, nor of waits with open durations.
        """
        found = self._survey(circuit)
        sure = not found.without_error
        return CircuitForecast(
            duration_s=None if found.without_duration else found.duration,
            gates=math.exp(found.gates) if sure else None,
            readout=math.exp(found.readout) if sure else None,
            idle=math.exp(found.idle),
            one_qubit=found.counts[0],
            two_qubit=found.counts[1],
            measured=found.counts[2],
        )

    def _survey(self, circuit: QuantumCircuit) -> _Survey:
        extra = _Extra()
        program = self._program(circuit, extra)
        width = circuit.num_qubits
        rows = (len(self._table) + len(extra.words)) // 3
        words = array("q", (width, circuit.num_clbits, rows))
        words += self._table
        words += extra.words
        words += self._coherence[: 2 * width]
        short = width - len(self._coherence) // 2
        words += _bits(array("d", [_NOT] * (2 * max(short, 0))))
        words += program
        end, gates, readout, idle, *counts = _forecast(words)
        one, two, measured, without_duration, without_error = counts
        more = extra.counts
        return _Survey(
            duration=end,
            gates=gates,
            readout=readout + extra.readout,
            idle=idle + extra.idle,
            counts=(one + more[0], two + more[1], measured + more[2]),
            without_duration=without_duration,
            without_error=without_error + extra.without_error,
        )

    def _program(self, circuit: QuantumCircuit, extra: _Extra) -> array[int]:
        """The operations as words."""
        bits = (*circuit.qubits, *circuit.clbits)
        if bits != self._bits:
            # Circuits for one device have the same bits, as a rule.
            self._bits, self._said = bits, {}
        find = {bit: i for i, bit in enumerate(bits)}.__getitem__
        words: list[int] = []
        for item in circuit.data:
            place = item.name, item.qubits, item.clbits
            said = self._said.get(place)
            if said is None:
                wires = tuple(map(find, item.qubits))
                row = self._find(item.name, wires)
                wires += tuple(map(find, item.clbits))
                if row is None:
                    special = self._special(item.operation, extra)
                    said = special, len(wires), *wires
                else:
                    said = self._said[place] = row, len(wires), *wires
            words.extend(said)
        return array("q", words)

    def _find(self, name: str, wires: tuple[int, ...]) -> int | None:
        """The row of an operation, if the table has it there or everywhere."""
        rows = self._names.get(name, {})
        return rows.get(wires, rows.get(None))

    def _special(self, operation: Any, extra: _Extra) -> int:
        """A row of its own: a wait, control flow, what the device does not have."""
        if operation.name == "delay":
            row = extra.row(self._delay(operation), 0.0, _DELAY)
        elif isinstance(operation, ControlFlowOp):
            row = extra.row(*self._flow(operation, extra), _OTHER)
        else:
            row = extra.row(_NOT, _NOT, _role(operation.name, operation.num_qubits))
        return len(self._table) // 3 + row

    def _delay(self, operation: Any) -> float:
        """Seconds of a wait."""
        if isinstance(operation.duration, ParameterExpression):
            return _NOT
        unit = self._dt if operation.unit == "dt" else _UNITS.get(operation.unit)
        return _NOT if unit is None else float(operation.duration) * unit

    def _flow(self, operation: Any, extra: _Extra) -> tuple[float, float]:
        """Seconds and error of control flow: the longest of its blocks, as one."""
        if operation.name not in ("if_else", "for_loop", "switch_case", "box"):
            return _NOT, _NOT
        found = max(map(self._survey, operation.blocks), key=lambda each: each.duration)
        turns = len(operation.params[0]) if isinstance(operation, ForLoopOp) else 1
        extra.readout += turns * found.readout
        extra.idle += turns * found.idle
        extra.without_error += found.without_error
        one, two, measured = (turns * count for count in found.counts)
        before = extra.counts
        extra.counts = before[0] + one, before[1] + two, before[2] + measured
        seconds = _NOT if found.without_duration else turns * found.duration
        return seconds, -math.expm1(turns * found.gates)

    def _rows(self, target: Target, name: str, width: int) -> Iterator[tuple[Any, int]]:
        for place, entry in target[name].items():
            number = self._row(
                _number(entry, "duration"), _number(entry, "error"), _role(name, width)
            )
            yield place, number

    def _row(self, duration: float, error: float, role: int) -> int:
        self._table.extend(_words(duration, error, role))
        return len(self._table) // 3 - 1


def _role(name: str, width: int) -> int:
    if name == "measure":
        return _MEASURE
    if name == "reset":
        return _OTHER
    return _ONE if width == 1 else _TWO


def _number(entry: object, name: str) -> float:
    """What a target says, or NaN."""
    value = getattr(entry, name, None)
    return _NOT if value is None else float(value)


def _words(duration: float, error: float, role: int) -> tuple[int, int, int]:
    first, second = _bits(array("d", (duration, error)))
    return first, second, role


def _bits(numbers: array[float]) -> array[int]:
    """Doubles as the words that they are in memory."""
    words = array("q")
    words.frombytes(numbers.tobytes())
    return words
