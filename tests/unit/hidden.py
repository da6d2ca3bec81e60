"""Runs scripts where the package cannot be imported, and keeps what they gave."""

from __future__ import annotations

import pickle
import runpy
import sys
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """A value without arrays and results: counts, lists and numbers."""
    if hasattr(value, "data") and hasattr(value.data, "keys"):
        return {
            name: part.get_counts() if hasattr(part, "get_counts") else part.tolist()
            for name, part in value.data.items()
        }
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "num_qubits"):
        return value.num_qubits
    return value.tolist() if hasattr(value, "tolist") else value


def run(path: str) -> dict[str, list[Any]]:
    """Values of a script's points, by step."""
    names = runpy.run_path(path)
    values = (names.get("main_") or names["main"])()
    return {
        step: [plain(v) for v in points.values()] for step, points in values.items()
    }


if __name__ == "__main__":
    sys.modules["quantumflow_lab"] = None  # type: ignore[assignment]  # imports of it fail
    out, *paths = sys.argv[1:]
    Path(out).write_bytes(pickle.dumps({path: run(path) for path in paths}))
