"""How long jobs and steps take, before anything has run and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from quantumflow_lab.planning.timing import Model, Ran, job_terms, prior_of, ran_of
from quantumflow_lab.ports import BackendFacts, JobMetrics
from quantumflow_lab.work import Work, usual_method, work_of


@dataclass(frozen=True, slots=True)
class Timing:
    """What jobs of a step take on one backend, in seconds."""

    setup_s: float
    """Of a job, whatever is in it: queue, transpiling, transport."""
    circuit_s: float
    """Of each circuit."""


@dataclass(frozen=True, slots=True)
class Makings:
    """What circuits of a step are like, as they were executed."""

    qubits: int
    operations: float
    """Of a circuit."""
    two_qubit_gates: int
    bits: float
    """Measured in a shot."""
    shots: float
    """Of a circuit."""

    def work(self, facts: BackendFacts) -> Work:
        """What one circuit like that would ask of a simulator."""
        shots, noisy = round(self.shots), facts.noisy
        method = usual_method(qubits=self.qubits, shots=shots, noisy=noisy)
        found = work_of(
            qubits=self.qubits,
            operations=round(self.operations),
            two_qubit_gates=self.two_qubit_gates,
            bits=round(self.bits),
            shots=shots,
            method=method,
            noisy=noisy,
        )
        return replace(found, noise=_NOISE * self.qubits if noisy else 0)


@dataclass(frozen=True, slots=True)
class History:
    """What earlier runs took: of one workflow, and of anything on its backends."""

    jobs: Mapping[tuple[str, str], Timing] = field(default_factory=dict)
    """By step and backend."""
    circuits: Mapping[str, float] = field(default_factory=dict)
    """Circuits of a point, or of a call, by step."""
    shots: Mapping[str, float] = field(default_factory=dict)
    """Shots of a circuit, by step."""
    calls: Mapping[str, float] = field(default_factory=dict)
    """Points and calls that one run sent, by step."""
    bodies: Mapping[str, float] = field(default_factory=dict)
    """Seconds that the function of a step takes for one point."""
    makings: Mapping[str, Makings] = field(default_factory=dict)
    """What circuits of a step are like, by step."""
    backends: Mapping[str, Learned] = field(default_factory=dict)
    """What all jobs of a backend tell, whatever workflow they were of."""

    def model(self, facts: BackendFacts) -> Model:
        """What jobs of a backend take by what they are made of."""
        known = self.backends.get(facts.name)
        return prior_of(facts) if known is None else known.model


@dataclass(frozen=True, slots=True)
class Learned:
    """What all jobs of a backend tell."""

    model: Model
    past: tuple[Ran, ...]
    """What the model is of, the latest first."""
    usual: Timing
    """What a job takes before it runs, and a circuit; medians."""


def history_of(
    rows: Sequence[Mapping[str, Any]], backends: Mapping[str, Learned] | None = None
) -> History:
    """Read the rows of the named query ``timings``, beside what backends tell."""
    jobs = [row for row in rows if row["what"] == "job"]
    return History(
        jobs={
            (row["step"], row["backend"]): Timing(row["setup_s"], row["circuit_s"])
            for row in jobs
        },
        circuits={row["step"]: float(row["circuits"]) for row in jobs},
        shots={row["step"]: float(row["shots"]) for row in jobs},
        calls={row["step"]: float(row["calls"]) for row in jobs},
        bodies={row["step"]: row["circuit_s"] for row in rows if row["what"] == "body"},
        makings={
            row["step"]: Makings(
                row["qubits"],
                row["operations"],
                row["two_qubit_gates"],
                row["bits"],
                row["shots"],
            )
            for row in jobs
            if row["operations"] is not None
        },
        backends=backends or {},
    )


def learned_of(
    rows: Sequence[Mapping[str, Any]], facts: Callable[[str], BackendFacts]
) -> dict[str, Learned]:
    """Read the rows of the named query ``ran``, and fit a model for each backend."""
    found = {}
    for name in dict.fromkeys(row["backend"] for row in rows):
        of = facts(name)
        own = [row for row in rows if row["backend"] == name]
        past = tuple(filter(None, (ran_of(of, _metrics(row)) for row in own)))
        usual = Timing(
            median(row["queue_s"] + row["transpile_s"] for row in own),
            median(row["run_s"] / row["circuits"] for row in own),
        )
        found[name] = Learned(Model.fitted(prior_of(of).prior, past), past, usual)
    return found


def _metrics(row: Mapping[str, Any]) -> JobMetrics:
    work = row["work"]
    return JobMetrics(
        circuits=row["circuits"],
        shots=row["shots"],
        run_s=row["run_s"],
        work=None if work is None else Work.read(work),
        busy_s=row["busy_s"],
        qpu_s=row["qpu_s"],
    )


IDEAL, NOISY, DEVICE = Timing(0.05, 0.002), Timing(0.1, 0.03), Timing(30.0, 1.0)
"""What is assumed until a job is on record: ideal and noisy simulators, devices."""
BODY_S = 0.01
"""What the function of a step is assumed to take."""
_NOISE = 200
"""Instructions that the noise of a qubit has, with its couplings, on fake devices."""


def timing(history: History, step: str, facts: BackendFacts) -> Timing:
    """What jobs of a step take on a backend.

    By jobs of the step there, else by circuits like its own, else by other jobs there,
    else by the kind of the backend.

    Examples
    --------
    >>> from quantumflow_lab.backends import Registry
    >>> timing(History(), "counts", Registry().facts("aer"))
    Timing(setup_s=0.05, circuit_s=0.002)
    """
    known = history.jobs.get((step, facts.name))
    if known is not None:
        return known
    learned = history.backends.get(facts.name)
    if learned is not None:
        usual = learned.usual
    elif not facts.simulator:
        return DEVICE
    else:
        usual = NOISY if facts.noisy else IDEAL
    makings = history.makings.get(step)
    if makings is None or not facts.simulator:
        return usual
    each = history.model(facts).predict(job_terms(makings.work(facts)))
    return Timing(usual.setup_s, each.value)
