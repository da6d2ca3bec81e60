"""Jobs of a run and what each was doing when, for a timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.ports import Phase
from quantumflow_lab.runner.story import listed

MOST = 48
"""Jobs that are kept; those that have ended go first."""


@dataclass(slots=True, eq=False)
class Trace:
    """One job, from when it was handed over."""

    job: str
    """How the store and the provider call it."""
    steps: tuple[str, ...]
    backend: str
    submitted: float
    """Seconds since 1970, as all times here."""
    phases: list[tuple[Phase, float]] = field(default_factory=list)
    """What it began to do when."""
    ended: float | None = None
    state: str = "open"
    """``open``, or the last stage that was recorded of it."""
    provider_job: str | None = None
    circuits: int = 0
    shots: int = 0
    cost: str | None = None
    """What it was billed, if it costs something."""

    def enter(self, phase: Phase, now: float) -> None:
        """It does something else from now on."""
        if not self.phases or self.phases[-1][0] is not phase:
            self.phases.append((phase, now))


@dataclass(slots=True)
class Traces:
    """The latest jobs of a run."""

    total: int = 0
    """Jobs that there were."""
    _jobs: dict[str, Trace] = field(default_factory=dict)

    def open(
        self,
        job: str,
        steps: tuple[str, ...],
        backend: str,
        now: float,
        *,
        circuits: int,
        shots: int,
    ) -> Trace:
        """Follow a job from now on."""
        self.total += 1
        trace = Trace(job, steps, backend, now, circuits=circuits, shots=shots)
        self._jobs[job] = trace
        if len(self._jobs) > MOST:
            jobs = self._jobs.items()
            ended = (name for name, each in jobs if each.ended is not None)
            del self._jobs[next(ended, next(iter(self._jobs)))]
        return trace

    def told(self, started: float) -> list[dict[str, Any]]:
        """The jobs as plain JSON, in their order; times since `started`."""
        return [_told(each, started) for each in self._jobs.values()]


def _told(trace: Trace, started: float) -> dict[str, Any]:
    def since(moment: float) -> float:
        return round(max(moment - started, 0.0), 3)

    return {
        "job": trace.job,
        "step": listed(trace.steps),
        "backend": trace.backend,
        "from": since(trace.submitted),
        "to": None if trace.ended is None else since(trace.ended),
        "phases": [[str(phase), since(at)] for phase, at in trace.phases],
        "state": trace.state,
        "provider_job": trace.provider_job,
        "circuits": trace.circuits,
        "shots": trace.shots,
        "cost": trace.cost,
    }
