"""Dask's scheduler protocol on the Rust scheduler.

``x.compute(scheduler=qf.graph.get)`` runs a Dask collection with it; a plain mapping of
keys to tasks needs no Dask at all. ``docs/graph.md`` tells how it works and how fast.

>>> from operator import add, mul
>>> graph = {"a": 2, "b": (add, "a", 1), "c": (mul, "a", "b")}
>>> get(graph, ["c", ["a", "b"]])
(6, (2, 3))
"""

from __future__ import annotations

from quantumflow_lab.graph.protocol import get

__all__ = ["get"]
