"""The log of a scheduler: ``rust/core/src/log.rs``."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING
from zlib import crc32

from quantumflow_lab._fallback.backoff import MASK
from quantumflow_lab._fallback.scheduler import Scheduler
from quantumflow_lab._fallback.words import read_words
from quantumflow_lab.errors import SchedulerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

MAGIC, VERSION = b"qflog", 2


class _Cut(Exception):
    """A number that is cut short, or too long."""


class ScheduleLog:
    """See ``_core.pyi``."""

    def __init__(self, seed: int, grace_us: int = 150_000) -> None:
        head = MAGIC + bytes([VERSION]) + _put(seed) + _put(grace_us)
        self._added = head + _sum(crc32(head))
        self._crc = crc32(head)
        self._now = 0

    def append(self, events: Buffer, now_us: int) -> bytes:
        """The bytes of one more batch."""
        words = read_words(events)
        parts = [_put(now_us - self._now)]
        before = 0
        for word in words:
            parts.append(_put(word - before))
            before = word
        body = b"".join(parts)
        size = _leb(len(body))
        self._crc = crc32(body, crc32(size, self._crc))
        self._now = now_us
        added, self._added = self._added + size + _sum(self._crc) + body, b""
        return added


def replay_log(log: bytes) -> list[bytes]:
    """Commands that a scheduler gave, batch by batch."""
    if len(log) < 6 or log[:5] != MAGIC:
        raise SchedulerError("this is no log of a scheduler")
    if log[5] != VERSION:
        raise SchedulerError(
            f"the log has version {log[5]}, this program reads {VERSION}"
        )
    try:
        seed, at = _get(log, 6)
        grace, at = _get(log, at)
        whole = log[at : at + 4] == _sum(crc32(log[:at])) and grace >= 0
    except _Cut:
        whole = False
    if not whole:
        raise SchedulerError("the head of the log is cut short or damaged")
    scheduler = Scheduler(seed, grace)
    return [_told(scheduler, *batch) for batch in _batches(log, at + 4)]


def _told(scheduler: Scheduler, now: int, words: list[int]) -> bytes:
    try:
        return scheduler.handle(array("q", words), now)
    except SchedulerError:
        return b""


def _batches(log: bytes, at: int) -> Iterator[tuple[int, list[int]]]:
    """Time and words of each batch until the first that is not whole."""
    crc, now = crc32(log[: at - 4]), 0
    while at < len(log):
        start = at
        try:
            size, at = _unsigned(log, at)
            body = log[at + 4 : at + 4 + size]
            crc = crc32(body, crc32(log[start:at], crc))
            if len(body) < size or log[at : at + 4] != _sum(crc):
                return
            step, words = _read(body)
        except _Cut:
            return
        at += 4 + size
        now = _wrapped(now + step)
        yield now, words


def _read(body: bytes) -> tuple[int, list[int]]:
    """Difference of the time, and words."""
    step, at = _get(body, 0)
    before, words = 0, []
    while at < len(body):
        more, at = _get(body, at)
        before = _wrapped(before + more)
        words.append(before)
    return step, words


def _wrapped(number: int) -> int:
    """A number in 64 bits with a sign."""
    return (number + (1 << 63) & MASK) - (1 << 63)


def _put(number: int) -> bytes:
    """A number of either sign, small ones in few bytes."""
    number = _wrapped(number)
    return _leb((number << 1 ^ number >> 63) & MASK)


def _leb(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _get(data: bytes, at: int) -> tuple[int, int]:
    """A number of either sign, and the position after it."""
    number, at = _unsigned(data, at)
    return number >> 1 ^ -(number & 1), at


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise _Cut
        number |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            break
    else:
        raise _Cut
    if number > MASK:
        raise _Cut
    return number, at


def _sum(crc: int) -> bytes:
    return struct.pack("<I", crc)
