"""Where runs are kept: journals that lose nothing, and a DuckDB database from them.

duckdb and pyarrow are imported in the functions that use them: together they take more
than half a second, and ``%load_ext quantumflow_lab`` needs neither.
"""

from quantumflow_lab.store.home import find_home
from quantumflow_lab.store.store import Store

__all__ = ["Store", "find_home"]
