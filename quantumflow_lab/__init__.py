"""QuantumFlow Lab: hybrid quantum-classical workflows in a notebook.

``%load_ext quantumflow_lab`` gives the ``%%qflow`` cell; the names below are what its
body and plain Python use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

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
    from quantumflow_lab.composer import Composer
    from quantumflow_lab.connected import connect, disconnect
    from quantumflow_lab.explore import Backends, Compare, Dashboard
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


_NAMES = {
    "backends": "PrimitiveBackend",
    "cell.declare": "axis circuit estimate observable sample step",
    "cell.functions": "workflow",
    "composer": "Composer",
    "connected": "connect disconnect",
    "explore": "Backends Compare Dashboard",
    "grid": "Failed Grid",
    "lab": "Lab lab",
    "ports": "Limits",
    "price": "Price",
    "primitives": "estimator sampler",
    "reading": "read_circuit read_circuits",
    "run": "Run",
    "runner.context": "log",
    "workers": "EnvironmentBackend",
    "workflow": "Workflow",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}


class _Package(ModuleType):
    """Imports a name when it is asked for, so that a worker starts without the lab.

    ``lab`` and ``workflow`` stay functions, though there are modules of these names.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "graph":
            return import_module(f"{__name__}.graph")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOME or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


if not TYPE_CHECKING:  # or any name would pass a type check
    sys.modules[__name__].__class__ = _Package


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%load_ext quantumflow_lab``."""
    from quantumflow_lab.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%unload_ext quantumflow_lab``."""
    from quantumflow_lab.magics import unload

    unload(shell)
