"""Steps and simulators on a Dask cluster; ``docs/cluster.md`` tells what travels.

Dask moves bytes and runs what it is given where it is told to. What runs next, and what
is tried again, is for the scheduler of the lab alone.
"""

from __future__ import annotations

from quantumflow_lab.cluster.finding import find_cluster

__all__ = ["find_cluster"]
