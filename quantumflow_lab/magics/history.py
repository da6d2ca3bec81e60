"""Which runs ``history`` is to list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.errors import MagicLineError, did_you_mean


@dataclass(frozen=True, slots=True)
class Filter:
    """One option of ``history``."""

    value: str
    """What it takes, for messages."""
    help: str


FILTERS = {
    "--state": Filter(
        "STATE", "running, done, failed, paused, cancelled or unfinished"
    ),
    "--backend": Filter("B", "that asked for this backend"),
    "--since": Filter("3d", "begun in the last minutes, hours or days"),
    "--find": Filter("TEXT", "with this in the text of the cell"),
    "--limit": Filter("N", "most rows"),
}

_MOST_ROWS = 1_000_000


def history_filters(words: Sequence[str]) -> dict[str, Any]:
    """The arguments of :meth:`quantumflow_lab.lab.Lab.runs` that words stand for.

    Raises
    ------
    MagicLineError
        With what to type instead.

    Examples
    --------
    >>> history_filters(["t1", "--since", "3d", "--limit", "5"])
    {'name': 't1', 'since': '3d', 'limit': 5}
    """
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            if "name" in found:
                raise MagicLineError(f"history takes one name, not '{word}' as well")
            found["name"] = word
            continue
        if word not in FILTERS:
            hint = did_you_mean(word, FILTERS)
            raise MagicLineError(f"history has no option {word}{hint}")
        if not rest:
            raise MagicLineError(f"write {word} {FILTERS[word].value}")
        found[word.removeprefix("--")] = rest.pop(0)
    if "limit" in found:
        found["limit"] = _whole(found["limit"])
    return found


def _whole(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_ROWS:
        raise MagicLineError(
            f"--limit takes a whole number from 1 to {_MOST_ROWS:,}, not '{text}'"
        )
    return int(text)
