"""What steps may return."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qiskit.circuit import QuantumCircuit

from quantumflow_lab.errors import NotAPub, StepFailed


def check_returned(kind: str, step: str, value: Any) -> None:
    """Refuse what cannot be used where it is made, not where it is used.

    Raises
    ------
    NotAPub
        With what to return; ``None`` is a forgotten ``return``.
    StepFailed
        If it can be read once only, such as a generator.
    """
    # Not every iterator: a file or an object of the user's own may be more than that.
    if isinstance(value, Iterator) and type(value).__module__ == "builtins":
        raise StepFailed(
            f"step '{step}' returned {_shown(value)}, which can be read only once: "
            "return a list",
            step=step,
        )
    if kind == "circuit" and not _is_circuits(value):
        raise NotAPub(
            f"circuit step '{step}' returned {_shown(value)}: return a QuantumCircuit, "
            "or a list or dict of them",
            step=step,
        )
    if kind == "observable" and value is None:
        raise NotAPub(
            f"observable step '{step}' returned None: return an observable, or a list "
            "or dict of them",
            step=step,
        )


def _is_circuits(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return all(map(_is_circuits, value))
    return isinstance(value, QuantumCircuit)


def _shown(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
