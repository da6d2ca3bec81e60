"""Workflows that were created: one file each, under the hash of what it says."""

from __future__ import annotations

import hashlib
import json
import threading
from bisect import insort
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quantumflow_lab._fallback_journal import sync_path, write_error
from quantumflow_lab.errors import StoreError
from quantumflow_lab.service.problems import Problem
from quantumflow_lab.service.tokens import write_whole


@dataclass(frozen=True, slots=True)
class Saved:
    """One workflow."""

    id: str
    """Hash of its name and what it says, so that creating it twice makes one."""
    name: str
    created: float
    """Seconds since the epoch."""
    by: str
    """Name of the token that created it."""
    document: Mapping[str, Any] | None
    """Declared steps; None if it is Python."""
    source: str | None
    """Text of a cell; None if it is declared."""


class SavedWorkflows:
    """The workflows of a home, in ``service/workflows``.

    Parameters
    ----------
    home
        The lab's home.
    most
        How many are kept.
    """

    def __init__(self, home: Path, most: int) -> None:
        self._folder = home / "service" / "workflows"
        self._most = most
        self._lock = threading.Lock()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, path=str(self._folder)) from error
        self._known: dict[str, tuple[float, str, str]] = {}
        """Time, name and author of each workflow; what they say is on the disk."""
        self._order: list[tuple[float, str]] = []
        self._stamp = 0
        self._look()

    def create(
        self,
        name: str,
        *,
        by: str,
        now: float,
        document: Mapping[str, Any] | None = None,
        source: str | None = None,
    ) -> tuple[Saved, bool]:
        """Keep a workflow; the second value tells whether it is new.

        Raises
        ------
        Problem
            If there are as many as are kept.
        JournalFull, HomeNotWritable
            If the disk does not take it.
        """
        said = json.dumps([name, document, source], sort_keys=True)
        key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        with self._lock:
            self._look()
            if key in self._known:
                return _read(self._path(key)), False
            if len(self._known) >= self._most:
                raise Problem(
                    409,
                    "workflows-full",
                    f"this service keeps {self._most:,} workflows, and has as many; "
                    "ask its operator for more",
                )
            saved = Saved(key, name, now, by, document, source)
            path = self._path(key)
            try:
                write_whole(path, json.dumps(asdict(saved)).encode())
                sync_path(self._folder)
            except OSError as error:
                raise write_error(error, path=str(path)) from error
            self._note(saved)
            return saved, True

    def get(self, key: str) -> Saved | None:
        """A workflow by its id, or None."""
        with self._lock:
            self._look()
            # Only ids that were made reach the disk, whatever `key` says.
            return _read(self._path(key)) if key in self._known else None

    def listed(
        self, limit: int, before: tuple[float, str] | None
    ) -> list[tuple[float, str, str, str]]:
        """Time, id, name and author of workflows, newest first.

        Parameters
        ----------
        limit
            Most of them.
        before
            Time and id of the last one that was seen.
        """
        with self._lock:
            self._look()
            end = len(self._order)
            if before is not None:
                end = sum(each < before for each in self._order)
            keys = self._order[max(end - limit, 0) : end][::-1]
            return [(at, key, *self._known[key][1:]) for at, key in keys]

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _look(self) -> None:
        """Take note of what another service of this home has created."""
        stamp = self._folder.stat().st_mtime_ns
        if stamp == self._stamp:
            return
        self._stamp = stamp
        for path in self._folder.glob("[0-9a-f]*.json"):
            if path.stem not in self._known:
                self._note(_read(path))

    def _note(self, saved: Saved) -> None:
        self._known[saved.id] = saved.created, saved.name, saved.by
        insort(self._order, (saved.created, saved.id))


def _read(path: Path) -> Saved:
    try:
        return Saved(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{path} does not read ({error}); take it from a backup, or delete it"
        ) from error
