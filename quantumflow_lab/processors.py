"""How many processors there are for this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from math import ceil
from pathlib import Path, PurePosixPath


def processors() -> int:
    """Those it may run on; in a container with a quota, as many as that is worth."""
    if hasattr(os, "sched_getaffinity"):
        own = len(os.sched_getaffinity(0))
    else:
        own = os.cpu_count() or 1
    return min(own, _by_quota() or own)


@cache
def _by_quota() -> int | None:
    return quota(Path("/"))


def quota(root: Path) -> int | None:
    """Processors by the quotas of control groups, rounded up; None without any.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.

    Notes
    -----
    A group may use no more than each of those that it is in. ``cpu.max`` is described
    in `Control Group v2
    <https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files>`_,
    ``cpu.cfs_quota_us`` in `CFS Bandwidth Control
    <https://docs.kernel.org/scheduler/sched-bwc.html>`_.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text()
    except OSError:
        return None  # not Linux
    found = [share for folder in _folders(root, groups) for share in _shares(folder)]
    return max(1, ceil(min(found))) if found else None


def _folders(root: Path, groups: str) -> Iterator[Path]:
    """The folder of each group that this process is in, up to the one of all.

    A container may see its own group as that of all, by a name that is its host's.
    """
    mounted = root / "sys/fs/cgroup"
    for line in groups.splitlines():
        _, controllers, name = line.split(":", 2)
        if not controllers:
            tops = [mounted]
        elif "cpu" in controllers.split(","):
            # The folder may name them in another order; the link is for the one.
            tops = [mounted / controllers, mounted / "cpu"]
        else:
            continue
        group = PurePosixPath(name.lstrip("/"))
        for top in tops:
            yield from (top / each for each in (group, *group.parents))


def _shares(folder: Path) -> Iterator[float]:
    """Processors that the files of a group allow."""
    with suppress(OSError, ValueError):
        most, period = (folder / "cpu.max").read_text().split()
        yield int(most) / int(period)  # not of "max"
    with suppress(OSError, ValueError):
        most = (folder / "cpu.cfs_quota_us").read_text()
        period = (folder / "cpu.cfs_period_us").read_text()
        if int(most) > 0:
            yield int(most) / int(period)
