"""Events out of words: ``rust/core/src/words.rs``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from quantumflow_lab._words import Choice, EventCode, Reason, Scope
from quantumflow_lab.errors import SchedulerError

if TYPE_CHECKING:
    from typing_extensions import Buffer

Event = tuple[Any, ...]
"""Code and fields; of a definition the last two are lists, of an adoption the last."""

SIZES: dict[int, int] = {
    EventCode.RUN: 3,
    EventCode.LANE: 3,
    EventCode.CLASS: 17,
    EventCode.SEAL: 1,
    EventCode.KNOWN: 1,
    EventCode.BEGAN: 2,
    EventCode.DONE: 2,
    EventCode.FAILED: 4,
    EventCode.PARKED: 2,
    EventCode.UNPARKED: 2,
    EventCode.SENT: 1,
    EventCode.DOUBT: 1,
    EventCode.FOUND: 1,
    EventCode.NOT_FOUND: 1,
    EventCode.SETTLED: 1,
    EventCode.BILL: 2,
    EventCode.CAP: 2,
    EventCode.ANSWER: 2,
    EventCode.CANCEL: 3,
    EventCode.STOPPED: 2,
    EventCode.TICK: 0,
    EventCode.GUARD: 5,
    EventCode.LIMITS: 5,
    EventCode.OTHER: 9,
    EventCode.WEIGHT: 5,
    EventCode.PAUSE: 2,
    EventCode.DEADLINE: 2,
    EventCode.SPENT: 2,
}
CHOICES: dict[int, tuple[int, str, int]] = {
    EventCode.LANE: (3, "up", 2),
    EventCode.FAILED: (3, "reason", len(Reason)),
    EventCode.ANSWER: (2, "choice", len(Choice)),
    EventCode.CANCEL: (1, "scope", len(Scope)),
    EventCode.PAUSE: (2, "paused", 2),
}
"""Fields that are a small choice: position in the event, name, number of choices."""


def read_words(events: Buffer) -> list[int]:
    """Words out of any buffer of signed 64-bit integers or of bytes."""
    view = memoryview(events)
    if view.format == "B":
        if view.nbytes % 8:
            raise SchedulerError(f"{view.nbytes} bytes are not whole 8-byte words")
        return view.cast("q").tolist()
    if view.itemsize != 8 or view.format.lstrip("@=<") not in {"q", "l"}:
        raise TypeError("events are a buffer of int64 words or bytes")
    return view.tolist()


def parse(words: list[int]) -> Iterator[Event]:
    """Read a batch of events, each a tuple of its code and fields."""
    at = 0
    while at < len(words):
        code = words[at]
        if code == EventCode.DEFINE:
            event, at = parse_definition(words, at)
        elif code == EventCode.ADOPT:
            event, at = parse_adoption(words, at)
        elif code not in SIZES:
            raise SchedulerError(f"no event has code {code} (word {at})")
        else:
            event, at = parse_fixed(words, at, 1 + SIZES[code])
        yield event


def parse_fixed(words: list[int], at: int, size: int) -> tuple[Event, int]:
    """An event of known size, and the position after it."""
    event = tuple(words[at : at + size])
    if choice := CHOICES.get(event[0]):
        position, what, count = choice
        if len(event) > position and not 0 <= event[position] < count:
            raise SchedulerError(f"{what} cannot be {event[position]}")
    if len(event) < size:
        raise SchedulerError(f"the event at word {at} is cut short")
    return event, at + size


def parse_definition(words: list[int], at: int) -> tuple[Event, int]:
    """``(code, run, class, first, parent, collect, offsets, needs)``."""
    short = SchedulerError(f"the event at word {at} is cut short")
    head = words[at + 1 : at + 7]
    if len(head) < 6:
        raise short
    run, cls, first, count, parent, collect = head
    for what, value, fits in (
        ("collect", collect, collect in (0, 1)),
        ("count", count, count >= 0),
    ):
        if not fits:
            raise SchedulerError(f"{what} cannot be {value}")
    offsets = words[at + 7 : at + 8 + count]
    if len(offsets) < count + 1:
        raise short
    for before, after in pairwise(offsets):
        if before > after:
            raise SchedulerError(f"offsets cannot be {after}")
    if offsets[0] != 0:
        raise SchedulerError(f"offsets cannot be {offsets[0]}")
    end = at + 8 + count + offsets[-1]
    if end > len(words):
        raise short
    needs = words[at + 8 + count : end]
    return (words[at], run, cls, first, parent, bool(collect), offsets, needs), end


def parse_adoption(words: list[int], at: int) -> tuple[Event, int]:
    """``(code, class, way, doubtful, reserve, members)``."""
    short = SchedulerError(f"the event at word {at} is cut short")
    head = words[at + 1 : at + 6]
    if len(head) > 2 and head[2] not in (0, 1):
        raise SchedulerError(f"doubtful cannot be {head[2]}")
    if len(head) < 5:
        raise short
    cls, way, doubtful, reserve, count = head
    end = at + 6 + 2 * count
    if count < 0 or end > len(words):
        raise short
    return (words[at], cls, way, bool(doubtful), reserve, words[at + 6 : end]), end
