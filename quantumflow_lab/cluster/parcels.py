"""What travels to a cluster and back, as bytes.

Pickle, so only between a lab and workers that trust each other: ``docs/cluster.md``.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import cloudpickle

from quantumflow_lab.errors import StepFailed
from quantumflow_lab.ports import JobEvent

Key = tuple[int, int]
_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True)
class Point:
    """One attempt of one point of a step."""

    unit: int
    attempt: int
    run: str
    step: str
    point: int
    backend: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """Unit and attempt."""
        return self.unit, self.attempt


@dataclass(frozen=True)
class Group:
    """Points of one step, which run one after the other in a thread of a worker."""

    sender: int
    """Number of the client that sent it; its keys are its own."""
    number: int
    code: str
    """Names the function."""
    payload: bytes | None
    """The function and what its points share, unless the worker has them."""
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Answer:
    """How one point ended."""

    unit: int
    attempt: int
    value: bytes | None
    error: bytes | None
    metrics: tuple[tuple[str, float], ...] = ()
    outputs: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> Key:
        """Unit and attempt."""
        return self.unit, self.attempt


@dataclass(frozen=True)
class Answers:
    """What came of a group: a point without an answer has not run to its end."""

    answers: tuple[Answer, ...]
    seconds: float
    """How long it took the worker."""
    unknown: bool = False
    """True if the worker has not got the function, and needs the group with it."""
    broken: bytes | None = None
    """Why the function cannot be used there."""


@dataclass(frozen=True)
class Part:
    """Some members of a job, for a simulator in a child process of a worker."""

    sender: int
    number: int
    request: bytes
    """The pickled ``JobRequest``."""
    spec: bytes | None
    """The pickled ``BackendSpec``, unless the worker has it."""
    key: str
    """Content key of the backend."""


@dataclass(frozen=True)
class PartEnded:
    """What became of it: the events of a job, with ``Settled`` or ``Lost`` the last."""

    events: tuple[JobEvent, ...]
    unknown: bool = False
    """True if the worker has not got the backend."""


def pack(value: object) -> bytes:
    """Pickle a value; what a notebook defines travels by value.

    Raises
    ------
    Exception
        Whatever a value raises that cannot be pickled.
    """
    try:
        data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError):
        data = b"__main__"
    # Plain pickle is faster, but names what the notebook defines, which is not there.
    return cloudpickle.dumps(value) if b"__main__" in data else data


def unpack(data: bytes) -> Any:
    """The value again."""
    return pickle.loads(data)  # noqa: S301 - a cluster that is trusted, by contract


def pack_error(error: BaseException) -> bytes:
    """Pickle an error with its traceback; one that cannot travel leaves its words."""
    from tblib import pickling_support

    error.__traceback__ = _below_ours(error.__traceback__)
    try:
        pickling_support.install(error)
        data = pack(error)
        unpack(data)
    except Exception:  # noqa: BLE001 - foreign code
        words = f"{type(error).__name__}: {error}"
        told = StepFailed(f"{words} (an error that cannot travel from a cluster)")
        told.__traceback__ = error.__traceback__
        pickling_support.install(told)
        return pack(told)
    return data


def _below_ours(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the first frame of the user's on."""
    start = trace
    while start is not None:
        module = start.tb_frame.f_globals.get("__name__") or ""
        if module.partition(".")[0] != _PACKAGE:
            return start
        start = start.tb_next
    return trace
