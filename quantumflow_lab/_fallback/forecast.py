"""Forecasts of circuits, the same as ``rust/core/src/forecast.rs``, which explains."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quantumflow_lab._fallback.words import read_words
from quantumflow_lab.errors import SchedulerError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Numbers = tuple[float, float, float, float, int, int, int, int, int]

ONE, TWO, MEASURE, DELAY, BARRIER, OTHER = range(6)


def forecast(words: Buffer) -> Numbers:
    """Forecast the circuit of some words; ``_core.pyi`` documents it."""
    return _Circuit(read_words(words)).forecast()


class _Circuit:
    def __init__(self, words: list[int]):
        self.words = words
        self.at = 0

    def take(self, count: int) -> list[int]:
        end = self.at + count
        if end > len(self.words):
            raise SchedulerError(f"the circuit is cut short at word {self.at}")
        found = self.words[self.at : end]
        self.at = end
        return found

    def count(self, what: str) -> int:
        (value,) = self.take(1)
        if not 0 <= value <= len(self.words):
            raise SchedulerError(f"{what} cannot be {value}")
        return value

    def index(self, what: str, value: int, count: int) -> int:
        if not 0 <= value < count:
            raise SchedulerError(f"{what} cannot be {value}")
        return value

    def forecast(self) -> Numbers:
        counts = self.count("qubits"), self.count("clbits"), self.count("rows")
        self.qubits, clbits, size = counts
        flat = self.take(3 * size)
        rows = []
        for i in range(0, len(flat), 3):
            role = self.index("role", flat[i + 2], OTHER + 1)
            rows.append((_float(flat[i]), _float(flat[i + 1]), role))
        self.coherence = [_float(word) for word in self.take(2 * self.qubits)]
        self.ready = [0.0] * (self.qubits + clbits)
        self.busy = [math.nan] * self.qubits
        self.gates = self.readout = self.idle = 0.0
        self.counts = [0, 0, 0]
        self.without_duration = self.without_error = 0
        while self.at < len(self.words):
            (number,) = self.take(1)
            row = rows[self.index("row", number, size)]
            self.place(row, self.take(self.count("wires")))
        end = max(self.ready, default=0.0)
        one, two, measured = self.counts
        unknown = self.without_duration, self.without_error
        return end, self.gates, self.readout, self.idle, one, two, measured, *unknown

    def place(self, row: tuple[float, float, int], on: Sequence[int]) -> None:
        duration, error, role = row
        wires = [self.index("wire", wire, len(self.ready)) for wire in on]
        start = max((self.ready[wire] for wire in wires), default=0.0)
        waits = role in (DELAY, BARRIER)
        known = not math.isnan(duration)
        end = start + (duration if known else 0.0)
        for wire in wires:
            self.ready[wire] = end
            if wire < self.qubits and not waits:
                gap = start - self.busy[wire]
                if gap > 0:
                    self.idle += math.log(_kept(gap, *self.times(wire)))
                self.busy[wire] = end
        self.without_duration += not known and role != BARRIER
        if not waits:
            self.tally(error, role)

    def times(self, wire: int) -> tuple[float, float]:
        return self.coherence[2 * wire], self.coherence[2 * wire + 1]

    def tally(self, error: float, role: int) -> None:
        known = not math.isnan(error)
        self.without_error += not known
        through = (math.log1p(-error) if error < 1 else -math.inf) if known else 0.0
        if role < len(self.counts):
            self.counts[role] += 1
        if role == MEASURE:
            self.readout += through
        else:
            self.gates += through


def _float(word: int) -> float:
    (value,) = struct.unpack("=d", struct.pack("=q", word))
    return float(value)


def _kept(seconds: float, t1: float, t2: float) -> float:
    first, second = (math.exp(-seconds / t) if t > 0 else 1.0 for t in (t1, t2))
    return (3.0 + first + 2.0 * second) / 6.0
