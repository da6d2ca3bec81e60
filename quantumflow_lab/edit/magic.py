"""Edits of the magic line: the name of the workflow, and options of its run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from quantumflow_lab.cell.magic_line import MAGIC_OPTIONS, option_names
from quantumflow_lab.cell.text import MAGIC
from quantumflow_lab.edit.source import Change, Source
from quantumflow_lab.errors import EditRefused, did_you_mean

_VALUED = {each.name.removeprefix("--"): each for each in MAGIC_OPTIONS if each.value}
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""", re.DOTALL)
_PLAIN = re.compile(r"[^\s\"'\\#]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the magic line."""

    text: str
    """Without its quotes."""
    start: int
    end: int


def magic_words(source: Source) -> list[Word]:
    """The words behind ``%%qflow``, up to a comment; offsets are those of the text.

    Raises
    ------
    EditRefused
        If a quote is not closed.
    """
    start, end = source.lines[0]
    at = source.text.index(MAGIC, start) + len(MAGIC)
    line = source.text[at:end]
    words = []
    for found in _WORD.finditer(line):
        try:
            text = shlex.split(found[0])
        except ValueError:
            break
        words.append(
            Word(text[0] if text else "", at + found.start(), at + found.end())
        )
    try:
        agreed = [each.text for each in words] == shlex.split(line)
    except ValueError:
        agreed = False
    if not agreed:
        raise EditRefused("a quote is not closed on the magic line; close it")
    comment = (n for n, each in enumerate(words) if each.text.startswith("#"))
    return words[: next(comment, len(words))]


def magic_option(source: Source, name: str) -> str | None:
    """What an option of the magic line is given as, without quotes; None if it is not.

    Examples
    --------
    >>> magic_option(Source('%%qflow bell --budget "20 USD" --shots=100'), "budget")
    '20 USD'
    """
    found = _find(magic_words(source), name)
    if found is None:
        return None
    first, *rest = (each.text for each in found)
    return first.partition("=")[2] + "".join(rest)


def set_magic(source: Source, name: str, text: str | None) -> str:
    """Give an option of the magic line a value, or take it away.

    Parameters
    ----------
    source
        The cell.
    name
        Such as ``shots``.
    text
        The value as typed, without quotes; None takes the option away.

    Raises
    ------
    EditRefused
        If there is no such option, or the line could not be read.

    Examples
    --------
    >>> set_magic(Source("%%qflow bell  # of two"), "budget", "20 USD")
    '%%qflow bell --budget "20 USD"  # of two'
    """
    if name not in _VALUED or name in ("set", "fresh"):
        hint = did_you_mean(name, [each.removeprefix("--") for each in option_names()])
        raise EditRefused(f"the magic line has no option '{name}' to set here{hint}")
    words = magic_words(source)
    found = _find(words, name)
    if text is None:
        return source.text if found is None else _without(source, words, found)
    if text.strip() == magic_option(source, name):
        return source.text
    value = quoted(text.strip())
    if found is None:
        at = words[-1].end if words else _behind_magic(source)
        return source.change(Change(at, at, f" --{name} {value}"))
    first, *rest = found
    if rest and "=" not in first.text:
        return source.change(Change(rest[0].start, rest[-1].end, value))
    return source.change(Change(first.start, found[-1].end, f"--{name}={value}"))


def set_title(source: Source, name: str) -> str:
    """Name the workflow.

    Raises
    ------
    EditRefused
        If it cannot be the name of a variable.
    """
    words = magic_words(source)
    named = bool(words) and not words[0].text.startswith("-")
    at = _behind_magic(source)
    change = Change(at, at, f" {name}")
    if named:
        change = Change(words[0].start, words[0].end, name)
    if not name.isidentifier():
        raise EditRefused(
            f"'{name}' cannot name a workflow, since its run becomes a Python "
            "variable; use letters, digits and _"
        )
    return source.change(change)


def quoted(text: str) -> str:
    """A value as one word of the magic line.

    Examples
    --------
    >>> [quoted(each) for each in ("100", "2 min", '["a b"]')]
    ['100', '"2 min"', '"[\\\\"a b\\\\"]"']
    """
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _find(words: list[Word], name: str) -> list[Word] | None:
    """The words of an option: ``--shots=100``, or ``--shots`` and its value."""
    for n, word in enumerate(words[1:], start=1):
        typed, equals, _ = word.text.partition("=")
        if typed != f"--{name}":
            continue
        rest = words[n + 1 :]
        found = [word] if equals else [word, *rest[:1]]
        rest = rest[len(found) - 1 :]
        # A list of backends goes on behind a comma.
        while found[-1].text.endswith(",") and rest:
            found.append(rest.pop(0))
        return found
    return None


def _without(source: Source, words: list[Word], found: list[Word]) -> str:
    before = words[words.index(found[0]) - 1]
    return source.change(Change(before.end, found[-1].end))


def _behind_magic(source: Source) -> int:
    start, _ = source.lines[0]
    return source.text.index(MAGIC, start) + len(MAGIC)
