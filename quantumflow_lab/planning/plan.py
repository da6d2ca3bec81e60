"""A plan: the steps of one run with everything decided that can be before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from quantumflow_lab.amounts import Money
from quantumflow_lab.planning.points import shape_of
from quantumflow_lab.ports import Mode

Policy = Literal["cheapest", "fastest", "balanced"]

MOST_POINTS = 1_000_000
"""Points of all steps of a run, unless a setting says otherwise."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step of a run."""

    name: str
    kind: str
    """circuit, observable, sample, estimate or step."""
    dims: tuple[str, ...]
    """Axes it runs over, in the order of the cell."""
    parameters: tuple[str, ...]
    """Parameters of its function that are values: steps, axes, assignments, inputs."""
    needs: tuple[str, ...]
    """Steps it waits for."""
    option_names: tuple[str, ...] = ()
    """Names its options read: steps, axes, assignments, inputs."""
    injected: tuple[str, ...] = ()
    """Parameters of its function that the lab makes, such as ``estimator``."""
    backends: tuple[str, ...] = ()
    """Backends it uses: one for each value of the axis ``backend``, or a single one;
    none if it runs no circuits."""
    accuracy: Mapping[str, Any] = field(default_factory=dict)
    """Its own ``shots`` and ``precision``, where they are numbers."""
    others: tuple[str, ...] = ()
    """Backends that stand in for the single one, in this order."""
    setup_s: float = 0.0
    """Expected seconds of one of its jobs, whatever is in it."""
    circuit_s: float = 0.0
    """Expected seconds of a circuit."""
    body_s: float = 0.0
    """Expected seconds of its function at one point."""
    rank_s: float = 0.0
    """Expected seconds from its start to the end of the run, along the longest path."""
    map: str | None = None
    """The need whose elements it runs over, if any."""
    over: tuple[str, ...] = ()
    """Axes it collects."""
    partial: bool = False
    """Whether it runs although points of its needs failed."""
    attempts: int = 1
    """Tries of its function before a failure is final, at least 1."""
    job_attempts: int = 1
    """Tries of its jobs, at least 1."""
    timeout: float | None = None
    """Longest run time of one point in seconds, or None."""
    calls: int | None = None
    """Most quantum calls one point may make, or None."""
    pyplot: bool = False
    """Whether it touches pyplot, which is not made for threads."""

    @property
    def backend(self) -> str:
        """The one backend it uses, or the first, or ``""``."""
        return self.backends[0] if self.backends else ""

    @property
    def quantum(self) -> bool:
        """Whether its value comes from a backend."""
        return self.kind in ("sample", "estimate")


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before it starts."""

    name: str
    steps: tuple[StepPlan, ...]
    """In topological order."""
    axes: Mapping[str, tuple[Any, ...]]
    """Values of every axis known before the run, ``backend`` included."""
    units: Mapping[str, str | None] = field(default_factory=dict)
    """Unit of each axis that has one."""
    shots: int | None = None
    """Shots the run was asked for, for steps that name neither shots nor precision."""
    precision: float | None = None
    """Precision the run was asked for, likewise."""
    usual_shots: int = 1024
    """Shots of sample steps where nobody names any."""
    policy: Policy = "balanced"
    """What the choice of backends and the size of jobs aim at."""
    mode: Mode = "job"
    """How its jobs are sent to devices that have several ways."""
    deadline: float | None = None
    """Seconds after its start in which the run has to have ended."""
    budget: Money | None = None
    """Most that the run may cost."""
    most_points: int = MOST_POINTS
    """Points that all its steps may have, with those of axes known only later."""

    def accuracy(
        self, kind: str, options: Mapping[str, Any]
    ) -> tuple[int | None, float | None]:
        """Shots and precision of PUBs that bring none.

        The innermost level that names one of them decides both: the step, then the run.

        Examples
        --------
        >>> Plan("p", (), {}, precision=0.01).accuracy("estimate", {"shots": 100})
        (100, None)
        >>> Plan("p", (), {}, precision=0.01).accuracy("sample", {})
        (1024, None)
        """
        run = {"shots": self.shots, "precision": self.precision}
        levels: tuple[Mapping[str, Any], ...] = (options, run)
        for level in levels:
            shots, precision = level.get("shots"), level.get("precision")
            if shots is not None or (kind == "estimate" and precision is not None):
                return shots, precision
        return (self.usual_shots if kind == "sample" else None), None

    def behind(self, name: str) -> frozenset[str]:
        """Every step that a step waits for, directly or through others.

        Examples
        --------
        >>> a = StepPlan("a", "step", (), (), ())
        >>> b = StepPlan("b", "step", (), (), ("a",))
        >>> c = StepPlan("c", "step", (), (), ("b",))
        >>> sorted(Plan("p", (a, b, c), {}).behind("c"))
        ['a', 'b']
        """
        found: set[str] = {name}
        # In topological order, so that one pass backwards meets them all.
        for step in reversed(self.steps):
            if step.name in found:
                found.update(step.needs)
        return frozenset(found - {name})

    def sentence(self, step: StepPlan) -> str:
        """How often a step runs, spelled out.

        Examples
        --------
        >>> counts = StepPlan("counts", "sample", ("delay", "backend"), (), (),
        ...                   backends=("aer", "fake_lima"))
        >>> plan = Plan("t1", (counts,),
        ...             {"delay": (0, 1, 2), "backend": ("aer", "fake_lima")})
        >>> plan.sentence(counts)
        'counts: delay 3 × backend 2 = 6 points in 2 jobs'
        """
        unknown = [d for d in step.dims if d not in self.axes]
        if unknown:
            return f"{step.name}: one point for each element of {' × '.join(unknown)}"
        sizes = {name: len(values) for name, values in self.axes.items()}
        points = prod(shape_of(step.dims, sizes))
        product = " × ".join(f"{d} {sizes[d]}" for d in step.dims)
        text = f"{step.name}: {product} = {points} points" if product else step.name
        if not step.quantum:
            return text
        jobs = len(step.backends)
        end = f"{jobs} job" + ("s" if jobs > 1 else "")
        return f"{text} in {end}" if product else f"{text}: {end}"
