"""What two runs were asked to do: code, options, seeds, inputs, versions, backends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from quantumflow_lab.compare.facts import RunFacts
from quantumflow_lab.widgets import Section
from quantumflow_lab.widgets.escape import cut
from quantumflow_lab.workflow import Assignment, AxisDeclaration, Span, Workflow

ROWS = 6
"""Rows of a section."""
CELL = 80
"""Characters of a cell."""
LINES = 40
"""Changed lines that are shown in all."""
LINE = 200
"""Characters of such a line."""
_LONG = 40
"""Characters of a value up to which the sentence repeats it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a section adds to the comparison."""

    changed: tuple[str, ...]
    """For the sentence: what differs and may change results."""
    section: Section | None
    """None if nothing differs."""


def table(
    title: str,
    columns: tuple[str, ...],
    rows: list[tuple[object, ...]],
    total: int | None = None,
) -> Section | None:
    """A section of at most a handful of rows, or None if there are none."""
    if not rows:
        return None
    left = (len(rows) if total is None else total) - len(rows[:ROWS])
    more = f"and {left:,} more" if left > 0 else None
    shown = (tuple(cut(str(each), CELL) for each in row) for row in rows[:ROWS])
    return Section(title, columns, tuple(shown), more=more)


def code(a: RunFacts, b: RunFacts) -> Told:
    """Steps, assignments and helpers that differ; comments and layout do not count."""
    one, other = _pieces(a.workflow), _pieces(b.workflow)
    changed: list[str] = []
    lines: list[str] = []
    left = 0
    for name in dict.fromkeys([*one, *other]):
        x, y = one.get(name), other.get(name)
        if x and y and x.meaning == y.meaning:
            continue
        changed.append(_said(name, x, y))
        old, new = (piece.text.splitlines() if piece else [] for piece in (x, y))
        # The first two lines of a diff name files.
        diff = list(unified_diff(old, new, lineterm="", n=1))[2:]
        diff = [f"@@ {name} @@", *(line for line in diff if line[:2] != "@@")]
        room = max(LINES - len(lines), 0)
        lines += [cut(line, LINE) for line in diff[:room]]
        left += len(diff[room:])
    more = f"and {left:,} more lines" if left else None
    section = Section("Code", lines=tuple(lines), more=more) if lines else None
    return Told(tuple(changed), section)


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    meaning: object
    """Equal for pieces that do the same."""
    value: str | None = None
    """Text of the value, of an assignment or an axis."""


def _pieces(flow: Workflow) -> dict[str, _Piece]:
    lines = flow.source.splitlines()

    def text(span: Span | None) -> str:
        # The magic line is line 1 and no part of the source.
        return (
            "" if span is None else "\n".join(lines[span.line - 2 : span.end_line - 1])
        )

    found = {}
    for step in flow.steps:
        options = sorted((o.name, o.source) for o in step.options)
        meaning = step.kind, step.code_hash, options
        found[f"step {step.name}"] = _Piece(text(step.span), meaning)
    for given in _values(flow):
        found[given.name] = _Piece(text(given.span), given.source, given.source)
    for helper in flow.helpers:
        found[helper.name] = _Piece(text(helper.span), helper.code_hash)
    for each in flow.imports:
        found[f"import of {', '.join(each.names)}"] = _Piece(each.source, each.source)
    return found


def _values(flow: Workflow) -> list[AxisDeclaration | Assignment]:
    return [*flow.axes, *flow.assignments]


def _said(name: str, a: _Piece | None, b: _Piece | None) -> str:
    if a is None or b is None:
        return f"{name} {'removed' if b is None else 'added'}"
    if a.value and b.value and max(len(a.value), len(b.value)) <= _LONG:
        return f"{name} {a.value} → {b.value}"
    return f"code of {name}"


def options(a: RunFacts, b: RunFacts) -> Told:
    """Options of the magic line but seed and backends, and values that were set."""
    rows: list[tuple[object, ...]] = []
    for name in dict.fromkeys([*a.options, *b.options]):
        if name not in ("set", "seed", "backend"):
            rows += _differing(name, _option(a, name), _option(b, name))
    for name in dict.fromkeys([*a.options["set"], *b.options["set"]]):
        rows += _differing(f"set {name}", _set(a, name), _set(b, name))
    changed = (f"{name} {x} → {y}" for name, x, y in rows)
    return Told(tuple(changed), table("Options", ("option", a.label, b.label), rows))


def _option(run: RunFacts, name: str) -> str:
    value = run.options.get(name)
    if value is None or value == []:
        return "default"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _set(run: RunFacts, name: str) -> str:
    """A value that was set, or what the cell says instead."""
    if name in run.options["set"]:
        return str(run.options["set"][name])
    given = {each.name: each.source for each in _values(run.workflow)}
    return given.get(name, "not set")


def _differing(name: str, a: str, b: str) -> Iterator[tuple[object, ...]]:
    if a != b:
        yield name, a, b


def seeds(a: RunFacts, b: RunFacts) -> Told:
    """Seeds; that a drawn one differs is no change."""
    if a.seed == b.seed:
        return Told((), None)
    sides = [f"{run.seed} ({_how(run)})" for run in (a, b)]
    given = a.seed_given and b.seed_given
    changed = (f"seed {a.seed} → {b.seed}",) if given else ()
    return Told(changed, Section("Seed", (a.label, b.label), ((*sides,),)))


def _how(run: RunFacts) -> str:
    return "given" if run.seed_given else "drawn"


def inputs(a: RunFacts, b: RunFacts) -> Told:
    """Notebook values that the runs read, by fingerprint."""
    one, other = ({i["name"]: i for i in run.inputs} for run in (a, b))
    rows: list[tuple[object, ...]] = []
    unknown: list[tuple[object, ...]] = []
    for name in dict.fromkeys([*one, *other]):
        x, y = one.get(name), other.get(name)
        if x and y and x["fingerprint"] == y["fingerprint"]:
            if x["fingerprint"] is None:
                unknown.append((name, *["not comparable"] * 2))
            continue
        alike = bool(x and y and x["summary"] == y["summary"])
        rows.append((name, *(_input(each, alike) for each in (x, y))))
    changed = tuple(f"input {row[0]}" for row in rows)
    columns = ("input", a.label, b.label)
    return Told(changed, table("Inputs", columns, rows + unknown))


def _input(given: Mapping[str, Any] | None, alike: bool) -> str:
    if given is None:
        return "not read"
    if alike and given["fingerprint"]:
        return f"{given['summary']} ({given['fingerprint'][:8]})"
    return str(given["summary"])


def versions(a: RunFacts, b: RunFacts) -> Told:
    """Versions of Python and packages, and the machine."""
    rows: list[tuple[object, ...]] = []
    for name in dict.fromkeys([*a.versions, *b.versions]):
        sides = (run.versions.get(name, "not there") for run in (a, b))
        rows += _differing(name, *sides)
    changed = (f"{name} {x} → {y}" for name, x, y in rows if name != "host")
    columns = ("package", a.label, b.label)
    return Told(tuple(changed), table("Versions", columns, rows))


def backends(a: RunFacts, b: RunFacts) -> Told:
    """Which backends, and whether one of a name is not what it was."""
    rows: list[tuple[object, ...]] = []
    changed: list[str] = []
    names = dict.fromkeys([*a.backends, *b.backends])
    if list(a.backends) != list(b.backends):
        rows.append(("names", *(", ".join(r.backends) or "none" for r in (a, b))))
        changed.append(f"backend {rows[0][1]} → {rows[0][2]}")
    for name in names:
        keys = a.contents.get(name), b.contents.get(name)
        if None not in keys and keys[0] != keys[1]:
            rows.append(
                (f"{name}: noise, target, version", *(str(k)[:8] for k in keys))
            )
            changed.append(f"content of {name}")
    return Told(tuple(changed), table("Backends", ("backend", a.label, b.label), rows))
