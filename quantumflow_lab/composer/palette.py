"""What there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quantumflow_lab.composer.gates import GATES
from quantumflow_lab.composer.library import library_circuits

KINDS = (
    ("circuit", "Circuit", "makes circuits"),
    ("observable", "Observable", "what to estimate"),
    ("sample", "Sample", "counts outcomes"),
    ("estimate", "Estimate", "expectation values"),
    ("step", "Python", "any Python code"),
)


def palette(circuits: Mapping[str, Any], backends: Sequence[str]) -> dict[str, Any]:
    """The trait ``palette``.

    Parameters
    ----------
    circuits
        Those of the notebook, by the name of their variable.
    backends
        Names that the lab knows.
    """
    return {
        "kinds": [{"kind": k, "title": t, "hint": hint} for k, t, hint in KINDS],
        "circuits": [*library_circuits(), *map(_mine, circuits.items())],
        "gates": [
            {
                "name": each.name,
                "title": each.title,
                "qubits": each.qubits,
                "parameters": each.parameters,
            }
            for each in GATES.values()
        ],
        "backends": list(backends),
    }


def _mine(item: tuple[str, Any]) -> dict[str, Any]:
    name, circuit = item
    parts = [
        _count(circuit.num_qubits, "qubit"),
        _count(circuit.size(), "gate"),
        *([_count(circuit.num_parameters, "parameter")] * bool(circuit.num_parameters)),
    ]
    summary = ", ".join(parts)
    fixed = {"id": name, "group": "notebook", "title": name, "parameters": []}
    return {**fixed, "summary": summary}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
