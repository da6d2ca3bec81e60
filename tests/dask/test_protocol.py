"""Dask's own demands on a scheduler, and its collections."""

from __future__ import annotations

from dask.utils_test import GetFunctionTestMixin

from quantumflow_lab import graph


class TestAsDaskDemands(GetFunctionTestMixin):
    get = staticmethod(graph.get)
