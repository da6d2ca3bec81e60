"""The texts that a cell has had, to go back and forth between."""

from __future__ import annotations

from dataclasses import dataclass

DEPTH = 500
"""Texts that are kept."""


@dataclass(frozen=True, slots=True)
class History:
    """A text, those before it, and those that were undone.

    Examples
    --------
    >>> history = History("a").then("b").then("c").undone()
    >>> history.text, history.can_undo, history.redone().text, history.then("d").future
    ('b', True, 'c', ())
    """

    text: str
    past: tuple[str, ...] = ()
    """The latest last."""
    future: tuple[str, ...] = ()
    """The next one first."""

    @property
    def can_undo(self) -> bool:
        """Whether there is a text before this one."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether a text was undone, and nothing was written since."""
        return bool(self.future)

    def then(self, text: str) -> History:
        """Go on with another text."""
        if text == self.text:
            return self
        return History(text, (*self.past, self.text)[-DEPTH:])

    def undone(self) -> History:
        """Go back by one text, if there is one."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.text, *self.future))

    def redone(self) -> History:
        """Go forth again, if anything was undone."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.text), self.future[1:])
