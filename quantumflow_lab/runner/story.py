"""What happened in a run, in words: the newest of it, for who watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST = 60
"""Entries that are kept. What happens again is told once, with how often."""
WORDS = 240
"""Letters of an entry."""


@dataclass(slots=True)
class Happening:
    """One thing that happened, perhaps several times."""

    kind: str
    """``submitted``, ``queued``, ``settled``, ``retried``, ``moved``, ``rests``, …"""
    words: str
    first: float
    """Seconds since 1970, the first time."""
    latest: float
    times: int = 1


@dataclass(slots=True)
class Story:
    """The newest happenings of a run.

    Examples
    --------
    >>> story = Story()
    >>> for now in (1.0, 2.0):
    ...     story.tell("retried", "counts: tried again", now)
    >>> story.told(0.0)
    [{'kind': 'retried', 'words': 'counts: tried again', 'at': 2.0, 'first': 1.0, \
'times': 2}]
    """

    counts: Counter[str] = field(default_factory=Counter)
    """How often each kind was told, of all that happened."""
    _entries: dict[Hashable, Happening] = field(default_factory=dict)
    """The newest last."""

    def tell(
        self, kind: str, words: str, now: float, *, same: Hashable | None = None
    ) -> None:
        """Something happened.

        Parameters
        ----------
        kind
            In one word.
        words
            For a person, one line.
        now
            Seconds since 1970.
        same
            What makes it the same as an earlier happening of its kind; its words if
            that is None.
        """
        self.counts[kind] += 1
        key = kind, words if same is None else same
        known = self._entries.pop(key, None)
        line = " ".join(words.split())
        line = line if len(line) <= WORDS else line[: WORDS - 1] + "…"
        if known is None:
            known = Happening(kind, line, now, now)
        else:
            known.words, known.latest, known.times = line, now, known.times + 1
        self._entries[key] = known
        if len(self._entries) > MOST:
            del self._entries[next(iter(self._entries))]

    def told(self, started: float) -> list[dict[str, Any]]:
        """The happenings as plain JSON, newest first; times since `started`."""
        return [
            {
                "kind": each.kind,
                "words": each.words,
                "at": round(max(each.latest - started, 0.0), 3),
                "first": round(max(each.first - started, 0.0), 3),
                "times": each.times,
            }
            for each in reversed(self._entries.values())
        ]


def listed(names: Sequence[str]) -> str:
    """Names of steps for a line: at most three of them.

    Examples
    --------
    >>> listed(["a", "b"]), listed(list("abcde"))
    ('a, b', 'a, b, c and 2 more')
    """
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
