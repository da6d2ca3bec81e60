"""A home that cannot be written, from the start or from the middle of a run on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.store import Store
from tests.chaos.nursery import ROOT

NOBODY = 65534


class Disk:
    """A folder that turns read-only, by the surest means there is here.

    A file system of its own, which its kernel aborts as it does with a disk that fails;
    else modes of folders, which bind a process that is not root: then open files can
    still be written, but no new ones begun.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uid = os.getuid()
        """User that a process has to be for the folder to be read-only to it."""
        self._image = folder.with_name("image")
        self._image.write_bytes(bytes(32 << 20))
        made = _done("mkfs.ext4", "-q", self._image) and self._mount()
        self._mounted = made and _done("chown", self.uid, folder)
        if not self._mounted and self.uid == 0:
            self.uid = NOBODY
            for parent in [folder, *folder.parents][:4]:
                parent.chmod(parent.stat().st_mode | 0o055)
            os.chown(folder, NOBODY, NOBODY)

    def lock(self) -> None:
        """Make it read-only, whoever writes there."""
        if self._mounted:
            # With open files it refuses to become read-only in peace.
            ways = "remount,ro", "remount,abort"
            assert any(_done("mount", "-o", way, self.folder) for way in ways)
        else:
            self._set(0o555)

    def unlock(self) -> None:
        """Make it as it was, without what had not reached the disk."""
        if self._mounted:
            assert _done("umount", self.folder)
            assert self._mount()
        else:
            self._set(0o755)

    def close(self) -> None:
        """Let it go, also if a process of a test that failed is still there."""
        if self._mounted:
            assert _done("umount", "--lazy", self.folder)

    def _mount(self) -> bool:
        return _done("mount", "-o", "loop", self._image, self.folder)

    def _set(self, mode: int) -> None:
        for path in [self.folder, *self.folder.rglob("*")]:
            if path.is_dir():
                path.chmod(mode)


def _done(*command: object) -> bool:
    words = [*map(str, command)]
    if os.getuid() != 0:
        words = ["sudo", "-n", *words]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    found = Disk(folder)
    yield found
    found.close()


CELL = """
import time
from qiskit import QuantumCircuit

x = qf.axis(list(range(40)))

@qf.step
def slow(x):
    time.sleep(0.05)
    return x

@qf.sample(shots=10)
def counts(slow):
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.measure_all()
    return qc
"""
KERNEL = """
import functools, os, sys, threading
import duckdb, pyarrow
from quantumflow_lab import Lab, Price
from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.store import recorder
from tests.chaos.test_read_only import CELL
from tests.unit.devices import Device

home, uid = sys.argv[1:]
# A new file soon, which is what modes of folders can refuse.
recorder.Journal = functools.partial(recorder.Journal, max_bytes=3000)


class One(Device):
    max_circuits = 1  # in a job


def arrived(job, circuits):
    print("arrived", circuits, flush=True)


def work(home, trouble):
    lab = Lab(home)
    try:
        device = One("device", trouble=trouble)
        lab.backends.add("paid", device, price=Price("USD", per_shot="0.1"))
        return lab.run(CELL, name="work", backend="paid").state
    finally:
        try:
            lab.close()
        except QuantumFlowError as error:
            print("at last", type(error).__name__, flush=True)


if os.getuid() != int(uid):
    # Our packages may be for root alone: import all that a run needs before.
    work(f"{home}-before", lambda job, circuits: None)
    os.setuid(int(uid))
try:
    print(work(home, arrived), flush=True)
except QuantumFlowError as error:
    print(type(error).__name__, error, sep=": ", flush=True)
"""


READER = """
import os, sys
from contextlib import closing
import duckdb, pyarrow
from quantumflow_lab import Lab

home, uid = sys.argv[1:]


def told(home):
    with closing(Lab(home)) as lab:
        (row,) = lab.runs()
        return row["name"], row["number"], row["state"], lab.load("work")["a"]


if os.getuid() != int(uid):
    # As in the kernel above.
    with closing(Lab(f"{home}-before")) as lab:
        lab.run("@qf.step\\ndef a():\\n    return 3\\n", name="work").wait()
    told(f"{home}-before")
    os.setuid(int(uid))
print(*told(home))
"""


def kernel(home: Path, uid: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(home), str(uid)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_home_says_what_to_type(disk: Disk, there: bool) -> None:
    home = disk.folder / "home"
    if there:
        Store(home).close()
        os.chown(home, disk.uid, -1)
    disk.lock()
    said = kernel(home, disk.uid).communicate(timeout=60)[0]
    disk.unlock()
    assert said.startswith(f"HomeNotWritable: cannot write the lab's home {home}: ")
    assert said.endswith("; choose another one with QFLOW_HOME=<folder>\n")
    assert "Read-only file system" in said or "Permission denied" in said


def test_what_a_read_only_home_has_can_be_read(disk: Disk) -> None:
    home = disk.folder / "home"
    with closing(Lab(home)) as lab:
        lab.run("@qf.step\ndef a():\n    return 3\n", name="work").wait()
    for path in [home, *home.rglob("*")]:
        os.chown(path, disk.uid, -1)
    disk.lock()
    child = subprocess.run(
        [sys.executable, "-c", READER, home, str(disk.uid)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    disk.unlock()
    assert child.stdout == "work 1 done 3\n", child.stderr


def test_a_home_that_turns_read_only_ends_the_run_and_no_job_is_unrecorded(
    disk: Disk,
) -> None:
    home = disk.folder / "home"
    child = kernel(home, disk.uid)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(3)]
    other = Store(home)
    disk.lock()
    said += child.communicate(timeout=60)[0].splitlines(keepends=True)
    # Whoever looks sees what was recorded, though nothing can be taken in.
    assert [row["name"] for row in other.query("history")] == ["work"]
    other.close()
    disk.unlock()
    arrived = said.count("arrived 1\n")
    (error,) = [line for line in said if "cannot write" in line]
    assert re.fullmatch(
        rf"(HomeNotWritable|StoreError): cannot write {home}/journal/.*: "
        r"((Read-only file system|Permission denied);"
        r" choose another home with QFLOW_HOME=<folder>"
        r"|Input/output error; see 'df' and 'dmesg')\n",
        error,
    )
    with Store(home) as store:
        store.verify()
        jobs = store.sql("SELECT count(*) AS n FROM qf_jobs").to_pylist()
        # Each job that arrived was on the disk before; the run had not ended.
        assert 3 <= arrived <= jobs[0]["n"] < 40
        (run,) = store.sql("SELECT state, points FROM qf_runs").to_pylist()
        assert run["state"] == "unfinished"
    for path in home.rglob("*"):
        os.chown(path, disk.uid, -1)
    again = kernel(home, disk.uid)
    text = again.communicate(timeout=60)[0]
    # What arrived and was not heard of is asked about, never bought again.
    assert text.startswith("OpenJobs: run 1 of 'work' was left with jobs") or (
        text.endswith("done\n") and arrived + text.count("arrived 1\n") == 40
    )
