"""The adapter that speaks to a backend as it wants to be spoken to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.backends.primitive_adapter import PrimitiveAdapter

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

    from quantumflow_lab.backends.isa import Kept

Adapter: TypeAlias = RunAdapter | PrimitiveAdapter


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
