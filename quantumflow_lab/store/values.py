"""Values on disk, each under the hash of its bytes; small ones travel in the record."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantumflow_lab._fallback_journal import sync_path, write_error
from quantumflow_lab.codec import JSON, Encoded, decode, encode
from quantumflow_lab.errors import JournalDamaged

INLINE = 2048
"""Bytes up to which a value is kept in its record: a file would take a disk block and
an fsync of its own, and a sweep of scalars would make thousands of them."""


class Values:
    """The ``values`` folder of a home.

    A reference is ``{"ref", "media", "bytes"}``; ``ref`` is ``json:<text>``,
    ``base64:<text>`` or ``sha256:<hex>``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._unsynced: set[Path] = set()

    def put(self, value: object) -> dict[str, Any]:
        """Keep a value; it is on the disk after the next :meth:`sync`.

        Raises
        ------
        NotStorable
            If the codec cannot keep it.
        """
        encoded = encode(value)
        return {
            "ref": self._keep(encoded),
            "media": encoded.media,
            "bytes": len(encoded.data),
        }

    def get(self, reference: Mapping[str, Any]) -> object:
        """The value behind a reference."""
        return decode(reference["media"], self.read(reference["ref"]))

    def read(self, ref: str) -> bytes:
        """The bytes behind a reference, checked against their hash.

        Raises
        ------
        JournalDamaged
            If they are gone or changed.
        """
        scheme, _, rest = ref.partition(":")
        if scheme == "json":
            return rest.encode()
        if scheme == "base64":
            return base64.b64decode(rest)
        path = self._path(rest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise _damaged(path, "is gone") from error
        if hashlib.sha256(data).hexdigest() != rest:
            raise _damaged(path, "has changed")
        return data

    def sync(self) -> None:
        """Return once every value put so far is on the disk."""
        with self._lock:
            waiting = sorted(self._unsynced)
        try:
            for path in waiting:
                sync_path(path)
            for folder in sorted({path.parent for path in waiting}):
                sync_path(folder)
            if waiting:  # one of those folders may be new
                sync_path(self._folder)
        except OSError as error:
            raise write_error(error, path=str(self._folder)) from error
        with self._lock:
            self._unsynced.difference_update(waiting)

    def _keep(self, encoded: Encoded) -> str:
        if len(encoded.data) <= INLINE:
            if encoded.media == JSON:
                return "json:" + encoded.data.decode()
            return "base64:" + base64.b64encode(encoded.data).decode()
        name = hashlib.sha256(encoded.data).hexdigest()
        path = self._path(name)
        # Young files are not swept, as their record may be on its way.
        if not (_holds(path, encoded.data) and _touched(path)):
            self._write(path, encoded.data)
        # Also when it was there: its writer may not have synced it yet.
        with self._lock:
            self._unsynced.add(path)
        return f"sha256:{name}"

    def _write(self, path: Path, data: bytes) -> None:
        draft = self._folder / f"draft-{uuid.uuid4().hex}"
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft.touch(mode=0o600)
            draft.write_bytes(data)
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise write_error(error, path=str(path)) from error

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _damaged(path: Path, what: str) -> JournalDamaged:
    return JournalDamaged(
        f"the stored value {path} {what}; run its step again with --fresh",
        file=str(path),
        offset=0,
    )


def _touched(path: Path) -> bool:
    """Make a file young; False if it has just gone."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file is what it should be; a power cut or a bad disk leaves others."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False
