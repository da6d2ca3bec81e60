"""Matplotlib figures of a run: each function takes rows or values, returns a figure.

Axes carry quantity and unit, uncertainty is drawn where it is known, and a backend has
the same colour in every figure.
"""

from quantumflow_lab.charts.cost import cost
from quantumflow_lab.charts.counts import counts
from quantumflow_lab.charts.history import history
from quantumflow_lab.charts.metrics import metrics
from quantumflow_lab.charts.pareto import pareto
from quantumflow_lab.charts.quote import quote
from quantumflow_lab.charts.spend import spend
from quantumflow_lab.charts.sweep import sweep
from quantumflow_lab.charts.timeline import timeline

__all__ = [
    "cost",
    "counts",
    "history",
    "metrics",
    "pareto",
    "quote",
    "spend",
    "sweep",
    "timeline",
]
