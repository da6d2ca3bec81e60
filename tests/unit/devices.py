"""A device that fails, refuses and bills as a test wants it to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator


class Busy(Exception):
    """What an HTTP client raises for a 429 with a ``Retry-After``."""

    status_code = 429
    retry_after = 0.3


class TooLarge(Exception):
    """What an HTTP client raises for a 413."""

    status_code = 413


class Device(BackendV2):
    """Simulates with Aer; `trouble` is called first, with the number of the job.

    It holds a lock, so that it cannot leave the process of the test.
    """

    def __init__(
        self,
        name: str,
        *,
        qubits: int = 2,
        trouble: Callable[[int, int], None] = lambda job, circuits: None,
    ):
        super().__init__(name=name)
        self.jobs: list[int] = []
        """Circuits of each job that arrived."""
        self._trouble = trouble
        self._lock = threading.Lock()
        self._target = Target(num_qubits=qubits)
        for gate in (SXGate(), XGate(), RZGate(Parameter("t")), Measure()):
            places = {(q,): None for q in range(qubits)}
            self._target.add_instruction(gate, places)
        if qubits > 1:
            self._target.add_instruction(CXGate(), {(0, 1): None, (1, 0): None})

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> int | None:
        return 100

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=100)

    def run(self, run_input: Any, **options: Any) -> Any:
        self.jobs.append(len(run_input))
        self._trouble(len(self.jobs), len(run_input))
        return AerSimulator().run(run_input, shots=options["shots"])


def raises(error: Exception, *, until: int = 10**9) -> Callable[[int, int], None]:
    """Trouble for the first jobs."""

    def trouble(job: int, circuits: int) -> None:
        if job <= until:
            raise error

    return trouble


def at_most(count: int, error: Exception) -> Callable[[int, int], None]:
    """Trouble for jobs of more circuits than this."""

    def trouble(job: int, circuits: int) -> None:
        if circuits > count:
            raise error

    return trouble
