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


def fetches(backend: BackendV2, kind: Kind) -> bool:
    """Whether what an earlier process has sent can be fetched.

    Only where its results mean the same if the circuits are transpiled otherwise now,
    as after a calibration: bits by name, and values that the provider computed. Where
    circuits are run in a form of ours, bits go by the qubits that were chosen then.

    Parameters
    ----------
    backend
        Any backend.
    kind
        What the job does.
    """
    if not isinstance(backend, PrimitiveBackend):
        return False
    return backend.finds_jobs(kind)


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
