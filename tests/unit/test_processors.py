"""Processors of a container, from files as Linux writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quantumflow_lab import processors as module
from quantumflow_lab.processors import processors, quota

V1 = """12:memory:/docker/0a1b
4:cpu,cpuacct:/docker/0a1b
3:cpuset:/docker/0a1b
1:name=systemd:/docker/0a1b
"""


def machine(root: Path, groups: str, **files: str) -> Path:
    """A root whose files are named by their folder under ``/sys/fs/cgroup``."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("most", "found"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("1000 100000", 1),
        ("100000 50000", 2),
        ("max 100000", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_container_of_the_unified_tree_sees_its_own_group_as_that_of_all(
    most: str, found: int | None, tmp_path: Path
) -> None:
    root = machine(tmp_path, "0::/\n", **{"cpu.max": f"{most}\n"})
    assert quota(root) == found


def test_the_least_of_all_groups_around_counts(tmp_path: Path) -> None:
    files = {
        "a.slice/b.service/cpu.max": "max 100000\n",
        "a.slice/cpu.max": "300000 100000\n",
    }
    root = machine(tmp_path, "0::/a.slice/b.service\n", **files)
    assert quota(root) == 3
    (root / "sys/fs/cgroup/a.slice/b.service/cpu.max").write_text("100000 100000\n")
    assert quota(root) == 1


@pytest.mark.parametrize("where", ["cpu,cpuacct", "cpu,cpuacct/docker/0a1b", "cpu"])
@pytest.mark.parametrize(("most", "found"), [("250000", 3), ("-1", None)])
def test_the_older_trees_have_one_for_processors(
    where: str, most: str, found: int | None, tmp_path: Path
) -> None:
    files = {
        f"{where}/cpu.cfs_quota_us": f"{most}\n",
        f"{where}/cpu.cfs_period_us": "100000\n",
        "memory/docker/0a1b/cpu.cfs_quota_us": "100000\n",
        "memory/docker/0a1b/cpu.cfs_period_us": "100000\n",
    }
    assert quota(machine(tmp_path, V1, **files)) == found


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert quota(tmp_path) is None


def test_a_quota_counts_where_it_is_less_than_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = len(os.sched_getaffinity(0))
    for by_quota, found in ((1, 1), (own + 5, own), (None, own)):
        monkeypatch.setattr(module, "_by_quota", lambda most=by_quota: most)
        assert processors() == found
