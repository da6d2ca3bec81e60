"""The one place where text becomes HTML.

Everything that builds HTML in this package goes through :func:`element`. A plain string
is escaped; only what :func:`element` made, a :class:`Markup`, is taken as it is.
"""

from __future__ import annotations

import html
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKING = re.compile(r"[\s\x85\u2028\u2029]+")
_DIRECTION = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VOID = frozenset({"br", "img", "meta", "source"})


class Markup(str):
    """Text that is HTML already, made by :func:`element`."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: object) -> Markup:
    """One HTML or SVG element.

    Parameters
    ----------
    tag
        Name of the element; a literal of this package, never a user's text.
    *children
        Escaped unless they are :class:`Markup`; None is left out.
    **attributes
        Values are escaped; None and False are left out, True is a bare name. A
        trailing underscore is dropped and other ones become hyphens (``class_``,
        ``stroke_width``).

    Examples
    --------
    >>> element("b", "a < b", element("i", "c"), title='"x"')
    '<b title="&quot;x&quot;">a &lt; b<i>c</i></b>'
    """
    opening = tag + "".join(_attribute(k, v) for k, v in attributes.items())
    if tag in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{join(*children)}</{tag}>")


def join(*children: str | None) -> Markup:
    """Several pieces of HTML in a row; plain text is escaped."""
    return Markup("".join(_piece(child) for child in children if child is not None))


def one_line(text: str, limit: int | None = None) -> str:
    """Text for one line of a terminal or a label: no control or direction codes.

    Parameters
    ----------
    text
        Anything; newlines become spaces.
    limit
        Most characters to keep; a longer text ends in ``…``.

    Examples
    --------
    >>> one_line("a\\n  b\\x1b[31m")
    'a b[31m'
    >>> one_line("fake_manila", limit=6)
    'fake_…'
    """
    clean = _BREAKING.sub(" ", text)
    clean = _DIRECTION.sub("", _CONTROL.sub("", clean)).strip()
    return clean if limit is None else cut(clean, limit)


def cut(line: str, limit: int) -> str:
    """The line with at most `limit` characters; a longer one ends in ``…``."""
    return line if len(line) <= limit else line[: max(limit - 1, 0)] + "…"


def _piece(child: str) -> str:
    if isinstance(child, Markup):
        return child
    return html.escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", child), quote=True)


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    return f' {name}="{_piece(_plain(value))}"'


def _plain(value: object) -> str:
    """Attribute values are escaped even when they come from Markup."""
    return f"{value:g}" if isinstance(value, float) else str(value)[:]
