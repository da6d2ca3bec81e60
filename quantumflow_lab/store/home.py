"""The folder a lab lives in."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

from quantumflow_lab._fallback_journal import sync_path
from quantumflow_lab.errors import HomeNotWritable, JournalFull

_APP = "quantumflow-lab"
ROOM = 1 << 20
"""Bytes without which nothing is begun."""
_NETWORK = frozenset(
    "nfs nfs4 cifs smb3 smbfs 9p afs ceph lustre beegfs fuse.sshfs fuse.rclone".split()
)


def find_home(explicit: str | Path | None = None, cwd: Path | None = None) -> Path:
    """Choose the home: the one given, ``QFLOW_HOME``, ``.qflow/``, the user's own.

    Parameters
    ----------
    explicit
        A folder that settles the question.
    cwd
        Where the search for ``.qflow/`` starts, upwards; the working directory if
        None. A ``.qflow/`` of another user does not count: its owner could have put it
        there for you to find. Name it in ``QFLOW_HOME`` to use it.

    Returns
    -------
    Path
        Absolute; it need not exist yet.
    """
    chosen = explicit or os.environ.get("QFLOW_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    start = (cwd or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        found = folder / ".qflow"
        if found.is_dir() and _is_mine(found):
            return found
    return Path(platformdirs.user_data_dir(_APP, appauthor=False))


def _is_mine(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def prepare_home(home: Path) -> None:
    """Create the folders of a home, readable by its owner alone.

    Raises
    ------
    HomeNotWritable
        If that fails, naming the folder.
    """
    try:
        new = [folder for folder in (home, *home.parents) if not folder.exists()]
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("journal", "values"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        if new:  # or a power cut takes it away with everything in it
            for folder in (home, *(folder.parent for folder in new)):
                sync_path(folder)
    except OSError as error:
        raise _not_writable(home, error.strerror or str(error)) from error
    if not os.access(home / "journal", os.W_OK | os.X_OK):
        raise _not_writable(home, "Permission denied")


def check_room(home: Path) -> None:
    """Refuse a disk that has no room for records.

    Raises
    ------
    JournalFull
        Naming the folder.
    """
    found = os.statvfs(home)
    if found.f_bavail * found.f_frsize < ROOM:
        raise JournalFull(
            f"the disk of {home} is full; free some space, or choose another home with "
            "QFLOW_HOME=<folder>",
            path=str(home),
        )


def _not_writable(home: Path, why: str) -> HomeNotWritable:
    return HomeNotWritable(
        f"cannot write the lab's home {home}: {why};"
        " choose another one with QFLOW_HOME=<folder>",
        home=str(home),
    )


def database_path(home: Path, mounts: Path = Path("/proc/mounts")) -> Path:
    """Where the database of a home lies: in it, or in the local cache.

    The cache serves homes on a network: file locks there are not to be trusted, and the
    journals can always make the database anew.
    """
    if file_system(home, mounts) not in _NETWORK:
        return home / "store.duckdb"
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    cache = Path(platformdirs.user_cache_dir(_APP, appauthor=False)) / name
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cache / "store.duckdb"


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """Kind of file system a folder is on, such as ``ext4``; None where nobody says."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return None
    folder = folder.resolve()
    best, kind = -1, None
    for line in lines:
        _, point, found, *_ = line.split(" ")
        where = Path(point.encode().decode("unicode_escape"))
        if folder.is_relative_to(where) and len(where.parts) >= best:
            best, kind = len(where.parts), found
    return kind
