"""The words for states, kinds, sizes and times, shared by every form of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Snapshot = Mapping[str, Any]
"""What the runner tells of a run; see ``docs/widgets.md`` for its fields."""

MARKS = {
    "waiting": "○",
    "running": "◐",
    "done": "✓",
    "failed": "✕",
    "skipped": "↷",
    "cancelled": "⊘",
    "partial": "◑",
    "paused": "‖",
}
"""One mark for each state of a step or run; the word always stands beside it."""

ENDED = frozenset({"done", "failed", "cancelled", "paused"})
"""States in which a run stays."""


def mark(state: str) -> str:
    """The mark of a state."""
    return MARKS.get(state, "○")


def duration(seconds: float | None) -> str:
    """Time to about three digits.

    Examples
    --------
    >>> [duration(s) for s in (None, 0.0042, 0.31, 3.14, 75.2, 4000)]
    ['', '4 ms', '0.31 s', '3.1 s', '1 min 15 s', '1 h 06 min']
    """
    if seconds is None:
        return ""
    if seconds < 0.0995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def dims(step: Mapping[str, Any]) -> str:
    """The axes of a step.

    Examples
    --------
    >>> dims({"dims": [["delay", 21], ["qubit", 3]]})
    'delay 21 × qubit 3'
    """
    return " × ".join(f"{name} {size}" for name, size in step.get("dims") or ())


def done_of(step: Mapping[str, Any]) -> tuple[int, int]:
    """Points done, and points in all."""
    counts = step.get("counts") or {}
    return int(counts.get("done", 0)), int(step.get("total") or 0)


def ago(seconds: float) -> str:
    """An age in one unit.

    Examples
    --------
    >>> [ago(s) for s in (2, 59, 150, 3600 * 5, 86400 * 3)]
    ['just now', 'just now', '3 min ago', '5 h ago', '3 d ago']
    """
    if seconds < 60:
        return "just now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{math.ceil(seconds / size)} {unit} ago"
    raise AssertionError("a minute is the smallest unit")


def cached(step: Mapping[str, Any]) -> str:
    """What a step took of other runs, or nothing.

    Examples
    --------
    >>> taken = {"count": 3, "name": "t1", "age": 150}
    >>> cached({"total": 3, "cached": taken})
    'cached · run t1 · 3 min ago'
    >>> cached({"total": 21, "cached": taken})
    '3 of 21 cached · run t1 · 3 min ago'
    >>> cached({"total": 1, "calls": 80, "cached": taken})
    '3 of 80 cached · run t1 · 3 min ago'
    >>> part = {"found": 400, "asked": 1000, "unit": "shots"}
    >>> cached({"total": 1, "cached": {**taken, "count": 1, "part": part}})
    '400 of 1,000 shots cached · run t1 · 3 min ago'
    """
    known = step.get("cached")
    if not known:
        return ""
    count, total = int(known["count"]), step.get("calls") or step.get("total") or 0
    head = "cached" if count >= total else f"{count:,} of {total:,} cached"
    if part := known.get("part"):
        head = _in_part(part, head if count < total else "")
    return f"{head} · run {known['name']} · {ago(float(known['age']))}"


def _in_part(part: Mapping[str, Any], points: str) -> str:
    """What was there of results that had to be completed."""
    if "found" not in part:
        return points or "partly cached"
    said = f"{part['found']:,} of {part['asked']:,} {part['unit']}"
    return f"{points}, {said} of them" if points else f"{said} cached"


def kept(step: Mapping[str, Any]) -> str:
    """What a step has of an earlier run of its workflow, or nothing.

    Examples
    --------
    >>> kept({"total": 3, "kept": {"count": 3, "number": 12, "age": 150}})
    'kept · run 12 · 3 min ago'
    >>> kept({"total": 21, "kept": {"count": 3, "number": None, "age": 5}})
    '3 of 21 kept · just now'
    """
    known = step.get("kept")
    if not known:
        return ""
    count, total = int(known["count"]), step.get("total") or 0
    head = "kept" if count >= total else f"{count:,} of {total:,} kept"
    run = "" if known["number"] is None else f" · run {known['number']}"
    return f"{head}{run} · {ago(float(known['age']))}"


def taken(step: Mapping[str, Any]) -> str:
    """What a step did not have to run, and from where it is."""
    return ", ".join(part for part in (kept(step), cached(step)) if part)


def condition(step: Mapping[str, Any], state: str) -> str:
    """The state of a step in one word: ``kept`` or ``cached`` where all of it is.

    Examples
    --------
    >>> whole = {"total": 3, "kept": {"count": 3, "number": 12, "age": 150}}
    >>> condition(whole, "done"), condition({**whole, "total": 4}, "done")
    ('kept', 'done')
    """
    first = taken(step).partition(" ")[0]
    return first if state == "done" and first in ("kept", "cached") else state


def points(steps: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Points done of all, over several steps."""
    pairs = [done_of(step) for step in steps]
    return sum(done for done, _ in pairs), sum(total for _, total in pairs)


def plural(n: int, word: str) -> str:
    """A count with its noun: ``1 point``, ``3 points``."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def cost(snapshot: Snapshot) -> str:
    """What the run has cost so far, or nothing."""
    known = snapshot.get("cost") or {}
    seconds, money = known.get("machine_s"), known.get("money")
    time = f"{duration(seconds)} machine time" if seconds else ""
    return ", ".join(part for part in (time, money) if part)


def money(amount: float, currency: str) -> str:
    """An amount with its currency; each currency stands for itself.

    Examples
    --------
    >>> money(1234.5, "USD"), money(0.00123, "EUR"), money(0.0, "USD")
    ('1,234.50 USD', '0.0012 EUR', '0.00 USD')
    """
    number = f"{amount:.2g}" if 0 < abs(amount) < 0.01 else f"{amount:,.2f}"
    return f"{number} {currency}"
