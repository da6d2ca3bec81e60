"""A run as text: a stable one for saved notebooks, a live line for terminals."""

from __future__ import annotations

from typing import Any

from quantumflow_lab.widgets.escape import cut, one_line
from quantumflow_lab.widgets.words import (
    ENDED,
    Snapshot,
    dims,
    done_of,
    duration,
    mark,
    points,
    taken,
)

BAR = 12
"""Cells of the progress bar."""


def run_text(snapshot: Snapshot) -> str:
    """A run in plain text that is the same each time the same run is made.

    Holds no times, addresses or run numbers but those of kept and cached steps, and no
    counts before the end, so that ``nbval`` can compare it.

    Examples
    --------
    >>> step = {"name": "counts", "kind": "sample", "backend": "aer", "total": 2,
    ...         "dims": [["theta", 2]], "counts": {"done": 2}, "state": "done"}
    >>> print(run_text({"name": "bell", "state": "done", "steps": [step]}))
    bell · done
      ✓ counts  sample on aer · theta 2  2/2 done
    """
    name = one_line(str(snapshot.get("name", "")))
    state = str(snapshot.get("state", "running"))
    left = state == "unfinished"
    ended = left or state in ENDED
    steps = snapshot.get("steps") or ()
    rows = [_step_cells(step, ended) for step in steps]
    lines = [f"{name} · {state}", *_aligned(rows)]
    errors = [_error_line(step) for step in steps if ended and step.get("error")]
    advice = [f"  {one_line(str(snapshot['message']), 200)}"] if left else []
    return "\n".join([*lines, *errors, *advice])


def progress_line(snapshot: Snapshot, width: int = 80) -> str:
    """One line for a terminal, no longer than `width` characters.

    Examples
    --------
    >>> counts = {"name": "counts", "backend": "fake_manila", "total": 250,
    ...           "counts": {"done": 126}, "state": "running", "phase": "running"}
    >>> progress_line({"name": "bell", "state": "running", "elapsed": 3.1,
    ...                "steps": [counts]})
    'bell  ██████░░░░░░ 126/250 points · counts running on fake_manila · 3.1 s'
    """
    done, total = points(snapshot.get("steps") or ())
    filled = BAR * done // total if total else 0
    bar = "█" * filled + "░" * (BAR - filled)
    name = one_line(str(snapshot.get("name", "")), 24)
    head = f"{name}  {bar} {done}/{total} points"
    tail = duration(float(snapshot.get("elapsed") or 0))
    room = width - len(head) - len(tail) - 6
    middle = one_line(_doing(snapshot), room) if room > 1 else ""
    return cut(" · ".join(p for p in (head, middle, tail) if p), width)


def _doing(snapshot: Snapshot) -> str:
    state = str(snapshot.get("state", "running"))
    if state in ENDED:
        return state
    active = [s for s in snapshot.get("steps") or () if s.get("state") == "running"]
    if not active:
        return str(snapshot.get("message") or "waiting")
    first = active[0]
    where = f" on {first['backend']}" if first.get("backend") else ""
    more = f" and {len(active) - 1} more" if len(active) > 1 else ""
    return f"{first.get('name')} {first.get('phase') or 'running'}{where}{more}"


def _step_cells(step: dict[str, Any], ended: bool) -> tuple[str, str, str, str]:
    where = f" on {step['backend']}" if step.get("backend") else ""
    size = dims(step)
    what = f"{step.get('kind', 'step')}{where}" + (f" · {size}" if size else "")
    name = one_line(str(step.get("name", "")))
    if not ended:
        return "-", name, one_line(what), ""
    done, total = done_of(step)
    state = str(step.get("state", "waiting"))
    found = one_line(taken(step))
    tail = f"{done}/{total} {state}" + (f" · {found}" if found else "")
    return mark(state), name, one_line(what), tail


def _aligned(rows: list[tuple[str, str, str, str]]) -> list[str]:
    names = max((len(row[1]) for row in rows), default=0)
    whats = max((len(row[2]) for row in rows), default=0)
    return [
        f"  {icon} {name:<{names}}  {what:<{whats}}  {state}".rstrip()
        for icon, name, what, state in rows
    ]


def _error_line(step: dict[str, Any]) -> str:
    name = one_line(str(step.get("name", "")))
    return f"  {name}: {one_line(str(step['error']), 200)}"
