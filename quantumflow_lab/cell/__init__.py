"""A cell: read without running it, then bound to the values of the notebook."""

from __future__ import annotations

from quantumflow_lab.cell.cell import Bound, bind, no_steps, read_cell, substitute

__all__ = ["Bound", "bind", "no_steps", "read_cell", "substitute"]
