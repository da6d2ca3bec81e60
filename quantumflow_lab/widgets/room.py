"""What goes to the browser at once of what a lab has kept: no more than a frame.

A state of usual size goes as it is. Of a larger one the longest lists lose their ends
and long texts theirs; the view says so, and the static forms have all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from quantumflow_lab.widgets.frame import FRAME

FEW = 8
"""Rows that a list keeps in any case."""
LETTERS = 300
"""Letters that a text keeps, but for those that :data:`WHOLE` names."""
WHOLE = ("html", "sql", "line")
"""Fields whose texts would be worth nothing without their end."""
MAP = ("places", "qubits", "pairs")
"""Lists of a device that are of use only together."""


def fitted(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that fits into one message, and what is not in it.

    Parameters
    ----------
    state
        Plain JSON; see ``docs/explore.md``.

    Returns
    -------
    dict
        With ``omitted``: what is left out, in words.

    Examples
    --------
    >>> rows = [{"name": f"run {i}", "error": "no" * 50} for i in range(5000)]
    >>> found = fitted({"view": "dashboard", "charts": {"runs": rows}})
    >>> len(found["charts"]["runs"]), found["omitted"]
    (1250, ['3,750 of 5,000 rows of runs'])
    """
    found: dict[str, Any] = {**state, "omitted": []}
    if _size(found) <= FRAME:
        return found
    found = _shortened(found)
    _without_maps(found)
    _without_ends(found)
    return found


def _size(found: Any) -> int:
    return len(json.dumps(found, default=str))


def _shortened(value: Any, name: str = "") -> Any:
    """A copy without the ends of long texts, and with four digits of numbers."""
    match value:
        case str() if len(value) > LETTERS and name not in WHOLE:
            return f"{value[: LETTERS - 1]}…"
        case float():
            return float(f"{value:.4g}") if name in _MEASURED else value
        case dict():
            whole = name if name in WHOLE else None
            return {key: _shortened(v, whole or key) for key, v in value.items()}
        case list() | tuple():
            return [_shortened(each, name) for each in value]
    return value


_MEASURED = ("t1", "t2", "readout", "readout_s", "error", "gate_s", "places")


def _without_maps(found: dict[str, Any]) -> None:
    """The last devices lose their maps; they keep their names and what they are."""
    gone = []
    for device in reversed(found.get("devices") or []):
        if _size(found) <= FRAME:
            break
        device.update({key: [] for key in MAP})
        gone.append(str(device["name"]))
    if gone:
        found["omitted"].append(f"the maps of {', '.join(reversed(gone))}")


def _without_ends(found: dict[str, Any]) -> None:
    """The longest list loses its second half, again and again."""
    lists = [(name, rows, len(rows)) for name, rows in _lists(found)]
    while _size(found) > FRAME:
        name, rows, _ = max(
            lists, key=lambda each: _worth(each[1]), default=("", [], 0)
        )
        if len(rows) <= FEW:
            break
        del rows[max(len(rows) // 2, FEW) :]
    for name, rows, length in lists:
        if length > len(rows):
            left = length - len(rows)
            found["omitted"].append(f"{left:,} of {length:,} rows of {name}")


def _worth(rows: list[Any]) -> int:
    """What a cut of it would save."""
    return _size(rows) if len(rows) > FEW else 0


def _lists(value: Any, name: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Every list in the state, by the name of its field or the title of its section."""
    match value:
        case dict():
            for key, each in value.items():
                if key not in (*MAP, "omitted"):
                    yield from _lists(each, str(value.get("title") or key))
        case list():
            yield name, value
            for each in value:
                if isinstance(each, dict):
                    yield from _lists(each, name)
