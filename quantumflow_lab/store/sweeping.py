"""Values that nothing refers to any more, deleted.

=======================  ===============================================================
left behind by a kill    what counts
=======================  ===============================================================
``<sha256>.aside``       the next call puts it back, and looks at it again
=======================  ===============================================================
"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path

from quantumflow_lab.errors import StoreError
from quantumflow_lab.store.journals import lines, listed
from quantumflow_lab.store.lease import any_held

YOUNG = 86400.0
"""Seconds in which a value may wait for the record that refers to it."""

_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ASIDE = ".aside"


def sweep(home: Path) -> tuple[int, int]:
    """Delete old values that no record, result or other value refers to.

    None while a run goes on, which may be about to record what it found in another.

    Returns
    -------
    tuple of int
        Files, and their bytes.

    Raises
    ------
    StoreError
        If the system refuses, or a journal cannot be read; what is referred to stays.
    """
    folder = home / "values"
    try:
        for path in folder.glob(f"??/*{_ASIDE}"):
            path.replace(path.with_suffix(""))
        used = _referred(home)
        before = time.time() - YOUNG
        unused = [path for path in _files(folder) if path.name not in used]
        # Last: a run that begins after this finds nothing but what is referred to.
        if not unused or any_held(home / "runs"):
            return 0, 0
        sizes = [size for path in unused if (size := _delete(path, before)) is not None]
    except OSError as error:
        raise StoreError(
            f"cannot sweep {folder}: {error.strerror or error}; what is referred to is"
            " all there",
            path=str(folder),
        ) from error
    return len(sizes), sum(sizes)


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in folder.glob("??/*") if _HASH.fullmatch(p.name.encode()))


def _referred(home: Path) -> Set[str]:
    """Every hash in a journal or the cache, and in the values that those lead to."""
    found = {each for path in listed(home / "journal") for each in _hashes(lines(path))}
    results = home / "cache" / "results.jsonl"
    if results.exists():
        found |= set(_hashes(lines(results)))
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        path = home / "values" / name[:2] / name
        new = set(_inside(path)) - found if path.exists() else set()
        found |= new
        waiting += new
    return found


def _hashes(texts: Iterator[bytes]) -> Iterator[str]:
    return (each.decode() for text in texts for each in _HASH.findall(text))


def _inside(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    yield from _hashes(iter([data]))
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as tree:
            yield from _hashes(tree.read(name) for name in tree.namelist())


def _delete(path: Path, before: float) -> int | None:
    """Delete a file that is as old; its size, or None if it is younger.

    Whoever makes it young in this moment has done so before it is set aside, which is
    seen, or finds that it is gone and writes it anew.
    """
    if path.stat().st_mtime > before:
        return None
    aside = path.with_name(path.name + _ASIDE)
    path.replace(aside)
    found = aside.stat()
    if found.st_mtime > before:
        aside.replace(path)
        return None
    aside.unlink()
    return found.st_size
