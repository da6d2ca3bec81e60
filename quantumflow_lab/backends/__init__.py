"""Backends: what is known of them, what runs on them, and how.

The only place that executes Qiskit.
"""

from __future__ import annotations

from quantumflow_lab.backends.prepare import circuit_count
from quantumflow_lab.backends.primitive import PrimitiveBackend
from quantumflow_lab.backends.pubs import Defaults, normalise, shots_of
from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.backends.spec import BackendSpec

__all__ = [
    "BackendSpec",
    "Defaults",
    "PrimitiveBackend",
    "Registry",
    "circuit_count",
    "normalise",
    "shots_of",
]
