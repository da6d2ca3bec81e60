"""The runs that JupyterLab's sidebar shows, read without any kernel.

A notebook may have a home of its own, so every question says which notebook it is asked
beside. Nothing here makes a home, and nothing runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.composer.opening import run_text
from quantumflow_lab.errors import BadOption, UnknownRun
from quantumflow_lab.settings import Settings
from quantumflow_lab.store import Store, find_home
from quantumflow_lab.store.lease import held_runs
from quantumflow_lab.store.wishes import ask_to_cancel
from quantumflow_lab.takeup import stored_run
from quantumflow_lab.widgets.words import money as amount

MOST = 500
"""Runs that are shown at once, at most."""
_LONGEST = 300
"""Letters of an error."""

Row = dict[str, Any]


class Sidebar:
    """Answers what the sidebar asks; safe to use from several threads.

    Parameters
    ----------
    root
        Folder that the Jupyter server shows.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().resolve()
        self._stores: dict[Path, Store] = {}
        self._asked: dict[tuple[Any, ...], list[Row]] = {}
        """What was asked last, with what the store then had, and its answer."""
        self._lock = threading.Lock()

    def runs(
        self, near: str = "", *, find: str | None = None, limit: int = 100
    ) -> dict[str, Any]:
        """The runs of the home that kernels of a notebook use.

        Parameters
        ----------
        near
            Path of the notebook, or of a folder, as the server has it.
        find
            Only runs with these words in their name or cell, in capitals or not.
        limit
            Most runs, from 1 to :data:`MOST`.

        Returns
        -------
        dict
            ``home``; ``now``, in seconds since 1970, by which ages are told; and
            ``runs``, those that go on first, then the newest.

        Raises
        ------
        BadOption
            If a path leads out of what the server shows, or a number cannot be.
        StoreError
            If the home cannot be read.
        """
        if not 1 <= limit <= MOST:
            raise BadOption(f"limit must be from 1 to {MOST}, not {limit}")
        home = self._home(near)
        with self._lock:
            store = self._store(home)
            held = frozenset() if store is None else held_runs(home / "runs")
            rows = [] if store is None else self._rows(store, held, find, limit)
        return {
            "home": str(home),
            "now": time.time(),
            "runs": [
                {**shown(row, held), "path": self._path(row, home)} for row in rows
            ],
        }

    def cell(self, run: str, near: str = "") -> str:
        """The ``%%qflow`` cell that a run was made of.

        Raises
        ------
        UnknownRun
            If the home has no such run.
        """
        home = self._home(near)
        with self._lock:
            return run_text(stored_run(self._known(home), run))

    def cancel(self, run: str, near: str = "") -> bool:
        """Ask the process that has a run to end it; False if no process has it.

        Raises
        ------
        UnknownRun
            If the home has no such run.
        HomeNotWritable
            If nothing can be asked there.
        """
        home = self._home(near)
        with self._lock:
            known = self._known(home).run_record(run)
        return ask_to_cancel(home / "runs", str(known["run"]))

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            for store in self._stores.values():
                store.close()
            self._stores.clear()

    def _home(self, near: str) -> Path:
        """The home of a notebook, as its kernel finds it."""
        try:
            place = (self._root / near.strip("/")).resolve()
            folder = place if place.is_dir() else place.parent
        except (OSError, ValueError) as error:
            raise BadOption(f"{near[:80]!r} cannot be a path: {error}") from error
        if not place.is_relative_to(self._root):
            raise BadOption(f"{near!r} lies outside of what this server shows")
        settings = Settings(_env_file=folder / ".env")
        if settings.home is not None:
            return (folder / settings.home.expanduser()).absolute()
        return find_home(cwd=folder)

    def _store(self, home: Path) -> Store | None:
        """The store of a home; None if there is no home yet."""
        if home not in self._stores:
            if not (home / "journal").is_dir():
                return None
            self._stores[home] = Store(home)
        return self._stores[home]

    def _known(self, home: Path) -> Store:
        store = self._store(home)
        if store is None:
            raise UnknownRun(f"nothing has run yet: there is no home {home}")
        return store

    def _rows(
        self, store: Store, held: frozenset[str], find: str | None, limit: int
    ) -> list[Row]:
        sizes = tuple(sorted(store.others().items()))
        key = store.home, sizes, held, find, limit
        if key not in self._asked:
            asked = {"held": sorted(held), "find": find or None, "limit": limit}
            self._asked = {key: store.query("sidebar", **asked)}
        return self._asked[key]

    def _path(self, row: Row, home: Path) -> str | None:
        """Path of its notebook as the server has it, if it can be opened there."""
        if row["notebook"] is None:
            return None
        notebook = Path(row["notebook"])
        for folder in (home.parent, Path(row["cwd"] or home.parent)):
            for name in (notebook, Path(notebook.name)):
                found = (folder / name).resolve()
                if found.is_relative_to(self._root) and found.is_file():
                    return found.relative_to(self._root).as_posix()
        return None


def shown(row: Mapping[str, Any], held: frozenset[str]) -> Row:
    """A run as the sidebar has it.

    Parameters
    ----------
    row
        Of the named query ``sidebar``.
    held
        Runs that a process has: of those that have not ended, these go on.
    """
    state = row["state"]
    if state == "unfinished" and row["run"] in held:
        state = "running"
    error = row["error"]
    if error is not None:
        error = Secrets.of().hide_text(error).splitlines()[0][:_LONGEST]
    return {
        "run": row["run"],
        "name": row["name"],
        "number": row["number"],
        "state": state,
        "started": row["started"],
        "elapsed": row["wall_s"],
        "done": row["done"],
        "failed": row["failed"],
        "total": row["points"] if state not in UNKNOWN_END else total_of(row),
        "backends": row["backends"] or [],
        "cost": spent(row["money"] or []),
        "notebook": row["notebook"],
        "error": error,
    }


def spent(money: Iterable[Mapping[str, Any]]) -> str | None:
    """What a run has cost in each currency; None if nothing.

    Examples
    --------
    >>> spent([{"currency": "EUR", "cost": 9.0}, {"currency": "USD", "cost": 0.5}])
    '9.00 EUR, 0.50 USD'
    """
    each = (amount(float(one["cost"]), one["currency"]) for one in money)
    return ", ".join(each) or None


UNKNOWN_END = ("running", "unfinished")
"""States in which a run has more points than are recorded."""


def total_of(row: Mapping[str, Any]) -> int | None:
    """Points that a run comes to; None while the length of a ``map`` axis is unknown.

    Examples
    --------
    >>> total_of({
    ...     "axes": ["t", "b"], "sizes": [3, 2],
    ...     "steps": [{"dims": ["t", "b"]}, {"dims": []}],
    ... })
    7
    """
    sizes: dict[str, int | None] = dict(
        zip(row["axes"] or [], row["sizes"] or [], strict=True)
    )
    dims = [step["dims"] for step in row["steps"] or []]
    points = [_product(sizes.get(name) for name in each) for each in dims]
    known = [each for each in points if each is not None]
    return sum(known) if len(known) == len(points) else None


def _product(sizes: Iterable[int | None]) -> int | None:
    found = list(sizes)
    known = [size for size in found if size is not None]
    return prod(known) if len(known) == len(found) else None
