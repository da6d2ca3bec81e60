"""QuantumFlow Lab: hybrid quantum-classical workflows in a notebook.

``%load_ext quantumflow_lab`` gives the ``%%qflow`` cell; the names below are what its
body and plain Python use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from quantumflow_lab import graph
from quantumflow_lab.backends import PrimitiveBackend
from quantumflow_lab.cell.declare import (
    axis,
    circuit,
    estimate,
    observable,
    sample,
    step,
)
from quantumflow_lab.cell.functions import workflow
from quantumflow_lab.grid import Failed, Grid
from quantumflow_lab.lab import Lab, lab
from quantumflow_lab.ports import Limits
from quantumflow_lab.price import Price
from quantumflow_lab.primitives import estimator, sampler
from quantumflow_lab.reading import read_circuit, read_circuits
from quantumflow_lab.run import Run
from quantumflow_lab.runner.context import log
from quantumflow_lab.workers import EnvironmentBackend
from quantumflow_lab.workflow import Workflow

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from quantumflow_lab.composer import Composer
    from quantumflow_lab.connected import connect, disconnect
    from quantumflow_lab.explore import Backends, Compare, Dashboard

__all__ = [
    "Backends",
    "Compare",
    "Composer",
    "Dashboard",
    "EnvironmentBackend",
    "Failed",
    "Grid",
    "Lab",
    "Limits",
    "Price",
    "PrimitiveBackend",
    "Run",
    "Workflow",
    "axis",
    "circuit",
    "connect",
    "disconnect",
    "estimate",
    "estimator",
    "graph",
    "lab",
    "log",
    "observable",
    "read_circuit",
    "read_circuits",
    "sample",
    "sampler",
    "step",
    "workflow",
]


_LATER = {
    "Backends": "explore",
    "Compare": "explore",
    "Composer": "composer",
    "Dashboard": "explore",
    "connect": "connected",
    "disconnect": "connected",
}
"""Where views are that a cell has no use for, and what is for services."""


if not TYPE_CHECKING:  # or any name would pass a type check

    def __getattr__(name: str) -> Any:
        """Import a name of :data:`_LATER` when it is asked for."""
        if name in _LATER:
            return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%load_ext quantumflow_lab``."""
    from quantumflow_lab.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%unload_ext quantumflow_lab``."""
    from quantumflow_lab.magics import unload

    unload(shell)
