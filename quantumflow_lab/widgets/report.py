"""A report: a few sentences, then titled tables and changed lines, as HTML and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quantumflow_lab.widgets.escape import Markup, element, one_line
from quantumflow_lab.widgets.style import SHEET
from quantumflow_lab.widgets.tables import table_element, table_lines

_LINE = 100
"""Characters of a changed line in the text form."""


@dataclass(frozen=True, slots=True)
class Section:
    """One titled part of a report: a table, or lines of a unified diff."""

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    lines: tuple[str, ...] = ()
    """Beginning with ``+``, ``-``, a space, or ``@@`` for a heading."""
    more: str | None = None
    """What was left out, such as ``and 3 more``."""
    folded: bool = False
    """Whether HTML shows the title alone until somebody asks."""


def report_text(
    title: str, sentences: Sequence[str], sections: Sequence[Section]
) -> str:
    """A report for a terminal.

    Examples
    --------
    >>> options = Section("Options", ("option", "a", "b"), (("shots", 100, 200),))
    >>> print(report_text("bell:1 → bell:2", ["Changed: shots."], [options]))
    bell:1 → bell:2
    Changed: shots.
    <BLANKLINE>
    Options
      option    a    b
      ------  ---  ---
      shots   100  200
    """
    blocks = [[one_line(title), *map(one_line, sentences)]]
    for section in sections:
        lines = [one_line(section.title)]
        if section.rows:
            lines += table_lines(section.columns, section.rows)
        lines += [_line(line) for line in section.lines]
        if section.more:
            lines.append(section.more)
        blocks.append([lines[0], *(f"  {line}" for line in lines[1:])])
    return "\n\n".join("\n".join(block) for block in blocks)


def report_html(
    title: str, sentences: Sequence[str], sections: Sequence[Section]
) -> str:
    """A report for a notebook; all text in it is escaped."""
    head = element(
        "div", element("span", one_line(title), class_="qf-name"), class_="qf-head"
    )
    notes = (element("p", text, class_="qf-note qf-said") for text in sentences)
    parts = (_section(each) for each in sections)
    return element("div", SHEET, head, *notes, *parts, class_="qf-still")


def _section(section: Section) -> Markup:
    table = table_element(section.columns, section.rows) if section.rows else None
    lines = element("pre", *map(_changed, section.lines), class_="qf-diff")
    more = element("div", section.more, class_="qf-quiet") if section.more else None
    frame, title = ("details", "summary") if section.folded else ("div", "div")
    return element(
        frame,
        element(title, section.title, class_="qf-title"),
        table,
        lines if section.lines else None,
        more,
        class_="qf-scroll",
    )


_KINDS = {"+": "qf-plus", "-": "qf-minus", "@": "qf-quiet"}


def _changed(line: str) -> Markup:
    return element("span", f"{_clean(line)}\n", class_=_KINDS.get(line[:1]))


def _line(line: str) -> str:
    """A line of a diff, no longer than a terminal is wide."""
    clean = _clean(line)
    return clean if len(clean) <= _LINE else clean[: _LINE - 1] + "…"


def _clean(line: str) -> str:
    """A line of a diff without control codes; its indent has a meaning."""
    sign, code = line[:1], line[1:].expandtabs(4)
    body = code.lstrip(" ")
    return sign + " " * (len(code) - len(body)) + one_line(body)
