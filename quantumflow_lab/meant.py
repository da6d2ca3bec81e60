"""The recorded run that a person means."""

from __future__ import annotations

import re

from quantumflow_lab.errors import BadOption, UnknownRun, did_you_mean
from quantumflow_lab.store import Store
from quantumflow_lab.store.lease import held_runs
from quantumflow_lab.stored import Shelf, StoredRun
from quantumflow_lab.takeup import stored_run

NUMBERED = re.compile(r"(.+):(\d+)")


def named_run(store: Store, name: str) -> StoredRun:
    """The latest run of a name, or the run of an id.

    Raises
    ------
    UnknownRun
        Naming the nearest one.
    """
    try:
        return stored_run(store, store.latest_run(name) or name)
    except UnknownRun:
        known = (row["name"] for row in store.query("history"))
        hint = did_you_mean(name, known)
        raise UnknownRun(f"no run is called '{name}'{hint}", run=name) from None


def meant_run(store: Store, text: str) -> StoredRun:
    """The run of a name, of an id, or of a name with a number such as ``bell:12``.

    Raises
    ------
    UnknownRun
        Naming the nearest one.
    """
    return named_run(store, numbered_run(store, text) or text)


def two_runs(store: Store, a: str, b: str | None = None) -> tuple[StoredRun, StoredRun]:
    """Two runs to compare; without `b` the one before `a`, and `a`.

    Raises
    ------
    UnknownRun
        Naming the nearest one.
    BadOption
        If both are the same run.
    """
    one = meant_run(store, a)
    if b is None:
        one, other = stored_run(store, run_before(store, one)), one
    else:
        other = meant_run(store, b)
    if one.id == other.id:
        raise BadOption(
            f"both are {label(one)}; '%qflow history {one.name}' lists the others",
            option="b",
        )
    return one, other


def numbered_run(shelf: Shelf, text: str) -> str | None:
    """Id of the run that ``NAME:12`` stands for; None for another text or name.

    Raises
    ------
    UnknownRun
        If the name has no run of that number, with the nearest one.
    """
    found = NUMBERED.fullmatch(text)
    if found is None:
        return None
    name, number = found[1], int(found[2])
    rows = shelf.query("numbered_runs", name=name, number=number)
    if rows:
        return str(rows[0]["run"])
    known = [row["number"] for row in shelf.query("numbered_runs", name=name)]
    if not known:
        return None
    nearest = min(known, key=lambda each: abs(each - number))
    runs = "1 run" if len(known) == 1 else f"{len(known)} runs"
    raise UnknownRun(
        f"'{name}' has {runs}, none of them number {number}; did you mean "
        f"'{name}:{nearest}'?",
        run=text,
    )


def run_before(shelf: Shelf, run: StoredRun) -> str:
    """Id of the run of the same name that started before this one.

    Raises
    ------
    UnknownRun
        If this is the first.
    """
    number = run.record["number"]
    rows = shelf.query("numbered_runs", name=run.name, number=number - 1)
    if not rows:
        raise UnknownRun(
            f"'{label(run)}' is the first run of its name; run its cell again, or name "
            f"the run to compare with: %qflow compare OTHER {run.name}",
            run=run.id,
        )
    return str(rows[0]["run"])


def left_run(store: Store, name: str) -> str | None:
    """The latest run of a name that nobody has ended and nobody has, as ``NAME:N``."""
    held = sorted(held_runs(store.home / "runs"))
    rows = store.query("history", name=name, state="unfinished", held=held, limit=1)
    return f"{name}:{rows[0]['number']}" if rows else None


def label(run: StoredRun) -> str:
    """What people call a run: its name and number."""
    return f"{run.name}:{run.record['number']}"
