"""Server-sent events out of the bytes of an answer, however those are cut.

As the HTML standard has it, section 9.2.6: lines end in CR, LF or both; a line that
begins with a colon says nothing; an empty line ends an event.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    kind: str
    """``message`` if it names none."""
    data: str
    id: str
    """The last one that was given, by this event or one before it."""


class Parser:
    """Takes pieces of bytes, gives events.

    Examples
    --------
    >>> parser = Parser()
    >>> parser.feed(b"id: 7\\nevent: end\\nda")
    []
    >>> parser.feed(b"ta: {}\\n\\n")
    [Event(kind='end', data='{}', id='7')]
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._begun = False
        self._after_cr = False
        """Whether a line feed that comes now belongs to the end of the line before."""
        self._kind, self._data, self._id = "", list[str](), ""
        self.retry_ms: int | None = None
        """What the other side asks one to wait before one connects again."""

    def feed(self, piece: bytes) -> list[Event]:
        """Events that are whole with this piece."""
        text = self._decoder.decode(piece)
        if not text:
            return []
        if not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r") if text else False
        *lines, self._rest = _END.split(self._rest + text)
        found = [self._line(line) for line in lines]
        return [event for event in found if event is not None]

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._ended()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.retry_ms = int(value)
        return None

    def _ended(self) -> Event | None:
        kind, data = self._kind or "message", self._data
        self._kind, self._data = "", []
        return Event(kind, "\n".join(data), self._id) if data else None
