"""Circuits of requests, read by processes that can do nothing else."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from queue import SimpleQueue
from typing import Any

from quantumflow_lab.delays import from_units
from quantumflow_lab.errors import SeveralCircuits
from quantumflow_lab.service.declared import CircuitSource
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.workers.parser import CircuitParser

PARSERS = 2
"""Circuits that are read at once; one that takes its time leaves the other free."""
IDLE = 3600.0
"""Seconds that a process waits for the next one, since it takes some to start."""
KEPT, LARGEST = 256, 1 << 18
"""Answers that are remembered, and the bytes that one of them has at most."""
WARM = CircuitSource(format="qasm2", source="OPENQASM 2.0; qreg q[1];")


class Circuits:
    """Reads what comes from anybody; may be used by any thread.

    Parameters
    ----------
    limits
        What a circuit may be, and what reading it may take.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parsers = [CircuitParser(IDLE) for _ in range(PARSERS)]
        self._free: SimpleQueue[CircuitParser] = SimpleQueue()
        for parser in self._parsers:
            self._free.put(parser)
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()

    def read(self, source: CircuitSource, name: str) -> Any:
        """One circuit.

        Raises
        ------
        CircuitSourceError
            If it does not parse, is beyond a limit, or takes its process with it.
        """
        from qiskit import qpy

        answer = self._answer(source, name)
        # The child wrote it from circuits that it had counted, in our Qiskit's version.
        circuits = [from_units(circuit) for circuit in qpy.load(io.BytesIO(answer))]
        if len(circuits) != 1:
            raise SeveralCircuits(
                f"circuit '{name}' holds {len(circuits)} circuits; send each under a "
                "name of its own",
                count=len(circuits),
            )
        return circuits[0]

    def warm(self) -> None:
        """Start the processes, so that the first circuit does not wait for them."""
        for parser in self._parsers:
            parser.read(WARM.content(), WARM.format, "warm-up", self._limits)

    def _answer(self, source: CircuitSource, name: str) -> bytes:
        """The circuit as QPY, by a process of ours; the same source is read once."""
        data = source.content()
        key = source.format, hashlib.sha256(data).digest()
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
        parser = self._free.get()
        try:
            answer = parser.read(data, source.format, f"circuit '{name}'", self._limits)
        finally:
            self._free.put(parser)
        if len(answer) <= LARGEST:
            with self._lock:
                self._known[key] = answer
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
        return answer

    def close(self) -> None:
        """End the processes."""
        for parser in self._parsers:
            parser.close(patience=0.5)
