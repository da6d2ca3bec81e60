"""Names of points that last: by their axis values, the same in every process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from quantumflow_lab.errors import NotStorable
from quantumflow_lab.fingerprint import fingerprint
from quantumflow_lab.runner.live import LiveRun, StepState


def point_label(live: LiveRun, state: StepState, point: int) -> str:
    """One point by its axis values, so that adding a point renames no other."""
    index = live.index_of(state, point)
    names = zip(state.plan.dims, index, strict=True)
    return ", ".join(f"{name}={axis_labels(live, name)[i]}" for name, i in names)


def axis_labels(live: LiveRun, name: str) -> list[str]:
    """Values of an axis as names that last: the same in every process, none twice."""
    if name not in live.labels:
        live.labels[name] = lasting_labels(live.axes[name])
    return live.labels[name]


def lasting_labels(values: Sequence[Any]) -> list[str]:
    """Names of the values of an axis, none twice."""
    seen: Counter[str] = Counter()
    labels = []
    for i, value in enumerate(values):
        label = _lasting(value, i)
        seen[label] += 1
        labels.append(label if seen[label] == 1 else f"{label}#{seen[label]}")
    return labels


def _lasting(value: Any, position: int) -> str:
    """A value by what it is; one that cannot be told from its likes by its position."""
    if isinstance(value, bool | int | float | complex | str):
        return repr(value)
    try:
        return fingerprint(value)
    except (TypeError, ValueError, NotStorable):
        return f"[{position}]"
