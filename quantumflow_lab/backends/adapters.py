"""The adapter that speaks to a backend as it wants to be spoken to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.backends.primitive_adapter import PrimitiveAdapter

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

    from quantumflow_lab.backends.isa import Kept
    from quantumflow_lab.backends.pubs import Kind

Adapter: TypeAlias = RunAdapter | PrimitiveAdapter


def fetches(backend: BackendV2, kind: Kind, *, heard: bool) -> bool:
    """Whether a job that was sent can be fetched.

    Parameters
    ----------
    backend
        Any backend.
    kind
        What the job does.
    heard
        Whether its id is known; else it can only be found by its tag.
    """
    if isinstance(backend, PrimitiveBackend):
        return backend.finds_jobs(kind)
    retrieves = getattr(backend, "retrieves", True)
    return heard and retrieves and callable(getattr(backend, "retrieve_job", None))


def adapter_for(backend: BackendV2, kept: Kept | None = None) -> Adapter:
    """The adapter of a backend.

    Parameters
    ----------
    backend
        Any backend.
    kept
        Where ISA circuits outlive the process.
    """
    if isinstance(backend, PrimitiveBackend):
        return PrimitiveAdapter(backend, kept)
    return RunAdapter(backend, kept)
