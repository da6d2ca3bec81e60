"""A cluster, and the points of steps that run there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from quantumflow_lab.ports.jobs import JobExecutor


@dataclass(frozen=True, slots=True)
class Room:
    """What a cluster can take at the moment."""

    workers: int
    threads: int
    """Over all workers: jobs that it can run at once."""
    points: int
    """Points of steps that may be out at once. More than threads where they are quick,
    since they travel in groups."""


@dataclass(frozen=True, slots=True)
class Away:
    """One attempt of one point of a step, whose function runs on a cluster."""

    unit: int
    """Scheduler number of the unit."""
    attempt: int
    code: str
    """Names the function, as :meth:`Cluster.learn` was told."""
    run: str
    step: str
    point: int
    """Flat number of the point within the step."""
    backend: str
    """Backend of the step there."""
    arguments: Callable[[], Mapping[str, Any]]
    """Makes what the point does not share with all others; called on any thread."""

    @property
    def key(self) -> tuple[int, int]:
        """Unit and attempt."""
        return self.unit, self.attempt


@dataclass(frozen=True, slots=True)
class Came:
    """How an attempt ended elsewhere."""

    value: Any = None
    error: BaseException | None = None
    """What it raised; ``Stopped`` if it was stopped, ``WorkerLost`` if the worker is
    gone."""
    metrics: Sequence[tuple[str, float]] = ()
    """What it logged, in order."""
    outputs: Sequence[tuple[str, Any]] = ()
    """MIME type and content of what it showed, in order."""


class Cluster(JobExecutor, Protocol):
    """Other machines, which run functions of steps and jobs of simulators.

    What runs next is not theirs to say: each attempt is on one worker, is tried there
    once, and is answered even if that worker dies.
    """

    @property
    def name(self) -> str:
        """What messages call it, such as ``dask at tcp://…``."""

    @property
    def room(self) -> Room:
        """What it can take at the moment."""

    def watch(self, changed: Callable[[Room], None]) -> None:
        """Call back, on any thread, when the room is another."""

    def learn(self, code: str, payload: bytes) -> None:
        """Keep a pickled function and the arguments that all its points share."""

    def forget(self, code: str) -> None:
        """Drop what :meth:`learn` was told."""

    def call(self, away: Away, on_end: Callable[[tuple[int, int], Came], None]) -> None:
        """Run a point. Never raises; its end arrives on any thread."""

    def stop(self, key: tuple[int, int]) -> None:
        """Raise ``Stopped`` in a point, unless it has ended."""
