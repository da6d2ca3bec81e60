"""Why a step failed, as a person may read it: its traceback, without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from traceback import StackSummary, TracebackException

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.grid import text_of

PACKAGE = str(Path(__file__).parent.parent)
MOST = 6_000
"""Letters of a traceback; of a longer one the middle is left out."""
MOST_WORDS = 2_000
"""Letters of what an error says."""


@dataclass(frozen=True, slots=True)
class Blame:
    """The failure of one point."""

    words: str
    """Name of the error, and what it says."""
    traceback: str | None
    """From the first frame of the user's; None if the error was not raised there."""


def blame(error: BaseException, reason: str, message: str) -> Blame:
    """Describe a failure; `reason` and `message` are those of its ``Failed``."""
    secrets = Secrets.of()
    words = cut(secrets.hide_text(f"{reason}: {message}"), MOST_WORDS)
    told = traceback_of(error)
    return Blame(words, None if told is None else cut(secrets.hide_text(told), MOST))


def hidden(error: BaseException | None) -> str:
    """What an error says, without secrets."""
    return cut(Secrets.of().hide_text(text_of(error)), MOST_WORDS)


def traceback_of(error: BaseException) -> str | None:
    """A traceback without our frames above the user's; None if nothing else is left.

    Values of variables never stand in it.
    """
    told = TracebackException.from_exception(error, compact=True)
    link: TracebackException | None = told
    frames = 0
    while link is not None:
        link.stack = _below_ours(link.stack)
        frames += len(link.stack)
        link = link.__cause__ or link.__context__
    return "".join(told.format()).rstrip() if frames else None


def _below_ours(stack: StackSummary) -> StackSummary:
    ours = (PACKAGE, "<frozen ")
    first = (i for i, f in enumerate(stack) if not f.filename.startswith(ours))
    return StackSummary.from_list(stack[next(first, len(stack)) :])


def cut(text: str, most: int) -> str:
    """A text of at most `most` letters; the middle of a longer one is left out.

    Examples
    --------
    >>> cut("abcdefghij", 7)
    'ab\\n…\\nij'
    """
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}\n…\n{text[-half:]}"
