"""What a script imports, and how import statements are ordered."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping, Sequence

from quantumflow_lab.export.values import WIDTH

NEEDED = {
    "deepcopy": "from copy import deepcopy",
    "blake2b": "from hashlib import blake2b",
    "product": "from itertools import product",
    "Real": "from numbers import Real",
    "Path": "from pathlib import Path",
    "SimpleNamespace": "from types import SimpleNamespace",
    "np": "import numpy as np",
    "generate_preset_pass_manager": (
        "from qiskit.transpiler import generate_preset_pass_manager"
    ),
    "BaseSamplerV2": "from qiskit.primitives import BaseSamplerV2",
    "BackendSamplerV2": "from qiskit.primitives import BackendSamplerV2",
    "BaseEstimatorV2": "from qiskit.primitives import BaseEstimatorV2",
    "BackendEstimatorV2": "from qiskit.primitives import BackendEstimatorV2",
    "SamplerPub": "from qiskit.primitives.containers.sampler_pub import SamplerPub",
    "EstimatorPub": (
        "from qiskit.primitives.containers.estimator_pub import EstimatorPub"
    ),
    "ExactEstimator": (
        "from qiskit_aer.primitives import EstimatorV2 as ExactEstimator"
    ),
    "IBMBackend": "from qiskit_ibm_runtime import IBMBackend",
    "RuntimeSampler": "from qiskit_ibm_runtime import SamplerV2 as RuntimeSampler",
    "RuntimeEstimator": (
        "from qiskit_ibm_runtime import EstimatorV2 as RuntimeEstimator"
    ),
}
"""What to import for a name that our text uses."""


def uses(text: str, name: str) -> bool:
    """Whether a text uses a name, other than as an attribute."""
    return re.search(rf"(?<![.\w]){name}\b", text) is not None


def sorted_imports(ours: set[str], theirs: Mapping[str, None]) -> str:
    """Import statements: the standard library's first, one statement a module."""
    froms: dict[str, set[str]] = {}
    lines: dict[str, None] = {}
    for line in (*ours, *theirs):
        match ast.parse(line).body:
            case [ast.ImportFrom(module=str(module), names=names, level=0)]:
                for each in names:
                    if each.asname is None:
                        froms.setdefault(module, set()).add(each.name)
                    else:
                        lines[f"from {module} import {each.name} as {each.asname}"] = (
                            None
                        )
            case _:
                lines[line] = None
    lines |= dict.fromkeys(_from(m, sorted(n, key=_kind)) for m, n in froms.items())
    groups: tuple[list[str], list[str]] = ([], [])
    for line in lines:
        groups[_top(line) not in sys.stdlib_module_names].append(line)
    return "\n\n".join("\n".join(sorted(g, key=_order)) for g in groups if g)


def _kind(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _from(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return line
    inside = "".join(f"    {name},\n" for name in names)
    return f"from {module} import (\n{inside})"


def _top(line: str) -> str:
    return line.split()[1].partition(".")[0]


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line.lower()
