"""Records of forgotten runs, erased from journals that are packed.

What takes their place is as long as they were, so that every offset and every sequence
number stays what it was: who has read half of a journal goes on with the other half,
also on another machine. Packed, the spaces take no room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set
from pathlib import Path
from zlib import crc32

from quantumflow_lab._fallback_journal import unframe
from quantumflow_lab.errors import StoreError
from quantumflow_lab.store.journals import lines, listed
from quantumflow_lab.store.packing import write_packed
from quantumflow_lab.store.payload import BLANK, OUTLIVE

_RUN = re.compile(rb'"run"\s*:\s*"([^"]*)"')


def erase(folder: Path, runs: Set[str]) -> int:
    """Erase the records of runs from every packed journal; returns how many.

    A journal that is still written waits until it is packed. A file takes the place of
    the one before when it is on the disk and unpacks to what it should.

    Raises
    ------
    StoreError
        If the system refuses, or a packed file does not unpack.
    """
    names = {run.encode() for run in runs}
    try:
        paths = [path for path in listed(folder) if not path.exists()]
        return sum(_erase(path, names) for path in paths)
    except OSError as error:
        raise StoreError(
            f"cannot rewrite the journals in {folder}: {error.strerror or error};"
            " they are all there",
            path=str(folder),
        ) from error


def _erase(path: Path, runs: Set[bytes]) -> int:
    count = sum(1 for line in lines(path) if blank(line, runs) is not None)
    if count:
        write_packed(path, (blank(line, runs) or line for line in lines(path)))
    return count


def blank(line: bytes, runs: Set[bytes]) -> bytes | None:
    """What takes the place of a line, if it is a record of one of the runs.

    A line that is damaged is nobody's, and stays.

    Examples
    --------
    >>> line = b'{"c":"b75a96e6","e":{"eid":"w-7","kind":"end","run":"r1"}}'
    >>> blank(line + b"\\n", {b"r1"})
    b'{"c":"f9c8f2be","e":{"eid":"w-7","kind":"forgotten"     }}\\n'
    >>> blank(line + b"\\n", {b"r2"})
    """
    # Most lines are told by their bytes: to read each as JSON takes ten times as long.
    if runs.isdisjoint(_RUN.findall(line)):
        return None
    try:
        payload, _ = unframe(line.removesuffix(b"\n"))
        record = json.loads(payload)
    except ValueError:
        return None
    if str(record.get("run")).encode() not in runs or record.get("kind") in OUTLIVE:
        return None
    head = json.dumps({"eid": record["eid"], "kind": BLANK}, separators=(",", ":"))
    body = head[:-1].encode().ljust(len(payload) - 1) + b"}"
    if len(body) != len(payload) or not line.endswith(b"\n"):
        return None
    return b'{"c":"%08x","e":%s}\n' % (crc32(body), body)
