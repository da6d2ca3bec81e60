"""Looking at what a lab has kept, in a notebook: widgets that ask the lab."""

from quantumflow_lab.explore.backends import Backends
from quantumflow_lab.explore.compare import Compare
from quantumflow_lab.explore.dashboard import Dashboard

__all__ = ["Backends", "Compare", "Dashboard"]
